"""Losses of the difference of two tensors, and what all losses share: the reduction.

``reduction`` is ``"none"``, ``"mean"`` or ``"sum"``; nodes save PyTorch's numbers for it, 0, 1, 2.
Losses of probabilities are in ``cross_entropy`` and ``ctc``, of classes' scores in ``margin_loss``, those that
PyTorch composes of other operators in ``composed_loss``.
Sources: tools/autograd/derivatives.yaml, torch/csrc/autograd/FunctionsManual.cpp and
aten/src/ATen/native/Loss.cpp of PyTorch 2.13.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz_engine.ops.elementwise import Array, to_common
from gradviz_engine.ops.registry import Operator, Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.shape import broadcast_tensors
from gradviz_engine.tensor import Tensor

NONE, MEAN, SUM = 0, 1, 2


def reduction_number(reduction: str, size_average: bool | None = None, reduce: bool | None = None) -> int:
    """0, 1 or 2; ValueError for another word. The two old flags give a deprecation warning and its meaning."""
    if size_average is not None or reduce is not None:
        average = size_average is None or size_average
        reduction = ("mean" if average else "sum") if reduce is None or reduce else "none"
        warnings.warn(
            f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.",
            stacklevel=4,
        )
    if reduction == "elementwise_mean":
        warnings.warn("reduction='elementwise_mean' is deprecated. Please use reduction='mean' instead.", stacklevel=4)
        return MEAN
    try:
        return ("none", "mean", "sum").index(reduction)
    except ValueError:
        raise ValueError(f"{reduction} is not a valid value for reduction") from None


def reduced(values: Array, reduction: int) -> Any:
    """The mean, the sum, or the values themselves."""
    if reduction == MEAN:
        return values.mean(dtype=values.dtype)
    return values.sum(dtype=values.dtype) if reduction == SUM else values


def spread(g: Array, like: Array, reduction: int) -> Array:
    """The gradient of every value, from the gradient of what ``reduced`` made of them."""
    return g / like.dtype.type(like.size) if reduction == MEAN else g


def reduced_tensor(values: Tensor, reduction: int) -> Tensor:
    """``reduced`` in the engine's own operations, for derivatives of derivatives and composed losses."""
    if reduction == MEAN:
        return values.mean()
    return values.sum() if reduction == SUM else values


def spread_tensor(grad: Tensor, like: Tensor, reduction: int) -> Tensor:
    """``spread`` in the engine's own operations."""
    return grad / like.numel() if reduction == MEAN else grad


# Errors: the losses of a difference d = self - target ---------------------------------------------------


def difference_loss(
    name: str,
    node: str,
    parameter: str,
    loss: Callable[..., Array],
    slope: Callable[..., Array],
    curvature: Callable[..., Any],
    formula: str,
) -> Operator:
    """Declare ``name(self, target)``, the loss of ``self - target``, and its backward kernel.

    ``loss(d)``, ``slope(d)`` in numpy, ``curvature(d)`` in the engine's operations; a loss with a parameter
    gets that as a second argument.
    """
    extra = f", {parameter}" if parameter else ""

    def parameters(saved: Any) -> tuple[Any, ...]:
        return (getattr(saved, parameter),) if parameter else ()

    def forward(x: Array, t: Array, reduction: int, *rest: Any) -> Any:
        x, t = to_common(x, t)
        return reduced(loss(np.subtract(x, t), *rest), reduction)

    def backward(g: Array, x: Array, t: Array, reduction: int, *rest: Any) -> Array:
        d = np.asarray(np.subtract(x, t))
        return slope(d, *rest) * spread(g, d, reduction)

    def second(grad: Tensor, saved: Any) -> Tensor:
        d = saved.self - saved.target
        return grad * spread_tensor(saved.grad_output, d, saved.reduction) * curvature(d, *parameters(saved))

    def back_to_grad(grad: Tensor, saved: Any) -> Tensor:
        d = saved.self - saved.target
        slopes = kernel(grad, saved.self, saved.target, NONE, *parameters(saved))
        if saved.reduction == NONE:
            return slopes
        return spread_tensor(slopes.sum(), d, saved.reduction)

    reads = ("self", "target", "reduction", *((parameter,) if parameter else ()))
    all_reads = ("grad_output", *reads)
    kernel = operator(
        f"{name}_backward(grad_output, self, target, *, reduction{extra})",
        node=node.replace("Backward0", "BackwardBackward0"),
        forward=backward,
        gradients={
            "grad_output": Rule(back_to_grad, "grad · slope(self - target)", reads),
            "self": Rule(second, "grad · grad_output · slope'(self - target)", all_reads),
            "target": Rule(
                lambda grad, saved: -second(grad, saved), "-grad · grad_output · slope'(self - target)", all_reads
            ),
        },
    )
    return operator(
        f"{name}(self, target, *, reduction{extra})",
        node=node,
        forward=forward,
        gradients={
            "self": Rule(
                lambda grad, saved: kernel(grad, saved.self, saved.target, saved.reduction, *parameters(saved)),
                f"grad · {formula}",
                reads,
            ),
            "target": Rule(
                lambda grad, saved: kernel(grad, saved.target, saved.self, saved.reduction, *parameters(saved)),
                f"-grad · {formula}",
                reads,
            ),
        },
    )


_mse_loss = difference_loss(
    "mse_loss",
    "MseLossBackward0",
    "",
    np.square,
    lambda d: np.multiply(d, 2, out=d),
    lambda d: 2.0,
    "2 (self - target), / n for the mean",
)
_smooth_l1_loss = difference_loss(
    "smooth_l1_loss",
    "SmoothL1LossBackward0",
    "beta",
    lambda d, beta: np.where(np.abs(d) < beta, 0.5 * d * d / d.dtype.type(beta), np.abs(d) - d.dtype.type(0.5 * beta)),
    lambda d, beta: np.clip(d / d.dtype.type(beta), -1, 1),
    lambda d, beta: (d.abs() < beta) / beta,
    "clip((self - target) / beta, -1, 1), / n for the mean",
)
_huber_loss = difference_loss(
    "huber_loss",
    "HuberLossBackward0",
    "delta",
    lambda d, delta: np.where(
        np.abs(d) <= delta, 0.5 * d * d, d.dtype.type(delta) * (np.abs(d) - d.dtype.type(0.5 * delta))
    ),
    lambda d, delta: np.clip(d, -delta, delta),
    lambda d, delta: (d.abs() < delta).to(d.dtype),
    "clip(self - target, -delta, delta), / n for the mean",
)


def _broadcast(input: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Both at their common shape, with PyTorch's warning where that is not what was given."""
    if target.shape == input.shape:
        return input, target
    warnings.warn(
        f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). This will likely "
        "lead to incorrect results due to broadcasting. Please ensure they have the same size.",
        stacklevel=4,
    )
    expanded_input, expanded_target = broadcast_tensors(input, target)
    return expanded_input, expanded_target


@composite
def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """The mean of ``(input - target)²``, weighted if ``weight`` is given."""
    number = reduction_number(reduction, size_average, reduce)
    input, target = _broadcast(input, target)
    if weight is None:
        result: Tensor = _mse_loss(input, target, number)
        return result
    if weight.shape != input.shape:
        raise ValueError("Weights and input must have the same size.")
    return _weighted(((input - target) ** 2) * weight, weight, number)


def _weighted(values: Tensor, weight: Tensor, reduction: int) -> Tensor:
    """Weighted losses reduced: their mean is by the sum of the weights."""
    if reduction == MEAN:
        return values.sum() / weight.sum()
    return reduced_tensor(values, reduction)


@composite
def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """The mean of ``|input - target|``."""
    number = reduction_number(reduction, size_average, reduce)
    input, target = _broadcast(input, target)
    if weight is not None:
        if weight.shape != input.shape:
            raise ValueError("Weights and input must have the same size.")
        return _weighted((input - target).abs() * weight, weight, number)
    return reduced_tensor((input - target).abs(), number)


@composite
def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """Squared error below ``beta``, absolute error above, joined smoothly."""
    number = reduction_number(reduction, size_average, reduce)
    input, target = _broadcast(input, target)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    if beta == 0.0:
        return reduced_tensor((input - target).abs(), number)
    result: Tensor = _smooth_l1_loss(input, target, number, float(beta))
    return result


@composite
def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """Squared error up to ``delta``, ``delta`` times the absolute error above."""
    number = reduction_number(reduction)
    input, target = _broadcast(input, target)
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    if weight is None:
        result: Tensor = _huber_loss(input, target, number, float(delta))
        return result
    if weight.shape != input.shape:
        raise ValueError("Weights and input must have the same size.")
    return reduced_tensor(_huber_loss(input, target, NONE, float(delta)) * weight, number)


__all__: list[str] = []
METHODS: tuple[str, ...] = ()
INPLACE: tuple[str, ...] = ()
