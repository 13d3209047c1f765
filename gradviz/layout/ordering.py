"""The order of each row, from left to right, so that few edges cross.

A depth-first walk that follows the longest branch first lays out whole branches side by side; sweeps
then move every member to the mean place of its neighbours in the row before, and the best order seen
of each part is kept. Source: Sugiyama, Tagawa and Toda, 1981 (barycentre method); Gansner et al., 1993.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from gradviz.layout.arrays import inverse, neighbours, starts
from gradviz.layout.crossings import crossings
from gradviz.layout.drawing import BREATH, Bools, Ints, Pulse
from gradviz.layout.layers import SHALLOW
from gradviz.layout.levels import Levels

SWEEPS = 24
FEW_SWEEPS = 12
LARGE = 5000
"""From so many members of a part on there are few sweeps."""
HUGE = 500_000
"""From so many on there are none: a sweep would take longer than anything else."""
PATIENCE = 6
"""Sweeps without a better order after which the search ends."""


def arrange(levels: Levels, height: Ints, pulse: Pulse) -> Ints:
    """The members row by row, from left to right. ``height`` is the longest way down from each real node."""
    order = _depth_first(levels, height, pulse.part(0.0, 0.3))
    return _improve(levels, order, pulse.part(0.3, 1.0))


def _depth_first(levels: Levels, height: Ints, pulse: Pulse) -> Ints:
    """Rows in the order of a walk from the roots, into the branch with the most below it first.

    A dummy counts as higher than any node, those of long trunks as the highest, so that skip edges go down
    on the left and side leaves stand on the right, with no crossings between them. In shallow graphs the
    long edges lead to the leaves themselves: there the main line comes first.
    """
    rank = np.full(levels.count, levels.count)
    rank[: levels.real] = height
    rank[levels.real :] += np.diff(levels.trunk_rows)[levels.trunk_of, 0]
    deepest = np.zeros(int(levels.part_of.max(initial=-1)) + 1, np.intp)
    np.maximum.at(deepest, levels.part_of[: levels.real], height)
    rank[levels.real :][deepest[levels.part_of[levels.real :]] < SHALLOW] = -1
    by_rank = np.argsort(rank[levels.lower], kind="stable")
    pulse.check()
    below = neighbours(levels.count, levels.upper[by_rank], levels.lower[by_rank])
    entered = np.bincount(levels.lower, minlength=levels.count)

    walk = _walk(np.flatnonzero(entered == 0)[::-1].tolist(), below, pulse)
    found = np.array(walk, np.intp)
    return found[np.argsort(levels.row[found], kind="stable")]


def _walk(stack: list[int], below: list[list[int]], pulse: Pulse) -> list[int]:
    """All members in the order of a depth-first walk; the last of a list is visited first."""
    walk = []
    seen = bytearray(len(below))
    while stack:
        pulse.check()
        for _ in range(BREATH):
            if not stack:
                break
            member = stack.pop()
            if not seen[member]:
                seen[member] = 1
                walk.append(member)
                stack += below[member]
    return walk


@dataclass(slots=True)
class _Best:
    """The order of each part with the fewest crossings so far, and the sweeps that each has left.

    A part looks the same alone and among others: others that go on do not give it more sweeps.
    """

    order: Ints
    crossings: Ints
    sweeps: Ints
    stalled: Ints

    def take(self, order: Ints, found: Ints, part_of: Ints) -> None:
        """Keep the parts that are better in ``order``, of those that are still looked at."""
        better = (found < self.crossings) & self.going
        self.stalled = np.where(better, 0, self.stalled + 1)
        self.sweeps -= 1
        if better.any():
            self.crossings = np.where(better, found, self.crossings)
            self.order = np.where(better[part_of[order]], order, self.order)

    @property
    def going(self) -> Bools:
        """The parts that may become better yet."""
        going: Bools = (self.crossings > 0) & (self.sweeps > 0) & (self.stalled < PATIENCE)
        return going


def _improve(levels: Levels, order: Ints, pulse: Pulse) -> Ints:
    """The best order that sweeps from row to row find, starting with ``order``."""
    row = levels.row[order]
    parts = int(levels.part_of.max(initial=-1)) + 1
    part_of_row = np.zeros(int(row.max(initial=-1)) + 1, np.intp)
    part_of_row[levels.row] = levels.part_of

    def count(order: Ints) -> Ints:
        place = inverse(order)
        found = crossings(place[levels.upper], place[levels.lower], row)
        return np.bincount(part_of_row, found, minlength=parts).astype(np.intp)

    sizes = np.bincount(levels.part_of, minlength=parts)
    sweeps = np.where(sizes < LARGE, SWEEPS, np.where(sizes < HUGE, FEW_SWEEPS, 0))
    if not sweeps.any():
        return order
    best = _Best(order, count(order), sweeps, np.zeros(parts, np.intp))
    going = best.going
    if not going.any():
        return order
    pulse.check()
    table = _Table(levels, order, going[levels.part_of])
    seen: list[Ints | None] = [None, None]
    for sweep in range(SWEEPS):
        pulse.tell(sweep / SWEEPS)
        table.sweep(sweep % 2 == 0, pulse)
        order = table.flat()
        best.take(order, count(order), levels.part_of)
        same = seen[sweep % 2]
        if not best.going.any() or (same is not None and np.array_equal(same, order)):
            break  # two sweeps that end where they began would go on like this
        seen[sweep % 2] = order
    return best.order


class _Table:
    """The order as a list for each row, to be swept. Only the members in ``moving`` parts ever move."""

    def __init__(self, levels: Levels, order: Ints, moving: Bools) -> None:
        count = levels.count
        begin = starts(np.bincount(levels.row[order]))
        flat = order.tolist()
        self.rows = [flat[a:b] for a, b in zip(begin.tolist(), begin[1:].tolist(), strict=False)]
        self.place: list[int] = (inverse(order) - begin[levels.row]).tolist()
        wide = (np.diff(begin) > 1) & moving[order[begin[:-1]]]
        self.wide: list[int] = np.flatnonzero(wide).tolist()
        self.above = neighbours(count, levels.lower, levels.upper)
        self.below = neighbours(count, levels.upper, levels.lower)

    def sweep(self, downwards: bool, pulse: Pulse) -> None:
        """Sort each row by the mean place of its members' neighbours; members without keep theirs."""
        near_of = self.above if downwards else self.below
        rows: Iterable[int] = self.wide if downwards else reversed(self.wide)
        place = self.place

        def mean(member: int) -> float:
            near = near_of[member]
            if not near:
                return place[member]
            return sum([place[other] for other in near]) / len(near)

        work = 0
        for row in rows:
            members = self.rows[row]
            keys = [place[near[0]] if len(near := near_of[m]) == 1 else mean(m) for m in members]
            ordered = sorted(keys)
            if keys != ordered:
                ranked = sorted(zip(keys, range(len(keys)), members, strict=True))
                self.rows[row] = [member for _, _, member in ranked]
                for index, member in enumerate(self.rows[row]):
                    place[member] = index
            work += len(members)
            if work > BREATH:
                pulse.check()
                work = 0

    def flat(self) -> Ints:
        """The members row by row."""
        return np.array([member for members in self.rows for member in members], np.intp)
