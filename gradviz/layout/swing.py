"""An S that goes on through rows that are free beside it is not so flat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradviz.layout.drawing import Bools, Floats, Ints
from gradviz.layout.levels import Levels

CLEARANCE = 12.0
"""Between an S that goes on through a row and what stands in the row."""
SWING = 1.1
"""An S is made up to so many times as high as wide, where there is room."""
LONGEST = 6
"""Through so many rows at most."""

_SHARE = np.linspace(0.0, 1.0, 33)
_DOWN = 1.5 * _SHARE * (1 - _SHARE) + _SHARE**3
_ACROSS = 3 * _SHARE**2 - 2 * _SHARE**3
"""An S with both control points at half its height: how far down and how far across it has come."""

Points = tuple[Floats, Floats]
"""x and y."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The y of the top and of the bottom of each row, or box."""

    top: Floats
    bottom: Floats


def swing(
    levels: Levels, order: Ints, x: Floats, widths: Floats, rows: Rows, start: Points, end: Points
) -> tuple[Ints, Ints]:
    """Through how many of the rows it passes the S at the start of each edge goes on, and that at its end.

    ``start`` and ``end``: where the edges leave the row of their source and enter that of their target. 0 keeps
    the S between two rows.
    """
    sources, targets = levels.edges.T
    room = _free_room(levels, order, x, widths)
    early, late = np.zeros(len(sources), np.intp), np.zeros(len(sources), np.intp)
    on = np.flatnonzero((levels.passed > 0) & (start[0] != x[levels.first]))
    line = _Line(start[0][on], start[1][on], levels.row[sources[on]], levels.first[on], levels.passed[on], 1)
    early[on] = _reach(line, rows, x, room)

    left = levels.passed - early
    last = levels.first + levels.passed - 1
    on = np.flatnonzero((left > 0) & (end[0] != x[np.minimum(last, len(x) - 1)]))
    line = _Line(end[0][on], -end[1][on], levels.row[targets[on]], last[on], left[on], -1)
    late[on] = _reach(line, Rows(-rows.bottom, -rows.top), x, room)
    return early, late


@dataclass(frozen=True, slots=True)
class _Line:
    """The S's to look at: where each starts, in which row, the first dummy it makes for, how many rows it may
    go through, and whether rows and dummies count up (1) or down (-1) on the way."""

    x: Floats
    y: Floats
    row: Ints
    dummy: Ints
    most: Ints
    step: int


def _reach(line: _Line, rows: Rows, x: Floats, room: tuple[Floats, Floats]) -> Ints:
    low, high = room
    there = x[line.dummy]
    wanted = line.y + SWING * np.abs(there - line.x)
    most = np.zeros(len(there), np.intp)
    for number in range(LONGEST):
        going = np.flatnonzero((most == number) & (line.most > number))
        further = rows.bottom[line.row[going] + line.step * (number + 1)] <= wanted[going]
        further &= x[line.dummy[going] + line.step * number] == there[going]
        most[going[further]] += 1
    found = np.zeros(len(there), np.intp)
    for count in range(LONGEST, 0, -1):
        open_ = np.flatnonzero((most >= count) & (found == 0))
        row, here = line.row[open_], line.x[open_]
        height = rows.bottom[row + line.step * count] - line.y[open_]
        free: Bools = np.ones(len(open_), np.bool_)
        for number in range(count):
            down = (rows.top[row + line.step * (number + 1)] - line.y[open_]) / height
            reached = here + (there[open_] - here) * np.interp(down, _DOWN, _ACROSS)
            dummy = line.dummy[open_] + line.step * number
            free &= (low[dummy] <= reached) & (reached <= high[dummy])
        found[open_[free]] = count
    return found


def _free_room(levels: Levels, order: Ints, x: Floats, widths: Floats) -> tuple[Floats, Floats]:
    """For each member between which x its row is free, as far as its neighbours."""
    half = np.zeros(levels.count)
    half[: levels.real] = widths / 2
    low, high = np.full(levels.count, -np.inf), np.full(levels.count, np.inf)
    left, right = order[:-1], order[1:]
    beside = levels.row[left] == levels.row[right]
    left, right = left[beside], right[beside]
    low[right] = x[left] + half[left] + CLEARANCE
    high[left] = x[right] - half[right] - CLEARANCE
    return low, high
