"""Sorted steps of a trace's events by kind, node, leaf and line: what moves look things up in."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

from gradviz.trace.events import (
    Accumulate,
    BackwardBegin,
    BackwardEnd,
    Event,
    GradWrite,
    Mark,
    NodeBegin,
    Op,
    Output,
    ValueWrite,
)
from gradviz.trace.model import NodeId
from gradviz.trace.protocol import TraceLike

Line = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Call:
    """A backward call: its first and last step. ``end`` is None where the recording stops inside it.

    ``depth`` is 0 for a call the program made, more for one made while another runs (reentrant); that other
    one is its ``parent``.
    """

    number: int
    begin: int
    end: int | None
    depth: int
    failed: bool = False
    parent: int | None = None


class EventIndex:
    """Built in one pass over the events; get it with ``index_of``, which keeps one for each trace."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.length = len(events)
        self.kinds: dict[str, list[int]] = defaultdict(list)
        self.runs: dict[NodeId, list[int]] = defaultdict(list)
        self.run_in_call: dict[tuple[int, NodeId], int] = {}
        self.queued: set[tuple[int, NodeId]] = set()
        self.grad_events: dict[NodeId, list[int]] = defaultdict(list)
        self.value_events: dict[NodeId, list[int]] = defaultdict(list)
        self.marks: dict[str, list[int]] = defaultdict(list)
        self.visits: dict[Line, list[int]] = defaultdict(list)
        self.located: list[int] = []
        self.calls: dict[int, Call] = {}
        self.accumulating: set[int] = set()
        """The calls that set or added to a ``.grad``."""
        lines = _Lines()
        open_calls: list[int] = []
        for step, event in enumerate(events, start=1):
            self.kinds[event.kind].append(step)
            if event.line is not None and event.file is not None:
                self.located.append(step)
            if lines.enters(event):
                self.visits[lines.now].append(step)
            self._note(step, event, open_calls)

    def _note(self, step: int, event: Event, open_calls: list[int]) -> None:
        match event:
            case NodeBegin():
                self.runs[event.node].append(step)
                self.run_in_call[event.call, event.node] = step
                self.queued.update((event.call, node) for node in event.ready)
            case Accumulate():
                self.grad_events[event.leaf].append(step)
                self.accumulating.add(event.call)
            case GradWrite():
                self.grad_events[event.leaf].append(step)
            case ValueWrite():
                self.value_events[event.leaf].append(step)
            case Mark():
                self.marks[event.name].append(step)
            case BackwardBegin():
                parent = open_calls[-1] if open_calls else None
                self.calls[event.call] = Call(event.call, step, None, len(open_calls), parent=parent)
                open_calls.append(event.call)
            case BackwardEnd() if event.call in open_calls:
                # An inner call that never reported its end cannot outlive the outer one.
                del open_calls[open_calls.index(event.call) :]
                begun = self.calls[event.call]
                self.calls[event.call] = replace(begun, end=step, failed=event.error is not None)
            case _:
                pass

    @property
    def outputs(self) -> list[int]:
        """The steps at which the program printed something."""
        return self.kinds.get(Output.kind, [])


class _Lines:
    """Tells where the program comes to a line anew, as a person who set a breakpoint there means it.

    The events of one visit follow one another: the operations of the line, then perhaps a backward call
    and all that happens in it. Custom functions may lead to other lines while the call runs; coming back
    from there is no new visit. A line visited again with nothing in between shows itself by an operation
    or a call that follows the end of a call.
    """

    def __init__(self) -> None:
        self.now: Line = ("", 0)
        self._callers: list[Line] = []
        self._call_over = False

    def enters(self, event: Event) -> bool:
        """Take the event in; True if it is the first of a visit to ``now``."""
        if event.file is None or event.line is None:
            self._follow(event, self.now)
            return False
        line = (event.file, event.line)
        again = line == self.now and self._call_over and isinstance(event, Op | BackwardBegin)
        returns = line in self._callers and not isinstance(event, BackwardBegin)
        arrives = line != self.now and not returns
        self.now = line
        self._follow(event, line)
        return arrives or again

    def _follow(self, event: Event, line: Line) -> None:
        if isinstance(event, BackwardBegin):
            self._callers.append(line)
            self._call_over = False
        elif isinstance(event, BackwardEnd):
            if self._callers:
                self._callers.pop()
            self._call_over = not self._callers
        elif isinstance(event, Op):
            self._call_over = False


_indices: WeakKeyDictionary[TraceLike, EventIndex] = WeakKeyDictionary()


def index_of(trace: TraceLike) -> EventIndex:
    """The index of a trace, built when first asked for and again when the trace has grown."""
    index = _indices.get(trace)
    if index is None or index.length != len(trace.events):
        index = _indices[trace] = EventIndex(trace.events)
    return index


def after(steps: Sequence[int], step: int) -> int | None:
    """The first of sorted ``steps`` that is later than ``step``."""
    position = bisect_right(steps, step)
    return steps[position] if position < len(steps) else None


def before(steps: Sequence[int], step: int) -> int | None:
    """The last of sorted ``steps`` that is earlier than ``step``."""
    position = bisect_left(steps, step)
    return steps[position - 1] if position else None


def last(steps: Sequence[int], step: int) -> int | None:
    """The last of sorted ``steps`` that is not later than ``step``."""
    return before(steps, step + 1)
