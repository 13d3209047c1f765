"""Where a trace goes wrong: errors, warnings, and the places where NaN and infinities come from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gradviz.trace.events import (
    Accumulate,
    BackwardBegin,
    Error,
    Event,
    Flow,
    GradWrite,
    NodeBegin,
    Op,
    ValueWrite,
    Warned,
)
from gradviz.trace.model import NodeId, TensorId, TensorInfo, Value
from gradviz.trace.protocol import TraceLike

ProblemKind = Literal["error", "warning", "value", "start", "gradient", "grad", "parameter"]
LIMIT = 500
"""Problems told; a loop that warns at every turn has more than anyone reads."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong after event ``step``, and where.

    ``error`` and ``warning`` are those of the program. Else ``tensor`` holds NaN or infinities: a ``value``
    that an operation made, the gradient a call ``start``s with, a ``gradient`` along ``edge``, the ``.grad``
    of a leaf, or a ``parameter`` that was written.
    """

    step: int
    kind: ProblemKind
    tensor: TensorId | None = None
    node: NodeId | None = None
    edge: int | None = None


def problems(trace: TraceLike, limit: int = LIMIT) -> list[Problem]:
    """The first ``limit`` problems, in order.

    Of NaN and infinities those places are told at which they appear: a value made of finite values, a
    gradient sent on by a node that received finite ones, the first time for each node and edge; and each
    leaf's ``.grad`` and each parameter, the first time it is not finite.
    """
    found: list[Problem] = []
    told: set[tuple[str, int]] = set()
    for problem in _Scan(trace).all():
        place = problem.edge if problem.edge is not None else problem.node
        if problem.tensor is not None and place is not None:
            if (problem.kind, place) in told:
                continue
            told.add((problem.kind, place))
        found.append(problem)
        if len(found) >= limit:
            break
    return found


def _suspects(trace: TraceLike) -> list[int]:
    """The steps that can have a problem: the program's own, and those that speak of a tensor that is not finite."""
    tensors = trace.columns(TensorInfo)
    bad = np.append((tensors.nan > 0) | (tensors.inf > 0), False)  # the last for -1, no tensor
    values = np.append(bad[trace.columns(Value).tensor], False)
    steps = [trace.columns(Error).step, trace.columns(Warned).step]
    for kind, name in ((Flow, "gradient"), (Accumulate, "after"), (GradWrite, "after"), (ValueWrite, "after")):
        columns = trace.columns(kind)
        steps.append(columns.step[bad[getattr(columns, name)]])
    begins, calls, ops = trace.columns(NodeBegin), trace.columns(BackwardBegin), trace.columns(Op)
    for columns, lists, found in (
        (begins, begins.grad_outputs, bad[begins.grad_outputs.values]),
        (calls, calls.roots, bad[calls.roots.gradient]),
        (ops, ops.outputs, values[ops.outputs.values]),
    ):
        steps.append(np.unique(columns.step[lists.owners[found]]))
    suspects: list[int] = np.sort(np.concatenate(steps)).tolist()
    return suspects


class _Scan:
    """One walk over the events that remembers what each running node was given."""

    def __init__(self, trace: TraceLike) -> None:
        self._trace = trace
        self._edges = {(edge.source, edge.slot): index for index, edge in enumerate(trace.edges)}
        self._poisoned: set[tuple[int, NodeId]] = set()
        """(call, node) of nodes that were run with a gradient that is not finite."""

    def all(self) -> Iterator[Problem]:
        for step in _suspects(self._trace):
            yield from self._of(self._trace.events[step - 1])

    def _of(self, event: Event) -> Iterator[Problem]:
        step = event.step
        match event:
            case Error():
                yield Problem(step, "error")
            case Warned():
                yield Problem(step, "warning")
            case Op():
                yield from self._operation(event)
            case BackwardBegin():
                for root in event.roots:
                    if self._bad(root.gradient):
                        yield Problem(step, "start", root.gradient, root.node)
            case NodeBegin():
                if any(self._bad(gradient) for gradient in event.grad_outputs):
                    self._poisoned.add((event.call, event.node))
            case Flow():
                edge = self._edges.get((event.source, event.slot))
                if (event.call, event.source) not in self._poisoned and self._bad(event.gradient):
                    yield Problem(step, "gradient", event.gradient, event.source, edge)
            case Accumulate() | GradWrite():
                if self._bad(event.after):  # also one that was bad before: the recording may begin after that
                    yield Problem(step, "grad", event.after, event.leaf)
            case ValueWrite():
                if self._bad(event.after) and not self._bad(event.before):
                    yield Problem(step, "parameter", event.after, event.leaf)
            case _:
                pass

    def _operation(self, event: Op) -> Iterator[Problem]:
        """A value that is not finite though all it was made of is; only where gradients go through it."""
        values = self._trace.values
        if not event.nodes or any(self._bad(values[value].tensor) for value in event.inputs):
            return
        for output in event.outputs:
            if self._bad(values[output].tensor):
                node = values[output].node
                yield Problem(event.step, "value", values[output].tensor, event.nodes[-1] if node is None else node)
                return

    def _bad(self, tensor: TensorId | None) -> bool:
        if tensor is None:
            return False
        info = self._trace.tensor(tensor)
        return bool(info.nan or info.inf)
