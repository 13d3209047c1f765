"""From the events of a trace to tracks: what each event changes of all that can be shown.

It runs once for a trace, from the first event to the last; a ``Playhead`` then only looks things up.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from gradviz.replay.calls import Calls, NodeState
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


class History:
    """The tracks of a trace. Items are node ids, edge indices, or positions in ``slots`` and ``leaves``."""

    def __init__(self, trace: TraceLike, index: EventIndex) -> None:
        self._trace = trace
        self._index = index
        self.slots: dict[tuple[NodeId, int], int] = {}
        """Position of each gradient slot that an edge or a root leads to."""
        self.leaves: dict[NodeId, int] = {}
        """Position of each node that has, or had, a ``.grad``."""
        self._read_graph()
        self._calls = Calls(index, self._targets)
        self._start()
        for event in trace.events:
            self._take(event)
        self._build()

    def _read_graph(self) -> None:
        trace = self._trace
        self._targets: list[list[NodeId]] = [[] for _ in trace.nodes]
        self._edges_of: list[list[int]] = [[] for _ in trace.nodes]
        self._edge_at: dict[tuple[NodeId, int], int] = {}
        for position, edge in enumerate(trace.edges):
            self._targets[edge.source].append(edge.target)
            self._edges_of[edge.source].append(position)
            self._edge_at[edge.source, edge.slot] = position
            self.slots.setdefault((edge.target, edge.target_slot), len(self.slots))
        for step in self._index.kinds.get(BackwardBegin.kind, ()):
            begin = trace.events[step - 1]
            assert isinstance(begin, BackwardBegin)
            for root in begin.roots:
                self.slots.setdefault((root.node, root.slot), len(self.slots))
        self.slot_nodes: list[NodeId] = [node for node, _ in self.slots]
        self._slots_of: list[list[int]] = [[] for _ in trace.nodes]
        for node, slot in self.slots:
            self._slots_of[node].append(slot)
        for leaf in (*trace.leaves, *self._index.grad_events):
            self.leaves.setdefault(leaf, len(self.leaves))
        self.leaf_nodes: list[NodeId] = list(self.leaves)

    def _start(self) -> None:
        count = len(self._trace.nodes)
        self._state = TrackBuilder([NodeState.IDLE] * count, "uint8")
        self._remaining = TrackBuilder([NONE] * count)
        self._reaching = TrackBuilder([NONE] * count)
        self._begun = TrackBuilder([0] * count)
        self._created = TrackBuilder(self._existing(), "uint8")
        self._values = TrackBuilder(self._first_values())
        self._edges = TrackBuilder([NONE] * len(self._trace.edges))
        self._buffers = TrackBuilder([NONE] * len(self.slots))
        self._grad_steps = TrackBuilder([0] * len(self.leaves))
        self._sums = TrackBuilder(int(not is_clear(self._trace, self.first_grad(leaf))) for leaf in self.leaves)
        self._call = TrackBuilder([NONE])

    def _build(self) -> None:
        self.state: Track = self._state.build()
        self.remaining: Track = self._remaining.build()
        self.reaching: Track = self._reaching.build()
        """The innermost running call that reaches a node."""
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

    def _existing(self) -> list[int]:
        """1 for nodes no operation of the trace makes: they were there when the recording began.

        A leaf's node is made with the first node that leads to it, so it appears together with that.
        """
        made: set[NodeId] = set()
        for step in self._index.kinds.get(Op.kind, ()):
            event = self._trace.events[step - 1]
            assert isinstance(event, Op)
            made.update(event.nodes, self._leaf_inputs(event))
        from_made: dict[NodeId, bool] = {}
        for edge in self._trace.edges:
            from_made[edge.target] = from_made.get(edge.target, True) and edge.source in made
        return [
            int(node not in made and not (node in self.leaves and from_made.get(node, False)))
            for node in range(len(self._trace.nodes))
        ]

    def _leaf_inputs(self, event: Op) -> list[NodeId]:
        owners = (self._trace.values[value].node for value in event.inputs)
        return [node for node in owners if node is not None and node in self.leaves]

    def _first_values(self) -> list[int]:
        """The numbers of each leaf before anything wrote them, as far as the trace knows."""
        first = [NONE] * len(self._trace.nodes)
        for value in self._trace.values:
            if value.node in self.leaves and value.tensor is not None and first[value.node] == NONE:
                first[value.node] = value.tensor
        for leaf, steps in self._index.value_events.items():
            event = self._trace.events[steps[0] - 1]
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
                self._calls.flow(event)
                edge = self._edge_at.get((event.source, event.slot))
                if edge is not None:
                    self._edges.set(event.step, edge, _number(event.gradient))
                self._show(event.step, (event.target,))
            case NodeBegin():
                self._calls.node_begin(event)
                self._begun.set(event.step, event.node, event.step)
                self._show(event.step, (event.node,))
            case NodeEnd():
                self._calls.node_end(event)
                self._show(event.step, (event.node,))
            case BackwardBegin():
                self._backward_begin(event)
            case BackwardEnd():
                self._show(event.step, self._calls.end(event.call))
                self._call.set(event.step, 0, _number(self._calls.innermost))
            case Accumulate() | GradWrite():
                self._grad_event(event)
            case Op():
                self._op(event)
            case ValueWrite():
                self._values.set(event.step, event.leaf, _number(event.after))
            case _:
                pass

    def _show(self, step: int, nodes: Iterable[NodeId]) -> None:
        """Note how the nodes stand in the calls that run now."""
        calls = self._calls
        for node in nodes:
            self._state.set(step, node, calls.state(node))
            self._remaining.set(step, node, _number(calls.remaining(node)))
            self._reaching.set(step, node, _number(calls.reaching(node)))
            for slot in self._slots_of[node]:
                self._buffers.set(step, self.slots[node, slot], _number(calls.buffer(node, slot)))

    def _backward_begin(self, event: BackwardBegin) -> None:
        reached = self._calls.begin(event)
        for node in reached:
            self._begun.set(event.step, node, 0)
            for edge in self._edges_of[node]:
                self._edges.set(event.step, edge, NONE)
        self._show(event.step, reached)
        self._call.set(event.step, 0, event.call)

    def _grad_event(self, event: Accumulate | GradWrite) -> None:
        leaf = self.leaves[event.leaf]
        self._grad_steps.set(event.step, leaf, event.step)
        if isinstance(event, Accumulate):
            self._sums.set(event.step, leaf, 1 if event.mode == "set" else self._sums.now[leaf] + 1)
        elif event.cause == "assign" or is_clear(self._trace, event.after):
            self._sums.set(event.step, leaf, 0)

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


def _number(optional: int | None) -> int:
    return NONE if optional is None else optional


def is_clear(trace: TraceLike, grad: TensorId | None) -> bool:
    """Does a ``.grad`` hold nothing: None, or zeros only?"""
    if grad is None:
        return True
    info = trace.tensor(grad)
    return info.zero == prod(info.shape)
