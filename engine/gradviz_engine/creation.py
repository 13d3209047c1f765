"""New tensors: from data, of one number, in steps, and like others.

Signatures follow torch/_torch_docs.py of PyTorch 2.13; ``device``, ``layout`` and ``pin_memory`` are accepted, and
refused where they name anything but dense CPU memory.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from gradviz_engine import dtypes
from gradviz_engine.autograd.grad_mode import mode
from gradviz_engine.device import check_device
from gradviz_engine.ops.ranges import spaced, stepped
from gradviz_engine.ops.shapes import as_list, sizes_of
from gradviz_engine.tensor import Tensor, wrap

Array = np.ndarray[Any, Any]


def _finished(array: Array, device: Any = None, requires_grad: bool = False) -> Tensor:
    """The array as a new leaf."""
    check_device(device)
    result = wrap(array)
    if mode.inference:
        result._inference = True
    if requires_grad:
        if result._data.dtype.kind not in "fc":
            raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
        result._leaf_requires_grad = True
    return result


def _dtype(dtype: Any, default: Any = None) -> Any:
    """The numpy dtype of a torch dtype, else ``default``, else the default floating dtype."""
    if dtype is not None:
        if isinstance(dtype, type) and dtype in _PYTHON_TYPES:
            return _PYTHON_TYPES[dtype]
        return dtype.numpy
    return dtypes.get_default_dtype().numpy if default is None else default


_PYTHON_TYPES = {float: np.dtype(np.float64), int: np.dtype(np.int64), bool: np.dtype(np.bool_)}

# From data ----------------------------------------------------------------------------------------------


def _array_of(data: Any, dtype: Any) -> Array:
    """Nested sequences, numbers, arrays and tensors as a new array of PyTorch's dtype for them."""
    if isinstance(data, Tensor):
        return data._data.astype(_dtype(dtype, data._data.dtype))
    if isinstance(data, (np.ndarray, np.generic)):
        array = np.asarray(data)
        dtypes.of_numpy(array.dtype)
        return array.astype(_dtype(dtype, array.dtype.newbyteorder("=")))
    shape = _shape_of(data)
    found = _Found()
    values = list(_leaves(data, shape, 0, found))
    return np.array(values, dtype=_dtype(dtype, found.dtype())).reshape(shape)


def _is_sequence(data: Any) -> bool:
    return (
        hasattr(data, "__len__") and hasattr(data, "__getitem__") and not isinstance(data, (str, bytes, dict, Tensor))
    )


def _shape_of(data: Any) -> tuple[int, ...]:
    """The shape of nested sequences, told by their first elements."""
    shape: list[int] = []
    while True:
        if isinstance(data, Tensor):
            return (*shape, *data._data.shape)
        if isinstance(data, np.ndarray):
            return (*shape, *data.shape)
        if not _is_sequence(data):
            return tuple(shape)
        shape.append(len(data))
        if not len(data):
            return tuple(shape)
        data = data[0]


class _Found:
    """The strongest kind of number seen, and whether plain Python numbers decide the dtype."""

    def __init__(self) -> None:
        self.stored: np.dtype[Any] | None = None

    def see(self, value: Any) -> None:
        if isinstance(value, (Tensor, np.ndarray)):
            seen = (value._data if isinstance(value, Tensor) else value).dtype
        elif isinstance(value, np.generic):
            seen = value.dtype
        else:
            seen = dtypes.default_of_category(dtypes.scalar_category(value))
        self.stored = seen if self.stored is None else dtypes.promote(self.stored, seen)

    def dtype(self) -> Any:
        return self.stored


def _leaves(data: Any, shape: tuple[int, ...], depth: int, found: _Found) -> Iterable[Any]:
    """The numbers of nested sequences, row by row; ValueError where they are ragged."""
    if isinstance(data, (Tensor, np.ndarray)):
        array = data._data if isinstance(data, Tensor) else data
        if array.shape != shape[depth:]:
            raise ValueError(
                "only one element tensors can be converted to Python scalars"
                if array.size != 1
                else f"expected sequence of length {shape[depth]} at dim {depth} (got 1)"
            )
        found.see(data)
        yield from array.reshape(-1).tolist()
        return
    if depth == len(shape):
        if _is_sequence(data) or isinstance(data, str):
            if isinstance(data, str):
                raise TypeError("new(): invalid data type 'str'")
            raise TypeError(f"not a number: {type(data).__name__}")
        try:
            found.see(data)
        except TypeError:
            raise RuntimeError(f"Could not infer dtype of {type(data).__name__}") from None
        yield data
        return
    if not _is_sequence(data):
        if data is None:
            raise RuntimeError("Could not infer dtype of NoneType")
        raise TypeError(f"expected a sequence at dim {depth}, got {type(data).__name__}")
    if len(data) != shape[depth]:
        raise ValueError(f"expected sequence of length {shape[depth]} at dim {depth} (got {len(data)})")
    for item in data:
        yield from _leaves(item, shape, depth + 1, found)


def tensor(
    data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False
) -> Tensor:
    """A leaf with a copy of ``data``; Python floats take the default dtype."""
    if isinstance(data, Tensor):
        warnings.warn(
            "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
            "sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor).",
            stacklevel=2,
        )
    if data.__class__ is float:
        return _finished(np.array(data, _dtype(dtype)), device, requires_grad)
    return _finished(_array_of(data, dtype), device, requires_grad)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """``data`` itself where it is a tensor, its memory where it is an array, else a copy."""
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    if isinstance(data, np.ndarray) and (dtype is None or dtype.numpy == data.dtype):
        return from_numpy(data)
    return tensor(data, dtype=dtype, device=device)


def asarray(
    obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool = False
) -> Tensor:
    """``as_tensor`` that can be told to copy."""
    result = as_tensor(obj, dtype, device)
    if copy:
        result = wrap(result._data.copy())
    return result.requires_grad_() if requires_grad else result


def from_numpy(ndarray: Array) -> Tensor:
    """A tensor over the array's own memory."""
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    dtypes.of_numpy(ndarray.dtype)
    if any(s < 0 for s in ndarray.strides):
        raise ValueError(
            "At least one stride in the given numpy array is negative, and tensors with negative strides are not "
            "currently supported. (You can probably work around this by making a copy of your array  "
            "with array.copy().) "
        )
    return _finished(ndarray)


def scalar_tensor(s: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A 0-d tensor of the default dtype."""
    return _finished(np.asarray(s, _dtype(dtype)), device, requires_grad)


# Of one number ------------------------------------------------------------------------------------------


def _checked_sizes(name: str, size: tuple[Any, ...]) -> tuple[int, ...]:
    sizes = sizes_of(size)
    if any(s < 0 for s in sizes):
        if name == "zeros":
            raise RuntimeError("zeros: Dimension size must be non-negative.")
        raise RuntimeError(
            f"Trying to create tensor with negative dimension {next(s for s in sizes if s < 0)}: {as_list(sizes)}"
        )
    return sizes


def zeros(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
    """All 0."""
    return _finished(np.zeros(_checked_sizes("zeros", _sized(size, options)), _dtype(dtype)), device, requires_grad)


def ones(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
    """All 1."""
    return _finished(np.ones(_checked_sizes("ones", _sized(size, options)), _dtype(dtype)), device, requires_grad)


def empty(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
    """Whatever the memory holds."""
    return _finished(np.empty(_checked_sizes("empty", _sized(size, options)), _dtype(dtype)), device, requires_grad)


_IGNORED = {"layout", "pin_memory", "memory_format", "generator"}


def _sized(size: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, ...]:
    """The sizes, which may come as ``size=``; other options that change nothing on the CPU pass."""
    named = options.pop("size", None)
    unknown = set(options) - _IGNORED
    if unknown:
        raise TypeError(f"got an unexpected keyword argument '{sorted(unknown)[0]}'")
    return size if named is None else (named,)


def full(
    size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, **options: Any
) -> Tensor:
    """All ``fill_value``; its kind decides the dtype."""
    value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    if not isinstance(value, (bool, int, float, complex, np.generic)):
        raise TypeError(f"full(): argument 'fill_value' (position 2) must be Number, not {type(value).__name__}")
    default = dtypes.default_of_category(dtypes.scalar_category(value))
    array = np.full(_checked_sizes("full", _sized((size,), options)), value, _dtype(dtype, default))
    return _finished(array, device, requires_grad)


def empty_strided(
    size: Any, stride: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Memory under a geometry of one's choice."""
    reach = 1 + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) if 0 not in tuple(size) else 0
    kind = np.dtype(_dtype(dtype))
    memory = np.empty(max(reach, 0), kind)
    array = np.lib.stride_tricks.as_strided(memory, tuple(size), tuple(s * kind.itemsize for s in stride))
    return _finished(array, device, requires_grad)


# In steps -----------------------------------------------------------------------------------------------


def _number(value: Any) -> Any:
    return value.item() if isinstance(value, Tensor) else value


def arange(
    start: Any = 0,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """``start``, ``start + step`` ... below ``end``; whole numbers give int64."""
    if end is None:
        start, end = 0, start
    start, end, step = _number(start), _number(end), _number(step)
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    whole = all(isinstance(v, (int, np.integer)) for v in (start, end, step))
    kind = np.dtype(_dtype(dtype, np.dtype(np.int64) if whole else None))
    count = max(-((start - end) // step) if whole else math.ceil((end - start) / step), 0)
    if kind.kind in "iu":
        return _finished((int(start) + np.arange(count) * int(step)).astype(kind), device, requires_grad)
    return _finished(stepped(float(start), float(step), count, kind), device, requires_grad)


def range(start: Any = 0, end: Any = None, step: Any = 1, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Like ``arange``, with ``end`` and the default floating dtype."""
    warnings.warn(
        "torch.range is deprecated and will be removed in a future release because its behavior is inconsistent with "
        "Python's range builtin. Instead, use torch.arange, which produces values in [start, end).",
        stacklevel=2,
    )
    if end is None:
        start, end = 0, start
    count = math.floor((end - start) / step) + 1
    return _finished((start + np.arange(count) * step).astype(_dtype(dtype)), None, requires_grad)


def linspace(
    start: Any, end: Any, steps: int, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """``steps`` evenly spaced numbers from ``start`` to ``end``; the second half counts back from the end."""
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    kind = np.dtype(_dtype(dtype))
    return _finished(spaced(_number(start), _number(end), int(steps), kind), device, requires_grad)


def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """``base`` to evenly spaced powers."""
    kind = np.dtype(_dtype(dtype))
    exponents = spaced(_number(start), _number(end), int(steps), np.dtype(np.float64))
    return _finished(np.power(float(base), exponents).astype(kind), device, requires_grad)


def eye(
    n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, **options: Any
) -> Tensor:
    """1 on the diagonal, 0 elsewhere."""
    _sized((), options)
    if n < 0 or (m is not None and m < 0):
        which, wrong = ("n", n) if n < 0 else ("m", m)
        raise RuntimeError(f"{which} must be greater or equal to 0, got {wrong}")
    return _finished(np.eye(n, m, dtype=_dtype(dtype)), device, requires_grad)


def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Row and column numbers of the lower triangle."""
    return _finished(np.array(np.tril_indices(row, offset, col), _dtype(dtype, np.dtype(np.int64))), device)


def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Row and column numbers of the upper triangle."""
    return _finished(np.array(np.triu_indices(row, offset, col), _dtype(dtype, np.dtype(np.int64))), device)


# Like others --------------------------------------------------------------------------------------------


def _like(input: Tensor, dtype: Any) -> Array:
    """Uninitialised memory with the shape, and the order of dimensions in memory, of ``input``."""
    return np.empty_like(input._data, dtype=_dtype(dtype, input._data.dtype))


def zeros_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, **options: Any
) -> Tensor:
    """0 in the shape of ``input``."""
    _sized((), options)
    return _finished(np.zeros_like(input._data, dtype=_dtype(dtype, input._data.dtype)), device, requires_grad)


def ones_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, **options: Any
) -> Tensor:
    """1 in the shape of ``input``."""
    return full_like(input, 1, dtype=dtype, device=device, requires_grad=requires_grad, **options)


def full_like(
    input: Tensor,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """``fill_value`` in the shape of ``input``."""
    _sized((), options)
    array = _like(input, dtype)
    array[...] = _number(fill_value)
    return _finished(array, device, requires_grad)


def empty_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, **options: Any
) -> Tensor:
    """Whatever the memory holds, in the shape of ``input``."""
    _sized((), options)
    return _finished(_like(input, dtype), device, requires_grad)


# Methods: the dtype is the tensor's ---------------------------------------------------------------------


def new_tensor(
    self: Tensor, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    return _finished(_array_of(data, dtype or self.dtype), device, requires_grad)


def new_zeros(self: Tensor, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    sizes = _checked_sizes("new_zeros", size)
    return zeros(sizes, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)


def new_ones(self: Tensor, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    return ones(*size, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)


def new_empty(self: Tensor, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    return empty(*size, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)


def new_full(
    self: Tensor, size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    return full(size, fill_value, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)


METHODS = ("new_empty", "new_full", "new_ones", "new_tensor", "new_zeros")
INPLACE: Sequence[str] = ()
__all__ = [
    "arange", "as_tensor", "asarray", "empty", "empty_like", "empty_strided", "eye", "from_numpy", "full", "full_like",
    "linspace", "logspace", "ones", "ones_like", "range", "scalar_tensor", "tensor", "tril_indices", "triu_indices",
    "zeros", "zeros_like",
]  # fmt: skip
