"""The programs that ship with gradviz."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from gradviz import resources
from gradviz_ui import icons, theme
from gradviz_ui.plain import tip
from gradviz_ui.session import Session

_PATH = Qt.ItemDataRole.UserRole


class ExamplesPanel(QWidget):
    """A list; activating a row asks the window to open that program."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("examples_panel")
        self.session = session
        self.list = QListWidget(self)
        self.list.setObjectName("examples_list")
        self.list.setAccessibleName(self.tr("Examples"))
        self.list.setSpacing(2)
        self.list.itemActivated.connect(self._activated)
        self.list.itemClicked.connect(self._activated)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 4)
        layout.addWidget(self.list)
        theme.themes().changed.connect(self._fill)
        self._fill()

    @Slot()
    def _fill(self) -> None:
        self.list.clear()
        for path in example_programs():
            item = QListWidgetItem(icons.icon("new", theme.current().muted), path.name, self.list)
            item.setData(_PATH, str(path))
            item.setToolTip(tip(self.tr("Open {name}").replace("{name}", path.name)))

    @Slot(QListWidgetItem)
    def _activated(self, item: QListWidgetItem) -> None:
        self.session.open_requested.emit(Path(item.data(_PATH)))


def example_programs() -> list[Path]:
    """The programs in ``resources/examples``, by name."""
    folder = resources.root() / "examples"
    return sorted(path for path in folder.glob("*") if path.suffix in (".ipynb", ".py"))
