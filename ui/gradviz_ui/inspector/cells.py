"""Where the cells of heat maps lie: side by side or stacked, with numbers or not. Without painting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gradviz.projection.heat import Array
from gradviz.trace.numbers import number_text

TITLE_HEIGHT = 19
NOTE_HEIGHT = 17
NOTE_GAP = 7
SIGN_WIDTH = 24
STACK_GAP = 10
CELL_HEIGHT = 18.0
CELL_PADDING = 7
MARGIN = 5
"""Room around a map for the frame of the one that stands out."""

GAP_WIDTH = 46.0
"""Of what stands in the place of a map that is not there."""
LEAST_STEP = 90.0
"""Small maps stand this far apart at least, so that the notes under them do not meet."""

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
class Outline:
    """What must find room: a map of ``size`` (rows, columns) or a gap, lines under it, perhaps a title."""

    size: tuple[int, int] | None
    notes: int
    titled: bool = True


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


def arrange(outlines: list[Outline], width: float, text_width: Callable[[int], float]) -> Arrangement:
    """Place maps into ``width``; ``text_width(digits)`` is the width of the widest number written so.

    Side by side is tried first, then one above the other, for maps whose numbers can be read only there.
    """
    count = len(outlines)
    gaps = sum(outline.size is None for outline in outlines)
    if not count:
        return Arrangement((), 0.0, None, stacked=False)
    rows, columns = max((outline.size for outline in outlines if outline.size is not None), default=(1, 1))
    room = width - SIGN_WIDTH * (count - 1) - 2 * MARGIN * count - GAP_WIDTH * gaps
    side = room / max(count - gaps, 1)
    full = width - (SIGN_WIDTH if count > 1 else 0) - 2 * MARGIN
    readable = 0 < rows <= MOST_ROWS and 0 < columns <= MOST_COLUMNS
    for digits in (3, 2) if readable else ():
        needed = text_width(digits) + CELL_PADDING
        if columns * needed <= side:
            return _row(outlines, side, min(max(needed, CELL_HEIGHT), side / columns), CELL_HEIGHT, digits)
    for digits in (3, 2) if readable and count > 1 and rows * count <= 2 * MOST_ROWS else ():
        needed = text_width(digits) + CELL_PADDING
        if columns * needed <= full:
            return _stack(outlines, min(full / columns, needed + CELL_PADDING), digits)
    return _row(outlines, side, *_pixel(rows, columns, side), None)


def _pixel(rows: int, columns: int, side: float) -> tuple[float, float]:
    """The width and height of a cell without text: square, unless the map would be a thread or a tower."""
    width = min(CELL_HEIGHT, side / max(columns, 1))
    if rows * width > IMAGE_HEIGHT:
        height = IMAGE_HEIGHT / rows
        return min(width, max(height, 6.0 / max(columns, 1))), height
    return width, max(width, 12 / max(rows, 1))


def _row(
    outlines: list[Outline], side: float, cell_width: float, cell_height: float, digits: int | None
) -> Arrangement:
    sizes = [outline.size for outline in outlines]
    tallest = max((size[0] for size in sizes if size is not None), default=1) * cell_height
    widest_map = max((size[1] for size in sizes if size is not None), default=1) * cell_width
    step = min(side, max(widest_map, LEAST_STEP)) + 2 * MARGIN + SIGN_WIDTH
    top = _top(outlines)
    places, x = [], 1.0
    for size in sizes:
        if size is None:
            cells = Cells(x, top, 1, 1, GAP_WIDTH, tallest)
        else:
            cells = Cells(x, top, *size, cell_width, cell_height)
        note_y = top + tallest + MARGIN + NOTE_GAP
        places.append(Placed(cells, 0, note_y, x - MARGIN - SIGN_WIDTH / 2, top + tallest / 2))
        x += step if size is not None else GAP_WIDTH + 2 * MARGIN + SIGN_WIDTH
    notes = max(outline.notes for outline in outlines)
    height = top + tallest + MARGIN + (NOTE_GAP + NOTE_HEIGHT * notes if notes else 0)
    return Arrangement(tuple(places), height, digits, stacked=False)


def _stack(outlines: list[Outline], cell_width: float, digits: int) -> Arrangement:
    places, y = [], 0.0
    for outline in outlines:
        top = y + _top([outline])
        rows, columns = outline.size or (1, 1)
        wide = cell_width if outline.size is not None else GAP_WIDTH
        cells = Cells(SIGN_WIDTH + MARGIN, top, rows, columns, wide, CELL_HEIGHT)
        places.append(Placed(cells, y, cells.bottom + MARGIN + 2, SIGN_WIDTH / 2, (top + cells.bottom) / 2))
        y = cells.bottom + MARGIN + 2 + NOTE_HEIGHT * outline.notes + STACK_GAP
    return Arrangement(tuple(places), y - STACK_GAP, digits, stacked=True)


def _top(outlines: list[Outline]) -> float:
    return MARGIN + (TITLE_HEIGHT if any(outline.titled for outline in outlines) else 0)


def texts_of(plane: Array, digits: int) -> Texts:
    """The text of every cell."""
    return [[number_text(value, digits) for value in row] for row in plane]


def widest(plane: Array, digits: int) -> str:
    """The longest text in ``plane``, found without writing all of them where it is large."""
    if plane.size == 0 or plane.shape[0] > MOST_ROWS or plane.shape[1] > MOST_COLUMNS:
        return ""
    return max((number_text(value, digits) for value in dict.fromkeys(plane.ravel())), key=len)
