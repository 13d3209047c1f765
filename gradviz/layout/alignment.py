"""Which members stand straight below one another: the vertical blocks that coordinates are given to.

Of several children only the one with the longest way below it may align with its parent, so that side
leaves and skip edges never bend the main line, and one longest path of all is straight from end to end.
Source: Brandes and Köpf, "Fast and Simple Horizontal Coordinate Assignment", 2001.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradviz.layout.arrays import inverse
from gradviz.layout.drawing import Bools, Ints
from gradviz.layout.levels import Levels

FAR = np.iinfo(np.intp).max


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps that may be straight, as pairs of places that count on from row to row.

    ``down``: (k, 2), the upper and the lower place of those in which the lower member follows its parent;
    ``up``: of those in which the upper member follows its child.
    """

    down: Ints
    up: Ints


def steps(levels: Levels, order: Ints, height: Ints) -> Steps:
    """The steps between partners, without those that cross the inner part of a long edge ("type 1")."""
    place = inverse(order)
    child, parent = _partners(levels, place, height)
    pairs = np.column_stack([place[levels.upper], place[levels.lower]])
    free = ~_conflicts(pairs, levels.inner, len(order))
    return Steps(down=pairs[parent & free], up=pairs[child & free])


def _partners(levels: Levels, place: Ints, height: Ints) -> tuple[Bools, Bools]:
    """The steps in which a member may align with its child, and those with its parent."""
    upper, lower = levels.upper, levels.lower
    depth = np.concatenate([height, _depth_of_dummies(levels, height)])
    straight = levels.inner | _main_lines(levels, place, height)
    score = np.where(straight, FAR, 2 * depth[lower] + (lower < levels.real))
    child = score == _most(score, upper, levels.count)[upper]
    score = np.where(child, 1 + (upper < levels.real) + 2 * straight, 0)
    parent = child & (score == _most(score, lower, levels.count)[lower])
    return child, parent


def _most(score: Ints, group: Ints, groups: int) -> Ints:
    most = np.full(groups, -1, np.intp)
    np.maximum.at(most, group, score)
    return most


def _depth_of_dummies(levels: Levels, height: Ints) -> Ints:
    """The longest way down from each dummy, in edges."""
    end = np.zeros(len(levels.trunk_rows), np.intp)
    long = np.flatnonzero(levels.trunk >= 0)
    target = levels.edges[long, 1]
    np.maximum.at(end, levels.trunk[long], height[target] + levels.row[target])
    depth: Ints = end[levels.trunk_of] - levels.row[levels.real :]
    return depth


def _main_lines(levels: Levels, place: Ints, height: Ints) -> Bools:
    """The steps of one longest path in each part, the leftmost where several are as long."""
    count, part_of = levels.real, levels.part_of[: levels.real]
    real = np.flatnonzero((levels.upper < count) & (levels.lower < count))
    real = real[height[levels.lower[real]] == height[levels.upper[real]] - 1]
    leftmost = np.full(count, FAR)
    np.minimum.at(leftmost, levels.upper[real], place[levels.lower[real]])
    step_of = np.full(count, -1, np.intp)
    chosen = real[place[levels.lower[real]] == leftmost[levels.upper[real]]]
    step_of[levels.upper[chosen]] = chosen

    tallest = np.flatnonzero(height == _most(height, part_of, int(part_of.max(initial=-1)) + 1)[part_of])
    tops = tallest[np.unique(part_of[tallest], return_index=True)[1]]
    following, lower = step_of.tolist(), levels.lower.tolist()
    line = []
    for node in tops.tolist():
        step = following[node]
        while step >= 0:
            line.append(step)
            step = following[lower[step]]
    found = np.zeros(len(levels.upper), np.bool_)
    found[line] = True
    return found


def _conflicts(pairs: Ints, inner: Bools, count: int) -> Bools:
    """The steps that cross an inner one (steps from dummy to dummy, ``inner``): those may not be aligned."""
    by_lower = np.full(count, -1, np.intp)
    by_lower[pairs[inner, 1]] = pairs[inner, 0]
    before = np.maximum.accumulate(by_lower)
    by_lower[by_lower < 0] = FAR
    after = np.minimum.accumulate(by_lower[::-1])[::-1]
    upper, lower = pairs.T
    crossed: Bools = ~inner & ((upper < before[lower]) | (upper > after[lower]))
    return crossed


def blocks(steps: Ints, count: int, downwards: bool) -> Ints:
    """The block of each place, named by its first one: as many straight steps as the order allows, those on
    the left first.

    ``steps``: as in `Steps`. Where a member has several partners the middle one counts, of two the left one
    and, where that is taken, the right one.
    """
    member, other = (steps[:, 1], steps[:, 0]) if downwards else (steps[:, 0], steps[:, 1])
    order = np.argsort(member * count + other)
    member, other = member[order], other[order]
    first = np.flatnonzero(np.diff(member, prepend=-1))
    number = np.diff(first, append=len(member))
    member, middle, second = member[first], other[first + (number - 1) // 2], other[first + number // 2]

    taken = middle > _before(middle)
    kept = np.where(taken, middle, -1)
    after = np.minimum.accumulate(np.where(taken, middle, FAR)[::-1])[::-1]
    free = ~taken & (second > _before(kept)) & (second < after)
    kept = np.where(free, second, kept)
    taken |= free & (second > _before(kept))

    lead = np.arange(count)
    upper, lower = (kept, member) if downwards else (member, kept)
    lead[lower[taken]] = upper[taken]
    while True:
        further = lead[lead]
        if np.array_equal(further, lead):
            return lead
        lead = further


def _before(places: Ints) -> Ints:
    """The largest of all that stand before each."""
    largest = np.empty_like(places)
    largest[:1] = -1
    np.maximum.accumulate(places[:-1], out=largest[1:])
    return largest
