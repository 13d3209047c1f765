"""The order of each row, from left to right, so that few edges cross.

A depth-first walk that follows the longest branch first lays out whole branches side by side; sweeps
then move every member to the mean place of its neighbours in the row before, and the best order seen
is kept. Source: Sugiyama, Tagawa and Toda, 1981 (barycentre method); Gansner et al., 1993.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable

import numpy as np

from gradviz.layout.drawing import Cancelled, check
from gradviz.layout.layers import SHALLOW, Links
from gradviz.layout.levels import Levels

COUNTED = 50_000
"""Up to this many members crossings are counted, to keep the best order; beyond, the last one stays."""
PATIENCE = 6
"""Sweeps without a better order after which the search ends."""


def arrange(levels: Levels, height: list[int], cancelled: Cancelled | None = None) -> None:
    """Fill ``levels.order``. ``height`` is the longest way down from each real node."""
    levels.order = _depth_first(levels, height)
    place = levels.positions()
    counted = levels.count < COUNTED
    best = crossings(levels, place) if counted else 1
    kept = [list(members) for members in levels.order]
    stalled = 0
    last = len(levels.order) - 1
    for sweep in range(24 if levels.count < 5000 else 8 if counted else 2):
        if not best or stalled == PATIENCE:
            break
        check(cancelled)
        if sweep % 2:
            _sweep(levels.order, range(last - 1, -1, -1), levels.below, place)
        else:
            _sweep(levels.order, range(1, last + 1), levels.above, place)
        if counted:
            found = crossings(levels, place)
            stalled = 0 if found < best else stalled + 1
            if found < best:
                best, kept = found, [list(members) for members in levels.order]
    if counted:
        levels.order = kept


def _depth_first(levels: Levels, height: list[int]) -> list[list[int]]:
    """Rows in the order of a walk from the roots, into the branch with the most below it first.

    A dummy counts as higher than any node, so that skip edges go down on the left and side leaves stand
    on the right, with no crossings between them. In shallow graphs the long edges lead to the leaves
    themselves: there the main line comes first.
    """
    order: list[list[int]] = [[] for _ in range(max(levels.row, default=-1) + 1)]
    passing = -1 if len(order) <= SHALLOW else levels.count

    def rank(member: int) -> int:
        return height[member] if member < levels.real else passing

    seen = bytearray(levels.count)
    stack = [node for node in range(levels.real - 1, -1, -1) if not levels.above[node]]
    while stack:
        member = stack.pop()
        if seen[member]:
            continue
        seen[member] = 1
        order[levels.row[member]].append(member)
        below = levels.below[member]
        stack.extend(sorted(below, key=rank) if len(below) > 1 else below)
    return order


def _sweep(order: list[list[int]], rows: Iterable[int], neighbours: Links, place: list[int]) -> None:
    """Sort each of ``rows`` by the mean place of its members' neighbours; members without keep theirs."""
    for row in rows:
        members = order[row]
        if len(members) < 2:
            continue
        mean = {}
        for member in members:
            near = neighbours[member]
            mean[member] = sum([place[other] for other in near]) / len(near) if near else place[member]
        members.sort(key=mean.__getitem__)
        for index, member in enumerate(members):
            place[member] = index


def crossings(levels: Levels, place: list[int]) -> int:
    """How many pairs of edges cross between adjacent rows."""
    total = 0
    for members in levels.order[1:]:
        if len(members) > 1:
            ends = [end for member in members for end in sorted([place[other] for other in levels.above[member]])]
            total += _inversions(ends)
    return total


def _inversions(numbers: list[int]) -> int:
    """Pairs in which the larger number comes first."""
    if len(numbers) < 2:
        return 0
    if len(numbers) < 600:
        row = np.array(numbers)
        return int(np.count_nonzero(np.triu(row[:, None] > row[None, :], 1)))
    total = 0
    seen: list[int] = []
    for number in numbers:
        total += len(seen) - bisect_right(seen, number)
        insort(seen, number)
    return total
