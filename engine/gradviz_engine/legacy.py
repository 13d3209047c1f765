"""Constructors of early PyTorch that programs still use: ``torch.FloatTensor([1, 2])``, ``torch.LongTensor(2, 3)``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz_engine import dtypes
from gradviz_engine.tensor import Tensor, wrap


def _constructor(name: str, dtype: dtypes.dtype) -> Callable[..., Tensor]:
    def construct(*args: Any) -> Tensor:
        """A tensor of this dtype from data, or of the sizes given as integers (filled with zeros here)."""
        if args and all(isinstance(a, int) for a in args):
            return wrap(np.zeros(args, dtype.numpy))
        data = args[0] if args else ()
        return wrap(np.array(data._data if isinstance(data, Tensor) else data, dtype.numpy))

    construct.__name__ = construct.__qualname__ = name
    return construct


FloatTensor = _constructor("FloatTensor", dtypes.float32)
DoubleTensor = _constructor("DoubleTensor", dtypes.float64)
HalfTensor = _constructor("HalfTensor", dtypes.float16)
LongTensor = _constructor("LongTensor", dtypes.int64)
IntTensor = _constructor("IntTensor", dtypes.int32)
ShortTensor = _constructor("ShortTensor", dtypes.int16)
CharTensor = _constructor("CharTensor", dtypes.int8)
ByteTensor = _constructor("ByteTensor", dtypes.uint8)
BoolTensor = _constructor("BoolTensor", dtypes.bool_)


def is_tensor(obj: Any) -> bool:
    return isinstance(obj, Tensor)


def numel(input: Tensor) -> int:
    return input.numel()


__all__ = [
    "BoolTensor",
    "ByteTensor",
    "CharTensor",
    "DoubleTensor",
    "FloatTensor",
    "HalfTensor",
    "IntTensor",
    "LongTensor",
    "ShortTensor",
    "is_tensor",
    "numel",
]
