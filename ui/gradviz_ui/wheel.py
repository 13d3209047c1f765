"""What turning the wheel or moving two fingers means: the same on the canvas and on the timeline."""

from __future__ import annotations

from dataclasses import dataclass, field

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QWheelEvent

NOTCH = 120.0
"""The angle of one notch of a wheel, in Qt's eighths of a degree."""
NOTCH_PIXELS = 90.0
ZOOM_STEP = 1.25
"""How much larger one notch makes things."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Zoom by ``zoom`` where the pointer is, or else move what is shown by ``way`` pixels."""

    zoom: float = 1.0
    way: QPointF = field(default_factory=QPointF)


def turn_of(event: QWheelEvent) -> Turn:
    """The wheel and two fingers move, with Shift the wheel moves sideways, with Ctrl they zoom."""
    angle, pixels = QPointF(event.angleDelta()), QPointF(event.pixelDelta())
    if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
        return Turn(zoom=ZOOM_STEP ** (angle.y() / NOTCH))
    way = angle * NOTCH_PIXELS / NOTCH if pixels.isNull() else pixels
    if event.modifiers() & Qt.KeyboardModifier.ShiftModifier and not way.x():
        way = QPointF(way.y(), 0.0)
    return Turn(way=way)
