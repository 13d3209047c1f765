"""Hangs the operators on Tensor under PyTorch's names."""

from __future__ import annotations

from typing import Any

from gradviz_engine.ops import copying, pointwise
from gradviz_engine.tensor import Tensor

FAMILIES: tuple[Any, ...] = (pointwise, copying)


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
    }
    for name, function in dunder.items():
        setattr(Tensor, name, function)


_attach()
