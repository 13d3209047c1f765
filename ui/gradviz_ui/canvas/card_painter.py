"""Paints one box as a card, in the scene's coordinates."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPen, QPolygonF

from gradviz.projection import heat
from gradviz.projection.cards import Card
from gradviz.projection.diagram import Box, BoxKind
from gradviz.projection.sizes import PADDING, thumbnail
from gradviz.projection.text import BADGE_SIZE, mono_width, title_width
from gradviz.replay import NodeState
from gradviz_ui.canvas.ink import GHOST_OPACITY, Ink, StateInk

RADIUS = 8.0
LEAF_RADIUS = 10.0
REACH = 10.0
"""How far the glow and the rings of a box reach beyond it."""
RING = 4.0
"""Between a box and the ring that marks it as selected."""
LARGEST_CELL_GRID = 16
"""Up to so many rows and columns a heat map is drawn cell by cell, with gaps."""


def paint_card(
    painter: QPainter, ink: Ink, box: Box, card: Card, rect: QRectF, state: NodeState, present: bool
) -> None:
    """The whole card. What the program has not made yet is a pale outline of what it will be."""
    style = ink.states[state]
    painter.setOpacity(1.0 if present else GHOST_OPACITY)
    if card.zeroed:
        style = ink.zeroed
        _glow(painter, ink.zero_glow, box.kind, rect)
    elif state is NodeState.RUNNING:
        _glow(painter, ink.glow, box.kind, rect)
    paint_frame(painter, style, state, box.kind, rect)
    width, height = thumbnail(box)
    place = QRectF(rect.right() - PADDING - width, rect.center().y() - height / 2, width, height)
    if box.kind is BoxKind.LEAF:
        _leaf_text(painter, ink, card, rect, style)
        after = rect.left() + PADDING + (_pill_width(card) + 12 if card.badge else 5)
        paint_sign(painter, style, state, QPointF(after, rect.bottom() - 14))
    else:
        _text(painter, ink, card, rect, style, place.left() - 12 if width else rect.right() - PADDING + 2)
    if width:
        _heat(painter, ink, card, place)
    painter.setOpacity(1.0)


def paint_frame(painter: QPainter, style: StateInk, state: NodeState, kind: BoxKind, rect: QRectF) -> None:
    """A box without its text: border, fill, and the signs of its state that need no colour."""
    painter.setPen(style.border)
    painter.setBrush(style.fill)
    radius = _radius(kind)
    painter.drawRoundedRect(rect, radius, radius)
    if kind is BoxKind.FUNCTION and state is not NodeState.IDLE:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(style.color)
        painter.drawRoundedRect(QRectF(rect.left() + 1, rect.top() + 6, 4.5, rect.height() - 12), 2, 2)
        paint_sign(painter, style, state, QPointF(rect.right() - 13, rect.bottom() - 13))


def paint_sign(painter: QPainter, style: StateInk, state: NodeState, at: QPointF) -> None:
    """The state as a small sign, for who does not see its colour: ring, arrow, tick, crossed ring, cross."""
    x, y = at.x(), at.y()
    painter.setPen(style.mark)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    match state:
        case NodeState.READY:
            painter.drawEllipse(at, 3.0, 3.0)
        case NodeState.RUNNING:
            painter.setBrush(style.color)
            painter.drawPolygon(QPolygonF([QPointF(x - 2, y - 3), QPointF(x + 3, y), QPointF(x - 2, y + 3)]))
        case NodeState.DONE:
            painter.drawPolyline(QPolygonF([QPointF(x - 4, y), QPointF(x - 1, y + 3), QPointF(x + 4, y - 3)]))
        case NodeState.FREED:
            painter.drawEllipse(at, 3.0, 3.0)
            painter.drawLine(QPointF(x - 4, y + 4), QPointF(x + 4, y - 4))
        case NodeState.RAISED:
            painter.drawLine(QPointF(x - 3.5, y - 3.5), QPointF(x + 3.5, y + 3.5))
            painter.drawLine(QPointF(x - 3.5, y + 3.5), QPointF(x + 3.5, y - 3.5))
        case NodeState.IDLE:
            pass


def paint_ring(painter: QPainter, ink: Ink, kind: BoxKind, rect: QRectF, selected: bool) -> None:
    """The ring of the selected box, or the paler one of the box under the mouse."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(ink.ring if selected else ink.hover_ring)
    radius = _radius(kind) + RING
    painter.drawRoundedRect(rect.adjusted(-RING, -RING, RING, RING), radius, radius)


def paint_breakpoint(painter: QPainter, ink: Ink, rect: QRectF) -> None:
    """The red dot on a box's corner."""
    painter.setPen(ink.breakpoint)
    painter.setBrush(ink.colors.error)
    painter.drawEllipse(rect.topLeft() + QPointF(3, 3), 6, 6)


def _radius(kind: BoxKind) -> float:
    match kind:
        case BoxKind.LEAF:
            return LEAF_RADIUS
        case BoxKind.TENSOR:
            return 20.0
        case _:
            return RADIUS


def _glow(painter: QPainter, pens: list[tuple[float, QPen]], kind: BoxKind, rect: QRectF) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for reach, glow in pens:
        painter.setPen(glow)
        radius = _radius(kind) + reach
        painter.drawRoundedRect(rect.adjusted(-reach, -reach, reach, reach), radius, radius)


def _text(painter: QPainter, ink: Ink, card: Card, rect: QRectF, style: StateInk, right: float) -> None:
    """Title, corner text ending at ``right``, and detail."""
    x, y = rect.left() + PADDING, rect.top()
    _write(painter, ink.title_font, style.title, x, y + 21, card.title)
    if card.corner:
        _write(painter, ink.mono_font, ink.colors.muted, right - mono_width(card.corner), y + 20, card.corner)
    _write(painter, ink.mono_font, ink.colors.muted, x, y + 38, card.detail)


def _leaf_text(painter: QPainter, ink: Ink, card: Card, rect: QRectF, style: StateInk) -> None:
    x, y = rect.left() + PADDING, rect.top()
    _write(painter, ink.small_font, ink.colors.muted, x, y + 20, card.overline)
    _write(painter, ink.name_font, style.title, x, y + 39, card.title)
    _write(painter, ink.mono_font, ink.colors.muted, x, y + 56, card.detail)
    if card.badge:
        wide = title_width(card.badge, BADGE_SIZE)
        pill = QRectF(x, y + 62, _pill_width(card), 15)
        painter.setPen(Qt.PenStyle.NoPen)
        loud = ink.colors.zero if card.zeroed else ink.colors.running if card.strong else None
        painter.setBrush(loud or ink.colors.raised)
        painter.drawRoundedRect(pill, 7.5, 7.5)
        color = ink.colors.muted if loud is None else ink.colors.accent_text
        _write(painter, ink.badge_font, color, pill.center().x() - wide / 2, pill.top() + 11.5, card.badge)


def _pill_width(card: Card) -> float:
    return max(title_width(card.badge, BADGE_SIZE) + 18, 40.0)


def _write(painter: QPainter, font: QFont, color: QColor, x: float, y: float, text: str) -> None:
    """Text from its baseline."""
    painter.setFont(font)
    painter.setPen(color)
    painter.drawText(QPointF(x, y), text)


def _heat(painter: QPainter, ink: Ink, card: Card, place: QRectF) -> None:
    """The heat map, cell by cell where they are few; a pale place for it where there are no numbers yet."""
    painter.setPen(Qt.PenStyle.NoPen)
    if card.heat is None:
        painter.setBrush(ink.empty_heat)
        painter.drawRoundedRect(place, 3, 3)
        return
    rows, columns = card.heat.shape
    colors = heat.colours(card.heat, card.scale or heat.scale_of(card.heat), *ink.heat)
    if max(rows, columns) > LARGEST_CELL_GRID:
        image = QImage(colors.tobytes(), columns, rows, 3 * columns, QImage.Format.Format_RGB888)
        painter.drawImage(place, image)
        return
    width, height = place.width() / columns, place.height() / rows
    gap = min(1.0, width * 0.1)
    corner = min(2.0, width / 6)
    for row, line in enumerate(colors.tolist()):
        for column, rgb in enumerate(line):
            painter.setBrush(QColor(*rgb))
            x, y = place.left() + column * width, place.top() + row * height
            painter.drawRoundedRect(QRectF(x, y, width - gap, height - gap), corner, corner)
