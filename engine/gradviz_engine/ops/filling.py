"""Filling in place: fill_, zero_, and the functional ``fill``.

Derivatives: tools/autograd/derivatives.yaml of PyTorch 2.13. In-place and functional forms are different nodes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine.ops.copying import zeros_like
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.tensor import Tensor


def _filled(x: Any, value: Any) -> Any:
    return np.full(x.shape, value, x.dtype)


def _fill_operator(node: str, tensor_value: bool) -> Any:
    gradients = {"self": Rule(lambda grad, saved: zeros_like(grad), "0")}
    if tensor_value:
        gradients["value"] = Rule(lambda grad, saved: grad.sum(), "sum of grad")
    signature = "fill(self, value)" if tensor_value else "fill(self, *, value)"
    return operator(signature, node=node, forward=_filled, gradients=gradients)


_fill_number = _fill_operator("FillBackward0", tensor_value=False)
_fill_tensor = _fill_operator("FillBackward1", tensor_value=True)
_fill_number_inplace = _fill_operator("FillBackward2", tensor_value=False)
_fill_tensor_inplace = _fill_operator("FillBackward3", tensor_value=True)
_zero = operator(
    "zero(self)",
    node="ZeroBackward0",
    forward=lambda x: np.zeros(x.shape, x.dtype),
    gradients={"self": Rule(lambda grad, saved: zeros_like(grad), "0")},
)


def _check_number(value: Any) -> None:
    if isinstance(value, Tensor) and value._data.ndim:
        raise RuntimeError(
            f"fill_ only supports 0-dimension value tensor but got tensor with {value._data.ndim} dimensions."
        )


def fill(input: Tensor, value: Any) -> Tensor:
    """A tensor like ``input`` with one number everywhere."""
    _check_number(value)
    return (_fill_tensor if isinstance(value, Tensor) else _fill_number)(input, value)


def fill_(self: Tensor, value: Any) -> Tensor:
    """Write one number everywhere."""
    _check_number(value)
    op = _fill_tensor_inplace if isinstance(value, Tensor) else _fill_number_inplace
    return op.inplace(self, value)


def zero_(self: Tensor) -> Tensor:
    """Write 0 everywhere."""
    return _zero.inplace(self)


__all__ = ["fill", "fill_", "zero_"]
METHODS = ("fill_", "zero_")
INPLACE = ()
