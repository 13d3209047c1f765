"""Elementary functions: exponentials, logarithms, roots, trigonometric and hyperbolic functions, rounding.

Derivatives: tools/autograd/derivatives.yaml of PyTorch 2.13.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz_engine.ops.copying import zeros_like
from gradviz_engine.ops.elementwise import conjugated, floating, unary
from gradviz_engine.ops.pointwise import add_scalar, mul_scalar
from gradviz_engine.ops.registry import Operator, Rule, operator
from gradviz_engine.tensor import Tensor

LN2, LN10 = math.log(2.0), math.log(10.0)


def _negated(x: Any) -> Any:
    if x.dtype.kind == "b":
        raise RuntimeError(
            "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use "
            "the `~` or `logical_not()` operator instead."
        )
    return np.negative(x)


neg = unary("neg", _negated, lambda grad, saved: -grad, "-grad")
negative = neg
reciprocal = unary(
    "reciprocal",
    floating(np.reciprocal),
    lambda grad, saved: -grad * conjugated(saved.result * saved.result),
    "-grad · result²",
)
abs = unary("abs", lambda x: np.abs(x), lambda grad, saved: grad * sgn(saved.self), "grad · sign(self)")
absolute = abs

# Exponentials and logarithms ----------------------------------------------------------------------------

exp = unary("exp", floating(np.exp), lambda grad, saved: grad * conjugated(saved.result), "grad · result")
exp2 = unary(
    "exp2", floating(np.exp2), lambda grad, saved: mul_scalar(grad * saved.result, LN2), "grad · result · ln 2"
)
expm1 = unary(
    "expm1", floating(np.expm1), lambda grad, saved: grad * add_scalar(saved.result, 1), "grad · (result + 1)"
)
log = unary("log", floating(np.log), lambda grad, saved: grad / conjugated(saved.self), "grad / self")
log2 = unary("log2", floating(np.log2), lambda grad, saved: grad / mul_scalar(saved.self, LN2), "grad / (self · ln 2)")
log10 = unary(
    "log10", floating(np.log10), lambda grad, saved: grad / mul_scalar(saved.self, LN10), "grad / (self · ln 10)"
)
log1p = unary(
    "log1p", floating(np.log1p), lambda grad, saved: grad / add_scalar(saved.self, 1), "grad / (self + 1)",
    node="Log1PBackward0",
)  # fmt: skip

# Roots --------------------------------------------------------------------------------------------------

sqrt = unary(
    "sqrt", floating(np.sqrt), lambda grad, saved: grad / conjugated(mul_scalar(saved.result, 2)), "grad / (2 · result)"
)
rsqrt = unary(
    "rsqrt",
    floating(lambda x: np.reciprocal(np.sqrt(x))),
    lambda grad, saved: mul_scalar(grad, -0.5) * saved.result.pow(3),
    "-½ · grad · result³",
)

# Trigonometric ------------------------------------------------------------------------------------------

sin = unary("sin", floating(np.sin), lambda grad, saved: grad * conjugated(saved.self.cos()), "grad · cos(self)")
cos = unary("cos", floating(np.cos), lambda grad, saved: grad * -conjugated(saved.self.sin()), "-grad · sin(self)")
tan = unary(
    "tan", floating(np.tan), lambda grad, saved: grad * add_scalar(saved.result.pow(2), 1), "grad · (1 + result²)"
)
asin = unary(
    "asin",
    floating(np.arcsin),
    lambda grad, saved: grad * add_scalar(-saved.self * saved.self, 1).rsqrt(),
    "grad / √(1 - self²)",
)
acos = unary(
    "acos",
    floating(np.arccos),
    lambda grad, saved: grad * -add_scalar(-saved.self * saved.self, 1).rsqrt(),
    "-grad / √(1 - self²)",
)
atan = unary(
    "atan",
    floating(np.arctan),
    lambda grad, saved: grad / add_scalar(saved.self * saved.self, 1),
    "grad / (1 + self²)",
)
arcsin, arccos, arctan = asin, acos, atan

# Hyperbolic ---------------------------------------------------------------------------------------------

sinh = unary("sinh", floating(np.sinh), lambda grad, saved: grad * saved.self.cosh(), "grad · cosh(self)")
cosh = unary("cosh", floating(np.cosh), lambda grad, saved: grad * saved.self.sinh(), "grad · sinh(self)")
asinh = unary(
    "asinh",
    floating(np.arcsinh),
    lambda grad, saved: grad * add_scalar(saved.self.pow(2), 1).rsqrt(),
    "grad / √(self² + 1)",
)
acosh = unary(
    "acosh",
    floating(np.arccosh),
    lambda grad, saved: grad * add_scalar(saved.self * saved.self, -1).rsqrt(),
    "grad / √(self² - 1)",
)
atanh = unary(
    "atanh",
    floating(np.arctanh),
    lambda grad, saved: mul_scalar(grad, 1) / (1 - saved.self.pow(2)),
    "grad / (1 - self²)",
)
arcsinh, arccosh, arctanh = asinh, acosh, atanh

_tanh_backward: Operator = operator(
    "tanh_backward(grad_output, output)",
    node="TanhBackwardBackward0",
    forward=lambda grad, output: grad * (1 - output * output),
    gradients={
        "grad_output": Rule(lambda grad, saved: _tanh_backward(grad, saved.output), "grad · (1 - output²)"),
        "output": Rule(
            lambda grad, saved: grad * (mul_scalar(saved.output, -2) * saved.grad_output),
            "-2 · grad · output · grad_output",
        ),
    },
)
tanh = unary("tanh", floating(np.tanh), lambda grad, saved: _tanh_backward(grad, saved.result), "grad · (1 - result²)")


def _logistic(x: Any) -> Any:
    """``1 / (1 + exp(-x))``; exp overflows to inf for very negative x, which gives the right 0."""
    return 1 / (1 + np.exp(-x))


_sigmoid_backward: Operator = operator(
    "sigmoid_backward(grad_output, output)",
    node="SigmoidBackwardBackward0",
    forward=lambda grad, output: grad * (1 - output) * output,
    gradients={
        "grad_output": Rule(lambda grad, saved: _sigmoid_backward(grad, saved.output), "grad · (1 - output) · output"),
        "output": Rule(
            lambda grad, saved: grad * saved.grad_output * add_scalar(mul_scalar(saved.output, -2), 1),
            "grad · grad_output · (1 - 2 · output)",
        ),
    },
)
sigmoid = unary(
    "sigmoid",
    floating(_logistic),
    lambda grad, saved: _sigmoid_backward(grad, saved.result),
    "grad · (1 - result) · result",
)

# Signs and rounding: flat almost everywhere -------------------------------------------------------------


def _whole(function: Any) -> Any:
    """Integers round to themselves."""
    return lambda x: function(x) if x.dtype.kind == "f" else x.copy()


def _sign_of(x: Any) -> Any:
    return x.copy() if x.dtype.kind == "b" else np.sign(x)


def _unit_of(x: Any) -> Any:
    if x.dtype.kind != "c":
        return _sign_of(x)
    size = np.abs(x)
    return np.divide(x, size, out=np.zeros_like(x), where=size != 0)


def _sgn_backward(grad: Tensor, x: Tensor, result: Tensor) -> Tensor:
    """Source: ``sgn_backward`` in FunctionsManual.cpp."""
    if x._data.dtype.kind != "c":
        return zeros_like(grad)
    turned = grad / x.abs()
    return turned - (conjugated(turned) * result).real * result


sign = unary("sign", _sign_of, lambda grad, saved: zeros_like(grad), "0")
sgn: Callable[..., Any] = unary("sgn", _unit_of, lambda grad, saved: _sgn_backward(grad, saved.self, saved.result), "0")
floor = unary("floor", _whole(np.floor), lambda grad, saved: zeros_like(grad), "0")
ceil = unary("ceil", _whole(np.ceil), lambda grad, saved: zeros_like(grad), "0")
trunc = unary("trunc", _whole(np.trunc), lambda grad, saved: zeros_like(grad), "0")
fix = trunc
frac = unary("frac", lambda x: x - np.trunc(x), lambda grad, saved: grad, "grad")


def _rounded(x: Any, decimals: int) -> Any:
    """Half to even; to decimals as ATen does it, by scaling."""
    if x.dtype.kind != "f":
        return x.copy()
    if decimals == 0:
        return np.rint(x)
    scale = np.asarray(10.0 ** math.fabs(decimals), x.dtype)
    return np.rint(x * scale) / scale if decimals > 0 else np.rint(x / scale) * scale


_round = operator(
    "round(self, *, decimals)",
    node="RoundBackward0",
    forward=_rounded,
    gradients={"self": Rule(lambda grad, saved: zeros_like(grad), "0")},
)
_round_decimals = operator(
    "round(self, *, decimals)",
    node="RoundBackward1",
    forward=_rounded,
    gradients={"self": Rule(lambda grad, saved: zeros_like(grad), "0")},
)


def round(input: Tensor, *, decimals: int | None = None) -> Tensor:
    """The nearest whole number, halves to even; or the nearest number with ``decimals`` decimals."""
    if decimals is None:
        return _round(input, 0)
    return _round_decimals(input, decimals)


def round_(self: Tensor, *, decimals: int | None = None) -> Tensor:
    return _round.inplace(self, 0) if decimals is None else _round_decimals.inplace(self, decimals)


deg2rad = unary(
    "deg2rad",
    floating(np.deg2rad),
    lambda grad, saved: mul_scalar(grad, math.pi / 180),
    "grad · π / 180",
    node="Deg2RadBackward0",
)
rad2deg = unary(
    "rad2deg",
    floating(np.rad2deg),
    lambda grad, saved: mul_scalar(grad, 180 / math.pi),
    "grad · 180 / π",
    node="Rad2DegBackward0",
)


def positive(input: Tensor) -> Tensor:
    """The tensor itself."""
    if input._data.dtype.kind == "b":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


INPLACE = (
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "ceil", "cos", "cosh", "deg2rad", "exp", "exp2", "expm1",
    "floor", "frac", "log", "log10", "log1p", "log2", "neg", "rad2deg", "reciprocal", "rsqrt", "sgn", "sigmoid",
    "sign", "sin", "sinh", "sqrt", "tan", "tanh", "trunc",
)  # fmt: skip
__all__ = [
    *INPLACE, "absolute", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "fix", "negative", "positive",
    "round",
]  # fmt: skip
METHODS = (*__all__, "round_")
