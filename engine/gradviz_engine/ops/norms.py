"""Norms of vectors and matrices.

Every norm that is a sum of powers is one LinalgVectorNormBackward0; the spectral and nuclear norms go through
the singular values. Sources: ``norm_backward`` in FunctionsManual.cpp, ``linalg_norm`` and ``linalg_matrix_norm``
in aten/src/ATen/native/LinearAlgebra.cpp, and torch/functional.py of PyTorch 2.13.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradviz_engine.ops.masking import where
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.shapes import reduced_dims, wrap_dims
from gradviz_engine.tensor import Tensor

Array = np.ndarray[Any, Any]


def _vector_norm_array(x: Array, ord: float, dim: Any, keepdim: bool, dtype: Any) -> Array:
    axes = reduced_dims(dim, x.ndim) if x.ndim else ()
    if dtype is not None:
        x = x.astype(dtype.numpy)
    _check_not_empty(x, ord, axes)
    magnitudes = np.abs(x)
    if ord == 2:
        total = np.sqrt(np.sum(magnitudes * magnitudes, axis=axes, keepdims=keepdim))
    elif ord == 1:
        total = np.sum(magnitudes, axis=axes, keepdims=keepdim)
    elif ord == 0:
        total = np.sum(magnitudes != 0, axis=axes, keepdims=keepdim, dtype=magnitudes.dtype)
    elif math.isinf(ord):
        total = (np.max if ord > 0 else np.min)(magnitudes, axis=axes, keepdims=keepdim)
    else:
        total = np.sum(magnitudes**ord, axis=axes, keepdims=keepdim) ** (1.0 / ord)
    result: Array = np.asarray(total).astype(magnitudes.dtype, copy=False)
    return result


def _check_not_empty(x: Array, ord: float, axes: tuple[int, ...]) -> None:
    """The largest of no numbers is nothing: RuntimeError for the norms that ask for it."""
    if (ord < 0 or math.isinf(ord)) and any(x.shape[a] == 0 for a in axes):
        raise RuntimeError(
            f"linalg.vector_norm cannot compute the {ord:g} norm on an empty tensor because the operation does not "
            "have an identity"
        )


def _vector_norm_grad(grad: Tensor, x: Tensor, norm: Tensor, p: float, dim: Any, keepdim: bool) -> Any:
    """The gradient of ``(Σ|x|ᵖ)^(1/p)``; where the norm is 0 it is taken as 0."""
    if not keepdim and x.dim():
        for d in sorted(reduced_dims(dim, x.dim())):
            grad, norm = grad.unsqueeze(d), norm.unsqueeze(d)
    if p == 0:
        return None
    if p == 1:
        return x.sgn() * grad
    if p == 2:
        return grad * (x / norm).masked_fill(norm.eq(0), 0)
    if math.isinf(p):
        # The gradient is shared evenly among the elements that attain the norm.
        magnitudes = x.abs()
        mask = magnitudes.eq(norm).logical_or(magnitudes.isnan())
        return x.sgn() * ((grad / mask.sum(reduced_dims(dim, x.dim()), keepdim=True)) * mask)
    if p < 1:
        direction = x.sgn() * x.abs().pow(p - 1).masked_fill(x.eq(0), 0)
        return direction * grad * norm.pow(1 - p)
    direction = x.sgn() * x.abs().pow(p - 1) if p < 2 else x * x.abs().pow(p - 2)
    return direction * (grad / norm.pow(p - 1)).masked_fill(norm.eq(0), 0)


_vector_norm = operator(
    "linalg_vector_norm(self, *, ord, dim, keepdim, dtype)",
    node="LinalgVectorNormBackward0",
    forward=_vector_norm_array,
    gradients={
        "self": Rule(
            lambda grad, saved: _vector_norm_grad(grad, saved.self, saved.result, saved.ord, saved.dim, saved.keepdim),
            "grad · sign(self) · (|self| / result)^(ord - 1)",
        )
    },
)


def vector_norm(
    x: Tensor, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, out: Any = None
) -> Tensor:
    """The norm of order ``ord`` over ``dim`` (all dimensions where None), of the tensor seen as vectors."""
    chosen = x.dtype if dtype is None else dtype
    if not (chosen.is_floating_point or chosen.is_complex):
        raise RuntimeError(
            f"linalg.vector_norm: Expected a floating point or complex tensor as input. Got {chosen._legacy_name}"
        )
    dims = (dim,) if isinstance(dim, int) else None if dim is None else tuple(dim)
    if dims is not None:
        wrap_dims(dims, x.dim())
    order = float(ord) if not isinstance(ord, int) else ord
    return _vector_norm(x, order, dims, keepdim, dtype)


@composite
def matrix_norm(
    A: Tensor, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None, out: Any = None
) -> Tensor:
    """A norm of matrices: ``"fro"``, ``"nuc"``, 1, -1, 2, -2, inf or -inf."""
    _check_matrix(A, dim)
    rows, columns = wrap_dims(tuple(dim), A.dim())
    if isinstance(ord, str):
        if ord == "fro":
            return vector_norm(A, 2, (rows, columns), keepdim, dtype=dtype)
        if ord != "nuc":
            raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
        return _of_singular_values(A, lambda s: s.sum(-1, keepdim=keepdim), rows, columns, keepdim, dtype, True)
    size = abs(ord)
    if size not in (1, 2, math.inf):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord:g} not supported.")
    if size == 2:
        pick = (lambda s: s.amax(-1, keepdim)) if ord > 0 else (lambda s: s.amin(-1, keepdim))
        return _of_singular_values(A, pick, rows, columns, keepdim, dtype, keepdim)
    if math.isinf(size):
        rows, columns = columns, rows
    if not keepdim and rows < columns:
        columns -= 1
    sums = vector_norm(A, 1, (rows,), keepdim, dtype=dtype)
    result: Tensor = sums.amax(columns, keepdim) if ord > 0 else sums.amin(columns, keepdim)
    return result


def _of_singular_values(
    A: Tensor, reduce: Any, rows: int, columns: int, keepdim: bool, dtype: Any, kept: bool
) -> Tensor:
    """``reduce`` of the singular values, which PyTorch keeps in one dimension and puts back as two."""
    from gradviz_engine.ops.decompositions import svdvals

    if dtype is not None:
        A = A.to(dtype)
    order = [d for d in range(A.dim()) if d not in (rows, columns)] + [rows, columns]
    result: Tensor = reduce(svdvals(A.permute(order)))
    if keepdim:
        result = result.unsqueeze(-1).permute([order.index(d) for d in range(A.dim())])
    return result


def _check_matrix(A: Tensor, dim: Any) -> None:
    if A.dim() < 2:
        raise RuntimeError("linalg.matrix_norm: The input tensor A must have at least 2 dimensions.")
    if len(dim) != 2:
        raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {' '.join(map(str, dim))}")
    first, second = (d % A.dim() for d in dim)
    if first == second:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got ({dim[0]}, {dim[1]})")


@composite
def linalg_norm(
    A: Tensor, ord: Any = None, dim: Any = None, keepdim: bool = False, *, out: Any = None, dtype: Any = None
) -> Tensor:
    """``torch.linalg.norm``: of a vector or matrix, by the number of dimensions named."""
    dims = (dim,) if isinstance(dim, int) else dim
    if dims is not None and len(dims) not in (1, 2):
        raise RuntimeError(f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(dims)}")
    if dims is None and ord is not None and A.dim() not in (1, 2):
        raise RuntimeError(
            f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {A.dim()}D."
        )
    matrix = len(dims) == 2 if dims is not None else A.dim() == 2
    if isinstance(ord, str) or (ord is not None and matrix):
        return matrix_norm(A, ord, (0, 1) if dims is None else dims, keepdim, dtype=dtype)
    return vector_norm(A, 2 if ord is None else ord, dims, keepdim, dtype=dtype)


@composite
def norm(
    input: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, out: Any = None, dtype: Any = None
) -> Tensor:
    """``torch.norm``: a vector norm of order ``p``; ``"fro"`` over all dimensions, or ``"nuc"`` over two."""
    dims = [dim] if isinstance(dim, int) else dim
    if not isinstance(p, str):
        return vector_norm(input, 2.0 if p is None else p, dims, keepdim, dtype=dtype)
    if p == "fro" and (dims is None or len(dims) <= 2):
        return vector_norm(input, 2, dims, keepdim, dtype=dtype)
    return matrix_norm(input, p, list(range(input.dim())) if dims is None else dims, keepdim, dtype=dtype)


_dist = operator(
    "dist(self, other, *, p)",
    node="DistBackward0",
    forward=lambda x, y, p: _vector_norm_array(x - y, p, None, False, None),
    gradients={
        "self": Rule(
            lambda grad, saved: _vector_norm_grad(grad, saved.self - saved.other, saved.result, saved.p, None, False),
            "grad · sign(self - other) · (|self - other| / result)^(p - 1)",
        ),
        "other": Rule(
            lambda grad, saved: -_vector_norm_grad(grad, saved.self - saved.other, saved.result, saved.p, None, False),
            "-grad · sign(self - other) · (|self - other| / result)^(p - 1)",
        ),
    },
)


def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The norm of the difference."""
    return _dist(input, other, p)


def _other_dims(dim: int, rank: int) -> tuple[int, ...]:
    return tuple(d for d in range(rank) if d != dim % rank)


def _renorm_array(x: Array, p: float, dim: int, maxnorm: float) -> Array:
    norms = _vector_norm_array(x, p, _other_dims(dim, x.ndim), True, None)
    return x * np.where(norms > maxnorm, maxnorm / (norms + 1e-7), 1).astype(x.dtype)


def _renorm_grad(grad: Tensor, x: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """Source: ``renorm_backward``."""
    dims = _other_dims(dim, x.dim())
    norms = vector_norm(x, p, dims, True)
    through_norm = _vector_norm_grad((x * grad).sum(dims, keepdim=True), x, norms, p, dims, True)
    inverse = (norms + 1e-7).reciprocal()
    shrunk = maxnorm * inverse * (grad - inverse * through_norm)
    return where(norms > maxnorm, shrunk, grad)


_renorm = operator(
    "renorm(self, *, p, dim, maxnorm)",
    node="RenormBackward0",
    forward=_renorm_array,
    gradients={
        "self": Rule(
            lambda grad, saved: _renorm_grad(grad, saved.self, saved.p, saved.dim, saved.maxnorm),
            "maxnorm / norm · (grad - direction · Σ self · grad / norm) where a slice was scaled",
        )
    },
)


def renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """Scale each slice along ``dim`` whose norm exceeds ``maxnorm`` down to it."""
    return _renorm(input, p, dim, maxnorm)


__all__ = ["dist", "norm", "renorm"]
METHODS = ("dist", "norm", "renorm")
INPLACE = ()
