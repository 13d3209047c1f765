"""The edges that pass by the side of their part: each trunk of them in a lane at the right of all boxes."""

from __future__ import annotations

from heapq import heappop, heappush

import numpy as np

from gradviz.layout.drawing import Floats, Ints
from gradviz.layout.levels import Levels

SIDE = 60.0
"""Between the boxes and the first lane."""
LANE_GAP = 14.0
"""Between lanes."""
BENDS = 16
"""A trunk that costs each of its edges so many bends is taken out and passes by the side: a route that
repeats the bends of a long way for each of many edges would take more room than the graph."""


def straighten(levels: Levels, x: Floats) -> None:
    """Take trunks that bend too much for many edges out of the rows."""
    on = np.flatnonzero(levels.trunk >= 0)
    trunk, count = levels.trunk[on], len(levels.trunk_rows)
    shared = np.bincount(trunk, minlength=count)
    each = np.bincount(trunk, passed_bends(levels, x)[on], count)
    crooked = on[((shared > 1) & (each > BENDS * shared))[trunk]]
    levels.outside[crooked] = True
    levels.passed[crooked] = 0


def bends(levels: Levels, x: Floats) -> Ints:
    """The dummies whose trunk goes on at another x below them."""
    dummies = np.arange(levels.real, levels.count - 1)
    on = levels.trunk_of[:-1] == levels.trunk_of[1:]
    found: Ints = dummies[on & (x[dummies] != x[dummies + 1])]
    return found


def passed_bends(levels: Levels, x: Floats) -> Ints:
    """How many bends each edge passes between its ends."""
    at = bends(levels, x)
    low, high = levels.first, levels.first + np.maximum(levels.passed - 1, 0)
    return np.searchsorted(at, high) - np.searchsorted(at, low)


def lanes(levels: Levels, x: Floats, widths: Floats) -> Floats:
    """The x of the lane of each trunk that passes by the side; 0 for the others."""
    found = np.zeros(len(levels.trunk_rows))
    trunks = np.unique(levels.trunk[levels.outside])
    if not len(trunks):
        return found
    side = np.full(int(levels.part_of.max()) + 1, -np.inf)
    right = x.copy()
    right[: levels.real] += widths / 2
    np.maximum.at(side, levels.part_of, right)
    part = np.zeros(len(found), np.intp)
    part[levels.trunk[levels.outside]] = levels.part_of[levels.edges[levels.outside, 0]]
    found[trunks] = side[part[trunks]] + SIDE + LANE_GAP * _numbers(levels.trunk_rows[trunks])
    return found


def _numbers(rows: Ints) -> Ints:
    """A lane for each (first, last) of ``rows``: the first one that is free."""
    number = np.zeros(len(rows), np.intp)
    free: list[int] = []
    used: list[tuple[int, int]] = []
    count = 0
    for index in np.lexsort((-rows[:, 1], rows[:, 0])).tolist():
        first, last = rows[index].tolist()
        while used and used[0][0] < first - 1:
            heappush(free, heappop(used)[1])
        if free:
            lane = heappop(free)
        else:
            lane, count = count, count + 1
        number[index] = lane
        heappush(used, (last, lane))
    return number
