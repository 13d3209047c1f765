"""Activations written into their input: where the derivative then reads the result, PyTorch has nodes of its own."""

from __future__ import annotations

from typing import Any

import pytest

import gradviz_engine as engine
from side_by_side import assert_alike, numbers, outcome

IN_PLACE = (
    "F.leaky_relu_(x, 0.2)", "F.elu_(x, 2.0)", "F.celu_(x, 2.0)", "F.selu_(x)", "F.threshold_(x, 0.1, 0.2)",
    "F.rrelu_(x)", "F.rrelu_(x, training=True)", "F.leaky_relu(x, inplace=True)", "F.elu(x, inplace=True)",
    "F.celu(x, inplace=True)", "F.selu(x, inplace=True)", "F.threshold(x, 0.1, 0.2, inplace=True)",
    "F.relu(x, inplace=True)", "F.relu6(x, inplace=True)", "F.silu(x, inplace=True)", "F.mish(x, inplace=True)",
    "F.hardswish(x, inplace=True)", "F.hardsigmoid(x, inplace=True)", "F.hardtanh_(x)", "x.sigmoid_()", "x.tanh_()",
)  # fmt: skip


def results(torch: Any, expression: str, twice: bool) -> Any:
    def function(x: Any) -> Any:
        y = eval(expression, {"F": torch.nn.functional, "x": x * 1})
        return torch.autograd.grad(y.sum(), x, create_graph=True)[0] if twice else y

    return outcome(torch, lambda _: function, [numbers(4, 5)])


@pytest.mark.pytorch
@pytest.mark.parametrize("expression", IN_PLACE)
def test_nodes_and_gradients_are_pytorchs(expression: str) -> None:
    real = pytest.importorskip("torch")
    assert_alike(results(engine, expression, False), results(real, expression, False), 1e-5)


@pytest.mark.pytorch
@pytest.mark.parametrize("expression", ["F.leaky_relu_(x, 0.2)", "F.elu_(x, 2.0)", "F.celu_(x, 2.0)", "F.selu_(x)"])
def test_second_derivatives_by_the_result_are_pytorchs(expression: str) -> None:
    real = pytest.importorskip("torch")
    assert_alike(results(engine, expression, True), results(real, expression, True), 1e-5)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("F.leaky_relu_(x, -0.1)", "In-place leakyReLu backward calculation is triggered with a negative slope"),
        ("F.elu_(x, -1.0)", "In-place elu backward calculation is triggered with a negative slope"),
        ("F.celu_(x, -1.0)", "In-place elu backward calculation is triggered with a negative slope"),
    ],
)
def test_a_result_that_does_not_tell_the_sign_of_the_input_is_refused(expression: str, message: str) -> None:
    x = engine.ones(2, requires_grad=True) * 1
    y = eval(expression, {"F": engine.nn.functional, "x": x})
    with pytest.raises(RuntimeError, match=message):
        y.sum().backward()
