"""The scale of a leaf's heat map over a trace."""

from __future__ import annotations

import numpy as np
import pytest

from gradviz.projection.grad_scale import grad_scale
from gradviz.trace.events import Accumulate, GradWrite
from gradviz.trace.memory import MemoryTrace, TraceBuilder
from gradviz.trace.model import GraphNode, NodeKind


def trace_of(*grads: float | None) -> MemoryTrace:
    """A leaf whose ``.grad`` has these values one after another; None and 0 are zeroings."""
    builder = TraceBuilder()
    leaf = builder.add_node(GraphNode(0, "AccumulateGrad", NodeKind.ACCUMULATE_GRAD, label="w", shape=(2,)))
    before = None
    for grad in grads:
        after = None if grad is None else builder.add_tensor(np.array([grad, -grad / 2], np.float32))
        if not grad:
            builder.emit(GradWrite(step=0, leaf=leaf, cause="zero_", before=before, after=after))
        else:
            assert after is not None
            mode = "set" if before is None else "added"
            builder.emit(
                Accumulate(step=0, call=1, leaf=leaf, before=before, incoming=after, after=after, mode=mode)  # type: ignore[arg-type]
            )
        before = after
    return builder.finish()


@pytest.mark.parametrize(
    ("grads", "scales"),
    [
        ((2, 4, 8), [8, 8, 8, 8]),
        ((2, 4, 0, 3), [4, 4, 4, 4, 4]),
        ((2, -4, None, 3), [4, 4, 4, 4, 4]),
        # a stretch of small gradients after a large one is not all dark, and keeps one scale
        ((100, 0, 1, 2), [100, 100, 8, 8, 8]),
        ((1, 2, None, 100), [8, 8, 8, 100, 100]),
        ((float("inf"), 3), [3, 3, 3]),
    ],
)
def test_one_scale_from_zeroing_to_zeroing(grads: tuple[float | None, ...], scales: list[float]) -> None:
    trace = trace_of(*grads)
    found = grad_scale(trace, 0)
    held = [found.at(step) for step in range(len(trace.events) + 1)]
    zeroed = {step for step, grad in enumerate(grads, 1) if not grad}
    assert [at for step, at in enumerate(held) if step not in zeroed] == [
        at for step, at in enumerate(scales) if step not in zeroed
    ]


def test_a_leaf_that_never_had_a_gradient_has_no_scale() -> None:
    builder = TraceBuilder()
    builder.add_node(GraphNode(0, "AccumulateGrad", NodeKind.ACCUMULATE_GRAD, label="w", shape=(2,)))
    assert grad_scale(builder.finish(), 0).at(0) == 0
