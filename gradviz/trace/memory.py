"""A trace in plain lists: what tests, benchmarks and ``gradviz.show`` work with, no file needed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradviz.trace.base import TraceBase
from gradviz.trace.events import Event
from gradviz.trace.model import Edge, GraphNode, NodeId, Source, TensorId, TensorInfo, Value, ValueId
from gradviz.trace.tensors import DTYPES, dtype_name, summarize, thumbnail


class MemoryTrace(TraceBase):
    """A trace over lists, with every tensor whole. ``TraceBuilder`` fills one."""

    path: Path | None = None

    def __init__(self) -> None:
        self.nodes: list[GraphNode] = []
        self.edges: list[Edge] = []
        self.values: list[Value] = []
        self.events: list[Event] = []
        self.sources: list[Source] = []
        self.meta: dict[str, Any] = {}
        self.complete = True
        self._arrays: list[NDArray[Any]] = []
        self._infos: list[TensorInfo] = []

    @property
    def tensor_count(self) -> int:
        return len(self._infos)

    def tensor(self, tensor: TensorId) -> TensorInfo:
        """The summary numbers of a tensor."""
        return self._infos[tensor]

    def array(self, tensor: TensorId) -> NDArray[Any] | None:
        """The whole content, read-only."""
        return self._arrays[tensor]

    def thumbnail(self, tensor: TensorId) -> NDArray[np.float32] | None:
        """The content as a matrix of at most 64 x 64 block means."""
        return thumbnail(self._arrays[tensor])


class TraceBuilder:
    """Builds a ``MemoryTrace`` through the calls a recorder makes."""

    def __init__(self, **meta: Any) -> None:
        self.trace = MemoryTrace()
        self.trace.meta.update({"backend": "numpy", **meta})
        self._known: dict[tuple[str, tuple[int, ...], bytes], TensorId] = {}

    def begin(self) -> None:
        """There is nothing to replace in memory."""

    def add_node(self, node: GraphNode) -> NodeId:
        """Append the node under the next free id, whatever id it carries."""
        self.trace.nodes.append(replace(node, id=len(self.trace.nodes)))
        return len(self.trace.nodes) - 1

    def add_edge(self, edge: Edge) -> int:
        """Append the edge; its index is returned."""
        self.trace.edges.append(edge)
        return len(self.trace.edges) - 1

    def add_tensor(self, array: NDArray[Any], dtype: str | None = None) -> TensorId:
        """Copy the content in; equal contents get one id."""
        name = dtype or dtype_name(array.dtype)
        content = np.array(array, dtype=DTYPES[name], order="C")
        key = (name, content.shape, content.tobytes())
        known = self._known.get(key)
        if known is not None:
            return known
        content.flags.writeable = False
        tensor = self._known[key] = len(self.trace._arrays)
        self.trace._arrays.append(content)
        self.trace._infos.append(summarize(tensor, content, name))
        return tensor

    def add_value(self, value: Value) -> ValueId:
        """Append the value under the next free id, whatever id it carries."""
        self.trace.values.append(replace(value, id=len(self.trace.values)))
        return len(self.trace.values) - 1

    def add_source(self, source: Source) -> None:
        """Keep a program's text."""
        self.trace.sources.append(source)

    def label_node(self, node: NodeId, label: str) -> None:
        """Name a leaf whose variable was bound only after the node was seen."""
        self.trace.nodes[node] = replace(self.trace.nodes[node], label=label)

    def label_value(self, value: ValueId, label: str) -> None:
        """Name a value whose variable was bound only after the operation returned."""
        self.trace.values[value] = replace(self.trace.values[value], label=label)

    def set_meta(self, key: str, value: Any) -> None:
        """Note a fact about the recording."""
        self.trace.meta[key] = value

    def emit(self, event: Event) -> int:
        """Append the event under the next step."""
        step = len(self.trace.events) + 1
        self.trace.events.append(replace(event, step=step))
        return step

    def finish(self) -> MemoryTrace:
        """The trace as built so far."""
        return self.trace
