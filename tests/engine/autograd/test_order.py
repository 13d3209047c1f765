"""Nodes run in PyTorch's order: recorded orders, and random graphs against live PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gradviz_engine as engine
from graphs import Watch


def leaf(torch: Any, *shape: int) -> Any:
    return torch.tensor(np.linspace(0.1, 0.9, int(np.prod(shape))).reshape(shape)).requires_grad_()


def diamond(torch: Any) -> tuple[Any, dict[str, Any]]:
    x = leaf(torch, 3)
    a = x.sin()
    return (a.exp() * a.cos()).sum(), {"x": x}


def notebook(torch: Any) -> tuple[Any, dict[str, Any]]:
    w, b = leaf(torch, 5, 3), leaf(torch, 3)
    z = torch.matmul(torch.ones(5, dtype=torch.float64), w) + b
    loss = torch.nn.functional.binary_cross_entropy_with_logits(z, torch.zeros(3, dtype=torch.float64))
    return loss, {"w": w, "b": b}


def linear(torch: Any) -> tuple[Any, dict[str, Any]]:
    weight, bias, x = leaf(torch, 4, 3), leaf(torch, 4), leaf(torch, 2, 3)
    return torch.nn.functional.linear(x, weight, bias).sum(), {"W": weight, "b": bias, "x": x}


def shared(torch: Any) -> tuple[Any, dict[str, Any]]:
    w = leaf(torch, 3, 3)
    h = torch.ones(2, 3, dtype=torch.float64)
    for _ in range(3):
        h = (h @ w).tanh()
    return h.sum(), {"w": w}


def residual(torch: Any) -> tuple[Any, dict[str, Any]]:
    x, ws = leaf(torch, 3), [leaf(torch, 3) for _ in range(3)]
    h = x
    for w in ws:
        h = h + (h * w).tanh()
    return h.sum(), {"x": x, **{f"w{i}": w for i, w in enumerate(ws)}}


# As PyTorch 2.13.0 ran them (prehooks on every node).
RECORDED = {
    diamond: "SumBackward0 MulBackward0 CosBackward0 ExpBackward0 SinBackward0 x",
    notebook: "BinaryCrossEntropyWithLogitsBackward0 AddBackward0 b SqueezeBackward4 MmBackward0 w",
    linear: "SumBackward0 AddmmBackward0 b x TBackward0 W",
    shared: "SumBackward0 " + "TanhBackward0 MmBackward0 " * 3 + "w",
    residual: "SumBackward0 AddBackward0 TanhBackward0 MulBackward0 w2 AddBackward0 TanhBackward0 MulBackward0 w1 "
    "AddBackward0 TanhBackward0 MulBackward0 x w0",
}


@pytest.mark.parametrize("build", RECORDED, ids=lambda build: build.__name__)
def test_recorded_orders(build: Any) -> None:
    loss, names = build(engine)
    watch = Watch([loss], names)
    loss.backward()
    assert watch.order == RECORDED[build].split()


def test_a_new_node_takes_the_next_number_and_accumulate_grad_the_last() -> None:
    x = leaf(engine, 2)
    a = x * 2
    b = a + 1
    assert b.grad_fn._sequence_nr() == a.grad_fn._sequence_nr() + 1
    assert a.grad_fn.next_functions[0][0]._sequence_nr() == 2**64 - 1


def test_operations_outside_the_graph_take_no_number() -> None:
    x = leaf(engine, 2)
    before = (x * 1).grad_fn._sequence_nr()
    with engine.no_grad():
        x * 1
    engine.ones(3) * 2
    x.detach()
    assert (x * 1).grad_fn._sequence_nr() == before + 1


def test_an_in_place_operation_that_saves_the_old_value_takes_a_number_for_the_copy() -> None:
    x, y = leaf(engine, 2), leaf(engine, 2) * 1
    before = y.grad_fn._sequence_nr()
    assert y.mul_(x).grad_fn._sequence_nr() == before + 1
    assert y.add_(x).grad_fn._sequence_nr() == before + 3


def test_several_roots_add_a_graph_root_that_takes_a_number() -> None:
    x = leaf(engine, 2)
    before = (x * 1).grad_fn._sequence_nr()
    engine.autograd.backward([(x * 1).sum(), (x * 1).sum()])
    assert (x * 1).grad_fn._sequence_nr() == before + 6


def test_undefined_gradients_still_run_what_is_below() -> None:
    class Nothing(engine.autograd.Function):
        @staticmethod
        def forward(ctx: Any, a: Any) -> Any:
            return a * 1

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            return None

    x = leaf(engine, 2)
    loss = Nothing.apply(x.exp().sin()).sum()
    watch = Watch([loss], {"x": x})
    loss.backward()
    assert watch.order == ["SumBackward0", "NothingBackward", "SinBackward0", "ExpBackward0", "x"]
    assert x.grad is None


def test_a_deeper_backward_finishes_before_the_outer_one_goes_on() -> None:
    order: list[str] = []
    t = leaf(engine, 2)
    inner = (t * 3).exp().sum()

    class Reentrant(engine.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            order.append("begin")
            inner.backward()
            order.append("end")
            return gradient

    x = leaf(engine, 2)
    s = x.sin()
    loss = (s + Reentrant.apply(x)).sum()
    watch = Watch([inner], {"t": t})
    s.grad_fn.register_prehook(lambda gradients: order.append("sin"))
    loss.backward()
    assert order == ["begin", "end", "sin"]
    assert watch.order == ["SumBackward0", "ExpBackward0", "MulBackward0", "t"]


@pytest.mark.parametrize(
    ("wanted", "order"),
    [
        ("w1", "SumBackward0 MulBackward0 TanhBackward0 MulBackward0 w1"),
        ("h", "SumBackward0 MulBackward0 TanhBackward0"),
    ],
)
def test_inputs_restrict_what_runs(wanted: str, order: str) -> None:
    x, w1, w2 = leaf(engine, 3), leaf(engine, 3), leaf(engine, 3)
    h = (x * w1).tanh()
    loss = (h * w2).sum()
    watch = Watch([loss], {"x": x, "w1": w1, "w2": w2})
    loss.backward(inputs=[{"w1": w1, "h": h}[wanted]])
    assert watch.order == order.split()
    assert (w1.grad is not None) == (wanted == "w1")
    assert x.grad is None
    assert w2.grad is None


Step = tuple[str, int, int]
UNARY = ("sin", "exp", "tanh", "neg")
BINARY = ("add", "mul", "sub")


@st.composite
def programs(draw: Any) -> tuple[int, list[Step], int]:
    """A number of leaves, operations on earlier values (by index), and how many values become roots."""
    leaves = draw(st.integers(1, 5))
    steps: list[Step] = []
    for made in range(draw(st.integers(1, 14))):
        name = draw(st.sampled_from(UNARY + BINARY))
        index = st.integers(0, leaves + made - 1)
        steps.append((name, draw(index), draw(index)))
    return leaves, steps, draw(st.integers(1, min(3, len(steps))))


def run_program(torch: Any, program: tuple[int, list[Step], int]) -> tuple[list[str], list[Any]]:
    count, steps, roots = program
    leaves = [leaf(torch, 2) * (0.5 + 0.1 * i) for i in range(count)]
    values = leaves = [v.detach().requires_grad_() for v in leaves]
    for name, a, b in steps:
        operation = getattr(torch, name)
        values = [*values, operation(values[a]) if name in UNARY else operation(values[a], values[b])]
    tops = values[-roots:]
    watch = Watch(tops, {f"p{i}": v for i, v in enumerate(leaves)})
    torch.autograd.backward(tops, [torch.ones(2, dtype=torch.float64)] * roots)
    return watch.order, [None if v.grad is None else v.grad.tolist() for v in leaves]


@pytest.mark.pytorch
@given(programs())
@settings(max_examples=150, deadline=None)
def test_random_graphs_run_as_in_pytorch(program: tuple[int, list[Step], int]) -> None:
    torch = pytest.importorskip("torch")
    order, gradients = run_program(engine, program)
    expected_order, expected = run_program(torch, program)
    assert order == expected_order
    for mine, theirs in zip(gradients, expected, strict=True):
        assert (mine is None) == (theirs is None)
        if mine is not None:
            # Different libms, and programs such as exp(exp(x)) that magnify their last digits.
            np.testing.assert_allclose(mine, theirs, rtol=1e-7, atol=1e-300)
