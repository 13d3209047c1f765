"""Where to go next: every move leads from a step to a step, the same one when there is nowhere to go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

from gradviz.replay.index import after, before, index_of
from gradviz.replay.playhead import Playhead
from gradviz.trace.events import Accumulate, BackwardBegin, Event, Flow, Mark, NodeBegin, ValueWrite
from gradviz.trace.model import NodeId, TensorId
from gradviz.trace.protocol import TraceLike


class Move(StrEnum):
    """The moves that need nothing but the playhead."""

    NEXT_EVENT = "next_event"
    PREVIOUS_EVENT = "previous_event"
    NEXT_NODE = "next_node"
    PREVIOUS_NODE = "previous_node"
    NEXT_ACCUMULATE = "next_accumulate"
    PREVIOUS_ACCUMULATE = "previous_accumulate"
    NEXT_CALL = "next_call"
    PREVIOUS_CALL = "previous_call"
    START = "start"
    END = "end"


_KINDS: dict[Move, tuple[str, bool]] = {
    Move.NEXT_NODE: (NodeBegin.kind, True),
    Move.PREVIOUS_NODE: (NodeBegin.kind, False),
    Move.NEXT_ACCUMULATE: (Accumulate.kind, True),
    Move.PREVIOUS_ACCUMULATE: (Accumulate.kind, False),
    Move.NEXT_CALL: (BackwardBegin.kind, True),
    Move.PREVIOUS_CALL: (BackwardBegin.kind, False),
}


def target(playhead: Playhead, move: Move) -> int:
    """The step a move leads to."""
    step, end = playhead.step, len(playhead.trace.events)
    match move:
        case Move.NEXT_EVENT:
            return min(step + 1, end)
        case Move.PREVIOUS_EVENT:
            return max(step - 1, 0)
        case Move.START:
            return 0
        case Move.END:
            return end
        case _:
            kind, forward = _KINDS[move]
            return _nearest(index_of(playhead.trace).kinds.get(kind, ()), step, forward)


def to_node(trace: TraceLike, step: int, node: NodeId, forward: bool = True) -> int:
    """Where the engine next (or last) begins to run the node."""
    return _nearest(index_of(trace).runs.get(node, ()), step, forward)


def to_line(trace: TraceLike, step: int, file: str, line: int, forward: bool = True) -> int:
    """Where the program next (or last) came to the line; a line where nothing was recorded is never met."""
    return _nearest(index_of(trace).visits.get((file, line), ()), step, forward)


def to_mark(trace: TraceLike, step: int, name: str | None = None, forward: bool = True) -> int:
    """The next (or last) mark the program set, of this name or of any."""
    index = index_of(trace)
    steps = index.kinds.get(Mark.kind, ()) if name is None else index.marks.get(name, ())
    return _nearest(steps, step, forward)


def find(trace: TraceLike, step: int, condition: Callable[[Event], bool], forward: bool = True) -> int:
    """The nearest event, beyond ``step`` in the direction asked for, that meets the condition."""
    steps = range(step + 1, len(trace.events) + 1) if forward else range(step - 1, 0, -1)
    return next((at for at in steps if condition(trace.events[at - 1])), step)


def written(event: Event) -> tuple[TensorId, ...]:
    """The tensors an event brings forth: what a condition on gradients and values looks at."""
    match event:
        case Flow():
            found: tuple[TensorId | None, ...] = (event.gradient, event.total)
        case Accumulate():
            found = (event.incoming, event.after)
        case NodeBegin():
            found = event.grad_outputs
        case BackwardBegin():
            found = tuple(root.gradient for root in event.roots)
        case ValueWrite():
            found = (event.after,)
        case _:
            found = ()
    return tuple(tensor for tensor in found if tensor is not None)


def not_finite(trace: TraceLike) -> Callable[[Event], bool]:
    """A condition for ``find``: the event brings forth a NaN or an infinity."""

    def condition(event: Event) -> bool:
        return any(info.nan or info.inf for info in map(trace.tensor, written(event)))

    return condition


def _nearest(steps: Sequence[int], step: int, forward: bool) -> int:
    found = after(steps, step) if forward else before(steps, step)
    return step if found is None else found
