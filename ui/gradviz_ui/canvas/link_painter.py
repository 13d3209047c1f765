"""Paints links: lines as wide as their gradient is large, arrow heads, and labels."""

from __future__ import annotations

from math import hypot

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPen, QPolygonF

from gradviz.projection.frame import Frame, LinkState, vanished
from gradviz.projection.scene import Scene
from gradviz.projection.text import MONO_SIZE, mono_width
from gradviz_ui.canvas.ink import Ink

HEAD = 8.5
"""The length of the arrow head on the thinnest line."""
HEAD_PER_WIDTH = 2.2
"""An arrow head is this much longer for each unit of its line's width."""
LABEL_HEIGHT = 18.0


def link_path(scene: Scene, link: int) -> QPainterPath:
    """A link as a path; it ends inside its arrow head, so that the tip stays sharp."""
    path = QPainterPath()
    pieces = scene.pieces(link)
    if not pieces:
        return _loop(scene, link)
    path.moveTo(*pieces[0][0][0])
    for number, (points, bent) in enumerate(pieces, 1):
        *control, (x, y) = points.tolist()
        if number == len(pieces):
            x, y = _before(control[-1], (x, y))
        if bent:
            path.cubicTo(QPointF(*control[1]), QPointF(*control[2]), QPointF(x, y))
        else:
            path.lineTo(x, y)
    return path


def _before(start: list[float], end: tuple[float, float]) -> tuple[float, float]:
    """The point a head's length before ``end``, on the way from ``start``; at least half of the way."""
    length = hypot(end[0] - start[0], end[1] - start[1]) or 1.0
    share = min(HEAD / length, 0.5)
    return end[0] + (start[0] - end[0]) * share, end[1] + (start[1] - end[1]) * share


def _loop(scene: Scene, link: int) -> QPainterPath:
    """A link from a box to itself: an ear at its right side."""
    left, top, width, height = scene.box_bounds(int(scene.sources[link]))
    path = QPainterPath(QPointF(left + width, top + height * 0.3))
    right = left + width + 28
    path.cubicTo(right, top + height * 0.1, right, top + height * 0.9, left + width, top + height * 0.7)
    return path


def paint_link(painter: QPainter, ink: Ink, frame: Frame, link: int, path: QPainterPath, marked: bool = False) -> None:
    """One link with its arrow head; ``marked``: it is selected or under the mouse."""
    state = LinkState(int(frame.links[link]))
    width = frame.width(link) + (0.8 if state is LinkState.ACTIVE else 0.0)
    zero = state is not LinkState.EMPTY and vanished(frame.trace, frame.gradient(link))
    pen = ink.link_pen(state, width, zero, frame.broken(link))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if marked:
        halo = QPen(ink.hover_ring.color(), width + 4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
        painter.setPen(halo)
        painter.drawPath(path)
    painter.setPen(pen)
    painter.drawPath(path)
    head = _head(frame.scene, link, HEAD + HEAD_PER_WIDTH * width)
    if head is not None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(pen.color())
        painter.drawPolygon(head)


def _head(scene: Scene, link: int, size: float) -> QPolygonF | None:
    """The arrow head's triangle; None for a loop, which has none."""
    start_x, start_y, end_x, end_y = scene.ends[link].tolist()
    length = hypot(end_x - start_x, end_y - start_y)
    if not length:
        return None
    x, y = (end_x - start_x) / length, (end_y - start_y) / length
    base_x, base_y = end_x - x * size, end_y - y * size
    half = size * 0.4
    return QPolygonF(
        [
            QPointF(end_x, end_y),
            QPointF(base_x - y * half, base_y + x * half),
            QPointF(base_x + y * half, base_y - x * half),
        ]
    )


def label_rect(frame: Frame, link: int) -> QRectF:
    """Where a link's label stands; empty if it has none."""
    text = frame.label(link)
    if not text:
        return QRectF()
    x, y = frame.scene.label_place(link)
    return QRectF(x - 3, y - LABEL_HEIGHT / 2, mono_width(text) + 8, LABEL_HEIGHT)


def paint_label(painter: QPainter, ink: Ink, frame: Frame, link: int) -> None:
    """The shape and norm of a link's gradient, on a plate that lets little shine through."""
    rect = label_rect(frame, link)
    if rect.isEmpty():
        return
    active = frame.links[link] == LinkState.ACTIVE
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ink.plate)
    painter.drawRoundedRect(rect, 4, 4)
    painter.setPen(ink.colors.running if active else ink.colors.text)
    painter.setFont(ink.mono_font)
    painter.drawText(QPointF(rect.left() + 4, rect.center().y() + MONO_SIZE * 0.36), frame.label(link))
