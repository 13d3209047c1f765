"""What a good drawing has, measured."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from gradviz.layout.drawing import Drawing, Placement


def overlapping(drawing: Drawing, placed: Placement) -> int:
    """How many pairs of boxes overlap."""
    distance = np.abs(placed.centres[:, None] - placed.centres[None, :])
    need = (drawing.sizes[:, None] + drawing.sizes[None, :]) / 2
    return int(np.triu((distance < need - 1e-6).all(axis=2), 1).sum())


def sampled(placed: Placement, edge: int, steps: int = 24) -> np.ndarray:
    """Many points along an edge as it is painted: an S between two points at different x, if curved."""
    route = placed.route(edge)
    share = np.linspace(0, 1, steps)[:, None]
    pieces = []
    for start, end in pairwise(route):
        if placed.curved:
            middle = (start[1] + end[1]) / 2
            a, b = np.array([start[0], middle]), np.array([end[0], middle])
            pieces.append(
                (1 - share) ** 3 * start
                + 3 * (1 - share) ** 2 * share * a
                + 3 * (1 - share) * share**2 * b
                + share**3 * end
            )
        else:
            pieces.append(start + share * (end - start))
    return np.concatenate(pieces)


def through_boxes(drawing: Drawing, placed: Placement) -> list[tuple[int, int]]:
    """The (edge, box) pairs in which an edge runs through a box that is not one of its ends."""
    found = []
    for edge, (source, target) in enumerate(drawing.edges.tolist()):
        points = sampled(placed, edge)
        inside = (np.abs(points[:, None] - placed.centres[None]) < drawing.sizes / 2 - 0.5).all(axis=2).any(axis=0)
        inside[[source, target]] = False
        found += [(edge, int(box)) for box in np.flatnonzero(inside)]
    return found


def ends_on_borders(drawing: Drawing, placed: Placement, edge: int) -> bool:
    """Does the edge start on its source's border and end on its target's?"""
    route = placed.route(edge)
    for point, box in zip((route[0], route[-1]), drawing.edges[edge], strict=True):
        share = np.abs(point - placed.centres[box]) / (drawing.sizes[box] / 2)
        if not np.isclose(share.max(), 1.0):
            return False
    return True
