"""From rows back to nouns, believing nothing: a trace may be damaged, or made to do harm.

Every check here guards something a reader of traces relies on without asking: ids are in range, a value has
the shape of its tensor, numbers are what they are called, the graph has no circle.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gradviz.trace import checks
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

_KINDS = {kind.value: kind for kind in NodeKind}
_STORAGES = {storage.value: storage for storage in Storage}


def source(row: Row) -> Source:
    """A row of ``source``."""
    cells = []
    for cell in checks.listed(checks.load(row[3])):
        title, line = checks.listed(cell)
        cells.append(Cell(checks.name(title), checks.small(line)))
    return Source(checks.text(row[1]), checks.text(row[2]), tuple(cells))


def meta(rows: Sequence[Row]) -> dict[str, Any]:
    """All rows of ``meta``."""
    return dict(checks.rows_of("meta", rows, _fact))


def _fact(row: Row) -> tuple[str, Any]:
    key, value = checks.text(row[1]), checks.anything(checks.load(row[2]))
    right = _FACTS.get(key)
    checks.need(right is None or right(value), f"{key} is not what it should be")
    return key, value


def _is_versions(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(version, str) for version in value.values())


_FACTS: dict[str, Callable[[Any], bool]] = {
    "backend": lambda value: isinstance(value, str),
    "complete": lambda value: isinstance(value, bool),
    "created": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "program": lambda value: value is None or isinstance(value, str),
    "versions": _is_versions,
}
"""What is known of the facts that are read by name; a moment may be any number."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many there are of each thing an id can speak of."""

    nodes: int
    values: int
    tensors: int


def node(row: Row, sizes: Sizes) -> GraphNode:
    """A row of ``node``."""
    _, name, kind, number, label, shape, dtype, file, line, scope, saved, formula = row
    checks.need(type(kind) is str and kind in _KINDS, "its kind is unknown")
    kept = []
    for entry in checks.listed(checks.load(saved)) if saved != "[]" else ():
        title, tensor, value = checks.listed(entry)
        kept.append(
            Saved(checks.name(title), checks.maybe_ident(tensor, sizes.tensors, "tensor"), checks.anything(value))
        )
    return GraphNode(
        row[0],
        checks.name(name),
        _KINDS[kind],
        checks.maybe_count(number),
        checks.maybe_name(label),
        None if shape == "null" else checks.shape(shape),
        None if dtype is None else checks.dtype(dtype),
        checks.maybe_text(file),
        checks.maybe_line(line),
        checks.name(scope),
        tuple(kept),
        tuple(checks.name(words) for words in checks.listed(checks.load(formula))) if formula != "[]" else (),
    )


def edge(row: Row, sizes: Sizes) -> Edge:
    """A row of ``edge``."""
    _, start, slot, target, target_slot = row
    first, last = (checks.ident(index, sizes.nodes, "node") for index in (start, target))
    return Edge(first, checks.small(slot), last, checks.small(target_slot))


def value(row: Row, sizes: Sizes, tensors: Sequence[TensorInfo]) -> Value:
    """A row of ``value``; ``tensors`` are all there are."""
    index, label, shape, dtype, tensor, owner, slot = row
    found = Value(
        index,
        checks.maybe_name(label),
        checks.shape(shape),
        checks.dtype(dtype),
        checks.maybe_ident(tensor, sizes.tensors, "tensor"),
        checks.maybe_ident(owner, sizes.nodes, "node"),
        checks.small(slot),
    )
    if found.tensor is not None:
        there = tensors[found.tensor].shape
        same = found.shape == there
        checks.need(same, f"its shape is {list(found.shape)}, that of tensor {found.tensor} is {list(there)}")
    return found


def label(row: Row, sizes: Sizes) -> tuple[str, int, str]:
    """A row of ``label``: (``node`` or ``value``, its id, the name)."""
    _, item, index, name = row
    checks.need(item in ("node", "value"), "it names neither a node nor a value")
    end = sizes.nodes if item == "node" else sizes.values
    return item, checks.ident(index, end, item), checks.name(name)


def tensor(row: Row) -> tuple[TensorInfo, bytes | None]:
    """A row of ``tensor``: its numbers and the digest of its stored bytes."""
    index, shape, dtype, norm, low, high, mean, nan, inf, zero, storage, content = row
    checks.need(type(storage) is str and storage in _STORAGES, "its storage is unknown")
    checks.need(content is None or (type(content) is bytes and len(content) == 16), "its digest is malformed")
    checks.need((content is None) == (storage == Storage.SUMMARY.value), "its content is not what it says")
    for number in (norm, low, high, mean):
        checks.need(number is None or type(number) is float, "a number is not a number")
    for number in (low, high, mean):
        checks.need(number is None or math.isfinite(number), "a minimum, maximum or mean is not finite")
    checks.need(norm is None or norm >= 0, "its norm is negative")
    info = TensorInfo(
        index,
        checks.shape(shape),
        checks.dtype(dtype),
        math.nan if nan else norm,
        low,
        high,
        mean,
        checks.count(nan),
        checks.count(inf),
        checks.count(zero),
        _STORAGES[storage],
    )
    counted = info.nan + info.inf + info.zero
    checks.need(counted <= math.prod(info.shape), "it counts more numbers than it has")
    return info, content


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
