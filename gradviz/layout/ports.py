"""Where on a box its edges leave and arrive."""

from __future__ import annotations

import numpy as np

from gradviz.layout.arrays import inverse, starts
from gradviz.layout.drawing import Floats, Ints

PORT_MARGIN = 16.0
"""No edge meets a box nearer to its corner than this."""
PORT_GAP = 14.0
"""Between two edges that meet a box on the same side."""


def enter(targets: Ints, last: Ints, wanted: Floats, x: Floats, widths: Floats) -> Floats:
    """The x at which each edge enters its target.

    ``targets``, ``last`` and ``wanted``: of each edge the target, what it comes from, and the x of that; edges
    that come from one trunk come in as one. ``x`` and ``widths``: of each box.
    """
    port, owner, ideal, index = _ports(targets, last, wanted)
    alone = np.bincount(owner, minlength=len(widths))[owner] == 1
    return np.where(alone, x[owner], _spread(owner, ideal, index, x, widths))[port]


def leave(sources: Ints, first: Ints, wanted: Floats, x: Floats, widths: Floats) -> Floats:
    """The x at which each edge leaves its source: where it can right above the place it makes for."""
    port, owner, ideal, index = _ports(sources, first, wanted)
    return _spread(owner, ideal, index, x, widths)[port]


def _ports(boxes: Ints, towards: Ints, wanted: Floats) -> tuple[Ints, Ints, Floats, Ints]:
    """One port for all edges between a box and what they go towards: the port of each edge, and of each port
    the box, the x it would like, and the first of its edges."""
    key = boxes * (int(towards.max(initial=0)) + 1) + towards
    _, edge, port = np.unique(key, return_index=True, return_inverse=True)
    return port, boxes[edge], wanted[edge], edge


def _spread(owner: Ints, wanted: Floats, index: Ints, x: Floats, widths: Floats) -> Floats:
    """Places on the sides of boxes as near to the wanted ones as order and distances allow."""
    order = np.lexsort((index, wanted, owner))
    owner, wanted = owner[order], wanted[order]
    room = np.maximum(widths / 2 - PORT_MARGIN, 0.0)
    low, high = x[owner] - room[owner], x[owner] + room[owner]
    places = np.clip(wanted, low, high)
    counts = np.bincount(owner, minlength=len(widths))
    first = starts(counts)[:-1]
    for size in np.unique(counts[counts > 1]).tolist():
        boxes = np.flatnonzero(counts == size)
        at = first[boxes][:, None] + np.arange(size)
        steps = np.minimum(PORT_GAP, 2 * room[boxes] / (size - 1))[:, None] * np.arange(size)
        own = places[at] - steps
        reached = np.maximum.accumulate(own, axis=1)
        pushed = np.where(reached == own, places[at], reached + steps)  # to the bit: edges stay vertical
        limit = (x[boxes] + room[boxes])[:, None] - steps[:, ::-1]
        places[at] = np.minimum(pushed, limit)
    return places[inverse(order)]
