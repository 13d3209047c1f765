"""What single events do, in traces of a few lines."""

from __future__ import annotations

import numpy as np
import pytest

from gradviz.replay import NodeState, Playhead
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
    Root,
    ValueWrite,
)
from gradviz.trace.memory import MemoryTrace, TraceBuilder
from gradviz.trace.model import Edge, GraphNode, NodeKind, Value

LEAF, MUL, SUM = 0, 1, 2


class Chain:
    """leaf <- MulBackward0 <- SumBackward0, and tensors to fill events with."""

    def __init__(self) -> None:
        self.builder = TraceBuilder()
        self.builder.add_node(GraphNode(0, "AccumulateGrad", NodeKind.ACCUMULATE_GRAD, label="x"))
        self.builder.add_node(GraphNode(0, "MulBackward0", NodeKind.FUNCTION, 0))
        self.builder.add_node(GraphNode(0, "SumBackward0", NodeKind.FUNCTION, 1))
        self.builder.add_edge(Edge(MUL, 0, LEAF, 0))
        self.builder.add_edge(Edge(SUM, 0, MUL, 0))

    def tensor(self, *numbers: float) -> int:
        return self.builder.add_tensor(np.array(numbers, np.float32))

    def begin(self, call: int = 1, inputs: tuple[int, ...] | None = None) -> BackwardBegin:
        return BackwardBegin(
            step=0,
            call=call,
            roots=(Root(SUM, 0, "loss", self.tensor(1)),),
            retain_graph=False,
            create_graph=False,
            inputs=inputs,
        )

    def flow(self, source: int, target: int, gradient: int | None, call: int = 1) -> Flow:
        return Flow(
            step=0,
            call=call,
            source=source,
            slot=0,
            target=target,
            target_slot=0,
            gradient=gradient,
            total=gradient,
        )

    def trace(self, *events: Event) -> MemoryTrace:
        for event in events:
            self.builder.emit(event)
        return self.builder.finish()


def _states(trace: MemoryTrace, step: int) -> list[NodeState]:
    playhead = Playhead(trace, step)
    return [playhead.node_state(node) for node in range(len(trace.nodes))]


IDLE, READY, RUNNING, DONE, FREED, RAISED = NodeState


def test_a_node_is_idle_ready_running_and_done_in_turn() -> None:
    chain = Chain()
    trace = chain.trace(
        chain.begin(),
        NodeBegin(step=0, call=1, node=SUM, grad_outputs=(chain.tensor(1),)),
        chain.flow(SUM, MUL, chain.tensor(2)),
        NodeEnd(step=0, call=1, node=SUM, freed=False),
        NodeBegin(step=0, call=1, node=MUL, grad_outputs=(chain.tensor(2),)),
        NodeEnd(step=0, call=1, node=MUL, freed=True),
        BackwardEnd(step=0, call=1, error="boom"),
    )
    assert [_states(trace, step)[MUL] for step in range(8)] == [
        IDLE,
        IDLE,
        IDLE,
        READY,
        READY,
        RUNNING,
        FREED,
        FREED,
    ]
    assert [_states(trace, step)[SUM] for step in (1, 2, 3, 4)] == [READY, RUNNING, RUNNING, DONE]


def test_dependencies_are_counted_where_the_trace_does_not_tell_them() -> None:
    chain = Chain()
    playhead = Playhead(chain.trace(chain.begin()), 1)
    assert [playhead.remaining(node) for node in (LEAF, MUL, SUM)] == [1, 1, 0]


def test_a_gradient_waits_in_the_buffer_until_its_node_runs() -> None:
    chain = Chain()
    gradient = chain.tensor(2)
    trace = chain.trace(
        chain.begin(),
        NodeBegin(step=0, call=1, node=SUM, grad_outputs=(chain.tensor(1),)),
        chain.flow(SUM, MUL, gradient),
        NodeBegin(step=0, call=1, node=MUL, grad_outputs=(gradient,)),
    )
    assert [Playhead(trace, step).buffer(MUL, 0) for step in range(5)] == [None, None, None, gradient, None]
    assert [Playhead(trace, step).node_gradients(MUL) for step in (3, 4)] == [(), (gradient,)]
    assert Playhead(trace, 1).buffer(SUM, 0) == chain.tensor(1)


def test_an_undefined_gradient_counts_down_and_shows_nothing_on_the_edge() -> None:
    chain = Chain()
    trace = chain.trace(
        chain.begin(),
        NodeBegin(step=0, call=1, node=SUM, grad_outputs=(chain.tensor(1),)),
        chain.flow(SUM, MUL, None),
    )
    playhead = Playhead(trace, 3)
    assert playhead.node_state(MUL) == READY
    assert playhead.edge_gradient(1) is None


def test_a_failed_call_leaves_freed_nodes_freed_and_the_rest_idle() -> None:
    chain = Chain()
    run = [
        NodeBegin(step=0, call=1, node=SUM, grad_outputs=(chain.tensor(1),)),
        NodeEnd(step=0, call=1, node=SUM, freed=True),
        chain.flow(SUM, MUL, chain.tensor(2)),
        BackwardEnd(step=0, call=1, error="RuntimeError: boom"),
    ]
    again = [chain.begin(2), BackwardEnd(step=0, call=2, error="Trying to backward a second time")]
    trace = chain.trace(chain.begin(), *run, *again)
    assert _states(trace, 5) == [IDLE, IDLE, FREED]
    assert _states(trace, 6)[SUM] == READY
    assert _states(trace, 7) == [IDLE, IDLE, FREED]


def test_an_input_whose_gradient_is_taken_out_counts_as_done() -> None:
    """``torch.autograd.grad(loss, x)`` takes x's gradient from the buffer; its AccumulateGrad never runs."""
    chain = Chain()
    trace = chain.trace(
        chain.begin(inputs=(LEAF,)),
        NodeBegin(step=0, call=1, node=SUM, grad_outputs=(chain.tensor(1),)),
        chain.flow(SUM, MUL, chain.tensor(2)),
        NodeEnd(step=0, call=1, node=SUM, freed=True),
        NodeBegin(step=0, call=1, node=MUL, grad_outputs=(chain.tensor(2),)),
        chain.flow(MUL, LEAF, chain.tensor(3)),
        NodeEnd(step=0, call=1, node=MUL, freed=True),
        BackwardEnd(step=0, call=1),
    )
    assert [_states(trace, step)[LEAF] for step in (5, 6, 8)] == [IDLE, DONE, DONE]


def test_a_node_the_call_stops_short_of_is_never_ready() -> None:
    chain = Chain()
    trace = chain.trace(
        chain.begin(inputs=(MUL,)),
        NodeBegin(step=0, call=1, node=SUM, grad_outputs=(chain.tensor(1),)),
        chain.flow(SUM, MUL, chain.tensor(2)),
        NodeEnd(step=0, call=1, node=SUM, freed=True),
        NodeBegin(step=0, call=1, node=MUL, grad_outputs=(chain.tensor(2),)),
        chain.flow(MUL, LEAF, chain.tensor(3)),
        NodeEnd(step=0, call=1, node=MUL, freed=True),
        BackwardEnd(step=0, call=1),
    )
    assert {_states(trace, step)[LEAF] for step in range(9)} == {IDLE}


def test_nodes_appear_with_the_operation_that_makes_them_and_leaves_with_their_first_use() -> None:
    chain = Chain()
    trace = chain.trace(Op(step=0, name="mul", nodes=(MUL,)), Op(step=0, name="sum", nodes=(SUM,)))
    playhead = Playhead(trace)
    appeared = []
    for step in range(3):
        playhead.seek(step)
        appeared.append([playhead.created(node) for node in (LEAF, MUL, SUM)])
        assert playhead.created_nodes.tolist() == appeared[-1]
    assert appeared == [[False] * 3, [True, True, False], [True] * 3]


def test_a_graph_made_before_the_recording_is_there_from_the_start() -> None:
    chain = Chain()
    playhead = Playhead(chain.trace(chain.begin()))
    assert playhead.created_nodes.all()


def test_a_gradient_from_before_the_recording_is_shown_from_the_start() -> None:
    chain = Chain()
    before, incoming, after = chain.tensor(1), chain.tensor(2), chain.tensor(3)
    trace = chain.trace(
        Accumulate(step=0, call=1, leaf=LEAF, before=before, incoming=incoming, after=after, mode="added")
    )
    playhead = Playhead(trace)
    assert (playhead.leaf(LEAF).grad, playhead.leaf(LEAF).sums) == (before, 1)
    playhead.seek(1)
    assert (playhead.leaf(LEAF).grad, playhead.leaf(LEAF).sums) == (after, 2)


@pytest.mark.parametrize(
    ("cause", "after", "sums"),
    [("zero_", (0.0,), 0), ("set_to_none", None, 0), ("assign", (5.0,), 0), ("clip_grad_norm_", (0.5,), 2)],
)
def test_writes_to_grad_reset_the_count_of_sums_unless_they_only_scale(
    cause: str, after: tuple[float] | None, sums: int
) -> None:
    chain = Chain()
    one, two = chain.tensor(1), chain.tensor(2)
    written = None if after is None else chain.tensor(*after)
    trace = chain.trace(
        Accumulate(step=0, call=1, leaf=LEAF, before=None, incoming=one, after=one, mode="set"),
        Accumulate(step=0, call=2, leaf=LEAF, before=one, incoming=one, after=two, mode="added"),
        GradWrite(step=0, leaf=LEAF, cause=cause, before=two, after=written),
    )
    leaf = Playhead(trace, 3).leaf(LEAF)
    assert (leaf.grad, leaf.sums, leaf.before, leaf.incoming) == (written, sums, two, None)


def test_a_leafs_numbers_are_known_before_they_are_first_written() -> None:
    chain = Chain()
    before, after = chain.tensor(1), chain.tensor(2)
    trace = chain.trace(ValueWrite(step=0, leaf=LEAF, cause="SGD.step", before=before, after=after))
    playhead = Playhead(trace)
    assert playhead.value(LEAF) == before
    assert playhead.seek(1).leaves == (LEAF,)
    assert playhead.value(LEAF) == after


def test_a_function_nodes_forward_result_is_known_once_it_was_computed() -> None:
    chain = Chain()
    number = chain.tensor(7)
    value = chain.builder.add_value(Value(0, "y", (1,), "float32", number, MUL))
    trace = chain.trace(Op(step=0, name="mul", nodes=(MUL,), outputs=(value,)))
    assert [Playhead(trace, step).value(MUL) for step in (0, 1)] == [None, number]


def test_a_trace_without_events_has_one_step() -> None:
    playhead = Playhead(TraceBuilder().finish())
    assert playhead.seek(3).new == 0
    assert playhead.ready_queue == ()
    assert playhead.location is None
    assert playhead.output() == []
