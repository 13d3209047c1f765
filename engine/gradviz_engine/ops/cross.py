"""Products of vectors: the cross product, and dot products along a dimension."""

from __future__ import annotations

import warnings

import numpy as np

from gradviz_engine.ops.elementwise import Array, to_common
from gradviz_engine.ops.matmul import conj
from gradviz_engine.ops.registry import Operator, Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.shapes import wrap_dim
from gradviz_engine.tensor import Tensor


def _cross_array(x: Array, y: Array, dim: int) -> Array:
    x, y = np.broadcast_arrays(*to_common(x, y))
    return np.cross(x, y, axis=dim)


_cross: Operator = operator(
    "linalg_cross(self, other, *, dim)",
    node="LinalgCrossBackward0",
    forward=_cross_array,
    gradients={
        "self": Rule(lambda grad, saved: _cross(conj(saved.other), grad, saved.dim), "other × grad"),
        "other": Rule(lambda grad, saved: _cross(grad, conj(saved.self), saved.dim), "grad × self"),
    },
)


def linalg_cross(input: Tensor, other: Tensor, *, dim: int = -1, out: Tensor | None = None) -> Tensor:
    """The cross product of vectors of three along ``dim``."""
    if input.dim() != other.dim():
        raise RuntimeError(
            f"linalg.cross: inputs must have the same number of dimensions, but got {input.dim()} and {other.dim()}"
        )
    wrap_dim(dim, input.dim())
    if input.shape[dim] != 3 or other.shape[dim] != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got {input.shape[dim]} and {other.shape[dim]}"
        )
    return _cross(input, other, dim)


def cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """``torch.cross``: without ``dim``, the first dimension of size 3."""
    if dim is None:
        warnings.warn(
            "Using torch.cross without specifying the dim arg is deprecated.\nPlease either pass the dim explicitly "
            "or simply use torch.linalg.cross.\nThe default value of dim will change to agree with that of "
            "linalg.cross in a future release.",
            stacklevel=2,
        )
        threes = [d for d, size in enumerate(input.shape) if size == 3]
        if not threes:
            raise RuntimeError("no dimension of size 3 in input")
        dim = threes[0]
    return linalg_cross(input, other, dim=dim)


@composite
def vecdot(x: Tensor, y: Tensor, *, dim: int = -1, out: Tensor | None = None) -> Tensor:
    """Dot products along ``dim``, the first operand conjugated."""
    if x.dim() == 1 and y.dim() == 1:
        return x.vdot(y)
    return (conj(x) * y).sum(dim)


def linalg_diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The diagonals of batches of matrices, a view."""
    return A.diagonal(offset, dim1, dim2)


__all__ = ["cross"]
METHODS = ("cross",)
INPLACE = ()
