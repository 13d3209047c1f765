"""The rows with a dummy wherever an edge passes through one, so that every step is one row down.

Edges that come from far to one node share a trunk, and so do those that lead from one node to many far
ones: one dummy a row for all of them. A tensor that every step of an unrolled network reads costs a dummy
for each row then, instead of one for each row and step; and what runs together is what is added up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradviz.layout.arrays import ranges, starts
from gradviz.layout.drawing import Bools, Ints

BUNDLE = 3
"""From so many long edges on that meet in one node they share a trunk."""
DUMMIES = 4
"""So many dummies a part may have for each node; the longest trunks beyond that go round the outside."""
FREE_DUMMIES = 20_000
"""As many it may have however small it is."""


@dataclass(slots=True)
class Levels:
    """Nodes 0 to ``real - 1`` and, above those numbers, dummies: together the members.

    ``row``: the row of each member; the rows of part p come after those of part p - 1. ``part_of``: the part
    of each member. ``upper`` and ``lower``: the steps from row to row, each pair of members once.
    ``edges``: (m, 2), as given. Edge i passes through the dummies from ``first[i]`` on, ``passed[i]`` of them
    in consecutive rows; where it is ``outside`` it has none and passes by the side of its part.
    ``trunk``: the trunk of each edge that passes rows, -1 for the others; ``trunk_rows``: (trunks, 2), the
    first and the last row that each passes; ``trunk_of``: the trunk that each dummy belongs to.
    """

    real: int
    row: Ints
    part_of: Ints
    upper: Ints
    lower: Ints
    edges: Ints
    first: Ints
    passed: Ints
    outside: Bools
    trunk: Ints
    trunk_rows: Ints
    trunk_of: Ints

    @property
    def count(self) -> int:
        return len(self.row)

    @property
    def inner(self) -> Bools:
        """The steps from dummy to dummy."""
        return (self.upper >= self.real) & (self.lower >= self.real)


def build(row: Ints, part_of: Ints, edges: Ints) -> Levels:
    """The levels of nodes in ``row``, (n,), counted from 0 in each part; ``edges`` are distinct."""
    real = len(row)
    row = row + _first_rows(row, part_of)[part_of]
    sources, targets = edges.T
    trunk = _trunks(real, sources, targets, row)
    long = np.flatnonzero(trunk >= 0)
    count = int(trunk.max(initial=-1)) + 1
    trunk_rows = np.empty((count, 2), np.intp)
    trunk_rows[:, 0], trunk_rows[:, 1] = np.iinfo(np.intp).max, -1
    np.minimum.at(trunk_rows[:, 0], trunk[long], row[sources[long]] + 1)
    np.maximum.at(trunk_rows[:, 1], trunk[long], row[targets[long]] - 1)
    part_of_trunk = np.zeros(count, np.intp)
    part_of_trunk[trunk[long]] = part_of[sources[long]]
    lengths = trunk_rows[:, 1] - trunk_rows[:, 0] + 1
    kept = _affordable(lengths, part_of_trunk, np.bincount(part_of))

    outside = np.zeros(len(edges), np.bool_)
    outside[long] = ~kept[trunk[long]]
    counts = np.where(kept, lengths, 0)
    head = real + starts(counts)[:-1]
    dummy_rows = ranges(trunk_rows[:, 0], counts)
    first, passed = np.zeros(len(edges), np.intp), np.zeros(len(edges), np.intp)
    through = long[kept[trunk[long]]]
    first[through] = head[trunk[through]] + row[sources[through]] + 1 - trunk_rows[trunk[through], 0]
    passed[through] = row[targets[through]] - row[sources[through]] - 1

    direct = np.flatnonzero(trunk < 0)
    along = ranges(head, np.maximum(counts - 1, 0))
    upper = np.concatenate([sources[direct], along, sources[through], first[through] + passed[through] - 1])
    lower = np.concatenate([targets[direct], along + 1, first[through], targets[through]])
    members = real + len(dummy_rows)
    pairs = np.unique(upper * members + lower)
    return Levels(
        real=real,
        row=np.concatenate([row, dummy_rows]),
        part_of=np.concatenate([part_of, np.repeat(part_of_trunk, counts)]),
        upper=pairs // members,
        lower=pairs % members,
        edges=edges,
        first=first,
        passed=passed,
        outside=outside,
        trunk=trunk,
        trunk_rows=trunk_rows,
        trunk_of=np.repeat(np.arange(count), counts),
    )


def _first_rows(row: Ints, part_of: Ints) -> Ints:
    """The number of each part's first row once the parts stand below each other."""
    rows = np.zeros(int(part_of.max(initial=-1)) + 1, np.intp)
    np.maximum.at(rows, part_of, row + 1)
    return starts(rows)[:-1]


def _trunks(real: int, sources: Ints, targets: Ints, row: Ints) -> Ints:
    """The trunk of each edge that passes a row, -1 for the others: shared at the end where more meet."""
    trunk = np.full(len(sources), -1, np.intp)
    long = np.flatnonzero(row[targets] - row[sources] > 1)
    source, target = sources[long], targets[long]
    leaving, entering = np.bincount(source, minlength=real)[source], np.bincount(target, minlength=real)[target]
    alone = np.arange(len(long)) + 2 * real
    name = np.where(np.maximum(leaving, entering) < BUNDLE, alone, np.where(entering >= leaving, target, source + real))
    trunk[long] = np.unique(name, return_inverse=True)[1]
    return trunk


def _affordable(lengths: Ints, part_of: Ints, nodes: Ints) -> Bools:
    """Which trunks get dummies: in each part the shortest, as many as its nodes allow for."""
    order = np.lexsort((lengths, part_of))
    spent = np.cumsum(lengths[order])
    first = np.searchsorted(part_of[order], np.arange(len(nodes)))
    before = np.concatenate([[0], spent])[first]
    budget = FREE_DUMMIES + DUMMIES * nodes
    kept = np.empty(len(lengths), np.bool_)
    kept[order] = spent - before[part_of[order]] <= budget[part_of[order]]
    return kept
