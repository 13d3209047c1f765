"""In which row each node stands: every edge leads at least one row down."""

from __future__ import annotations

import numpy as np

from gradviz.layout.arrays import neighbours
from gradviz.layout.drawing import Ints, LayoutError, Pulse

SHALLOW = 6
"""Up to this many rows all ends of the graph stand together in the last one; a deeper graph would
be drawn through by their edges."""


def layers(part_of: Ints, edges: Ints, pulse: Pulse) -> tuple[Ints, Ints]:
    """The row of each node, from 0 in each part, and its height: the longest way down to an end, in edges.

    ``part_of``: (n,), the part of each node, counted from 0. ``edges``: (m, 2), distinct, no loops.
    A row is the longest way from a root. Roots that join late stand right above what they join, and in
    shallow parts the ends stand in one row, as the leaves of a loss do in a textbook. LayoutError where
    edges run in a circle.
    """
    count = len(part_of)
    sources, targets = edges.T
    below = neighbours(count, sources, targets)
    pulse.check()
    entering, leaving = np.bincount(targets, minlength=count), np.bincount(sources, minlength=count)
    lowest, order = _longest_ways(below, entering.tolist(), pulse)
    row = np.array(lowest, np.intp)
    late = np.full(count, np.iinfo(np.intp).max)
    np.minimum.at(late, sources, row[targets] - 1)
    roots = (entering == 0) & (leaving > 0)
    row[roots] = late[roots]
    last = np.zeros(int(part_of.max(initial=-1)) + 1, np.intp)
    np.maximum.at(last, part_of, row)
    ends = (leaving == 0) & (entering > 0) & (last < SHALLOW)[part_of]
    row[ends] = last[part_of[ends]]
    return row, np.array(_heights(below, order, pulse), np.intp)


def _longest_ways(below: list[list[int]], waiting: list[int], pulse: Pulse) -> tuple[list[int], list[int]]:
    """The longest way to each node, and the nodes, each after all that lead to it."""
    row = [0] * len(below)
    order = [node for node, open_edges in enumerate(waiting) if not open_edges]
    for node in pulse.each(order):
        next_row = row[node] + 1
        for target in below[node]:
            if row[target] < next_row:
                row[target] = next_row
            waiting[target] -= 1
            if not waiting[target]:
                order.append(target)
    if len(order) < len(below):
        raise LayoutError("the graph has a cycle, so it has no rows; choose another layout")
    return row, order


def _heights(below: list[list[int]], order: list[int], pulse: Pulse) -> list[int]:
    height = [0] * len(order)
    for node in pulse.each(reversed(order)):
        targets = below[node]
        if targets:
            height[node] = max([height[target] for target in targets]) + 1
    return height
