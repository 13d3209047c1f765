"""Checks of all that was read, believing nothing: a trace may be damaged, or made to do harm.

Every check here guards something a reader of traces relies on without asking: ids are in range, a value has the
shape of its tensor, numbers are what they are called, calls begin and end in order, the graph has no circle. What
a column alone can tell was looked at before (``chunks``).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradviz.plain import clipped
from gradviz.trace.columns import Array, Columns
from gradviz.trace.errors import TraceError
from gradviz.trace.events import EVENT_TYPES, BackwardBegin, BackwardEnd, Flow
from gradviz.trace.fields import Column
from gradviz.trace.format import LONGEST_NAME
from gradviz.trace.model import Edge, Fact, GraphNode, NodeKind, TensorInfo, Value
from gradviz.trace.tables import KINDS, Tables
from gradviz.trace.tensors import DTYPES

MAX_DIMENSIONS = 32
"""numpy 1.26's limit; PyTorch's own is 64, but nobody has met such a tensor."""
LONGEST_ESCAPE = 6
"""Characters of a lone surrogate that is written out."""
MAX_DEPTH = 32
"""How deep lists may lie in lists where any JSON may stand."""


def check(tables: Tables) -> None:
    """Look at all there is; TraceError for the first that is not what it should be."""
    check_texts(tables)
    ends = {
        "node": len(tables.columns(GraphNode)),
        "leaf": len(tables.columns(GraphNode)),
        "value": len(tables.columns(Value)),
        "tensor": len(tables.columns(TensorInfo)),
    }
    for name in KINDS:
        _references(tables, name, ends)
    _tensors(tables)
    _values(tables)
    _graph(tables)
    _leaves(tables)
    _calls(tables)
    _flows(tables)


def _wrong(what: str, row: int, why: str) -> TraceError:
    return TraceError(f"{what} {row} is malformed: {why}")


def _first(bad: NDArray[np.bool_]) -> int | None:
    return int(np.argmax(bad)) if bad.any() else None


# Texts


def check_texts(tables: Tables) -> None:
    """Texts that are named are there, names are short, JSON is JSON of the kind its column holds."""
    texts = tables.texts
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    seen: dict[int, Any] = {}
    for name, table in tables.tables.items():
        for column in table.layout.columns:
            if column.text is None:
                continue
            numbers = table.columns.array(column.name)
            if len(numbers) and int(numbers.max()) >= len(texts):
                raise _wrong(name, int(np.argmax(numbers)), "a text is missing")
            used = np.unique(numbers[numbers >= 0])
            if column.text == "name" and (lengths[used] > LONGEST_NAME * LONGEST_ESCAPE).any():
                raise TraceError(f"{name} is malformed: a name has {int(lengths[used].max()):,} characters")
            if column.text == "json":
                _json(name, column, used.tolist(), texts, seen)
            if column.name == "dtype":
                unknown = [texts[number] for number in used.tolist() if texts[number] not in DTYPES]
                if unknown:
                    raise TraceError(f"{name} is malformed: there is no dtype {clipped(repr(unknown[0]), 40)}")
    facts = tables.columns(Fact)
    for key, value in zip(facts.key.tolist(), facts.value.tolist(), strict=True):
        right = _FACTS.get(texts[key])
        if right is not None and not right(seen[value]):
            raise TraceError(f"meta is malformed: {texts[key]} is not what it should be")


def _json(name: str, column: Column, numbers: list[int], texts: Any, seen: dict[int, Any]) -> None:
    check_kind = _JSON.get(column.name)
    for number in numbers:
        if number not in seen:
            try:
                value = json.loads(texts[number])
            except (ValueError, RecursionError):
                raise TraceError(f"{name} is malformed: {column.name} is no JSON") from None
            if not _shallow(value, MAX_DEPTH):
                raise TraceError(f"{name} is malformed: lists lie too deep in lists")
            seen[number] = value
        if check_kind is not None:
            why = check_kind(seen[number])
            if why:
                raise TraceError(f"{name} is malformed: {why}")


def _shallow(value: Any, depth: int) -> bool:
    inner = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else ()
    return depth > 0 and all(_shallow(entry, depth - 1) for entry in inner)


def _shape(value: Any) -> str:
    if type(value) is not list or not all(type(size) is int and 0 <= size < 2**63 for size in value):
        return "a shape is not a list of sizes"
    if len(value) > MAX_DIMENSIONS:
        return f"a tensor has {len(value)} dimensions"
    return "" if math.prod(size or 1 for size in value) < 2**59 else "a tensor is larger than any memory"


def _lines(value: Any) -> str:
    return "" if type(value) is list and all(type(line) is str for line in value) else "a text is not a text"


_JSON: dict[str, Callable[[Any], str]] = {"shape": _shape, "formula": _lines, "traceback": _lines}
"""What the JSON of a column has to be; any, of the others."""


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


# References


def _references(tables: Tables, name: str, ends: Mapping[str, int]) -> None:
    table = tables.tables[name]
    for column in table.layout.columns:
        end = ends.get(column.ref or "")
        numbers = table.columns.array(column.name)
        if end is not None and len(numbers) and int(numbers.max()) >= end:
            raise TraceError(f"{name} is malformed: there is no {column.ref} {int(numbers.max())}")


def _leaves(tables: Tables) -> None:
    nodes = tables.columns(GraphNode)
    leaf = nodes.kind == nodes.words("kind").index(NodeKind.ACCUMULATE_GRAD)
    for name in EVENT_TYPES:
        table = tables.tables[name]
        for column in table.layout.columns:
            if column.ref == "leaf":
                numbers = table.columns.array(column.name)
                bad = _first(~leaf[numbers])
                if bad is not None:
                    raise _wrong(name, bad, f"node {int(numbers[bad])} is no leaf")


# Tensors and values


def _tensors(tables: Tables) -> None:
    tensors = tables.columns(TensorInfo)
    for name in ("min", "max", "mean"):
        bad = _first(np.isinf(getattr(tensors, name)))
        if bad is not None:
            raise _wrong("tensor", bad, "a minimum, maximum or mean is not finite")
    bad = _first(tensors.norm < 0)
    if bad is not None:
        raise _wrong("tensor", bad, "its norm is negative")
    sizes = {number: math.prod(json.loads(tables.texts[number])) for number in np.unique(tensors.shape).tolist()}
    keys = np.array(sorted(sizes), np.int64)
    held = np.array([sizes[key] for key in keys.tolist()], np.float64)[np.searchsorted(keys, tensors.shape)]
    bad = _first(tensors.nan.astype(np.float64) + tensors.inf + tensors.zero > held)
    if bad is not None:
        raise _wrong("tensor", bad, "it counts more numbers than it has")


def _values(tables: Tables) -> None:
    values, tensors = tables.columns(Value), tables.columns(TensorInfo)
    known = np.flatnonzero(values.tensor >= 0)
    mine, theirs = values.shape[known], tensors.shape[values.tensor[known]]
    for at in np.flatnonzero(mine != theirs).tolist():  # none where a writer of ours wrote them: equal texts are one
        here, there = (json.loads(tables.texts[int(number)]) for number in (mine[at], theirs[at]))
        if here != there:
            row = int(known[at])
            raise _wrong("value", row, f"its shape is {here}, that of tensor {int(values.tensor[row])} is {there}")


# The graph


def _graph(tables: Tables) -> None:
    edges = tables.columns(Edge)
    keys = np.sort(_slots(edges.source, edges.slot))
    if (keys[1:] == keys[:-1]).any():
        raise TraceError("two edges leave one slot of a node")
    if (edges.target < edges.source).all():
        return
    check_acyclic(len(tables.columns(GraphNode)), edges)


def _slots(nodes: Array, slots: Array) -> NDArray[np.int64]:
    return nodes.astype(np.int64) << 31 | slots


def check_acyclic(nodes: int, edges: Columns) -> None:
    """A backward graph has no cycles; layout and replay would never end in one."""
    order = np.argsort(edges.source, kind="stable")
    targets = edges.target[order].tolist()
    starts = np.searchsorted(edges.source[order], np.arange(nodes + 1)).tolist()
    waiting = np.bincount(edges.target, minlength=nodes).tolist()
    free = [node for node in range(nodes) if not waiting[node]]
    seen = 0
    while free:
        node = free.pop()
        seen += 1
        for target in targets[starts[node] : starts[node + 1]]:
            waiting[target] -= 1
            if not waiting[target]:
                free.append(target)
    if seen != nodes:
        raise TraceError("the graph runs in a circle")


# Events


def _calls(tables: Tables) -> None:
    """Calls are numbered as they begin, each ends at most once, and what happens in one lies in between."""
    begins, ends = tables.columns(BackwardBegin), tables.columns(BackwardEnd)
    count = len(begins)
    bad = _first(begins.call != np.arange(1, count + 1))
    if bad is not None:
        raise _wrong("backward_begin", bad, "its call does not follow the last")
    last = np.full(count + 1, np.iinfo(np.int64).max, np.int64)
    bad = _first((ends.call < 1) | (ends.call > count))
    if bad is None and len(np.unique(ends.call)) != len(ends):
        bad = 0
    if bad is not None:
        raise _wrong("backward_end", bad, "its backward call is not running")
    last[ends.call] = ends.step
    first = np.append(0, begins.step)
    for name in EVENT_TYPES:
        table = tables.tables[name]
        if any(column.ref == "call" for column in table.layout.columns):
            call, step = table.columns.call, table.columns.step
            inside = (call >= 1) & (call <= count)
            known = np.where(inside, call, 0)
            bad = _first(~inside | (step < first[known]) | (step > last[known]))
            if bad is not None:
                raise _wrong(name, bad, "its backward call is not running")


def _flows(tables: Tables) -> None:
    flows, edges = tables.columns(Flow), tables.columns(Edge)
    if not len(flows):
        return
    keys = _slots(edges.source, edges.slot)
    order = np.argsort(keys)
    wanted = _slots(flows.source, flows.slot)
    at = np.searchsorted(keys[order], wanted)
    found = at < len(keys)
    edge = order[np.where(found, at, 0)] if len(keys) else np.zeros(len(at), np.intp)
    if len(keys):
        found &= keys[edge] == wanted
        found &= (edges.target[edge] == flows.target) & (edges.target_slot[edge] == flows.target_slot)
    bad = _first(~found)
    if bad is not None:
        raise _wrong("flow", bad, "no such edge")
