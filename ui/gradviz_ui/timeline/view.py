"""The timeline's surface: paints the strip, and turns dragging, wheel and keys into steps."""

from __future__ import annotations

from math import ceil

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QToolTip, QWidget

from gradviz.replay.moves import Move
from gradviz.trace.model import NodeId
from gradviz.trace.numbers import norm_text
from gradviz_ui import theme
from gradviz_ui.plain import tip
from gradviz_ui.timeline import painting
from gradviz_ui.timeline.axis import Axis
from gradviz_ui.timeline.painting import HEAD_HEIGHT, LANE_HEIGHT, LaneLook
from gradviz_ui.timeline.scrub import Scrubber
from gradviz_ui.timeline.strip import Strip
from gradviz_ui.wheel import turn_of
from gradviz_ui.wording import event_text, leaf_text, span_text

RIGHT_MARGIN = 20.0
LEAST_LABELS, MOST_LABELS = 110.0, 220.0
SCROLL_UNITS = 10_000
CLICK_SLACK = 4
"""Pixels a press may wander and still be a click."""


class TimelineView(QAbstractScrollArea):
    """Knows a strip and a step, and asks for steps and leaves through its signals."""

    step_wanted = Signal(int)
    leaf_wanted = Signal(int)
    move_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._strip: Strip | None = None
        self._step = 0
        self._emphasised: NodeId | None = None
        self._selected: NodeId | None = None
        self._labels: float = theme.px(LEAST_LABELS)
        self._axis = Axis.whole(0, theme.px(LEAST_LABELS), 1)
        self._layer: QPixmap | None = None
        self._pressed: QPoint | None = None
        self._pressed_span: int | None = None
        self._step_before = 0
        """Where the playhead was when the mouse was pressed."""
        self._hover: float | None = None
        self._framed = False
        self._scrubber = Scrubber(self)
        self._scrubber.step_wanted.connect(self.step_wanted)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.horizontalScrollBar().valueChanged.connect(self._scrolled)
        self.verticalScrollBar().valueChanged.connect(self._forget)
        theme.themes().changed.connect(self._forget)

    @property
    def axis(self) -> Axis:
        """Which steps are in sight, and where."""
        return self._axis

    @property
    def strip(self) -> Strip | None:
        """What is shown."""
        return self._strip

    @property
    def head_height(self) -> float:
        """Of the program's lane, the ruler, and the row of marks where there are any."""
        return theme.px(HEAD_HEIGHT) + (
            theme.px(painting.MARKER_ROW) if self._strip is not None and self._strip.markers else 0
        )

    def show_strip(self, strip: Strip | None, steps: int) -> None:
        """Show a trace of ``steps`` events; without a strip only the ruler, until it has been read."""
        self._strip = strip
        self._labels = self._label_width()
        if steps != self._axis.end or strip is None:
            self._axis = Axis.whole(steps, 0, 1)
        self._fit()

    def show_step(self, step: int) -> None:
        """Move the playhead; what is in sight follows it."""
        if step == self._step:
            return
        spans = self._strip.spans if self._strip is not None else None
        before = spans.at(self._step) if spans is not None else None
        x = self._axis.x(self._step)
        self._step = step
        axis = self._axis.following(step)
        if axis != self._axis:
            self._set_axis(axis)
        elif spans is not None and spans.at(step) != before:
            self._forget()
        else:
            for place in (x, self._axis.x(step)):
                self.viewport().update(QRect(round(place) - 8, 0, 17, self.viewport().height()))

    def emphasise(self, leaf: NodeId | None, selected: NodeId | None) -> None:
        """Let one lane stand out, and mark the selected one's name."""
        if (leaf, selected) != (self._emphasised, self._selected):
            self._emphasised, self._selected = leaf, selected
            self._forget()

    def zoom(self, factor: float, x: float | None = None) -> None:
        """Zoom about pixel ``x``, by default about the playhead."""
        place = self._axis.x(self._step) if x is None else x
        self._set_axis(self._axis.zoomed(factor, min(max(place, self._axis.left), self._axis.right)))

    def zoom_out(self) -> None:
        """Show all steps."""
        self._set_axis(Axis.whole(self._axis.end, self._axis.left, self._axis.width))

    def sizeHint(self) -> QSize:
        return QSize(700, theme.px(190))

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        viewport = self.viewport()
        ratio = viewport.devicePixelRatioF()
        if self._layer is None or self._layer.devicePixelRatio() != ratio:
            self._layer = self._paint_layer(ratio)
        painter = QPainter(viewport)
        try:
            painter.drawPixmap(0, 0, self._layer)
            height = viewport.height()
            if self._hover is not None and self._pressed is None:
                painter.setPen(QPen(theme.current().outline, 1))
                painter.drawLine(QPointF(self._hover, 6), QPointF(self._hover, height))
            if self._axis.end and self._axis.first <= self._step <= self._axis.last:
                painting.paint_playhead(painter, self._axis.x(self._step), height)
            if self._framed:
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(theme.current().accent, 1, Qt.PenStyle.DotLine))
                painter.drawRect(QRectF(viewport.rect()).adjusted(0.5, 0.5, -0.5, -0.5))
        finally:
            painter.end()

    def _paint_layer(self, ratio: float) -> QPixmap:
        """All that the playhead moves over."""
        size = self.viewport().size()
        layer = QPixmap(QSize(ceil(size.width() * ratio), ceil(size.height() * ratio)))
        layer.setDevicePixelRatio(ratio)
        layer.fill(theme.current().panel)
        painter = QPainter(layer)
        try:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._paint_head(painter)
            if self._strip is not None:
                painter.save()
                painter.setClipRect(QRectF(0, self.head_height, size.width(), size.height() - self.head_height))
                self._paint_lanes(painter, self._strip)
                painter.restore()
                found, steps = self._strip.markers, self._strip.marker_steps
                painting.paint_markers(painter, found, steps, self._axis, size.height())
        finally:
            painter.end()
        return layer

    def _paint_head(self, painter: QPainter) -> None:
        painter.setFont(theme.ui_font(12))
        painter.setPen(theme.current().muted)
        box = QRectF(20, theme.px(painting.SPAN_TOP), self._labels - 20, theme.px(painting.SPAN_HEIGHT))
        painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self.tr("program"))
        taken: list[QRectF] = []
        if self._strip is not None:
            taken = painting.paint_spans(painter, self._strip, self._axis, self._step)
        if self._axis.end:
            painting.paint_ruler(painter, self._axis, taken)

    def _paint_lanes(self, painter: QPainter, strip: Strip) -> None:
        words = {"added": self.tr("accumulates"), "zeroed": self.tr("zeroed")}
        for number in self._lanes_in_sight(strip):
            leaf, top = strip.leaves[number], self._lane_top(number)
            name = leaf_text(strip.trace, leaf) + ".grad"
            painting.paint_label(painter, name, top, self._labels, leaf == self._selected)
            lane, highest = strip.lane(leaf)
            look = LaneLook(name, top, leaf == self._emphasised, words)
            painting.paint_lane(painter, lane, highest, self._axis, look)

    def _lanes_in_sight(self, strip: Strip) -> range:
        scrolled = self.verticalScrollBar().value()
        first = int(scrolled // theme.px(LANE_HEIGHT))
        last = ceil((scrolled + self.viewport().height() - self.head_height) / theme.px(LANE_HEIGHT))
        return range(first, min(last, len(strip.leaves)))

    def _lane_top(self, number: int) -> float:
        return self.head_height + number * theme.px(LANE_HEIGHT) - self.verticalScrollBar().value()

    # Geometry

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._fit()

    def _label_width(self) -> float:
        if self._strip is None:
            return theme.px(LEAST_LABELS)
        longest = max((len(leaf_text(self._strip.trace, leaf)) for leaf in self._strip.leaves), default=0)
        return min(max(theme.px((longest + 5) * 7.3 + 62), theme.px(LEAST_LABELS)), theme.px(MOST_LABELS))

    def _fit(self) -> None:
        """Take the room there is."""
        width = self.viewport().width() - self._labels - RIGHT_MARGIN
        self._set_axis(self._axis.sized(self._labels, width))
        lanes = len(self._strip.leaves) if self._strip is not None else 0
        height = self.viewport().height() - self.head_height
        bar = self.verticalScrollBar()
        bar.setRange(0, max(0, ceil(lanes * theme.px(LANE_HEIGHT) + 6 - height)))
        bar.setPageStep(max(round(height), 1))
        bar.setSingleStep(round(theme.px(LANE_HEIGHT) / 2))

    def _set_axis(self, axis: Axis) -> None:
        self._axis = axis
        bar = self.horizontalScrollBar()
        bar.blockSignals(True)
        share = axis.steps_shown / max(axis.end, 1)
        bar.setRange(0, round(SCROLL_UNITS * (1 - share)))
        bar.setPageStep(max(round(SCROLL_UNITS * share), 1))
        bar.setSingleStep(max(bar.pageStep() // 10, 1))
        bar.setValue(round(SCROLL_UNITS * axis.first / max(axis.end, 1)))
        bar.blockSignals(False)
        self._forget()

    @Slot(int)
    def _scrolled(self, value: int) -> None:
        first = value / SCROLL_UNITS * max(self._axis.end, 1)
        self._axis = self._axis.panned(first - self._axis.first)
        self._forget()

    @Slot()
    def _forget(self) -> None:
        self._layer = None
        self.viewport().update()

    # Pointer

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or not self._axis.end:
            return
        place = event.position()
        self._step_before = self._step
        if place.x() < self._axis.left - 8:
            leaf = self._leaf_at(place)
            if leaf is not None:
                self.leaf_wanted.emit(leaf)
            return
        self._pressed = event.position().toPoint()
        self._pressed_span = self._span_at(place)
        if self._pressed_span is None:
            self._scrubber.want(self._axis.step_at(place.x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        x = event.position().x()
        if self._pressed is None:
            self._set_hover(x if self._axis.left <= x <= self._axis.right and self._axis.end else None)
            return
        if self._pressed_span is not None:
            if abs(x - self._pressed.x()) < CLICK_SLACK:
                return
            self._pressed_span = None
        self._scrubber.want(self._axis.step_at(x))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._pressed_span is not None and self._strip is not None:
            self.step_wanted.emit(self._strip.spans.spans[self._pressed_span].start)
        self._pressed = self._pressed_span = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Zoom to the span, or back to everything; the playhead goes back to where the first click found it."""
        self._scrubber.forget()
        if self._step != self._step_before:
            self.step_wanted.emit(self._step_before)
        span = self._span_at(event.position())
        if span is not None and self._strip is not None:
            spans = self._strip.spans
            self._set_axis(self._axis.showing(float(spans.starts[span]), float(spans.ends[span])))
        else:
            self.zoom_out()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """See `turn_of`. Where all lanes are in sight, up and down lead through time as well."""
        turn = turn_of(event)
        bar = self.verticalScrollBar()
        across, down = turn.way.x(), turn.way.y()
        if turn.zoom != 1.0:
            self.zoom(turn.zoom, event.position().x())
        elif bar.maximum():
            bar.setValue(bar.value() - round(down))
        else:
            across = across or down
        if across:
            self._set_axis(self._axis.panned(-across / self._axis.step_width))
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        self._set_hover(None)

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QNativeGestureEvent) and event.gestureType() is Qt.NativeGestureType.ZoomNativeGesture:
            self.zoom(1.0 + event.value(), event.position().x())
            return True
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), tip(self.tip_at(QPointF(event.pos()))), self.viewport())
            return True
        if event.type() == QEvent.Type.Leave:
            self._set_hover(None)
        return super().viewportEvent(event)

    def tip_at(self, place: QPointF) -> str:
        """What is under a point, in words."""
        if self._strip is None:
            return ""
        span = self._span_at(place)
        if span is not None:
            found = self._strip.spans.spans[span]
            text = self.tr("{title}, steps {first} to {last}")
            parts = {
                "{title}": span_text(self._strip.trace, found),
                "{first}": str(found.start),
                "{last}": str(found.end),
            }
            for name, value in parts.items():
                text = text.replace(name, value)
            return text
        step = self._axis.step_at(place.x())
        if place.x() < self._axis.left or not 0 < step <= len(self._strip.trace.events):
            return ""
        text = f"{step}  {event_text(self._strip.trace, self._strip.trace.events[step - 1])}"
        leaf = self._leaf_at(place)
        if leaf is None:
            return text
        norm = self._strip.norm(leaf, step)
        return f"{leaf_text(self._strip.trace, leaf)}.grad  ‖g‖ {norm_text(norm)}\n{text}"

    def _span_at(self, place: QPointF) -> int | None:
        inside = (
            theme.px(painting.SPAN_TOP) <= place.y() <= theme.px(painting.SPAN_TOP) + theme.px(painting.SPAN_HEIGHT)
        )
        if self._strip is None or not inside or not self._axis.left <= place.x() <= self._axis.right:
            return None
        return self._strip.spans.at_place(self._axis.first + (place.x() - self._axis.left) / self._axis.step_width)

    def _leaf_at(self, place: QPointF) -> NodeId | None:
        if self._strip is None or place.y() < self.head_height:
            return None
        number = int((place.y() - self.head_height + self.verticalScrollBar().value()) // theme.px(LANE_HEIGHT))
        return self._strip.leaves[number] if number < len(self._strip.leaves) else None

    def _set_hover(self, x: float | None) -> None:
        x = None if x is None else round(x) + 0.5
        if x != self._hover:
            for place in (self._hover, x):
                if place is not None:
                    self.viewport().update(QRect(round(place) - 2, 0, 5, self.viewport().height()))
            self._hover = x

    # Keys

    def keyPressEvent(self, event: QKeyEvent) -> None:
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        move = _MOVES.get((Qt.Key(event.key()), shift))
        if move is not None:
            self.move_wanted.emit(move)
        elif event.key() in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom(1.5)
        elif event.key() == Qt.Key.Key_Minus:
            self.zoom(1 / 1.5)
        elif event.key() == Qt.Key.Key_0:
            self.zoom_out()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        # A click says by itself where the focus is; whoever came by the keyboard needs to see it.
        self._framed = event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._framed = False
        self.viewport().update()


_MOVES = {
    (Qt.Key.Key_Right, False): Move.NEXT_EVENT,
    (Qt.Key.Key_Left, False): Move.PREVIOUS_EVENT,
    (Qt.Key.Key_Right, True): Move.NEXT_CALL,
    (Qt.Key.Key_Left, True): Move.PREVIOUS_CALL,
    (Qt.Key.Key_Down, False): Move.NEXT_NODE,
    (Qt.Key.Key_Up, False): Move.PREVIOUS_NODE,
    (Qt.Key.Key_Home, False): Move.START,
    (Qt.Key.Key_End, False): Move.END,
}
