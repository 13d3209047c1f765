"""The layered layout, the default: gradients flow downwards from the loss to the leaves.

Rows by longest paths, dummies where an edge passes a row, an order with few crossings, Brandes-Köpf
coordinates, and a way for every edge that touches no other box. The parts of a graph go through this many at
a time, each in rows of its own, and then stand side by side in the order of their first boxes.

All of it works on arrays that hold every row and part at once; where one node waits for another (rows,
heights, the walk, the sweeps, the packing) it goes through lists of plain numbers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gradviz.layout import coordinates, levels, ordering, parts, routes
from gradviz.layout.arrays import ranges, starts
from gradviz.layout.drawing import Cancelled, Drawing, Floats, Ints, Placement, Progress, Pulse
from gradviz.layout.layers import layers
from gradviz.layout.swing import Rows

BATCH = 15_000
"""So many boxes go through at a time, more only if they are one part."""

Columns = Callable[[levels.Levels, Ints, Floats, Ints, Pulse], Floats]
"""Gives the x of every node and dummy from the levels, the members row by row, the nodes' widths, and their
heights above the ends."""


def layered(drawing: Drawing, progress: Progress | None = None, cancelled: Cancelled | None = None) -> Placement:
    """Place every box and route every edge. LayoutError if edges run in a circle."""
    return in_rows(drawing, coordinates.assign, Pulse(progress, cancelled))


def in_rows(drawing: Drawing, columns: Columns, pulse: Pulse) -> Placement:
    """All parts in rows, with the x that ``columns`` gives."""
    if not drawing.count:
        return Placement(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(1, np.intp), curved=True)
    pulse.check()
    found = parts.split(drawing)
    pulse.check()
    placed = []
    for first, last in _batches(found.sizes):
        low, high = found.box_starts[[first, last]] / drawing.count
        part_of = np.repeat(np.arange(last - first), found.sizes[first:last])
        placed.append(_rows_of(found.some(first, last), part_of, columns, pulse.part(float(low), float(high))))
    whole = found.assemble(placed)
    pulse.tell(1.0)
    return whole


def _batches(sizes: Ints) -> list[tuple[int, int]]:
    """The parts in groups, as (first, last + 1)."""
    borders, boxes = [0], 0
    for part, size in enumerate(sizes.tolist()):
        if boxes and boxes + size > BATCH:
            borders.append(part)
            boxes = 0
        boxes += size
    return list(zip(borders, [*borders[1:], len(sizes)], strict=True))


def _rows_of(drawing: Drawing, part_of: Ints, columns: Columns, pulse: Pulse) -> Placement:
    """Parts below each other; ``part_of``: the part of each box, counted from 0."""
    edges, edge_of = distinct(drawing)
    pulse.check()
    row, height = layers(part_of, edges, pulse.part(0.0, 0.15))
    pulse.tell(0.15)
    grid = levels.build(row, part_of, edges)
    pulse.tell(0.2)
    order = ordering.arrange(grid, height, pulse.part(0.2, 0.5))
    widths, tall = drawing.sizes.T
    x = np.rint(columns(grid, order, widths, height, pulse.part(0.5, 0.85)))
    pulse.tell(0.85)

    ways = routes.ways(grid, x, widths)
    rows = routes.row_borders(grid, x, tall, ways)
    pulse.tell(0.9)
    y = ((rows.top + rows.bottom) / 2)[grid.row[: grid.real]]
    points, counts = routes.draw(grid, order, x, widths, Rows(y - tall / 2, y + tall / 2), rows, ways)
    pulse.tell(0.95)
    first, counts = starts(counts)[edge_of], np.append(counts, 0)[edge_of]
    return Placement(
        np.column_stack([x[: drawing.count], y]), points[ranges(first, counts)], starts(counts), curved=True
    )


def distinct(drawing: Drawing) -> tuple[Ints, Ints]:
    """The edges between different boxes, each once, and for each edge which of them it is; loops are one beyond
    the last."""
    sources, targets = drawing.edges.T
    key = np.where(sources == targets, drawing.count**2, sources * drawing.count + targets)
    found, edge_of = np.unique(key, return_inverse=True)
    if len(found) and found[-1] == drawing.count**2:
        found = found[:-1]
    return np.column_stack(np.divmod(found, drawing.count)), edge_of
