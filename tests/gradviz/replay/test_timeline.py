"""The timeline's spans and lanes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from altered import altered
from gradviz.replay import Playhead
from gradviz.replay.timeline import gradient_lane, markers, program_spans
from gradviz.trace.events import (
    Accumulate,
    BackwardBegin,
    Error,
    GradWrite,
    Mark,
    Op,
    Output,
    ValueWrite,
    Warned,
)
from gradviz.trace.memory import MemoryTrace, TraceBuilder
from gradviz.trace.model import GraphNode, NodeKind
from simulator import Simulator
from synthetic import autograd_basics, training

traces = st.builds(lambda seed: Simulator(seed).run(20), st.integers(0, 10**6))


def test_the_basics_are_told_as_a_reader_would_tell_them() -> None:
    told = [(span.kind, span.title) for span in program_spans(autograd_basics())]
    assert told == [
        ("forward", "forward"),
        ("backward", "loss.backward()"),
        ("forward", "forward"),
        ("backward", "out.backward()"),
        ("backward", "out.backward()"),
        ("zero", "zero_"),
        ("backward", "out.backward()"),
    ]


def test_training_repeats_forward_backward_optimizer_zero() -> None:
    trace = training(nodes=120, calls=3, leaves=6)
    assert trace is not None
    kinds = [span.kind for span in program_spans(trace)]
    assert kinds == ["forward", "backward", "optimizer", "zero"] * 3


@settings(max_examples=50, deadline=None)
@given(traces)
def test_spans_are_in_order_apart_and_hold_every_event_that_touches_the_graph(trace: MemoryTrace) -> None:
    spans = program_spans(trace)
    for earlier, later in pairwise(spans):
        assert earlier.start <= earlier.end < later.start
    covered = {step for span in spans for step in range(span.start, span.end + 1)}
    for event in trace.events:
        assert event.step in covered or isinstance(event, Output | Mark)


def test_a_call_that_was_cut_off_lasts_to_the_end() -> None:
    trace = autograd_basics()
    begin = next(event.step for event in trace.events if isinstance(event, BackwardBegin))
    trace = altered(trace, events=trace.events[: begin + 2])
    assert program_spans(trace)[-1].end == len(trace.events)


@settings(max_examples=50, deadline=None)
@given(traces)
def test_a_lane_shows_the_norm_that_the_playhead_shows(trace: MemoryTrace) -> None:
    for leaf in trace.leaves:
        lane = gradient_lane(trace, leaf)
        assert lane.steps[0] == 0
        for step in range(len(trace.events) + 1):
            grad = Playhead(trace, step).leaf(leaf).grad if step % 7 == 0 else None
            if step % 7 == 0:
                drawn = lane.norms[np.searchsorted(lane.steps, step, side="right") - 1]
                assert drawn == (0.0 if grad is None else trace.tensor(grad).norm)
    marks = {mark.step for leaf in trace.leaves for mark in gradient_lane(trace, leaf).marks}
    assert marks == {event.step for event in trace.events if isinstance(event, Accumulate | GradWrite)}


def test_lane_marks_tell_set_added_and_zeroed_apart() -> None:
    trace = autograd_basics()
    inp = next(node.id for node in trace.nodes if node.label == "inp")
    lane = gradient_lane(trace, inp)
    assert [mark.kind for mark in lane.marks] == ["set", "added", "zeroed", "added"]
    assert lane.norms.round(2).tolist() == [0.0, 11.31, 22.63, 0.0, 11.31]


def test_a_gradient_without_a_finite_norm_breaks_the_lane() -> None:
    builder = TraceBuilder()
    leaf = builder.add_node(GraphNode(0, "AccumulateGrad", NodeKind.ACCUMULATE_GRAD))
    tensor = builder.add_tensor(np.array([1, np.nan], np.float32))
    builder.emit(Accumulate(step=0, call=1, leaf=leaf, before=None, incoming=tensor, after=tensor, mode="set"))
    assert np.isnan(gradient_lane(builder.finish(), leaf).norms).tolist() == [False, True]


def test_other_writes_are_neither_zeroing_nor_optimizing() -> None:
    builder = TraceBuilder()
    leaf = builder.add_node(GraphNode(0, "AccumulateGrad", NodeKind.ACCUMULATE_GRAD))
    one = builder.add_tensor(np.ones(2, np.float32))
    builder.emit(GradWrite(step=0, leaf=leaf, cause="clip_grad_norm_", before=one, after=one))
    builder.emit(ValueWrite(step=0, leaf=leaf, cause="copy_", before=one, after=one))
    builder.emit(Op(step=0, name="add"))
    told = [(span.kind, span.title) for span in program_spans(builder.finish())]
    assert told == [("write", "clip_grad_norm_"), ("write", "copy_"), ("forward", "forward")]


def test_markers_are_marks_errors_and_warnings_in_order() -> None:
    builder = TraceBuilder()
    builder.emit(Mark(step=0, name="epoch 1"))
    builder.emit(Warned(step=0, message="%timeit skipped"))
    builder.emit(Error(step=0, type="RuntimeError", message="shapes differ"))
    told = [(marker.kind, marker.title) for marker in markers(builder.finish())]
    assert told == [
        ("mark", "epoch 1"),
        ("warning", "%timeit skipped"),
        ("error", "RuntimeError: shapes differ"),
    ]
