"""How many pairs of edges cross between adjacent rows, counted for all rows at once."""

from __future__ import annotations

import numpy as np

from gradviz.layout.arrays import inverse
from gradviz.layout.drawing import Ints


def crossings(upper: Ints, lower: Ints, row: Ints) -> Ints:
    """For each row the crossings of the steps that end in it.

    ``upper`` and ``lower``: where the steps begin and end, as places that count on from row to row;
    ``row``: the row of each place.
    """
    count = len(row)
    rows = int(row.max(initial=-1)) + 1
    ends = np.sort(upper * count + lower) % max(count, 1)
    crossed = np.zeros(rows, np.bool_)
    crossed[row[ends[1:]][ends[1:] < ends[:-1]]] = True
    ends = ends[crossed[row[ends]]]
    return _inversions(ends - np.searchsorted(row, row[ends]), row[ends], rows)


def _inversions(numbers: Ints, group: Ints, groups: int) -> Ints:
    """In each group, pairs in which the larger number comes first. Groups stand one after the other.

    Bit by bit from the highest: of two numbers that agree so far, a one before a zero is such a pair; then
    the numbers are parted by that bit, in the order they were in.
    """
    found = np.zeros(groups, np.intp)
    section = group
    for bit in range(int(numbers.max(initial=0)).bit_length() - 1, -1, -1):
        ones = (numbers >> bit) & 1
        new = np.ones(len(numbers), np.bool_)
        new[1:] = section[1:] != section[:-1]
        begin = np.flatnonzero(new)
        owner = np.cumsum(new) - 1
        before = np.cumsum(ones) - ones
        before -= before[begin][owner]
        zero = ones == 0
        found += np.bincount(group[zero], before[zero], minlength=groups).astype(np.intp)
        index = np.arange(len(numbers))
        zeros = np.add.reduceat(1 - ones, begin)
        place = np.where(zero, index - before, begin[owner] + zeros[owner] + before)
        order = inverse(place)
        numbers, group, section = numbers[order], group[order], 2 * section[order] + ones[order]
    return found
