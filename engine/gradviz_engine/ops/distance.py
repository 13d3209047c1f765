"""Lengths and distances of rows: normalize, cosine similarity, pairwise distances.

Sources: aten/src/ATen/native/Distance.cpp, torch/nn/functional.py and ``norm_backward`` of PyTorch 2.13.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine.autograd.grad_mode import no_grad
from gradviz_engine.ops.elementwise import Array
from gradviz_engine.ops.norms import _vector_norm_array, _vector_norm_grad, vector_norm
from gradviz_engine.ops.pointwise import add_scalar
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.tensor import Tensor

_norm = operator(
    "norm(self, *, p, dim, keepdim)",
    node="NormBackward1",
    forward=lambda x, p, dim, keepdim: _vector_norm_array(x, p, dim, keepdim, None),
    gradients={
        "self": Rule(
            lambda grad, saved: _vector_norm_grad(grad, saved.self, saved.result, saved.p, saved.dim, saved.keepdim),
            "grad · sign(self) · (|self| / result)^(p - 1)",
        )
    },
)


@composite
def normalize(input: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Tensor | None = None) -> Tensor:
    """``input / max(norm(input), eps)`` along ``dim``."""
    length = input.norm(p, dim, keepdim=True).clamp_min(eps).expand_as(input)
    if out is None:
        return input / length
    return input.div(length, out=out)


@composite
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between rows; each is divided by its length first, for stability."""
    if x1.shape != x2.shape:
        from gradviz_engine.ops.shape import broadcast_tensors

        x1, x2 = broadcast_tensors(x1, x2)
    lengths = [vector_norm(x, 2, dim, keepdim=True).clone() for x in (x1, x2)]
    with no_grad():
        for length in lengths:
            length.clamp_min_(eps)
    return ((x1 / lengths[0]) * (x2 / lengths[1])).sum(dim)


@composite
def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The p-norm of ``x1 - x2 + eps`` along the last dimension."""
    rank = max(x1.dim(), x2.dim())
    result: Tensor = _norm(add_scalar(x1 - x2, eps), p, (rank - 1,), keepdim)
    return result


# All pairs of rows ------------------------------------------------------------------------------------------


def _pairs(rows: int) -> tuple[Array, Array]:
    first, second = np.triu_indices(rows, 1)
    return first, second


def _pdist_forward(x: Array, p: float) -> Array:
    first, second = _pairs(len(x))
    return _vector_norm_array(x[first] - x[second], p, (1,), False, None)


def _pdist_slope(g: Array, x: Array, p: float, distances: Array) -> Array:
    first, second = _pairs(len(x))
    difference = x[first] - x[second]
    safe = np.where(distances == 0, 1, distances)[:, None]
    if p == 0:
        slope = np.zeros_like(difference)
    elif p == np.inf:
        largest = np.abs(difference) == distances[:, None]
        slope = np.sign(difference) * largest
    else:
        slope = np.sign(difference) * (np.abs(difference) / safe) ** (p - 1)
    slope = np.where(distances[:, None] == 0, 0, slope) * g[:, None]
    result = np.zeros_like(x)
    np.add.at(result, first, slope)
    np.add.at(result, second, -slope)
    return result


_pdist_backward = operator("_pdist_backward(grad, self, pdist, *, p)",
                           forward=lambda g, x, d, p: _pdist_slope(g, x, p, d))  # fmt: skip
_pdist = operator(
    "_pdist_forward(self, *, p)",
    node="PdistBackward0",
    forward=_pdist_forward,
    gradients={
        "self": Rule(
            lambda grad, saved: _pdist_backward(grad, saved.self, saved.result, saved.p),
            "grad · sign(d) · (|d| / result)^(p - 1) of each pair's difference d",
        )
    },
)


def pdist(input: Tensor, p: float = 2) -> Tensor:
    """The distances of all pairs of rows, without repetition."""
    if input.dim() != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.dim()}D")
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    result: Tensor = _pdist(input.contiguous(), float(p))
    return result


__all__ = ["cosine_similarity", "pairwise_distance", "pdist"]
METHODS: tuple[str, ...] = ()
INPLACE: tuple[str, ...] = ()
