"""Weight normalization: a weight as its direction times its length (Salimans and Kingma 2016).

Source: ``_weight_norm_interface`` and ``_weight_norm_differentiable_backward`` in derivatives.yaml,
FunctionsManual.cpp and aten/src/ATen/native/WeightNorm.cpp of PyTorch 2.13.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine.autograd.grad_mode import mode
from gradviz_engine.ops.elementwise import Array
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.tensor import Tensor


def _others(rank: int, dim: int) -> tuple[int, ...]:
    return tuple(d for d in range(rank) if d != dim % rank)


def _forward(v: Array, g: Array, dim: int) -> tuple[Array, Array]:
    norms = np.sqrt(np.square(v).sum(axis=_others(v.ndim, dim), keepdims=True))
    return v * (g / norms), norms


def _gradient(grad: Tensor, saved: Any, needed: tuple[bool, bool]) -> tuple[Tensor, Tensor]:
    v, g, others = saved.v, saved.g, _others(saved.v.ndim, saved.dim)
    # Under create_graph the norms are computed again, since the kept ones have no history.
    norms = (v * v).sum(others, keepdim=True).sqrt() if mode.enabled else saved.result1
    share = (grad * v).sum(others, keepdim=True) / norms
    return g / norms * (grad - v * (share / norms)), share


_weight_norm = operator(
    "_weight_norm_interface(v, g, *, dim) -> result0; result1",
    node="WeightNormInterfaceBackward0",
    forward=_forward,
    gradients={
        ("v", "g"): Rule(
            _gradient,
            "g / |v| · (grad - v · Σ grad · v / |v|²); Σ grad · v / |v|",
            ("v", "g", "result1", "dim"),
        )
    },
)


def norm_except_dim(v: Tensor, pow: int = 2, dim: int = 0) -> Tensor:
    """The norm over all dimensions but one, which stays; over all of them for -1."""
    if dim == -1:
        return v.norm(pow)
    return v.norm(pow, _others(v.ndim, dim), keepdim=True)


@composite
def weight_norm(v: Tensor, g: Tensor, dim: int = 0) -> Tensor:
    """``g * v / |v|``, the norm over all dimensions but ``dim``."""
    if dim in (0, v.ndim - 1):
        result: Tensor = _weight_norm(v, g, dim)[0]
        return result
    return v * (g / norm_except_dim(v, 2, dim))
