"""Comparisons, logic on booleans and bits, and questions about numbers. None of them has a derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine.ops.elementwise import named, not_implemented, operand, promoting, to_common
from gradviz_engine.ops.registry import operator
from gradviz_engine.tensor import Tensor

# Comparisons --------------------------------------------------------------------------------------------


def _comparison(name: str, function: Any) -> Any:
    op = operator(f"{name}(self, other)", forward=promoting(function))

    def compare(input: Tensor, other: Any) -> Tensor:
        return op(input, operand(name, other))

    return named(compare, name, op)


eq = _comparison("eq", np.equal)
ne = _comparison("ne", np.not_equal)
lt = _comparison("lt", np.less)
le = _comparison("le", np.less_equal)
gt = _comparison("gt", np.greater)
ge = _comparison("ge", np.greater_equal)
not_equal, less, less_equal, greater, greater_equal = ne, lt, le, gt, ge


def _inplace(name: str, function: Any) -> Any:
    """``eq_`` from ``eq``: the truth values in the tensor's own dtype."""
    op = function.operator

    def method(self: Tensor, other: Any) -> Tensor:
        return op.inplace(self, operand(name, other))

    method.__name__ = method.__qualname__ = name
    return method


# Logic --------------------------------------------------------------------------------------------------


def _logical(name: str, function: Any) -> Any:
    op = operator(f"{name}(self, other)", forward=lambda x, y: function(x, y))

    def combine(input: Tensor, other: Tensor) -> Tensor:
        return op(input, other)

    def combine_(self: Tensor, other: Tensor) -> Tensor:
        return op.inplace(self, other)

    combine_.__name__ = combine_.__qualname__ = name + "_"
    return named(combine, name, op), combine_


logical_and, logical_and_ = _logical("logical_and", np.logical_and)
logical_or, logical_or_ = _logical("logical_or", np.logical_or)
logical_xor, logical_xor_ = _logical("logical_xor", np.logical_xor)


def _question(name: str, function: Any) -> Any:
    op = operator(f"{name}(self)", forward=function)

    def ask(input: Tensor) -> Tensor:
        return op(input)

    return named(ask, name, op)


def _for_floats(function: Any, otherwise: bool) -> Any:
    return lambda x: function(x) if x.dtype.kind in "fc" else np.full(x.shape, otherwise)


logical_not = _question("logical_not", np.logical_not)
isnan = _question("isnan", _for_floats(np.isnan, False))
isinf = _question("isinf", _for_floats(np.isinf, False))
isfinite = _question("isfinite", _for_floats(np.isfinite, True))
isposinf = _question("isposinf", _for_floats(np.isposinf, False))
isneginf = _question("isneginf", _for_floats(np.isneginf, False))
isreal = _question("isreal", np.isreal)
signbit = _question("signbit", lambda x: np.signbit(x) if x.dtype.kind == "f" else x < 0)


def logical_not_(self: Tensor) -> Tensor:
    return logical_not.operator.inplace(self)


# Bits ---------------------------------------------------------------------------------------------------


def _bitwise(name: str, function: Any) -> Any:
    def checked(x: Any, y: Any) -> Any:
        if x.dtype.kind in "fc":
            kind = {"float32": "Float", "float64": "Double", "float16": "Half"}.get(x.dtype.name, "ComplexFloat")
            raise NotImplementedError(f"\"{name}_cpu\" not implemented for '{kind}'")
        return function(x, y)

    op = operator(f"{name}(self, other)", forward=promoting(lambda x, y: checked(*to_common(x, y))))

    def combine(input: Any, other: Any) -> Tensor:
        return op(input, operand(name, other))

    return named(combine, name, op)


bitwise_and = _bitwise("bitwise_and", np.bitwise_and)
bitwise_or = _bitwise("bitwise_or", np.bitwise_or)
bitwise_xor = _bitwise("bitwise_xor", np.bitwise_xor)
bitwise_left_shift = _bitwise("bitwise_left_shift", np.left_shift)
bitwise_right_shift = _bitwise("bitwise_right_shift", np.right_shift)


def _inverted(x: Any) -> Any:
    if x.dtype.kind in "fc":
        raise TypeError("~ (operator.invert) is only implemented on integer and Boolean-type tensors")
    return np.invert(x)


_gcd = operator("gcd(self, other)", forward=promoting(np.gcd))
_lcm = operator("lcm(self, other)", forward=promoting(np.lcm))


def gcd(input: Tensor, other: Tensor) -> Tensor:
    """The greatest common divisor."""
    return _gcd(input, other)


def lcm(input: Tensor, other: Tensor) -> Tensor:
    """The least common multiple."""
    return _lcm(input, other)


_bitwise_not = operator("bitwise_not(self)", forward=_inverted)


def bitwise_not_(self: Tensor) -> Tensor:
    return _bitwise_not.inplace(self)


def bitwise_not(input: Tensor) -> Tensor:
    """Each bit turned over; for booleans, not."""
    return _bitwise_not(input)


# Whole tensors ------------------------------------------------------------------------------------------


def equal(input: Tensor, other: Tensor) -> bool:
    """Same shape and same elements."""
    return input._data.shape == other._data.shape and bool((input._data == other._data).all())


def _close(x: Any, y: Any, rtol: float, atol: float, equal_nan: bool) -> Any:
    return np.isclose(x, y, rtol=rtol, atol=atol, equal_nan=equal_nan)


_isclose = operator("isclose(self, other, *, rtol, atol, equal_nan)", forward=_close)


def isclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor:
    """``|input - other| <= atol + rtol * |other|``."""
    return _isclose(input, other, rtol, atol, equal_nan)


def allclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """``isclose`` everywhere."""
    if input._data.dtype != other._data.dtype:
        raise RuntimeError(f"{input.dtype._legacy_name} did not match {other.dtype._legacy_name}")
    return bool(_close(input._data, other._data, rtol, atol, equal_nan).all())


def is_nonzero(input: Tensor) -> bool:
    """The truth of a tensor with one element."""
    return bool(input)


_isin = operator("isin(elements, test_elements, *, invert)", forward=lambda x, y, invert: np.isin(x, y, invert=invert))


def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Which of ``elements`` occur in ``test_elements``."""
    return _isin(elements, test_elements, invert)


_heaviside = not_implemented("heaviside(self, values)", forward=promoting(np.heaviside))


def heaviside(input: Tensor, values: Tensor) -> Tensor:
    """0 for negative numbers, 1 for positive ones, ``values`` for 0."""
    return _heaviside(input, values)


__all__ = [
    "allclose", "bitwise_and", "bitwise_left_shift", "bitwise_not", "bitwise_or", "bitwise_right_shift",
    "bitwise_xor", "eq", "equal", "gcd", "ge", "greater", "greater_equal", "gt", "heaviside", "is_nonzero",
    "isclose", "isfinite", "isin", "isinf", "isnan", "isneginf", "isposinf", "isreal", "lcm", "le", "less",
    "less_equal", "logical_and", "logical_not", "logical_or", "logical_xor", "lt", "ne", "not_equal", "signbit",
]  # fmt: skip
METHODS = (
    *(name for name in __all__ if name != "isin"), "logical_and_", "logical_not_", "logical_or_", "logical_xor_",
)  # fmt: skip
NAMED_METHODS = {
    f"{name}_": _inplace(f"{name}_", function)
    for name, function in {
        "eq": eq, "ne": ne, "lt": lt, "le": le, "gt": gt, "ge": ge, "not_equal": ne, "less": lt, "less_equal": le,
        "greater": gt, "greater_equal": ge, "bitwise_and": bitwise_and, "bitwise_or": bitwise_or,
        "bitwise_xor": bitwise_xor, "bitwise_left_shift": bitwise_left_shift,
        "bitwise_right_shift": bitwise_right_shift,
    }.items()
} | {"bitwise_not_": bitwise_not_}  # fmt: skip
INPLACE = ()
