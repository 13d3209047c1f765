"""Factorizations of matrices: Cholesky, QR, eigenvalues, singular values, and what is made of them.

numpy's LAPACK does the forward. Sources of the derivatives: FunctionsManual.cpp of PyTorch 2.13 (``svd_backward``,
``linalg_eig_backward``, ``cholesky_backward``, ``linalg_qr_backward``), after Giles, Walter, Murray and Seeger.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine.ops.eigenvector_signs import turned_as_in_pytorch
from gradviz_engine.ops.extrema import result_type
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.solving import LinAlgError, check_matrices, column_major, half, mh, solve_triangular
from gradviz_engine.tensor import Tensor, wrap

Array = np.ndarray[Any, Any]


# Cholesky -----------------------------------------------------------------------------------------------------


def _cholesky_arrays(A: Array, upper: bool, check_errors: bool) -> tuple[Array, Array]:
    """The factor, and for each matrix the order of the first minor that is not positive (0: none)."""
    info = np.zeros(A.shape[:-2], np.int32)
    source = A.conj().swapaxes(-1, -2) if upper else A
    try:
        factor = np.linalg.cholesky(half(source)).astype(A.dtype)
    except np.linalg.LinAlgError:
        factor = np.zeros_like(A)
        flat_source, flat_factor, flat_info = (
            x.reshape(-1, *A.shape[-2:]) if x.ndim >= 2 and x.shape[-2:] == A.shape[-2:] else x.reshape(-1)
            for x in (source, factor, info)
        )
        for number, matrix in enumerate(flat_source):
            flat_factor[number], flat_info[number] = _one_cholesky(matrix)
        info = flat_info.reshape(A.shape[:-2])
        if check_errors:
            raise _not_positive(info, A.ndim > 2) from None
    return column_major(factor.conj().swapaxes(-1, -2) if upper else factor), info


def _one_cholesky(matrix: Array) -> tuple[Array, int]:
    """Columns up to the first that fails, as LAPACK leaves them."""
    n = len(matrix)
    lower = np.zeros_like(matrix)
    for k in range(n):
        pivot = (matrix[k, k] - (lower[k, :k] * lower[k, :k].conj()).sum()).real
        if not pivot > 0:
            return lower, k + 1
        lower[k, k] = np.sqrt(pivot)
        lower[k + 1 :, k] = (matrix[k + 1 :, k] - lower[k + 1 :, :k] @ lower[k, :k].conj()) / lower[k, k]
    return lower, 0


def _not_positive(info: Array, batched: bool) -> LinAlgError:
    failed = np.flatnonzero(info)
    number = int(failed[0]) if failed.size else 0
    order = int(info.reshape(-1)[number]) if info.size else 0
    batch = f"(Batch element {number}): " if batched else ""
    return LinAlgError(
        f"linalg.cholesky: {batch}The factorization could not be completed because the input is not "
        f"positive-definite (the leading minor of order {order} is not positive-definite)."
    )


def _cholesky_grad(grad: Tensor, L: Tensor, upper: bool) -> Tensor:
    """``L⁻ᴴ Φ(Lᴴ grad) L⁻¹``, made Hermitian; Φ takes the lower triangle and half of the diagonal."""
    if upper:
        L, grad = mh(L), mh(grad)
    inner = solve_triangular(mh(L), _hermitian_of_triangle(mh(L).matmul(grad).tril()), upper=True)
    return solve_triangular(L, inner, upper=False, left=False)


def _hermitian_of_triangle(lower: Tensor) -> Tensor:
    """Half of (Φ + Φᴴ) where Φ has half the diagonal of ``lower``: the symmetric part."""
    strict = lower.tril(-1)
    diagonal = lower.diagonal(0, -2, -1).diag_embed()
    result: Tensor = (strict + mh(strict) + diagonal) * 0.5
    return result


_cholesky_ex = operator(
    "linalg_cholesky_ex(self, *, upper, check_errors) -> L; info",
    node="LinalgCholeskyExBackward0",
    forward=_cholesky_arrays,
    gradients={
        "self": Rule(lambda grad, saved: _cholesky_grad(grad, saved.L, saved.upper), "L^-ᵀ Φ(Lᵀ grad) L⁻¹, symmetric")
    },
)

CholeskyResult = result_type("linalg_cholesky_ex", "L info")


@composite
def cholesky(A: Tensor, *, upper: bool = False, out: Any = None) -> Tensor:
    """The lower triangular L with ``L Lᴴ = A`` (or its upper twin); LinAlgError where there is none."""
    check_matrices(A, "linalg.cholesky")
    return _cholesky_ex(A, upper, True)[0]


@composite
def cholesky_ex(A: Tensor, *, upper: bool = False, check_errors: bool = False, out: Any = None) -> Any:
    """``cholesky``, with an int32 for each matrix that is 0 where it succeeded."""
    check_matrices(A, "linalg.cholesky_ex")
    return CholeskyResult(*_cholesky_ex(A, upper, check_errors))


# QR -----------------------------------------------------------------------------------------------------------

_QR_MODES: dict[str, Any] = {"reduced": "reduced", "complete": "complete", "r": "reduced"}


def _qr_arrays(A: Array, mode: str) -> tuple[Array, Array]:
    q, r = np.linalg.qr(half(A), mode=_QR_MODES[mode])
    if mode == "r":
        q = np.empty((0,), A.dtype)
    return column_major(q.astype(A.dtype, copy=False)), column_major(r.astype(A.dtype, copy=False))


def _qr_grad(grads: tuple[Any, Any], saved: Any) -> Tensor | None:
    gQ, gR = grads
    Q, R, mode = saved.Q, saved.R, saved.mode
    if mode == "r":
        raise RuntimeError(
            "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use "
            "linalg.qr(A, mode='reduced') if you are going to require gradients."
        )
    m, n = Q.shape[-2], R.shape[-1]
    if mode == "complete" and m > n:
        raise RuntimeError("The QR decomposition is not differentiable when mode='complete' and nrows > ncols.")
    if m >= n:
        return _qr_grad_tall(gQ, gR, Q, R)
    # A = [X Y], R = [U V]: X = Q U and Y = Q V, so that Q depends on X alone.
    Y = Q.matmul(R.narrow(-1, m, n - m))
    U = R.narrow(-1, 0, m)
    gY = None
    if gR is not None:
        gV = gR.narrow(-1, m, n - m)
        gY = Q.matmul(gV)
        gQ = Y.matmul(mh(gV)) if gQ is None else gQ + Y.matmul(mh(gV))
        gR = gR.narrow(-1, 0, m)
    gX = _qr_grad_tall(gQ, gR, Q, U)
    from gradviz_engine.ops.joining import cat

    if gY is None:
        gY = gX.new_zeros((*gX.shape[:-1], n - m))
    return cat([gX, gY], -1)


def _qr_grad_tall(gQ: Any, gR: Any, Q: Tensor, R: Tensor) -> Tensor:
    """``(gQ + Q S) R^-ᴴ``, S Hermitian from the upper triangle of ``gR Rᴴ - Qᴴ gQ``."""
    inner: Any = None
    if gR is not None:
        inner = gR.matmul(mh(R))
    if gQ is not None:
        inner = -mh(Q).matmul(gQ) if inner is None else inner - mh(Q).matmul(gQ)
    triangle = inner.triu()
    strict = triangle.triu(1)
    total = Q.matmul(triangle + mh(strict))
    if gQ is not None:
        total = gQ + total
    return solve_triangular(mh(R), total, upper=False, left=False)


_qr = operator(
    "linalg_qr(A, *, mode) -> Q, R",
    node="LinalgQrBackward0",
    forward=_qr_arrays,
    gradients={"A": Rule(lambda grads, saved: _qr_grad(grads, saved), "(gQ + Q · sym(gR Rᵀ - Qᵀ gQ)) R^-ᵀ",
                         reads=("Q", "R", "mode"))},
)  # fmt: skip

QrResult = result_type("linalg_qr", "Q R")


@composite
def qr(A: Tensor, mode: str = "reduced", *, out: Any = None) -> Any:
    """``A = Q R``, Q with orthonormal columns and R upper triangular."""
    check_matrices(A, "linalg.qr", square=False)
    if mode not in _QR_MODES:
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or 'complete'"
        )
    return QrResult(*_qr(A, mode))


# Eigenvalues of Hermitian matrices ------------------------------------------------------------------------------


def _eigh_arrays(A: Array, UPLO: Any, compute_v: bool) -> tuple[Array, Array]:
    values, vectors = np.linalg.eigh(half(A), UPLO)
    if A.dtype.kind == "f":
        vectors = vectors.copy()
        for place in np.ndindex(A.shape[:-2]):
            vectors[place] = turned_as_in_pytorch(A[place], vectors[place], UPLO == "L")
    return values.astype(_real_dtype(A.dtype), copy=False), column_major(vectors.astype(A.dtype, copy=False))


def _real_dtype(stored: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype({"complex64": "float32", "complex128": "float64"}.get(stored.name, stored.name))


def _differences(values: Tensor) -> Tensor:
    """``E[i, j] = values[j] - values[i]``, and 1 on the diagonal."""
    gaps = values.unsqueeze(-2) - values.unsqueeze(-1)
    eye = wrap(np.eye(values.shape[-1], dtype=bool))
    result: Tensor = gaps.masked_fill(eye, 1)
    return result


def _eigh_grad(grads: tuple[Any, Any], L: Tensor, V: Tensor) -> Tensor:
    gL, gV = grads
    if gV is None:
        result: Tensor = V.matmul(gL.unsqueeze(-1) * mh(V))
        return result
    # Only the skew part turns V within the orthogonal matrices; it makes the gradient symmetric.
    inner = _skew(mh(V).matmul(gV)) * 0.5 / _differences(L)
    eye = wrap(np.eye(L.shape[-1], dtype=bool))
    inner = inner.masked_fill(eye, 0)
    if gL is not None:
        inner = inner + gL.diag_embed().to(inner.dtype)
    return V.matmul(inner.matmul(mh(V)))


_eigh = operator(
    "_linalg_eigh(A, *, UPLO, compute_v) -> eigenvalues, eigenvectors",
    node="LinalgEighBackward0",
    forward=_eigh_arrays,
    gradients={
        "A": Rule(
            lambda grads, saved: _eigh_grad(grads, saved.eigenvalues, saved.eigenvectors),
            "V (skew(Vᵀ gV) / gaps + diag(gL)) Vᵀ",
        )
    },
)

EighResult = result_type("linalg_eigh", "eigenvalues eigenvectors")


@composite
def eigh(A: Tensor, UPLO: str = "L", *, out: Any = None) -> Any:
    """Eigenvalues, ascending, and eigenvectors of symmetric or Hermitian matrices."""
    check_matrices(A, "linalg.eigh")
    return EighResult(*_eigh(A, UPLO.upper(), True))


@composite
def eigvalsh(A: Tensor, UPLO: str = "L", *, out: Any = None) -> Tensor:
    """The eigenvalues alone."""
    check_matrices(A, "linalg.eigvalsh")
    return _eigh(A, UPLO.upper(), A.requires_grad)[0]


# Singular values --------------------------------------------------------------------------------------------------


def _svd_arrays(A: Array, full_matrices: bool, compute_uv: bool) -> tuple[Array, Array, Array]:
    u, s, vh = np.linalg.svd(half(A), full_matrices=full_matrices)
    u, vh = (column_major(x.astype(A.dtype, copy=False)) for x in (u, vh))
    return u, s.astype(_real_dtype(A.dtype), copy=False), vh


def _svd_grad(grads: tuple[Any, Any, Any], U: Tensor, S: Tensor, Vh: Tensor, full_matrices: bool) -> Tensor:
    gU, gS, gVh = grads
    k = S.shape[-1]
    if full_matrices:
        U, Vh = U.narrow(-1, 0, k), Vh.narrow(-2, 0, k)
        gU = None if gU is None else gU.narrow(-1, 0, k)
        gVh = None if gVh is None else gVh.narrow(-2, 0, k)
    m, n = U.shape[-2], Vh.shape[-1]
    if gU is None and gVh is None:
        return U.matmul(gS.unsqueeze(-1) * Vh)
    skew_u = None if gU is None else _skew(mh(U).matmul(gU))
    skew_v = None if gVh is None else _skew(Vh.matmul(mh(gVh)))
    inner: Any = 0
    if skew_u is not None:
        inner = skew_u * S.unsqueeze(-2)
    if skew_v is not None:
        inner = inner + S.unsqueeze(-1) * skew_v
    inner = inner / _differences(S * S)
    if gS is not None:
        inner = inner + gS.diag_embed().to(inner.dtype)
    if U.is_complex() and skew_u is not None:
        inner = inner + (skew_u.diagonal(0, -2, -1) / (2.0 * S)).diag_embed()
    result = U.matmul(inner).matmul(Vh)
    if m > k and gU is not None:
        scaled = gU / S.unsqueeze(-2)
        result = result + (scaled - U.matmul(mh(U).matmul(scaled))).matmul(Vh)
    if n > k and gVh is not None:
        scaled = gVh / S.unsqueeze(-1)
        result = result + U.matmul(scaled - scaled.matmul(mh(Vh)).matmul(Vh))
    return result


def _skew(x: Tensor) -> Tensor:
    return x - mh(x)


_svd = operator(
    "_linalg_svd(A, *, full_matrices, compute_uv) -> U, S, Vh",
    node="LinalgSvdBackward0",
    forward=_svd_arrays,
    gradients={
        "A": Rule(
            lambda grads, saved: _svd_grad(grads, saved.U, saved.S, saved.Vh, saved.full_matrices),
            "U (diag(gS) + skew terms of gU, gV over gaps of S²) Vᵀ",
        )
    },
)

SvdResult = result_type("linalg_svd", "U S Vh")


@composite
def svd(A: Tensor, full_matrices: bool = True, *, driver: str | None = None, out: Any = None) -> Any:
    """``A = U diag(S) Vh``, singular values descending."""
    check_matrices(A, "linalg.svd", square=False)
    return SvdResult(*_svd(A, full_matrices, True))


@composite
def svdvals(A: Tensor, *, driver: str | None = None, out: Any = None) -> Tensor:
    """The singular values alone."""
    check_matrices(A, "linalg.svdvals", square=False)
    return _svd(A, False, A.requires_grad)[1]


__all__: list[str] = []
METHODS: tuple[str, ...] = ()
INPLACE = ()
