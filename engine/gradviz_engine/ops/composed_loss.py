"""Losses that PyTorch composes of other operators, composed the same way.

The order matters too, since the engine runs later nodes first: where PyTorch's C++ has a binary expression, its
compiler evaluates the right operand before the left one, and so do the functions here.

Sources: aten/src/ATen/native/Loss.cpp and torch/nn/functional.py of PyTorch 2.13.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz_engine.autograd.grad_mode import no_grad
from gradviz_engine.ops.binary import xlogy
from gradviz_engine.ops.distance import pairwise_distance
from gradviz_engine.ops.loss import reduced_tensor, reduction_number
from gradviz_engine.ops.masking import clamp_min, where
from gradviz_engine.ops.pointwise import _sub, add_scalar, mul_scalar
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.smooth_activation import logsigmoid
from gradviz_engine.tensor import Tensor, wrap

_sub_scalar = operator(
    "sub.Scalar(self, *, other)",
    node="SubBackward1",
    forward=lambda x, number: x - number,
    gradients={"self": Rule(lambda grad, saved: grad, "grad")},
)


def _zeros(like: Tensor) -> Tensor:
    return wrap(np.zeros_like(like._data))


def _number_minus(number: float, tensor: Tensor) -> Tensor:
    """``number - tensor`` as C++ writes it: SubBackward0 with an undefined first edge."""
    result: Tensor = _sub(number, tensor, 1)
    return result


@composite
def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """``target · (log(target) - input)``: the input is a logarithm, the target one if ``log_target``."""
    if size_average is None and reduce is None and reduction == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size.'batchmean' divides "
            "only by the batch size, and aligns with the KL div math definition.'mean' will be changed to behave the "
            "same as 'batchmean' in the next major release.",
            stacklevel=3,
        )
    by_batch = size_average is None and reduce is None and reduction == "batchmean"
    number = reduction_number("sum" if by_batch else reduction, size_average, reduce)
    if log_target:
        difference = target - input
        values = target.exp() * difference
    else:
        product = target * input
        values = xlogy(target, target) - product
    result = reduced_tensor(values, number)
    return result / input.size()[0] if by_batch and input.dim() != 0 else result


@composite
def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Minus the log likelihood of counts; ``full`` adds Stirling's approximation of log(target!)."""
    number = reduction_number(reduction, size_average, reduce)
    if log_input:
        product = target * input
        values = input.exp() - product
    else:
        values = input - target * add_scalar(input, eps).log()
    if full:
        half = mul_scalar(mul_scalar(target, 2 * math.pi).log(), 0.5)
        stirling = target * target.log() - target + half
        values = values + stirling.masked_fill(target <= 1, 0)
    return reduced_tensor(values, number)


@composite
def gaussian_nll_loss(
    input: Tensor, target: Tensor, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    """Minus the log likelihood of a normal distribution with mean ``input`` and variance ``var``."""
    if isinstance(var, float):
        var = wrap(np.full_like(input._data, var))
    if (var._data < 0).any():
        raise ValueError("var has negative entry/entries")
    if var.size() != input.size():
        if input.size()[:-1] == var.size():
            var = var.unsqueeze(-1)
        elif input.ndim != var.ndim or sum(y for x, y in zip(input.size(), var.size(), strict=True) if x != y) != 1:
            raise ValueError("var is of incorrect size")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(reduction + " is not valid")
    var = var.clone()
    with no_grad():
        var.clamp_(min=eps)
    loss = 0.5 * (var.log() + (input - target) ** 2 / var)
    if full:
        loss += 0.5 * math.log(2 * math.pi)
    return reduced_tensor(loss, reduction_number(reduction))


@composite
def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``input`` for targets 1, ``max(0, margin - input)`` for targets -1."""
    number = reduction_number(reduction, size_average, reduce)
    far = clamp_min(_number_minus(margin, input), 0)
    values = where(target != 1, far, _zeros(input)) + where(target != -1, input, _zeros(input))
    return reduced_tensor(values, number)


@composite
def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``max(0, -target · (input1 - input2) + margin)``."""
    number = reduction_number(reduction, size_average, reduce)
    if not input1.dim() == input2.dim() == target.dim():
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {input1.size()}, input2: {input2.size()}, target: {target.size()} "
        )
    difference = input1 - input2
    return reduced_tensor(clamp_min(add_scalar(-target * difference, margin), 0), number)


@composite
def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``1 - cos`` for targets 1, ``max(0, cos - margin)`` for targets -1."""
    number = reduction_number(reduction, size_average, reduce)
    rank = target.dim()
    if rank > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if input1.dim() != rank + 1 or input2.dim() != rank + 1:
        raise RuntimeError(
            f"{rank}D target tensor expects {rank + 1}D input tensors, but found inputs with sizes "
            f"{list(input1.shape)} and {list(input2.shape)}."
        )
    product = (input1 * input2).sum(rank)
    square1 = add_scalar((input1 * input1).sum(rank), 1e-12)
    square2 = add_scalar((input2 * input2).sum(rank), 1e-12)
    cosine = product / (square1 * square2).sqrt()
    near = _number_minus(1, cosine)
    far = clamp_min(_sub_scalar(cosine, margin), 0)
    values = where(target == 1, near, _zeros(cosine)) + where(target == -1, far, _zeros(cosine))
    return reduced_tensor(values, number)


@composite
def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Cross entropy of each class for itself, averaged over the classes."""
    number = reduction_number(reduction, size_average, reduce)
    loss = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    if weight is not None:
        loss = loss * weight
    last = input.dim() - 1
    return reduced_tensor(loss.sum(dim=last) / input.size(last), number)


def _check_triplet(anchor: Tensor, positive: Tensor, negative: Tensor) -> None:
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: "
            f"anchor {anchor.ndim}D, positive {positive.ndim}D, and negative {negative.ndim}D inputs"
        )


@composite
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``max(0, margin + |anchor - positive| - |anchor - negative|)``."""
    number = reduction_number(reduction, size_average, reduce)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    _check_triplet(anchor, positive, negative)
    to_positive = pairwise_distance(anchor, positive, p, eps)
    to_negative = pairwise_distance(anchor, negative, p, eps)
    if swap:
        to_negative = to_negative.minimum(pairwise_distance(positive, negative, p, eps))
    return reduced_tensor(clamp_min(add_scalar(to_positive, margin) - to_negative, 0), number)


@composite
def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[..., Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """``triplet_margin_loss`` by any distance."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    _check_triplet(anchor, positive, negative)
    distance = pairwise_distance if distance_function is None else distance_function
    to_positive, to_negative = distance(anchor, positive), distance(anchor, negative)
    if swap:
        to_negative = to_negative.minimum(distance(positive, negative))
    return reduced_tensor(clamp_min(margin + to_positive - to_negative, 0), reduction_number(reduction))
