"""``cdist``: the distance of every row of one matrix from every row of another.

Source: aten/src/ATen/native/Distance.cpp of PyTorch 2.13. Its gradient cannot be differentiated again, as there.
"""

from __future__ import annotations

import math

import numpy as np

from gradviz_engine.ops.elementwise import Array, not_implemented
from gradviz_engine.ops.norms import _vector_norm_array
from gradviz_engine.ops.registry import Operator, Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.shapes import broadcast_shapes
from gradviz_engine.tensor import Tensor

MANY = 25
"""With more rows than this PyTorch takes Euclidean distances from one matrix product."""


def _differences(x: Array, y: Array) -> Array:
    return x[..., :, None, :] - y[..., None, :, :]


def _distances(x: Array, y: Array, p: float) -> Array:
    return _vector_norm_array(_differences(x, y), p, (-1,), False, None)


def _slopes(grad: Array, x: Array, y: Array, distances: Array, p: float) -> Array:
    """The gradient by ``x``: for each pair the slope of its distance, summed over the rows of ``y``."""
    difference, far = _differences(x, y), distances[..., None]
    if p == 0:
        return np.zeros_like(x)
    if p == 1:
        slope = np.sign(difference)
    elif math.isinf(p):
        slope = np.sign(difference) * (np.abs(difference) == far)
    else:
        magnitude = np.abs(difference)
        power = np.where(magnitude == 0, 0, magnitude ** (p - 1))
        slope = np.where(far == 0, 0, np.sign(difference) * power / far ** (p - 1))
    return (slope * grad[..., None]).sum(axis=-2)


_cdist_backward: Operator = not_implemented("_cdist_backward(grad, x1, x2, cdist, *, p)", forward=_slopes)

_cdist: Operator = operator(
    "_cdist_forward(x1, x2, *, p)",
    node="CdistBackward0",
    forward=_distances,
    gradients={
        "x1": Rule(
            lambda grad, saved: _cdist_backward(grad, saved.x1, saved.x2, saved.result, saved.p),
            "Σ grad · slope of the distance",
        ),
        "x2": Rule(
            lambda grad, saved: _cdist_backward(grad.mT, saved.x2, saved.x1, saved.result.mT, saved.p),
            "Σ gradᵀ · slope of the distance",
        ),
    },
)


def _euclidean_grad(grad: Tensor, x: Tensor, y: Tensor, distances: Tensor) -> Tensor:
    """``x Σ ratio - ratio @ y`` with ratio = grad / distance."""
    ratio = (grad / distances).masked_fill(distances.eq(0), 0)
    return x * ratio.sum(-1, keepdim=True) - ratio.matmul(y)


def _euclidean_distances(x: Array, y: Array) -> Array:
    """|x|² - 2 x·y + |y|², not below 0."""
    squares = (x * x).sum(-1)[..., :, None] + (y * y).sum(-1)[..., None, :]
    return np.sqrt(np.maximum(squares - 2 * np.matmul(x, y.swapaxes(-1, -2)), 0))


_euclidean_dist: Operator = operator(
    "_euclidean_dist(x1, x2)",
    node="EuclideanDistBackward0",
    forward=_euclidean_distances,
    gradients={
        "x1": Rule(
            lambda grad, saved: _euclidean_grad(grad, saved.x1, saved.x2, saved.result),
            "x1 Σ ratio - ratio @ x2, ratio = grad / result",
        ),
        "x2": Rule(
            lambda grad, saved: _euclidean_grad(grad.mT, saved.x2, saved.x1, saved.result.mT),
            "x2 Σ ratioᵀ - ratioᵀ @ x1, ratio = grad / result",
        ),
    },
)


@composite
def cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary") -> Tensor:
    """p-norm distances of all pairs of rows: (..., n, k) and (..., m, k) to (..., n, m)."""
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}")
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    rows, columns = x1.shape[-2], x2.shape[-2]
    many = compute_mode == "use_mm_for_euclid_dist" or (
        compute_mode == "use_mm_for_euclid_dist_if_necessary" and (rows > MANY or columns > MANY)
    )
    if not (p == 2 and many) or x1.numel() == 0 or x2.numel() == 0:
        return _cdist(x1, x2, p)
    batch = broadcast_shapes(x1.shape[:-2], x2.shape[:-2])
    count = math.prod(batch)
    if count != 1:
        x1, x2 = (x.expand(*batch, *x.shape[-2:]).reshape(count, *x.shape[-2:]) for x in (x1, x2))
    return _euclidean_dist(x1, x2).view((*batch, rows, columns))


__all__ = ["cdist"]
METHODS = ()
INPLACE = ()
