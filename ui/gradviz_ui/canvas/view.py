"""The view on the graph: pan, zoom, and what the mouse and the keyboard point at."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QResizeEvent,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QFrame, QGraphicsScene, QGraphicsView, QWidget

from gradviz_ui import theme
from gradviz_ui.canvas.item import GraphItem
from gradviz_ui.canvas.painter import draw_rects
from gradviz_ui.theme import mix

LARGEST = 6.0
SMALLEST_SHARE = 0.5
"""One can zoom out until the graph fills half of the view."""
FIT_LARGEST = 1.25
READABLE = 0.2
"""A graph that would have to be smaller than this to fit is shown in part at first, at `FIRST_SCALE`."""
FIRST_SCALE = 0.75
ZOOM_STEP = 1.25
GRID = 32.0
PICK_REACH = 6.0
"""Pixels from a link that count as on it."""
WHEEL_PIXELS = 90.0
TOP_ROOM, BOTTOM_ROOM, SIDE_ROOM = 56, 52, 16
"""The floating controls' part of the view, which fitting leaves free."""

_DIRECTIONS = {
    Qt.Key.Key_Up: "up",
    Qt.Key.Key_Down: "down",
    Qt.Key.Key_Left: "left",
    Qt.Key.Key_Right: "right",
}


class GraphView(QGraphicsView):
    """One scene with one item. It reports what is pointed at; it knows neither trace nor session."""

    pointed = Signal(QPointF, float)
    """The mouse is at this point of the scene; the second number is how near counts as there."""
    left = Signal()
    clicked = Signal(QPointF, float)
    double_clicked = Signal(QPointF)
    menu_requested = Signal(QPointF, QPoint)
    walked = Signal(str)
    """A key asks for the next box: up, down, left, right, next, previous, begin or end."""
    tip_requested = Signal(QPointF, QPoint)
    paint_failed = Signal()
    moved = Signal()
    """Another part of the scene is shown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.item = GraphItem()
        self.item.failed = self.paint_failed.emit
        self._scene = QGraphicsScene(self)
        self._scene.setItemIndexMethod(QGraphicsScene.ItemIndexMethod.NoIndex)
        self._scene.addItem(self.item)
        self.setScene(self._scene)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setResizeAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setOptimizationFlags(
            QGraphicsView.OptimizationFlag.DontSavePainterState
            | QGraphicsView.OptimizationFlag.DontAdjustForAntialiasing
        )
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.viewport().setMouseTracking(True)
        self.fitted = True
        """Does the view still show the whole graph, as it was fitted? Then it does so after a resize."""
        self.walks = False
        """Does Tab go from box to box?"""
        self._unstarted: QRectF | None = None
        """What to `start` at once the view is shown and has its size."""
        self._pressed: QPointF | None = None
        self._dragging = False

    # What is shown

    @property
    def scale_now(self) -> float:
        """Device-independent pixels for each unit of the scene."""
        return self.transform().m11()

    @property
    def shown(self) -> QRectF:
        """The part of the scene that is in sight."""
        return self.mapToScene(self.viewport().rect()).boundingRect()

    def take_bounds(self) -> None:
        """The item has other bounds: let the view move a whole screen beyond them."""
        bounds = self.item.boundingRect()
        room = max(bounds.width(), bounds.height()) + 4000
        self._scene.setSceneRect(bounds.adjusted(-room, -room, room, room))

    def fit(self) -> None:
        """Show the whole graph."""
        bounds = self.item.boundingRect()
        if bounds.isEmpty():
            return
        self.set_scale(min(self.fit_scale(), FIT_LARGEST * theme.text_scale()))
        room = self._free_room()
        centre = QRectF(self.viewport().rect()).center() - room.center()
        self.look_at(bounds.center() + centre / self.scale_now)
        self.fitted = True

    def start(self, at: QRectF) -> None:
        """Show the whole graph where that is readable, else a part of it with ``at`` near the top."""
        self._unstarted = None if self.isVisible() else at
        if self.fit_scale() >= READABLE or not self.isVisible():
            self.fit()
            if theme.text_scale() > 1 and self.fit_scale() < FIT_LARGEST * theme.text_scale():
                self.set_scale(self.scale_now * theme.text_scale())  # who needs larger text sees a part of it
                self.look_at(at.center() + QPointF(0, self.viewport().height() * 0.3 / self.scale_now))
            return
        self.set_scale(FIRST_SCALE * theme.text_scale())
        below = self.viewport().height() * 0.3 / self.scale_now
        self.look_at(at.center() + QPointF(0, below))
        self.fitted = False

    def fit_scale(self) -> float:
        """The scale at which the whole graph just fits beside the floating controls."""
        bounds, room = self.item.boundingRect(), self._free_room()
        if bounds.isEmpty():
            return 1.0
        return max(min(room.width() / bounds.width(), room.height() / bounds.height()), 1e-4)

    def set_scale(self, scale: float) -> None:
        """Zoom so that a unit of the scene is ``scale`` pixels, about the middle of the view."""
        self.zoom(scale / self.scale_now, QPointF(self.viewport().rect().center()))

    def zoom(self, factor: float, at: QPointF | None = None) -> None:
        """Zoom by ``factor``; the point ``at`` of the viewport stays where it is."""
        at = at if at is not None else QPointF(self.viewport().rect().center())
        scale = min(max(self.scale_now * factor, self.fit_scale() * SMALLEST_SHARE), LARGEST)
        fixed = self.mapToScene(at.toPoint())
        self.resetTransform()
        self.scale(scale, scale)
        away = QPointF(self.viewport().rect().center()) - at
        self.look_at(fixed + away / scale)
        self.fitted = False

    def look_at(self, point: QPointF) -> None:
        """Move the view so that ``point`` of the scene is in its middle."""
        self.centerOn(point)
        self.moved.emit()

    def pan(self, dx: float, dy: float) -> None:
        """Move the graph by so many pixels."""
        self.horizontalScrollBar().setValue(self.horizontalScrollBar().value() - round(dx))
        self.verticalScrollBar().setValue(self.verticalScrollBar().value() - round(dy))
        self.fitted = False
        self.moved.emit()

    def reveal(self, area: QRectF, margin: float = 60.0) -> None:
        """Bring ``area`` into sight with as little movement as needed."""
        room = self._free_room().adjusted(margin, margin / 2, -margin, -margin / 2)
        seen = self.mapFromScene(area).boundingRect()
        dx = _shift(seen.left(), seen.right(), room.left(), room.right())
        dy = _shift(seen.top(), seen.bottom(), room.top(), room.bottom())
        if dx or dy:
            self.pan(dx, dy)

    def _free_room(self) -> QRectF:
        """The part of the viewport that no floating control covers; never empty."""
        whole = QRectF(self.viewport().rect())
        free = whole.adjusted(SIDE_ROOM, TOP_ROOM, -SIDE_ROOM, -BOTTOM_ROOM)
        return free if free.width() > 80 and free.height() > 80 else whole.adjusted(2, 2, -2, -2)

    # Painting behind the graph

    def drawBackground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        """A grid of dots that moves with the graph; none where the dots would be close together."""
        colors = theme.current()
        painter.fillRect(rect, colors.canvas)
        step = GRID
        while step * self.scale_now < 20:
            step *= 2
        first_x = np.floor(rect.left() / step) * step
        first_y = np.floor(rect.top() / step) * step
        x, y = np.meshgrid(
            np.arange(first_x, rect.right() + step, step), np.arange(first_y, rect.bottom() + step, step)
        )
        size = 1.6 / self.scale_now
        dots = np.column_stack([x.ravel() - size / 2, y.ravel() - size / 2, *([np.full(x.size, size)] * 2)])
        painter.save()
        try:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(mix(colors.grid, colors.faint, 0.18))
            draw_rects(painter, dots)
        finally:
            painter.restore()

    # The mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._pressed = event.position()
            self._dragging = event.button() is Qt.MouseButton.MiddleButton
            event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is None:
            self.pointed.emit(self.mapToScene(event.position().toPoint()), PICK_REACH / self.scale_now)
            return
        way = event.position() - self._pressed
        if not self._dragging and way.manhattanLength() >= QApplication.startDragDistance():
            self._dragging = True
        if self._dragging:
            self.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)
            self.pan(way.x(), way.y())
            self._pressed = event.position()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        dragged, self._dragging = self._dragging, False
        was_pressed, self._pressed = self._pressed is not None, None
        self.viewport().unsetCursor()
        if was_pressed and not dragged and event.button() is Qt.MouseButton.LeftButton:
            self.clicked.emit(self.mapToScene(event.position().toPoint()), PICK_REACH / self.scale_now)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self.double_clicked.emit(self.mapToScene(event.position().toPoint()))

    def leaveEvent(self, event: QEvent) -> None:
        self.left.emit()
        super().leaveEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """The wheel and two fingers pan; with Ctrl they zoom where the mouse is."""
        turn = event.angleDelta()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom(ZOOM_STEP ** (turn.y() / 120), event.position())
        elif not event.pixelDelta().isNull():
            self.pan(event.pixelDelta().x(), event.pixelDelta().y())
        else:
            way = QPointF(turn) * WHEEL_PIXELS / 120
            sideways = event.modifiers() & Qt.KeyboardModifier.ShiftModifier and not turn.x()
            self.pan(*((way.y(), 0.0) if sideways else (way.x(), way.y())))
        event.accept()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_key = event.reason() is QContextMenuEvent.Reason.Keyboard
        point = self.viewport().rect().center() if by_key else event.pos()
        self.menu_requested.emit(self.mapToScene(point), self.viewport().mapToGlobal(point))

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.NativeGesture and isinstance(event, QNativeGestureEvent):
            if event.gestureType() is Qt.NativeGestureType.ZoomNativeGesture:
                self.zoom(1.0 + event.value(), event.position())
                return True
        elif event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            self.tip_requested.emit(self.mapToScene(event.pos()), event.globalPos())
            return True
        return super().viewportEvent(event)

    # The keyboard

    def event(self, event: QEvent) -> bool:
        """Alt with an arrow walks the graph here, though the window steps with these keys elsewhere."""
        if event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _walks(event):
            event.accept()
            return True
        return super().event(event)

    def focusNextPrevChild(self, next: bool) -> bool:
        """Tab goes from box to box while one is selected; Escape lets go, then Tab leaves the canvas."""
        if self.walks:
            self.walked.emit("next" if next else "previous")
            return True
        return super().focusNextPrevChild(next)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter selects what runs, Escape lets go. Arrows alone belong to stepping: the view ignores them."""
        key = event.key()
        if _walks(event):
            self.walked.emit(_DIRECTIONS[Qt.Key(key)])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.walked.emit("begin")
        elif key == Qt.Key.Key_Escape and self.walks:
            self.walked.emit("end")
        else:
            event.ignore()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._unstarted is not None:
            self.start(self._unstarted)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.fitted:
            self.fit()
        self.moved.emit()


def _walks(event: QKeyEvent) -> bool:
    """Alt with an arrow; arrow keys of some keyboards count as keys of the number pad."""
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    return modifiers == Qt.KeyboardModifier.AltModifier and event.key() in _DIRECTIONS


def _shift(low: float, high: float, least: float, most: float) -> float:
    """How far the stretch low..high must move to lie in least..most; a longer one shows its beginning."""
    if low < least or high - low > most - least:
        return least - low
    return min(most - high, 0.0)
