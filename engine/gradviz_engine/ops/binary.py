"""Functions of two tensors beyond arithmetic: atan2, hypot, fmax, logaddexp, xlogy, copysign, ldexp.

Derivatives: tools/autograd/derivatives.yaml and FunctionsManual.cpp of PyTorch 2.13.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradviz_engine.ops.copying import zeros_like
from gradviz_engine.ops.elementwise import named, promoting, promoting_floats
from gradviz_engine.ops.pointwise import add_scalar, mul_scalar
from gradviz_engine.ops.powers import pow
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.tensor import Tensor


def _binary(
    name: str, node: str, function: Any, to_self: tuple[Any, str], to_other: tuple[Any, str], floats: bool = True
) -> Any:
    """Declare a function of two tensors and return what users call."""
    op = operator(
        f"{name}(self, other)",
        node=node,
        forward=(promoting_floats if floats else promoting)(function),
        gradients={"self": Rule(*to_self), "other": Rule(*to_other)},
    )

    def call(input: Any, other: Any) -> Tensor:
        return op(input, other)

    return named(call, name, op)


def _atan2_part(grad: Tensor, x: Tensor, other: Tensor) -> Tensor:
    return grad * (x * x + other * other).reciprocal().masked_fill((x == 0).logical_and(other == 0), 0)


atan2 = _binary(
    "atan2", "Atan2Backward0", np.arctan2,
    (lambda grad, saved: _atan2_part(grad, saved.self, saved.other) * saved.other, "grad · other / (self² + other²)"),
    (lambda grad, saved: _atan2_part(grad, saved.self, saved.other) * -saved.self, "-grad · self / (self² + other²)"),
)  # fmt: skip
arctan2 = atan2
hypot = _binary(
    "hypot", "HypotBackward0", np.hypot,
    (lambda grad, saved: grad * saved.self / saved.result, "grad · self / result"),
    (lambda grad, saved: grad * saved.other / saved.result, "grad · other / result"),
    floats=False,
)  # fmt: skip
logaddexp = _binary(
    "logaddexp", "LogaddexpBackward0", np.logaddexp,
    (lambda grad, saved: grad / add_scalar((saved.other - saved.self).exp(), 1), "grad · exp(self - result)"),
    (lambda grad, saved: grad / add_scalar((saved.self - saved.other).exp(), 1), "grad · exp(other - result)"),
)  # fmt: skip
logaddexp2 = _binary(
    "logaddexp2", "Logaddexp2Backward0", np.logaddexp2,
    (lambda grad, saved: grad / add_scalar(pow(2, saved.other - saved.self), 1), "grad · 2^(self - result)"),
    (lambda grad, saved: grad / add_scalar(pow(2, saved.self - saved.other), 1), "grad · 2^(other - result)"),
)  # fmt: skip


def _chooser(name: str, node: str, function: Any, compare: Any) -> Any:
    """``fmax`` and ``fmin``: a nan loses to a number, equals go to ``self``."""
    return _binary(
        name, node, function,
        (
            lambda grad, saved: grad.masked_fill(
                compare(saved.self, saved.other).logical_or(saved.other.isnan()).logical_not(), 0
            ),
            f"grad where self {'≥' if name == 'fmax' else '≤'} other, else 0",
        ),
        (
            lambda grad, saved: grad.masked_fill(
                compare(saved.self, saved.other).logical_or(saved.other.isnan()), 0
            ),
            f"0 where self {'≥' if name == 'fmax' else '≤'} other, else grad",
        ),
        floats=False,
    )  # fmt: skip


fmax = _chooser("fmax", "FmaxBackward0", np.fmax, lambda x, y: x >= y)
fmin = _chooser("fmin", "FminBackward0", np.fmin, lambda x, y: x <= y)

# x · log(y) ---------------------------------------------------------------------------------------------


def _times_log(logarithm: Any) -> Any:
    """``x · log(y)``, 0 where x is 0, nan where y is nan."""

    def forward(x: Any, y: Any) -> Any:
        return np.where(np.isnan(y), np.nan, np.where(x == 0, 0, x * logarithm(y))).astype(np.result_type(x, y))

    return promoting_floats(forward)


def _x_log_y(name: str, node: str, logarithm: Any, shift: float) -> Any:
    """``xlogy`` and ``xlog1py`` with tensors and numbers on either side."""
    forward = _times_log(logarithm)

    def with_grad(grad: Tensor, x: Tensor, other: Any) -> Tensor:
        outside = x == 0.0
        if isinstance(other, Tensor):
            outside = outside.logical_and(other <= -shift)
        elif other > -shift:
            return call(grad, other)
        return call(grad, other).masked_fill(outside, 0.0)

    def by_other(grad: Tensor, x: Any, other: Tensor) -> Tensor:
        top = grad * x if isinstance(x, Tensor) else mul_scalar(grad, x)
        return top / (add_scalar(other, shift) if shift else other)

    self_rule = Rule(
        lambda grad, saved: with_grad(grad, saved.self, saved.other),
        f"grad · {logarithm.__name__}(other)",
        reads=("self", "other"),
    )
    other_rule = Rule(
        lambda grad, saved: by_other(grad, saved.self, saved.other),
        "grad · self / (1 + other)" if shift else "grad · self / other",
        reads=("self", "other"),
    )
    both = operator(
        f"{name}(self, other)", node=f"{node}0", forward=forward, gradients={"self": self_rule, "other": other_rule}
    )
    number_first = operator(
        f"{name}(other, *, self)",
        node=f"{node}1",
        forward=lambda y, x: forward(x, y),
        gradients={"other": other_rule},
    )
    number_second = operator(f"{name}(self, *, other)", node=f"{node}2", forward=forward, gradients={"self": self_rule})

    def call(input: Any, other: Any) -> Tensor:
        if not isinstance(input, Tensor):
            return number_first(other, input)
        return (both if isinstance(other, Tensor) else number_second)(input, other)

    return named(call, name, both)


xlogy = _x_log_y("xlogy", "XlogyBackward", np.log, 0.0)
xlog1py = _x_log_y("special_xlog1py", "SpecialXlog1PyBackward", np.log1p, 1.0)

# Sign and exponent --------------------------------------------------------------------------------------


def _copysign_backward(grad: Tensor, x: Tensor, result: Tensor) -> Tensor:
    """Source: ``copysign_tensor_self_backward``: the sign change, 0 at 0."""
    return grad * (result / x).masked_fill(x == 0, 0)


_copysign = operator(
    "copysign(self, other)",
    node="CopysignBackward0",
    forward=promoting_floats(np.copysign),
    gradients={
        "self": Rule(lambda grad, saved: _copysign_backward(grad, saved.self, saved.result), "grad · result / self"),
        "other": Rule(lambda grad, saved: zeros_like(saved.other), "0"),
    },
)
_copysign_number = operator(
    "copysign(self, *, other)",
    node="CopysignBackward1",
    forward=promoting_floats(np.copysign),
    gradients={
        "self": Rule(lambda grad, saved: _copysign_backward(grad, saved.self, saved.result), "grad · result / self")
    },
)


def copysign(input: Tensor, other: Any) -> Tensor:
    """The size of ``input`` with the sign of ``other``."""
    return (_copysign if isinstance(other, Tensor) else _copysign_number)(input, other)


ldexp = _binary(
    "ldexp", "LdexpBackward0", lambda x, y: x * np.exp2(y),
    (lambda grad, saved: grad * pow(2, saved.other), "grad · 2^other"),
    (lambda grad, saved: mul_scalar(grad * saved.result, math.log(2)), "grad · result · ln 2"),
)  # fmt: skip


def inplace_of(function: Any) -> Any:
    """``atan2_`` from ``atan2``."""
    op = function.operator

    def method(self: Tensor, other: Tensor) -> Tensor:
        return op.inplace(self, other)

    method.__name__ = method.__qualname__ = function.__name__ + "_"
    return method


NAMED_METHODS = {f.__name__ + "_": inplace_of(f) for f in (atan2, hypot, xlogy)}
__all__ = [
    "arctan2", "atan2", "copysign", "fmax", "fmin", "hypot", "ldexp", "logaddexp", "logaddexp2", "xlogy",
]  # fmt: skip
METHODS = tuple(__all__)
INPLACE = ()
