"""The parts of a graph that no edge connects: finding them, and putting them side by side."""

from __future__ import annotations

import numpy as np

from gradviz.layout.drawing import PART_GAP, Drawing, Floats, Ints, Placement

ONE_LINE = 2400.0
"""Up to this width all parts stand in one line."""
ASPECT = 1.6
"""Width to height of the whole drawing when the parts fill several lines."""


def split(drawing: Drawing) -> list[Ints]:
    """The boxes of each part, in the order of the parts' first boxes."""
    leader = list(range(drawing.count))

    def find(box: int) -> int:
        while leader[box] != box:
            leader[box] = leader[leader[box]]
            box = leader[box]
        return box

    for source, target in drawing.edges.tolist():
        a, b = find(source), find(target)
        leader[max(a, b)] = min(a, b)
    members: dict[int, list[int]] = {}
    for box in range(drawing.count):
        members.setdefault(find(box), []).append(box)
    return [np.array(boxes, np.intp) for boxes in members.values()]


def part(drawing: Drawing, boxes: Ints, edges: Ints) -> Drawing:
    """One part as a drawing of its own; ``edges`` are the indices of its edges."""
    number = np.zeros(drawing.count, np.intp)
    number[boxes] = np.arange(len(boxes))
    return Drawing(drawing.sizes[boxes], number[drawing.edges[edges]])


def edges_of(drawing: Drawing, parts: list[Ints]) -> list[Ints]:
    """The indices of the edges in each part."""
    number = np.zeros(drawing.count, np.intp)
    for index, boxes in enumerate(parts):
        number[boxes] = index
    of_edge = number[drawing.edges[:, 0]]
    order = np.argsort(of_edge, kind="stable")
    borders = np.searchsorted(of_edge[order], np.arange(len(parts) + 1))
    return [order[borders[index] : borders[index + 1]] for index in range(len(parts))]


def assemble(drawing: Drawing, parts: list[Ints], edges: list[Ints], placed: list[Placement]) -> Placement:
    """All parts in one placement: in lines from left to right like text, tops level, from (0, 0) on."""
    boxes = [_bounds(placement, drawing.sizes[members]) for placement, members in zip(placed, parts, strict=True)]
    offsets = _lines([(high - low) for low, high in boxes])
    centres = np.zeros((drawing.count, 2))
    routes: list[Floats] = [np.zeros((0, 2))] * len(drawing.edges)
    for index, placement in enumerate(placed):
        shift = offsets[index] - boxes[index][0]
        centres[parts[index]] = placement.centres + shift
        for local, edge in enumerate(edges[index].tolist()):
            routes[edge] = placement.route(local) + shift
    return Placement.of(centres, routes, curved=all(placement.curved for placement in placed))


def _bounds(placement: Placement, sizes: Floats) -> tuple[Floats, Floats]:
    """The corners of the rectangle around all boxes and edges."""
    low = np.vstack([placement.centres - sizes / 2, placement.points]).min(axis=0)
    high = np.vstack([placement.centres + sizes / 2, placement.points]).max(axis=0)
    return low, high


def _lines(extents: list[Floats]) -> list[Floats]:
    """Where the upper left corner of each part goes."""
    spaced = [extent + PART_GAP for extent in extents]
    total = sum(float(extent[0]) for extent in spaced)
    area = sum(float(extent[0] * extent[1]) for extent in spaced)
    widest = max(float(extent[0]) for extent in spaced)
    limit = max(ONE_LINE, widest, (area * ASPECT) ** 0.5)
    if total <= ONE_LINE + PART_GAP:
        limit = total
    corners = []
    x = y = line = 0.0
    for extent in spaced:
        if x and x + float(extent[0]) > limit + PART_GAP:
            x, y, line = 0.0, y + line, 0.0
        corners.append(np.array([x, y]))
        x += float(extent[0])
        line = max(line, float(extent[1]))
    return corners
