"""In which row each node stands: every edge leads at least one row down."""

from __future__ import annotations

from collections import deque

from gradviz.layout.drawing import LayoutError

SHALLOW = 6
"""Up to this many rows all ends of the graph stand together in the last one; a deeper graph would
be drawn through by their edges."""

Links = list[list[int]]
"""For each node its neighbours in one direction."""


def links(count: int, edges: list[tuple[int, int]]) -> tuple[Links, Links]:
    """The neighbours above and below each node. Edges must be distinct."""
    above: Links = [[] for _ in range(count)]
    below: Links = [[] for _ in range(count)]
    for source, target in edges:
        above[target].append(source)
        below[source].append(target)
    return above, below


def topological(above: Links, below: Links) -> list[int]:
    """The nodes, each after all that lead to it; LayoutError where edges run in a circle."""
    waiting = [len(sources) for sources in above]
    queue = deque(node for node, open_edges in enumerate(waiting) if not open_edges)
    order = []
    while queue:
        node = queue.popleft()
        order.append(node)
        for target in below[node]:
            waiting[target] -= 1
            if not waiting[target]:
                queue.append(target)
    if len(order) < len(above):
        raise LayoutError("the graph has a cycle, so it has no rows; choose another layout")
    return order


def rows(above: Links, below: Links) -> list[int]:
    """The row of each node, counted from 0 at the top: the longest way from a root.

    Roots that join late stand right above what they join, and in shallow graphs the ends stand in
    one row, as the leaves of a loss do in a textbook.
    """
    order = topological(above, below)
    row = [0] * len(order)
    for node in order:
        next_row = row[node] + 1
        for target in below[node]:
            row[target] = max(row[target], next_row)
    for node in order:
        if not above[node] and below[node]:
            row[node] = min([row[target] for target in below[node]]) - 1
    last = max(row, default=0)
    if last < SHALLOW:
        for node in order:
            if not below[node] and above[node]:
                row[node] = last
    return row


def heights(below: Links, order: list[int]) -> list[int]:
    """For each node the longest way down to an end, in edges."""
    height = [0] * len(order)
    for node in reversed(order):
        height[node] = max([height[target] + 1 for target in below[node]], default=0)
    return height
