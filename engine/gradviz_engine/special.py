"""``torch.special``: the special functions under SciPy's names."""

from typing import Any

from gradviz_engine.missing import missing_name
from gradviz_engine.ops.binary import xlog1py, xlogy
from gradviz_engine.ops.elementary import exp2, expm1, log1p, round
from gradviz_engine.ops.elementary import sigmoid as expit
from gradviz_engine.ops.reduction import logsumexp
from gradviz_engine.ops.softmax import log_softmax, softmax
from gradviz_engine.ops.special_functions import (
    digamma,
    entr,
    erf,
    erfc,
    erfcx,
    erfinv,
    i0,
    i0e,
    i1,
    i1e,
    log_ndtr,
    logit,
    ndtr,
    ndtri,
    polygamma,
    sinc,
    zeta,
)
from gradviz_engine.ops.special_functions import digamma as psi
from gradviz_engine.ops.special_functions import lgamma as gammaln
from gradviz_engine.ops.special_functions import mvlgamma as multigammaln

__all__ = [
    "digamma", "entr", "erf", "erfc", "erfcx", "erfinv", "exp2", "expit", "expm1", "gammaln", "i0", "i0e", "i1", "i1e",
    "log1p", "log_ndtr", "log_softmax", "logit", "logsumexp", "multigammaln", "ndtr", "ndtri", "polygamma", "psi",
    "round", "sinc", "softmax", "xlog1py", "xlogy", "zeta",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    raise missing_name("torch.special", name)
