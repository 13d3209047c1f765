"""Pseudo-inverses, least squares, condition numbers, and the tensor forms of inverse and solve.

Sources: ``pinv_backward`` and ``linalg_lstsq_backward`` in FunctionsManual.cpp, and
aten/src/ATen/native/LinearAlgebra.cpp of PyTorch 2.13.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradviz_engine.ops.cumulative import cumprod
from gradviz_engine.ops.decompositions import svdvals
from gradviz_engine.ops.extrema import result_type
from gradviz_engine.ops.joining import cat
from gradviz_engine.ops.norms import linalg_norm
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.solving import _inv_ex, check_matrices, column_major, half, inv, mh, solve
from gradviz_engine.tensor import Tensor, wrap

Array = np.ndarray[Any, Any]


# Pseudo-inverse -------------------------------------------------------------------------------------------------


def _pinv_array(A: Array, atol: Any, rtol: Any, hermitian: bool) -> Array:
    """By singular values; those up to ``max(atol, rtol · largest)`` count as 0."""
    m, n = A.shape[-2:]
    if A.size == 0:
        return np.zeros((*A.shape[:-2], n, m), A.dtype)
    if rtol is None:
        rtol = 0.0 if atol is not None and np.max(atol) > 0 else max(m, n) * float(np.finfo(A.dtype).eps)
    if hermitian:
        values, vectors = np.linalg.eigh(half(A))
        u, s, vh = vectors * np.sign(values)[..., None, :], np.abs(values), vectors.conj().swapaxes(-1, -2)
    else:
        u, s, vh = np.linalg.svd(half(A), full_matrices=False)
    least = np.maximum(0.0 if atol is None else atol, np.asarray(rtol) * s.max(axis=-1))
    inverse = np.where(s > least[..., None], 1 / np.where(s == 0, 1, s), 0)
    product = np.matmul(vh.conj().swapaxes(-1, -2) * inverse[..., None, :], u.conj().swapaxes(-1, -2))
    return product.astype(A.dtype, copy=False)


def _pinv_grad(grad: Tensor, inverse: Tensor, A: Tensor) -> Tensor:
    m, n = A.shape[-2:]
    inverse_h, grad_h = mh(inverse), mh(grad)
    if m <= n:
        K = grad_h.matmul(inverse)
        KX = K.matmul(inverse_h)
        return (
            -mh(inverse.matmul(K)) + KX - A.matmul(inverse).matmul(KX)
            + inverse_h.matmul(inverse).matmul(grad_h - K.matmul(A))
        )  # fmt: skip
    K = inverse.matmul(grad_h)
    XK = inverse_h.matmul(K)
    return (
        -mh(K.matmul(inverse)) + (grad_h - A.matmul(K)).matmul(inverse).matmul(inverse_h) + XK
        - XK.matmul(inverse).matmul(A)
    )  # fmt: skip


_pinv = operator(
    "linalg_pinv(self, *, atol, rtol, hermitian)",
    node="LinalgPinvBackward0",
    forward=_pinv_array,
    gradients={
        "self": Rule(
            lambda grad, saved: _pinv_grad(grad, saved.result, saved.self),
            "-(A⁺ gradᵀ A⁺)ᵀ and what A does not reach",
        )
    },
)


def _tolerance(value: Any) -> Any:
    return value._data if isinstance(value, Tensor) else value


@composite
def pinv(
    A: Tensor, rcond: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None, out: Any = None
) -> Tensor:
    """The Moore-Penrose pseudo-inverse, (..., m, n) to (..., n, m)."""
    check_matrices(A, "linalg.pinv", square=hermitian)
    chosen = rtol if rtol is not None else rcond
    return _pinv(A, _tolerance(atol), _tolerance(chosen), hermitian)


def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """``pinv`` under its old name and with its old tolerance."""
    return pinv(input, rcond)


# Least squares --------------------------------------------------------------------------------------------------


def _lstsq_arrays(A: Array, B: Array, rcond: Any, driver: Any) -> tuple[Array, Array, Array, Array]:
    m, n = A.shape[-2:]
    inverse = _pinv_array(A, None, rcond, False)
    vectors = B.ndim == A.ndim - 1
    right = B[..., None] if vectors else B
    solution = np.matmul(inverse, right)
    nothing = np.empty(0, A.dtype)
    rank = np.asarray(np.linalg.matrix_rank(A, rtol=rcond), np.int64)
    values = np.linalg.svd(A, compute_uv=False) if driver in ("gelsd", "gelss") else nothing
    residuals = nothing
    if m > n and driver != "gelsy" and not vectors and rank.min() == n:
        residuals = (np.abs(np.matmul(A, solution) - right) ** 2).sum(axis=-2)
    result = solution[..., 0] if vectors else column_major(solution)
    return np.asarray(result), residuals, np.empty(0, np.int64) if driver == "gels" else rank, values


def _lstsq_grads(grads: tuple[Any, Any], saved: Any, needed: tuple[bool, ...]) -> tuple[Any, Any]:
    """Through the solution as through ``A⁺ B``; through the residuals at a fixed solution, since it is least."""
    grad, grad_residuals = grads
    A, B, X = saved.self, saved.b, saved.solution
    gA: Any = None
    gB: Any = None
    if grad is not None:
        inverse = _pinv(A, None, None, False)
        gA, gB = _pinv_grad(grad.matmul(mh(B)), inverse, A), mh(inverse).matmul(grad)
    if grad_residuals is not None and saved.residuals.numel():
        error = (A.matmul(X) - B) * (2 * grad_residuals.unsqueeze(-2))
        through_A = error.matmul(mh(X))
        gA = through_A if gA is None else gA + through_A
        gB = -error if gB is None else gB - error
    return gA, gB


_lstsq = operator(
    "linalg_lstsq(self, b, *, rcond, driver) -> solution, residuals; rank, singular_values",
    node="LinalgLstsqBackward0",
    forward=_lstsq_arrays,
    gradients={("self", "b"): Rule(_lstsq_grads, "as of the pseudo-inverse; (A⁺)ᵀ grad")},
)

LstsqResult = result_type("linalg_lstsq", "solution residuals rank singular_values")


@composite
def lstsq(A: Tensor, B: Tensor, rcond: float | None = None, *, driver: str | None = None) -> Any:
    """The X of least ``|A X - B|``."""
    check_matrices(A, "torch.linalg.lstsq", square=False, letter="input")
    return LstsqResult(*_lstsq(A, B, rcond, driver))


# Condition ------------------------------------------------------------------------------------------------------


@composite
def cond(A: Tensor, p: Any = None, *, out: Any = None) -> Tensor:
    """The condition number: the largest singular value over the least, or a norm times the inverse's."""
    check_matrices(A, "linalg.cond", square=False)
    if p is None or p in (2, -2):
        s = svdvals(A)
        largest, least = s.narrow(-1, 0, 1), s.narrow(-1, s.shape[-1] - 1, 1)
        return (least / largest if p == -2 else largest / least).squeeze(-1)
    check_matrices(A, "linalg.cond")
    inverse, info = _inv_ex(A, "linalg.cond")
    inverse = inverse.masked_fill((info > 0).unsqueeze(-1).unsqueeze(-1), math.inf)
    own, other = linalg_norm(A, p, (-2, -1)), linalg_norm(inverse, p, (-2, -1))
    return (own * other).nan_to_num(nan=math.inf, posinf=math.inf, neginf=-math.inf)


@composite
def matrix_rank(
    A: Tensor, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None, out: Any = None
) -> Tensor:
    """How many singular values are not 0; int64."""
    chosen = tol if tol is not None else atol
    ranks = np.linalg.matrix_rank(half(A._data), tol=_tolerance(chosen), hermitian=hermitian)
    return wrap(np.asarray(ranks, np.int64))


# Tensors as matrices --------------------------------------------------------------------------------------------


@composite
def tensorinv(A: Tensor, ind: int = 2, *, out: Any = None) -> Tensor:
    """The inverse of A seen as a matrix from its last dimensions to its first ``ind``."""
    if ind <= 0:
        raise RuntimeError("Expected a strictly positive integer for 'ind' (ind must be a positive integer)")
    rows, columns = tuple(A.shape[:ind]), tuple(A.shape[ind:])
    if math.prod(rows) != math.prod(columns):
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), but got "
            f"{math.prod(columns)} != {math.prod(rows)}"
        )
    return inv(A.reshape(math.prod(columns), math.prod(rows))).reshape((*columns, *rows))


@composite
def tensorsolve(A: Tensor, B: Tensor, dims: Any = None, *, out: Any = None) -> Tensor:
    """X of ``tensordot(A, X, X.dim()) = B``."""
    if dims is not None:
        A = A.movedim(tuple(dims), tuple(range(A.dim() - len(dims), A.dim())))
    shape = tuple(A.shape[B.dim() :])
    size = math.prod(shape)
    return solve(A.reshape(size, size), B.flatten()).reshape(shape)


@composite
def vander(x: Tensor, N: int | None = None) -> Tensor:
    """Powers 0 to N - 1 of each element along a new last dimension."""
    x = x.unsqueeze(-1) if x.dim() == 0 else x
    count = x.shape[-1] if N is None else N
    if count <= 1:
        raise RuntimeError(f"N must be greater than 1, but got N={count}")
    column = x.unsqueeze(-1)
    powers = cumprod(column.expand(*x.shape, count - 1), -1)
    return cat([wrap(np.ones_like(column._data)), powers], -1)


__all__ = ["pinverse"]
METHODS = ("pinverse",)
INPLACE = ()
