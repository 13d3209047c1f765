"""The whole graph in a corner, with a frame around the part that is shown. Dragging moves the view."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QWidget

from gradviz.projection.frame import Frame
from gradviz_ui import theme
from gradviz_ui.canvas.ink import ink_of
from gradviz_ui.canvas.painter import paint_plain_boxes

WIDTH, LOWEST, HIGHEST = 136, 64, 150
PADDING = 7
DELAY_MS = 90
"""The picture is made anew at most so often while steps follow one another."""


class Minimap(QWidget):
    """Small enough that only the boxes' colours matter."""

    moved_to = Signal(QPointF)
    """The view should show this point of the scene in its middle."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("canvas_minimap")
        self.setAccessibleName(self.tr("Overview"))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)  # else the graph below is painted each time
        self._frame: Frame | None = None
        self._shown = QRectF()
        self._picture: QPixmap | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(DELAY_MS)
        self._timer.timeout.connect(self.redraw)

    def show_frame(self, frame: Frame | None) -> None:
        """Show another frame; without one, nothing."""
        self._frame = frame
        self.resize(self.sizeHint())
        self.redraw()

    def sizeHint(self) -> QSize:
        if self._frame is None:
            return QSize(WIDTH, LOWEST)
        _, _, width, height = self._frame.scene.bounds
        tall = round((WIDTH - 2 * PADDING) * height / max(width, 1)) + 2 * PADDING
        return QSize(WIDTH, min(max(tall, LOWEST), HIGHEST))

    def show_part(self, shown: QRectF) -> None:
        """Frame this part of the scene."""
        self._shown = shown
        self.update()

    def refresh(self) -> None:
        """The frame has changed: draw it anew soon."""
        if not self._timer.isActive():
            self._timer.start()

    def redraw(self) -> None:
        """Draw the frame anew at the next paint."""
        self._picture = None
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            self._paint(painter)
        finally:
            painter.end()

    def _paint(self, painter: QPainter) -> None:
        colors = theme.current()
        painter.fillRect(self.rect(), colors.canvas)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(colors.border)
        painter.setBrush(colors.panel)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        if self._frame is None:
            return
        if self._picture is None:
            self._picture = self._draw(self._frame)
        painter.drawPixmap(0, 0, self._picture)
        scale, offset = self._placing(self._frame)
        part = QRectF(self._shown.topLeft() * scale + offset, self._shown.size() * scale)
        part = part.intersected(QRectF(self.rect()).adjusted(3.5, 3.5, -3.5, -3.5))
        painter.setPen(colors.link)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(part, 3, 3)

    def _draw(self, frame: Frame) -> QPixmap:
        ratio = self.devicePixelRatioF()
        picture = QPixmap(self.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        try:
            scale, offset = self._placing(frame)
            painter.translate(offset)
            painter.scale(scale, scale)
            painter.setPen(Qt.PenStyle.NoPen)
            every = np.arange(len(frame.scene.rects))
            paint_plain_boxes(painter, frame, ink_of(theme.current().name), every, 1.5 / scale)
        finally:
            painter.end()
        return picture

    def _placing(self, frame: Frame) -> tuple[float, QPointF]:
        """Pixels for each unit of the scene, and where its origin is."""
        left, top, width, height = frame.scene.bounds
        scale = min((self.width() - 2 * PADDING) / max(width, 1.0), (self.height() - 2 * PADDING) / max(height, 1.0))
        middle = QPointF(left + width / 2, top + height / 2)
        return scale, QRectF(self.rect()).center() - middle * scale

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._go(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go(event)

    def _go(self, event: QMouseEvent) -> None:
        if self._frame is not None:
            scale, offset = self._placing(self._frame)
            self.moved_to.emit((event.position() - offset) / scale)
