"""A trace as a strip: what the program did at each step, and how each leaf's gradient grew and fell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gradviz.replay.history import is_clear
from gradviz.replay.index import EventIndex, GradChange, index_of
from gradviz.replay.naming import call_name
from gradviz.trace.events import (
    Error,
    GradWrite,
    Mark,
    Op,
    ValueWrite,
    Warned,
)
from gradviz.trace.model import NodeId, TensorInfo
from gradviz.trace.protocol import TraceLike
from gradviz.trace.tables import EVENT_KINDS

SpanKind = Literal["forward", "backward", "zero", "write", "optimizer", "error"]
MarkKind = Literal["set", "added", "zeroed", "written"]
MarkerKind = Literal["mark", "error", "warning"]


@dataclass(frozen=True, slots=True)
class Span:
    """Steps ``start`` to ``end``, both included, in which the program did one kind of thing.

    ``call`` is the number of a backward call, ``failed`` whether it raised.
    """

    start: int
    end: int
    kind: SpanKind
    title: str
    call: int | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class LaneMark:
    """A step at which a leaf's gradient was set, added to, zeroed or written."""

    step: int
    kind: MarkKind


@dataclass(frozen=True, slots=True)
class Lane:
    """A leaf's gradient norm: ``norms[i]`` holds from ``steps[i]`` to the next; ``steps[0]`` is 0.

    Without a gradient the norm is 0; it is NaN where the gradient has no finite norm.
    """

    steps: NDArray[np.int64]
    norms: NDArray[np.float64]
    marks: tuple[LaneMark, ...]


@dataclass(frozen=True, slots=True)
class Marker:
    """A moment worth a flag: a mark the program set, an error, a warning."""

    step: int
    kind: MarkerKind
    title: str


def program_spans(trace: TraceLike) -> list[Span]:
    """What the program did, in order and without overlap.

    A backward call is one span from its begin to its end, calls within calls included. Steps at which
    nothing happens to the graph (prints, marks) lie between spans, or inside one that goes on after them.
    """
    index = index_of(trace)
    spans: list[Span] = []
    for span in _pieces(trace, index):
        previous = spans[-1] if spans else None
        if previous and span.call is None and (previous.kind, previous.title) == (span.kind, span.title):
            spans[-1] = replace(previous, end=span.end)
        else:
            spans.append(span)
    return spans


def _pieces(trace: TraceLike, index: EventIndex) -> Iterator[Span]:
    outer = {call.begin: call for call in index.calls.values() if call.depth == 0}
    kinds = trace.kinds.tolist()
    named = _named(trace)
    step = 1
    while step <= len(kinds):
        if step in outer:
            call = outer[step]
            end = len(kinds) if call.end is None else call.end
            yield Span(step, end, "backward", call_name(trace, call.number), call.number, call.failed)
            step = end
        elif EVENT_KINDS[kinds[step - 1]] is Op:
            yield Span(step, step, "forward", "forward")
        elif step in named:
            yield Span(step, step, *named[step])
        step += 1


def _named(trace: TraceLike) -> dict[int, tuple[SpanKind, str]]:
    """What the events are that have a name of their own, by step."""
    found: dict[int, tuple[SpanKind, str]] = {}
    grads, values = trace.columns(GradWrite), trace.columns(ValueWrite)
    for step, cause, after in zip(grads.step.tolist(), grads.cause.tolist(), grads.after.tolist(), strict=True):
        clear = is_clear(trace, None if after < 0 else after)
        found[step] = ("zero" if clear else "write"), trace.texts[cause]
    for step, cause in zip(values.step.tolist(), values.cause.tolist(), strict=True):
        title = trace.texts[cause]
        found[step] = ("optimizer" if title.endswith(".step") else "write"), title
    for error in trace.rows(Error):
        found[error.step] = "error", error.type
    return found


def gradient_lane(trace: TraceLike, leaf: NodeId) -> Lane:
    """How the norm of a leaf's ``.grad`` changes over the whole trace."""
    writes = index_of(trace).grad_changes(leaf)
    grads = [writes[0].before if writes else None, *(write.after for write in writes)]
    return Lane(
        np.array([0, *(write.step for write in writes)], dtype=np.int64),
        _norms(trace, np.array([-1 if grad is None else grad for grad in grads])),
        tuple(LaneMark(write.step, _mark_kind(trace, write)) for write in writes),
    )


def _norms(trace: TraceLike, grads: NDArray[np.int64]) -> NDArray[np.float64]:
    """The norm of each; 0 for none (-1) and for one without numbers, nan for one that has no finite norm."""
    tensors = trace.columns(TensorInfo)
    broken = (tensors.nan > 0) | (tensors.inf > 0)
    norms = np.where(broken, np.nan, np.nan_to_num(tensors.norm, nan=0.0))  # nan stands for no numbers, too
    return np.append(norms, 0.0)[grads]


def _mark_kind(trace: TraceLike, write: GradChange) -> MarkKind:
    if write.mode is not None:
        return write.mode
    return "zeroed" if is_clear(trace, write.after) else "written"


def markers(trace: TraceLike) -> list[Marker]:
    """The trace's marks, errors and warnings in order."""
    found = []
    kinds = index_of(trace).kinds
    for step in sorted(step for kind in (Mark, Error, Warned) for step in kinds.get(kind.kind, ())):
        match trace.events[step - 1]:
            case Mark() as event:
                found.append(Marker(step, "mark", event.name))
            case Error() as event:
                found.append(Marker(step, "error", f"{event.type}: {event.message}"))
            case Warned() as event:
                found.append(Marker(step, "warning", event.message))
    return found
