"""Tensors that a module owns: parameters, which optimizers change, and buffers, which they do not."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np

from gradviz_engine import dtypes
from gradviz_engine.tensor import Tensor


def _sharing(cls: type, data: Any) -> Any:
    """A tensor of class ``cls`` over the memory of ``data``, without history."""
    tensor: Any = Tensor.__new__(cls)
    if data is None:
        tensor._data = np.empty(0, dtypes.get_default_dtype().numpy)
    elif isinstance(data, Tensor):
        tensor._data = data._data
    else:
        raise TypeError(f"_make_subclass(): argument 'data' (position 2) must be Tensor, not {type(data).__name__}")
    return tensor


class Parameter(Tensor):
    """A leaf that a module lists among its parameters when it is assigned to an attribute."""

    __module__ = "torch.nn.parameter"

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> Parameter:
        parameter: Parameter = _sharing(cls, data)
        if requires_grad and parameter._data.dtype.kind not in "fc":
            raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
        parameter._leaf_requires_grad = bool(requires_grad)
        return parameter

    def __init__(self, data: Any = None, requires_grad: bool = True) -> None:
        """Everything was done by ``__new__``; Tensor's own constructor would copy."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.data.clone(), self.requires_grad)
        result: Parameter = memo[id(self)]
        return result

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()

    def __reduce__(self) -> Any:
        return _rebuild_parameter, (type(self), self.data, self.requires_grad, OrderedDict())


def _rebuild_parameter(cls: type[Parameter], data: Tensor, requires_grad: bool, hooks: Any) -> Parameter:
    return cls(data, requires_grad)


class Buffer(Tensor):
    """A tensor that a module lists among its buffers when it is assigned to an attribute."""

    __module__ = "torch.nn.parameter"

    persistent: bool

    def __new__(cls, data: Any = None, *, persistent: bool = True) -> Buffer:
        buffer: Buffer = _sharing(cls, data)
        buffer.persistent = persistent
        return buffer

    def __init__(self, data: Any = None, *, persistent: bool = True) -> None:
        """Everything was done by ``__new__``."""
