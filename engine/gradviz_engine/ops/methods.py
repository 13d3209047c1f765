"""Hangs the operators on Tensor under PyTorch's names."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from gradviz_engine.ops import comparison, elementary, indexing, pointwise, powers
from gradviz_engine.ops.matmul import matmul
from gradviz_engine.ops.reporting import composite
from gradviz_engine.tensor import Tensor, wrap

# By name: ``ops.matmul`` is the function by now, which hides the module.
FAMILIES = tuple(
    import_module(f"gradviz_engine.{name}")
    for name in (
        "creation", "ops.activation", "ops.binary", "ops.chains", "ops.comparison", "ops.conversion",
        "ops.copying", "ops.cross", "ops.cumulative", "ops.einsum", "ops.elementary", "ops.extrema",
        "ops.filling", "ops.fused", "ops.indexing", "ops.least_squares", "ops.legacy_linalg", "ops.lu_factors",
        "ops.masking", "ops.matmul", "ops.matrix_exp", "ops.norms", "ops.pairwise", "ops.part_scatter",
        "ops.pointwise", "ops.powers", "ops.rearranging", "ops.reduction", "ops.restriding", "ops.sampling",
        "ops.scatter", "ops.scatter_reduce", "ops.selecting", "ops.shape", "ops.softmax", "ops.solving",
        "ops.sorting", "ops.special_functions", "ops.splitting", "ops.statistics", "ops.view_copies",
    )
)  # fmt: skip


def _inplace_method(function: Any) -> Any:
    """``relu_`` from ``relu``."""
    op = function.operator

    def method(self: Tensor) -> Tensor:
        result: Tensor = op.inplace(self)
        return result

    method.__name__ = method.__qualname__ = function.__name__ + "_"
    return method


_OPERANDS = (Tensor, float, int, complex, np.generic)


def _operator_method(compute: Callable[[Tensor, Any], Any]) -> Any:
    """A method behind an arithmetic sign: arrays become tensors, what is no operand is left to Python."""

    def method(self: Tensor, other: Any) -> Any:
        if isinstance(other, _OPERANDS):
            return compute(self, other)
        if isinstance(other, np.ndarray):
            return compute(self, wrap(other))
        return NotImplemented

    return method


def _as_tensor(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else wrap(np.asarray(value))


def _reciprocal_times(self: Tensor, other: Any) -> Tensor:
    """``2 / x`` is ``x.reciprocal() * 2``."""
    return elementary.reciprocal(self) * other


_add, _sub, _mul, _div = pointwise._add, pointwise._sub, pointwise._mul, pointwise._div

OPERATOR_METHODS: dict[str, Callable[[Tensor, Any], Any]] = {
    "__add__": lambda self, other: _add(self, other, 1),
    "__radd__": lambda self, other: _add(self, other, 1),
    "__sub__": lambda self, other: _sub(self, other, 1),
    "__rsub__": lambda self, other: pointwise.rsub(self, other),
    "__mul__": _mul,
    "__rmul__": _mul,
    "__truediv__": _div,
    "__rtruediv__": composite(_reciprocal_times, "rdiv"),
    "__rdiv__": composite(_reciprocal_times, "rdiv"),
    "__floordiv__": composite(pointwise.floor_divide, "floordiv"),
    "__rfloordiv__": composite(lambda self, other: pointwise.floor_divide(_as_tensor(other), self), "rfloordiv"),
    "__mod__": pointwise.remainder,
    "__rmod__": composite(lambda self, other: pointwise.remainder(_as_tensor(other), self), "rmod"),
    "__pow__": powers.pow,
    "__rpow__": composite(lambda self, other: powers.pow(other, self), "rpow"),
    "__matmul__": matmul,
    "__rmatmul__": lambda self, other: matmul(other, self),
    "__eq__": comparison.eq,
    "__ne__": comparison.ne,
    "__lt__": comparison.lt,
    "__le__": comparison.le,
    "__gt__": comparison.gt,
    "__ge__": comparison.ge,
    "__and__": comparison.bitwise_and,
    "__rand__": comparison.bitwise_and,
    "__or__": comparison.bitwise_or,
    "__ror__": comparison.bitwise_or,
    "__xor__": comparison.bitwise_xor,
    "__rxor__": comparison.bitwise_xor,
    "__lshift__": comparison.bitwise_left_shift,
    "__rshift__": comparison.bitwise_right_shift,
    "__iadd__": pointwise.add_,
    "__isub__": pointwise.sub_,
    "__imul__": pointwise.mul_,
    "__itruediv__": pointwise.div_,
    "__ifloordiv__": pointwise.floor_divide_,
    "__imod__": pointwise.remainder_,
    "__ipow__": powers.pow_,
}

OTHER_METHODS: dict[str, Any] = {
    "__neg__": lambda self: elementary.neg(self),
    "__pos__": lambda self: elementary.positive(self),
    "__abs__": lambda self: elementary.abs(self),
    "__invert__": lambda self: comparison.bitwise_not(self),
    "__getitem__": indexing.getitem,
    "__setitem__": indexing.setitem,
}


ALIASES = {
    "absolute": "abs", "arccos": "acos", "arccosh": "acosh", "arcsin": "asin", "arcsinh": "asinh", "arctan": "atan",
    "arctan2": "atan2", "arctanh": "atanh", "fix": "trunc", "negative": "neg",
}  # fmt: skip
"""Other names of functions, whose in-place forms have other names too."""


def _attach() -> None:
    for family in FAMILIES:
        for name in family.METHODS:
            setattr(Tensor, name, getattr(family, name))
        for name in family.INPLACE:
            setattr(Tensor, name + "_", _inplace_method(getattr(family, name)))
        for name, function in getattr(family, "NAMED_METHODS", {}).items():
            setattr(Tensor, name, function)
        for name, function in getattr(family, "PROPERTIES", {}).items():
            setattr(Tensor, name, property(function))
    for name, original in ALIASES.items():
        setattr(Tensor, name + "_", getattr(Tensor, original + "_"))
    for name, compute in OPERATOR_METHODS.items():
        method = _operator_method(compute)
        method.__name__ = method.__qualname__ = name
        setattr(Tensor, name, method)
    for name, function in OTHER_METHODS.items():
        setattr(Tensor, name, function)


_attach()
