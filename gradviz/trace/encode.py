"""From the nouns and events of a trace to rows of its tables."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from gradviz.trace.events import EVENT_TYPES, Event, Root
from gradviz.trace.format import LONGEST_NAME, Row
from gradviz.trace.model import Edge, GraphNode, Source, TensorInfo, Value

_BASE = frozenset(field.name for field in fields(Event))
_NAMES = frozenset({"name", "cause"})
"""Fields of events that are names."""
_FIELDS = {cls: tuple(field.name for field in fields(cls) if field.name not in _BASE) for cls in EVENT_TYPES.values()}


def text(words: str) -> str:
    """``words`` as SQLite can hold them: lone surrogates (odd file names, odd prints) are written out."""
    try:
        words.encode("utf-8")
    except UnicodeEncodeError:
        return words.encode("utf-8", "backslashreplace").decode("utf-8")
    return words


def name(words: str) -> str:
    """As ``text``, cut where it is longer than any name a person gives."""
    return text(words if len(words) <= LONGEST_NAME else words[: LONGEST_NAME - 1] + "…")


def _maybe(words: str | None) -> str | None:
    return None if words is None else text(words)


def _maybe_name(words: str | None) -> str | None:
    return None if words is None else name(words)


def _other(value: Any) -> Any:
    if isinstance(value, Root):
        return [value.node, value.slot, _maybe_name(value.label), value.gradient]
    return repr(value)


_encoder = json.JSONEncoder(separators=(",", ":"), default=_other)


def to_json(value: Any) -> str:
    """Compact JSON; what JSON cannot hold is written as its ``repr``."""
    return _encoder.encode(value)


def source_row(index: int, source: Source) -> Row:
    """A row of ``source``."""
    cells = to_json([[name(cell.title), cell.first_line] for cell in source.cells])
    return (index, text(source.file), text(source.text), cells)


def node_row(index: int, node: GraphNode) -> Row:
    """A row of ``node``."""
    return (
        index,
        name(node.name),
        node.kind.value,
        node.sequence_nr,
        _maybe_name(node.label),
        to_json(node.shape),
        _maybe(node.dtype),
        _maybe(node.file),
        node.line,
        name(node.scope),
        to_json([[name(saved.name), saved.tensor, saved.value] for saved in node.saved]),
        to_json([name(line) for line in node.formula]),
    )


def edge_row(index: int, edge: Edge) -> Row:
    """A row of ``edge``."""
    return (index, edge.source, edge.slot, edge.target, edge.target_slot)


def value_row(index: int, value: Value) -> Row:
    """A row of ``value``."""
    return (
        index,
        _maybe_name(value.label),
        to_json(value.shape),
        text(value.dtype),
        value.tensor,
        value.node,
        value.slot,
    )


def tensor_row(info: TensorInfo, content: bytes | None) -> Row:
    """A row of ``tensor``; ``content`` is the digest of the stored bytes."""
    return (
        info.id,
        to_json(info.shape),
        info.dtype,
        _real(info.norm),
        _real(info.min),
        _real(info.max),
        _real(info.mean),
        info.nan,
        info.inf,
        info.zero,
        info.storage.value,
        content,
    )


def _real(number: float | None) -> float | None:
    """As SQLite gives it back: it has no nan (the reader knows it from the counts) and no negative zero."""
    return None if number is None or number != number else float(number) + 0.0


def event_row(step: int, event: Event) -> Row:
    """A row of ``event``."""
    body = {field: getattr(event, field) for field in _FIELDS[type(event)]}
    for field in _NAMES & body.keys():
        body[field] = name(body[field])
    return (step, event.kind, _maybe(event.file), event.line, to_json(body))
