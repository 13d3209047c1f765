"""Group norm: statistics over groups of channels, each sample for itself.

PyTorch's kernel has no derivative; under ``create_graph`` the gradient is made of differentiable operations, and the
two statistics it returns have gradients too.
Source: ``infinitely_differentiable_native_group_norm_backward`` in torch/csrc/autograd/FunctionsManual.cpp, 2.13.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine.autograd.grad_mode import mode
from gradviz_engine.ops.elementwise import Array
from gradviz_engine.ops.normalization import Mask, _projected_tensor, _total, projected, statistics
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.tensor import Tensor


def _forward(
    x: Array, weight: Array | None, bias: Array | None, n: int, c: int, area: int, group: int, eps: float
) -> tuple[Array, Array, Array]:
    """x (N, C, ...) normalized over (C / group, ...); mean and rstd (N, group)."""
    centred, mean, rstd = statistics(x.reshape(n, group, c // group * area), (2,), eps)
    centred *= rstd
    result = centred.reshape(n, c, area)
    if weight is not None:
        result *= weight[:, None]
    if bias is not None:
        result += bias[:, None]
    return result.reshape(x.shape), mean.reshape(n, group), rstd.reshape(n, group)


def _backward(
    g: Array,
    x: Array,
    mean: Array,
    rstd: Array,
    weight: Array | None,
    n: int,
    c: int,
    area: int,
    group: int,
    mask: Mask,
) -> tuple[Array, Array, Array]:
    mean, rstd = mean[..., None], rstd[..., None]
    normal = (x.reshape(n, group, c // group * area) - mean) * rstd
    g = g.reshape(n, c, area)
    by_input = by_weight = by_bias = np.empty(0, x.dtype)
    if mask[1]:
        by_weight = (g * normal.reshape(n, c, area)).sum(axis=(0, 2))
    if mask[2]:
        by_bias = g.sum(axis=(0, 2))
    if mask[0]:
        h = g.copy() if weight is None else g * weight[:, None]
        by_input = projected(h.reshape(n, group, c // group * area), normal, rstd, (2,)).reshape(x.shape)
    return by_input, by_weight, by_bias


_kernel = operator(
    "native_group_norm_backward(grad_out, input, mean, rstd, weight, *, N, C, HxW, group, mask)"
    " -> result0, result1, result2",
    forward=_backward,
)


def _differentiable(grads: tuple[Tensor | None, ...], saved: Any, needed: tuple[bool, ...]) -> list[Tensor | None]:
    """The same as the kernel in the engine's own operations, gradients of mean and rstd included."""
    n, c, area, group = saved.N, saved.C, saved.HxW, saved.group
    x = saved.input.reshape(n, group, c // group * area)
    mean, rstd = saved.result1.unsqueeze(-1), saved.result2.unsqueeze(-1)
    normal = (x - mean) * rstd
    into: list[Tensor] = []
    by_weight = by_bias = None
    if grads[0] is not None:
        g = grads[0].reshape(n, c, area)
        h = g if saved.weight is None else g * saved.weight.unsqueeze(-1)
        into.append(_projected_tensor(h.reshape(n, group, c // group * area), normal, rstd, (2,)))
        by_weight = (g * normal.reshape(n, c, area)).sum((0, 2)) if needed[1] else None
        by_bias = g.sum((0, 2)) if needed[2] else None
    count = c // group * area
    if grads[1] is not None:
        into.append((grads[1].unsqueeze(-1) / count).expand(x.shape))
    if grads[2] is not None:
        into.append(-grads[2].unsqueeze(-1) * rstd * rstd * normal / count)
    total = _total(into)
    return [None if total is None else total.reshape(saved.input.shape), by_weight, by_bias]


def _gradient(grads: tuple[Tensor | None, ...], saved: Any, needed: tuple[bool, bool, bool]) -> Any:
    if mode.enabled or grads[1] is not None or grads[2] is not None:
        return _differentiable(grads, saved, needed)
    return _kernel(
        grads[0],
        saved.input,
        saved.result1,
        saved.result2,
        saved.weight,
        saved.N,
        saved.C,
        saved.HxW,
        saved.group,
        tuple(needed),
    )


native_group_norm_op = operator(
    "native_group_norm(input, weight, bias, *, N, C, HxW, group, eps) -> result0, result1, result2",
    node="NativeGroupNormBackward0",
    forward=_forward,
    gradients={
        ("input", "weight", "bias"): Rule(
            _gradient,
            "rstd · (h - mean(h) - x̂ · mean(h · x̂)), h = grad · weight, over each group; Σ grad · x̂; Σ grad",
            ("input", "weight", "result1", "result2", "N", "C", "HxW", "group"),
        )
    },
)
