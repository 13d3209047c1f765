"""The parts of a graph that no edge connects: finding them, and putting them side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradviz.layout.arrays import inverse, ranges, starts
from gradviz.layout.drawing import PART_GAP, Drawing, Floats, Ints, Placement

ONE_LINE = 2400.0
"""Up to this width all parts stand in one line."""
ASPECT = 1.6
"""Width to height of the whole drawing when the parts fill several lines."""


@dataclass(frozen=True, slots=True)
class Parts:
    """``boxes``: all boxes, part by part in the order of the parts' first boxes; those of part p are
    ``boxes[box_starts[p]:box_starts[p + 1]]``. ``edges`` and ``edge_starts`` tell the same of the edges."""

    drawing: Drawing
    boxes: Ints
    box_starts: Ints
    edges: Ints
    edge_starts: Ints

    @property
    def count(self) -> int:
        return len(self.box_starts) - 1

    @property
    def sizes(self) -> Ints:
        """How many boxes each part has."""
        return np.diff(self.box_starts)

    def some(self, first: int, last: int) -> Drawing:
        """The parts from ``first`` up to but not including ``last`` as a drawing of their own, box by box."""
        boxes = self.boxes[self.box_starts[first] : self.box_starts[last]]
        edges = self.edges[self.edge_starts[first] : self.edge_starts[last]]
        number = inverse(self.boxes) - self.box_starts[first]
        return Drawing(self.drawing.sizes[boxes], number[self.drawing.edges[edges]])

    def assemble(self, placed: list[Placement]) -> Placement:
        """All parts in one placement: in lines from left to right like text, tops level, from (0, 0) on.

        ``placed``: the drawings made of `some`, which together are all parts in their order.
        """
        centres = np.concatenate([each.centres for each in placed])
        points = np.concatenate([each.points for each in placed])
        counts = np.concatenate([np.diff(each.offsets) for each in placed])
        part_of_box = np.repeat(np.arange(self.count), self.sizes)
        part_of_point = np.repeat(np.repeat(np.arange(self.count), np.diff(self.edge_starts)), counts)
        half = self.drawing.sizes[self.boxes] / 2
        low = np.minimum.reduceat(centres - half, self.box_starts[:-1])
        high = np.maximum.reduceat(centres + half, self.box_starts[:-1])
        np.minimum.at(low, part_of_point, points)
        np.maximum.at(high, part_of_point, points)
        shift = _lines(high - low) - low

        moved = np.empty_like(centres)
        moved[self.boxes] = centres + shift[part_of_box]
        points = points + shift[part_of_point]
        back = inverse(self.edges)
        points = points[ranges(starts(counts)[:-1][back], counts[back])]
        return Placement(moved, points, starts(counts[back]), all(each.curved for each in placed))


def split(drawing: Drawing) -> Parts:
    """The parts of a drawing that has boxes."""
    leader = _leaders(drawing)
    first = np.unique(leader)
    part_of = np.searchsorted(first, leader)
    of_edge = part_of[drawing.edges[:, 0]]
    return Parts(
        drawing,
        np.argsort(part_of, kind="stable"),
        starts(np.bincount(part_of)),
        np.argsort(of_edge, kind="stable"),
        starts(np.bincount(of_edge, minlength=len(first))),
    )


def _leaders(drawing: Drawing) -> Ints:
    """For each box the first box of its part.

    Each round, all parts that edges join hang below the smallest leader among them and are made flat: at
    least half of what is not whole yet is joined.
    """
    leader = np.arange(drawing.count)
    sources, targets = drawing.edges.T
    while True:
        a, b = leader[sources], leader[targets]
        apart = a != b
        if not apart.any():
            return leader
        sources, targets = sources[apart], targets[apart]
        a, b = a[apart], b[apart]
        np.minimum.at(leader, np.maximum(a, b), np.minimum(a, b))
        while True:
            further = leader[leader]
            if np.array_equal(further, leader):
                break
            leader = further


def _lines(extents: Floats) -> Floats:
    """Where the upper left corner of each part goes, (parts, 2), for parts of these widths and heights."""
    spaced = extents + PART_GAP
    width = spaced[:, 0]
    total, widest = float(width.sum()), float(width.max())
    area = float(np.prod(spaced, axis=1).sum())
    limit = total if total <= ONE_LINE + PART_GAP else max(ONE_LINE, widest, (area * ASPECT) ** 0.5)
    corners = []
    x = y = line = 0.0
    for across, down in spaced.tolist():
        if x and x + across > limit + PART_GAP:
            x, y, line = 0.0, y + line, 0.0
        corners.append((x, y))
        x += across
        line = max(line, down)
    return np.array(corners)
