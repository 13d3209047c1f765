"""The event table: all that canvas and timeline show, in words, for reading and for screen readers."""

from __future__ import annotations

from time import perf_counter

import numpy as np
from PySide6.QtCore import QModelIndex, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from gradviz.replay.index import index_of
from gradviz_ui import theme
from gradviz_ui.counting import counted
from gradviz_ui.events.cells import EventCells
from gradviz_ui.events.model import NO_STEPS, Column, EventModel, Steps
from gradviz_ui.labels import RoleLabel
from gradviz_ui.session import Debugging
from gradviz_ui.sight import DrawnInSight
from gradviz_ui.wording import KINDS, event_text, kind_text

ROW_HEIGHT = 23
SLICE_SECONDS = 0.006
"""How long the search for a text holds up the window at a time."""


class EventsPanel(DrawnInSight):
    """Lists the events, all or those of a kind or with a text. Return or a click on a row goes there."""

    def __init__(self, debugging: Debugging, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._debugging = debugging
        self._left: Steps = NO_STEPS
        self._needle = ""
        self.setObjectName("events_panel")
        self.setAccessibleName(self.tr("Events"))
        self.model = EventModel(self)
        self.table = _EventTable(self.model)
        self.table.chosen.connect(debugging.seek)
        self.kinds = QComboBox()
        self.kinds.setObjectName("event_kinds")
        self.kinds.setAccessibleName(self.tr("Kind of events shown"))
        self.kinds.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.text = QLineEdit()
        self.text.setObjectName("event_text")
        self.text.setAccessibleName(self.tr("Show events with this text"))
        self.text.setPlaceholderText(self.tr("Filter: a name, a shape, a line …"))
        self.text.setClearButtonEnabled(True)
        self.count = RoleLabel("muted", theme.ui_font(12), wraps=False)
        self.count.setObjectName("event_count")
        self.count.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row = QHBoxLayout()
        row.setContentsMargins(12, 0, 12, 0)
        row.setSpacing(8)
        row.addWidget(self.kinds)
        row.addWidget(self.text, 2)
        row.addWidget(self.count, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 6, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(row)
        layout.addWidget(self.table, 1)
        self._search = QTimer(self)
        self._search.setInterval(0)
        self._search.timeout.connect(self._search_on)
        self.kinds.currentIndexChanged.connect(self._filter)
        self.text.textChanged.connect(self._filter)
        debugging.trace_changed.connect(self._take_trace)
        debugging.step_changed.connect(self.refresh)
        theme.themes().changed.connect(self.table.viewport().update)
        self._take_trace()

    @property
    def searching(self) -> bool:
        """Are there events that the text was not yet compared with?"""
        return self._search.isActive()

    @Slot()
    def _take_trace(self) -> None:
        trace = self._debugging.trace
        present = index_of(trace).kinds if trace is not None else {}
        chosen = self.kinds.currentData()
        self.kinds.blockSignals(True)
        self.kinds.clear()
        self.kinds.addItem(self.tr("all kinds"), None)
        for kind in KINDS:
            if kind in present:
                self.kinds.addItem(f"{kind_text(kind)} ({len(present[kind])})", kind)
        self.kinds.setCurrentIndex(max(self.kinds.findData(chosen), 0))
        self.kinds.blockSignals(False)
        self._filter()

    @Slot()
    def _filter(self) -> None:
        """Show what the kind and the text let through; the text is compared piece by piece."""
        self._search.stop()
        trace = self._debugging.trace
        steps, self._needle = NO_STEPS, self.text.text().strip().casefold()
        if trace is not None:
            kind = self.kinds.currentData()
            of_kind = index_of(trace).kinds.get(kind, ()) if kind else range(1, len(trace.events) + 1)
            steps = np.asarray(of_kind, np.int64)
            self.table.size_columns(len(trace.events))
        if self._needle:
            self._left = steps
            self.model.show_steps(trace, NO_STEPS)
            self._search.start()
            self._search_on()
        else:
            self.model.show_steps(trace, steps)
            self._filtered()

    @Slot()
    def _search_on(self) -> None:
        trace, started, found, looked = self._debugging.trace, perf_counter(), [], 0
        if trace is None:
            self._search.stop()
            return
        for step in self._left:
            event = trace.events[step - 1]
            line = f"{kind_text(event.kind)} {event_text(trace, event)} :{event.line}"
            if self._needle in line.casefold():
                found.append(step)
            looked += 1
            if looked % 64 == 0 and perf_counter() - started > SLICE_SECONDS:
                break
        self._left = self._left[looked:]
        self.model.add_steps(np.array(found, np.int64))
        if not len(self._left):
            self._search.stop()
        self._filtered()

    def _filtered(self) -> None:
        shown, total = self.model.rowCount(), self._debugging.last_step
        some = self.tr("{shown} of {total}").replace("{shown}", f"{shown:,}").replace("{total}", f"{total:,}")
        self.count.setText(some if shown != total else counted(total, "event"))
        self.refresh()

    def draw(self) -> None:
        """Mark this step, and bring it into sight."""
        self.model.set_current(self._debugging.step)
        self.table.follow(self._debugging.step)


class _EventTable(QTableView):
    """Rows of one height; Return and a click choose the row's step."""

    chosen = Signal(int)

    def __init__(self, model: EventModel) -> None:
        super().__init__()
        self._events = model
        self.setObjectName("event_table")
        self.setAccessibleName(self.tr("Events of the recording"))
        self.setModel(model)
        self.setItemDelegate(EventCells(self))
        self.setFont(theme.ui_font(12))
        self.setMouseTracking(True)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        rows = self.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(ROW_HEIGHT)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(Column.DESCRIPTION, QHeaderView.ResizeMode.Stretch)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.clicked.connect(self._choose)

    def size_columns(self, steps: int) -> None:
        """Make room for the largest step number and the longest kind."""
        metrics = self.fontMetrics()
        self.setColumnWidth(Column.STEP, metrics.horizontalAdvance("8" * max(len(str(steps)), 4)) + 24)
        longest = max((metrics.horizontalAdvance(kind_text(kind)) for kind in KINDS), default=80)
        self.setColumnWidth(Column.KIND, longest + 28)
        self.setColumnWidth(Column.LINE, metrics.horizontalAdvance("88888") + 20)

    def follow(self, step: int) -> None:
        """Bring the row of a step, or the last one before it, into sight and make it the current row."""
        row = self._events.row_before(step)
        if row is None:
            self.clearSelection()
            self.scrollToTop()
        elif self.currentIndex().row() != row:
            self.setCurrentIndex(self._events.index(row, Column.DESCRIPTION))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.currentIndex().isValid():
            self.scrollTo(self.currentIndex())  # a panel gets its size only after it was shown

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self._choose(self.currentIndex())
        else:
            super().keyPressEvent(event)

    @Slot(QModelIndex)
    def _choose(self, index: QModelIndex) -> None:
        self.chosen.emit(self._events.step_of(index.row()))
