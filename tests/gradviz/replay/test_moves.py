"""Moves, searches and breakpoints against a plain scan over the events."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradviz.replay import Breakpoints, Move, Playhead
from gradviz.replay.moves import find, not_finite, target, to_line, to_mark, to_node
from gradviz.trace.events import (
    Accumulate,
    BackwardBegin,
    BackwardEnd,
    Event,
    Flow,
    Mark,
    NodeBegin,
    Op,
    Output,
)
from gradviz.trace.memory import MemoryTrace, TraceBuilder
from gradviz.trace.model import GraphNode, NodeKind
from simulator import Simulator
from synthetic import autograd_basics

traces = st.builds(lambda seed: Simulator(seed).run(20), st.integers(0, 10**6))


def scan(events: Sequence[Event], step: int, wanted: Callable[[Event], bool], forward: bool) -> int:
    """The nearest wanted event by looking at one after another."""
    events = events[step:] if forward else events[: max(step - 1, 0)][::-1]
    return next((event.step for event in events if wanted(event)), step)


@pytest.mark.parametrize(
    ("move", "kind", "forward"),
    [
        (Move.NEXT_NODE, NodeBegin, True),
        (Move.PREVIOUS_NODE, NodeBegin, False),
        (Move.NEXT_ACCUMULATE, Accumulate, True),
        (Move.PREVIOUS_ACCUMULATE, Accumulate, False),
        (Move.NEXT_CALL, BackwardBegin, True),
        (Move.PREVIOUS_CALL, BackwardBegin, False),
    ],
)
@settings(max_examples=20, deadline=None)
@given(trace=traces)
def test_a_move_goes_to_the_nearest_event_of_its_kind(
    trace: MemoryTrace, move: Move, kind: type[Event], forward: bool
) -> None:
    playhead = Playhead(trace)
    for step in range(len(trace.events) + 1):
        playhead.seek(step)
        assert target(playhead, move) == scan(trace.events, step, lambda event: isinstance(event, kind), forward)


def test_single_steps_stop_at_the_ends() -> None:
    trace = autograd_basics()
    end = len(trace.events)
    first, last = Playhead(trace, 0), Playhead(trace, end)
    assert [target(first, move) for move in (Move.PREVIOUS_EVENT, Move.NEXT_EVENT, Move.START)] == [0, 1, 0]
    assert [target(last, move) for move in (Move.PREVIOUS_EVENT, Move.NEXT_EVENT, Move.END)] == [
        end - 1,
        end,
        end,
    ]


@settings(max_examples=30, deadline=None)
@given(traces, st.booleans())
def test_searches_find_what_a_scan_finds(trace: MemoryTrace, forward: bool) -> None:
    events = list(trace.events)
    for step in range(len(events) + 1):
        for node in range(len(trace.nodes)):
            assert to_node(trace, step, node, forward) == scan(
                events,
                step,
                lambda event, node=node: isinstance(event, NodeBegin) and event.node == node,
                forward,
            )
        assert to_mark(trace, step, forward=forward) == scan(
            events, step, lambda event: isinstance(event, Mark), forward
        )
        assert to_mark(trace, step, "mark 3", forward) == scan(
            events, step, lambda event: isinstance(event, Mark) and event.name == "mark 3", forward
        )

        def added(event: Event) -> bool:
            return isinstance(event, Accumulate) and event.mode == "added"

        assert find(trace, step, added, forward) == scan(events, step, added, forward)


@settings(max_examples=30, deadline=None)
@given(traces, st.sets(st.integers(0, 8)), st.sets(st.integers(1, 9)), st.booleans())
def test_continue_stops_at_the_nearest_breakpoint(
    trace: MemoryTrace, nodes: set[int], lines: set[int], forward: bool
) -> None:
    breakpoints = Breakpoints(nodes, {("program.py", line) for line in lines})
    step = 0 if forward else len(trace.events)
    stops = []
    while step != (len(trace.events) if forward else 0):
        step = breakpoints.next_stop(trace, step, forward)
        stops.append(step)
    every = {
        found
        for found in range(1, len(trace.events) + 1)
        if (isinstance(event := trace.events[found - 1], NodeBegin) and event.node in nodes)
        or any(to_line(trace, found - 1, "program.py", line) == found for line in lines)
    }
    ends = {len(trace.events)} if forward else {0}
    # Starting from the last step going back, a stop at that very step is behind the start.
    every -= set() if forward else {len(trace.events)}
    assert stops == sorted(every | ends, reverse=not forward)


def _trace(*events: Event) -> MemoryTrace:
    builder = TraceBuilder()
    builder.add_node(GraphNode(0, "AccumulateGrad", NodeKind.ACCUMULATE_GRAD))
    for event in events:
        builder.emit(event)
    return builder.finish()


def _op(line: int | None) -> Op:
    return Op(step=0, name="add", file="a.py", line=line)


def _begin(line: int, call: int = 1) -> BackwardBegin:
    return BackwardBegin(step=0, call=call, roots=(), retain_graph=False, create_graph=False, file="a.py", line=line)


def _end(line: int, call: int = 1) -> BackwardEnd:
    return BackwardEnd(step=0, call=call, file="a.py", line=line)


def _stops(trace: MemoryTrace, line: int) -> list[int]:
    stops, step = [], 0
    while (found := to_line(trace, step, "a.py", line)) != step:
        stops.append(found)
        step = found
    back = []
    while (found := to_line(trace, step, "a.py", line, forward=False)) != step:
        back.append(found)
        step = found
    assert back[::-1] == stops[:-1]
    return stops


def test_a_line_is_come_to_once_for_all_the_events_it_makes() -> None:
    trace = _trace(_op(3), _op(3), _op(4), _op(3))
    assert _stops(trace, 3) == [1, 4]


def test_a_backward_call_belongs_to_the_line_that_makes_it() -> None:
    trace = _trace(_op(3), _begin(3), _end(3), _op(4))
    assert _stops(trace, 3) == [1]


def test_calls_of_one_line_in_a_loop_are_come_to_one_by_one() -> None:
    trace = _trace(_begin(3), _end(3), _begin(3, call=2), _end(3, call=2), _op(3))
    assert _stops(trace, 3) == [1, 3, 5]


def test_coming_back_from_a_custom_function_is_no_new_visit() -> None:
    flow = Flow(
        step=0,
        call=1,
        source=0,
        slot=0,
        target=0,
        target_slot=0,
        gradient=None,
        total=None,
        file="a.py",
        line=3,
    )
    trace = _trace(_begin(3), _op(8), flow, _op(8), _end(3))
    assert _stops(trace, 3) == [1]
    assert _stops(trace, 8) == [2, 4]


def test_an_event_without_a_line_does_not_leave_the_line() -> None:
    trace = _trace(_op(3), Output(step=0, text="x"), _op(3))
    assert _stops(trace, 3) == [1]


def test_a_line_where_nothing_happened_is_never_come_to() -> None:
    assert to_line(autograd_basics(), 0, "autograd_basics.py", 1) == 0


def test_not_finite_finds_the_first_nan_and_infinity() -> None:
    builder = TraceBuilder()
    leaf = builder.add_node(GraphNode(0, "AccumulateGrad", NodeKind.ACCUMULATE_GRAD))
    for number in (1.0, np.inf, 2.0, np.nan):
        tensor = builder.add_tensor(np.array([0.0, number], np.float32))
        builder.emit(Accumulate(step=0, call=1, leaf=leaf, before=None, incoming=tensor, after=tensor, mode="set"))
    trace = builder.finish()
    condition = not_finite(trace)
    assert [find(trace, step, condition) for step in range(5)] == [2, 2, 4, 4, 4]
    assert find(trace, 4, condition, forward=False) == 2


def test_toggling_a_breakpoint_twice_takes_it_away() -> None:
    breakpoints = Breakpoints()
    assert breakpoints.toggle_node(3)
    assert breakpoints.toggle_line("a.py", 1)
    assert not breakpoints.toggle_node(3)
    assert breakpoints == Breakpoints(set(), {("a.py", 1)})
    breakpoints.clear()
    assert breakpoints == Breakpoints()


def test_without_a_breakpoint_continue_runs_to_the_end_and_back_to_the_start() -> None:
    trace = autograd_basics()
    assert Breakpoints().next_stop(trace, 5) == len(trace.events)
    assert Breakpoints().next_stop(trace, 5, forward=False) == 0
