"""The errors and warnings of a recording, each with its line."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from gradviz.replay.index import index_of
from gradviz.trace.events import Error, Warned
from gradviz_ui import icons, theme
from gradviz_ui.session import Session

LIMIT = 500
"""Problems listed; a loop that warns at every turn has more than anyone reads."""

_STEP = Qt.ItemDataRole.UserRole


class ProblemsPanel(QWidget):
    """A list; activating a row goes to that step and shows its line."""

    count_changed = Signal(int)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("problems_panel")
        self.session = session
        self.count = 0
        self.list = QListWidget(self)
        self.list.setObjectName("problems_list")
        self.list.setAccessibleName(self.tr("Problems"))
        self.list.setWordWrap(True)
        self.list.setTextElideMode(Qt.TextElideMode.ElideNone)
        self.list.itemActivated.connect(self._activated)
        self.list.itemClicked.connect(self._activated)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 2, 0, 4)
        layout.addWidget(self.list)
        session.trace_changed.connect(self._fill)
        session.theme_changed.connect(self._fill)
        self._fill()

    @Slot()
    def _fill(self) -> None:
        self.list.clear()
        trace = self.session.trace
        steps: list[int] = []
        if trace is not None:
            kinds = index_of(trace).kinds
            steps = sorted([*kinds.get(Error.kind, ()), *kinds.get(Warned.kind, ())])
            for step in steps[:LIMIT]:
                event = trace.events[step - 1]
                if isinstance(event, Error | Warned):
                    self.list.addItem(self._item(event))
        if not steps:
            item = QListWidgetItem(self.tr("No problems"), self.list)
            item.setForeground(theme.current().muted)
            item.setFlags(Qt.ItemFlag.NoItemFlags)
        self.count = len(steps)
        self.count_changed.emit(self.count)

    def _item(self, event: Error | Warned) -> QListWidgetItem:
        colors = theme.current()
        if isinstance(event, Error):
            text = f"{event.type}: {event.message}" if event.message else event.type
            icon = icons.icon("error", colors.error)
        else:
            text = event.message
            icon = icons.icon("warning", colors.accent)
        if event.line is not None:
            place = self.tr("line {line}").replace("{line}", str(event.line))
            text = f"{place}: {text}"
        item = QListWidgetItem(icon, text)
        item.setData(_STEP, event.step)
        return item

    @Slot(QListWidgetItem)
    def _activated(self, item: QListWidgetItem) -> None:
        step, trace = item.data(_STEP), self.session.trace
        if step is None or trace is None:
            return
        self.session.seek(step)
        event = trace.events[step - 1]
        if event.file is not None and event.line is not None:
            self.session.show_line(event.file, event.line)
