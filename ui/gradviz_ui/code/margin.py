"""The column of line numbers beside the editor: breakpoints are set there, and an arrow is where stepping is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QMouseEvent, QPainter, QPaintEvent, QPolygonF, QWheelEvent
from PySide6.QtWidgets import QWidget

from gradviz_ui import theme
from gradviz_ui.plain import tip

if TYPE_CHECKING:
    from gradviz_ui.code.editor import Editor

LEFT = 16
"""Room for the breakpoint dot and the arrow, left of the numbers."""
RIGHT = 10


class LineMargin(QWidget):
    """The column of line numbers; a click sets or clears a breakpoint."""

    line_clicked = Signal(int)

    def __init__(self, editor: Editor) -> None:
        super().__init__(editor)
        self._editor = editor
        self.setObjectName("line_margin")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip(tip(self.tr("Click sets or clears a breakpoint (F9)")))

    def sizeHint(self) -> QSize:
        """As wide as the largest line number needs."""
        digits = max(2, len(str(self._editor.blockCount())))
        number = QFontMetricsF(theme.mono_font(theme.MONO_SIZE - 1)).horizontalAdvance("9" * digits)
        return QSize(round(LEFT + number + RIGHT), 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Numbers, dots and the arrow of the lines in sight."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colors, editor = theme.current(), self._editor
        painter.fillRect(self.rect(), colors.editor)
        painter.setFont(theme.mono_font(theme.MONO_SIZE - 1))
        for block, top in editor.visible_blocks():
            line = block.blockNumber() + 1
            rect = editor.band(top, self.width())
            band = editor.band_color(line)
            if band is not None:
                painter.fillRect(rect, band)
            self._paint_marks(painter, line, rect)
            emphasis = line == editor.caret_line and editor.hasFocus()
            painter.setPen(colors.text if emphasis else colors.muted)
            painter.drawText(
                rect.adjusted(0, 0, -RIGHT, 0),
                Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
                str(line),
            )
        painter.end()

    def _paint_marks(self, painter: QPainter, line: int, rect: QRectF) -> None:
        colors, editor = theme.current(), self._editor
        center = QPointF(8.5, rect.center().y())
        painter.setPen(Qt.PenStyle.NoPen)
        if line in editor.breakpoints:
            painter.setBrush(colors.error)
            painter.drawEllipse(center, 4.5, 4.5)
        if line == editor.current:
            painter.setBrush(colors.error if editor.current_is_error else colors.accent)
            at = center + QPointF(0.5 if line not in editor.breakpoints else 3.0, 0)
            painter.drawPolygon(QPolygonF([at + QPointF(-4, -4.5), at + QPointF(4.5, 0), at + QPointF(-4, 4.5)]))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A left click on a line."""
        if event.button() is Qt.MouseButton.LeftButton:
            line = self._editor.line_at(event.position().toPoint().y())
            if line is not None:
                self.line_clicked.emit(line)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """The margin scrolls with the text."""
        self._editor.wheelEvent(event)
