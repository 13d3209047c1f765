"""Normalization: over a layer's elements, a batch's channels, groups of channels, instances; and by root mean square.

All share one core. With x̂ = (x - mean) · rstd, and mean, rstd taken over n elements, the derivative of x̂ is the
self-adjoint map (``projected``)

    P(v) = rstd · (v - mean(v) - x̂ · mean(v · x̂)).

Arrays are brought to (..., reduced axes) by the callers; ``axes`` are the ones the statistics run over.
Sources: tools/autograd/derivatives.yaml, ``layer_norm_double_backward`` and ``batchnorm_double_backward`` in
torch/csrc/autograd/FunctionsManual.cpp, aten/src/ATen/native/layer_norm.cpp, Normalization.cpp of PyTorch 2.13.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradviz_engine.ops.elementwise import Array
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.tensor import Tensor

Axes = tuple[int, ...]
Mask = tuple[bool, bool, bool]

# The core -------------------------------------------------------------------------------------------------


def statistics(x: Array, axes: Axes, eps: float) -> tuple[Array, Array, Array]:
    """x - mean, mean and 1 / √(variance + eps); the last two keep the reduced axes as 1."""
    mean = x.mean(axis=axes, keepdims=True, dtype=x.dtype)
    centred = np.subtract(x, mean, out=np.empty(x.shape, x.dtype))
    variance = np.square(centred).mean(axis=axes, keepdims=True, dtype=x.dtype)
    variance += x.dtype.type(eps)
    return centred, mean, np.asarray(1 / np.sqrt(variance), x.dtype)


def projected(v: Array, normal: Array, rstd: Array, axes: Axes) -> Array:
    """P(v) of the module's head; ``v`` is overwritten."""
    slope = np.multiply(v, normal).mean(axis=axes, keepdims=True, dtype=v.dtype)
    v -= v.mean(axis=axes, keepdims=True, dtype=v.dtype)
    v -= normal * slope
    v *= rstd
    return v


def _projected_tensor(v: Tensor, normal: Tensor, rstd: Tensor, axes: Axes) -> Tensor:
    """P(v) in the engine's own operations."""
    centred = v - v.mean(axes, keepdim=True)
    return rstd * (centred - normal * (v * normal).mean(axes, keepdim=True))


def _summed(v: Tensor, like: Tensor) -> Tensor:
    """The gradient of a parameter that was broadcast over ``v``."""
    return v.sum_to_size(like.shape)


def double_backward(
    grads: tuple[Tensor | None, ...],
    g: Tensor,
    x: Tensor,
    mean: Tensor,
    rstd: Tensor,
    weight: Tensor | None,
    axes: Axes,
    moving: bool,
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Gradients of g, x and weight from those of what the backward kernel returned for x, weight and bias.

    All are broadcastable: ``weight`` has x's rank. ``moving``: mean and rstd depend on x (else they are running
    statistics, and P(v) is v · rstd). With u the gradient for x, h = g · weight, a = mean(u · x̂), b = mean(h · x̂):
    the derivative of Σ u · P(h) by x is -(rstd · (b · P(u) + a · P(h)) + rstd · x̂ / n · Σ u · P(h)), as
    d rstd / dx = -rstd² · x̂ / n.
    """
    u, by_weight, by_bias = grads
    normal = (x - mean) * rstd

    def project(v: Tensor) -> Tensor:
        return _projected_tensor(v, normal, rstd, axes) if moving else v * rstd

    back: list[Tensor] = []
    into: list[Tensor] = []
    for_weight: Tensor | None = None
    if u is not None:
        through = project(u)
        back.append(through if weight is None else through * weight)
        if weight is not None:
            for_weight = _summed(g * through, weight)
        if moving:
            h = g if weight is None else g * weight
            a, b = ((v * normal).mean(axes, keepdim=True) for v in (u, h))
            inner = project(h)
            spread = (u * inner).mean(axes, keepdim=True)
            into.append(-rstd * (b * through + a * inner + normal * spread))
    if by_weight is not None:
        back.append(by_weight * normal)
        into.append(project(by_weight * g))
    if by_bias is not None:
        back.append(by_bias.expand(g.shape))
    return _total(back), _total(into), for_weight


def _total(terms: list[Tensor]) -> Tensor | None:
    return sum(terms[1:], terms[0]) if terms else None


# Layer norm -----------------------------------------------------------------------------------------------


def _rows(x: Array, shape: Axes) -> Array:
    """The array with all normalized dimensions in one."""
    return x.reshape(-1, math.prod(shape))


def _layer_forward(x: Array, weight: Array | None, bias: Array | None, shape: Axes, eps: float) -> Any:
    flat = _rows(x, shape)
    result, mean, rstd = statistics(flat, (1,), eps)
    result *= rstd
    if weight is not None:
        result *= weight.ravel()
    if bias is not None:
        result += bias.ravel()
    outer = x.shape[: x.ndim - len(shape)] + (1,) * len(shape)
    return result.reshape(x.shape), mean.reshape(outer), rstd.reshape(outer)


def _layer_backward(
    g: Array, x: Array, mean: Array, rstd: Array, weight: Array | None, shape: Axes, mask: Mask
) -> tuple[Array, Array, Array]:
    flat, g = _rows(x, shape), _rows(g, shape)
    mean, rstd = mean.reshape(-1, 1), rstd.reshape(-1, 1)
    normal = flat - mean
    normal *= rstd
    by_input = by_weight = by_bias = np.empty(0, x.dtype)
    if mask[1]:
        by_weight = np.einsum("ij,ij->j", g, normal).reshape(shape)
    if mask[2]:
        by_bias = g.sum(axis=0).reshape(shape)
    if mask[0]:
        by_input = projected(g.copy() if weight is None else g * weight.ravel(), normal, rstd, (1,)).reshape(x.shape)
    return by_input, by_weight, by_bias


def _layer_double(grads: Any, saved: Any, needed: tuple[bool, bool, bool]) -> Any:
    axes = tuple(range(-len(saved.normalized_shape), 0))
    chosen = tuple(g if wanted else None for g, wanted in zip(grads, saved.mask, strict=True))
    return double_backward(chosen, saved.grad_out, saved.input, saved.mean, saved.rstd, saved.weight, axes, True)


_native_layer_norm_backward = operator(
    "native_layer_norm_backward(grad_out, input, mean, rstd, weight, *, normalized_shape, mask)"
    " -> result0, result1, result2",
    node="NativeLayerNormBackwardBackward0",
    forward=_layer_backward,
    gradients={
        ("grad_out", "input", "weight"): Rule(
            _layer_double,
            "see double_backward",
            ("grad_out", "input", "mean", "rstd", "weight", "normalized_shape", "mask"),
        )
    },
)
native_layer_norm_op = operator(
    "native_layer_norm(input, weight, bias, *, normalized_shape, eps) -> result0; result1, result2",
    node="NativeLayerNormBackward0",
    forward=_layer_forward,
    gradients={
        ("input", "weight", "bias"): Rule(
            lambda grad, saved, needed: _native_layer_norm_backward(
                grad, saved.input, saved.result1, saved.result2, saved.weight, saved.normalized_shape, tuple(needed)
            ),
            "rstd · (h - mean(h) - x̂ · mean(h · x̂)), h = grad · weight; Σ grad · x̂; Σ grad",
            ("input", "weight", "bias", "normalized_shape", "result1", "result2"),
        )
    },
)

# Batch norm -----------------------------------------------------------------------------------------------


def _channels(v: Array, rank: int) -> Array:
    """One number a channel, shaped to broadcast over (N, C, ...)."""
    return v.reshape(1, -1, *[1] * (rank - 2))


def _update(running: Array | None, value: Array, momentum: float) -> None:
    if running is not None:
        running *= running.dtype.type(1 - momentum)
        running += running.dtype.type(momentum) * value.reshape(running.shape)


def _batch_forward(
    x: Array,
    weight: Array | None,
    bias: Array | None,
    running_mean: Array | None,
    running_var: Array | None,
    training: bool,
    momentum: float,
    eps: float,
) -> tuple[Array, Array, Array]:
    """Training: by the batch's statistics, with which the running ones are brought up to date in place."""
    if training:
        axes = (0, *range(2, x.ndim))
        result, mean, rstd = statistics(x, axes, eps)
        count = x.size // x.shape[1]
        if running_mean is not None or running_var is not None:
            variance = (1 / np.square(rstd) - x.dtype.type(eps)) * x.dtype.type(count / max(count - 1, 1))
            _update(running_mean, mean, momentum)
            _update(running_var, variance, momentum)
        saved = mean.ravel(), rstd.ravel()
    else:
        assert running_mean is not None
        assert running_var is not None
        result = x - _channels(running_mean, x.ndim)
        rstd = _channels(1 / np.sqrt(running_var + running_var.dtype.type(eps)), x.ndim)
        saved = np.empty(0, x.dtype), np.empty(0, x.dtype)
    result *= rstd if weight is None else rstd * _channels(weight, x.ndim)
    if bias is not None:
        result += _channels(bias, x.ndim)
    return result, *saved


def _batch_backward(
    g: Array, x: Array, weight: Array | None, mean: Array, rstd: Array, training: bool, mask: Mask
) -> tuple[Array, Array, Array]:
    axes = (0, *range(2, x.ndim))
    mean, rstd = _channels(mean, x.ndim), _channels(rstd, x.ndim)
    normal = x - mean
    normal *= rstd
    by_input = by_weight = by_bias = np.empty(0, x.dtype)
    if mask[1]:
        by_weight = (g * normal).sum(axis=axes)
    if mask[2]:
        by_bias = g.sum(axis=axes)
    if mask[0]:
        h = g.copy() if weight is None else g * _channels(weight, x.ndim)
        if training:
            by_input = projected(h, normal, rstd, axes)
        else:
            h *= rstd
            by_input = h
    return by_input, by_weight, by_bias


def _statistics_used(saved: Any) -> tuple[Tensor, Tensor]:
    """The mean and rstd that normalized: the batch's, or the running ones."""
    if saved.training:
        return saved.result1, saved.result2
    return saved.running_mean, (saved.running_var + saved.eps).rsqrt()


def _batch_gradient(grad: Tensor, saved: Any, needed: tuple[bool, bool, bool]) -> Any:
    mean, rstd = _statistics_used(saved)
    return _native_batch_norm_backward(grad, saved.input, saved.weight, mean, rstd, saved.training, tuple(needed))


def _batch_double(grads: Any, saved: Any, needed: tuple[bool, bool, bool]) -> Any:
    x = saved.input
    shape = (1, -1, *[1] * (x.ndim - 2))
    chosen = [g if wanted else None for g, wanted in zip(grads, saved.mask, strict=True)]
    wide: Any = [None if t is None else t.reshape(shape) for t in (*chosen[1:], saved.mean, saved.rstd, saved.weight)]
    axes = (0, *range(2, x.ndim))
    back, into, for_weight = double_backward(
        (chosen[0], wide[0], wide[1]), saved.grad_out, x, wide[2], wide[3], wide[4], axes, saved.training
    )
    return back, into, None if for_weight is None else for_weight.reshape(-1)


_native_batch_norm_backward = operator(
    "native_batch_norm_backward(grad_out, input, weight, mean, rstd, *, training, mask) -> result0, result1, result2",
    node="NativeBatchNormBackwardBackward0",
    forward=_batch_backward,
    gradients={
        ("grad_out", "input", "weight"): Rule(
            _batch_double,
            "see double_backward",
            ("grad_out", "input", "weight", "mean", "rstd", "training", "mask"),
        )
    },
)
native_batch_norm_op = operator(
    "native_batch_norm(input, weight, bias, running_mean, running_var, *, training, momentum, eps)"
    " -> result0; result1, result2",
    node="NativeBatchNormBackward0",
    forward=_batch_forward,
    gradients={
        ("input", "weight", "bias"): Rule(
            _batch_gradient,
            "rstd · (h - mean(h) - x̂ · mean(h · x̂)), h = grad · weight; Σ grad · x̂; Σ grad",
            ("input", "weight", "running_mean", "running_var", "result1", "result2", "training", "eps"),
        )
    },
)
