"""The events of a trace, or some of them, as rows of a table; each is read when it is shown."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from gradviz.trace.protocol import TraceLike
from gradviz_ui import theme
from gradviz_ui.plain import tip
from gradviz_ui.wording import KIND_ROLES, event_text, kind_text

AnyIndex = QModelIndex | QPersistentModelIndex
Steps = NDArray[np.int64]

NO_STEPS: Steps = np.zeros(0, np.int64)


CURRENT_ROLE = Qt.ItemDataRole.UserRole
"""True in the row of the current step."""


class Column(IntEnum):
    """The columns of the event table."""

    STEP = 0
    KIND = 1
    DESCRIPTION = 2
    LINE = 3


class EventModel(QAbstractTableModel):
    """Rows are ``steps`` of a trace in rising order; the row of the current step is marked."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._trace: TraceLike | None = None
        self._steps = NO_STEPS
        self._current = 0

    @property
    def steps(self) -> Steps:
        """The steps shown."""
        return self._steps

    def show_steps(self, trace: TraceLike | None, steps: Steps) -> None:
        """Show these steps of this trace and nothing else."""
        if trace is self._trace and np.array_equal(steps, self._steps):
            return
        self.beginResetModel()
        self._trace, self._steps = trace, steps
        self.endResetModel()

    def add_steps(self, steps: Steps) -> None:
        """Append steps later than those shown."""
        if len(steps):
            first = len(self._steps)
            self.beginInsertRows(QModelIndex(), first, first + len(steps) - 1)
            self._steps = np.concatenate([self._steps, steps])
            self.endInsertRows()

    def set_current(self, step: int) -> None:
        """Mark the row of this step."""
        for row in (self.row_of(self._current), self.row_of(step)):
            if row is not None:
                self.dataChanged.emit(self.index(row, 0), self.index(row, len(Column) - 1))
        self._current = step

    def row_of(self, step: int) -> int | None:
        """The row of a step, None if it is not shown."""
        row = int(np.searchsorted(self._steps, step))
        return row if row < len(self._steps) and self._steps[row] == step else None

    def row_before(self, step: int) -> int | None:
        """The row of a step or of the last one shown before it."""
        row = int(np.searchsorted(self._steps, step, side="right")) - 1
        return row if row >= 0 else None

    def step_of(self, row: int) -> int:
        """The step in a row."""
        return int(self._steps[row])

    # QAbstractTableModel

    def rowCount(self, parent: AnyIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._steps)

    def columnCount(self, parent: AnyIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(Column)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Vertical:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole and section in (Column.STEP, Column.LINE):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        titles = (self.tr("Step"), self.tr("Kind"), self.tr("What happened"), self.tr("Line"))
        return titles[section]

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if self._trace is None or not index.isValid():
            return None
        step, column = int(self._steps[index.row()]), index.column()
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._text(self._trace, step, column)
            case Qt.ItemDataRole.AccessibleTextRole:
                text = self._text(self._trace, step, column)
                return self.tr("{text}, current step").replace("{text}", text) if step == self._current else text
            case Qt.ItemDataRole.ToolTipRole if column == Column.DESCRIPTION:
                return tip(self._text(self._trace, step, column))
            case Qt.ItemDataRole.ForegroundRole:
                return self._colour(self._trace, step, column)
            case _ if role == CURRENT_ROLE:
                return step == self._current
            case _:
                return None

    def _text(self, trace: TraceLike, step: int, column: int) -> str:
        event = trace.events[step - 1]
        match column:
            case Column.STEP:
                return str(step)
            case Column.KIND:
                return kind_text(event.kind)
            case Column.DESCRIPTION:
                return event_text(trace, event)
            case _:
                return "" if event.line is None else str(event.line)

    def _colour(self, trace: TraceLike, step: int, column: int) -> Any:
        colours = theme.current()
        if column == Column.KIND:
            return getattr(colours, KIND_ROLES.get(trace.events[step - 1].kind, "muted"))
        return colours.text if column == Column.DESCRIPTION else colours.muted
