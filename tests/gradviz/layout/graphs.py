"""Graphs for the layout tests: shapes that backward graphs have, and random ones."""

from __future__ import annotations

import numpy as np

from gradviz.layout.drawing import Drawing

BASICS = Drawing.of(
    [
        [250, 50],
        [190, 50],
        [176, 50],
        [176, 50],
        [190, 84],
        [160, 84],
        [200, 50],
        [200, 50],
        [200, 50],
        [240, 84],
    ],
    [[0, 1], [1, 2], [2, 3], [3, 4], [1, 5], [6, 7], [7, 8], [8, 9]],
)
"""The autograd basics: loss -> add -> (squeeze -> mm -> w, b), and out -> pow -> add -> inp."""


def residual(blocks: int) -> Drawing:
    """A deep network: each block is a chain of three with a leaf at each, and a skip edge past them."""
    sizes, edges = [[150.0, 50.0]], []
    top = 0
    for _ in range(blocks):
        chain = [top]
        for _ in range(3):
            node, leaf = len(sizes), len(sizes) + 1
            sizes += [[170.0, 50.0], [120.0, 84.0]]
            edges += [(chain[-1], node), (node, leaf)]
            chain.append(node)
        end = len(sizes)
        sizes.append([200.0, 50.0])
        edges += [(chain[-1], end), (top, end)]
        top = end
    return Drawing.of(sizes, edges)


def random_dag(count: int, seed: int) -> Drawing:
    """Each node is reached from one or two nodes made before it, mostly recent ones."""
    numbers = np.random.default_rng(seed)
    edges = []
    for node in range(1, count):
        for _ in range(1 + (numbers.random() < 0.3)):
            edges.append((max(0, node - 1 - int(numbers.geometric(0.2))), node))
    sizes = np.column_stack([numbers.integers(60, 260, count), numbers.choice([50, 84], count)])
    return Drawing.of(sizes, edges)
