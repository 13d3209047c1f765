"""The layered layout, the default: gradients flow downwards from the loss to the leaves.

Rows by longest paths, dummies where an edge passes a row, an order with few crossings, Brandes-Köpf
coordinates, and a way for every edge that touches no other box. Each part of the graph is laid out for
itself; the parts stand side by side in the order of their first boxes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gradviz.layout import coordinates, layers, levels, ordering, parts, routes
from gradviz.layout.drawing import Cancelled, Drawing, Floats, Placement, Progress, check

Columns = Callable[[levels.Levels, Floats, list[int], Cancelled | None], Floats]
"""Gives the x of every node and dummy from the ordered rows, the nodes' widths and heights above the ends."""


def layered(drawing: Drawing, progress: Progress | None = None, cancelled: Cancelled | None = None) -> Placement:
    """Place every box and route every edge. LayoutError if edges run in a circle."""
    if not drawing.count:
        return Placement(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(1, np.intp), curved=True)
    members = parts.split(drawing)
    edges = parts.edges_of(drawing, members)
    placed = []
    done = 0
    for boxes, indices in zip(members, edges, strict=True):
        check(cancelled)
        placed.append(rows_of(parts.part(drawing, boxes, indices), coordinates.assign, cancelled))
        done += len(boxes)
        if progress is not None:
            progress(done / drawing.count)
    return parts.assemble(drawing, members, edges, placed)


def rows_of(drawing: Drawing, columns: Columns, cancelled: Cancelled | None = None) -> Placement:
    """One connected graph in rows, with the x that ``columns`` gives."""
    all_edges = [(source, target) for source, target in drawing.edges.tolist()]
    edges = sorted({edge for edge in all_edges if edge[0] != edge[1]})
    above, below = layers.links(drawing.count, edges)
    height = layers.heights(below, layers.topological(above, below))
    grid = levels.build(layers.rows(above, below), edges)
    ordering.arrange(grid, height, cancelled)
    widths, tall = drawing.sizes[:, 0], drawing.sizes[:, 1]
    x = np.rint(columns(grid, widths, height, cancelled))

    passes = routes.ways(grid, x, edges)
    ports = routes.ports(x, widths, passes)
    rows = routes.row_borders(grid, tall, passes, ports)
    y = rows.mean(axis=1)[grid.row[: grid.real]]
    half = np.zeros(grid.count)
    half[: grid.real] = widths / 2
    found = routes.draw(grid, passes, ports, rows, (y - tall / 2, y + tall / 2), (x - half, x + half))
    nowhere: Floats = np.zeros((0, 2))
    return Placement.of(
        np.column_stack([x[: drawing.count], y]),
        [found.get(edge, nowhere) for edge in all_edges],
        curved=True,
    )
