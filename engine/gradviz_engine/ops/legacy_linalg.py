"""Linear algebra under its old names: ``torch.svd``, ``torch.qr``, ``torch.cholesky`` and their kin."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine.ops import lu_factors
from gradviz_engine.ops.cumulative import cumprod
from gradviz_engine.ops.decompositions import _cholesky_arrays, _cholesky_grad
from gradviz_engine.ops.decompositions import qr as linalg_qr
from gradviz_engine.ops.decompositions import svd as linalg_svd
from gradviz_engine.ops.extrema import result_type
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.solving import _solve_triangular, _triangular, check_matrices, column_major, mh
from gradviz_engine.tensor import Tensor

Array = np.ndarray[Any, Any]

SvdResult = result_type("svd", "U S V")
QrResult = result_type("qr", "Q R")

_cholesky = operator(
    "cholesky(self, *, upper)",
    node="CholeskyBackward0",
    forward=lambda A, upper: _cholesky_arrays(A, upper, True)[0],
    gradients={
        "self": Rule(
            lambda grad, saved: _cholesky_grad(grad, saved.result, saved.upper), "L^-ᵀ Φ(Lᵀ grad) L⁻¹, symmetric"
        )
    },
)


def cholesky(input: Tensor, upper: bool = False, *, out: Any = None) -> Tensor:
    """``linalg.cholesky``."""
    check_matrices(input, "cholesky")
    return _cholesky(input, upper)


def _inverse_of_factored(L: Array, upper: bool) -> Array:
    factor = np.triu(L) if upper else np.tril(L)
    turned = factor.conj().swapaxes(-1, -2)
    return column_major(np.linalg.inv(turned @ factor if upper else factor @ turned))


def _inverse_grad(grad: Tensor, L: Tensor, inverse: Tensor, upper: bool) -> Tensor:
    common = inverse.matmul((grad + mh(grad)).matmul(inverse))
    return -L.matmul(common) if upper else -common.matmul(L)


_cholesky_inverse = operator(
    "cholesky_inverse(self, *, upper)",
    node="CholeskyInverseBackward0",
    forward=_inverse_of_factored,
    gradients={
        "self": Rule(
            lambda grad, saved: _inverse_grad(grad, saved.self, saved.result, saved.upper),
            "-inverse (grad + gradᵀ) inverse L",
        )
    },
)


def cholesky_inverse(L: Tensor, upper: bool = False, *, out: Any = None) -> Tensor:
    """The inverse of the matrix whose Cholesky factor L is."""
    return _cholesky_inverse(L, upper)


@composite
def svd(input: Tensor, some: bool = True, compute_uv: bool = True, *, out: Any = None) -> Any:
    """``linalg.svd`` with V instead of its conjugate transpose."""
    U, S, Vh = linalg_svd(input, full_matrices=not some)
    if compute_uv:
        return SvdResult(U, S, mh(Vh))
    m, n = input.shape[-2:]
    empty = [input.new_zeros((*input.shape[:-2], size, size)) for size in (m, n)]
    return SvdResult(empty[0], S, empty[1])


@composite
def qr(input: Tensor, some: bool = True, *, out: Any = None) -> Any:
    """``linalg.qr``."""
    return QrResult(*linalg_qr(input, "reduced" if some else "complete"))


def _triangular_arrays(b: Array, A: Array, upper: bool, transpose: bool, unitriangular: bool) -> tuple[Array, Array]:
    matrix = A.swapaxes(-1, -2) if transpose else A
    return _triangular(matrix, b, True, upper != transpose, unitriangular), A.copy()


def _triangular_solve_grads(grads: tuple[Any, Any], saved: Any, needed: tuple[bool, ...]) -> tuple[Any, Any]:
    grad, grad_copy = grads
    gb: Any = None
    gA: Any = None
    if grad is not None:
        A = mh(saved.A) if not saved.transpose else saved.A
        upper = not saved.upper if not saved.transpose else saved.upper
        gb = _solve_triangular(A, grad, True, upper, saved.unitriangular)
        product = -saved.solution.matmul(mh(gb)) if saved.transpose else -gb.matmul(mh(saved.solution))
        off = 1 if saved.unitriangular else 0
        gA = product.triu(off) if saved.upper else product.tril(-off)
    if grad_copy is not None:
        gA = grad_copy if gA is None else gA + grad_copy
    return gb, gA


_triangular_solve = operator(
    "triangular_solve(self, A, *, upper, transpose, unitriangular) -> solution, cloned_coefficient",
    node="TriangularSolveBackward0",
    forward=_triangular_arrays,
    gradients={("self", "A"): Rule(_triangular_solve_grads, "A^-ᵀ grad; the triangle of -gb xᵀ, gb = A^-ᵀ grad")},
)

TriangularResult = result_type("triangular_solve", "solution cloned_coefficient")


def triangular_solve(
    b: Tensor, A: Tensor, upper: bool = True, transpose: bool = False, unitriangular: bool = False, *, out: Any = None
) -> Any:
    """``linalg.solve_triangular`` with its arguments the other way round, and a copy of A."""
    return TriangularResult(*_triangular_solve(b, A, upper, transpose, unitriangular))


def lu(A: Tensor, pivot: bool = True, get_infos: bool = False) -> Any:
    """``linalg.lu_factor``."""
    result = lu_factors.lu_factor_ex(A, pivot=pivot)
    return tuple(result) if get_infos else (result[0], result[1])


@composite
def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """``torch.vander``: powers of a vector's elements as rows, the highest first unless ``increasing``.

    PyTorch fills the result in place over numbers that ``cumprod`` has saved, so that a backward raises; so here.
    """
    if x.dim() != 1:
        raise RuntimeError(f"x must be a one-dimensional tensor. Got {x.dim()}-dimensional tensor.")
    count = x.shape[0] if N is None else N
    result = x.new_empty((x.shape[0], count))
    if count:
        result.select(1, 0).fill_(1)
    if count > 1:
        result[:, 1:].copy_(x.unsqueeze(1))
        result[:, 1:].copy_(cumprod(result[:, 1:], 1))
    return result if increasing else result.flip([1])


__all__ = ["cholesky", "cholesky_inverse", "lu", "qr", "svd", "triangular_solve", "vander"]
METHODS = ("cholesky", "cholesky_inverse", "qr", "svd", "triangular_solve")
INPLACE = ()
