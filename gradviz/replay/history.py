"""From the events of a trace to tracks: what each event changes of all that can be shown.

It runs once for a trace, from the first event to the last; a ``Playhead`` then only looks things up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from math import prod

import numpy as np

from gradviz.replay.calls import Calls, NodeState
from gradviz.replay.index import EventIndex
from gradviz.replay.tracks import Track, TrackBuilder
from gradviz.trace.columns import Ragged
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
from gradviz.trace.model import Edge, NodeId, TensorId, Value
from gradviz.trace.protocol import TraceLike
from gradviz.trace.tables import EVENT_KINDS

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
        self._take_all()
        self._build()

    def _read_graph(self) -> None:
        trace = self._trace
        self._targets: list[list[NodeId]] = [[] for _ in range(len(trace.nodes))]
        self._edges_of: list[list[int]] = [[] for _ in range(len(trace.nodes))]
        self._edge_at: dict[tuple[NodeId, int], int] = {}
        edges = trace.columns(Edge)
        ends = zip(
            *(getattr(edges, name).tolist() for name in ("source", "slot", "target", "target_slot")), strict=True
        )
        for position, (source, slot, target, target_slot) in enumerate(ends):
            self._targets[source].append(target)
            self._edges_of[source].append(position)
            self._edge_at[source, slot] = position
            self.slots.setdefault((target, target_slot), len(self.slots))
        roots = trace.columns(BackwardBegin).roots
        for root in zip(roots.node.tolist(), roots.slot.tolist(), strict=True):
            self.slots.setdefault(root, len(self.slots))
        self.slot_nodes: list[NodeId] = [node for node, _ in self.slots]
        self._slots_of: list[list[int]] = [[] for _ in range(len(trace.nodes))]
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
        ops, edges = self._trace.columns(Op), self._trace.columns(Edge)
        count = len(self._trace.nodes)
        made = np.zeros(count + 1, np.bool_)  # the last for -1, no node
        made[ops.nodes.values] = True
        leaf = np.zeros(count + 1, np.bool_)
        leaf[self.leaf_nodes] = True
        owners = self._trace.columns(Value).node[ops.inputs.values]
        made[owners[leaf[owners]]] = True
        led_to, from_elsewhere = np.zeros((2, count), np.bool_)
        led_to[edges.target] = True
        from_elsewhere[edges.target[~made[edges.source]]] = True
        appears = made[:-1] | (leaf[:-1] & led_to & ~from_elsewhere)
        existing: list[int] = (~appears).astype(int).tolist()
        return existing

    def _first_values(self) -> list[int]:
        """The numbers of each leaf before anything wrote them, as far as the trace knows."""
        first = [NONE] * len(self._trace.nodes)
        values = self._trace.columns(Value)
        for node, tensor in zip(values.node.tolist(), values.tensor.tolist(), strict=True):
            if tensor >= 0 and node in self.leaves and first[node] == NONE:
                first[node] = tensor
        for leaf, steps in self._index.value_events.items():
            event = self._trace.events[steps[0] - 1]
            assert isinstance(event, ValueWrite)
            if event.before is not None:
                first[leaf] = event.before
        return first

    def first_grad(self, leaf: NodeId) -> TensorId | None:
        """What ``leaf.grad`` held when the recording began."""
        changes = self._index.grad_changes(leaf)
        return changes[0].before if changes else None

    # What each event does.

    def _take_all(self) -> None:
        found = self._takers()
        takers = [found.get(kind) for kind in EVENT_KINDS]
        for kind in self._trace.kinds.tolist():
            taker = takers[kind]
            if taker is not None:
                next(taker)

    def _takers(self) -> dict[type[Event], Iterator[None]]:
        """For each kind of event that changes something what takes the next one of them in."""
        return {
            Flow: self._flows(),
            NodeBegin: self._node_begins(),
            NodeEnd: self._node_ends(),
            BackwardBegin: map(self._backward_begin, self._trace.rows(BackwardBegin)),
            BackwardEnd: self._backward_ends(),
            Accumulate: self._accumulations(),
            GradWrite: self._grad_writes(),
            Op: self._ops(),
            ValueWrite: self._value_writes(),
        }

    def _rows(self, kind: type[Event], *names: str) -> Iterator[tuple[int, ...]]:
        columns = self._trace.columns(kind)
        return zip(columns.step.tolist(), *(getattr(columns, name).tolist() for name in names), strict=True)

    def _flows(self) -> Iterator[None]:
        names = ("call", "source", "slot", "target", "target_slot", "gradient", "total")
        for step, call, source, slot, target, target_slot, gradient, total in self._rows(Flow, *names):
            self._calls.flow(call, target, target_slot, None if total < 0 else total)
            edge = self._edge_at.get((source, slot))
            if edge is not None:
                self._edges.set(step, edge, gradient)
            self._show(step, (target,))
            yield

    def _node_begins(self) -> Iterator[None]:
        for step, call, node in self._rows(NodeBegin, "call", "node"):
            self._calls.node_begin(call, node)
            self._begun.set(step, node, step)
            self._show(step, (node,))
            yield

    def _node_ends(self) -> Iterator[None]:
        for step, call, node, freed in self._rows(NodeEnd, "call", "node", "freed"):
            self._calls.node_end(call, node, bool(freed))
            self._show(step, (node,))
            yield

    def _backward_ends(self) -> Iterator[None]:
        for step, call in self._rows(BackwardEnd, "call"):
            self._show(step, self._calls.end(call))
            self._call.set(step, 0, _number(self._calls.innermost))
            yield

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

    def _accumulations(self) -> Iterator[None]:
        columns = self._trace.columns(Accumulate)
        fresh = columns.words("mode").index("set")
        for step, node, mode in self._rows(Accumulate, "leaf", "mode"):
            leaf = self.leaves[node]
            self._grad_steps.set(step, leaf, step)
            self._sums.set(step, leaf, 1 if mode == fresh else self._sums.now[leaf] + 1)
            yield

    def _grad_writes(self) -> Iterator[None]:
        texts = self._trace.texts
        for step, node, cause, after in self._rows(GradWrite, "leaf", "cause", "after"):
            leaf = self.leaves[node]
            self._grad_steps.set(step, leaf, step)
            if texts[cause] == "assign" or is_clear(self._trace, None if after < 0 else after):
                self._sums.set(step, leaf, 0)
            yield

    def _value_writes(self) -> Iterator[None]:
        for step, leaf, after in self._rows(ValueWrite, "leaf", "after"):
            self._values.set(step, leaf, after)
            yield

    def _ops(self) -> Iterator[None]:
        columns, values = self._trace.columns(Op), self._trace.columns(Value)
        owners, slots, tensors = values.node.tolist(), values.slot.tolist(), values.tensor.tolist()
        lists = zip(*(_listed(getattr(columns, name)) for name in ("nodes", "inputs", "outputs")), strict=True)
        for step, (nodes, inputs, outputs) in zip(columns.step.tolist(), lists, strict=True):
            made = [*nodes, *(owners[value] for value in inputs if owners[value] in self.leaves)]
            for node in nodes:
                made += self._targets[node]
            for node in made:
                self._created.set(step, node, 1)
            for output in outputs:
                if owners[output] >= 0 and slots[output] == 0 and tensors[output] >= 0:
                    self._values.set(step, owners[output], tensors[output])
            yield


def _listed(ragged: Ragged) -> Iterator[list[int]]:
    """The list of each row."""
    values = ragged.values.tolist()
    return (values[start:end] for start, end in pairwise(ragged.starts.tolist()))


def _number(optional: int | None) -> int:
    return NONE if optional is None else optional


def is_clear(trace: TraceLike, grad: TensorId | None) -> bool:
    """Does a ``.grad`` hold nothing: None, or zeros only?"""
    if grad is None:
        return True
    info = trace.tensor(grad)
    return info.zero == prod(info.shape)
