"""LU factorizations with partial pivoting, and solving with them; Cholesky factors likewise.

``LU`` holds both triangles in one matrix; ``pivots`` says, counted from 1, which row was swapped into each place.
Sources: ``linalg_lu_backward`` and ``linalg_lu_solve`` in FunctionsManual.cpp of PyTorch 2.13.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine.ops.extrema import result_type
from gradviz_engine.ops.joining import cat
from gradviz_engine.ops.registry import Operator, Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.solving import check_matrices, column_major, factor_lu, mh, solve_triangular
from gradviz_engine.tensor import Tensor, wrap

Array = np.ndarray[Any, Any]


def _factored(A: Array, pivot: bool) -> tuple[Array, Array, Array]:
    m, n = A.shape[-2:]
    k = min(m, n)
    packed = np.empty((*A.shape[:-2], m, n), A.dtype)
    pivots = np.empty((*A.shape[:-2], k), np.int32)
    info = np.zeros(A.shape[:-2], np.int32)
    flat = A.reshape(-1, m, n)
    for number in range(len(flat)):
        place = np.unravel_index(number, A.shape[:-2])
        lower, upper, swaps = factor_lu(flat[number], pivot)
        both = np.zeros((m, n), A.dtype)
        both[:, :k] += np.tril(lower, -1)
        both[:k] += upper
        packed[place], pivots[place] = both, np.asarray(swaps, np.int32) + 1
        zeros = np.flatnonzero(np.diagonal(upper) == 0)
        info[place] = zeros[0] + 1 if zeros.size else 0
    return column_major(packed), pivots, info


def _permutation(pivots: Array, rows: int, dtype: Any) -> Array:
    """P of ``A = P L U``."""
    order = np.broadcast_to(np.arange(rows), (*pivots.shape[:-1], rows)).copy()
    for place in np.ndindex(pivots.shape[:-1]):
        for row, other in enumerate(pivots[place] - 1):
            order[(*place, row)], order[(*place, other)] = order[(*place, other)], order[(*place, row)]
    eye = np.eye(rows, dtype=dtype)
    return np.ascontiguousarray(eye[order].swapaxes(-1, -2))


def _triangles(LU: Tensor) -> tuple[Tensor, Tensor]:
    m, n = LU.shape[-2:]
    k = min(m, n)
    one = wrap(np.eye(m, k, dtype=LU._data.dtype))
    return LU.narrow(-1, 0, k).tril(-1) + one, LU.narrow(-2, 0, k).triu()


def _lu_grad(gL: Any, gU: Any, P: Tensor, L: Tensor, U: Tensor) -> Tensor:
    """Square, wide and tall; the part of A that neither triangle's shape restricts passes straight through."""
    m, n = L.shape[-2], U.shape[-1]
    k = min(m, n)
    gL = None if gL is None else gL.tril(-1)
    gU = None if gU is None else gU.triu()
    left = None if gL is None else mh(L).matmul(gL)
    right = None if gU is None else gU.matmul(mh(U))
    zero = L.narrow(-2, 0, k) * 0
    if m == n:
        inner = (zero if left is None else left.tril(-1)) + (zero if right is None else right.triu())
        inner = solve_triangular(mh(U), inner, upper=False, left=False)
        return P.matmul(solve_triangular(mh(L), inner, upper=True, unitriangular=True))
    if m < n:
        inner = (zero if left is None else left) - (zero if right is None else right)
        head = solve_triangular(mh(U.narrow(-1, 0, k)), inner.tril(-1), upper=False, left=False)
        gU = U * 0 if gU is None else gU
        inner = cat([head + gU.narrow(-1, 0, k), gU.narrow(-1, k, n - k)], -1)
        return P.matmul(solve_triangular(mh(L), inner, upper=True, unitriangular=True))
    inner = (zero if right is None else right) - (zero if left is None else left)
    head = solve_triangular(mh(L.narrow(-2, 0, k)), inner.triu(), upper=True, unitriangular=True)
    gL = L * 0 if gL is None else gL
    inner = cat([head + gL.narrow(-2, 0, k), gL.narrow(-2, k, m - k)], -2)
    return P.matmul(solve_triangular(mh(U), inner, upper=False, left=False))


def _lu_factor_grad(grad: Tensor, LU: Tensor, pivots: Tensor) -> Tensor:
    k = min(LU.shape[-2:])
    L, U = _triangles(LU)
    P = wrap(_permutation(pivots._data, LU.shape[-2], LU._data.dtype))
    return _lu_grad(grad.narrow(-1, 0, k), grad.narrow(-2, 0, k), P, L, U)


_lu_factor_ex = operator(
    "linalg_lu_factor_ex(A, *, pivot) -> LU; pivots, info",
    node="LinalgLuFactorExBackward0",
    forward=_factored,
    gradients={
        "A": Rule(lambda grad, saved: _lu_factor_grad(grad, saved.LU, saved.pivots), "P L^-ᵀ (triangles of grad) U^-ᵀ")
    },
)

FactorResult = result_type("linalg_lu_factor", "LU pivots")
FactorExResult = result_type("linalg_lu_factor_ex", "LU pivots info")
LuResult = result_type("linalg_lu", "P L U")


@composite
def lu_factor(A: Tensor, *, pivot: bool = True, out: Any = None) -> Any:
    """Both triangles in one matrix, and the pivots (int32, from 1)."""
    check_matrices(A, "torch.lu_factor", square=False)
    return FactorResult(*_lu_factor_ex(A, pivot)[:2])


@composite
def lu_factor_ex(A: Tensor, *, pivot: bool = True, check_errors: bool = False, out: Any = None) -> Any:
    """``lu_factor``, and for each matrix where its first zero pivot is (0: nowhere)."""
    check_matrices(A, "torch.lu_factor_ex", square=False)
    return FactorExResult(*_lu_factor_ex(A, pivot))


def _lu_arrays(A: Array, pivot: bool) -> tuple[Array, Array, Array]:
    packed, pivots, _ = _factored(A, pivot)
    L, U = _triangles(wrap(packed))
    P = _permutation(pivots, A.shape[-2], A.dtype)
    return (P if pivot else np.empty(0, A.dtype)), np.ascontiguousarray(L._data), np.ascontiguousarray(U._data)


def _lu_rule(grads: tuple[Any, ...], saved: Any) -> Tensor | None:
    _, gL, gU = grads
    if gL is None and gU is None:
        return None
    P = saved.P if saved.pivot else wrap(np.eye(saved.L.shape[-2], dtype=saved.L._data.dtype))
    return _lu_grad(gL, gU, P, saved.L, saved.U)


_lu = operator(
    "linalg_lu(A, *, pivot) -> P, L, U",
    node="LinalgLuBackward0",
    forward=_lu_arrays,
    gradients={"A": Rule(_lu_rule, "P L^-ᵀ (triangles of Lᵀ gL and gU Uᵀ) U^-ᵀ")},
)


@composite
def lu(A: Tensor, *, pivot: bool = True, out: Any = None) -> Any:
    """``A = P L U``."""
    check_matrices(A, "linalg.lu", square=False)
    P, L, U = _lu(A, pivot)
    return LuResult(wrap(P._data), L, U)


def _unpack_grad(grads: tuple[Any, Any], shape: Any) -> Tensor:
    gL, gU = grads
    m, n = shape[-2:]
    k = min(m, n)
    parts: Any = 0
    if gL is not None:
        low = gL.tril(-1)
        parts = low if n == k else cat([low, low.new_zeros((*shape[:-2], m, n - k))], -1)
    if gU is not None:
        high = gU.triu()
        high = high if m == k else cat([high, high.new_zeros((*shape[:-2], m - k, n))], -2)
        parts = parts + high
    return parts


def _unpacked(LU: Array) -> tuple[Array, Array]:
    L, U = _triangles(wrap(LU))
    return L._data, U._data


_lu_unpack = operator(
    "lu_unpack(LU_data) -> L, U",
    node="LuUnpackBackward0",
    forward=_unpacked,
    gradients={
        "LU_data": Rule(lambda grads, saved: _unpack_grad(grads, saved.LU_data_sym_sizes), "tril(gL, -1) + triu(gU)")
    },
)

UnpackResult = result_type("lu_unpack", "P L U")


@composite
def lu_unpack(LU_data: Tensor, LU_pivots: Tensor, unpack_data: bool = True, unpack_pivots: bool = True) -> Any:
    """P, L and U from what ``lu_factor`` gives."""
    empty = wrap(np.empty(0, LU_data._data.dtype))
    P = empty
    if unpack_pivots:
        P = wrap(_permutation(LU_pivots._data, LU_data.shape[-2], LU_data._data.dtype))
    L, U = _lu_unpack(LU_data) if unpack_data else (empty, empty)
    return UnpackResult(P, L, U)


# Solving with factors -------------------------------------------------------------------------------------------


def _lu_solved(LU: Array, pivots: Array, B: Array, left: bool, adjoint: bool) -> Array:
    L, U = _unpacked(LU)
    matrix = _permutation(pivots, LU.shape[-2], LU.dtype) @ L @ U
    if adjoint:
        matrix = matrix.conj().swapaxes(-1, -2)
    if left:
        return column_major(np.linalg.solve(matrix, B))
    return np.linalg.solve(matrix.swapaxes(-1, -2), B.swapaxes(-1, -2)).swapaxes(-1, -2)


def _lu_solve_grads(grad: Tensor, saved: Any, needed: tuple[bool, ...]) -> tuple[Any, Any]:
    LU, pivots, X, left, adjoint = saved.LU, saved.pivots, saved.result, saved.left, saved.adjoint
    gB = _lu_solve(LU, pivots, grad, left, not adjoint)
    gLU = None
    if needed[0]:
        L, U = _triangles(LU)
        P = wrap(_permutation(pivots._data, LU.shape[-2], LU._data.dtype))
        gA = -gB.matmul(mh(X)) if left else -mh(X).matmul(gB)
        gA = mh(gA) if adjoint else gA
        inner = mh(P).matmul(gA)
        gLU = inner.matmul(mh(U)).tril(-1) + mh(L).matmul(inner).triu()
    return gLU, gB if needed[1] else None


_lu_solve: Operator = operator(
    "linalg_lu_solve(LU, pivots, B, *, left, adjoint)",
    node="LinalgLuSolveBackward0",
    forward=_lu_solved,
    gradients={("LU", "B"): Rule(_lu_solve_grads, "the triangles of Pᵀ gA; A^-ᵀ grad")},
)


@composite
def linalg_lu_solve(
    LU: Tensor, pivots: Tensor, B: Tensor, *, left: bool = True, adjoint: bool = False, out: Any = None
) -> Tensor:
    """X of ``A X = B`` where A was factored by ``lu_factor``."""
    return _lu_solve(LU, pivots, B, left, adjoint)


@composite
def lu_solve(b: Tensor, LU_data: Tensor, LU_pivots: Tensor) -> Tensor:
    """``linalg.lu_solve`` under its old name and order."""
    return _lu_solve(LU_data, LU_pivots, b, True, False)


def _cholesky_solved(B: Array, L: Array, upper: bool) -> Array:
    factor = np.triu(L) if upper else np.tril(L)
    turned = factor.conj().swapaxes(-1, -2)
    return column_major(np.linalg.solve(turned @ factor if upper else factor @ turned, B))


def _cholesky_solve_grads(grad: Tensor, saved: Any, needed: tuple[bool, ...]) -> tuple[Any, Any]:
    L, X, upper = saved.input2, saved.result, saved.upper
    gB = _cholesky_solve(grad, L, upper)
    gL = None
    if needed[1]:
        product = gB.matmul(mh(X))
        both = product + mh(product)
        gL = -L.matmul(both) if upper else -both.matmul(L)
    return gB if needed[0] else None, gL


_cholesky_solve: Operator = operator(
    "cholesky_solve(self, input2, *, upper)",
    node="CholeskySolveBackward0",
    forward=_cholesky_solved,
    gradients={("self", "input2"): Rule(_cholesky_solve_grads, "A⁻¹ grad; -(gB Xᵀ + X gBᵀ) L, gB = A⁻¹ grad")},
)


def cholesky_solve(B: Tensor, L: Tensor, upper: bool = False, *, out: Any = None) -> Tensor:
    """X of ``A X = B`` where L is A's Cholesky factor."""
    return _cholesky_solve(B, L, upper)


__all__ = ["cholesky_solve", "lu_solve", "lu_unpack"]
METHODS = ("cholesky_solve", "lu_solve")
INPLACE = ()
