"""Eigenvalues of any square matrix, complex in general.

Source of the derivative: ``linalg_eig_backward`` in FunctionsManual.cpp of PyTorch 2.13.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine.ops.extrema import result_type
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.solving import check_matrices, column_major, half, mh, solve
from gradviz_engine.tensor import Tensor, wrap

Array = np.ndarray[Any, Any]


def _eig_arrays(A: Array) -> tuple[Array, Array]:
    values, vectors = np.linalg.eig(half(A))
    kind = np.complex64 if A.dtype in (np.float32, np.complex64) else np.complex128
    return values.astype(kind), column_major(vectors.astype(kind))


def _eig_grad(grads: tuple[Any, Any], saved: Any) -> Tensor:
    """``V^-ᴴ (diag(gL) + (Vᴴ gV - Vᴴ V Re diag(Vᴴ gV)) / gaps*) Vᴴ``; of a real matrix the real part."""
    gL, gV = grads
    L, V = saved.eigenvalues, saved.eigenvectors
    eye = wrap(np.eye(L.shape[-1], dtype=bool))
    inner: Any = None
    if gV is not None:
        turned = mh(V).matmul(gV)
        phases = np.diagonal(turned._data.imag, axis1=-2, axis2=-1)
        if not np.allclose(phases, 0, rtol=1e-2, atol=1e-2):
            raise RuntimeError(
                "linalg_eig_backward: The eigenvectors in the complex case are specified up to multiplication by "
                "e^{i phi}. The specified loss function depends on this quantity, so it is ill-defined."
            )
        lengths = turned.diagonal(0, -2, -1).real.unsqueeze(-2)
        gaps = (L.unsqueeze(-2) - L.unsqueeze(-1)).conj().masked_fill(eye, 1)
        inner = ((turned - mh(V).matmul(V * lengths)) / gaps).masked_fill(eye, 0)
    if gL is not None:
        inner = gL.diag_embed() if inner is None else inner + gL.diag_embed()
    result = solve(mh(V), inner.matmul(mh(V)))
    return result if saved.self.is_complex() else result.real


_eig = operator(
    "linalg_eig(self) -> eigenvalues, eigenvectors",
    node="LinalgEigBackward0",
    forward=_eig_arrays,
    gradients={
        "self": Rule(_eig_grad, "V^-ᴴ (diag(gL) + turn of gV / gaps) Vᴴ", reads=("self", "eigenvalues", "eigenvectors"))
    },
)

EigResult = result_type("linalg_eig", "eigenvalues eigenvectors")


@composite
def eig(A: Tensor, *, out: Any = None) -> Any:
    """Eigenvalues and eigenvectors, complex."""
    check_matrices(A, "linalg.eig")
    return EigResult(*_eig(A))


@composite
def eigvals(A: Tensor, *, out: Any = None) -> Tensor:
    """The eigenvalues alone."""
    check_matrices(A, "linalg.eigvals")
    return _eig(A)[0]
