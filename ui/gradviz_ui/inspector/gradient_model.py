"""The leaves of a trace and their gradients at a step, as rows of a table."""

from __future__ import annotations

from enum import IntEnum
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from gradviz.replay import Playhead
from gradviz.trace.model import NodeId
from gradviz.trace.numbers import norm_text, shape_text
from gradviz_ui import theme
from gradviz_ui.counting import counted
from gradviz_ui.plain import tip
from gradviz_ui.wording import leaf_text

AnyIndex = QModelIndex | QPersistentModelIndex

SHARE_ROLE = Qt.ItemDataRole.UserRole
"""In the bar's column: the norm as a share of the largest, 0 to 1."""


class Column(IntEnum):
    """The columns of the gradients table."""

    NAME = 0
    SHAPE = 1
    NORM = 2
    BAR = 3
    SUMS = 4


class GradientModel(QAbstractTableModel):
    """One row a leaf, as they were made or sorted by a column. A step reads only what it changed."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._playhead: Playhead | None = None
        self._leaves: tuple[NodeId, ...] = ()
        self._steps = np.zeros(0, np.int64)
        self._norms = np.zeros(0)
        self._sums = np.zeros(0, np.int64)
        self._rows = np.zeros(0, np.int64)
        self._row_of: dict[NodeId, int] = {}
        self._largest = 0.0
        self._sorted_by: tuple[int, Qt.SortOrder] = (-1, Qt.SortOrder.AscendingOrder)

    def show_playhead(self, playhead: Playhead | None) -> None:
        """Show the leaves of another trace."""
        self.beginResetModel()
        self._playhead = playhead
        self._leaves = playhead.trace.leaves if playhead is not None else ()
        count = len(self._leaves)
        self._steps = np.full(count, -1, np.int64)
        self._norms, self._sums = np.full(count, np.nan), np.zeros(count, np.int64)
        self._read()
        self._arrange()
        self.endResetModel()

    def follow(self) -> None:
        """Take over what the playhead's move changed."""
        changed, largest = self._read(), self._largest
        self._largest = self._measure()
        if len(changed) and self._sorted_by[0] in (Column.NORM, Column.BAR, Column.SUMS):
            self._resort()
        if self._largest != largest:
            changed = np.arange(len(self._leaves))
        if len(changed):
            # One signal over the whole span: views repaint what is in sight of it.
            rows = np.array([self._row_of[self._leaves[leaf]] for leaf in changed[:64]])
            first, last = (int(rows.min()), int(rows.max())) if len(changed) <= 64 else (0, len(self._leaves) - 1)
            self.dataChanged.emit(self.index(first, 0), self.index(last, len(Column) - 1))

    def leaf_at(self, row: int) -> NodeId:
        """The leaf in a row."""
        return self._leaves[int(self._rows[row])]

    def row_of(self, leaf: NodeId) -> int | None:
        """The row of a leaf; None for a node that is none."""
        return self._row_of.get(leaf)

    def _read(self) -> NDArray[np.int64]:
        """Read the leaves touched since the last time; returns their positions."""
        if self._playhead is None:
            return np.zeros(0, np.int64)
        steps = self._playhead.leaf_steps
        changed = np.flatnonzero(steps != self._steps)
        trace = self._playhead.trace
        for position in changed:
            state = self._playhead.leaf(self._leaves[position])
            info = trace.tensor(state.grad) if state.grad is not None else None
            # -1 marks "no gradient", which sorts below a gradient of zeros.
            norm = -1.0 if info is None else info.norm if info.norm is not None else 0.0
            self._norms[position], self._sums[position] = norm, state.sums
        self._steps = steps
        return changed

    def _measure(self) -> float:
        finite = self._norms[np.isfinite(self._norms)]
        return float(finite.max(initial=0.0))

    def _arrange(self) -> None:
        self._largest = self._measure()
        column, order = self._sorted_by
        rows = np.argsort(self._keys(column), kind="stable")
        self._rows = rows[::-1] if order == Qt.SortOrder.DescendingOrder and column >= 0 else rows
        self._row_of = {self._leaves[position]: row for row, position in enumerate(self._rows)}

    def _keys(self, column: int) -> NDArray[Any]:
        match column:
            case Column.NAME | Column.SHAPE:
                texts = [self._text(position, column) for position in range(len(self._leaves))]
                return np.array(texts, dtype=object)
            case Column.NORM | Column.BAR:
                return self._norms
            case Column.SUMS:
                return self._sums
            case _:
                return np.arange(len(self._leaves))

    def _resort(self) -> None:
        self.layoutAboutToBeChanged.emit()
        before = [(index, self.leaf_at(index.row())) for index in self.persistentIndexList()]
        self._arrange()
        self.changePersistentIndexList(
            [index for index, _ in before],
            [self.index(self._row_of[leaf], index.column()) for index, leaf in before],
        )
        self.layoutChanged.emit()

    # QAbstractTableModel

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._sorted_by = (column, order)
        self._resort()

    def rowCount(self, parent: AnyIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._leaves)

    def columnCount(self, parent: AnyIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(Column)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Vertical:
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return (self.tr("leaf"), self.tr("shape"), "‖g‖", "", self.tr("sums"))[section]
            case Qt.ItemDataRole.AccessibleTextRole | Qt.ItemDataRole.ToolTipRole:
                return (
                    self.tr("Name of the leaf"),
                    self.tr("Shape"),
                    self.tr("Norm of the gradient"),
                    self.tr("Norm beside the largest one"),
                    self.tr("How many sums the gradient holds"),
                )[section]
            case Qt.ItemDataRole.TextAlignmentRole if section == Column.SUMS:
                return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            case _:
                return None

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        position, column = int(self._rows[index.row()]), index.column()
        match role:
            case Qt.ItemDataRole.DisplayRole if column != Column.BAR:
                return self._text(position, column)
            case Qt.ItemDataRole.AccessibleTextRole:
                return self._spoken(position, column)
            case Qt.ItemDataRole.ToolTipRole:
                return tip(self._tip(position))
            case Qt.ItemDataRole.ForegroundRole:
                return self._colour(position, column)
            case Qt.ItemDataRole.TextAlignmentRole if column == Column.SUMS:
                return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            case _ if role == SHARE_ROLE:
                return self._share(position)
            case _:
                return None

    def _text(self, position: int, column: int) -> str:
        assert self._playhead is not None
        trace, leaf = self._playhead.trace, self._leaves[position]
        match column:
            case Column.NAME:
                return leaf_text(trace, leaf)
            case Column.SHAPE:
                return shape_text(trace.nodes[leaf].shape)
            case Column.NORM:
                norm = self._norms[position]
                return "–" if norm == -1 else norm_text(float(norm))
            case Column.SUMS:
                return _sums_text(int(self._sums[position]))
            case _:
                return ""

    def _share(self, position: int) -> float:
        norm = float(self._norms[position])
        if not isfinite(norm):
            return 1.0
        return max(norm, 0.0) / self._largest if self._largest else 0.0

    def _spoken(self, position: int, column: int) -> str:
        if column == Column.SUMS:
            return counted(int(self._sums[position]), "sum")
        if column == Column.BAR:
            return self.tr("{n} percent of the largest").replace("{n}", f"{self._share(position):.0%}".rstrip("%"))
        return self._text(position, column)

    def _tip(self, position: int) -> str:
        parts = [self._text(position, column) for column in (Column.NAME, Column.SHAPE, Column.NORM)]
        return f"{'  '.join(parts)}\n{self._spoken(position, Column.SUMS)}"

    def _colour(self, position: int, column: int) -> Any:
        colours = theme.current()
        norm = self._norms[position]
        if not isfinite(norm) and column in (Column.NORM, Column.BAR):
            return colours.error
        if column in (Column.SUMS, Column.BAR):
            sums = self._sums[position]
            return colours.running if sums > 1 else colours.done if sums else colours.faint
        return colours.muted if column == Column.SHAPE or norm == -1 else colours.text


def _sums_text(sums: int) -> str:
    return f"×{sums}" if sums > 1 else "+1" if sums else ""
