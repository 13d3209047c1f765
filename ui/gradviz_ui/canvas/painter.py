"""Paints a frame to any QPainter: the window, a picture file and a test see the same.

The painter's transform must lead from the scene's coordinates to the device. How much is drawn depends on
the scale: far away only coloured rectangles and thin lines, near by everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shiboken6
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from gradviz.layout.drawing import Floats, Ints
from gradviz.projection.diagram import BoxKind
from gradviz.projection.frame import Caption, Frame, LinkState
from gradviz.projection.picking import boxes_in, segments_in
from gradviz.projection.scene import LABEL_ROOM, ROOT_ROOM, Rectangle
from gradviz.projection.text import TITLE_SIZE, mono_width, title_width
from gradviz.replay import NodeState
from gradviz_ui.canvas.card_painter import REACH, RING, paint_breakpoint, paint_card, paint_frame, paint_ring
from gradviz_ui.canvas.ink import GHOST_OPACITY, Ink, faded
from gradviz_ui.canvas.link_painter import LABEL_HEIGHT, label_rect, link_path, paint_label, paint_link

NEAR = 0.42
"""From this scale on text is painted."""
MIDDLE = 0.14
"""From this scale on boxes have a frame; below they are plain rectangles."""
FAR_ORDER = (NodeState.IDLE, NodeState.FREED, NodeState.DONE, NodeState.READY, NodeState.RUNNING, NodeState.RAISED)
"""What is painted later covers what is painted earlier."""
LOUD = (NodeState.RUNNING, NodeState.RAISED)
"""These states are drawn larger than they are where boxes are tiny."""
MOST_KIN, FEW_KIN = 200, 4
"""Up to so many boxes of one node are joined by dotted lines: under the mouse, and while selected."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What a person points at: drawn over the graph, gone in exported pictures."""

    selected: frozenset[int] = frozenset()
    hovered: frozenset[int] = frozenset()
    selected_link: int | None = None
    hovered_link: int | None = None
    breakpoints: frozenset[int] = frozenset()

    @property
    def links(self) -> set[int]:
        """The marked links."""
        return {link for link in (self.selected_link, self.hovered_link) if link is not None}


NO_MARKS = Marks()


@dataclass(frozen=True, slots=True)
class Flashed:
    """Boxes and links that are marked for a moment, in a role's colour; ``strength`` goes from 1 to 0."""

    boxes: frozenset[int] = frozenset()
    links: frozenset[int] = frozenset()
    role: str = "link"
    strength: float = 0.0


NO_FLASH = Flashed()


class FramePainter:
    """Paints one frame. Paths of links are kept between paints, as they do not depend on the step."""

    def __init__(self, frame: Frame, ink: Ink) -> None:
        self.frame = frame
        self.ink = ink
        self._paths: dict[int, QPainterPath] = {}

    def paint(self, painter: QPainter, area: Rectangle, scale: float, marks: Marks = NO_MARKS) -> None:
        """Paint what lies in ``area`` of the scene; ``scale`` is the device's pixels for each unit."""
        boxes = boxes_in(self.frame.scene, _grown(area, REACH))
        if scale < MIDDLE:
            self._far(painter, area, scale, boxes, marks)
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if scale < NEAR:
            self._lines(painter, area, scale, 1.3 / scale, marks)
            self._kin(painter, marks)
            self._plain(painter, boxes, scale)
            self._marks(painter, boxes, marks)
            return
        _, owners = segments_in(self.frame.scene, _grown(area, REACH))
        links = np.array(sorted(set(owners.tolist())), np.int64)  # np.unique first imports all of numpy.ma
        for link in links[np.argsort(self.frame.links[links], kind="stable")].tolist():
            self._link(painter, link, link in marks.links)
        self._kin(painter, marks)
        self._cards(painter, boxes)
        self._captions(painter)
        self._marks(painter, boxes, marks)
        for link in sorted(self.frame.active | marks.links):
            paint_label(painter, self.ink, self.frame, link)

    # Near by

    def _link(self, painter: QPainter, link: int, marked: bool) -> None:
        path = self._paths.get(link)
        if path is None:
            path = self._paths[link] = link_path(self.frame.scene, link)
        faint = not self.frame.present[self.frame.scene.sources[link]]
        if faint:
            painter.setOpacity(GHOST_OPACITY)
        paint_link(painter, self.ink, self.frame, link, path, marked)
        if faint:
            painter.setOpacity(1.0)

    def _cards(self, painter: QPainter, boxes: Ints) -> None:
        frame, scene = self.frame, self.frame.scene
        painter.setRenderHint(QPainter.RenderHint.TextAntialiasing)
        for box in boxes.tolist():
            rect = QRectF(*scene.box_bounds(box))
            state = NodeState(int(frame.states[box]))
            card = frame.card(box)
            paint_card(painter, self.ink, scene.boxes[box], card, rect, state, bool(frame.present[box]))

    def _captions(self, painter: QPainter) -> None:
        for caption in self.frame.captions:
            paint_caption(painter, self.ink, caption, QRectF(*self.frame.scene.box_bounds(caption.box)))

    # Half-way

    def _plain(self, painter: QPainter, boxes: Ints, scale: float) -> None:
        """Boxes without text, filled in the colour of their state, as borders alone would be too thin."""
        frame, scene, zeroed = self.frame, self.frame.scene, self.frame.zeroed
        for box in boxes.tolist():
            state = NodeState(int(frame.states[box]))
            painter.setOpacity(1.0 if frame.present[box] else GHOST_OPACITY)
            kind = BoxKind(int(scene.kinds[box]))
            style = self.ink.plain_zeroed(scale) if box in zeroed else self.ink.plain(state, scale)
            paint_frame(painter, style, state, kind, QRectF(*scene.box_bounds(box)))
        painter.setOpacity(1.0)

    # Far away

    def _far(self, painter: QPainter, area: Rectangle, scale: float, boxes: Ints, marks: Marks) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, scale > 0.05)
        self._lines(painter, area, scale, 0.0, marks)
        self._kin(painter, marks)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(Qt.PenStyle.NoPen)
        paint_plain_boxes(painter, self.frame, self.ink, boxes, 2.0 / scale)
        self._marks(painter, boxes, marks)

    def _lines(self, painter: QPainter, area: Rectangle, scale: float, width: float, marks: Marks) -> None:
        """Links as thin lines, grouped by colour. Width 0 is one pixel of the device."""
        scene = self.frame.scene
        lines, owners = segments_in(scene, area, scale)
        states = self.frame.links[owners]
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for state in (LinkState.EMPTY, LinkState.PAST, LinkState.CARRIED):
            painter.setPen(QPen(self.ink.links[state], width))
            draw_lines(painter, lines[states == state])
        for link in sorted(self.frame.active | marks.links):
            active = link in self.frame.active
            color = self.ink.links[LinkState.ACTIVE] if active else self.ink.colors.text
            painter.setPen(QPen(color, width * 2.2))
            draw_lines(painter, scene.segments[0][scene.segments[1] == link])

    # Over it

    def _marks(self, painter: QPainter, boxes: Ints, marks: Marks) -> None:
        """Rings and breakpoints."""
        visible = set(boxes.tolist())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for box in (marks.hovered | marks.selected) & visible:
            rect = QRectF(*self.frame.scene.box_bounds(box))
            paint_ring(painter, self.ink, BoxKind(int(self.frame.scene.kinds[box])), rect, box in marks.selected)
        for box in marks.breakpoints & visible:
            paint_breakpoint(painter, self.ink, QRectF(*self.frame.scene.box_bounds(box)))

    def _kin(self, painter: QPainter, marks: Marks) -> None:
        """Dotted lines between the boxes that stand for one node, below the boxes."""
        painter.setPen(self.ink.kin)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for group, most in ((marks.hovered, MOST_KIN), (marks.selected, FEW_KIN)):
            if 1 < len(group) <= most:
                centres = [QRectF(*self.frame.scene.box_bounds(box)).center() for box in sorted(group)]
                for start, end in pairwise(centres):
                    painter.drawLine(start, end)

    def paint_flash(self, painter: QPainter, flash: Flashed, scale: float) -> None:
        """Rings that widen as they fade, at least two pixels thick."""
        color = faded(getattr(self.ink.colors, flash.role), flash.strength)
        width = max(3.0, 2.0 / scale)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(color, width))
        reach = RING + 4.0 * (1.0 - flash.strength)
        for box in flash.boxes:
            rect = QRectF(*self.frame.scene.box_bounds(box)).adjusted(-reach, -reach, reach, reach)
            painter.drawRoundedRect(rect, 12, 12)
        for link in flash.links:
            painter.setPen(QPen(color, self.frame.width(link) + 2 * width))
            painter.drawPath(self._paths.get(link) or link_path(self.frame.scene, link))

    # Where something is

    def box_area(self, box: int) -> QRectF:
        """All that is painted for a box: card, glow, rings, and the text above a root."""
        rect = QRectF(*self.frame.scene.box_bounds(box)).adjusted(-REACH, -REACH, REACH, REACH)
        if self.frame.scene.boxes[box].root:
            rect.adjust(-60, -ROOT_ROOM, 60, 0)
        return rect

    def link_area(self, link: int) -> QRectF:
        """All that is painted for a link, or was before a move: line, arrow head, halo and label."""
        x, y = self.frame.scene.label_place(link)
        label = QRectF(x - 8, y - LABEL_HEIGHT, max(label_rect(self.frame, link).width(), LABEL_ROOM) + 60, 0)
        label.setHeight(2 * LABEL_HEIGHT)
        return QRectF(*self.frame.scene.link_bounds(link)).adjusted(-14, -8, 14, 8).united(label)


def paint_caption(painter: QPainter, ink: Ink, caption: Caption, rect: QRectF) -> None:
    """The name of a root's tensor above its box, and above that the gradient its call started with."""
    centre, top = rect.center().x(), rect.top()
    painter.setFont(ink.title_font)
    painter.setPen(ink.colors.muted)
    painter.drawText(QPointF(centre - title_width(caption.name, TITLE_SIZE) / 2, top - 10), caption.name)
    if caption.gradient:
        painter.setFont(ink.mono_font)
        painter.setPen(ink.colors.running if caption.now else ink.colors.muted)
        painter.drawText(QPointF(centre - mono_width(caption.gradient) / 2, top - 27), caption.gradient)


def paint_plain_boxes(painter: QPainter, frame: Frame, ink: Ink, boxes: Ints, least: float) -> None:
    """Boxes as rectangles in the colour of their state, at least ``least`` wide and high."""
    rects = frame.scene.rects[boxes]
    states = frame.states[boxes]
    present = frame.present[boxes]
    for state in FAR_ORDER:
        for there in (False, True):
            chosen = rects[(states == state) & (present == there)]
            if len(chosen):
                painter.setBrush(_far_color(ink, state, there))
                draw_rects(painter, _at_least(chosen, least * (2 if state in LOUD else 1)))
    zeroed = np.intersect1d(boxes, sorted(frame.zeroed)) if frame.zeroed else boxes[:0]
    if len(zeroed):
        painter.setBrush(ink.colors.zero)
        draw_rects(painter, _at_least(frame.scene.rects[zeroed], 2 * least))


def _far_color(ink: Ink, state: NodeState, present: bool) -> QColor:
    color = ink.colors.freed if state is NodeState.IDLE else ink.states[state].color
    if state is NodeState.IDLE:
        color = ink.colors.outline
    return color if present else faded(color, GHOST_OPACITY)


def _at_least(rects: Floats, least: float) -> Floats:
    grow = np.maximum(least - rects[:, 2:], 0.0)
    return np.column_stack([rects[:, :2] - grow / 2, rects[:, 2:] + grow])


def draw_lines(painter: QPainter, lines: Floats) -> None:
    """(k, 4) x1, y1, x2, y2: one call, without a Python object for each line."""
    lines = np.ascontiguousarray(lines, np.float64)  # lives until the call is over
    if len(lines):
        first = shiboken6.Shiboken.wrapInstance(lines.ctypes.data, QLineF)
        painter.drawLines(first, len(lines))  # type: ignore[call-overload]


def draw_rects(painter: QPainter, rects: Floats) -> None:
    """(k, 4) left, top, width, height, as `draw_lines` does."""
    rects = np.ascontiguousarray(rects, np.float64)
    if len(rects):
        first = shiboken6.Shiboken.wrapInstance(rects.ctypes.data, QRectF)
        painter.drawRects(first, len(rects))  # type: ignore[call-overload]


def _grown(area: Rectangle, by: float) -> Rectangle:
    left, top, width, height = area
    return left - by, top - by, width + 2 * by, height + 2 * by
