"""The matrix exponential, by scaling and squaring of a Padé approximant.

Source of the method and the coefficients: Higham, The Scaling and Squaring Method for the Matrix Exponential
Revisited, SIAM J. Matrix Anal. Appl. 26 (2005). Derivative: exp of [[Aᴴ, G], [0, Aᴴ]] has it in its upper right
block (Van Loan 1978), as ``linalg_matrix_exp_differential`` of PyTorch 2.13 computes it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine.ops.joining import cat
from gradviz_engine.ops.registry import Operator, Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.solving import check_matrices, mh
from gradviz_engine.tensor import Tensor

Array = np.ndarray[Any, Any]

_PADE = (
    64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600,
    670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1,
)  # fmt: skip
_REACH = 5.371920351148152
"""Up to this 1-norm the approximant of order 13 is exact to float64."""


def _exponential(A: Array) -> Array:
    if A.size == 0:
        return A.copy()
    norm = np.abs(A).sum(axis=-2).max(initial=0.0)
    squarings = int(np.ceil(np.log2(norm / _REACH))) if np.isfinite(norm) and norm > _REACH else 0
    wide = np.complex128 if A.dtype.kind == "c" else np.float64
    X = A.astype(wide) / 2.0**squarings
    one = np.eye(A.shape[-1], dtype=wide)
    X2 = X @ X
    X4 = X2 @ X2
    X6 = X4 @ X2
    b = _PADE
    odd = X @ (X6 @ (b[13] * X6 + b[11] * X4 + b[9] * X2) + b[7] * X6 + b[5] * X4 + b[3] * X2 + b[1] * one)
    even = X6 @ (b[12] * X6 + b[10] * X4 + b[8] * X2) + b[6] * X6 + b[4] * X4 + b[2] * X2 + b[0] * one
    result = np.linalg.solve(even - odd, even + odd)
    for _ in range(squarings):
        result = result @ result
    return np.ascontiguousarray(result.astype(A.dtype))


def _exponential_grad(grad: Tensor, A: Tensor) -> Tensor:
    n = A.shape[-1]
    turned = mh(A)
    upper = cat([turned, grad], -1)
    lower = cat([turned * 0, turned], -1)
    return _matrix_exp(cat([upper, lower], -2)).narrow(-2, 0, n).narrow(-1, n, n)


_matrix_exp: Operator = operator(
    "linalg_matrix_exp(self)",
    node="LinalgMatrixExpBackward0",
    forward=_exponential,
    gradients={"self": Rule(lambda grad, saved: _exponential_grad(grad, saved.self), "∫ e^(sAᵀ) grad e^((1-s)Aᵀ) ds")},
)


@composite
def matrix_exp(A: Tensor) -> Tensor:
    """``Σ Aᵏ / k!`` of square matrices."""
    check_matrices(A, "linalg.matrix_exp")
    return _matrix_exp(A)


__all__ = ["matrix_exp"]
METHODS = ("matrix_exp",)
INPLACE = ()
