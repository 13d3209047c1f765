"""Arithmetic, element by element: sums, products, quotients, and their in-place forms.

Derivatives: tools/autograd/derivatives.yaml of PyTorch 2.13. PyTorch's C++ code multiplies by plain numbers
through ``mul.Scalar`` (MulBackward1), Python code through ``mul.Tensor`` (MulBackward0); composites that
PyTorch writes in C++ use ``add_scalar``, ``mul_scalar`` and ``div_scalar`` here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine.ops.copying import zeros_like
from gradviz_engine.ops.elementwise import (
    conjugated,
    not_implemented,
    operand,
    promoting,
    promoting_floats,
    to_common,
    write_out,
)
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.tensor import Tensor

# Sums and differences -----------------------------------------------------------------------------------

_plus = promoting(np.add)


def _subtract(x: Any, y: Any) -> Any:
    if x.dtype.kind == y.dtype.kind == "b":
        raise RuntimeError(
            "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` "
            "operator instead."
        )
    if "b" in (x.dtype.kind, y.dtype.kind):
        raise RuntimeError(
            "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a "
            "mask, use the `~` or `logical_not()` operator instead."
        )
    return np.subtract(x, y)


_minus = promoting(lambda x, y: np.subtract(x, y) if x.dtype.kind != "b" else _subtract(x, np.asarray(y)))


def _times_alpha(x: Any, y: Any, alpha: Any) -> Any:
    if isinstance(alpha, (float, complex)) and all(np.asarray(v).dtype.kind in "iub" for v in (x, y)):
        raise RuntimeError("For integral input tensors, argument alpha must not be a floating point number.")
    return y * alpha if not isinstance(y, np.ndarray) else np.multiply(y, np.asarray(alpha, y.dtype))


_add = operator(
    "add(self, other, *, alpha)",
    node="AddBackward0",
    forward=lambda x, y, alpha: _plus(x, y if alpha == 1 else _times_alpha(x, y, alpha)),
    gradients={
        "self": Rule(lambda grad, saved: grad, "grad"),
        "other": Rule(lambda grad, saved: scaled(grad, saved.alpha), "grad · alpha"),
    },
)
_add_scalar = operator(
    "add(self, *, other, alpha)",
    node="AddBackward1",
    forward=lambda x, y, alpha: _plus(x, y if alpha == 1 else y * alpha),
    gradients={"self": Rule(lambda grad, saved: grad, "grad")},
)
_sub = operator(
    "sub(self, other, *, alpha)",
    node="SubBackward0",
    forward=lambda x, y, alpha: _minus(x, y if alpha == 1 else _times_alpha(x, y, alpha)),
    gradients={
        "self": Rule(lambda grad, saved: grad, "grad"),
        "other": Rule(lambda grad, saved: scaled(-grad, saved.alpha), "-grad · alpha"),
    },
)
_rsub = operator(
    "rsub(self, other, *, alpha)",
    node="RsubBackward0",
    forward=lambda x, y, alpha: _minus(y, x if alpha == 1 else _times_alpha(y, x, alpha)),
    gradients={
        "self": Rule(lambda grad, saved: scaled(-grad, saved.alpha), "-grad · alpha"),
        "other": Rule(lambda grad, saved: grad, "grad"),
    },
)
_rsub_scalar = operator(
    "rsub(self, *, other, alpha)",
    node="RsubBackward1",
    forward=lambda x, y, alpha: _minus(to_common(y, x)[0], x if alpha == 1 else _times_alpha(y, x, alpha)),
    gradients={"self": Rule(lambda grad, saved: scaled(-grad, saved.alpha), "-grad · alpha")},
)

# Products and quotients ---------------------------------------------------------------------------------

_mul = operator(
    "mul(self, other)",
    node="MulBackward0",
    forward=promoting(np.multiply),
    gradients={
        "self": Rule(lambda grad, saved: grad * conjugated(saved.other), "grad · other"),
        "other": Rule(lambda grad, saved: grad * conjugated(saved.self), "grad · self"),
    },
)
_mul_scalar = operator(
    "mul(self, *, other)",
    node="MulBackward1",
    forward=promoting(np.multiply),
    gradients={"self": Rule(lambda grad, saved: mul_scalar(grad, conjugated(saved.other)), "grad · other")},
)
_div = operator(
    "div(self, other)",
    node="DivBackward0",
    forward=promoting_floats(np.true_divide),
    gradients={
        "self": Rule(lambda grad, saved: grad / conjugated(saved.other), "grad / other"),
        "other": Rule(
            lambda grad, saved: -grad * conjugated((saved.self / saved.other) / saved.other),
            "-grad · self / other²",
        ),
    },
)
_div_scalar = operator(
    "div(self, *, other)",
    node="DivBackward1",
    forward=promoting_floats(np.true_divide),
    gradients={"self": Rule(lambda grad, saved: div_scalar(grad, conjugated(saved.other)), "grad / other")},
)


def _floor_quotient(x: Any, y: Any) -> Any:
    if x.dtype.kind in "iub":
        if np.any(np.equal(y, 0)):
            raise RuntimeError("ZeroDivisionError")
        return np.floor_divide(x, y)
    return np.floor_divide(x, y)


def _truncated_quotient(x: Any, y: Any) -> Any:
    if x.dtype.kind in "iub":
        if np.any(np.equal(y, 0)):
            raise RuntimeError("ZeroDivisionError")
        quotient = np.floor_divide(x, y)
        return quotient + ((quotient < 0) & (quotient * y != x)).astype(quotient.dtype)
    return np.trunc(np.true_divide(x, y))


_ROUNDED = {"floor": promoting(_floor_quotient), "trunc": promoting(_truncated_quotient)}

_div_rounded = operator(
    "div(self, other, *, rounding_mode)",
    node="DivBackward2",
    forward=lambda x, y, mode: _ROUNDED[mode](x, y),
    gradients={
        "self": Rule(lambda grad, saved: zeros_like(grad), "0"),
        "other": Rule(lambda grad, saved: zeros_like(grad), "0"),
    },
)
_floor_divide = not_implemented("floor_divide(self, other)", forward=_ROUNDED["floor"])
_floor_divide_scalar = not_implemented("floor_divide(self, *, other)", forward=_ROUNDED["floor"])


def _remaining(x: Any, y: Any) -> Any:
    if x.dtype.kind in "iub" and np.any(np.equal(y, 0)):
        raise RuntimeError("ZeroDivisionError")
    return np.remainder(x, y)


def _c_remaining(x: Any, y: Any) -> Any:
    if x.dtype.kind in "iub" and np.any(np.equal(y, 0)):
        raise RuntimeError("ZeroDivisionError")
    return np.fmod(x, y)


_remainder_scalar = operator(
    "remainder(self, *, other)",
    node="RemainderBackward0",
    forward=promoting(_remaining),
    gradients={"self": Rule(lambda grad, saved: grad, "grad")},
)
_remainder = operator(
    "remainder(self, other)",
    node="RemainderBackward1",
    forward=promoting(_remaining),
    gradients={
        "self": Rule(lambda grad, saved: grad, "grad"),
        "other": Rule(
            lambda grad, saved: -grad * div(saved.self, saved.other, rounding_mode="floor"),
            "-grad · ⌊self / other⌋",
        ),
    },
)
_fmod_scalar = operator(
    "fmod(self, *, other)",
    node="FmodBackward0",
    forward=promoting(_c_remaining),
    gradients={"self": Rule(lambda grad, saved: grad, "grad")},
)
_fmod = operator(
    "fmod(self, other)",
    node="FmodBackward1",
    forward=promoting(_c_remaining),
    gradients={
        "self": Rule(lambda grad, saved: grad, "grad"),
        "other": Rule(
            lambda grad, saved: -grad * div(saved.self, saved.other, rounding_mode="trunc"),
            "-grad · trunc(self / other)",
        ),
    },
)

# What users call ----------------------------------------------------------------------------------------


def scaled(tensor: Tensor, factor: Any) -> Tensor:
    """``tensor * factor`` without a node where the factor is 1."""
    return tensor if factor == 1 else mul_scalar(tensor, factor)


def add_scalar(tensor: Tensor, number: Any) -> Tensor:
    """``tensor + number`` as PyTorch's C++ code writes it (AddBackward1)."""
    return _add_scalar(tensor, number, 1)


def mul_scalar(tensor: Tensor, number: Any) -> Tensor:
    """``tensor * number`` as PyTorch's C++ code writes it (MulBackward1)."""
    return _mul_scalar(tensor, number)


def div_scalar(tensor: Tensor, number: Any) -> Tensor:
    """``tensor / number`` as PyTorch's C++ code writes it (DivBackward1)."""
    return _div_scalar(tensor, number)


def add(input: Any, other: Any, *, alpha: Any = 1, out: Tensor | None = None) -> Tensor:
    """``input + alpha * other``."""
    if out is not None:
        return write_out("add", out, _add, input, other, alpha)
    return _add(input, operand("add", other), alpha)


def sub(input: Any, other: Any, *, alpha: Any = 1, out: Tensor | None = None) -> Tensor:
    """``input - alpha * other``."""
    if out is not None:
        return write_out("sub", out, _sub, input, other, alpha)
    return _sub(input, operand("sub", other), alpha)


def rsub(input: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """``other - alpha * input``."""
    if isinstance(other, Tensor):
        return _rsub(input, other, alpha)
    return _rsub_scalar(input, other, alpha)


def mul(input: Any, other: Any, *, out: Tensor | None = None) -> Tensor:
    """``input * other``."""
    if out is not None:
        return write_out("mul", out, _mul, input, other)
    return _mul(input, operand("mul", other))


def div(input: Any, other: Any, *, rounding_mode: str | None = None, out: Tensor | None = None) -> Tensor:
    """``input / other``; ``rounding_mode`` ``"floor"`` or ``"trunc"`` makes it whole."""
    if rounding_mode is None:
        if out is not None:
            return write_out("div", out, _div, input, other)
        return _div(input, operand("div", other))
    if rounding_mode not in _ROUNDED:
        raise RuntimeError(
            "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '" + rounding_mode + "'"
        )
    return _div_rounded(input, operand("div", other), rounding_mode)


def true_divide(input: Any, other: Any, *, out: Tensor | None = None) -> Tensor:
    """``input / other``."""
    return div(input, other, out=out)


def floor_divide(input: Any, other: Any) -> Tensor:
    """``⌊input / other⌋``; PyTorch has no derivative for it."""
    return (_floor_divide if isinstance(other, Tensor) else _floor_divide_scalar)(input, other)


def remainder(input: Any, other: Any) -> Tensor:
    """Python's ``%``: the sign of ``other``."""
    return (_remainder if isinstance(other, Tensor) else _remainder_scalar)(input, other)


def fmod(input: Any, other: Any) -> Tensor:
    """C's ``fmod``: the sign of ``input``."""
    return (_fmod if isinstance(other, Tensor) else _fmod_scalar)(input, other)


# In place -----------------------------------------------------------------------------------------------


def add_(self: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    return _add.inplace(self, operand("add_", other, 1), alpha)


def sub_(self: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    return _sub.inplace(self, operand("sub_", other, 1), alpha)


def mul_(self: Tensor, other: Any) -> Tensor:
    return _mul.inplace(self, operand("mul_", other, 1))


def div_(self: Tensor, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    if rounding_mode is None:
        return _div.inplace(self, operand("div_", other, 1))
    return _div_rounded.inplace(self, operand("div_", other, 1), rounding_mode)


def true_divide_(self: Tensor, other: Any) -> Tensor:
    return _div.inplace(self, other)


def floor_divide_(self: Tensor, other: Any) -> Tensor:
    op = _floor_divide if isinstance(other, Tensor) else _floor_divide_scalar
    return op.inplace(self, other)


def remainder_(self: Tensor, other: Any) -> Tensor:
    return (_remainder if isinstance(other, Tensor) else _remainder_scalar).inplace(self, other)


def fmod_(self: Tensor, other: Any) -> Tensor:
    return (_fmod if isinstance(other, Tensor) else _fmod_scalar).inplace(self, other)


subtract, multiply, divide = sub, mul, div
subtract_, multiply_, divide_ = sub_, mul_, div_

__all__ = [
    "add", "div", "divide", "floor_divide", "fmod", "mul", "multiply", "remainder", "rsub", "sub", "subtract",
    "true_divide",
]  # fmt: skip
METHODS = (
    *(name for name in __all__ if name != "rsub"),
    "add_", "div_", "divide_", "floor_divide_", "fmod_", "mul_", "multiply_", "remainder_", "sub_", "subtract_",
    "true_divide_",
)  # fmt: skip
INPLACE = ()
