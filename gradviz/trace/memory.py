"""A trace in memory: what tests, benchmarks and previews work with, no file needed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradviz.trace.base import TraceBase
from gradviz.trace.events import Event
from gradviz.trace.model import Edge, Fact, GraphNode, Label, NodeId, Source, TensorId, Value, ValueId
from gradviz.trace.tables import Appender
from gradviz.trace.tensors import DTYPES, dtype_name, summarize, thumbnail


class MemoryTrace(TraceBase):
    """A trace with every tensor whole. ``TraceBuilder`` fills one."""

    path: Path | None = None
    complete = True

    def __init__(self) -> None:
        super().__init__()
        self.appender = Appender(self.held.texts)
        self.arrays: list[NDArray[Any]] = []

    def settle(self) -> None:
        """Make columns of what was added since the last time."""
        if self.appender.waiting:
            self.held.extend(self.appender.take())

    def array(self, tensor: TensorId) -> NDArray[Any] | None:
        """The whole content, read-only."""
        return self.arrays[tensor]

    def thumbnail(self, tensor: TensorId) -> NDArray[np.float32] | None:
        """The content as a matrix of at most 64 x 64 block means."""
        return thumbnail(self.arrays[tensor])


class TraceBuilder:
    """Builds a ``MemoryTrace`` through the calls a recorder makes."""

    def __init__(self, **meta: Any) -> None:
        self.trace = MemoryTrace()
        self._known: dict[tuple[str, tuple[int, ...], bytes], TensorId] = {}
        for key, value in {"backend": "numpy", **meta}.items():
            self.set_meta(key, value)

    def _add(self, item: Any) -> int:
        return self.trace.appender.add(item)

    def begin(self) -> None:
        """There is nothing to replace in memory."""

    def add_node(self, node: GraphNode) -> NodeId:
        """Append the node under the next free id, whatever id it carries."""
        return self._add(node)

    def add_edge(self, edge: Edge) -> int:
        """Append the edge; its index is returned."""
        return self._add(edge)

    def add_tensor(self, array: NDArray[Any], dtype: str | None = None) -> TensorId:
        """Copy the content in; equal contents get one id."""
        name = dtype or dtype_name(array.dtype)
        content = np.array(array, dtype=DTYPES[name], order="C")
        key = (name, content.shape, content.tobytes())
        known = self._known.get(key)
        if known is not None:
            return known
        content.flags.writeable = False
        tensor = self._known[key] = len(self.trace.arrays)
        self.trace.arrays.append(content)
        return self._add(summarize(tensor, content, name))

    def add_value(self, value: Value) -> ValueId:
        """Append the value under the next free id, whatever id it carries."""
        return self._add(value)

    def add_source(self, source: Source) -> None:
        """Keep a program's text."""
        self._add(source)

    def label_node(self, node: NodeId, label: str) -> None:
        """Name a leaf whose variable was bound only after the node was seen."""
        self._add(Label("node", node, label))

    def label_value(self, value: ValueId, label: str) -> None:
        """Name a value whose variable was bound only after the operation returned."""
        self._add(Label("value", value, label))

    def set_meta(self, key: str, value: Any) -> None:
        """Note a fact about the recording."""
        self._add(Fact(key, value))

    def emit(self, event: Event) -> int:
        """Append the event under the next step."""
        step = self.trace.appender.steps + 1
        self._add(replace(event, step=step))
        return step

    def finish(self) -> MemoryTrace:
        """The trace as built so far."""
        return self.trace
