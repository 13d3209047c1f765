"""What lies at a point or in a rectangle of a scene, by bisection over sorted arrays."""

from __future__ import annotations

import numpy as np

from gradviz.layout.drawing import Floats, Ints
from gradviz.projection.scene import Rectangle, Scene


def boxes_in(scene: Scene, area: Rectangle) -> Ints:
    """The boxes that touch a rectangle, from top to bottom."""
    left, top, width, height = area
    order, rects = scene.box_order, scene.rects
    if not len(order):
        return order
    tops = rects[order, 1]
    tallest = float(rects[:, 3].max())
    first = int(np.searchsorted(tops, top - tallest))
    last = int(np.searchsorted(tops, top + height, "right"))
    near = order[first:last]
    at = rects[near]
    inside = (at[:, 1] + at[:, 3] >= top) & (at[:, 0] <= left + width) & (at[:, 0] + at[:, 2] >= left)
    return near[inside]


def segments_in(scene: Scene, area: Rectangle, scale: float | None = None) -> tuple[Floats, Ints]:
    """The straight pieces of links whose surrounding rectangle touches ``area``, and each one's link.

    With a ``scale``, only those that are needed to paint at it.
    """
    left, top, width, height = area
    lines, owners = scene.segments if scale is None else scene.coarse_segments(scale)
    if not len(lines):
        return lines, owners
    upper = np.minimum(lines[:, 1], lines[:, 3])
    lower = np.maximum(lines[:, 1], lines[:, 3])
    longest = float((lower - upper).max())
    first = int(np.searchsorted(upper, top - longest))
    last = int(np.searchsorted(upper, top + height, "right"))
    near = slice(first, last)
    xs = lines[near][:, [0, 2]]
    inside = (lower[near] >= top) & (xs.min(axis=1) <= left + width) & (xs.max(axis=1) >= left)
    return lines[near][inside], owners[near][inside]


def box_at(scene: Scene, x: float, y: float) -> int | None:
    """The box at a point."""
    found = boxes_in(scene, (x, y, 0.0, 0.0))
    return int(found[-1]) if len(found) else None


def link_at(scene: Scene, x: float, y: float, reach: float) -> int | None:
    """The nearest link within ``reach`` of a point."""
    lines, owners = segments_in(scene, (x - reach, y - reach, 2 * reach, 2 * reach))
    if not len(lines):
        return None
    start, way = lines[:, :2], lines[:, 2:] - lines[:, :2]
    length = np.maximum((way**2).sum(axis=1), 1e-12)
    share = np.clip((((x, y) - start) * way).sum(axis=1) / length, 0.0, 1.0)
    distance = np.hypot(*(start + share[:, None] * way - (x, y)).T)
    nearest = int(np.argmin(distance))
    return int(owners[nearest]) if distance[nearest] <= reach else None


def neighbour(scene: Scene, box: int, direction: str) -> int | None:
    """The box that lies next to ``box`` towards "up", "down", "left" or "right".

    Up and down follow links where there are any: to the one straightest ahead. Otherwise the nearest box
    in that direction, distance sideways counted twice.
    """
    centres = scene.rects[:, :2] + scene.rects[:, 2:] / 2
    away = centres - centres[box]
    axis, sign = {"up": (1, -1), "down": (1, 1), "left": (0, -1), "right": (0, 1)}[direction]
    ahead = away[:, axis] * sign
    if axis == 1:
        linked = {int(end) for link in scene.links_of_box[box] for end in (scene.sources[link], scene.targets[link])}
        linked = {other for other in linked - {box} if ahead[other] > 0}
        if linked:
            return min(linked, key=lambda other: (abs(away[other, 0]), ahead[other], other))
    cost = np.where(ahead > 1e-6, ahead + 2 * np.abs(away[:, 1 - axis]), np.inf)
    nearest = int(np.argmin(cost)) if len(cost) else 0
    return nearest if len(cost) and np.isfinite(cost[nearest]) else None
