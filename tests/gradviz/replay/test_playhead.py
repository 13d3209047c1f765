"""The playhead against the engine that made the trace, and against itself by other routes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altered import altered
from gradviz.replay import NodeState, Playhead
from gradviz.trace.events import Accumulate, BackwardBegin, BackwardEnd, Flow, NodeBegin, NodeEnd
from gradviz.trace.memory import MemoryTrace
from simulator import Simulator, Truth
from synthetic import autograd_basics, training

programs = st.builds(lambda seed, size: _run(seed, size), st.integers(0, 10**6), st.integers(1, 25))


def _run(seed: int, actions: int) -> tuple[MemoryTrace, list[Truth]]:
    simulator = Simulator(seed)
    return simulator.run(actions), simulator.truth


def snapshot(playhead: Playhead) -> Truth:
    """All that a playhead answers at its step, in the form the simulator writes the truth down."""
    trace = playhead.trace
    nodes = range(len(trace.nodes))
    return Truth(
        states=[playhead.node_state(node) for node in nodes],
        remaining=[playhead.remaining(node) for node in nodes],
        queue=playhead.ready_queue,
        created=[playhead.created(node) for node in nodes],
        edges=[playhead.edge_gradient(edge) for edge in range(len(trace.edges))],
        node_gradients=[playhead.node_gradients(node) for node in nodes],
        buffers={node: playhead.buffer(node, 0) for node in nodes},
        grads={leaf: playhead.leaf(leaf).grad for leaf in trace.leaves},
        sums={leaf: playhead.leaf(leaf).sums for leaf in trace.leaves},
        values={node: value for node in nodes if (value := playhead.value(node)) is not None},
        call=playhead.call,
        location=playhead.location,
        output=playhead.output(),
    )


def completed(truth: Truth, trace: MemoryTrace) -> Truth:
    """The truth, with what it says of nodes that the program had yet to make then."""
    missing = len(trace.nodes) - len(truth.states)
    used = {edge.target for edge in trace.edges}
    return Truth(
        states=truth.states + [NodeState.IDLE] * missing,
        remaining=truth.remaining + [None] * missing,
        queue=truth.queue,
        # A leaf that no operation uses was there before the recording, for all the trace can tell.
        created=[*truth.created, *[False] * missing][: len(trace.nodes)]
        if used >= set(trace.leaves)
        else [
            made or (node in trace.leaves and node not in used)
            for node, made in enumerate([*truth.created, *[False] * missing])
        ],
        edges=truth.edges + [None] * (len(trace.edges) - len(truth.edges)),
        node_gradients=truth.node_gradients + [()] * missing,
        buffers=truth.buffers | dict.fromkeys(range(len(truth.states), len(trace.nodes))),
        grads=truth.grads,
        sums=truth.sums,
        values=truth.values,
        call=truth.call,
        location=truth.location,
        output=truth.output,
    )


@settings(max_examples=120, deadline=None)
@given(programs)
def test_every_step_shows_what_the_engine_held_then(program: tuple[MemoryTrace, list[Truth]]) -> None:
    trace, truth = program
    playhead = Playhead(trace)
    for step in range(len(trace.events) + 1):
        playhead.seek(step)
        assert snapshot(playhead) == completed(truth[step], trace), step


@settings(max_examples=60, deadline=None)
@given(programs, st.lists(st.integers(0, 10**6), min_size=1, max_size=12))
def test_a_step_is_the_same_by_whatever_route_it_is_reached(
    program: tuple[MemoryTrace, list[Truth]], route: list[int]
) -> None:
    trace, _ = program
    playhead = Playhead(trace)
    for number in route:
        step = number % (len(trace.events) + 1)
        playhead.seek(step)
        fresh = Playhead(trace, step)
        assert snapshot(playhead) == snapshot(fresh)
        np.testing.assert_array_equal(playhead.node_states, fresh.node_states)
        np.testing.assert_array_equal(playhead.edge_gradients, fresh.edge_gradients)


@settings(max_examples=60, deadline=None)
@given(programs)
def test_stepping_back_undoes_stepping_forward(program: tuple[MemoryTrace, list[Truth]]) -> None:
    trace, _ = program
    playhead = Playhead(trace)
    forward = [snapshot(playhead)]
    for step in range(1, len(trace.events) + 1):
        playhead.seek(step)
        forward.append(snapshot(playhead))
    for step in range(len(trace.events), -1, -1):
        playhead.seek(step)
        assert snapshot(playhead) == forward[step]


@settings(max_examples=60, deadline=None)
@given(programs, st.data())
def test_change_names_all_that_differs_and_seek_tells_it_the_same_in_both_directions(
    program: tuple[MemoryTrace, list[Truth]], data: st.DataObject
) -> None:
    trace, _ = program
    steps = st.integers(0, len(trace.events))
    old, new = data.draw(steps), data.draw(steps)
    playhead = Playhead(trace, old)
    then = snapshot(playhead)
    change = playhead.seek(new)
    now = snapshot(playhead)
    per_node = ("states", "remaining", "created", "node_gradients", "buffers")
    for node in range(len(trace.nodes)):
        if node not in change.nodes:
            assert all(getattr(then, name)[node] == getattr(now, name)[node] for name in per_node)
            assert then.values.get(node) == now.values.get(node)
    for edge in range(len(trace.edges)):
        assert edge in change.edges or then.edges[edge] == now.edges[edge]
    for leaf in trace.leaves:
        assert leaf in change.leaves or (then.grads[leaf], then.sums[leaf]) == (
            now.grads[leaf],
            now.sums[leaf],
        )
    back = playhead.seek(old)
    assert (back.nodes, back.edges, back.leaves) == (change.nodes, change.edges, change.leaves)
    assert playhead.changed is back


@settings(max_examples=40, deadline=None)
@given(programs, st.integers(0, 10**6))
def test_a_recording_that_was_cut_off_shows_what_the_engine_held(
    program: tuple[MemoryTrace, list[Truth]], length: int
) -> None:
    trace, truth = program
    trace = altered(trace, events=trace.events[: length % (len(trace.events) + 1)])
    trace.complete = False
    began = [event for event in trace.events if isinstance(event, BackwardBegin)]
    if any(begin.inputs is not None for begin in began):
        return  # where such a call would have stopped is not known before it has
    last = len(trace.events)
    assert [int(state) for state in Playhead(trace, last).node_states] == completed(truth[last], trace).states


def test_the_event_of_a_step_is_made_once_however_many_ask() -> None:
    playhead = Playhead(autograd_basics(), 12)
    first = playhead.event
    assert first is not None
    assert first is playhead.event
    playhead.seek(13)
    assert playhead.event == playhead.trace.events[12]
    playhead.seek(0)
    assert playhead.event is None


def test_the_second_call_adds_to_the_first() -> None:
    trace = autograd_basics()
    inp = next(node.id for node in trace.nodes if node.label == "inp")
    sums = [event for event in trace.events if isinstance(event, Accumulate) and event.leaf == inp]
    playhead = Playhead(trace, sums[1].step)
    leaf = playhead.leaf(inp)
    assert leaf.sums == 2
    assert leaf.last == sums[1]
    assert leaf.before is not None
    assert leaf.incoming is not None
    assert leaf.grad is not None
    before, incoming, grad = (trace.array(tensor) for tensor in (leaf.before, leaf.incoming, leaf.grad))
    np.testing.assert_array_equal(grad, before + incoming)
    assert (grad.min(), grad.max()) == (4, 8)


def test_the_queue_and_the_counts_are_those_the_engine_reported() -> None:
    trace = training(nodes=300, calls=2, leaves=12)
    assert trace is not None
    playhead = Playhead(trace)
    for event in trace.events:
        playhead.seek(event.step)
        if isinstance(event, NodeBegin):
            assert playhead.ready_queue == event.ready
            assert [(node, playhead.remaining(node)) for node, _ in event.dependencies] == [*event.dependencies]


def test_steps_beyond_the_ends_are_held_at_the_ends() -> None:
    trace = autograd_basics()
    playhead = Playhead(trace, 10**6)
    assert playhead.step == len(trace.events)
    assert playhead.seek(-5).new == 0
    assert playhead.event is None


def test_states_cannot_be_written_through_the_views() -> None:
    playhead = Playhead(autograd_basics())
    for view in (playhead.node_states, playhead.edge_gradients):
        with pytest.raises(ValueError, match="read-only"):
            view[0] = 1


def test_one_step_in_a_large_trace_touches_only_what_changed() -> None:
    trace = training(nodes=2000, calls=2)
    assert trace is not None
    playhead = Playhead(trace)
    for event in trace.events:
        change = playhead.seek(event.step)
        if isinstance(event, NodeBegin | NodeEnd | Flow | Accumulate):
            assert len(change.nodes) + len(change.edges) + len(change.leaves) <= 3
            assert not change.everything


def test_a_far_jump_says_to_look_at_everything() -> None:
    trace = training(nodes=2000, calls=2)
    assert trace is not None
    playhead = Playhead(trace)
    assert playhead.seek(len(trace.events)).everything


def failed_outermost_calls(simulator: Simulator) -> list[BackwardEnd]:
    """The ends of calls that raised while no other call went on."""
    ends, depth = [], 0
    for event in simulator.builder.trace.events:
        if isinstance(event, BackwardBegin):
            depth += 1
        elif isinstance(event, BackwardEnd):
            depth -= 1
            if event.error and not depth:
                ends.append(event)
    return ends


def test_an_exception_leaves_nothing_running_and_marks_the_node_that_raised() -> None:
    checked = 0
    for seed in range(60):
        simulator = Simulator(seed)
        simulator.run(12)
        trace = simulator.builder.finish()
        for failed in failed_outermost_calls(simulator):
            playhead = Playhead(trace, failed.step - 1)
            ran = {int(node) for node in np.flatnonzero(playhead.node_states == NodeState.RUNNING)}
            playhead.seek(failed.step)
            assert playhead.call is None
            assert not set(playhead.node_states) & {NodeState.RUNNING, NodeState.READY}
            assert ran
            assert {playhead.node_state(node) for node in ran} == {NodeState.RAISED}
            checked += 1
    assert checked > 5
