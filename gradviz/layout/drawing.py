"""What a layout takes and what it gives, as arrays, so that ten thousand boxes cost little."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]

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


BREATH = 8192
"""Between two looks at ``cancelled``: short of 20 ms of work on single nodes and edges."""


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


Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Pulse:
    """Where a piece of work tells how far it is and hears that it is to end.

    ``low`` and ``high``: the share of the whole that it stands for.
    """

    progress: Progress | None = None
    cancelled: Cancelled | None = None
    low: float = 0.0
    high: float = 1.0

    def check(self) -> None:
        """LayoutCancelled if the caller has asked for the end."""
        if self.cancelled is not None and self.cancelled():
            raise LayoutCancelled

    def tell(self, done: float) -> None:
        """This share of the work, 0 to 1, is done."""
        self.check()
        if self.progress is not None:
            self.progress(self.low + (self.high - self.low) * done)

    def part(self, low: float, high: float) -> Pulse:
        """The pulse of a piece of this work, from the share ``low`` to ``high``."""
        extent = self.high - self.low
        return Pulse(self.progress, self.cancelled, self.low + extent * low, self.low + extent * high)

    def each(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items one by one, with a look at ``cancelled`` now and then."""
        for count, item in enumerate(items, 1):
            yield item
            if count % BREATH == 0:
                self.check()
