"""The x of every node and dummy once the order of the rows is fixed.

Four drawings push everything as far as it goes to one side, each built of vertical blocks of aligned
neighbours; the middle of the four is balanced and keeps order and distances. Source: Brandes and Köpf,
"Fast and Simple Horizontal Coordinate Assignment", 2001; blocks are packed by longest paths instead of
classes, which also allows boxes of different widths.

Of several children only the one with the longest way below it may align with its parent, so that side
leaves and skip edges never bend the main line, and one longest path of all is straight from end to end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradviz.layout.drawing import COLUMN_GAP, Cancelled, Floats, check
from gradviz.layout.layers import Links
from gradviz.layout.levels import Levels

DUMMY_GAP = 18.0
"""The room a passing edge takes in a row."""
BALANCED = 30_000
"""Up to this many members all four drawings are made; beyond, one."""


@dataclass(frozen=True, slots=True)
class _Rules:
    """What all four drawings share. ``parents`` and ``children`` are those a member may align with;
    ``reach`` is half a member's width and half of the gap beside it."""

    order: list[list[int]]
    place: list[int]
    parents: Links
    children: Links
    reach: list[float]
    conflicts: set[tuple[int, int]]


def assign(levels: Levels, widths: Floats, height: list[int], cancelled: Cancelled | None = None) -> Floats:
    """The x of the centre of every node and dummy."""
    place = levels.positions()
    for neighbours in (levels.above, levels.below):
        for near in neighbours:
            near.sort(key=place.__getitem__)
    parents, children = _partners(levels, height)
    dummies = [DUMMY_GAP / 2] * (levels.count - levels.real)
    reach = ((widths + COLUMN_GAP) / 2).tolist() + dummies
    rules = _Rules(levels.order, place, parents, children, reach, _conflicts(levels, place))
    if levels.count > BALANCED:
        return _draw(rules, downwards=True, leftwards=True)
    drawings = []
    for downwards in (True, False):
        for leftwards in (True, False):
            check(cancelled)
            drawings.append(_draw(rules, downwards, leftwards))
    return _middle(drawings)


def _middle(drawings: list[Floats]) -> Floats:
    """The mean of the two median drawings, all moved to the sides of the narrowest one first."""
    narrowest = min(drawings, key=lambda x: float(np.ptp(x)))
    low, high = narrowest.min(), narrowest.max()
    moved = [x + (low - x.min() if k % 2 == 0 else high - x.max()) for k, x in enumerate(drawings)]
    middle: Floats = np.sort(np.array(moved), axis=0)[1:3].mean(axis=0)
    return middle


def _partners(levels: Levels, height: list[int]) -> tuple[Links, Links]:
    """With which parents and which children each member may align."""
    depth = list(height) + [0] * (levels.count - levels.real)
    for (_, target), chain in levels.chains.items():
        for steps, dummy in enumerate(reversed(chain), 1):
            depth[dummy] = height[target] + steps
    following = _main_line(levels, height)
    before = {child: parent for parent, child in following.items()}

    children = list(levels.below)
    chosen: dict[int, list[int]] = {}
    for parent, below in enumerate(levels.below):
        if len(below) < 2:
            continue
        if parent in following:
            kept = [following[parent]]
        else:
            top = max([(depth[child], child < levels.real) for child in below])
            kept = [child for child in below if (depth[child], child < levels.real) == top]
        if len(kept) < len(below):
            children[parent] = chosen[parent] = kept

    parents = list(levels.above)
    for child, above in enumerate(levels.above):
        if child in before:
            parents[child] = [before[child]]
        elif above:
            kept = [parent for parent in above if child in chosen.get(parent, (child,))]
            real = [parent for parent in kept if parent < levels.real]
            parents[child] = real if len(kept) > 1 and real else kept
    return parents, children


def _main_line(levels: Levels, height: list[int]) -> dict[int, int]:
    """One longest path of the graph: each member's next one."""
    following: dict[int, int] = {}
    node = max(range(levels.real), key=height.__getitem__)
    while True:
        below = [child for child in levels.below[node] if child < levels.real]
        nearest = next((child for child in below if height[child] == height[node] - 1), None)
        if nearest is None:
            return following
        following[node] = nearest
        node = nearest


def _conflicts(levels: Levels, place: list[int]) -> set[tuple[int, int]]:
    """Edges that cross the inner part of a long edge ("type 1"): those may not be aligned."""
    found = set()
    real = levels.real
    for upper, members in zip(levels.order[1:], levels.order[2:], strict=False):
        if len(upper) < 2 or not any(member >= real for member in members):
            continue
        low, done = 0, 0
        for index, member in enumerate(members):
            above = levels.above[member]
            inner = above[0] if member >= real and above and above[0] >= real else None
            if inner is None and index < len(members) - 1:
                continue
            high = place[inner] if inner is not None else len(upper) - 1
            for other in members[done : index + 1]:
                for parent in levels.above[other]:
                    if not low <= place[parent] <= high and not (parent >= real and other >= real):
                        found.add((parent, other))
            low, done = high, index + 1
    return found


def _draw(rules: _Rules, downwards: bool, leftwards: bool) -> Floats:
    """One of the four drawings: aligned with parents or children, packed to the left or the right."""
    root = _align(rules, downwards, leftwards)
    x = _pack(rules, root, leftwards)
    drawn = np.array([x[block] for block in root])
    return drawn if leftwards else -drawn


def _align(rules: _Rules, downwards: bool, leftwards: bool) -> list[int]:
    """The block each member belongs to, named by its first member."""
    near_of = rules.parents if downwards else rules.children
    place, conflicts = rules.place, rules.conflicts
    root = list(range(len(place)))
    aligned = list(range(len(place)))
    for members in rules.order if downwards else reversed(rules.order):
        border = -1 if leftwards else len(place)
        for member in members if leftwards else reversed(members):
            near = near_of[member]
            count = len(near)
            if not count:
                continue
            lower, upper = near[(count - 1) // 2], near[count // 2]
            medians = (lower, upper) if leftwards else (upper, lower)
            for other in medians:
                if aligned[member] != member:
                    break
                beyond = place[other] > border if leftwards else place[other] < border
                edge = (other, member) if downwards else (member, other)
                if beyond and edge not in conflicts:
                    aligned[other] = member
                    root[member] = aligned[member] = root[other]
                    border = place[other]
    return root


def _pack(rules: _Rules, root: list[int], leftwards: bool) -> dict[int, float]:
    """The x of each block: as far to the side as its neighbours allow, then back towards what follows."""
    after: dict[int, list[tuple[int, float]]] = {}
    waiting: dict[int, int] = {}
    for members in rules.order:
        previous = -1
        for member in members if leftwards else reversed(members):
            block = root[member]
            waiting.setdefault(block, 0)
            if previous >= 0:
                distance = rules.reach[previous] + rules.reach[member]
                after.setdefault(root[previous], []).append((block, distance))
                waiting[block] += 1
            previous = member
    x = dict.fromkeys(waiting, 0.0)
    ready = [block for block, count in waiting.items() if not count]
    order = []
    while ready:
        block = ready.pop()
        order.append(block)
        for other, distance in after.get(block, ()):
            x[other] = max(x[other], x[block] + distance)
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    for block in reversed(order):
        if block in after:
            x[block] = max(x[block], min([x[other] - distance for other, distance in after[block]]))
    return x
