"""The playhead: everything a trace knows about one moment, and what changed on the way to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gradviz.replay.calls import NodeState
from gradviz.replay.history import NONE, History
from gradviz.replay.index import index_of, last
from gradviz.trace.events import Accumulate, Event, GradWrite, NodeBegin, Output
from gradviz.trace.model import NodeId, TensorId
from gradviz.trace.protocol import TraceLike

Number = TypeVar("Number", bound=np.generic)

_NAMEABLE = 4096
"""A jump over more changes than this is told as ``everything``: redrawing all is cheaper than naming them."""


@dataclass(frozen=True, slots=True)
class Change:
    """What differs between two steps. With ``everything`` set, look at all of it: nothing is named."""

    old: int
    new: int
    nodes: tuple[NodeId, ...] = ()
    edges: tuple[int, ...] = ()
    leaves: tuple[NodeId, ...] = ()
    everything: bool = False


@dataclass(frozen=True, slots=True)
class LeafState:
    """A leaf's ``.grad``: its content, how many backward sums it holds, and the event that touched it last.

    ``before`` and ``incoming`` are those of that event; ``incoming`` is None where a write was last.
    """

    grad: TensorId | None
    sums: int = 0
    last: Event | None = None
    before: TensorId | None = None
    incoming: TensorId | None = None


class Playhead:
    """Stands at a step of a trace: 0 before the first event, n after event n. ``seek`` moves it.

    Single answers cost one binary search. A move touches what changed on the way, however large the
    trace, and ``changed`` names it. Raises IndexError for ids the trace does not have.
    """

    def __init__(self, trace: TraceLike, step: int = 0) -> None:
        self.trace = trace
        self._index = index_of(trace)
        self._history = History(trace, self._index)
        self._step = min(max(step, 0), len(trace.events))
        self._states = self._history.state.values(self._step)
        self._edge_gradients = self._history.edges.values(self._step)
        self._changed = Change(self._step, self._step, everything=True)
        self._event: Event | None = None

    @property
    def step(self) -> int:
        """Where the playhead stands, 0 .. ``len(trace.events)``."""
        return self._step

    @property
    def event(self) -> Event | None:
        """The event that led to this step, None at 0."""
        if self._event is None or self._event.step != self._step:  # many ask, and it is made each time
            self._event = self.trace.events[self._step - 1] if self._step else None
        return self._event

    @property
    def changed(self) -> Change:
        """What the last move changed."""
        return self._changed

    def seek(self, step: int) -> Change:
        """Go to ``step``, held within the trace, and tell what differs there."""
        old, new = self._step, min(max(step, 0), len(self.trace.events))
        self._history.state.move(self._states, old, new)
        self._history.edges.move(self._edge_gradients, old, new)
        self._step = new
        self._changed = self._difference(old, new)
        return self._changed

    def _difference(self, old: int, new: int) -> Change:
        history, start, end = self._history, min(old, new), max(old, new)
        nodes = [
            track.between(start, end)
            for track in (history.state, history.remaining, history.begun, history.created, history.values)
        ]
        slots = history.buffers.between(start, end)
        edges = history.edges.between(start, end)
        if end - start > 1 and sum(map(len, nodes)) + len(slots) + len(edges) > _NAMEABLE:
            return Change(old, new, everything=True)
        slot_nodes, leaf_nodes = history.slot_nodes, history.leaf_nodes
        touched = {int(node) for part in nodes for node in part}
        touched.update(slot_nodes[slot] for slot in slots)
        leaves = {
            leaf_nodes[item] for track in (history.grad_steps, history.sums) for item in track.between(start, end)
        }
        leaves.update(int(node) for node in history.values.between(start, end) if node in history.leaves)
        return Change(
            old,
            new,
            tuple(sorted(touched)),
            tuple(sorted({int(edge) for edge in edges})),
            tuple(sorted(leaves)),
        )

    # Nodes

    @property
    def node_states(self) -> NDArray[np.uint8]:
        """The ``NodeState`` of every node, read-only; it follows the playhead."""
        return _readonly(self._states)

    def node_state(self, node: NodeId) -> NodeState:
        """Where the node stands."""
        return NodeState(int(self._states[node]))

    def created(self, node: NodeId) -> bool:
        """Has the program made this node yet?"""
        return bool(self._history.created.value(node, self._step))

    @property
    def created_nodes(self) -> NDArray[np.bool_]:
        """``created`` for every node."""
        return self._history.created.values(self._step).astype(bool)

    def remaining(self, node: NodeId) -> int | None:
        """The gradients a node still waits for in the running call.

        None where no running call reaches the node, and once it runs, when the engine forgets the count.
        """
        return _optional(self._history.remaining.value(node, self._step))

    @property
    def ready_queue(self) -> tuple[NodeId, ...]:
        """The nodes that wait to run, next first; those an exception kept from running come last."""
        waiting = np.flatnonzero(self._states == NodeState.READY)
        return tuple(sorted((int(node) for node in waiting), key=self._turn))

    def _turn(self, node: NodeId) -> tuple[int, int, int]:
        """Sorts the queue: inner calls first, then as the engine went on to take the nodes from it."""
        call = self._history.reaching.value(node, self._step)
        run = self._index.run_in_call.get((call, node), len(self.trace.events) + 1)
        number = self.trace.nodes[node].sequence_nr  # None for a leaf, which goes before all others
        return -self._index.calls[call].depth, run, -(2**64 if number is None else number)

    def node_gradients(self, node: NodeId) -> tuple[TensorId | None, ...]:
        """The gradients the node was run with in the running or last call; empty before it runs."""
        begun = self._history.begun.value(node, self._step)
        if not begun:
            return ()
        event = self.trace.events[begun - 1]
        assert isinstance(event, NodeBegin)
        return event.grad_outputs

    def buffer(self, node: NodeId, slot: int) -> TensorId | None:
        """The sum that waits in the node's input buffer; None once the node has taken it."""
        item = self._history.slots.get((node, slot))
        return None if item is None else _optional(self._history.buffers.value(item, self._step))

    # Edges

    @property
    def edge_gradients(self) -> NDArray[np.int64]:
        """The tensor that last went along every edge in the running or last call, -1 for none; read-only."""
        return _readonly(self._edge_gradients)

    def edge_gradient(self, edge: int) -> TensorId | None:
        """The tensor that last went along the edge in the running or last call that reached it."""
        return _optional(int(self._edge_gradients[edge]))

    # Leaves

    def leaf(self, node: NodeId) -> LeafState:
        """The leaf's gradient; for a node that never had one, an empty state."""
        item = self._history.leaves.get(node)
        if item is None:
            return LeafState(None)
        step = self._history.grad_steps.value(item, self._step)
        sums = self._history.sums.value(item, self._step)
        event = self.trace.events[step - 1] if step else None
        match event:
            case Accumulate():
                return LeafState(event.after, sums, event, event.before, event.incoming)
            case GradWrite():
                return LeafState(event.after, sums, event, event.before)
            case _:
                return LeafState(self._history.first_grad(node), sums)

    @property
    def leaf_steps(self) -> NDArray[np.int64]:
        """For each of ``trace.leaves``, the step of the event that touched its ``.grad`` last, 0 for none."""
        return self._history.grad_steps.values(self._step)[: len(self.trace.leaves)]

    def value(self, node: NodeId) -> TensorId | None:
        """The numbers of a leaf, or the forward result that belongs to a function node, where recorded."""
        return _optional(self._history.values.value(node, self._step))

    # The program

    @property
    def call(self) -> int | None:
        """The number of the backward call that runs, the innermost one."""
        return _optional(self._history.call.value(0, self._step))

    @property
    def location(self) -> tuple[str, int] | None:
        """The file and line the program has come to: those of the last event that has them."""
        step = last(self._index.located, self._step)
        if step is None:
            return None
        event = self.trace.events[step - 1]
        assert event.file is not None
        assert event.line is not None
        return event.file, event.line

    def output(self, upto: int | None = None) -> list[tuple[str, str]]:
        """What the program has printed up to a step, here by default: (text, ``stdout`` or ``stderr``)."""
        limit = self._step if upto is None else upto
        result: list[tuple[str, str]] = []
        for step in self._index.outputs:
            if step > limit:
                break
            event = self.trace.events[step - 1]
            assert isinstance(event, Output)
            result.append((event.text, event.stream))
        return result


def _optional(number: int) -> int | None:
    return None if number == NONE else number


def _readonly(array: NDArray[Number]) -> NDArray[Number]:
    view = array.view()
    view.flags.writeable = False
    return view
