"""What every trace can answer from its tables, wherever they came from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from gradviz.trace.columns import Columns
from gradviz.trace.events import Event
from gradviz.trace.model import Edge, Fact, GraphNode, NodeId, NodeKind, Source, TensorId, TensorInfo, Value
from gradviz.trace.tables import Tables
from gradviz.trace.texts import Texts
from gradviz.trace.views import Events, Rows

if TYPE_CHECKING:
    import networkx as nx

Item = TypeVar("Item")

INFOS = 4096
"""Summaries of tensors that are kept at hand."""


class TraceBase:
    """Tables, and the questions that follow from them alone."""

    complete: bool

    def __init__(self) -> None:
        self.held = Tables()
        self._nodes, self._edges = Rows(self.held, GraphNode), Rows(self.held, Edge)
        self._values, self._sources = Rows(self.held, Value), Rows(self.held, Source)
        self._infos, self._facts = Rows(self.held, TensorInfo), Rows(self.held, Fact)
        self._events = Events(self.held)
        self._info = lru_cache(INFOS)(self._make_info)
        self._meta: tuple[int, dict[str, Any]] = (0, {})
        self._leaves: tuple[int, tuple[NodeId, ...]] = (0, ())
        self._graph: tuple[int, nx.DiGraph[int]] | None = None

    def settle(self) -> None:
        """Have everything in the tables that was added by now."""

    def columns(self, kind: type) -> Columns:
        """The fields of all nouns or events of a class as arrays: ``columns(Flow)``, ``columns(GraphNode)``."""
        self.settle()
        return self.held.columns(kind)

    def rows(self, kind: type[Item]) -> Sequence[Item]:
        """The objects of one class in order: ``rows(BackwardBegin)``."""
        self.settle()
        return Rows(self.held, kind)

    @property
    def kinds(self) -> NDArray[np.uint8]:
        """For each event, in order, the place of its kind in ``tables.EVENT_KINDS``."""
        self.settle()
        return self.held.kinds

    @property
    def texts(self) -> Texts:
        """What the numbers of texts in columns stand for."""
        return self.held.texts

    @property
    def nodes(self) -> Sequence[GraphNode]:
        """The nodes of the backward graph."""
        self.settle()
        return self._nodes

    @property
    def edges(self) -> Sequence[Edge]:
        """Its edges."""
        self.settle()
        return self._edges

    @property
    def values(self) -> Sequence[Value]:
        """The tensors of the forward pass."""
        self.settle()
        return self._values

    @property
    def events(self) -> Sequence[Event]:
        """What happened, in order."""
        self.settle()
        return self._events

    @property
    def sources(self) -> Sequence[Source]:
        """The program's texts."""
        self.settle()
        return self._sources

    @property
    def meta(self) -> Mapping[str, Any]:
        """Facts about the recording: ``backend``, ``program``, ``created``, ``versions`` ..."""
        count = len(self.columns(Fact))
        if self._meta[0] != count:
            self._meta = count, {fact.key: fact.value for fact in self._facts}
        return self._meta[1]

    @property
    def backend(self) -> str:
        """``numpy`` or ``pytorch``."""
        return str(self.meta.get("backend", "numpy"))

    @property
    def program(self) -> str | None:
        """The file name of the recorded program."""
        name = self.meta.get("program")
        return None if name is None else str(name)

    @property
    def leaves(self) -> tuple[NodeId, ...]:
        """The AccumulateGrad nodes in order of creation."""
        nodes = self.columns(GraphNode)
        if self._leaves[0] != len(nodes):
            leaf = nodes.kind == nodes.words("kind").index(NodeKind.ACCUMULATE_GRAD)
            self._leaves = len(nodes), tuple(np.flatnonzero(leaf).tolist())
        return self._leaves[1]

    @property
    def tensor_count(self) -> int:
        """How many different tensor contents there are; their ids count from 0."""
        return len(self.columns(TensorInfo))

    def tensor(self, tensor: TensorId) -> TensorInfo:
        """The summary numbers of a tensor. IndexError for one that there is not."""
        return self._info(tensor)

    def _make_info(self, tensor: TensorId) -> TensorInfo:
        self.settle()
        info = self._infos[tensor]
        return replace(info, norm=math.nan) if info.nan and info.norm is None else info  # nan is None in columns

    @property
    def graph(self) -> nx.DiGraph[int]:
        """The graph with a ``node`` attribute (GraphNode); an edge's ``slots`` are indices into ``edges``."""
        import networkx as nx  # 0.1 s to import: only who asks for a graph pays

        if self._graph is None or self._graph[0] != len(self.nodes):
            graph: nx.DiGraph[int] = nx.DiGraph()
            for node in self.nodes:
                graph.add_node(node.id, node=node)
            for index, edge in enumerate(self.edges):
                if graph.has_edge(edge.source, edge.target):
                    graph.edges[edge.source, edge.target]["slots"].append(index)
                else:
                    graph.add_edge(edge.source, edge.target, slots=[index])
            self._graph = len(self.nodes), graph
        return self._graph[1]

    def close(self) -> None:
        """Let go of the file, where there is one."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()
