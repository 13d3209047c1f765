"""Sorted steps of a trace's events by kind, node, leaf and line: what moves look things up in."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from gradviz.trace.events import (
    Accumulate,
    BackwardBegin,
    BackwardEnd,
    GradWrite,
    Mark,
    NodeBegin,
    Op,
    Output,
    Root,
    ValueWrite,
)
from gradviz.trace.model import NodeId, TensorId
from gradviz.trace.protocol import TraceLike
from gradviz.trace.tables import EVENT_KINDS

Line = tuple[str, int]
_OP, _BEGIN, _END = map(EVENT_KINDS.index, (Op, BackwardBegin, BackwardEnd))


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


class GradChange(NamedTuple):
    """An event that touched a leaf's ``.grad``; ``mode`` is None where the program wrote it."""

    step: int
    before: TensorId | None
    after: TensorId | None
    mode: Literal["set", "added"] | None


class EventIndex:
    """Built of the columns of a trace; get it with ``index_of``, which keeps one for each trace."""

    def __init__(self, trace: TraceLike) -> None:
        self.length = len(trace.events)
        self.kinds: dict[str, list[int]] = {}
        for kind in EVENT_KINDS:
            steps = trace.columns(kind).step
            if len(steps):
                self.kinds[kind.kind] = steps.tolist()
        begins, sums = trace.columns(NodeBegin), trace.columns(Accumulate)
        grads, values = trace.columns(GradWrite), trace.columns(ValueWrite)
        self.runs: dict[NodeId, list[int]] = _grouped(begins.node, begins.step)
        pairs = zip(begins.call.tolist(), begins.node.tolist(), strict=True)
        self.run_in_call: dict[tuple[int, NodeId], int] = dict(zip(pairs, begins.step.tolist(), strict=True))
        came = begins.ready_came
        self.queued: set[tuple[int, NodeId]] = set(
            zip(begins.call[came.owners].tolist(), came.entry.tolist(), strict=True)
        )
        leaves, steps = np.concatenate([sums.leaf, grads.leaf]), np.concatenate([sums.step, grads.step])
        self.grad_events: dict[NodeId, list[int]] = _grouped(leaves, steps)
        before, after = np.concatenate([sums.before, grads.before]), np.concatenate([sums.after, grads.after])
        modes = np.concatenate([sums.mode.astype(np.int32), np.full(len(grads), -1, np.int32)])
        self._grads = np.column_stack([steps, before, after, modes])[np.argsort(steps)]
        self._modes = sums.words("mode")
        self.value_events: dict[NodeId, list[int]] = _grouped(values.leaf, values.step)
        calls = trace.columns(BackwardBegin)
        self.for_inputs: set[int] = set(calls.call[calls.array("inputs#") >= 0].tolist())
        """The calls that were told which tensors to differentiate for."""
        self.accumulating: set[int] = set(np.unique(sums.call).tolist())
        """The calls that set or added to a ``.grad``."""
        self.marks: dict[str, list[int]] = defaultdict(list)
        for mark in trace.rows(Mark):
            self.marks[mark.name].append(mark.step)
        self.calls: dict[int, Call] = _calls(trace)
        self.roots: dict[int, tuple[Root, ...]] = _roots(trace)
        """Where each call starts: its event holds a count for every node it reaches besides, and is slow to make."""
        files, lines = _places(trace)
        self.located: list[int] = (np.flatnonzero((files >= 0) & (lines >= 0)) + 1).tolist()
        self.visits: dict[Line, list[int]] = _visits(trace, files, lines)

    def grad_changes(self, leaf: NodeId) -> list[GradChange]:
        """What touched a leaf's ``.grad``, in order."""
        rows = self._grads[np.searchsorted(self._grads[:, 0], self.grad_events.get(leaf, []))]
        return [
            GradChange(
                step,
                None if before < 0 else before,
                None if after < 0 else after,
                None if mode < 0 else self._modes[mode],
            )
            for step, before, after, mode in rows.tolist()
        ]

    @property
    def outputs(self) -> list[int]:
        """The steps at which the program printed something."""
        return self.kinds.get(Output.kind, [])


def _grouped(keys: NDArray[np.int32], steps: NDArray[np.int32]) -> dict[int, list[int]]:
    """The sorted steps of each key."""
    order = np.lexsort((steps, keys))
    keys = keys[order]
    starts = np.flatnonzero(np.diff(keys, prepend=-1)).tolist()
    sorted_steps = steps[order].tolist()
    ends = [*starts, len(sorted_steps)][1:]
    return {key: sorted_steps[start:end] for key, start, end in zip(keys[starts].tolist(), starts, ends, strict=True)}


def _calls(trace: TraceLike) -> dict[int, Call]:
    begins, ends = trace.columns(BackwardBegin), trace.columns(BackwardEnd)
    happened = [(step, call, None) for step, call in zip(begins.step.tolist(), begins.call.tolist(), strict=True)]
    happened += zip(ends.step.tolist(), ends.call.tolist(), (ends.error >= 0).tolist(), strict=True)
    calls: dict[int, Call] = {}
    running: list[int] = []
    for step, call, failed in sorted(happened, key=lambda each: each[0]):
        if failed is None:
            calls[call] = Call(call, step, None, len(running), parent=running[-1] if running else None)
            running.append(call)
        elif call in running:
            # An inner call that never reported its end cannot outlive the outer one.
            del running[running.index(call) :]
            calls[call] = replace(calls[call], end=step, failed=failed)
    return calls


def _roots(trace: TraceLike) -> dict[int, tuple[Root, ...]]:
    begins, texts = trace.columns(BackwardBegin), trace.texts
    roots = begins.roots
    parts = zip(*(part.tolist() for part in (roots.node, roots.slot, roots.label, roots.gradient)), strict=True)
    made = [
        Root(node, slot, texts[label] if label >= 0 else None, gradient if gradient >= 0 else None)
        for node, slot, label, gradient in parts
    ]
    ends = pairwise(roots.starts.tolist())
    return {call: tuple(made[start:end]) for call, (start, end) in zip(begins.call.tolist(), ends, strict=True)}


def _places(trace: TraceLike) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """For each event the number of its file's name and its line, -1 for none."""
    files, lines = np.full((2, len(trace.events)), -1, np.int32)
    for kind in EVENT_KINDS:
        columns = trace.columns(kind)
        files[columns.step - 1], lines[columns.step - 1] = columns.file, columns.line
    return files, lines


def _visits(trace: TraceLike, files: NDArray[np.int32], lines: NDArray[np.int32]) -> dict[Line, list[int]]:
    """The steps at which the program came to each line."""
    visits: dict[Line, list[int]] = defaultdict(list)
    seen = _Lines()
    texts = trace.texts
    kinds = trace.kinds.tolist()
    for step, (kind, file, line) in enumerate(zip(kinds, files.tolist(), lines.tolist(), strict=True), 1):
        if seen.enters(kind, texts[file] if file >= 0 else None, line if line >= 0 else None):
            visits[seen.now].append(step)
    return visits


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

    def enters(self, kind: int, file: str | None, number: int | None) -> bool:
        """Take an event of this kind in; True if it is the first of a visit to ``now``."""
        if file is None or number is None:
            self._follow(kind, self.now)
            return False
        line = (file, number)
        again = line == self.now and self._call_over and kind in (_OP, _BEGIN)
        returns = kind != _BEGIN and line in self._callers
        arrives = line != self.now and not returns
        self.now = line
        self._follow(kind, line)
        return arrives or again

    def _follow(self, kind: int, line: Line) -> None:
        if kind == _BEGIN:
            self._callers.append(line)
            self._call_over = False
        elif kind == _END:
            if self._callers:
                self._callers.pop()
            self._call_over = not self._callers
        elif kind == _OP:
            self._call_over = False


_indices: WeakKeyDictionary[TraceLike, EventIndex] = WeakKeyDictionary()


def index_of(trace: TraceLike) -> EventIndex:
    """The index of a trace, built when first asked for and again when the trace has grown."""
    index = _indices.get(trace)
    if index is None or index.length != len(trace.events):
        index = _indices[trace] = EventIndex(trace)
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
