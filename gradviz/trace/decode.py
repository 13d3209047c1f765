"""From rows back to nouns and events, believing nothing: a trace may be damaged, or made to do harm.

Every check here guards something a reader of traces relies on without asking: ids are in range, a leaf
is an AccumulateGrad node, a flow goes along an edge that exists, calls open and close in order.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from gradviz.trace import events as ev
from gradviz.trace.errors import TraceError
from gradviz.trace.format import Row
from gradviz.trace.model import (
    Cell,
    Edge,
    GraphNode,
    NodeKind,
    Saved,
    Source,
    Storage,
    TensorInfo,
    Value,
)
from gradviz.trace.tensors import DTYPES

MAX_DIMENSIONS = 32
"""numpy 1.26's limit; PyTorch's own is 64, but nobody has met such a tensor."""

_KINDS = {kind.value: kind for kind in NodeKind}
_STORAGES = {storage.value: storage for storage in Storage}


class Malformed(Exception):
    """A row does not hold what it should; ``sources`` and the like turn it into a ``TraceError``."""


def _need(condition: bool, what: str) -> None:
    if not condition:
        raise Malformed(what)


def _text(value: Any) -> str:
    _need(type(value) is str, "a text is not a text")
    return str(value)


def _maybe_text(value: Any) -> str | None:
    return None if value is None else _text(value)


def _count(value: Any) -> int:
    """A whole number from 0 that fits 63 bits."""
    if type(value) is int and 0 <= value < 2**63:
        return value
    raise Malformed("a count is not a whole number from 0 up")


def _maybe_count(value: Any) -> int | None:
    return None if value is None else _count(value)


def _id(value: Any, end: int, what: str) -> int:
    if type(value) is int and 0 <= value < end:
        return value
    raise Malformed(f"there is no {what} {str(value)[:40]}")


def _ids(values: Any, end: int, what: str) -> tuple[int, ...]:
    """A list of ids, checked together: ready queues can be long."""
    _need(type(values) is list, "a list is not a list")
    if values and not (set(map(type, values)) == {int} and min(values) >= 0 and max(values) < end):
        raise Malformed(f"there is no such {what} as one of {str(values)[:80]}")
    return tuple(values)


def _maybe_id(value: Any, end: int, what: str) -> int | None:
    return None if value is None else _id(value, end, what)


def _list(value: Any) -> list[Any]:
    _need(type(value) is list, "a list is not a list")
    return list(value)


def _load(value: Any) -> Any:
    """Parse a json column."""
    return json.loads(_text(value))


@lru_cache(4096)  # a trace has many tensors of few shapes
def _shape(column: Any) -> tuple[int, ...]:
    """Parse a json column that holds a shape."""
    sizes = tuple(_count(size) for size in _list(_load(column)))
    _need(len(sizes) <= MAX_DIMENSIONS, f"a tensor has {len(sizes)} dimensions")
    return sizes


def _dtype(value: Any) -> str:
    name = _text(value)
    _need(name in DTYPES, f"there is no dtype {name[:40]!r}")
    return name


def rows_of(table: str, rows: Sequence[Row], decode: Callable[[Row], Any], first: int = 0) -> list[Any]:
    """Every row decoded; the ids must be ``first``, ``first + 1`` ..."""
    decoded = []
    for index, row in enumerate(rows, first):
        try:
            _need(row[0] == index and type(row[0]) is int, f"the row after it is {str(row[0])[:40]}")
            decoded.append(decode(row))
        except (Malformed, ValueError, RecursionError) as error:
            raise TraceError(f"{table} {index} is malformed: {_one_line(error)}") from None
    return decoded


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def source(row: Row) -> Source:
    """A row of ``source``."""
    cells = []
    for cell in _list(_load(row[3])):
        title, line = _list(cell)
        cells.append(Cell(_text(title), _count(line)))
    return Source(_text(row[1]), _text(row[2]), tuple(cells))


def meta(rows: Sequence[Row]) -> dict[str, Any]:
    """All rows of ``meta``."""
    return dict(rows_of("meta", rows, lambda row: (_text(row[1]), _load(row[2]))))


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many there are of each thing an id can speak of."""

    nodes: int
    values: int
    tensors: int


def node(row: Row, sizes: Sizes) -> GraphNode:
    """A row of ``node``."""
    _, name, kind, number, label, shape, dtype, file, line, scope, saved, formula = row
    _need(type(kind) is str and kind in _KINDS, "its kind is unknown")
    kept = []
    for entry in _list(_load(saved)) if saved != "[]" else ():
        title, tensor, value = _list(entry)
        kept.append(Saved(_text(title), _maybe_id(tensor, sizes.tensors, "tensor"), value))
    return GraphNode(
        row[0],
        _text(name),
        _KINDS[kind],
        _maybe_count(number),
        _maybe_text(label),
        None if shape == "null" else _shape(shape),
        None if dtype is None else _dtype(dtype),
        _maybe_text(file),
        _maybe_count(line),
        _text(scope),
        tuple(kept),
        tuple(_text(words) for words in _list(_load(formula))) if formula != "[]" else (),
    )


def edge(row: Row, sizes: Sizes) -> Edge:
    """A row of ``edge``."""
    _, start, slot, target, target_slot = row
    return Edge(_id(start, sizes.nodes, "node"), _count(slot), _id(target, sizes.nodes, "node"), _count(target_slot))


def value(row: Row, sizes: Sizes) -> Value:
    """A row of ``value``."""
    index, label, shape, dtype, tensor, owner, slot = row
    return Value(
        index,
        _maybe_text(label),
        _shape(shape),
        _dtype(dtype),
        _maybe_id(tensor, sizes.tensors, "tensor"),
        _maybe_id(owner, sizes.nodes, "node"),
        _count(slot),
    )


def label(row: Row, sizes: Sizes) -> tuple[str, int, str]:
    """A row of ``label``: (``node`` or ``value``, its id, the name)."""
    _, item, index, name = row
    _need(item in ("node", "value"), "it names neither a node nor a value")
    end = sizes.nodes if item == "node" else sizes.values
    return item, _id(index, end, item), _text(name)


def tensor(row: Row) -> tuple[TensorInfo, bytes | None]:
    """A row of ``tensor``: its numbers and the digest of its stored bytes."""
    index, shape, dtype, norm, low, high, mean, nan, inf, zero, storage, content = row
    _need(type(storage) is str and storage in _STORAGES, "its storage is unknown")
    _need(content is None or (type(content) is bytes and len(content) == 16), "its digest is malformed")
    _need((content is None) == (storage == Storage.SUMMARY.value), "its content is not what it says")
    for number in (norm, low, high, mean):
        _need(number is None or type(number) is float, "a number is not a number")
    info = TensorInfo(
        index,
        _shape(shape),
        _dtype(dtype),
        math.nan if nan else norm,
        low,
        high,
        mean,
        _count(nan),
        _count(inf),
        _count(zero),
        _STORAGES[storage],
    )
    return info, content


class EventDecoder:
    """Decodes events one after another, keeping watch over what they may refer to."""

    def __init__(self, sizes: Sizes, nodes: Sequence[GraphNode], edges: Sequence[Edge]) -> None:
        self._sizes = sizes
        self._nodes = nodes
        self._edges = {(edge.source, edge.slot): (edge.target, edge.target_slot) for edge in edges}
        if len(self._edges) != len(edges):
            raise TraceError("two edges leave one slot of a node")
        self._calls = 0
        self._open: set[int] = set()
        self._fields: dict[str, dict[str, Callable[[Any], Any]]] = {
            "op": {
                "name": _text,
                "nodes": self._node_ids,
                "inputs": self._value_ids,
                "outputs": self._value_ids,
            },
            "backward_begin": {
                "call": self._next_call,
                "roots": self._roots,
                "retain_graph": _flag,
                "create_graph": _flag,
                "inputs": lambda ids: None if ids is None else self._node_ids(ids),
                "dependencies": self._dependencies,
            },
            "node_begin": {
                "call": self._call,
                "node": self._node,
                "grad_outputs": self._tensors,
                "ready": self._node_ids,
                "dependencies": self._dependencies,
            },
            "flow": {
                "call": self._call,
                "source": self._node,
                "slot": _count,
                "target": self._node,
                "target_slot": _count,
                "gradient": self._tensor,
                "total": self._tensor,
            },
            "node_end": {"call": self._call, "node": self._node, "freed": _flag},
            "accumulate": {
                "call": self._call,
                "leaf": self._leaf,
                "before": self._tensor,
                "incoming": self._sure_tensor,
                "after": self._sure_tensor,
                "mode": _one_of("set", "added"),
            },
            "backward_end": {"call": self._call, "error": _maybe_text},
            "grad_write": self._write(),
            "value_write": self._write(),
            "output": {"text": _text, "stream": _one_of("stdout", "stderr")},
            "warning": {"message": _text},
            "error": {
                "type": _text,
                "message": _text,
                "traceback": lambda lines: tuple(_text(line) for line in _list(lines)),
            },
            "mark": {"name": _text},
        }

    def _write(self) -> dict[str, Callable[[Any], Any]]:
        return {"leaf": self._leaf, "cause": _text, "before": self._tensor, "after": self._tensor}

    def decode(self, row: Row, body: Any) -> ev.Event:
        """The event of a row whose body is parsed already; raises ``Malformed``."""
        step, kind, file, line, _ = row
        checks = self._fields.get(kind) if type(kind) is str else None
        if checks is None:
            raise Malformed("its kind is unknown")
        if type(body) is not dict or body.keys() != checks.keys():
            raise Malformed("its fields are not those of its kind")
        for name, check in checks.items():
            body[name] = check(body[name])
        if kind == "flow" and self._edges.get((body["source"], body["slot"])) != (
            body["target"],
            body["target_slot"],
        ):
            raise Malformed("no such edge")
        if kind == "backward_end":
            self._open.discard(body["call"])
        if file is not None and type(file) is not str:
            raise Malformed("its file is not a text")
        return ev.EVENT_TYPES[kind](step=step, file=file, line=_maybe_count(line), **body)

    def _next_call(self, call: Any) -> int:
        _need(type(call) is int and call == self._calls + 1, "its call does not follow the last")
        self._calls += 1
        self._open.add(self._calls)
        return self._calls

    def _call(self, call: Any) -> int:
        if type(call) is int and call in self._open:
            return call
        raise Malformed("its backward call is not running")

    def _node(self, node: Any) -> int:
        return _id(node, self._sizes.nodes, "node")

    def _leaf(self, node: Any) -> int:
        index = self._node(node)
        _need(self._nodes[index].kind is NodeKind.ACCUMULATE_GRAD, f"node {index} is no leaf")
        return index

    def _tensor(self, tensor: Any) -> int | None:
        return None if tensor is None else _id(tensor, self._sizes.tensors, "tensor")

    def _sure_tensor(self, tensor: Any) -> int:
        return _id(tensor, self._sizes.tensors, "tensor")

    def _tensors(self, tensors: Any) -> tuple[int | None, ...]:
        return tuple([self._tensor(tensor) for tensor in _list(tensors)])

    def _node_ids(self, nodes: Any) -> tuple[int, ...]:
        return _ids(nodes, self._sizes.nodes, "node")

    def _value_ids(self, values: Any) -> tuple[int, ...]:
        return _ids(values, self._sizes.values, "value")

    def _dependencies(self, pairs: Any) -> tuple[tuple[int, int], ...]:
        if not pairs and type(pairs) is list:
            return ()
        return tuple([(self._node(node), _count(count)) for node, count in map(_list, _list(pairs))])

    def _roots(self, roots: Any) -> tuple[ev.Root, ...]:
        return tuple(
            ev.Root(self._node(node), _count(slot), _maybe_text(label), self._tensor(gradient))
            for node, slot, label, gradient in map(_list, _list(roots))
        )


def _flag(value: Any) -> bool:
    _need(type(value) is bool, "a flag is neither true nor false")
    return bool(value)


def _one_of(*words: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        _need(type(value) is str and value in words, f"it is none of {', '.join(words)}")
        return str(value)

    return check


def events(rows: Sequence[Row], decoder: EventDecoder) -> list[ev.Event]:
    """All rows of ``event``. Their bodies are parsed in one go, which halves the time."""
    try:
        bodies = json.loads("[" + ",".join([row[4] for row in rows]) + "]")
    except (ValueError, TypeError, RecursionError) as error:
        raise TraceError(f"the events are malformed: {_one_line(error)}") from None
    if len(bodies) != len(rows):
        raise TraceError("the events are malformed: one of them is several")
    return rows_of("event", rows, lambda row: decoder.decode(row, bodies[row[0] - 1]), first=1)


def check_acyclic(nodes: int, edges: Sequence[Edge]) -> None:
    """A backward graph has no cycles; layout and replay would never end in one."""
    if all(edge.target < edge.source for edge in edges):
        return
    targets: dict[int, list[int]] = {}
    waiting = [0] * nodes
    for edge in edges:
        targets.setdefault(edge.source, []).append(edge.target)
        waiting[edge.target] += 1
    free = [node for node in range(nodes) if not waiting[node]]
    seen = 0
    while free:
        seen += 1
        for target in targets.get(free.pop(), ()):
            waiting[target] -= 1
            if not waiting[target]:
                free.append(target)
    if seen != nodes:
        raise TraceError("the graph runs in a circle")
