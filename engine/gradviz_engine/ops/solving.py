"""Solving and inverting: determinants, inverses, linear systems, powers of matrices.

Each operator takes batches of matrices, (..., n, n). Where PyTorch saves an LU factorization for the derivative,
the derivative here solves anew: the numbers agree and nothing but the graph has to.
Sources: tools/autograd/derivatives.yaml and FunctionsManual.cpp of PyTorch 2.13.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz_engine.ops.extrema import result_type
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.tensor import Tensor, wrap

Array = np.ndarray[Any, Any]


class LinAlgError(RuntimeError):
    """A matrix that cannot be factored: ``torch.linalg.LinAlgError``."""

    __module__ = "torch._C"


LinAlgError.__name__ = LinAlgError.__qualname__ = "_LinAlgError"


def check_matrices(A: Tensor, name: str, square: bool = True, letter: str = "A") -> None:
    """RuntimeError unless ``A`` is a batch of (square) floating-point matrices."""
    shape = A._data.shape
    if len(shape) < 2:
        raise RuntimeError(f"{name}: The input tensor {letter} must have at least 2 dimensions.")
    if square and shape[-1] != shape[-2]:
        raise RuntimeError(
            f"{name}: {letter} must be batches of square matrices, but they are {shape[-2]} by {shape[-1]} matrices"
        )
    if A._data.dtype.kind not in "fc":
        raise RuntimeError(f"{name}: Expected a floating point or complex tensor as input. Got {A.dtype._legacy_name}")


def mh(A: Tensor) -> Tensor:
    """The conjugate transpose."""
    adjoint: Tensor = A.mT if A._data.dtype.kind != "c" else A.mH
    return adjoint


def half(x: Array) -> Array:
    """numpy's LAPACK wants float32 at least."""
    return x.astype(np.float32) if x.dtype == np.float16 else x


def column_major(x: Array) -> Array:
    """The matrices laid out as LAPACK leaves them, and as PyTorch therefore returns them."""
    return x if x.ndim < 2 else np.ascontiguousarray(x.swapaxes(-1, -2)).swapaxes(-1, -2)


# Inverse ------------------------------------------------------------------------------------------------------


def _inverse(A: Array, name: str) -> tuple[Array, Array]:
    try:
        inverse = np.linalg.inv(half(A)).astype(A.dtype)
    except np.linalg.LinAlgError:
        raise _singular(A, name) from None
    return column_major(inverse), np.zeros(A.shape[:-2], np.int32)


def _singular(A: Array, name: str) -> LinAlgError:
    """Which matrix of the batch is singular, and where its LU factorization has the first 0."""
    for number, matrix in enumerate(A.reshape(-1, *A.shape[-2:])):
        place = _first_zero_pivot(matrix)
        if place:
            batch = f"(Batch element {number}): " if A.ndim > 2 else ""
            return LinAlgError(
                f"{name}: {batch}The diagonal element {place} is zero, the inversion could not be completed because "
                "the input matrix is singular."
            )
    return LinAlgError(f"{name}: the input matrix is singular.")


def _first_zero_pivot(matrix: Array) -> int:
    """Counted from 1; 0 where there is none."""
    _, u, _ = factor_lu(matrix)
    zeros = np.flatnonzero(np.diagonal(u) == 0)
    return int(zeros[0]) + 1 if zeros.size else 0


def factor_lu(matrix: Array, pivoting: bool = True) -> tuple[Array, Array, list[int]]:
    """One matrix as unit lower triangle, upper triangle, and the row swapped into each place (from 0)."""
    lu = matrix.copy()
    rows, columns = lu.shape
    swaps = []
    for k in range(min(rows, columns)):
        pivot = k + int(np.argmax(np.abs(lu[k:, k]))) if pivoting else k
        swaps.append(pivot)
        if pivot != k:
            lu[[k, pivot]] = lu[[pivot, k]]
        if lu[k, k] != 0:
            lu[k + 1 :, k] /= lu[k, k]
            lu[k + 1 :, k + 1 :] -= np.multiply.outer(lu[k + 1 :, k], lu[k, k + 1 :])
    small = min(rows, columns)
    lower = np.tril(lu[:, :small], -1) + np.eye(rows, small, dtype=lu.dtype)
    return lower, np.triu(lu[:small]), swaps


_inv_ex = operator(
    "linalg_inv_ex(A, *, name) -> inverse; info",
    node="LinalgInvExBackward0",
    forward=_inverse,
    gradients={
        "A": Rule(
            lambda grad, saved: -mh(saved.inverse).matmul(grad.matmul(mh(saved.inverse))),
            "-inverseᵀ @ grad @ inverseᵀ",
        )
    },
)


@composite
def inv(A: Tensor, *, out: Any = None) -> Tensor:
    """The inverse of square matrices."""
    check_matrices(A, "linalg.inv")
    return _inv_ex(A, "linalg.inv")[0]


@composite
def inv_ex(A: Tensor, *, check_errors: bool = False, out: Any = None) -> tuple[Tensor, Tensor]:
    """The inverse, and an int32 for each matrix that is 0 where it succeeded."""
    check_matrices(A, "linalg.inv_ex")
    result: tuple[Tensor, Tensor] = _inv_ex(A, "linalg.inv_ex")
    return result


# Determinant --------------------------------------------------------------------------------------------------


def _with_diagonal(values: Tensor, like: Tensor) -> Tensor:
    """``values``, one for each matrix, along the diagonals of matrices like ``like``."""
    n = like.shape[-1]
    diagonal: Tensor = values.unsqueeze(-1).expand(*like.shape[:-2], n).diag_embed()
    return diagonal


def _det_grad(grad: Tensor, det: Tensor, A: Tensor) -> Tensor:
    """``grad · det · A^-ᵀ``, or through the singular values where a matrix has no inverse."""
    if A.numel() and (det._data == 0).any():
        return _det_grad_singular(grad, A)
    return solve(mh(A), _with_diagonal(grad * _conj(det), A))


def _det_grad_singular(grad: Tensor, A: Tensor) -> Tensor:
    """The adjugate: U diag(Π of the other singular values) Vᴴ, times det(U) det(Vᴴ)."""
    from gradviz_engine.ops.decompositions import svd

    U, S, Vh = svd(A)
    n = S.shape[-1]
    # The other singular values of each: the matrix of all with ones on the diagonal, multiplied along rows.
    others = S.unsqueeze(-2).expand(*S.shape, n).masked_fill(wrap(np.eye(n, dtype=bool)), 1.0).prod(-1)
    alpha = _conj(det_(U) * det_(Vh)) * grad
    result: Tensor = (U * (alpha.unsqueeze(-1) * others).unsqueeze(-2)).matmul(Vh)
    return result


def _conj(x: Tensor) -> Tensor:
    return x if x._data.dtype.kind != "c" else x.conj()


_det = operator(
    "_linalg_det(A) -> result",
    node="LinalgDetBackward0",
    forward=lambda A: np.asarray(np.linalg.det(half(A))).astype(A.dtype),
    gradients={"A": Rule(lambda grad, saved: _det_grad(grad, saved.result, saved.A), "grad · result · A^-ᵀ")},
)


@composite
def det(A: Tensor, *, out: Any = None) -> Tensor:
    """The determinant of square matrices."""
    check_matrices(A, "linalg.det")
    return _det(A)


det_ = det


def _slogdet_arrays(A: Array) -> tuple[Array, Array]:
    sign, logarithm = np.linalg.slogdet(half(A))
    return np.asarray(sign).astype(A.dtype), np.asarray(logarithm).astype(_real_of(A.dtype))


def _real_of(stored: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype({"complex64": "float32", "complex128": "float64"}.get(stored.name, stored.name))


def _slogdet_grad(grads: tuple[Any, Any], A: Tensor, sign: Tensor) -> Tensor | None:
    grad_sign, grad_log = grads
    if A._data.dtype.kind != "c":
        # The sign of a real determinant is constant by pieces.
        return None if grad_log is None else solve(mh(A), _with_diagonal(grad_log, A))
    total: Any = grad_log
    if grad_sign is not None:
        turned = (grad_sign.conj() * sign).imag
        imaginary = turned * wrap(np.asarray(-1j, A._data.dtype))
        total = imaginary if total is None else total - imaginary * -1
    return None if total is None else solve(mh(A), _with_diagonal(total, A))


SlogdetResult = result_type("linalg_slogdet", "sign logabsdet")

_slogdet = operator(
    "_linalg_slogdet(A) -> sign, logabsdet",
    node="LinalgSlogdetBackward0",
    forward=_slogdet_arrays,
    gradients={"A": Rule(lambda grads, saved: _slogdet_grad(grads, saved.A, saved.sign), "grad₁ · A^-ᵀ")},
)


@composite
def slogdet(A: Tensor, *, out: Any = None) -> Any:
    """Sign and logarithm of the absolute value of the determinant."""
    check_matrices(A, "linalg.slogdet")
    return SlogdetResult(*_slogdet(A))


@composite
def logdet(input: Tensor) -> Tensor:
    """The logarithm of the determinant: nan where that is negative."""
    check_matrices(input, "logdet")
    sign, logarithm = _slogdet(input)
    from gradviz_engine.ops.masking import where

    return where(sign == -1, float("nan"), logarithm)


# Linear systems -----------------------------------------------------------------------------------------------


def is_vector_side(A: Sequence[int], B: Sequence[int]) -> bool:
    """Is B of ``A X = B`` a batch of vectors rather than of matrices?"""
    return len(B) == 1 or (len(A) - 1 == len(B) and tuple(B) == tuple(A[:-1]))


def _solved(A: Array, B: Array, left: bool) -> tuple[Array, Array]:
    vectors = is_vector_side(A.shape, B.shape)
    right = B[..., None] if vectors else B
    rows = right.shape[-2 if left else -1]
    if A.shape[-1] != rows:
        order, sizes = ("AX", right.shape[-2:]) if left else ("XA", right.shape[-2:])
        raise RuntimeError(
            f"linalg.solve: Incompatible shapes of A and B for the equation {order} = B "
            f"({A.shape[-2]}x{A.shape[-1]} and {sizes[0]}x{sizes[1]})"
        )
    try:
        if left:
            result = np.linalg.solve(half(A), half(right))
        else:
            result = np.linalg.solve(half(A).swapaxes(-1, -2), half(right).swapaxes(-1, -2)).swapaxes(-1, -2)
    except np.linalg.LinAlgError:
        raise _not_solvable(A) from None
    result = (result[..., 0] if vectors else result).astype(A.dtype, copy=False)
    result = column_major(result) if left else np.ascontiguousarray(result)
    return result, np.zeros(result.shape[: A.ndim - 2], np.int32)


def _not_solvable(A: Array) -> LinAlgError:
    batch = ""
    if A.ndim > 2:
        matrices = A.reshape(-1, *A.shape[-2:])
        batch = next((f"(Batch element {i}): " for i, m in enumerate(matrices) if _first_zero_pivot(m)), "")
    return LinAlgError(f"torch.linalg.solve: {batch}The solver failed because the input matrix is singular.")


def _solve_grads(grad: Tensor, saved: Any, needed: tuple[bool, ...]) -> tuple[Any, Any]:
    A, X, left = saved.A, saved.result, saved.left
    vectors = is_vector_side(A.shape, saved.B_sym_sizes)
    if vectors:
        grad, X = grad.unsqueeze(-1), X.unsqueeze(-1)
    gB = _solve_ex(mh(A), grad, left)[0]
    gA = None
    if needed[0]:
        gA = -gB.matmul(mh(X)) if left else -mh(X).matmul(gB)
    return gA, (gB.squeeze(-1) if vectors else gB) if needed[1] else None


_solve_ex = operator(
    "_linalg_solve_ex(A, B, *, left) -> result; info",
    node="LinalgSolveExBackward0",
    forward=_solved,
    gradients={("A", "B"): Rule(_solve_grads, "-(A^-ᵀ @ grad) @ resultᵀ; A^-ᵀ @ grad")},
)


@composite
def solve(A: Tensor, B: Tensor, *, left: bool = True, out: Any = None) -> Tensor:
    """X of ``A X = B`` (or of ``X A = B``); B may be vectors, (..., n)."""
    check_matrices(A, "linalg.solve")
    _check_same_dtype(A, B, "linalg.solve")
    return _solve_ex(A, B, left)[0]


@composite
def solve_ex(
    A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False, out: Any = None
) -> tuple[Tensor, Tensor]:
    """``solve``, and an int32 for each matrix that is 0 where it succeeded."""
    check_matrices(A, "linalg.solve_ex")
    result: tuple[Tensor, Tensor] = _solve_ex(A, B, left)
    return result


def _check_same_dtype(A: Tensor, B: Tensor, name: str) -> None:
    if A._data.dtype != B._data.dtype:
        raise RuntimeError(
            f"{name}: Expected A and B to have the same dtype, but found A of type {A.dtype._legacy_name} and B of "
            f"type {B.dtype._legacy_name} instead"
        )


def _triangular(A: Array, B: Array, left: bool, upper: bool, unitriangular: bool) -> Array:
    """Substitution over the rows, for all matrices and right sides at once."""
    if not left:
        turned = _triangular(A.swapaxes(-1, -2), B.swapaxes(-1, -2), True, not upper, unitriangular)
        return column_major(turned.swapaxes(-1, -2))
    n = A.shape[-1]
    if B.shape[-2] != n:
        raise RuntimeError(
            "linalg.solve_triangular: Incompatible shapes of A and B for the equation AX = B "
            f"({A.shape[-2]}x{A.shape[-1]} and {B.shape[-2]}x{B.shape[-1]})"
        )
    batch = np.broadcast_shapes(A.shape[:-2], B.shape[:-2])
    X = column_major(np.empty((*batch, n, B.shape[-1]), B.dtype))
    for row in range(n - 1, -1, -1) if upper else range(n):
        known = slice(row + 1, n) if upper else slice(0, row)
        value = B[..., row, :] - np.matmul(A[..., row : row + 1, known], X[..., known, :])[..., 0, :]
        X[..., row, :] = value if unitriangular else value / A[..., row, row, None]
    return X


def _triangular_grads(grad: Tensor, saved: Any, needed: tuple[bool, ...]) -> tuple[Any, Any]:
    A, X, left, upper, unit = saved.A, saved.result, saved.left, saved.upper, saved.unitriangular
    gB = _solve_triangular(mh(A), grad, left, not upper, unit)
    gA = None
    if needed[0]:
        gA = -gB.matmul(mh(X)) if left else -mh(X).matmul(gB)
        gA = gA.triu(1 if unit else 0) if upper else gA.tril(-1 if unit else 0)
    return gA, gB if needed[1] else None


_solve_triangular = operator(
    "linalg_solve_triangular(A, B, *, left, upper, unitriangular)",
    node="LinalgSolveTriangularBackward0",
    forward=_triangular,
    gradients={
        ("A", "B"): Rule(_triangular_grads, "the triangle of -(A^-ᵀ @ grad) @ resultᵀ; A^-ᵀ @ grad, A the triangle")
    },
)


def solve_triangular(
    A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False, out: Any = None
) -> Tensor:
    """X of ``A X = B`` with a triangular A; the other triangle is not read."""
    check_matrices(A, "linalg.solve_triangular")
    return _solve_triangular(A, B, left, upper, unitriangular)


inverse = inv

__all__ = ["det", "inverse", "logdet", "slogdet"]
METHODS = ("det", "inverse", "logdet", "slogdet")
INPLACE = ()
