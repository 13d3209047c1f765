"""Special functions: error functions, gamma functions, Bessel functions, and pointwise functions of two tensors.

Forwards: ``error_functions.py``, ``gamma_functions.py``. Derivatives: tools/autograd/derivatives.yaml and
FunctionsManual.cpp of PyTorch 2.13. ``torch.special`` collects them under its own names.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz_engine.ops import error_functions, gamma_functions
from gradviz_engine.ops.comparison import isfinite
from gradviz_engine.ops.copying import zeros_like
from gradviz_engine.ops.elementwise import floating, promoting_floats, unary
from gradviz_engine.ops.masking import where, zero_like
from gradviz_engine.ops.pointwise import add_scalar, div_scalar, mul_scalar
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.tensor import Tensor, wrap

TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)

# Error functions ----------------------------------------------------------------------------------------

erf = unary(
    "erf",
    floating(error_functions.erf),
    lambda grad, saved: mul_scalar((-saved.self.pow(2)).exp(), TWO_OVER_ROOT_PI) * grad,
    "2 / √π · exp(-self²) · grad",
)
erfc = unary(
    "erfc",
    floating(error_functions.erfc),
    lambda grad, saved: mul_scalar((-saved.self.pow(2)).exp(), -TWO_OVER_ROOT_PI) * grad,
    "-2 / √π · exp(-self²) · grad",
)
erfcx = unary(
    "erfcx",
    floating(error_functions.erfcx),
    lambda grad, saved: add_scalar(mul_scalar(saved.self, 2.0) * saved.result, -TWO_OVER_ROOT_PI) * grad,
    "(2 · self · result - 2 / √π) · grad",
    node="SpecialErfcxBackward0",
)
erfinv = unary(
    "erfinv",
    floating(error_functions.erfinv),
    lambda grad, saved: mul_scalar(saved.self.erfinv().pow(2).exp(), 0.5 * math.sqrt(math.pi)) * grad,
    "√π / 2 · exp(result²) · grad",
)
ndtri = unary(
    "ndtri",
    floating(error_functions.ndtri),
    lambda grad, saved: mul_scalar(grad, math.sqrt(2 * math.pi)) * div_scalar(saved.result.square(), 2).exp(),
    "√(2 · π) · exp(result² / 2) · grad",
    node="SpecialNdtriBackward0",
)
log_ndtr = unary(
    "log_ndtr",
    floating(error_functions.log_ndtr),
    lambda grad, saved: (
        div_scalar(grad, math.sqrt(2 * math.pi)) * (-(saved.result + div_scalar(saved.self.pow(2), 2))).exp()
    ),
    "grad / √(2 · π) · exp(-(result + self² / 2))",
    node="SpecialLogNdtrBackward0",
)


def ndtr(input: Tensor) -> Tensor:
    """The normal distribution function, by way of erf."""
    return mul_scalar(add_scalar(erf(mul_scalar(input, math.sqrt(0.5))), 1), 0.5)


# Gamma functions ----------------------------------------------------------------------------------------

lgamma = unary(
    "lgamma", floating(gamma_functions.lgamma), lambda grad, saved: grad * digamma(saved.self), "grad · digamma(self)"
)
digamma: Callable[..., Any] = unary(
    "digamma",
    floating(gamma_functions.digamma),
    lambda grad, saved: grad * polygamma(1, saved.self),
    "grad · polygamma(1, self)",
)
_polygamma = operator(
    "polygamma(self, *, n)",
    node="PolygammaBackward0",
    forward=floating(gamma_functions.polygamma),
    gradients={
        "self": Rule(lambda grad, saved: grad * polygamma(saved.n + 1, saved.self), "grad · polygamma(n + 1, self)")
    },
)


def polygamma(n: int, input: Tensor) -> Tensor:
    """The ``n``-th derivative of digamma."""
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    return _polygamma(input, n)


def _polygamma_method(self: Tensor, n: int) -> Tensor:
    return polygamma(n, self)


def _multi_lgamma(x: Any, p: int) -> Any:
    shifts = np.arange(p, dtype=x.dtype) / 2
    return gamma_functions.lgamma(x[..., None] - shifts).sum(axis=-1) + p * (p - 1) / 4 * math.log(math.pi)


def _mvlgamma_backward(grad: Tensor, x: Tensor, p: int) -> Tensor:
    """Source: ``mvlgamma_backward``."""
    steps = wrap(np.arange(-p / 2 + 0.5, 0.5, 0.5).astype(x._data.dtype))
    return grad * (steps + x.unsqueeze(-1)).digamma().sum(-1)


_mvlgamma = operator(
    "mvlgamma(self, *, p)",
    node="MvlgammaBackward0",
    forward=floating(_multi_lgamma),
    gradients={
        "self": Rule(
            lambda grad, saved: _mvlgamma_backward(grad, saved.self, saved.p), "grad · Σ digamma(self - j / 2)"
        )
    },
)


def mvlgamma(input: Tensor, p: int) -> Tensor:
    """The logarithm of the multivariate gamma function of dimension ``p``."""
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    return _mvlgamma(input, p)


def _zeta_unknown(grad: Tensor, saved: Any) -> Any:
    raise NotImplementedError("the derivative for 'zeta' is not implemented.")


_zeta = operator(
    "special_zeta(self, other)",
    node="SpecialZetaBackward0",
    forward=promoting_floats(gamma_functions.zeta),
    gradients={
        "self": Rule(_zeta_unknown, "not implemented in PyTorch"),
        "other": Rule(
            lambda grad, saved: grad * -saved.self * zeta(add_scalar(saved.self, 1.0), saved.other),
            "-grad · self · zeta(self + 1, other)",
        ),
    },
)


def zeta(input: Tensor, other: Tensor) -> Tensor:
    """The Hurwitz zeta function."""
    return _zeta(input, other)


# Bessel functions ---------------------------------------------------------------------------------------


def _i1_slope(x: Tensor, at_zero: float, slope: Any) -> Tensor:
    """``slope`` at x, ``at_zero`` near 0, where it divides by x."""
    near = x.abs() <= float(np.finfo(x._data.dtype).eps)
    safe = where(near, wrap(np.asarray(np.finfo(x._data.dtype).eps, x._data.dtype)), x)
    return where(near, wrap(np.asarray(at_zero, x._data.dtype)), slope(safe))


i0 = unary("i0", floating(gamma_functions.i0), lambda grad, saved: grad * i1(saved.self), "grad · i1(self)")
i0e = unary(
    "i0e",
    floating(gamma_functions.i0e),
    lambda grad, saved: grad * (i1e(saved.self) - saved.self.sgn() * saved.result),
    "grad · (i1e(self) - sign(self) · result)",
    node="SpecialI0EBackward0",
)
i1: Callable[..., Any] = unary(
    "i1",
    floating(gamma_functions.i1),
    lambda grad, saved: grad * _i1_slope(saved.self, 0.5, lambda x: i0(x) - saved.result * x.reciprocal()),
    "grad · (i0(self) - result / self)",
    node="SpecialI1Backward0",
)
i1e: Callable[..., Any] = unary(
    "i1e",
    floating(gamma_functions.i1e),
    lambda grad, saved: grad * _i1_slope(saved.self, 0.5, lambda x: i0e(x) - saved.result * (x.sgn() + x.reciprocal())),
    "grad · (i0e(self) - result · (sign(self) + 1 / self))",
    node="SpecialI1EBackward0",
)

# Logarithms and their like ------------------------------------------------------------------------------


def _sinc(x: Any) -> Any:
    return np.sinc(x).astype(x.dtype, copy=False)


def _sinc_backward(grad: Tensor, x: Tensor) -> Tensor:
    """Source: ``sinc_backward``."""
    turned = mul_scalar(x, math.pi)
    squared = mul_scalar(x * x, math.pi)
    slope = grad * ((turned * turned.cos() - turned.sin()) / squared)
    return slope.masked_fill(squared == 0.0, 0)


sinc = unary(
    "sinc",
    floating(_sinc),
    lambda grad, saved: _sinc_backward(grad, saved.self),
    "0 where self = 0, else grad · (π · self · cos(π · self) - sin(π · self)) / (π · self²)",
)


def _entropy(x: Any) -> Any:
    """``-x · log(x)``: 0 at 0, -inf below."""
    return np.where(x == 0, 0, np.where(x < 0, -np.inf, -x * np.log(x))).astype(x.dtype)


entr = unary(
    "entr",
    floating(_entropy),
    lambda grad, saved: grad * -add_scalar(saved.self.log(), 1),
    "-grad · (1 + log(self))",
    node="SpecialEntrBackward0",
)  # fmt: skip


def _logit(x: Any, eps: float | None) -> Any:
    z = x if eps is None else np.clip(x, eps, 1 - eps)
    return np.log(z / (1 - z)).astype(x.dtype, copy=False)


def _logit_backward(grad: Tensor, x: Tensor, eps: float | None) -> Tensor:
    """Source: ``infinitely_differentiable_logit_backward``."""
    slope = grad / (x * (1.0 - x))
    outside = 0.0 if eps is not None else math.nan
    low, high = (eps, 1 - eps) if eps is not None else (0.0, 1.0)
    inside = (x >= low).logical_and(x <= high)
    return where(inside, slope, wrap(np.asarray(outside, grad._data.dtype)))


_logit_op = operator(
    "logit(self, *, eps)",
    node="LogitBackward0",
    forward=floating(_logit),
    gradients={
        "self": Rule(lambda grad, saved: _logit_backward(grad, saved.self, saved.eps), "grad / (self · (1 - self))")
    },
)


def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """``log(x / (1 - x))``, x first brought into ``[eps, 1 - eps]``."""
    return _logit_op(input, eps)


def _replaced(x: Any, nan: Any, posinf: Any, neginf: Any) -> Any:
    if x.dtype.kind not in "fc":
        return x.copy()
    return np.nan_to_num(x, nan=0.0 if nan is None else nan, posinf=posinf, neginf=neginf)


_nan_to_num = operator(
    "nan_to_num(self, *, nan, posinf, neginf)",
    node="NanToNumBackward0",
    forward=_replaced,
    gradients={"self": Rule(lambda grad, saved: grad * isfinite(saved.self), "grad where self is finite")},
)


def nan_to_num(input: Tensor, nan: Any = None, posinf: Any = None, neginf: Any = None) -> Tensor:
    """nan and the infinities replaced by numbers."""
    return _nan_to_num(input, nan, posinf, neginf)


# Exponents and neighbours -------------------------------------------------------------------------------

_frexp = operator(
    "frexp(self) -> mantissa, exponent",
    node="FrexpBackward0",
    forward=lambda x: tuple(np.frexp(x)),
    gradients={"self": Rule(lambda grad, saved: grad[0] / saved.exponent.exp2(), "grad / 2^exponent")},
)


def frexp(input: Tensor) -> Any:
    """Mantissa in [0.5, 1) and exponent of 2."""
    from gradviz_engine.ops.extrema import result_type

    return result_type("frexp", "mantissa exponent")(*_frexp(input))


_nextafter = operator(
    "nextafter(self, other)",
    node="NextafterBackward0",
    forward=promoting_floats(np.nextafter),
    gradients={
        "self": Rule(
            lambda grad, saved: where(saved.self != saved.other, grad, zero_like(grad)),
            "0 where self = other, else grad",
        ),
        "other": Rule(lambda grad, saved: zeros_like(saved.other), "0"),
    },
)


def nextafter(input: Tensor, other: Tensor) -> Tensor:
    """The next floating-point number towards ``other``."""
    return _nextafter(input, other)


__all__ = [
    "digamma", "erf", "erfc", "erfinv", "frexp", "i0", "lgamma", "logit", "mvlgamma", "nan_to_num", "nextafter",
    "polygamma", "sinc",
]  # fmt: skip
METHODS = tuple(name for name in __all__ if name != "polygamma")


def logit_(self: Tensor, eps: float | None = None) -> Tensor:
    return _logit_op.inplace(self, eps)


def nan_to_num_(self: Tensor, nan: Any = None, posinf: Any = None, neginf: Any = None) -> Tensor:
    return _nan_to_num.inplace(self, nan, posinf, neginf)


NAMED_METHODS = {"polygamma": _polygamma_method, "logit_": logit_, "nan_to_num_": nan_to_num_}
INPLACE = ("digamma", "erf", "erfc", "erfinv", "i0", "lgamma", "sinc")
