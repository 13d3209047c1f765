"""The x of every node and dummy once the order of the rows is fixed.

Four drawings push everything as far as it goes to one side, each built of vertical blocks of aligned
neighbours; the middle of the four is balanced and keeps order and distances. Source: Brandes and Köpf,
"Fast and Simple Horizontal Coordinate Assignment", 2001; blocks are packed by longest paths instead of
classes, which also allows boxes of different widths.
"""

from __future__ import annotations

import numpy as np

from gradviz.layout.alignment import Steps, blocks, steps
from gradviz.layout.arrays import inverse, starts
from gradviz.layout.drawing import COLUMN_GAP, Floats, Ints, Pulse
from gradviz.layout.levels import Levels

DUMMY_GAP = 18.0
"""The room a passing edge takes in a row."""
BALANCED = 30_000
"""Up to this many members all four drawings are made; beyond, one."""


def assign(levels: Levels, order: Ints, widths: Floats, height: Ints, pulse: Pulse) -> Floats:
    """The x of the centre of every node and dummy, from 0 on in each part."""
    straight = steps(levels, order, height)
    reach = np.full(levels.count, DUMMY_GAP / 2)
    reach[: levels.real] = (widths + COLUMN_GAP) / 2
    reach, row = reach[order], levels.row[order]
    drawings = []
    for number in range(4 if levels.count <= BALANCED else 1):
        pulse.tell(number / 4)
        drawings.append(_draw(straight, reach, row, number < 2, number % 2 == 0, pulse))
    x = _middle(np.array(drawings), levels.part_of[order]) if len(drawings) > 1 else drawings[0]
    return x[inverse(order)]


def _draw(straight: Steps, reach: Floats, row: Ints, downwards: bool, leftwards: bool, pulse: Pulse) -> Floats:
    """One of the four drawings: aligned with parents or children, packed to the left or the right.

    ``reach``: half a member's width and half of the gap beside it, by place; ``row``: the row of each place.
    """
    pairs = straight.down if downwards else straight.up
    if leftwards:
        return _pack(blocks(pairs, len(row), downwards), reach, row, pulse)
    last = len(row) - 1  # to the right is to the left in the mirror
    mirrored = _pack(blocks(last - pairs, len(row), downwards), reach[::-1], row[::-1], pulse)
    return -mirrored[::-1]


def _pack(block: Ints, reach: Floats, row: Ints, pulse: Pulse) -> Floats:
    """The x of each place: blocks as far to the left as their neighbours allow, then back towards what follows."""
    names, block = np.unique(block, return_inverse=True)
    count = len(names)
    beside = np.flatnonzero(row[1:] == row[:-1])
    distance = reach[beside] + reach[beside + 1]
    key = block[beside] * count + block[beside + 1]
    by_key = np.argsort(key, kind="stable")
    key = key[by_key]
    first = np.flatnonzero(np.diff(key, prepend=-1))
    gap = np.maximum.reduceat(distance[by_key], first).tolist() if len(first) else []
    source, target = np.divmod(key[first], count)
    borders = starts(np.bincount(source, minlength=count)).tolist()
    waiting = np.bincount(target, minlength=count).tolist()
    return np.array(_longest(borders, target.tolist(), gap, waiting, pulse))[block]


def _longest(borders: list[int], target: list[int], gap: list[float], waiting: list[int], pulse: Pulse) -> list[float]:
    """The x of each block; what stands right of block b is ``target[borders[b]:borders[b + 1]]``."""
    x = [0.0] * len(waiting)
    order = [block for block, count in enumerate(waiting) if not count]
    for block in pulse.each(order):
        here = x[block]
        for index in range(borders[block], borders[block + 1]):
            other = target[index]
            least = here + gap[index]
            if x[other] < least:
                x[other] = least
            waiting[other] -= 1
            if not waiting[other]:
                order.append(other)
    for block in pulse.each(reversed(order)):
        begin, end = borders[block], borders[block + 1]
        if begin < end:
            most = min([x[target[index]] - gap[index] for index in range(begin, end)])
            if most > x[block]:
                x[block] = most
    return x


def _middle(drawings: Floats, part_of: Ints) -> Floats:
    """The mean of the two median drawings, all moved to the sides of each part's narrowest one first.

    ``drawings``: (4, places); every other one is pushed to the right.
    """
    first = np.flatnonzero(np.diff(part_of, prepend=-1))  # places go from part to part
    low, high = np.minimum.reduceat(drawings, first, axis=1), np.maximum.reduceat(drawings, first, axis=1)
    narrowest = np.argmin(high - low, axis=0)
    parts = np.arange(len(first))
    shift = np.empty_like(low)
    shift[::2] = low[narrowest, parts] - low[::2]
    shift[1::2] = high[narrowest, parts] - high[1::2]
    middle: Floats = np.sort(drawings + shift[:, part_of], axis=0)[1:3].mean(axis=0)
    return middle
