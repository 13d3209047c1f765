"""How large each box is: as large as what may ever stand in it, so that nothing moves while stepping."""

from __future__ import annotations

from math import ceil, prod

import numpy as np

from gradviz.layout.drawing import Floats
from gradviz.projection.diagram import Box, BoxKind, Diagram
from gradviz.projection.text import NAME_SIZE, mono_width, small_width, title_width
from gradviz.trace.numbers import shape_text

PADDING = 15.0
"""Between a card's border and its text, left; the state's bar is in it."""
GAP = 18.0
"""Between a title and the corner text, and between text and a thumbnail."""
CARD_HEIGHT = 50.0
LEAF_HEIGHT = 84.0
SMALLEST = 132.0
NORM_ROOM = " · ‖g‖ 0.0000"
"""Room for a norm behind the shape."""
SUM_ROOM = "‖g‖ 00.00 + 00.00"
"""Room on a leaf for what was there and what is added to it."""
NUMBER_ROOM = " = -0.000000"
"""Room for the value of a scalar, which is written out instead of drawn."""
SIGN = 10.0
"""Room for the small sign of the state, right of the norm."""
CELL = 12.0
"""A number of a small thumbnail is a square of at most this side."""
LEAF_THUMBNAIL = (64.0, 60.0)
SMALL_THUMBNAIL = (60.0, 30.0)


def sizes(diagram: Diagram) -> Floats:
    """(n, 2): the width and height of every box. Boxes that say the same are measured once."""
    measured: dict[object, tuple[float, float]] = {}
    found = []
    for box in diagram.boxes:
        known = _looks(box)
        extent = measured.get(known)
        if extent is None:
            extent = measured[known] = size(box)
        found.append(extent)
    return np.array(found, np.float64).reshape(-1, 2)


def _looks(box: Box) -> tuple[object, ...]:
    """All that `size` reads of a box, as far as it matters: of a corner of ASCII, how long it is."""
    corner = len(box.corner) if box.corner.isascii() else box.corner
    leaf = (bool(box.nodes), 0 if box.copies == 1 else _overline(box))
    return box.kind, box.title, corner, box.shape, box.inputs, leaf


def size(box: Box) -> tuple[float, float]:
    """The width and height of a box; widths are even numbers, so that centres are whole pixels."""
    if box.kind is BoxKind.LEAF:
        text = max(
            title_width(box.title, NAME_SIZE),
            small_width(_overline(box)),
            mono_width(shape_text(box.shape) + " leaf"),
            mono_width(SUM_ROOM),
        )
        return _even(PADDING * 2 + text + GAP + thumbnail(box)[0]), LEAF_HEIGHT
    corner_text = "leaf" if box.kind is BoxKind.TENSOR and box.nodes else box.corner
    corner = mono_width(corner_text) + GAP if corner_text else 0.0
    title = title_width(box.title) + corner
    if box.kind is BoxKind.FUNCTION:
        width = max(title, mono_width(shape_text(box.shape) + NORM_ROOM) + SIGN)
        return max(_even(width + 2 * PADDING), SMALLEST), CARD_HEIGHT
    number = NUMBER_ROOM if box.shape == () else ""
    width = max(title, mono_width(shapes(box) + number))
    return max(_even(width + 2 * PADDING + GAP + thumbnail(box)[0]), SMALLEST), CARD_HEIGHT


def _overline(box: Box) -> str:
    return "AccumulateGrad" if box.copies == 1 else f"AccumulateGrad {box.copy}/{box.copies}"


def shapes(box: Box) -> str:
    """What an operation does to shapes: ``(5,), (5, 3) → (3,)``; a tensor's own shape."""
    if box.kind is not BoxKind.OPERATION or not box.inputs:
        return shape_text(box.shape)
    inputs = ", ".join(map(shape_text, box.inputs[:3])) + (", …" if len(box.inputs) > 3 else "")
    return f"{inputs} → {shape_text(box.shape)}"


def thumbnail(box: Box) -> tuple[float, float]:
    """The width and height of the heat map on a box: whole cells for few numbers, else the whole room."""
    if box.kind is BoxKind.FUNCTION or box.shape is None or not prod(box.shape):
        return 0.0, 0.0
    if box.shape == () and box.kind is not BoxKind.LEAF:
        return 0.0, 0.0
    width, height = LEAF_THUMBNAIL if box.kind is BoxKind.LEAF else SMALL_THUMBNAIL
    rows, columns = grid(box.shape)
    cell = min(width / columns, height / rows, CELL)
    if cell >= 2:
        return columns * cell, rows * cell
    return (width, max(height * rows / columns, 8.0)) if columns > rows else (max(width * columns / rows, 8.0), height)


def grid(shape: tuple[int, ...]) -> tuple[int, int]:
    """The rows and columns of a tensor drawn as a matrix: the last dimension across, the others down."""
    return (prod(shape[:-1]), shape[-1]) if shape else (1, 1)


def _even(width: float) -> float:
    return 2.0 * ceil(width / 2)
