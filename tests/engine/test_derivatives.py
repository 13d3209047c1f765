"""Every declared operator against finite differences, first and second order.

The table ``OPERATORS`` is walked, so a new row is tested without writing a test (``tests/helpers/samples.py`` finds
its sample). A row that nothing reaches fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import gradviz_engine as torch
from gradviz_engine.ops.registry import OPERATORS
from samples import Problem, drawn, plain, sample_of

STEP = 1e-5

EXEMPT = {
    "CopyBackwards": "a copy: the first derivative is 1 and is tested with accumulation",
    "LinalgEigBackward0": "eigenvectors have no fixed phase: tested with linear algebra",
    "MkldnnRnnLayerBackward0": "a whole layer in one node: tested with the modules",
    "CtcLossBackward0": "its gradient is the one by the logits under log_softmax: tested with the layers",
    "NativeLayerNormBackwardBackward0": "takes the mean and rstd as functions of the input: tested with the layers",
    "NativeBatchNormBackwardBackward0": "takes the mean and rstd as functions of the input: tested with the layers",
}
DRAWING = ("Bernoulli", "Cauchy", "Exponential", "Geometric", "LogNormal", "Normal", "Random", "Uniform")
"""Nodes of what draws new numbers at each call; their derivative is 0."""

TRIANGULAR = ("CholeskySolveBackward0", "CholeskyInverseBackward0")
"""Operators that read lower triangles only."""

SYMMETRIC = ("LinalgCholeskyExBackward0", "CholeskyBackward0", "LinalgEighBackward0")
"""Operators that read symmetric matrices, and so may only be moved symmetrically."""

FIRST_ONLY = ("EmbeddingBagBackward0", "GridSampler2DBackward0", "GridSampler3DBackward0", "MultiMarginLossBackward0",
              "MultilabelMarginLossBackward0",
              "PdistBackward0")  # fmt: skip
"""PyTorch has no second derivative of these."""
NOT_DIFFERENTIABLE = ("NotImplemented", "Unique2Backward0", "SpecialZetaBackward0")


# The check ----------------------------------------------------------------------------------------------


def _inner(a: Any, b: Any) -> float:
    """The real inner product, which is what a complex gradient is the gradient of."""
    return float(sum((np.conj(plain(x)) * plain(y)).real.sum() for x, y in zip(a, b, strict=True)))


def _drawn(like: list[Any], numbers: np.random.Generator, node: str = "") -> list[np.ndarray[Any, Any]]:
    """Random numbers; as directions to move in, within what the node's operator reads."""
    found = drawn(like, numbers)
    if node in SYMMETRIC:
        return [v + v.swapaxes(-1, -2) for v in found]
    return [np.tril(v) for v in found] if node in TRIANGULAR else found


def _moved(values: list[Any], direction: list[Any], step: float) -> list[Any]:
    return [v + step * d for v, d in zip(values, direction, strict=True)]


def _is_close(analytic: float, numeric: float) -> bool:
    return abs(analytic - numeric) <= 1e-5 * max(1.0, abs(numeric))


def differentiable_keys() -> Iterator[str]:
    for key, op in OPERATORS.items():
        name = "" if op.node_type is None else op.node_type.__name__
        drawing = name.rstrip("0123456789").removesuffix("Backward") in DRAWING
        if name and not drawing and name not in (*EXEMPT, *NOT_DIFFERENTIABLE):
            yield key


@pytest.mark.parametrize("key", list(differentiable_keys()))
def test_derivatives_agree_with_finite_differences(key: str) -> None:
    call = sample_of(key)
    assert call is not None, "no expression reaches this operator: give its declaration `samples=`"
    problem, numbers = Problem(key, call), np.random.default_rng(0)
    outputs = problem.outputs(problem.leaves(problem.start))
    node = problem.op.node_type.__name__
    cotangent, direction = _drawn(outputs, numbers), _drawn(problem.start, numbers, node)

    def value(at: list[Any]) -> float:
        return _inner(cotangent, problem.outputs(problem.leaves(at)))

    numeric = (
        value(_moved(problem.start, direction, STEP)) - value(_moved(problem.start, direction, -STEP))
    ) / (2 * STEP)  # fmt: skip
    gradients = problem.gradients(problem.leaves(problem.start), [torch.tensor(c) for c in cotangent])
    assert _is_close(_inner(gradients, direction), numeric)
    if node not in FIRST_ONLY:
        _check_second(problem, cotangent, numbers, node)


def _check_second(problem: Problem, cotangent: list[Any], numbers: np.random.Generator, node: str) -> None:
    """The gradients themselves as functions of the inputs and of what flows in."""
    count = len(problem.start)
    start = [*problem.start, *cotangent]
    leaves = problem.leaves(start)
    try:
        gradients = problem.gradients(leaves[:count], leaves[count:])
        weights = _drawn(gradients, numbers)
        direction = [*_drawn(problem.start, numbers, node), *_drawn(cotangent, numbers)]
        linked = [(g, w) for g, w in zip(gradients, weights, strict=True) if g.requires_grad]
        second = torch.autograd.grad(
            [g for g, _ in linked], leaves, [torch.tensor(w) for _, w in linked], allow_unused=True,
            materialize_grads=True,
        )  # fmt: skip
    except (NotImplementedError, RuntimeError) as error:
        if "is not implemented" in str(error):
            return  # PyTorch has no second derivative either, and says so
        raise

    def slope(at: list[Any]) -> float:
        moved = problem.leaves(at)
        return _inner(weights, problem.gradients(moved[:count], moved[count:]))

    numeric = (slope(_moved(start, direction, STEP)) - slope(_moved(start, direction, -STEP))) / (2 * STEP)
    assert _is_close(_inner(second, direction), numeric)


@pytest.mark.parametrize(
    "key", [k for k, op in OPERATORS.items() if op.node_type and op.node_type.__name__ in NOT_DIFFERENTIABLE]
)
def test_what_pytorch_does_not_differentiate_says_so(key: str) -> None:
    call = sample_of(key)
    assert call is not None
    problem = Problem(key, call)
    leaves = problem.leaves(problem.start)
    outputs = problem.outputs(leaves)
    with pytest.raises((NotImplementedError, RuntimeError), match=r"derivative for .* is not implemented"):
        torch.autograd.grad(outputs, leaves, [torch.ones_like(o) for o in outputs], allow_unused=True)
