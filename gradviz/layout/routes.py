"""The way of every edge through the rows, and where on a box it leaves and arrives.

Between two rows an edge is an S with vertical ends, inside a row it is vertical: it never touches a
box that is not its own.
"""

from __future__ import annotations

import numpy as np

from gradviz.layout.drawing import ROW_GAP, Floats
from gradviz.layout.levels import Levels

PORT_MARGIN = 16.0
"""No edge meets a box nearer to its corner than this."""
PORT_GAP = 14.0
"""Between two edges that meet a box on the same side."""
STEEPNESS = 0.13
"""A gap grows by this much for each unit of the widest S in it, so that no S lies flat."""
WIDEST_GAP = 120.0
LANE_GAP = 14.0
"""Between the edges that pass by the side of the drawing."""

CLEARANCE = 12.0
"""Between an S that goes on through a row and what stands in the row."""
SWING = 1.1
"""An S is made up to so many times as high as wide, where there is room."""
LONGEST_SWING = 6
"""Through so many rows at most."""

_SHARE = np.linspace(0.0, 1.0, 33)
_DOWN = 1.5 * _SHARE * (1 - _SHARE) + _SHARE**3
_ACROSS = 3 * _SHARE**2 - 2 * _SHARE**3
"""An S with both control points at half its height: how far down and how far across it has come."""

Edge = tuple[int, int]
Ports = dict[Edge, float]
Passes = dict[Edge, list[float]]
"""The x at which each edge passes each row between its ends."""


def ways(levels: Levels, x: Floats, edges: list[Edge]) -> Passes:
    """Through its dummies, or by the right side of the drawing for an edge that has none."""
    passes = {edge: [float(x[dummy]) for dummy in levels.chains.get(edge, ())] for edge in edges}
    if levels.outside:
        side = float(x.max()) + WIDEST_GAP
        for lane, (source, target) in enumerate(levels.outside):
            rows = levels.row[target] - levels.row[source] - 1
            passes[source, target] = [side + lane * LANE_GAP] * rows
    return passes


def ports(x: Floats, widths: Floats, passes: Passes) -> tuple[Ports, Ports]:
    """Where each edge leaves its source and where it enters its target, as x.

    An edge goes straight down where it can: it leaves right above the place it makes for.
    """
    by_target: dict[int, list[Edge]] = {}
    by_source: dict[int, list[Edge]] = {}
    for edge in passes:
        by_source.setdefault(edge[0], []).append(edge)
        by_target.setdefault(edge[1], []).append(edge)

    enter: Ports = {}
    for target, arriving in by_target.items():
        centre = float(x[target])
        if len(arriving) == 1:
            enter[arriving[0]] = centre
        else:
            wanted = {edge: passes[edge][-1] if passes[edge] else float(x[edge[0]]) for edge in arriving}
            enter |= _spread(wanted, centre, float(widths[target]))
    leave: Ports = {}
    for source, leaving in by_source.items():
        wanted = {edge: passes[edge][0] if passes[edge] else enter[edge] for edge in leaving}
        leave |= _spread(wanted, float(x[source]), float(widths[source]))
    return leave, enter


def _spread(wanted: Ports, centre: float, width: float) -> Ports:
    """Places on a side of a box as near to the wanted ones as order and distances allow."""
    room = max(width / 2 - PORT_MARGIN, 0.0)
    order = sorted(wanted, key=lambda edge: (wanted[edge], edge))
    gap = min(PORT_GAP, 2 * room / max(len(order) - 1, 1))
    places: list[float] = []
    for edge in order:
        place = min(max(wanted[edge], centre - room), centre + room)
        places.append(max(place, places[-1] + gap) if places else place)
    limit = centre + room
    for index in range(len(places) - 1, -1, -1):
        places[index] = min(places[index], limit)
        limit = places[index] - gap
    return dict(zip(order, places, strict=True))


def row_borders(levels: Levels, tall: Floats, passes: Passes, ports: tuple[Ports, Ports]) -> Floats:
    """The top and bottom of each row, (rows, 2). The gap below one depends on the widest S in it."""
    leave, enter = ports
    height = np.zeros(len(levels.order))
    np.maximum.at(height, np.array(levels.row[: levels.real], np.intp), tall)
    span = [0.0] * len(levels.order)
    for edge, passed in passes.items():
        here = leave[edge]
        for row, there in enumerate([*passed, enter[edge]], levels.row[edge[0]]):
            span[row] = max(span[row], abs(there - here))
            here = there
    gaps = np.rint(np.minimum(ROW_GAP + STEEPNESS * np.array(span), WIDEST_GAP))  # whole pixels are crisp
    tops = np.concatenate([[0.0], np.cumsum(height + gaps)[:-1]])
    return np.column_stack([tops, tops + height])


def draw(
    levels: Levels,
    passes: Passes,
    ports: tuple[Ports, Ports],
    rows: Floats,
    vertical: tuple[Floats, Floats],
    sides: tuple[Floats, Floats],
) -> dict[Edge, Floats]:
    """The points of each edge from the bottom of its source to the top of its target.

    ``vertical``: the tops and bottoms of the boxes; ``sides``: the left and right ends of all members.
    """
    leave, enter = ports
    borders = [(top, bottom) for top, bottom in rows.tolist()]
    tops, bottoms = (each.tolist() for each in vertical)
    room = _free_room(levels, *(each.tolist() for each in sides))
    drawn = {}
    for edge, passed in passes.items():
        source, target = edge
        first, last = levels.row[source], levels.row[target]
        bands = borders[first + 1 : last]
        chain = levels.chains.get(edge, [])
        start, end = (leave[edge], borders[first][1]), (enter[edge], borders[last][0])
        free = [room[dummy] for dummy in chain]
        early = swing(start, passed, bands, free)
        upwards = [(-bottom, -top) for top, bottom in reversed(bands[early:])]
        late = swing((end[0], -end[1]), passed[early:][::-1], upwards, free[early:][::-1])
        points = [(start[0], bottoms[source]), start]
        if early:
            points.append((passed[0], bands[early - 1][1]))
        for x, (top, bottom) in zip(passed[early : len(passed) - late], bands[early:], strict=False):
            points += [(x, top), (x, bottom)]
        if late:
            points.append((passed[-1], bands[len(bands) - late][0]))
        points += [end, (end[0], tops[target])]
        drawn[edge] = np.array(_simplify(points))
    return drawn


Point = tuple[float, float]
Band = tuple[float, float]
"""The top and bottom of a row, or the left and right end of the free room in it."""


def swing(start: Point, passed: list[float], bands: list[Band], free: list[Band]) -> int:
    """Through how many of the next rows the S that leaves ``start`` may go on, so that it is not so flat.

    ``passed``, ``bands`` and ``free`` tell of the rows on the way: the x at which the edge passes, the
    row's borders, and between which x there is nothing else. 0 keeps the S between two rows.
    """
    if not free or start[0] == passed[0]:
        return 0
    (here, above), there = start, passed[0]
    wanted = above + SWING * abs(there - here)
    most = 0
    while most < min(len(free), LONGEST_SWING) and passed[most] == there and bands[most][1] <= wanted:
        most += 1
    for count in range(most, 0, -1):
        height = bands[count - 1][1] - above
        shares = [float(np.interp((band[0] - above) / height, _DOWN, _ACROSS)) for band in bands[:count]]
        reached = [here + (there - here) * share for share in shares]
        if all(low <= x <= high for x, (low, high) in zip(reached, free[:count], strict=True)):
            return count
    return 0


def _free_room(levels: Levels, left: list[float], right: list[float]) -> dict[int, Band]:
    """For each dummy between which x its row is free, as far as its neighbours."""
    room = {}
    for members in levels.order:
        for index, member in enumerate(members):
            if member >= levels.real:
                low = right[members[index - 1]] + CLEARANCE if index else -np.inf
                high = left[members[index + 1]] - CLEARANCE if index + 1 < len(members) else np.inf
                room[member] = (low, high)
    return room


def _simplify(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Without points that repeat or lie inside a vertical line."""
    kept = points[:1]
    for index in range(1, len(points) - 1):
        x, y = points[index]
        vertical = kept[-1][0] == x == points[index + 1][0]
        if not vertical and (x, y) != kept[-1]:
            kept.append((x, y))
    if points[-1] != kept[-1]:
        kept.append(points[-1])
    return kept
