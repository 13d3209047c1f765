"""What a layout takes and what it gives, as arrays, so that ten thousand boxes cost little."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

Progress = Callable[[float], None]
"""Called with the fraction done, 0 to 1."""
Cancelled = Callable[[], bool]
"""Asked now and then; True ends the layout with `LayoutCancelled`."""

COLUMN_GAP = 28.0
"""Free space between neighbouring boxes of a row."""
ROW_GAP = 46.0
"""Least free space between rows, enough for an edge's label."""
PART_GAP = 90.0
"""Free space between parts of the graph that no edge connects."""


class LayoutError(ValueError):
    """This layout cannot draw this graph, or does not exist; the message says why."""


class LayoutCancelled(Exception):
    """The layout was cancelled before it had a result."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A graph to be placed. Boxes and edges are known by their positions in the arrays.

    ``sizes``: (n, 2), width and height of each box. ``edges``: (m, 2), the boxes an edge leaves and
    enters; edges point downwards. Lengths are in device-independent pixels at zoom 1.
    """

    sizes: Floats
    edges: Ints

    @classmethod
    def of(cls, sizes: object, edges: object) -> Drawing:
        """From anything numpy can read; empty lists are fine."""
        return cls(np.asarray(sizes, np.float64).reshape(-1, 2), np.asarray(edges, np.intp).reshape(-1, 2))

    @property
    def count(self) -> int:
        return len(self.sizes)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the boxes of a drawing are, y downwards.

    ``centres``: (n, 2). Edge i runs through ``points[offsets[i]:offsets[i + 1]]``, at least two points
    from the border of its source to the border of its target (none for an edge from a box to itself).
    ``curved``: between two points at different x the edge is an S with vertical ends, which stays in
    the free space between two rows; otherwise edges are straight lines.
    """

    centres: Floats
    points: Floats
    offsets: Ints
    curved: bool

    @classmethod
    def of(cls, centres: Floats, routes: list[Floats], curved: bool) -> Placement:
        """From one (k, 2) array for each edge."""
        points = np.concatenate(routes) if routes else np.zeros((0, 2))
        return cls(centres, points, np.cumsum([0, *map(len, routes)]), curved)

    def route(self, edge: int) -> Floats:
        """The points of one edge."""
        return self.points[self.offsets[edge] : self.offsets[edge + 1]]


def check(cancelled: Cancelled | None) -> None:
    """LayoutCancelled if the caller has asked for the end."""
    if cancelled is not None and cancelled():
        raise LayoutCancelled
