"""Where the cells of heat maps lie: side by side or stacked, with numbers or not. Without painting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gradviz.projection.heat import Array
from gradviz.projection.numbers import number_text

TITLE_HEIGHT = 19
NOTE_HEIGHT = 17
NOTE_GAP = 7
SIGN_WIDTH = 24
STACK_GAP = 10
CELL_HEIGHT = 18.0
CELL_PADDING = 6
MARGIN = 5
"""Room around a map for the frame of the one that stands out."""

MOST_ROWS = 32
MOST_COLUMNS = 24
"""Beyond these nobody reads numbers; the map is shown as an image."""
IMAGE_HEIGHT = 150.0

Texts = list[list[str]]


@dataclass(frozen=True, slots=True)
class Cells:
    """The grid of one map, in device-independent pixels."""

    x: float
    y: float
    rows: int
    columns: int
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.columns * self.width

    @property
    def bottom(self) -> float:
        return self.y + self.rows * self.height

    def at(self, x: float, y: float) -> tuple[int, int] | None:
        """The row and column under a point."""
        if not (self.x <= x < self.right and self.y <= y < self.bottom):
            return None
        row, column = int((y - self.y) / self.height), int((x - self.x) / self.width)
        return min(row, self.rows - 1), min(column, self.columns - 1)


@dataclass(frozen=True, slots=True)
class Placed:
    """One map with its surroundings: the title's and note's places and the sign in front of it."""

    cells: Cells
    title_y: float
    note_y: float
    sign_x: float
    sign_y: float


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Several maps in one widget. ``digits`` is how many each number has, or None if none are written."""

    places: tuple[Placed, ...]
    height: float
    digits: int | None
    stacked: bool


def arrange(
    shapes: list[tuple[int, int] | None], notes: list[int], width: float, text_width: Callable[[int], float]
) -> Arrangement:
    """Place maps of ``shapes`` (rows, columns; None for a gap as large as the others) into ``width``.

    ``notes`` tells how many lines stand under each; ``text_width(digits)`` is the width of the widest
    number at that many significant digits. Side by side is tried first, then one above the other, for
    maps whose numbers can be read only there.
    """
    count = len(shapes)
    if not count:
        return Arrangement((), 0.0, None, stacked=False)
    rows, columns = max((shape for shape in shapes if shape is not None), default=(1, 1))
    alike = [shape or (rows, columns) for shape in shapes]
    side = (width - SIGN_WIDTH * (count - 1)) / count - 2 * MARGIN
    full = width - (SIGN_WIDTH if count > 1 else 0) - 2 * MARGIN
    readable = 0 < rows <= MOST_ROWS and 0 < columns <= MOST_COLUMNS
    if readable:
        for digits in (3, 2):
            needed = text_width(digits) + CELL_PADDING
            if columns * needed <= side:
                return _row(alike, notes, side, max(needed, CELL_HEIGHT), CELL_HEIGHT, digits)
        for digits in (3, 2):
            needed = text_width(digits) + CELL_PADDING
            if count > 1 and columns * needed <= full and rows * count <= 2 * MOST_ROWS:
                return _stack(
                    [shape or (1, columns) for shape in shapes],
                    notes,
                    full,
                    min(full / columns, needed + 8),
                    digits,
                )
    cell_width = min(CELL_HEIGHT, side / max(columns, 1))
    cell_height = cell_width
    if rows * cell_height > IMAGE_HEIGHT:
        cell_height = IMAGE_HEIGHT / rows
        cell_width = min(side / max(columns, 1), max(cell_height, 6.0 / max(columns, 1)))
    if rows * cell_height < 12:
        cell_height = 12 / max(rows, 1)
    return _row(alike, notes, side, cell_width, cell_height, None)


def _row(
    shapes: list[tuple[int, int]],
    notes: list[int],
    side: float,
    cell_width: float,
    cell_height: float,
    digits: int | None,
) -> Arrangement:
    places, x, tallest = [], 1.0, max((rows for rows, _ in shapes), default=0) * cell_height
    top = TITLE_HEIGHT + MARGIN
    for rows, columns in shapes:
        cells = Cells(x, top, rows, columns, min(cell_width, side / max(columns, 1)), cell_height)
        note_y = top + tallest + MARGIN + NOTE_GAP
        places.append(Placed(cells, 0, note_y, x - MARGIN - SIGN_WIDTH / 2, top + tallest / 2))
        x += side + 2 * MARGIN + SIGN_WIDTH
    height = top + tallest + MARGIN + NOTE_GAP + NOTE_HEIGHT * max(notes, default=0)
    return Arrangement(tuple(places), height, digits, stacked=False)


def _stack(
    shapes: list[tuple[int, int]], notes: list[int], full: float, cell_width: float, digits: int
) -> Arrangement:
    places, y = [], 0.0
    left = SIGN_WIDTH + MARGIN
    for (rows, columns), lines in zip(shapes, notes, strict=True):
        top = y + TITLE_HEIGHT + MARGIN
        cells = Cells(left, top, rows, columns, min(cell_width, full / max(columns, 1)), CELL_HEIGHT)
        places.append(Placed(cells, y, cells.bottom + MARGIN + 2, SIGN_WIDTH / 2, (top + cells.bottom) / 2))
        y = cells.bottom + MARGIN + 2 + NOTE_HEIGHT * lines + STACK_GAP
    return Arrangement(tuple(places), y - STACK_GAP, digits, stacked=True)


def texts_of(plane: Array, digits: int) -> Texts:
    """The text of every cell."""
    return [[number_text(value, digits) for value in row] for row in plane]


def widest(plane: Array, digits: int) -> str:
    """The longest text in ``plane``, found without writing all of them where it is large."""
    if plane.size == 0 or plane.shape[0] > MOST_ROWS or plane.shape[1] > MOST_COLUMNS:
        return ""
    return max((number_text(value, digits) for value in np.unique(plane)), key=len)
