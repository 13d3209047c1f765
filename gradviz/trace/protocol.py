"""What replay, projection and the window ask of a trace, and what a recorder asks of whoever keeps one.

``Trace`` (a file) and ``MemoryTrace`` (lists) are both ``TraceLike``; ``TraceWriter`` and
``TraceBuilder`` are both a ``TraceSink``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from gradviz.trace.columns import Columns
from gradviz.trace.events import Event
from gradviz.trace.model import Edge, GraphNode, NodeId, Source, TensorId, TensorInfo, Value, ValueId
from gradviz.trace.texts import Texts

if TYPE_CHECKING:
    import networkx as nx


Item = TypeVar("Item")


class TraceLike(Protocol):
    """An immutable recording. Ids are positions: ``nodes[i].id == i``, ``events[n - 1].step == n``."""

    @property
    def path(self) -> Path | None:
        """The file, or None for a trace that lives in memory."""

    @property
    def nodes(self) -> Sequence[GraphNode]: ...

    @property
    def edges(self) -> Sequence[Edge]: ...

    @property
    def values(self) -> Sequence[Value]: ...

    @property
    def events(self) -> Sequence[Event]: ...

    def columns(self, kind: type) -> Columns:
        """The fields of all nouns or events of a class as arrays: ``columns(Flow)``, ``columns(GraphNode)``."""

    def rows(self, kind: type[Item]) -> Sequence[Item]:
        """The objects of one class in order: ``rows(BackwardBegin)``."""

    @property
    def kinds(self) -> NDArray[np.uint8]:
        """For each event, in order, the place of its kind in ``tables.EVENT_KINDS``."""

    @property
    def texts(self) -> Texts:
        """What the numbers of texts in columns stand for."""

    @property
    def sources(self) -> Sequence[Source]: ...

    @property
    def meta(self) -> Mapping[str, Any]:
        """Facts about the recording: ``backend``, ``program``, ``created``, ``versions`` ..."""

    @property
    def complete(self) -> bool:
        """False where the recorder is still at work or was killed."""

    @property
    def backend(self) -> str:
        """``numpy`` or ``pytorch``."""

    @property
    def program(self) -> str | None:
        """The file name of the recorded program."""

    @property
    def graph(self) -> nx.DiGraph[int]:
        """The graph with a ``node`` attribute (GraphNode); an edge's ``slots`` are indices into ``edges``."""

    @property
    def leaves(self) -> tuple[NodeId, ...]:
        """The AccumulateGrad nodes in order of creation."""

    @property
    def tensor_count(self) -> int: ...

    def tensor(self, tensor: TensorId) -> TensorInfo:
        """The summary numbers of a tensor."""

    def array(self, tensor: TensorId) -> NDArray[Any] | None:
        """The whole content, read-only; None where the trace keeps only its summary.

        Raises TraceError where a file does not hold what it should: contents are looked at when they are read.
        """

    def thumbnail(self, tensor: TensorId) -> NDArray[np.float32] | None:
        """The content as a matrix of at most 64 x 64 block means; None where only numbers are kept.

        Raises TraceError as ``array`` does.
        """

    def close(self) -> None: ...


class TraceSink(Protocol):
    """Takes a recording in, piece by piece. A piece may speak only of what was added before it."""

    def begin(self) -> None:
        """The program begins to run: this recording takes the place of the one that was there."""

    def add_node(self, node: GraphNode) -> NodeId:
        """``node.id`` is ignored; the id given is the number of nodes so far."""

    def add_edge(self, edge: Edge) -> int: ...

    def add_tensor(self, array: NDArray[Any], dtype: str | None = None) -> TensorId:
        """Keep the content of ``array``, which is copied; equal contents get one id.

        ``dtype`` names a type that numpy lacks: ``bfloat16``, given as float32.
        """

    def add_value(self, value: Value) -> ValueId:
        """``value.id`` is ignored, as with nodes."""

    def add_source(self, source: Source) -> None: ...

    def label_node(self, node: NodeId, label: str) -> None:
        """Name a leaf whose variable was bound only after the node was seen."""

    def label_value(self, value: ValueId, label: str) -> None: ...

    def set_meta(self, key: str, value: Any) -> None: ...

    def emit(self, event: Event) -> int:
        """Append the event; its step is given here and returned."""
