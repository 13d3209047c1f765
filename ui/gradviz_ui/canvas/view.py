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
from gradviz_ui.wheel import turn_of

LARGEST = 6.0
SMALLEST_SHARE = 0.5
"""One can zoom out until the graph fills half of the view."""
FIT_LARGEST = 1.25
READABLE = 0.45
"""Text can be read from this scale on. A graph that would have to be smaller to fit is shown in part at first,
at `FIRST_SCALE`, and what is brought into sight is enlarged to that."""
FIRST_SCALE = 0.85
GRID = 32.0
PICK_REACH = 6.0
"""Pixels from a link that count as on it."""
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
        self.corner = QRectF()
        """What floats in the lower right corner, in pixels: the minimap, if it is there."""
        self.top_room = TOP_ROOM
        """The pixels at the top over which something floats."""
        self._started: QRectF | None = None
        """Where the view was told to `start`, while nobody has moved it: a resize, as when the window gets its
        size, starts it anew."""
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

    def keep_free(self, top: int, corner: QRectF) -> None:
        """Something floats over so much of the top, and over this corner: a graph that was fitted is fitted anew."""
        changed = (top, corner) != (self.top_room, self.corner)
        self.top_room, self.corner = top, corner
        if changed and self.fitted:
            self.fit()

    def fit(self) -> None:
        """Show the whole graph."""
        bounds = self.item.boundingRect()
        if bounds.isEmpty():
            return
        room = self._fitting_room()
        self.set_scale(min(_scale_in(room, bounds), _fit_largest()))
        self._look_at_in(bounds.center(), room)
        self.fitted = True

    def _look_from_above(self, at: QRectF) -> None:
        """Show a place near the top, with what follows from it below."""
        room = self._free_room()
        room.setHeight(room.height() * 0.45)
        self._look_at_in(at.center(), room)

    def _look_at_in(self, point: QPointF, room: QRectF) -> None:
        """Show a point of the scene in the middle of a part of the viewport."""
        self.look_at(point + (QRectF(self.viewport().rect()).center() - room.center()) / self.scale_now)

    def _fitting_room(self) -> QRectF:
        """The room for the whole graph: beside or above the corner where some of its boxes would lie there."""
        free = self._free_room()
        if self.corner.isEmpty() or not self._covered(free):
            return free
        beside, above = QRectF(free), QRectF(free)
        beside.setRight(self.corner.left() - SIDE_ROOM / 2)
        above.setBottom(self.corner.top() - SIDE_ROOM / 2)
        bounds = self.item.boundingRect()
        best = max((beside, above), key=lambda room: _scale_in(room, bounds))
        return best if best.width() > 80 and best.height() > 80 else free

    def _covered(self, room: QRectF) -> bool:
        """Would a box of the graph lie below the corner if it were fitted into ``room``?"""
        bounds, painter = self.item.boundingRect(), self.item.painter
        if painter is None:
            return False
        scale = min(_scale_in(room, bounds), _fit_largest())
        rects = painter.frame.scene.rects * scale
        offset = room.center() - bounds.center() * scale
        left, top = rects[:, 0] + offset.x(), rects[:, 1] + offset.y()
        corner = self.corner
        across = (left < corner.right()) & (left + rects[:, 2] > corner.left())
        return bool((across & (top < corner.bottom()) & (top + rects[:, 3] > corner.top())).any())

    def start(self, at: QRectF) -> None:
        """Show the whole graph where that is readable, else a part of it with ``at`` near the top."""
        self.fit()
        if self.fit_scale() < READABLE:
            self.set_scale(FIRST_SCALE * theme.text_scale())
            self._look_from_above(at)
        elif theme.text_scale() > 1 and self.fit_scale() < _fit_largest():
            self.set_scale(self.scale_now * theme.text_scale())  # who needs larger text sees a part of it
            self._look_from_above(at)
        self._started = None if self.fitted and self.isVisible() else at

    def fit_scale(self) -> float:
        """The scale at which the whole graph just fits beside the floating controls."""
        bounds = self.item.boundingRect()
        return 1.0 if bounds.isEmpty() else _scale_in(self._free_room(), bounds)

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
        self._started = None
        self.centerOn(point)
        self.moved.emit()

    def pan(self, dx: float, dy: float) -> None:
        """Move the graph by so many pixels."""
        self.horizontalScrollBar().setValue(self.horizontalScrollBar().value() - round(dx))
        self.verticalScrollBar().setValue(self.verticalScrollBar().value() - round(dy))
        self.fitted, self._started = False, None
        self.moved.emit()

    def reveal(self, area: QRectF, margin: float = 60.0) -> None:
        """Bring ``area`` into sight, so large that it can be read and small enough to be seen whole, where
        nothing floats over it; with as little movement as that needs."""
        room = self._free_room().adjusted(margin, margin / 2, -margin, -margin / 2)
        largest = _scale_in(room, area)
        if self.scale_now < READABLE or self.scale_now > largest:
            self.set_scale(min(FIRST_SCALE, largest) if self.scale_now < READABLE else largest)
        seen = self.mapFromScene(area).boundingRect()
        dx = _shift(seen.left(), seen.right(), room.left(), room.right())
        dy = _shift(seen.top(), seen.bottom(), room.top(), room.bottom())
        if QRectF(seen).translated(dx, dy).intersects(self.corner):
            centre = room.center() - QRectF(seen).center()
            dx, dy = centre.x(), centre.y()
        if dx or dy:
            self.pan(dx, dy)

    def sees(self, area: QRectF) -> bool:
        """Is all of ``area`` in sight, with nothing floating over it?"""
        seen = QRectF(self.mapFromScene(area).boundingRect())
        whole = QRectF(self.viewport().rect()).adjusted(0, self.top_room, 0, -BOTTOM_ROOM)
        return whole.contains(seen) and not seen.intersects(self.corner)

    def _free_room(self) -> QRectF:
        """The part of the viewport that no floating control covers; never empty."""
        whole = QRectF(self.viewport().rect())
        free = whole.adjusted(SIDE_ROOM, self.top_room, -SIDE_ROOM, -BOTTOM_ROOM)
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
        """See `turn_of`."""
        turn = turn_of(event)
        if turn.zoom != 1.0:
            self.zoom(turn.zoom, event.position())
        else:
            self.pan(turn.way.x(), turn.way.y())
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
        if self._started is not None:
            self.start(self._started)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._started is not None:
            self.start(self._started)
        elif self.fitted:
            self.fit()
        self.moved.emit()


def _walks(event: QKeyEvent) -> bool:
    """Alt with an arrow; arrow keys of some keyboards count as keys of the number pad."""
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    return modifiers == Qt.KeyboardModifier.AltModifier and event.key() in _DIRECTIONS


def _fit_largest() -> float:
    """The scale at which a small graph is shown, for the person's size of text."""
    return FIT_LARGEST * theme.text_scale()


def _scale_in(room: QRectF, area: QRectF) -> float:
    """The scale at which ``area`` just fits into ``room``."""
    return max(min(room.width() / max(area.width(), 1e-6), room.height() / max(area.height(), 1e-6)), 1e-4)


def _shift(low: float, high: float, least: float, most: float) -> float:
    """How far the stretch low..high must move to lie in least..most; a longer one shows its beginning."""
    if low < least or high - low > most - least:
        return least - low
    return min(most - high, 0.0)
