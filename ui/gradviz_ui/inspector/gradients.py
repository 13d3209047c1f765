"""The gradients table: every leaf with the norm of its ``.grad`` and how many sums it holds."""

from __future__ import annotations

from math import ceil

from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from gradviz_ui import theme
from gradviz_ui.inspector.gradient_model import SHARE_ROLE, Column, GradientModel
from gradviz_ui.session import Debugging, Selection
from gradviz_ui.sight import DrawnInSight

ROW_HEIGHT = 24
BAR_HEIGHT = 7
CELL_MARGINS = 18
"""At both sides of a cell's text, together."""
LEAST_BAR, LEAST_NAME, LEAST_SHAPE = 28, 90, 60
"""Pixels that these columns keep where there is little room."""


class GradientsPanel(DrawnInSight):
    """A table that shares its selection with the canvas; Return or a double click runs on to the leaf."""

    def __init__(self, debugging: Debugging, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._debugging = debugging
        self.setObjectName("gradients_panel")
        self.setAccessibleName(self.tr("Gradients"))
        self.model = GradientModel(self)
        self.table = _Table()
        self.table.setObjectName("gradients_table")
        self.table.setAccessibleName(self.tr("Gradients of the leaves"))
        self.table.setModel(self.model)
        self.table.setItemDelegate(_Cell(self.table))
        header = self.table.horizontalHeader()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(Column.BAR, QHeaderView.ResizeMode.Stretch)
        header.setSortIndicatorClearable(True)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setMinimumSectionSize(24)
        header.setHighlightSections(False)
        header.setFont(theme.ui_font(11))
        self.table.setSortingEnabled(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 0, 10, 8)
        layout.addWidget(self.table)
        self.table.selectionModel().selectionChanged.connect(self._picked)
        self.table.activated.connect(self._go_to)
        self.table.resized.connect(self._share_width)
        debugging.trace_changed.connect(self._take_trace)
        debugging.step_changed.connect(self.refresh)
        debugging.selection_changed.connect(self._show_selection)
        theme.themes().changed.connect(self.table.viewport().update)
        self._take_trace()

    @Slot()
    def _take_trace(self) -> None:
        self.model.show_playhead(self._debugging.playhead)
        self._share_width()
        self._show_selection()

    @Slot()
    def _share_width(self) -> None:
        """Names and shapes as wide as they are; only where that leaves too little for the bars, names give way."""
        metrics = self.table.fontMetrics()
        widths = {
            Column.NORM: metrics.horizontalAdvance("8.8e-88") + CELL_MARGINS,
            Column.SUMS: metrics.horizontalAdvance("×8888") + CELL_MARGINS,
        }
        for column in (Column.NAME, Column.SHAPE):
            title = self.model.headerData(column, Qt.Orientation.Horizontal)
            widths[column] = max(self.table.sizeHintForColumn(column), metrics.horizontalAdvance(title) + CELL_MARGINS)
        room = self.table.viewport().width() - sum(widths.values()) - LEAST_BAR
        for column, least in ((Column.NAME, LEAST_NAME), (Column.SHAPE, LEAST_SHAPE)):
            give = min(max(-room, 0), max(widths[column] - least, 0))
            widths[column] -= give
            room += give
        for column, width in widths.items():
            self.table.setColumnWidth(column, width)

    def draw(self) -> None:
        """Show the gradients of this step."""
        self.model.follow()

    @Slot()
    def _show_selection(self) -> None:
        node = self._debugging.selection.node
        row = self.model.row_of(node) if node is not None else None
        selection = self.table.selectionModel()
        selection.blockSignals(True)
        if row is None:
            selection.clear()
        else:
            index = self.model.index(row, Column.NAME)
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
            selection.setCurrentIndex(index, flags)
            self.table.scrollTo(index)
        selection.blockSignals(False)
        self.table.viewport().update()

    @Slot(QItemSelection, QItemSelection)
    def _picked(self, selected: QItemSelection, deselected: QItemSelection) -> None:
        rows = self.table.selectionModel().selectedRows()
        if rows:
            self._debugging.select(Selection(node=self.model.leaf_at(rows[0].row())), reveal=True)

    @Slot(QModelIndex)
    def _go_to(self, index: QModelIndex) -> None:
        self._debugging.go_to_node(self.model.leaf_at(index.row()))


class _Table(QTableView):
    """Rows without grid or numbers, in one font."""

    resized = Signal()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.resized.emit()

    def __init__(self) -> None:
        super().__init__()
        self.setFont(theme.mono_font(12))
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setMinimumHeight(3 * ROW_HEIGHT)


class _Cell(QStyledItemDelegate):
    """Paints cells in their own colours, selected or not; the bar of the largest norm fills its column."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._plain, self._bold = theme.mono_font(12), theme.mono_font(12, QFont.Weight.Bold)
        self._metrics = QFontMetricsF(self._bold)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        area, colours = QRectF(option.rect), theme.current()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(area, colours.selection)
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(area, colours.raised)
        colour = index.data(Qt.ItemDataRole.ForegroundRole)
        if index.column() == Column.BAR:
            self._paint_bar(painter, area, index.data(SHARE_ROLE), colour)
        else:
            self._paint_text(painter, area, index, colour)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """As wide as the text in bold with its margins."""
        text = index.data() or ""
        return QSize(ceil(self._metrics.horizontalAdvance(text)) + CELL_MARGINS, ROW_HEIGHT)

    def _paint_bar(self, painter: QPainter, area: QRectF, share: float, colour: QColor) -> None:
        if share > 0:
            width = max((area.width() - 8) * share, 2.5)
            bar = QRectF(area.left() + 4, area.center().y() - BAR_HEIGHT / 2, width, BAR_HEIGHT)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawRoundedRect(bar, min(3.0, width / 2), min(3.0, width / 2))

    def _paint_text(
        self, painter: QPainter, area: QRectF, index: QModelIndex | QPersistentModelIndex, colour: QColor
    ) -> None:
        painter.setFont(self._bold if index.column() in (Column.NAME, Column.SUMS) else self._plain)
        painter.setPen(colour)
        area = area.adjusted(8, 0, -8, 0)
        mode = Qt.TextElideMode.ElideMiddle
        text = self._metrics.elidedText(index.data(), mode, area.width())
        right = index.column() == Column.SUMS
        side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
        painter.drawText(area, side | Qt.AlignmentFlag.AlignVCenter, text)
