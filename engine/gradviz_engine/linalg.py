"""``torch.linalg``: linear algebra under its public names; the operators are in ``ops``."""

from __future__ import annotations

from typing import Any

from gradviz_engine.missing import missing_name
from gradviz_engine.ops.chains import matrix_power, multi_dot
from gradviz_engine.ops.cross import linalg_cross as cross
from gradviz_engine.ops.cross import linalg_diagonal as diagonal
from gradviz_engine.ops.cross import vecdot
from gradviz_engine.ops.decompositions import cholesky, cholesky_ex, eigh, eigvalsh, qr, svd, svdvals
from gradviz_engine.ops.eigenvalues import eig, eigvals
from gradviz_engine.ops.least_squares import cond, lstsq, matrix_rank, pinv, tensorinv, tensorsolve, vander
from gradviz_engine.ops.lu_factors import linalg_lu_solve as lu_solve
from gradviz_engine.ops.lu_factors import lu, lu_factor, lu_factor_ex
from gradviz_engine.ops.matmul import matmul
from gradviz_engine.ops.matrix_exp import matrix_exp
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
    "LinAlgError", "cholesky", "cholesky_ex", "cond", "cross", "det", "diagonal", "eig", "eigh", "eigvals",
    "eigvalsh", "inv", "inv_ex", "lstsq", "lu", "lu_factor", "lu_factor_ex", "lu_solve", "matmul", "matrix_exp",
    "matrix_norm", "matrix_power", "matrix_rank", "multi_dot", "norm", "pinv", "qr", "slogdet", "solve", "solve_ex",
    "solve_triangular", "svd", "svdvals", "tensorinv", "tensorsolve", "vander", "vecdot", "vector_norm",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    raise missing_name("torch.linalg", name)
