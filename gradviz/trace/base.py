"""What every trace can answer from its lists, wherever they came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from gradviz.trace.events import Event
from gradviz.trace.model import Edge, GraphNode, NodeId, NodeKind, Source, Value

if TYPE_CHECKING:
    import networkx as nx


class TraceBase:
    """The lists of a trace and the questions that follow from them alone."""

    nodes: Sequence[GraphNode]
    edges: Sequence[Edge]
    values: Sequence[Value]
    events: Sequence[Event]
    sources: Sequence[Source]
    meta: Mapping[str, Any]
    complete: bool

    @property
    def backend(self) -> str:
        """``numpy`` or ``pytorch``."""
        return str(self.meta.get("backend", "numpy"))

    @property
    def program(self) -> str | None:
        """The file name of the recorded program."""
        name = self.meta.get("program")
        return None if name is None else str(name)

    @cached_property
    def leaves(self) -> tuple[NodeId, ...]:
        """The AccumulateGrad nodes in order of creation."""
        return tuple(node.id for node in self.nodes if node.kind is NodeKind.ACCUMULATE_GRAD)

    @cached_property
    def graph(self) -> nx.DiGraph[int]:
        """The graph with a ``node`` attribute (GraphNode); an edge's ``slots`` are indices into ``edges``."""
        import networkx as nx  # 0.1 s to import: only who asks for a graph pays

        graph: nx.DiGraph[int] = nx.DiGraph()
        for node in self.nodes:
            graph.add_node(node.id, node=node)
        for index, edge in enumerate(self.edges):
            if graph.has_edge(edge.source, edge.target):
                graph.edges[edge.source, edge.target]["slots"].append(index)
            else:
                graph.add_edge(edge.source, edge.target, slots=[index])
        return graph

    def close(self) -> None:
        """Let go of the file, where there is one."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()
