"""Where NaN and infinities come from, in programs that were really run; the oracle looks at every number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gradviz.replay.problems import Problem, problems
from gradviz.trace.events import Accumulate, BackwardBegin, GradWrite
from gradviz.trace.memory import TraceBuilder
from gradviz.trace.model import GraphNode, NodeKind, TensorId
from gradviz.trace.protocol import TraceLike
from recorded import recorded
from synthetic import autograd_basics

SQRT = "import torch\nx = torch.zeros(2, requires_grad=True)\ny = (x * 1).sqrt().sum()\ny.backward()\n"
LOG = "import torch\nx = torch.tensor([-1.0, 2.0], requires_grad=True)\ny = x.log() * 2\ny.sum().backward()\n"
TIMES = (
    "import torch\nx = torch.zeros(2, requires_grad=True)\ny = (x * float('inf')).nan_to_num()\ny.sum().backward()\n"
)
TRAINING = """\
import torch
w = torch.tensor([1e-30], requires_grad=True)
for turn in range(4):
    (w.sqrt() * 1e38 * 1e10).sum().backward()
    with torch.no_grad():
        w -= w.grad
    w.grad = None
"""
START = "import torch\nx = torch.ones(2, requires_grad=True)\n(x * 2).backward(torch.tensor([1.0, float('nan')]))\n"
FINE = "import torch\nx = torch.ones(2, requires_grad=True)\n(x * 2).sum().backward()\n"


def told(trace: TraceLike, problem: Problem) -> tuple[str, str, int | None]:
    node = None if problem.node is None else trace.nodes[problem.node]
    return problem.kind, (node.label or node.name) if node else "", trace.events[problem.step - 1].line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (FINE, []),
        # the square root is finite, its derivative is not; what follows is only handed on
        (SQRT, [("gradient", "SqrtBackward0", 4), ("grad", "x", 4)]),
        (LOG, [("value", "LogBackward0", 3)]),
        # 1 · inf is infinite on the way back
        (TIMES, [("value", "MulBackward0", 3), ("gradient", "MulBackward0", 4), ("grad", "x", 4)]),
        (START, [("start", "MulBackward0", 3), ("grad", "x", 3)]),
    ],
)
def test_places_at_which_numbers_stop_being_finite(
    tmp_path: Path, text: str, expected: list[tuple[str, str, int]]
) -> None:
    trace = recorded(tmp_path, text)
    assert [told(trace, problem) for problem in problems(trace)] == expected


def test_errors_and_warnings_are_problems_in_their_order(tmp_path: Path) -> None:
    trace = recorded(tmp_path, LOG + "y.sum().backward()\n")
    assert [problem.kind for problem in problems(trace)] == ["value", "error"]


def test_each_leaf_is_told_once_though_it_goes_on(tmp_path: Path) -> None:
    trace = recorded(tmp_path, TRAINING)
    grads = [problem for problem in problems(trace) if problem.kind == "grad"]
    assert [problem.step for problem in grads] == list(first_bad_grads(trace).values())
    assert len({(problem.kind, problem.node, problem.edge) for problem in problems(trace)}) == len(problems(trace))
    assert {problem.kind for problem in problems(trace)} >= {"grad", "parameter"}


def test_a_grad_that_was_bad_before_the_recording_began_is_told_once() -> None:
    builder = TraceBuilder()
    leaf = builder.add_node(GraphNode(0, "AccumulateGrad", NodeKind.ACCUMULATE_GRAD, label="w", shape=(2,)))
    bad, good = (builder.add_tensor(np.array([number, 1.0], np.float32)) for number in (np.nan, 2.0))
    builder.emit(BackwardBegin(step=0, call=1, roots=(), retain_graph=False, create_graph=False))
    for _ in range(2):
        builder.emit(Accumulate(step=0, call=1, leaf=leaf, before=bad, incoming=good, after=bad, mode="added"))
    found = problems(builder.finish())
    assert [(problem.kind, problem.step, problem.node) for problem in found] == [("grad", 2, leaf)]


def first_bad_grads(trace: TraceLike) -> dict[int, int]:
    """For each leaf the first event after which its ``.grad`` is not finite: by looking at all numbers."""
    found: dict[int, int] = {}
    for event in trace.events:
        if isinstance(event, Accumulate | GradWrite) and not finite(trace, event.after):
            found.setdefault(event.leaf, event.step)
    return found


def finite(trace: TraceLike, tensor: TensorId | None) -> bool:
    array = None if tensor is None else trace.array(tensor)
    return array is None or bool(np.isfinite(array).all())


def test_the_list_is_bounded(tmp_path: Path) -> None:
    text = "import torch\nfor n in range(40):\n    x = torch.tensor([-1.0], requires_grad=True)\n    y = x.log() * 1\n"
    trace = recorded(tmp_path, text)
    assert len(problems(trace)) == 40
    assert [problem.step for problem in problems(trace, limit=7)] == [p.step for p in problems(trace)][:7]


def test_a_trace_in_which_all_is_well_has_none() -> None:
    assert problems(autograd_basics()) == []
