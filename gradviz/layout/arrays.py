"""Small moves on index arrays that the parts of the layered layout share."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from gradviz.layout.drawing import Ints


def starts(counts: Ints) -> Ints:
    """Where each of consecutive groups begins, and where the last one ends: (k + 1,) for (k,)."""
    found = np.zeros(len(counts) + 1, np.intp)
    np.cumsum(counts, out=found[1:])
    return found


def ranges(first: Ints, counts: Ints) -> Ints:
    """``first[i], first[i] + 1, ...``, ``counts[i]`` of them, one range after the other."""
    offsets = starts(counts)
    return np.arange(offsets[-1], dtype=np.intp) + np.repeat(first - offsets[:-1], counts)


def inverse(order: Ints) -> Ints:
    """The place of each number in a permutation."""
    place = np.empty(len(order), np.intp)
    place[order] = np.arange(len(order))
    return place


def neighbours(count: int, of: Ints, others: Ints) -> list[list[int]]:
    """For each of ``count`` members its ``others``, in the order in which they come."""
    order = np.argsort(of, kind="stable")
    flat = others[order].tolist()
    borders = starts(np.bincount(of, minlength=count)).tolist()
    return [flat[begin:end] for begin, end in pairwise(borders)]
