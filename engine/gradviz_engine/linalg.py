"""``torch.linalg``: linear algebra under its public names; the operators are in ``ops``."""

from __future__ import annotations

from typing import Any

from gradviz_engine.missing import missing_name
from gradviz_engine.ops.chains import matrix_power, multi_dot
from gradviz_engine.ops.cross import linalg_cross as cross
from gradviz_engine.ops.cross import linalg_diagonal as diagonal
from gradviz_engine.ops.cross import vecdot
from gradviz_engine.ops.decompositions import cholesky, cholesky_ex, eigh, eigvalsh, qr, svd, svdvals
from gradviz_engine.ops.matmul import matmul
from gradviz_engine.ops.norms import linalg_norm as norm
from gradviz_engine.ops.norms import matrix_norm, vector_norm
from gradviz_engine.ops.solving import (
    LinAlgError,
    det,
    inv,
    inv_ex,
    slogdet,
    solve,
    solve_ex,
    solve_triangular,
)

__all__ = [
    "LinAlgError", "cholesky", "cholesky_ex", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "inv_ex",
    "matmul", "matrix_norm", "matrix_power", "multi_dot", "norm", "qr", "slogdet", "solve", "solve_ex",
    "solve_triangular", "svd", "svdvals", "vecdot", "vector_norm",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    raise missing_name("torch.linalg", name)
