"""A diagram with a place for everything: arrays that are painted, searched and exported.

A scene does not depend on the step; `Frame` adds what does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from itertools import pairwise
from math import ceil, log2
from typing import Any

import numpy as np

from gradviz.layout import Drawing, Placement, place
from gradviz.layout.drawing import Cancelled, Floats, Ints, Progress
from gradviz.projection.diagram import Box, BoxKind, Diagram, View
from gradviz.projection.forward import diagram
from gradviz.projection.sizes import sizes
from gradviz.trace.protocol import TraceLike

PARALLEL_GAP = 12.0
"""Between links that join the same two boxes."""
ROOT_ROOM = 44.0
"""Above a box for the name of its tensor and the gradient its call started with."""
MARGIN = 24.0
LABEL_ROOM = 96.0
"""At the right of everything for the label of a link."""
CROWD = 2000
"""Pieces of links; fewer are painted one by one however small they are."""
LABEL_RISE = 13.0
"""How far a label stands above or below a flat link."""
CURVE_STEPS = 10
"""Straight pieces of an S where it is searched or painted small."""

Rectangle = tuple[float, float, float, float]
"""Left, top, width and height."""


class Scene:
    """Boxes and links with their places. Index i is box i of ``diagram``, or link i.

    ``rects``: (n, 4), left, top, width, height. ``kinds``: the `BoxKind` of each box. ``sources`` and
    ``targets``: the boxes each link joins. ``curved``: see `Placement`.
    """

    def __init__(self, diagram: Diagram, placement: Placement, box_sizes: Floats) -> None:
        self.diagram = diagram
        self.curved = placement.curved
        self.rects: Floats = np.column_stack([placement.centres - box_sizes / 2, box_sizes])
        self.kinds = np.array([box.kind for box in diagram.boxes], np.uint8)
        self.sources = np.array([link.source for link in diagram.links], np.intp)
        self.targets = np.array([link.target for link in diagram.links], np.intp)
        self._coarse: dict[int, tuple[Floats, Ints]] = {}
        self._placement = placement
        self._shift = _parallel_shifts(self.sources, self.targets)

    @property
    def boxes(self) -> list[Box]:
        return self.diagram.boxes

    @cached_property
    def box_order(self) -> Ints:
        """The boxes from top to bottom: those in a strip are found by bisection."""
        return np.argsort(self.rects[:, 1], kind="stable")

    @cached_property
    def boxes_of_node(self) -> dict[int, tuple[int, ...]]:
        """The boxes that stand for each node."""
        found: dict[int, list[int]] = {}
        for index, box in enumerate(self.boxes):
            for node in box.nodes:
                found.setdefault(node, []).append(index)
        return {node: tuple(boxes) for node, boxes in found.items()}

    @cached_property
    def _boxes_of_value(self) -> dict[int, tuple[int, ...]]:
        found: dict[int, list[int]] = {}
        for index, box in enumerate(self.boxes):
            if box.kind is BoxKind.TENSOR and box.value is not None:
                found.setdefault(box.value, []).append(index)
        return {value: tuple(boxes) for value, boxes in found.items()}

    def kin(self, box: int) -> frozenset[int]:
        """The boxes that stand for the same node or tensor, the box itself among them."""
        shown = self.boxes[box]
        found = {box}
        if shown.nodes:
            found.update(self.boxes_of_node[shown.nodes[0]])
        if shown.kind is BoxKind.TENSOR and shown.value is not None:
            found.update(self._boxes_of_value[shown.value])
        return frozenset(found)

    @cached_property
    def link_of_edge(self) -> dict[int, int]:
        """The link that stands for each edge of the trace."""
        return {link.edge: index for index, link in enumerate(self.diagram.links) if link.edge >= 0}

    @cached_property
    def links_of_box(self) -> list[list[int]]:
        """The links that begin or end at each box."""
        found: list[list[int]] = [[] for _ in self.boxes]
        for index, link in enumerate(self.diagram.links):
            found[link.source].append(index)
            if link.target != link.source:
                found[link.target].append(index)
        return found

    @cached_property
    def links_into(self) -> list[list[int]]:
        """The links that end at each box."""
        found: list[list[int]] = [[] for _ in self.boxes]
        for index, link in enumerate(self.diagram.links):
            found[link.target].append(index)
        return found

    @cached_property
    def bounds(self) -> Rectangle:
        """The rectangle around everything, names of roots and a margin included."""
        if not len(self.rects):
            return 0.0, 0.0, 0.0, 0.0
        low = np.minimum(self.rects[:, :2].min(axis=0), self.segments[0][:, [0, 1]].min(axis=0, initial=np.inf))
        ends = self.segments[0].reshape(-1, 2)
        low = np.minimum(self.rects[:, :2].min(axis=0), ends.min(axis=0, initial=np.inf))
        high = np.maximum((self.rects[:, :2] + self.rects[:, 2:]).max(axis=0), ends.max(axis=0, initial=-np.inf))
        left, top = low[0] - MARGIN, low[1] - MARGIN - ROOT_ROOM
        right, bottom = high[0] + MARGIN + LABEL_ROOM, high[1] + MARGIN
        return float(left), float(top), float(right - left), float(bottom - top)

    def route(self, link: int) -> Floats:
        """The points of a link, (k, 2); empty for a loop."""
        points: Floats = self._placement.route(link) + self._shift[link]
        return points

    def pieces(self, link: int) -> list[tuple[Floats, bool]]:
        """A link as pieces to paint: (start, end) points, or the four control points of an S (True)."""
        found: list[tuple[Floats, bool]] = []
        for start, end in pairwise(self.route(link)):
            if self.curved and start[0] != end[0] and start[1] != end[1]:
                middle = (start[1] + end[1]) / 2
                found.append((np.array([start, (start[0], middle), (end[0], middle), end]), True))
            else:
                found.append((np.array([start, end]), False))
        return found

    @cached_property
    def segments(self) -> tuple[Floats, Ints]:
        """All links as straight pieces from top to bottom: (s, 4) x1, y1, x2, y2, and the link of each."""
        placement = self._placement
        counts = np.diff(placement.offsets)
        link = np.repeat(np.arange(len(counts)), counts)
        points = placement.points + self._shift[link]
        inside = np.flatnonzero(link[:-1] == link[1:])
        lines = np.column_stack([points[inside], points[inside + 1]])
        owner = link[inside]
        if self.curved:
            bent = lines[:, 0] != lines[:, 2]
            lines = np.concatenate([lines[~bent], _flatten(lines[bent])])
            owner = np.concatenate([owner[~bent], np.repeat(owner[bent], CURVE_STEPS)])
        order = np.argsort(np.minimum(lines[:, 1], lines[:, 3]), kind="stable")
        return np.ascontiguousarray(lines[order]), owner[order]

    def coarse_segments(self, scale: float) -> tuple[Floats, Ints]:
        """`segments` for painting at a small scale: one of all pieces that fall on the same pixels.

        Worked out once for each doubling of the scale, at which some pieces lie on the same pixels still.
        """
        if len(self.segments[0]) < CROWD:
            return self.segments
        doubling = ceil(log2(scale))
        found = self._coarse.get(doubling)
        if found is None:
            lines, owners = self.segments
            pixels = np.floor(lines * 2.0**doubling).astype(np.int64)
            pixels -= pixels.min(axis=0)
            key = np.zeros(len(lines), np.int64)
            for column in pixels.T:
                key = key * (int(column.max()) + 1) + column
            _, first = np.unique(key, return_index=True)
            first.sort()
            found = self._coarse[doubling] = (lines[first], owners[first])
        return found

    @cached_property
    def ends(self) -> Floats:
        """(m, 4): the last straight stretch of each link, which its arrow head follows."""
        found = np.zeros((len(self.sources), 4))
        for link in range(len(found)):
            route = self.route(link)
            if len(route) > 1:
                start, end = route[-2], route[-1]
                if self.curved:  # an S ends vertically
                    start = np.array([end[0], min(start[1], end[1] - 1)])
                found[link] = (*start, *end)
        return found

    def middle(self, link: int) -> tuple[float, float]:
        """The point half-way along a link."""
        return self._half_way(link)[0]

    def label_place(self, link: int) -> tuple[float, float]:
        """Where a link's label begins: right of the middle, on the side that a flat S leaves free."""
        (x, y), (across, down) = self._half_way(link)
        if abs(across) > 0.4 * abs(down):
            return x + 6.0, y + (-LABEL_RISE if across > 0 else LABEL_RISE)
        return x + 10.0, y

    def _half_way(self, link: int) -> tuple[tuple[float, float], tuple[float, float]]:
        """The middle of a link, and the way from end to end of the piece it lies in."""
        route = self.route(link)
        if len(route) < 2:
            left, top, width, _ = self.box_bounds(int(self.sources[link]))
            return (left + width, top), (0.0, 1.0)
        lengths = np.hypot(*np.diff(route, axis=0).T)
        half = lengths.sum() / 2
        reached = np.concatenate([[0.0], np.cumsum(lengths)])
        piece = int(np.clip(np.searchsorted(reached, half) - 1, 0, len(lengths) - 1))
        share = (half - reached[piece]) / max(lengths[piece], 1e-9)
        across, down = (route[piece + 1] - route[piece]).tolist()
        x, y = route[piece].tolist()
        far_across, far_down = _s_curve(share) if self.curved and across else (share, share)
        return (x + float(far_across) * across, y + float(far_down) * down), (across, down)

    def link_bounds(self, link: int) -> Rectangle:
        """The rectangle around a link, without its width and label."""
        route = self.route(link)
        if not len(route):
            return self.box_bounds(int(self.sources[link]))
        (left, top), (right, bottom) = route.min(axis=0), route.max(axis=0)
        return float(left), float(top), float(right - left), float(bottom - top)

    def box_bounds(self, box: int) -> Rectangle:
        """A box's rectangle."""
        left, top, width, height = self.rects[box].tolist()
        return left, top, width, height


def prepare(trace: TraceLike, view: View) -> tuple[Diagram, Drawing]:
    """What there is to draw, and what a layout must know of it."""
    found = diagram(trace, view)
    return found, Drawing.of(sizes(found), [(link.source, link.target) for link in found.links])


def build(
    trace: TraceLike,
    view: View = "backward",
    layout: str = "layered",
    *,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
    placed: Callable[..., Placement] = place,
) -> Scene:
    """The scene of a view. LayoutError and LayoutCancelled as `place` raises them."""
    found, drawing = prepare(trace, view)
    placement = placed(drawing, layout, progress=progress, cancelled=cancelled)
    return Scene(found, placement, drawing.sizes)


def _parallel_shifts(sources: Ints, targets: Ints) -> Floats:
    """(m, 2): how far each link moves aside so that links between the same boxes lie side by side."""
    shifts = np.zeros((len(sources), 2))
    together: dict[tuple[int, int], list[int]] = {}
    for index, pair in enumerate(zip(sources.tolist(), targets.tolist(), strict=True)):
        together.setdefault(pair, []).append(index)
    for links in together.values():
        for place_in, index in enumerate(links):
            shifts[index, 0] = (place_in - (len(links) - 1) / 2) * PARALLEL_GAP
    return shifts


def _flatten(lines: Floats) -> Floats:
    """Each (x1, y1, x2, y2) as an S with vertical ends, in `CURVE_STEPS` straight pieces."""
    across, down = _s_curve(np.linspace(0, 1, CURVE_STEPS + 1))
    x = lines[:, :1] + (lines[:, 2:3] - lines[:, :1]) * across
    y = lines[:, 1:2] + (lines[:, 3:4] - lines[:, 1:2]) * down
    return np.stack([x[:, :-1], y[:, :-1], x[:, 1:], y[:, 1:]], axis=2).reshape(-1, 4)


def _s_curve(share: Any) -> tuple[Any, Any]:
    """How far across and how far down an S has come: a Bezier curve with control points at half height."""
    return 3 * share**2 - 2 * share**3, 1.5 * share * (1 - share) + share**3
