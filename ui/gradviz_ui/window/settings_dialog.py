"""Edit > Settings: every choice that the window remembers. Each is in force as soon as it is made.

To show another setting, add a row to `ROWS`; what can be chosen comes from its declaration in `settings.py`.
Titles, and the names of what can be chosen, are translated under the context "Setting".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QUrl, Slot
from PySide6.QtGui import QDesktopServices, QFont
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from gradviz.trace.numbers import norm_text
from gradviz_ui import style, theme
from gradviz_ui.elided import ElidedLabel
from gradviz_ui.labels import RoleLabel
from gradviz_ui.session.opening import reason
from gradviz_ui.settings import Setting, Settings, all_settings
from gradviz_ui.translation import LANGUAGES

SAMPLES = (22.627417, 0.00004, 1234567.0)
"""Numbers that show what the choices about numbers do."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the dialog. ``names``: what the values to choose from are called, those that have a name;
    ``form``: how the others are written. ``heading`` begins a new part."""

    key: str
    title: str
    names: Mapping[str, str] = field(default_factory=dict)
    form: str = "{value}"
    heading: str = ""


_SYSTEM = {"system": "As the system"}

ROWS: tuple[Row, ...] = (
    Row("theme", "Colours", _SYSTEM | {"dark": "Dark", "light": "Light"}, heading="Look"),
    Row("language", "Language", _SYSTEM | LANGUAGES),
    Row("text_scale", "Size of text", form="{value} %"),
    Row("motion", "Motion", _SYSTEM | {"full": "All of it", "reduced": "Less of it"}),
    Row("decimals", "Decimals", heading="Numbers"),
    Row("exponent_below", "Exponent below", {str(power): f"{10.0**power:.{-power}f}" for power in range(-9, 1)}),
    Row("exponent_from", "Exponent from", {str(power): f"{10**power:,}" for power in range(2, 13)}),
    Row(
        "start",
        "Without a file, show",
        {"example": "The example", "last": "The last file", "empty": "Nothing"},
        heading="Start, record, play",
    ),
    Row("backend", "Record with", {"numpy": "NumPy engine", "pytorch": "PyTorch"}),
    Row("kept_in", "Recordings are kept in"),
    Row("play_speed", "Speed of playing", form="{value} %"),
)


def translated(text: str) -> str:
    """A text of `ROWS` in the person's language."""
    return QCoreApplication.translate("Setting", text)


class SettingsDialog(QDialog):
    """Shows `ROWS`. It is filled anew when the window is, for it may speak another language then."""

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("settings_dialog")
        self.settings = settings
        self._declared = {setting.key: setting for setting in all_settings()}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._page = self._make_page()
        self._column.addWidget(self._page)
        settings.changed.connect(self._changed)

    @Slot()
    def fill_anew(self) -> None:
        """Write everything in the language and size in force; the focus stays where it is."""
        focused = self.focusWidget()
        name = focused.objectName() if focused is not None else ""
        old, self._page = self._page, self._make_page()
        self._column.replaceWidget(old, self._page)
        old.hide()
        old.deleteLater()
        self.adjustSize()
        again = self._page.findChild(QWidget, name) if name else None
        if again is not None:
            again.setFocus()

    def _make_page(self) -> QWidget:
        self.setWindowTitle(self.tr("Settings"))
        page = QWidget(self)
        page.setObjectName("settings_page")
        form = QFormLayout()
        form.setHorizontalSpacing(18)
        form.setVerticalSpacing(8)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.fields: dict[str, QComboBox | QSpinBox] = {}
        for row in ROWS:
            if row.heading:
                heading = RoleLabel("text", theme.ui_font(weight=QFont.Weight.DemiBold), wraps=False)
                heading.setText(translated(row.heading))
                heading.setObjectName(f"heading_{row.key}")
                heading.setContentsMargins(0, 8 if form.rowCount() else 0, 0, 0)
                form.addRow(heading)
            if row.key == "kept_in":
                form.addRow(translated(row.title), self._make_folder())
                continue
            self.fields[row.key] = self._make_field(row, self._declared[row.key])
            form.addRow(translated(row.title), self.fields[row.key])
            if row.key == "exponent_from":
                self.sample = RoleLabel("muted", theme.mono_font(), wraps=False)
                self.sample.setObjectName("settings_sample")
                self.sample.setText("  ".join(map(norm_text, SAMPLES)))
                form.addRow(self.tr("For example"), self.sample)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, page)
        buttons.setObjectName("settings_buttons")
        self.reset = buttons.addButton(self.tr("Reset all"), QDialogButtonBox.ButtonRole.ResetRole)
        self.reset.setObjectName("settings_reset")
        self.reset.clicked.connect(self.settings.reset)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(page)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(16)
        column.addLayout(form)
        column.addWidget(buttons)
        return page

    def _make_field(self, row: Row, setting: Setting[str] | Setting[int]) -> QComboBox | QSpinBox:
        value = getattr(self.settings, row.key)
        made: QComboBox | QSpinBox
        if setting.within is not None and not row.names:
            made = QSpinBox(self)
            style.indent_number(made)
            made.setRange(*setting.within)
            made.setValue(value)
            made.valueChanged.connect(partial(self._choose, row.key))
        else:
            made = QComboBox(self)
            for each in setting.choices:
                name = row.names.get(str(each))
                made.addItem(translated(name) if name else row.form.replace("{value}", str(each)), each)
            made.setCurrentIndex(made.findData(value))
            made.activated.connect(partial(self._choose_item, row.key))
        made.setObjectName(f"setting_{row.key}")
        made.setAccessibleName(translated(row.title))
        return made

    def _make_folder(self) -> QWidget:
        part = QWidget(self)
        part.setObjectName("setting_kept_in")
        self.folder = ElidedLabel(str(self.settings.recordings_folder), part)
        self.folder.setObjectName("settings_folder")
        self.folder.setMinimumWidth(theme.px(150))
        self.browse = QPushButton(self.tr("Choose…"), part)
        self.browse.setObjectName("settings_browse")
        self.browse.clicked.connect(self._browse)
        self.show_folder = QPushButton(self.tr("Open folder"), part)
        self.show_folder.setObjectName("settings_open_folder")
        self.show_folder.clicked.connect(self._open_folder)
        row = QHBoxLayout(part)
        row.setContentsMargins(0, 0, 0, 0)
        for widget in (self.folder, self.browse, self.show_folder):
            row.addWidget(widget)
        return part

    @Slot()
    def _browse(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, self.tr("Keep recordings in"), self.folder.text())
        if folder:
            self.settings.recordings_folder = Path(folder)

    @Slot()
    def _open_folder(self) -> None:
        folder = self.settings.recordings_folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self.folder.setText(reason(error))
            return
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))

    def _choose(self, key: str, value: object) -> None:
        setattr(self.settings, key, value)

    def _choose_item(self, key: str, index: int) -> None:
        box = self.fields[key]
        assert isinstance(box, QComboBox)
        self._choose(key, box.itemData(index))

    @Slot(str)
    def _changed(self, key: str) -> None:
        """Show a choice that was made elsewhere, or put back."""
        if key == "kept_in":
            self.folder.setText(str(self.settings.recordings_folder))
            return
        shown = self.fields.get(key)
        value = getattr(self.settings, key)
        if isinstance(shown, QSpinBox):
            shown.setValue(value)
        elif shown is not None:
            shown.setCurrentIndex(shown.findData(value))
