"""Powers: of tensors, by numbers and by tensors.

Derivatives: ``pow_backward`` and its kin in torch/csrc/autograd/FunctionsManual.cpp of PyTorch 2.13.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine.dtypes import float64, scalar_category
from gradviz_engine.ops.copying import zeros_like
from gradviz_engine.ops.elementwise import conjugated, promoting, write_out
from gradviz_engine.ops.pointwise import mul_scalar
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.tensor import Tensor, wrap


def _power(x: Any, y: Any) -> Any:
    if x.dtype.kind in "iu" and y.dtype.kind in "iu" and np.any(y < 0):
        if x.ndim and y.ndim:
            return np.where(y < 0, _reciprocal_power(x, y), np.power(x, np.abs(y)))
        raise RuntimeError("Integers to negative integer powers are not allowed.")
    return np.power(x, y)


def _reciprocal_power(x: Any, y: Any) -> Any:
    """What is left of an integer's negative power: 1 for 1, ±1 for -1, else 0."""
    return np.where(x == 1, 1, np.where(x == -1, np.where(y % 2, -1, 1), 0)).astype(x.dtype)


def _power_of_scalar(x: Any, exponent: Any) -> Any:
    """``x ** number``; small whole exponents by multiplication, which is exact where numpy's ``pow`` rounds."""
    if x.dtype.kind == "f" and not isinstance(exponent, (complex, np.complexfloating)):
        if exponent == 2:
            return x * x
        if exponent == 3:
            return x * x * x
        if exponent == 0.5:
            return np.sqrt(x)
        return np.power(x, np.asarray(exponent, x.dtype))
    return promoting(_power)(x, exponent)


def pow_backward(grad: Tensor, base: Any, exponent: Any) -> Tensor:
    """The derivative by a base whose exponent is a number."""
    if exponent == 0:
        return zeros_like(base)
    return grad * conjugated(mul_scalar(_pow_scalar(base, exponent - 1), exponent))


def pow_backward_self(grad: Tensor, base: Any, exponent: Any) -> Tensor:
    """The derivative by a base whose exponent is a tensor: 0 where the exponent is 0."""
    from gradviz_engine.ops.masking import where

    return where(exponent == 0.0, wrap(np.zeros((), grad._data.dtype)), grad * (exponent * base.pow(exponent - 1)))


def pow_backward_exponent(grad: Tensor, base: Any, exponent: Any, result: Tensor) -> Tensor:
    """The derivative by the exponent: ``grad · result · log(base)``, 0 for a zero base and exponent >= 0."""
    from gradviz_engine.ops.masking import where

    zero = wrap(np.zeros((), grad._data.dtype))
    if not isinstance(base, Tensor):
        if base == 0:
            return where(exponent >= 0, zero, grad * (result * float(np.log(np.float64(base)))))
        return grad * mul_scalar(result, float(np.log(np.float64(base))))
    safe = (base == 0) & (exponent >= 0) if isinstance(exponent, Tensor) else base == 0
    return where(safe, zero, grad * (result * base.log()))


_pow_scalar = operator(
    "pow(self, *, exponent)",
    node="PowBackward0",
    forward=_power_of_scalar,
    gradients={
        "self": Rule(
            lambda grad, saved: pow_backward(grad, saved.self, saved.exponent), "grad · exponent · self^(exponent - 1)"
        )
    },
)
_pow = operator(
    "pow(self, exponent)",
    node="PowBackward1",
    forward=promoting(_power),
    gradients={
        "self": Rule(
            lambda grad, saved: pow_backward_self(grad, saved.self, saved.exponent),
            "grad · exponent · self^(exponent - 1)",
        ),
        "exponent": Rule(
            lambda grad, saved: pow_backward_exponent(grad, saved.self, saved.exponent, saved.result),
            "grad · result · ln(self)",
        ),
    },
)
_pow_of_number = operator(
    "pow(exponent, *, self)",
    node="PowBackward2",
    forward=lambda y, x: promoting(_power)(x, y),
    gradients={
        "exponent": Rule(
            lambda grad, saved: pow_backward_exponent(grad, saved.self, saved.exponent, saved.result),
            "grad · result · ln(self)",
        )
    },
)


def pow(input: Any, exponent: Any, *, out: Tensor | None = None) -> Tensor:
    """``input ** exponent``; either may be a number."""
    if isinstance(exponent, Tensor):
        op: Any = _pow if isinstance(input, Tensor) else _pow_of_number
        arguments = (input, exponent) if isinstance(input, Tensor) else (exponent, input)
    else:
        op, arguments = _pow_scalar, (input, exponent)
        _check_integer_power(input, exponent)
    return op(*arguments) if out is None else write_out("pow", out, op, *arguments)


def _check_integer_power(base: Tensor, exponent: Any) -> None:
    if base._data.dtype.kind in "iub" and scalar_category(exponent) < 2 and exponent < 0:
        raise RuntimeError("Integers to negative integer powers are not allowed.")


def float_power(input: Any, exponent: Any) -> Tensor:
    """``pow`` in double precision."""
    base = input.to(float64) if isinstance(input, Tensor) else input
    power = exponent.to(float64) if isinstance(exponent, Tensor) else exponent
    return pow(base, power)


@composite
def square(input: Tensor) -> Tensor:
    """``input ** 2``."""
    return _pow_scalar(input, 2)


def pow_(self: Tensor, exponent: Any) -> Tensor:
    return (_pow if isinstance(exponent, Tensor) else _pow_scalar).inplace(self, exponent)


def square_(self: Tensor) -> Tensor:
    return _pow_scalar.inplace(self, 2)


__all__ = ["float_power", "pow", "square"]
METHODS = (*__all__, "pow_", "square_")
INPLACE = ()
