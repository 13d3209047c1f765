"""How rows of events are painted: in their own colours, selected or not, the current step with a bar."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from gradviz_ui import theme
from gradviz_ui.events.model import CURRENT_ROLE, Column

PADDING = 8
BAR_WIDTH = 3


class EventCells(QStyledItemDelegate):
    """Paints what `EventModel` holds."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        fonts = theme.mono_font(11), theme.ui_font(12)
        self._number, self._words = ((font, QFontMetricsF(font)) for font in fonts)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        colours, area, current = theme.current(), QRectF(option.rect), index.data(CURRENT_ROLE)
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(area, colours.selection)
        elif current:
            painter.fillRect(area, colours.tint(colours.running, 0.16))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(area, colours.raised)
        if current and index.column() == Column.STEP:
            painter.fillRect(QRectF(area.left(), area.top(), BAR_WIDTH, area.height()), colours.running)
        number = index.column() in (Column.STEP, Column.LINE)
        font, metrics = self._number if number else self._words
        painter.setFont(font)
        painter.setPen(colours.running if current and number else index.data(Qt.ItemDataRole.ForegroundRole))
        area = area.adjusted(PADDING, 0, -PADDING, 0)
        text = metrics.elidedText(index.data(), Qt.TextElideMode.ElideRight, area.width())
        side = Qt.AlignmentFlag.AlignRight if number else Qt.AlignmentFlag.AlignLeft
        painter.drawText(area, side | Qt.AlignmentFlag.AlignVCenter, text)
        painter.restore()
