"""Losses of margins between scores: soft, of one right class, of several.

Sources: tools/autograd/derivatives.yaml, aten/src/ATen/native/Loss.cpp, LossMultiMargin.cpp and
LossMultiLabelMargin.cpp of PyTorch 2.13. The last two have no second derivative there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine.ops.elementwise import Array, to_common
from gradviz_engine.ops.loss import MEAN, NONE, reduced, reduction_number, spread, spread_tensor
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.ops.smooth_activation import _sigmoid, log_sigmoid_array
from gradviz_engine.tensor import Tensor

# Soft margin ------------------------------------------------------------------------------------------------


def _soft_forward(x: Array, target: Array, reduction: int) -> Any:
    x, target = to_common(x, target)
    return reduced(-log_sigmoid_array(np.asarray(x * target)), reduction)


def _soft_slope(g: Array, x: Array, target: Array, reduction: int) -> Array:
    return np.asarray(-target * _sigmoid(np.asarray(-x * target)) * spread(g, x, reduction))


def _soft_back_to_grad(grad: Tensor, saved: Any) -> Tensor:
    slopes: Tensor = _soft_margin_backward(grad, saved.self, saved.target, NONE)
    return slopes if saved.reduction == NONE else spread_tensor(slopes.sum(), saved.self, saved.reduction)


def _soft_curvature(grad: Tensor, saved: Any) -> Tensor:
    s = (saved.self * saved.target).sigmoid()
    curvature = saved.target * saved.target * s * (1 - s)
    return grad * spread_tensor(saved.grad_output, saved.self, saved.reduction) * curvature


_soft_margin_backward = operator(
    "soft_margin_loss_backward(grad_output, self, target, *, reduction)",
    node="SoftMarginLossBackwardBackward0",
    forward=_soft_slope,
    gradients={
        "grad_output": Rule(
            _soft_back_to_grad, "-grad · target · σ(-target · self), / n for the mean", ("self", "target", "reduction")
        ),
        "self": Rule(
            _soft_curvature,
            "grad · grad_output · target² · σ(target · self) · (1 - σ(target · self)), / n for the mean",
            ("grad_output", "self", "target", "reduction"),
        ),
    },
)
_soft_margin = operator(
    "soft_margin_loss(self, target, *, reduction)",
    node="SoftMarginLossBackward0",
    forward=_soft_forward,
    gradients={
        "self": Rule(
            lambda grad, saved: _soft_margin_backward(grad, saved.self, saved.target, saved.reduction),
            "-grad · target · σ(-target · self), / n for the mean",
        )
    },
)


def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``log(1 + exp(-target · input))`` for targets 1 and -1."""
    result: Tensor = _soft_margin(input, target, reduction_number(reduction, size_average, reduce))
    return result


# One right class --------------------------------------------------------------------------------------------


def _excess(x: Array, target: Array, margin: float) -> Array:
    """margin - x[right] + x[j] for every class j, 0 for the right one; x (N, C)."""
    rows = np.arange(len(x))
    result = x - x[rows, target][:, None] + x.dtype.type(margin)
    result[rows, target] = 0
    return np.maximum(result, 0)


def _multi_forward(x: Array, target: Array, weight: Array | None, p: int, margin: float, reduction: int) -> Any:
    flat, classes = np.atleast_2d(x), np.atleast_1d(target)
    if ((classes < 0) | (classes >= flat.shape[1])).any():
        raise RuntimeError("target out of range")
    each = _excess(flat, classes, margin) ** p
    if weight is not None:
        each = each * weight[classes][:, None]
    values = each.sum(axis=1) / x.dtype.type(flat.shape[1])
    return reduced(values if x.ndim > 1 else values[0], reduction) if reduction else values.reshape(target.shape)


def _multi_slope(
    g: Array, x: Array, target: Array, weight: Array | None, p: int, margin: float, reduction: int
) -> Array:
    flat, classes = np.atleast_2d(x), np.atleast_1d(target)
    rows, excess = np.arange(len(flat)), _excess(flat, classes, margin)
    slope = (excess > 0).astype(x.dtype) if p == 1 else 2 * excess
    if weight is not None:
        slope *= weight[classes][:, None]
    slope[rows, classes] = -slope.sum(axis=1)
    slope /= flat.shape[1]
    if reduction == MEAN:
        slope /= len(flat)
    return (slope * (np.atleast_1d(g)[:, None] if g.ndim else g)).reshape(x.shape)


_multi_margin_backward = operator(
    "multi_margin_loss_backward(grad_output, self, target, weight, *, p, margin, reduction)", forward=_multi_slope
)
_multi_margin = operator(
    "multi_margin_loss(self, target, weight, *, p, margin, reduction)",
    node="MultiMarginLossBackward0",
    forward=_multi_forward,
    gradients={
        "self": Rule(
            lambda grad, saved: _multi_margin_backward(
                grad, saved.self, saved.target, saved.weight, saved.p, saved.margin, saved.reduction
            ),
            "grad · p · (margin - self[target] + self)^(p - 1) / classes, its negative sum at the target",
        )
    },
)


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """By how much each wrong class comes within ``margin`` of the right one; input (N, C) or (C)."""
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is not None and weight.dim() != 1:
        raise ValueError("weight must be one-dimensional")
    number = reduction_number(reduction, size_average, reduce)
    result: Tensor = _multi_margin(input, target, weight, p, margin, number)
    return result


# Several right classes --------------------------------------------------------------------------------------


def _right_classes(target: Array) -> tuple[Array, Array]:
    """For each row, which entries of the target count (those before the first -1), and which classes are right."""
    listed = np.cumprod(target >= 0, axis=1).astype(bool)
    right = np.zeros(target.shape, bool)
    rows = np.nonzero(listed)[0]
    right[rows, target[listed]] = True
    return listed, right


def _shortfalls(x: Array, target: Array) -> tuple[Array, Array, Array]:
    """max(0, 1 - x[right] + x[wrong]) for each listed target and each wrong class: (N, targets, C)."""
    listed, right = _right_classes(target)
    scores = np.take_along_axis(x, np.where(listed, target, 0), axis=1)
    gaps = np.maximum(1 - scores[:, :, None] + x[:, None, :], 0)
    gaps *= listed[:, :, None] & ~right[:, None, :]
    return gaps, listed, right


def _multilabel_forward(x: Array, target: Array, reduction: int) -> tuple[Any, Array]:
    flat, labels = np.atleast_2d(x), np.atleast_2d(target)
    gaps, _, right = _shortfalls(flat, labels)
    values = gaps.sum(axis=(1, 2)) / x.dtype.type(flat.shape[1])
    result = values.reshape(x.shape[:-1]) if reduction == NONE else reduced(values, reduction)
    return np.asarray(result, x.dtype), right.reshape(x.shape).astype(x.dtype)


def _multilabel_slope(g: Array, x: Array, target: Array, reduction: int) -> Array:
    flat, labels = np.atleast_2d(x), np.atleast_2d(target)
    gaps, listed, _ = _shortfalls(flat, labels)
    open_gaps = (gaps > 0).astype(x.dtype)
    slope = open_gaps.sum(axis=1)
    rows, places = np.nonzero(listed)
    np.add.at(slope, (rows, labels[listed]), -open_gaps.sum(axis=2)[rows, places])
    slope /= flat.shape[1]
    if reduction == MEAN:
        slope /= len(flat)
    return (slope * (g[:, None] if g.ndim else g)).reshape(x.shape)


_multilabel_margin_backward = operator(
    "multilabel_margin_loss_backward(grad_output, self, target, *, reduction)", forward=_multilabel_slope
)
_multilabel_margin = operator(
    "multilabel_margin_loss_forward(self, target, *, reduction) -> output; is_target",
    node="MultilabelMarginLossBackward0",
    forward=_multilabel_forward,
    samples=lambda: ((np.array([[0.1, 0.7, -0.4], [0.3, -0.2, 0.6]]), np.array([[1, -1, 0], [2, 0, -1]])), (MEAN,)),
    gradients={
        "self": Rule(
            lambda grad, saved: _multilabel_margin_backward(grad, saved.self, saved.target, saved.reduction),
            "grad / classes for every right and wrong class closer than 1, negative for the right one",
        )
    },
)


def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """By how much wrong classes come within 1 of right ones; targets list classes and end at the first -1."""
    if input.shape != target.shape:
        raise RuntimeError(f"inconsistent target size: {list(target.shape)} for input of size: {list(input.shape)}")
    number = reduction_number(reduction, size_average, reduce)
    result: Tensor = _multilabel_margin(input, target, number)[0]
    return result
