"""Which edges leave a node and which lead to it, for questions that need no networkx graph."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

from gradviz.trace.model import Edge, NodeId
from gradviz.trace.protocol import TraceLike

EdgeIndex = int


class Adjacency:
    """The edges at every node, as indices into ``trace.edges``; those that leave it in the order of slots."""

    def __init__(self, trace: TraceLike) -> None:
        self._out: list[list[EdgeIndex]] = [[] for _ in range(len(trace.nodes))]
        self._into: list[list[EdgeIndex]] = [[] for _ in range(len(trace.nodes))]
        edges = trace.columns(Edge)
        by_slot = np.argsort(edges.slot, kind="stable")
        for index, source in zip(by_slot.tolist(), edges.source[by_slot].tolist(), strict=True):
            self._out[source].append(index)
        for index, target in enumerate(edges.target.tolist()):
            self._into[target].append(index)

    def out(self, node: NodeId) -> list[EdgeIndex]:
        """The edges that leave ``node``."""
        return self._out[node]

    def into(self, node: NodeId) -> list[EdgeIndex]:
        """The edges that lead to ``node``."""
        return self._into[node]


_known: WeakKeyDictionary[TraceLike, Adjacency] = WeakKeyDictionary()


def adjacency_of(trace: TraceLike) -> Adjacency:
    """The adjacency of a trace, built when it is first asked for."""
    known = _known.get(trace)
    if known is None:
        known = _known[trace] = Adjacency(trace)
    return known
