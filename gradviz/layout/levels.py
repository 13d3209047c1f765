"""The rows with a dummy wherever an edge passes through one, so that every step is one row down."""

from __future__ import annotations

from dataclasses import dataclass, field

from gradviz.layout.layers import Links

DUMMIES_PER_NODE = 20
"""How many dummies a graph may have for each node; the longest edges beyond that go round the outside.
Without a bound an unrolled network whose every step reads one tensor has a quadratic number of them."""


@dataclass(slots=True)
class Levels:
    """Nodes 0 to ``real - 1`` and, above those numbers, dummies.

    ``order``: the members of each row from left to right. ``above`` and ``below``: neighbours in the
    adjacent rows. ``chains``: for each long edge its dummies from above to below. ``outside``: the
    edges that have none and pass by the side of the drawing.
    """

    real: int
    row: list[int]
    above: Links
    below: Links
    order: list[list[int]] = field(default_factory=list)
    chains: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    outside: list[tuple[int, int]] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.row)

    def positions(self) -> list[int]:
        """The place of each member in its row."""
        place = [0] * self.count
        for members in self.order:
            for index, member in enumerate(members):
                place[member] = index
        return place


def build(row: list[int], edges: list[tuple[int, int]]) -> Levels:
    """Levels without an order yet."""
    levels = Levels(len(row), list(row), [[] for _ in row], [[] for _ in row])
    budget = DUMMIES_PER_NODE * len(row)
    for source, target in sorted(edges, key=lambda edge: row[edge[1]] - row[edge[0]]):
        passed = row[target] - row[source] - 1
        budget -= passed
        if passed and budget < 0:
            levels.outside.append((source, target))
            continue
        previous = source
        if passed:
            chain = levels.chains[source, target] = list(range(levels.count, levels.count + passed))
            for step, dummy in enumerate(chain, row[source] + 1):
                levels.row.append(step)
                levels.above.append([previous])
                levels.below.append([])
                levels.below[previous].append(dummy)
                previous = dummy
        levels.below[previous].append(target)
        levels.above[target].append(previous)
    return levels
