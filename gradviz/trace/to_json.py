"""A trace as JSON: the stable form that ``gradviz graph``, ``events`` and ``info`` print.

A tensor is its summary numbers, with ``values`` its content as nested lists, too. Numbers that JSON cannot
hold are the strings ``nan``, ``inf`` and ``-inf``; a complex number is a string as Python prints it.
"""

from __future__ import annotations

import math
from operator import attrgetter
from typing import Any

from gradviz.trace.events import EVENT_TYPES, Event
from gradviz.trace.fields import Field, layout_of
from gradviz.trace.model import NodeId, TensorId, ValueId
from gradviz.trace.protocol import TraceLike

Json = Any

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
        for field in layout_of(type(event)).fields:
            if field.name not in _BASE:
                found[field.name] = self._field(field, getattr(event, field.name))
        return found

    def _field(self, field: Field, value: Any) -> Json:
        """What an id refers to is told with it; of a list of pairs or records each part by its name."""
        if not field.listed or value is None:
            return self._one(field.columns[0].ref, value)
        parts = [column for column in field.columns if column.of is not None and not column.of.endswith("-")]
        if field.make is None:
            return [self._one(parts[-1].ref, entry) for entry in value]
        names = [column.name.rpartition(".")[2] for column in parts]
        entries: Any = value if field.make is tuple else map(attrgetter(*names), value)
        return [
            {name: self._one(column.ref, part) for name, column, part in zip(names, parts, entry, strict=True)}
            for entry in entries
        ]

    def _one(self, ref: str | None, value: Any) -> Json:
        match ref:
            case "tensor":
                return self.tensor(value)
            case "leaf":
                return self.leaf(value)
            case "value":
                return self._value(value)
            case _:
                return plain(value)

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
        steps = {name: trace.columns(kind).step for name, kind in EVENT_TYPES.items()}
        kinds = sorted((name for name in steps if len(steps[name])), key=lambda name: int(steps[name][0]))
        return {
            "path": None if trace.path is None else str(trace.path),
            "complete": trace.complete,
            "backend": trace.backend,
            "program": trace.program,
            "created": plain(trace.meta.get("created")),
            "versions": trace.meta.get("versions", {}),
            "steps": len(trace.events),
            "events": {name: len(steps[name]) for name in kinds},
            "nodes": len(trace.nodes),
            "edges": len(trace.edges),
            "leaves": [self.leaf(node) for node in trace.leaves],
            "tensors": trace.tensor_count,
            "files": [source.file for source in trace.sources],
        }
