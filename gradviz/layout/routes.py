"""The way of every edge through the rows.

Between two rows an edge is an S with vertical ends, inside a row it is vertical: it never touches a
box that is not its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradviz.layout import lanes, ports
from gradviz.layout.arrays import ranges, starts
from gradviz.layout.drawing import ROW_GAP, Bools, Floats, Ints
from gradviz.layout.levels import Levels
from gradviz.layout.swing import Rows, swing

STEEPNESS = 0.13
"""A gap grows by this much for each unit of the widest S in it, so that no S lies flat."""
WIDEST_GAP = 120.0


@dataclass(frozen=True, slots=True)
class Ways:
    """Of each edge the x at which it leaves and enters, and those in the first and last row it passes
    (where it passes none: of its target and its source)."""

    leave: Floats
    above: Floats
    below: Floats
    enter: Floats
    passes: Bools


def ways(levels: Levels, x: Floats, widths: Floats) -> Ways:
    """Through its dummies, or by the side for an edge that has none."""
    sources, targets = levels.edges.T
    lanes.straighten(levels, x)
    lane = lanes.lanes(levels, x, widths)
    passed, outside = levels.passed > 0, levels.outside
    first = np.where(passed, levels.first, targets)
    last = np.where(passed, levels.first + levels.passed - 1, sources)
    above, below = x[first], x[last]
    above[outside] = below[outside] = lane[levels.trunk[outside]]
    first[outside] = last[outside] = levels.count + levels.trunk[outside]

    real = x[: levels.real]
    enter = ports.enter(targets, last, below, real, widths)
    direct = ~(passed | outside)
    above[direct] = enter[direct]
    leave = ports.leave(sources, first, above, real, widths)
    below[direct] = leave[direct]
    return Ways(leave, above, below, enter, ~direct)


def row_borders(levels: Levels, x: Floats, tall: Floats, ways: Ways) -> Rows:
    """Where the rows are. The gap below one depends on the widest S in it."""
    count = int(levels.row.max(initial=-1)) + 1
    height, span = np.zeros(count), np.zeros(count)
    np.maximum.at(height, levels.row[: levels.real], tall)
    sources, targets = levels.row[levels.edges.T]
    np.maximum.at(span, sources, np.abs(ways.above - ways.leave))
    np.maximum.at(span, targets - 1, np.abs(ways.enter - ways.below))
    bends = lanes.bends(levels, x)
    np.maximum.at(span, levels.row[bends], np.abs(x[bends + 1] - x[bends]))
    gaps = np.rint(np.minimum(ROW_GAP + STEEPNESS * span, WIDEST_GAP))  # whole pixels are crisp
    tops = np.concatenate([[0.0], np.cumsum(height + gaps)[:-1]])
    return Rows(tops, tops + height)


def draw(levels: Levels, order: Ints, x: Floats, widths: Floats, boxes: Rows, rows: Rows, ways: Ways) -> Routes:
    """The points of each edge from the bottom of its source to the top of its target.

    ``boxes``: the tops and bottoms of the boxes; ``rows``: those of the rows.
    """
    sources, targets = levels.edges.T
    first_row, last_row = levels.row[sources], levels.row[targets]
    start = ways.leave, rows.bottom[first_row]
    end = ways.enter, rows.top[last_row]
    early, late = swing(levels, order, x, widths, rows, start, end)

    at = lanes.bends(levels, x)
    passed = levels.passed > 0
    low = np.searchsorted(at, levels.first)
    bent = np.where(passed, np.searchsorted(at, levels.first + levels.passed - 1) - low, 0)
    counts = np.where(ways.passes, 6 + 2 * bent, 4)
    offsets = starts(counts)
    points = np.empty((offsets[-1], 2))
    head, tail = offsets[:-1], offsets[1:] - 1
    points[head] = np.column_stack([ways.leave, boxes.bottom[sources]])
    points[head + 1] = np.column_stack(start)
    points[tail - 1] = np.column_stack(end)
    points[tail] = np.column_stack([ways.enter, boxes.top[targets]])
    on = np.flatnonzero(ways.passes)
    fall = np.where(early > 0, rows.bottom[first_row + early], rows.top[first_row + 1])
    points[head[on] + 2] = np.column_stack([ways.above, fall])[on]
    rise = np.where(late > 0, rows.top[last_row - late], rows.bottom[last_row - 1])
    points[tail[on] - 2] = np.column_stack([ways.below, rise])[on]
    dummy = at[ranges(low, bent)]
    place = ranges(head + 3, 2 * bent)
    points[place[::2]] = np.column_stack([x[dummy], rows.bottom[levels.row[dummy]]])
    points[place[1::2]] = np.column_stack([x[dummy + 1], rows.top[levels.row[dummy] + 1]])
    return _simplified(points, counts)


Routes = tuple[Floats, Ints]
"""The points of all edges, and how many each one has."""


def _simplified(points: Floats, counts: Ints) -> Routes:
    """Without points that repeat or lie inside a vertical line."""
    edge = np.repeat(np.arange(len(counts)), counts)
    repeats = np.zeros(len(points), np.bool_)
    repeats[1:] = (edge[1:] == edge[:-1]) & (points[1:] == points[:-1]).all(axis=1)
    points, edge = points[~repeats], edge[~repeats]
    straight = (edge[1:] == edge[:-1]) & (points[1:, 0] == points[:-1, 0])
    kept = np.ones(len(points), np.bool_)
    kept[1:-1] = ~(straight[1:] & straight[:-1])
    return points[kept], np.bincount(edge[kept], minlength=len(counts))
