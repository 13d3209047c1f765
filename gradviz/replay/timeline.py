"""A trace as a strip: what the program did at each step, and how each leaf's gradient grew and fell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gradviz.replay.history import is_clear
from gradviz.replay.index import EventIndex, index_of
from gradviz.replay.naming import call_name
from gradviz.trace.events import (
    Accumulate,
    Error,
    Event,
    GradWrite,
    Mark,
    Op,
    ValueWrite,
    Warned,
)
from gradviz.trace.model import NodeId, TensorId
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
    step = 1
    while step <= len(kinds):
        if step in outer:
            call = outer[step]
            end = len(kinds) if call.end is None else call.end
            yield Span(step, end, "backward", call_name(trace, call.number), call.number, call.failed)
            step = end
        elif EVENT_KINDS[kinds[step - 1]] is Op:
            yield Span(step, step, "forward", "forward")
        elif (named := _kind_and_title(trace, trace.events[step - 1])) is not None:
            yield Span(step, step, *named)
        step += 1


def _kind_and_title(trace: TraceLike, event: Event) -> tuple[SpanKind, str] | None:
    match event:
        case GradWrite():
            return ("zero" if is_clear(trace, event.after) else "write"), event.cause
        case ValueWrite():
            return ("optimizer" if event.cause.endswith(".step") else "write"), event.cause
        case Error():
            return "error", event.type
        case _:
            return None


def gradient_lane(trace: TraceLike, leaf: NodeId) -> Lane:
    """How the norm of a leaf's ``.grad`` changes over the whole trace."""
    events = [trace.events[step - 1] for step in index_of(trace).grad_events.get(leaf, ())]
    touched = [event for event in events if isinstance(event, Accumulate | GradWrite)]
    grads = [touched[0].before if touched else None, *(event.after for event in touched)]
    return Lane(
        np.array([0, *(event.step for event in touched)], dtype=np.int64),
        np.array([_norm(trace, grad) for grad in grads], dtype=np.float64),
        tuple(_lane_mark(trace, event) for event in touched),
    )


def _norm(trace: TraceLike, grad: TensorId | None) -> float:
    if grad is None:
        return 0.0
    info = trace.tensor(grad)
    if info.nan or info.inf or info.norm is None:
        return 0.0 if 0 in info.shape else float("nan")
    return info.norm


def _lane_mark(trace: TraceLike, event: Accumulate | GradWrite) -> LaneMark:
    if isinstance(event, Accumulate):
        return LaneMark(event.step, event.mode)
    return LaneMark(event.step, "zeroed" if is_clear(trace, event.after) else "written")


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
