"""Which edges leave a node and which lead to it, for questions that need no networkx graph."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from gradviz.trace.model import NodeId
from gradviz.trace.protocol import TraceLike

EdgeIndex = int


class Adjacency:
    """The edges at every node, as indices into ``trace.edges``; those that leave it in the order of slots."""

    def __init__(self, trace: TraceLike) -> None:
        self._out: list[list[EdgeIndex]] = [[] for _ in trace.nodes]
        self._into: list[list[EdgeIndex]] = [[] for _ in trace.nodes]
        for index, edge in enumerate(trace.edges):
            self._out[edge.source].append(index)
            self._into[edge.target].append(index)
        for edges in self._out:
            edges.sort(key=lambda index: trace.edges[index].slot)

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
