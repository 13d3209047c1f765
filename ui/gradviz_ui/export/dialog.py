"""The export dialog: what to draw, how, and where to; then progress, which can be cancelled."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from threading import Event

from PySide6.QtCore import QStandardPaths, QTimer, Slot
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from gradviz.layout import LAYOUTS, LayoutError, missing
from gradviz_ui import style, theme
from gradviz_ui.canvas.ink import ink_of
from gradviz_ui.canvas.words import card_words
from gradviz_ui.counting import counted
from gradviz_ui.export.exporter import ExportCancelled, export, targets
from gradviz_ui.export.options import (
    ANIMATED,
    FORMATS,
    LARGEST_SCALE,
    ExportError,
    Options,
    default_scale,
)
from gradviz_ui.plain import plain_box, plain_label
from gradviz_ui.session import Session
from gradviz_ui.wording import layout_text

POLL_MS = 80


class ExportDialog(QDialog):
    """Exports the session's trace; it starts from what the canvas shows."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("export_dialog")
        self.setWindowTitle(self.tr("Export picture"))
        self.session = session
        self._work: int | None = None
        self._proposed = ""
        """The file's name as long as the person leaves it as it is; then it says which steps are shown."""
        self._stop = Event()
        self._fraction = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._show_progress)
        self._make_choices()
        self._arrange()
        self._format_changed()
        self._propose()
        session.closing.connect(self.reject)

    def _make_choices(self) -> None:
        session = self.session
        titles = {
            "png": self.tr("PNG picture"),
            "svg": self.tr("SVG drawing"),
            "pdf": self.tr("PDF document"),
            "gif": self.tr("GIF animation"),
            "webp": self.tr("WebP animation"),
        }
        views = {
            "backward": self.tr("Backward"),
            "forward": self.tr("Forward"),
            "both": self.tr("Both"),
        }
        layouts = {name: layout_text(name) for name in LAYOUTS if name == "layered" or not missing(name)}
        themes = {"dark": self.tr("Dark"), "light": self.tr("Light")}
        self.format = _choice("export_format", {name: titles[name] for name in FORMATS}, "png")
        self.view = _choice("export_view", views, session.debugging.view)
        self.layout_choice = _choice("export_layout", layouts, session.debugging.layout_name)
        self.theme = _choice("export_theme", themes, theme.current().name)
        self.every_step = QCheckBox(
            self.tr("All: {steps}").replace("{steps}", counted(session.debugging.last_step + 1, "step"))
        )
        self.every_step.setObjectName("export_every_step")
        self.scale = QDoubleSpinBox()
        self.scale.setObjectName("export_scale")
        style.indent_number(self.scale)
        self.scale.setRange(0.25, LARGEST_SCALE)
        self.scale.setSingleStep(0.5)
        self.scale.setPrefix("× ")
        self.path = QLineEdit()
        self.path.setObjectName("export_path")
        self.path.setMinimumWidth(320)
        self.browse = QPushButton(self.tr("Choose…"))
        self.browse.setObjectName("export_browse")
        self.problem = plain_label()
        self.problem.setObjectName("export_problem")
        self.problem.setWordWrap(True)
        self.problem.setStyleSheet(f"color: {theme.current().error.name()}")
        self.problem.hide()
        self.bar = QProgressBar()
        self.bar.setObjectName("export_progress")
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.hide()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.export_button = self.buttons.addButton(self.tr("Export"), QDialogButtonBox.ButtonRole.AcceptRole)
        self.export_button.setObjectName("export_start")
        for button in self.buttons.buttons():
            button.setIcon(QIcon())  # some desktops put pictures on them
        self.export_button.setProperty("primary", True)
        self.format.currentIndexChanged.connect(self._format_changed)
        self.every_step.toggled.connect(self._name_steps)
        self.path.textChanged.connect(self._path_changed)
        self.browse.clicked.connect(self._browse)
        self.buttons.accepted.connect(self.start)
        self.buttons.rejected.connect(self.reject)

    def _arrange(self) -> None:
        form = QFormLayout()
        form.setHorizontalSpacing(18)
        form.setVerticalSpacing(10)
        place = QHBoxLayout()
        place.addWidget(self.path, 1)
        place.addWidget(self.browse)
        self.steps_note = plain_label()
        self.steps_note.setObjectName("export_steps_note")
        for title, field in (
            (self.tr("Format"), self.format),
            (self.tr("Steps"), self.every_step),
            ("", self.steps_note),
            (self.tr("Graph"), self.view),
            (self.tr("Layout"), self.layout_choice),
            (self.tr("Colours"), self.theme),
            (self.tr("Scale"), self.scale),
        ):
            form.addRow(title, field)
            field.setAccessibleName(title or self.tr("Steps"))
        form.addRow(self.tr("File"), place)
        self.path.setAccessibleName(self.tr("File"))
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(14)
        column.addLayout(form)
        column.addWidget(self.problem)
        column.addWidget(self.bar)
        column.addWidget(self.buttons)

    # Choices

    @property
    def options(self) -> Options:
        """What is chosen. ExportError if it cannot be."""
        steps = (
            range(self.session.debugging.last_step + 1)
            if self.every_step.isChecked()
            else (self.session.debugging.step,)
        )
        return Options(
            self.format.currentData(),
            tuple(steps),
            self.view.currentData(),
            self.layout_choice.currentData(),
            self.theme.currentData(),
            self.scale.value(),
        )

    @Slot()
    def _format_changed(self) -> None:
        """Other defaults for pictures that move; the file's ending follows."""
        kind = self.format.currentData()
        self.scale.setValue(default_scale(kind))
        self.scale.setEnabled(kind not in ("svg", "pdf"))
        self.every_step.setChecked(kind in ANIMATED)
        self._name_steps()
        if self.path.text() and self._typed_format() != kind:
            self.path.setText(str(Path(self.path.text()).with_suffix(f".{kind}")))

    def _typed_format(self) -> str:
        return Path(self.path.text().strip()).suffix.lower().removeprefix(".")

    @Slot()
    def _name_steps(self) -> None:
        kind, every = self.format.currentData(), self.every_step.isChecked()
        if not every:
            note = self.tr("Step {step} only").replace("{step}", str(self.session.debugging.step))
        elif kind == "pdf":
            note = self.tr("One page for each step")
        elif kind in ANIMATED:
            note = self.tr("One frame for each step")
        else:
            note = self.tr("One numbered file for each step")
        self.steps_note.setText(note)
        if self.path.text() == self._proposed:
            self._propose()

    def _propose(self) -> None:
        self._proposed = str(self._proposed_path())
        self.path.setText(self._proposed)

    @Slot()
    def _path_changed(self) -> None:
        """An ending that is typed decides the format."""
        self.export_button.setEnabled(bool(self.path.text().strip()))
        self.problem.hide()
        at = self.format.findData(self._typed_format())
        if at >= 0 and at != self.format.currentIndex():
            self.format.setCurrentIndex(at)

    def _proposed_path(self) -> Path:
        pictures = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation)
        folder = Path(pictures) if pictures and Path(pictures).is_dir() else Path.home()
        trace = self.session.debugging.trace
        stem = Path((trace.program if trace else None) or "graph").stem
        steps = "all-steps" if self.every_step.isChecked() else f"step-{self.session.debugging.step}"
        return folder / f"{stem}-{steps}.{self.format.currentData()}"

    @Slot()
    def _browse(self) -> None:
        chosen = self.format.currentData()
        filters = {kind: f"{kind.upper()} (*.{kind})" for kind in FORMATS}
        name, _ = QFileDialog.getSaveFileName(
            self, self.windowTitle(), self.path.text(), ";;".join(filters.values()), filters[chosen],
            QFileDialog.Option.DontConfirmOverwrite,
        )  # fmt: skip
        if name:
            self.path.setText(name if Path(name).suffix else f"{name}.{chosen}")

    def _target(self) -> Path:
        """The file to write; one without an ending gets that of the format. ExportError for any other ending."""
        path = Path(self.path.text().strip()).expanduser()
        if not path.suffix:
            path = path.with_name(f"{path.name}.{self.format.currentData()}")
        elif path.suffix.lower().removeprefix(".") not in FORMATS:
            text = self.tr("{ending} cannot be written. Possible are {list}.").replace("{ending}", path.suffix)
            raise ExportError(text.replace("{list}", ", ".join(f".{kind}" for kind in FORMATS)))
        return path

    def _may_replace(self, path: Path, options: Options) -> bool:
        """Ask once about all files that are there already."""
        there = [target for target in targets(path, options, self.session.debugging.last_step) if target.exists()]
        if not there:
            return True
        if len(there) == 1:
            text = self.tr("{name} is there already. Replace it?").replace("{name}", there[0].name)
        else:
            text = self.tr("{count} files are there already. Replace them?").replace("{count}", str(len(there)))
        box = plain_box(self)
        box.setObjectName("replace_box")
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle(self.windowTitle())
        box.setText(text)
        replace = box.addButton(self.tr("Replace"), QMessageBox.ButtonRole.AcceptRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.exec()
        box.deleteLater()
        return box.clickedButton() is replace

    # The export

    @property
    def busy(self) -> bool:
        """Are pictures being made?"""
        return self._work is not None

    @Slot()
    def start(self) -> None:
        """Make the pictures; the dialog closes once they are written."""
        trace = self.session.debugging.trace
        if trace is None or self.busy:
            return
        try:
            options = self.options
            path = self._target()
        except ExportError as error:
            self._tell_problem(str(error))
            return
        if not self._may_replace(path, options):
            return
        ink_of(options.theme)  # loads the fonts, which only the window's thread may do
        self._stop = Event()
        self._fraction = 0.0
        self.problem.hide()
        self._set_busy(True)
        work = partial(
            export, trace, options, path,
            progress=self._note, cancelled=self._stop.is_set, words=card_words(),
        )  # fmt: skip
        self._work = self.session.background.run(work, self._done, self._not_done)

    def _set_busy(self, busy: bool) -> None:
        for field in (
            self.format, self.every_step, self.view, self.layout_choice, self.theme, self.scale,
            self.path, self.browse, self.export_button,
        ):  # fmt: skip
            field.setEnabled(not busy)
        self.bar.setVisible(busy)
        self.bar.setValue(0)
        if busy:
            self._timer.start()
        else:
            self._timer.stop()
            self.scale.setEnabled(self.format.currentData() not in ("svg", "pdf"))

    def _note(self, fraction: float) -> None:
        """Called on the working thread; the timer shows it."""
        self._fraction = fraction

    @Slot()
    def _show_progress(self) -> None:
        self.bar.setValue(round(self._fraction * 1000))

    def _done(self, written: list[Path]) -> None:
        self._work = None
        self._set_busy(False)
        if len(written) == 1:
            text = self.tr("Exported {name}.").replace("{name}", written[0].name)
        else:
            text = self.tr("Exported {count} files to {folder}.").replace("{count}", str(len(written)))
            text = text.replace("{folder}", str(written[0].parent))
        self.session.message.emit("info", text)
        self.accept()

    def _not_done(self, error: Exception) -> None:
        self._work = None
        self._set_busy(False)
        if isinstance(error, ExportCancelled):
            return
        if not isinstance(error, (ExportError, LayoutError)):
            raise error
        self._tell_problem(str(error))

    def _tell_problem(self, text: str) -> None:
        self.problem.setText(text)
        self.problem.show()

    def reject(self) -> None:
        """While pictures are made, Cancel ends that; else it closes the dialog."""
        if self.busy:
            self._stop.set()
            self.session.background.forget(self._work)
            self._work = None
            self._set_busy(False)
        else:
            super().reject()


def _choice(name: str, titles: dict[str, str], chosen: str) -> QComboBox:
    """A combo box whose data are the keys of ``titles``."""
    box = QComboBox()
    box.setObjectName(name)
    for key, title in titles.items():
        box.addItem(title, key)
    box.setCurrentIndex(max(box.findData(chosen), 0))
    return box
