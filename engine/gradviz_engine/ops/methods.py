"""Hangs the operators on Tensor under PyTorch's names."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from gradviz_engine.ops import pointwise
from gradviz_engine.ops.matmul import matmul
from gradviz_engine.tensor import Tensor

# By name: ``ops.matmul`` is the function by now, which hides the module.
FAMILIES = tuple(
    import_module(f"gradviz_engine.ops.{name}") for name in ("activation", "copying", "matmul", "pointwise", "sampling", "softmax")
)


def _inplace_method(function: Any) -> Any:
    """``relu_`` from ``relu``."""
    op = function.operator

    def method(self: Tensor) -> Tensor:
        result: Tensor = op.inplace(self)
        return result

    method.__name__ = method.__qualname__ = function.__name__ + "_"
    return method


def _attach() -> None:
    for family in FAMILIES:
        for name in family.METHODS:
            setattr(Tensor, name, getattr(family, name))
        for name in family.INPLACE:
            setattr(Tensor, name + "_", _inplace_method(getattr(family, name)))
    dunder: dict[str, Any] = {
        "__add__": lambda self, other: pointwise._add(self, other, 1),
        "__radd__": lambda self, other: pointwise._add(self, other, 1),
        "__mul__": lambda self, other: pointwise._mul(self, other),
        "__rmul__": lambda self, other: pointwise._mul(self, other),
        "__sub__": lambda self, other: pointwise._sub(self, other, 1),
        "__truediv__": lambda self, other: pointwise._div(self, other),
        "__neg__": lambda self: pointwise.neg(self),
        "__matmul__": lambda self, other: matmul(self, other),
        "__rmatmul__": lambda self, other: matmul(other, self),
    }
    for name, function in dunder.items():
        setattr(Tensor, name, function)


_attach()
