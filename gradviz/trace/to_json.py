"""A trace as JSON: the stable form that ``gradviz graph``, ``events`` and ``info`` print.

A tensor is its summary numbers, with ``values`` its content as nested lists, too. Numbers that JSON cannot
hold are the strings ``nan``, ``inf`` and ``-inf``; a complex number is a string as Python prints it.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import fields
from typing import Any

from gradviz.trace.events import Event, Root
from gradviz.trace.model import NodeId, TensorId, ValueId
from gradviz.trace.protocol import TraceLike

Json = Any

_TENSORS = frozenset({"gradient", "total", "before", "incoming", "after"})
_BASE = ("step", "file", "line")


def plain(value: Any) -> Json:
    """``value`` with the numbers that JSON cannot hold as strings."""
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    if isinstance(value, complex):
        return str(value).strip("()")
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    return value


class Jsonifier:
    """Turns the nouns and events of one trace into JSON."""

    def __init__(self, trace: TraceLike, *, values: bool = False) -> None:
        self._trace = trace
        self._values = values

    def tensor(self, tensor: TensorId | None) -> Json:
        """The summary numbers; None for no tensor."""
        if tensor is None:
            return None
        info = self._trace.tensor(tensor)
        found = {
            "shape": list(info.shape),
            "dtype": info.dtype,
            "norm": plain(info.norm),
            "min": plain(info.min),
            "max": plain(info.max),
            "mean": plain(info.mean),
            "nan": info.nan,
            "inf": info.inf,
            "zero": info.zero,
        }
        if self._values:
            array = self._trace.array(tensor)
            found["values"] = None if array is None else plain(array.tolist())
        return found

    def leaf(self, node: NodeId) -> Json:
        """A leaf, wherever an event names one."""
        return {"node": node, "label": self._trace.nodes[node].label}

    def graph(self) -> Json:
        """All nodes and edges."""
        return {
            "nodes": [self._node(node) for node in range(len(self._trace.nodes))],
            "edges": [
                {"source": e.source, "slot": e.slot, "target": e.target, "target_slot": e.target_slot}
                for e in self._trace.edges
            ],
        }

    def _node(self, index: NodeId) -> Json:
        node = self._trace.nodes[index]
        return {
            "id": node.id,
            "name": node.name,
            "kind": node.kind.value,
            "sequence_nr": node.sequence_nr,
            "label": node.label,
            "shape": None if node.shape is None else list(node.shape),
            "dtype": node.dtype,
            "file": node.file,
            "line": node.line,
            "scope": node.scope,
            "saved": [
                {"name": saved.name, "value": plain(saved.value)}
                if saved.tensor is None
                else {"name": saved.name, "tensor": self.tensor(saved.tensor)}
                for saved in node.saved
            ],
        }

    def event(self, event: Event) -> Json:
        """One event: what all have in common, then the fields of its kind."""
        found = {"step": event.step, "kind": event.kind, "file": event.file, "line": event.line}
        for field in fields(event):
            if field.name not in _BASE:
                found[field.name] = self._field(field.name, getattr(event, field.name), event.kind)
        return found

    def _field(self, name: str, value: Any, kind: str) -> Json:
        if name in _TENSORS:
            return self.tensor(value)
        if name == "leaf":
            return self.leaf(value)
        if name == "grad_outputs":
            return [self.tensor(tensor) for tensor in value]
        if name == "roots":
            return [self._root(root) for root in value]
        if name == "dependencies":
            return [{"node": node, "count": count} for node, count in value]
        if kind == "op" and name in ("inputs", "outputs"):
            return [self._value(index) for index in value]
        return plain(value)

    def _root(self, root: Root) -> Json:
        gradient = self.tensor(root.gradient)
        return {"node": root.node, "slot": root.slot, "label": root.label, "gradient": gradient}

    def _value(self, index: ValueId) -> Json:
        value = self._trace.values[index]
        return {
            "label": value.label,
            "node": value.node,
            "slot": value.slot,
            "shape": list(value.shape),
            "dtype": value.dtype,
            "tensor": self.tensor(value.tensor),
        }

    def info(self) -> Json:
        """What the trace is about, in numbers."""
        trace = self._trace
        counts = Counter(event.kind for event in trace.events)
        return {
            "path": None if trace.path is None else str(trace.path),
            "complete": trace.complete,
            "backend": trace.backend,
            "program": trace.program,
            "created": plain(trace.meta.get("created")),
            "versions": trace.meta.get("versions", {}),
            "steps": len(trace.events),
            "events": dict(counts),
            "nodes": len(trace.nodes),
            "edges": len(trace.edges),
            "leaves": [self.leaf(node) for node in trace.leaves],
            "tensors": trace.tensor_count,
            "files": [source.file for source in trace.sources],
        }
