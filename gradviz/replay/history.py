"""From the events of a trace to tracks: the rules by which each event changes what is shown.

This is the only place that knows what an event does to a node's state, an edge's gradient or a leaf.
It runs once for a trace, from the first event to the last; a ``Playhead`` then only looks things up.

Note [Calls within calls]
A custom function may call ``backward`` while a backward call runs (reentrant checkpointing does). The
inner call resets the nodes it reaches, except those that run right now, and when it ends, what the
outer call had waiting there waits again.

Note [Who is ready]
The engine queues a node when its last dependency is gone, unless the call was told to stop short of it
(``inputs=``, ``autograd.grad``), which counts the dependency down all the same. The trace does not say
which nodes those are, but it says which ones ran: in a call that returned, every queued node has run.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum
from math import prod

from gradviz.replay.index import EventIndex
from gradviz.replay.tracks import Track, TrackBuilder
from gradviz.trace.events import (
    Accumulate,
    BackwardBegin,
    BackwardEnd,
    Event,
    Flow,
    GradWrite,
    NodeBegin,
    NodeEnd,
    Op,
    ValueWrite,
)
from gradviz.trace.model import NodeId, TensorId
from gradviz.trace.protocol import TraceLike

NONE = -1
"""Stands for None in the integer tracks."""


class NodeState(IntEnum):
    """Where a node stands in the running backward call, or where the last one that reached it left it."""

    IDLE = 0
    READY = 1
    """All its gradients have arrived; it waits in the queue."""
    RUNNING = 2
    DONE = 3
    FREED = 4
    """It has run, and its saved tensors were let go."""


@dataclass(slots=True)
class _Frame:
    """A running backward call."""

    begin: BackwardBegin
    open: dict[NodeId, int]
    freed: set[NodeId]
    """Reached nodes whose saved tensors were gone before the call."""
    ready: set[NodeId] = field(default_factory=set)
    started: set[NodeId] = field(default_factory=set)


class History:
    """The tracks of a trace. Items are node ids, edge indices, or positions in ``slots`` and ``leaves``."""

    def __init__(self, trace: TraceLike, index: EventIndex) -> None:
        nodes, edges = trace.nodes, trace.edges
        self._index = index
        self._targets: list[list[NodeId]] = [[] for _ in nodes]
        self._out: list[list[int]] = [[] for _ in nodes]
        self._edge_at: dict[tuple[NodeId, int], int] = {}
        self.slots: dict[tuple[NodeId, int], int] = {}
        for position, edge in enumerate(edges):
            self._targets[edge.source].append(edge.target)
            self._out[edge.source].append(position)
            self._edge_at[edge.source, edge.slot] = position
            self._slot(edge.target, edge.target_slot)
        self.leaves: dict[NodeId, int] = {}
        for leaf in (*trace.leaves, *index.grad_events):
            self.leaves.setdefault(leaf, len(self.leaves))
        for step in index.kinds.get(BackwardBegin.kind, ()):
            begin = trace.events[step - 1]
            assert isinstance(begin, BackwardBegin)
            for root in begin.roots:
                self._slot(root.node, root.slot)
        self.slot_nodes = [node for node, _ in self.slots]
        self._slots_of: list[list[int]] = [[] for _ in nodes]
        for item, node in enumerate(self.slot_nodes):
            self._slots_of[node].append(item)
        self._trace = trace
        self._frames: list[_Frame] = []
        self._saw_values: dict[NodeId, TensorId] = {}
        self._start_builders(trace)
        for event in trace.events:
            self._take(event)
        self._build()

    def _slot(self, node: NodeId, slot: int) -> int:
        return self.slots.setdefault((node, slot), len(self.slots))

    def _start_builders(self, trace: TraceLike) -> None:
        count = len(trace.nodes)
        self._state = TrackBuilder([NodeState.IDLE] * count, "uint8")
        self._remaining = TrackBuilder([NONE] * count)
        self._begun = TrackBuilder([0] * count)
        self._created = TrackBuilder(self._existing(trace), "uint8")
        self._values = TrackBuilder(self._first_values(trace))
        self._edges = TrackBuilder([NONE] * len(trace.edges))
        self._buffers = TrackBuilder([NONE] * len(self.slots))
        self._grad_steps = TrackBuilder([0] * len(self.leaves))
        self._sums = TrackBuilder(int(not is_clear(trace, self.first_grad(leaf))) for leaf in self.leaves)
        self._call = TrackBuilder([NONE])

    def _build(self) -> None:
        self.state: Track = self._state.build()
        self.remaining: Track = self._remaining.build()
        self.begun: Track = self._begun.build()
        """The step at which a node was last begun in the running or last call, 0 for none."""
        self.created: Track = self._created.build()
        self.values: Track = self._values.build()
        self.edges: Track = self._edges.build()
        self.buffers: Track = self._buffers.build()
        self.grad_steps: Track = self._grad_steps.build()
        """The step of the last event that touched a leaf's ``.grad``, 0 for none."""
        self.sums: Track = self._sums.build()
        self.call: Track = self._call.build()

    # What was there before the first event.

    def _existing(self, trace: TraceLike) -> list[int]:
        """1 for nodes no operation of the trace makes: they were there when the recording began.

        A leaf's node is made with the first node that leads to it, so it appears together with that.
        """
        made: set[NodeId] = set()
        for step in self._index.kinds.get(Op.kind, ()):
            event = trace.events[step - 1]
            assert isinstance(event, Op)
            made.update(event.nodes)
            made.update(self._leaf_inputs(event))
        leading: dict[NodeId, bool] = {}
        for edge in trace.edges:
            leading[edge.target] = leading.get(edge.target, True) and edge.source in made
        leaves = set(trace.leaves)
        return [
            int(node not in made and not (node in leaves and leading.get(node, False)))
            for node in range(len(trace.nodes))
        ]

    def _leaf_inputs(self, event: Op) -> list[NodeId]:
        owners = (self._trace.values[value].node for value in event.inputs)
        return [node for node in owners if node is not None and node in self.leaves]

    def _first_values(self, trace: TraceLike) -> list[int]:
        """The numbers of each leaf before anything wrote them, as far as the trace knows."""
        first = [NONE] * len(trace.nodes)
        for value in trace.values:
            if value.node in self.leaves and value.tensor is not None and first[value.node] == NONE:
                first[value.node] = value.tensor
        for leaf, steps in self._index.value_events.items():
            event = trace.events[steps[0] - 1]
            assert isinstance(event, ValueWrite)
            if event.before is not None:
                first[leaf] = event.before
        return first

    def first_grad(self, leaf: NodeId) -> TensorId | None:
        """What ``leaf.grad`` held when the recording began."""
        steps = self._index.grad_events.get(leaf)
        if not steps:
            return None
        event = self._trace.events[steps[0] - 1]
        assert isinstance(event, Accumulate | GradWrite)
        return event.before

    # What each event does.

    def _take(self, event: Event) -> None:
        match event:
            case Flow():
                self._flow(event)
            case NodeBegin():
                self._node_begin(event)
            case NodeEnd():
                state = NodeState.FREED if event.freed else NodeState.DONE
                self._state.set(event.step, event.node, state)
            case Accumulate():
                self._accumulate(event)
            case Op():
                self._op(event)
            case BackwardBegin():
                self._backward_begin(event)
            case BackwardEnd():
                self._backward_end(event)
            case GradWrite():
                self._grad_write(event)
            case ValueWrite():
                self._values.set(event.step, event.leaf, NONE if event.after is None else event.after)
            case _:
                pass

    def _op(self, event: Op) -> None:
        made = [*event.nodes, *self._leaf_inputs(event)]
        for node in event.nodes:
            made += self._targets[node]
        for node in made:
            self._created.set(event.step, node, 1)
        for output in event.outputs:
            value = self._trace.values[output]
            if value.node is not None and value.slot == 0 and value.tensor is not None:
                self._values.set(event.step, value.node, value.tensor)

    def _backward_begin(self, event: BackwardBegin) -> None:
        open_counts = dict(event.dependencies) or self._count_dependencies(event)
        for root in event.roots:
            open_counts.setdefault(root.node, 0)
        running = {node for frame in self._frames for node in frame.started}
        frame = _Frame(event, open_counts, set())
        for node, count in open_counts.items():
            for edge in self._out[node]:
                self._edges.set(event.step, edge, NONE)
            if node in running and self._state.now[node] == NodeState.RUNNING:
                continue
            if self._state.now[node] == NodeState.FREED:
                frame.freed.add(node)
            self._state.set(event.step, node, NodeState.IDLE)
            self._remaining.set(event.step, node, count)
            self._begun.set(event.step, node, 0)
            for slot in self._slots_of[node]:
                self._buffers.set(event.step, slot, NONE)
        self._frames.append(frame)
        for root in event.roots:
            if root.gradient is not None:
                self._buffers.set(event.step, self.slots[root.node, root.slot], root.gradient)
            if open_counts[root.node] == 0:
                self._queue(event.step, frame, root.node)
        self._call.set(event.step, 0, event.call)

    def _count_dependencies(self, event: BackwardBegin) -> dict[NodeId, int]:
        """The edges leading to each node within reach of the roots, for a trace that does not tell."""
        counts = {root.node: 0 for root in event.roots}
        pending = deque(counts)
        while pending:
            for target in self._targets[pending.popleft()]:
                if target not in counts:
                    counts[target] = 0
                    pending.append(target)
                counts[target] += 1
        return counts

    def _queue(self, step: int, frame: _Frame, node: NodeId) -> None:
        """Mark the node ready unless the call stops short of it, see Note [Who is ready]."""
        key = (frame.begin.call, node)
        end = self._index.calls[frame.begin.call]
        cut_short = (end.end is None or end.failed) and frame.begin.inputs is None
        if cut_short or key in self._index.runs_in_call or key in self._index.queued:
            frame.ready.add(node)
            self._state.set(step, node, NodeState.READY)

    def _flow(self, event: Flow) -> None:
        edge = self._edge_at.get((event.source, event.slot))
        if edge is not None:
            self._edges.set(event.step, edge, NONE if event.gradient is None else event.gradient)
        slot = self.slots.get((event.target, event.target_slot))
        if slot is not None:
            self._buffers.set(event.step, slot, NONE if event.total is None else event.total)
        frame = self._frame(event.call)
        if frame is None:
            return
        left = max(frame.open.get(event.target, 1) - 1, 0)
        frame.open[event.target] = left
        self._remaining.set(event.step, event.target, left)
        if left == 0:
            self._queue(event.step, frame, event.target)

    def _node_begin(self, event: NodeBegin) -> None:
        self._state.set(event.step, event.node, NodeState.RUNNING)
        self._remaining.set(event.step, event.node, NONE)
        self._begun.set(event.step, event.node, event.step)
        for slot in self._slots_of[event.node]:
            self._buffers.set(event.step, slot, NONE)
        frame = self._frame(event.call)
        if frame is not None:
            frame.ready.discard(event.node)
            frame.started.add(event.node)

    def _backward_end(self, event: BackwardEnd) -> None:
        frame = self._frame(event.call)
        if frame is None:
            return
        while self._frames[-1] is not frame:
            self._leave(event.step, self._frames.pop())
        self._leave(event.step, self._frames.pop())
        self._call.set(event.step, 0, self._frames[-1].begin.call if self._frames else NONE)

    def _leave(self, step: int, frame: _Frame) -> None:
        """Give back the nodes the call reached and did not finish, see Note [Calls within calls]."""
        outer = self._frames[-1] if self._frames else None
        unfinished = (NodeState.IDLE, NodeState.READY, NodeState.RUNNING)
        for node in frame.open:
            if outer is not None and node in outer.open and node not in outer.started:
                self._remaining.set(step, node, outer.open[node])
                if node in outer.ready:
                    self._state.set(step, node, NodeState.READY)
                continue
            if outer is None or node not in outer.open:
                self._remaining.set(step, node, NONE)
            if self._state.now[node] in unfinished and not self._runs_outside(node):
                self._state.set(step, node, NodeState.FREED if node in frame.freed else NodeState.IDLE)

    def _runs_outside(self, node: NodeId) -> bool:
        return self._state.now[node] == NodeState.RUNNING and any(node in f.started for f in self._frames)

    def _frame(self, call: int) -> _Frame | None:
        return next((frame for frame in reversed(self._frames) if frame.begin.call == call), None)

    def _accumulate(self, event: Accumulate) -> None:
        leaf = self.leaves[event.leaf]
        self._grad_steps.set(event.step, leaf, event.step)
        self._sums.set(event.step, leaf, 1 if event.mode == "set" else self._sums.now[leaf] + 1)

    def _grad_write(self, event: GradWrite) -> None:
        leaf = self.leaves[event.leaf]
        self._grad_steps.set(event.step, leaf, event.step)
        if is_clear(self._trace, event.after) or event.cause == "assign":
            self._sums.set(event.step, leaf, 0)


def is_clear(trace: TraceLike, grad: TensorId | None) -> bool:
    """Does a ``.grad`` hold nothing: None, or zeros only?"""
    if grad is None:
        return True
    info = trace.tensor(grad)
    return info.zero == prod(info.shape)
