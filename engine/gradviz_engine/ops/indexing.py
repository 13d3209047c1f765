"""``x[...]`` and ``x[...] = value``, composed as PyTorch composes them; ``index`` and ``index_put``.

An index is worked off from left to right: integers select, slices slice, None unsqueezes, and what is left
over, tensors and lists, goes to one ``index``. Source: torch/csrc/autograd/python_variable_indexing.cpp and
aten/src/ATen/TensorIndexing.h.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz_engine.ops.copying import zeros_like
from gradviz_engine.ops.filling import fill_
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.ops.reporting import composite, composite_write
from gradviz_engine.ops.selecting import _select, slice_along
from gradviz_engine.ops.shape import alias, expand, unsqueeze
from gradviz_engine.ops.shapes import as_list
from gradviz_engine.tensor import Tensor, wrap

Array = np.ndarray[Any, Any]
Indices = Sequence["Tensor | None"]

# index and index_put ------------------------------------------------------------------------------------


def _key(indices: Indices) -> tuple[Any, ...]:
    """numpy's index: bytes are masks, None is a whole dimension."""
    return tuple(
        slice(None) if i is None else (i._data.astype(bool) if i._data.dtype == np.uint8 else i._data) for i in indices
    )


def _read(x: Array, indices: Indices) -> Array:
    try:
        return np.asarray(x[_key(indices)])
    except IndexError as error:
        raise _translated(error) from None


def _written(x: Array, values: Array, indices: Indices, accumulate: bool) -> Array:
    result = x.copy()
    key = _key(indices)
    try:
        if accumulate:
            np.add.at(result, key, values.astype(x.dtype, copy=False))
        else:
            result[key] = values
    except IndexError as error:
        raise _translated(error) from None
    except ValueError:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {as_list(values.shape)} cannot be broadcast to indexing result of "
            f"shape {as_list(x[key].shape)}"
        ) from None
    return result


def _translated(error: IndexError) -> IndexError:
    """numpy's complaint in PyTorch's words."""
    text = str(error).replace(" for axis ", " for dimension ")
    shapes = re.findall(r"\(([^)]*)\)", text)
    if text.startswith("shape mismatch"):
        listed = ", ".join("[" + s.strip().rstrip(",") + "]" for s in shapes)
        text = f"shape mismatch: indexing tensors could not be broadcast together with shapes {listed}"
    return IndexError(text)


_index = operator(
    "index(self, *, indices)",
    node="IndexBackward0",
    forward=_read,
    gradients={
        "self": Rule(
            lambda grad, saved: index_put_impl(
                wrap(np.zeros(saved.self_sym_sizes, grad._data.dtype)), saved.indices, grad
            ),
            "zeros with grad added at indices",
        )
    },
)
_index_put = operator(
    "index_put(self, values, *, indices, accumulate)",
    node="IndexPutBackward0",
    forward=_written,
    gradients={
        "self": Rule(
            lambda grad, saved: grad if saved.accumulate else _index_put_zeros(grad, saved.indices, saved.values),
            "grad, 0 at indices",
        ),
        "values": Rule(lambda grad, saved: _index(grad, saved.indices), "grad at indices"),
    },
)
_index_put_impl = operator(
    "_index_put_impl(self, values, *, indices, accumulate)",
    node="IndexPutImplBackward0",
    forward=_written,
    gradients={
        "self": Rule(
            lambda grad, saved: grad if saved.accumulate else _index_put_zeros(grad, saved.indices, saved.values),
            "grad, 0 at indices",
        ),
        "values": Rule(lambda grad, saved: _index(grad, saved.indices), "grad at indices"),
    },
)


def _index_put_zeros(grad: Tensor, indices: Any, values: Tensor) -> Tensor:
    return _index_put(grad, zeros_like(values), indices, False)


def index_put_impl(target: Tensor, indices: Any, values: Tensor) -> Tensor:
    """``values`` added to ``target`` at ``indices``, as ``index``'s derivative does it."""
    return _index_put_impl(target, values, indices, True)


def index_put(input: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """Write (or add) ``values`` where the index tensors point."""
    return _index_put(input, values, _checked(input, list(indices)), accumulate)


def index_put_(self: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    return _index_put.inplace(self, values, _checked(self, list(indices)), accumulate)


def _checked(tensor: Tensor, indices: list[Tensor | None]) -> list[Tensor | None]:
    """Dtypes and mask shapes, with PyTorch's complaints."""
    dim = 0
    shape = tensor._data.shape
    for index in indices:
        if index is None:
            dim += 1
            continue
        kind = index._data.dtype
        if kind == np.bool_ or kind == np.uint8:
            for offset, size in enumerate(index._data.shape):
                if dim + offset >= len(shape) or shape[dim + offset] != size:
                    raise IndexError(
                        f"The shape of the mask {as_list(index._data.shape)} at index {offset} does not match the "
                        f"shape of the indexed tensor {as_list(shape)} at index {dim + offset}"
                    )
            dim += index._data.ndim
        elif kind.kind != "i" or kind.itemsize < 4:
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
        else:
            dim += 1
    if dim > len(shape):
        raise IndexError(f"too many indices for tensor of dimension {len(shape)}")
    return indices


# The index expression -----------------------------------------------------------------------------------


def _is_integer(item: Any) -> bool:
    return isinstance(item, (int, np.integer)) and not isinstance(item, (bool, np.bool_))


def _selected(tensor: Tensor, dim: int, index: int, real_dim: int) -> Tensor:
    shape = tensor._data.shape
    if not shape:
        raise IndexError(
            "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a "
            "0-dim tensor to a number"
        )
    size = shape[dim]
    if not -size <= index < size:
        raise IndexError(f"index {index} is out of bounds for dimension {real_dim} with size {size}")
    return _select(tensor, dim, int(index) + size if index < 0 else int(index))


def _bound(value: Any) -> int | None:
    return None if value is None else value.__index__()


def _sliced(tensor: Tensor, dim: int, part: slice, always: bool) -> Tensor:
    """The slice; a full one is left out unless ``always``."""
    start, stop = _bound(part.start), _bound(part.stop)
    step = 1 if part.step is None else part.step.__index__()
    if not tensor._data.ndim:
        raise IndexError("slice() cannot be applied to a 0-dim tensor.")
    size = tensor._data.shape[dim]
    if step <= 0:
        raise ValueError("step must be greater than zero")
    if not always and step == 1 and (start or 0) == 0 and (stop is None or stop == size):
        return tensor
    return slice_along(tensor, dim, start, stop, step)


def _as_index(item: Any) -> Tensor:
    """A list, array or sequence as an index tensor."""
    from gradviz_engine.creation import tensor

    result = tensor(item)
    if result._data.size == 0 and result._data.dtype.kind == "f":
        result = wrap(result._data.astype(np.int64))
    return result


def _consumed(item: Any) -> int:
    """How many dimensions an entry of the index takes."""
    if isinstance(item, Tensor):
        return item._data.ndim if item._data.dtype in (np.bool_, np.uint8) else 1
    if item is None or item is Ellipsis or isinstance(item, (bool, np.bool_)):
        return 0
    return 1


def _walk(tensor: Tensor, index: tuple[Any, ...]) -> tuple[Tensor, list[Tensor | None]]:
    """Apply the simple entries; return what they leave, and the index tensors by dimension."""
    taken = sum(_consumed(item) for item in index)
    result, dim = tensor, 0
    if taken > tensor._data.ndim:
        raise IndexError(f"too many indices for tensor of dimension {tensor._data.ndim}")
    indices: dict[int, Tensor] = {}
    for real_dim, item in enumerate(index):
        if isinstance(item, slice):
            result = _sliced(result, dim, item, always=False)
            dim += 1
        elif _is_integer(item):
            result = _selected(result, dim, item, real_dim)
        elif item is Ellipsis:
            dim += tensor._data.ndim - taken
        elif item is None:
            result = unsqueeze(result, dim)
            dim += 1
        elif isinstance(item, (bool, np.bool_)):
            result = unsqueeze(result, dim)
            indices[dim] = wrap(np.array([bool(item)]))
            dim += 1
        else:
            result, dim = _walk_tensor(result, dim, item, real_dim, indices)
    return result, [indices.get(d) for d in range(max(indices) + 1)] if indices else []


def _walk_tensor(result: Tensor, dim: int, item: Any, real_dim: int, indices: dict[int, Tensor]) -> tuple[Tensor, int]:
    """A tensor in the index; a 0-d integer one selects, as a number does."""
    if not isinstance(item, Tensor):
        if isinstance(item, (float, complex)):
            raise IndexError(
                "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices "
                f"(got {type(item).__name__})"
            )
        item = _as_index(item)
    kind = item._data.dtype
    mask = kind == np.bool_ or kind == np.uint8
    if item._data.ndim == 0 and kind.kind in "iub":
        if not mask:
            return _selected(result, dim, int(item._data), real_dim), dim
        result = unsqueeze(result, dim)
        indices[dim] = wrap(np.array([bool(item._data)]))
        return result, dim + 1
    indices[dim] = item
    if not mask:
        return result, dim + 1
    _checked(result, [*[None] * dim, item])
    return result, dim + item._data.ndim


@composite
def getitem(self: Tensor, index: Any) -> Tensor:
    """``self[index]``."""
    if _is_integer(index):
        return _selected(self, 0, index, 0)
    if isinstance(index, slice):
        return _sliced(self, 0, index, always=True)
    if index is None:
        return unsqueeze(self, 0)
    if index is Ellipsis:
        return alias(self)
    rest, indices = _walk(self, index if isinstance(index, tuple) else (index,))
    if not indices:
        return alias(self) if rest is self else rest
    return _index(rest, _packed(rest, indices))


def _packed(tensor: Tensor, indices: list[Tensor | None]) -> list[Tensor | None]:
    """A mask of several dimensions stands for all of them: drop the places it covers."""
    packed: list[Tensor | None] = []
    dim = 0
    while dim < len(indices):
        item = indices[dim]
        packed.append(item)
        wide = item is not None and item._data.dtype in (np.bool_, np.uint8)
        dim += max(item._data.ndim, 1) if wide and item is not None else 1
    return _checked(tensor, packed)


@composite_write
def setitem(self: Tensor, index: Any, value: Any) -> None:
    """``self[index] = value``."""
    if isinstance(index, (bool, np.bool_)) and not index:
        return
    source = _as_value(self, value)
    if _is_integer(index):
        _assign(_selected(self, 0, index, 0), source)
    elif isinstance(index, slice):
        _assign(_sliced(self, 0, index, always=True), source)
    elif index is None or index is True:
        _assign(unsqueeze(self, 0), source)
    elif index is Ellipsis:
        _assign(self, source)
    else:
        rest, indices = _walk(self, index if isinstance(index, tuple) else (index,))
        if indices:
            trimmed = _without_leading_ones(source, rest._data.ndim)
            _index_put.inplace(rest, trimmed, _packed(rest, indices), False)
        else:
            _assign(rest, source)


def _as_value(target: Tensor, value: Any) -> Tensor:
    if isinstance(value, Tensor):
        return value
    if isinstance(value, (int, float, complex, np.generic)):
        return wrap(np.asarray(value).astype(target._data.dtype))
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return wrap(value.astype(target._data.dtype))
    raise TypeError(f"can't assign a {type(value).__name__} to a torch.{target.dtype._legacy_name}Tensor")


def _without_leading_ones(value: Tensor, most: int) -> Tensor:
    shape = value._data.shape
    first = 0
    while len(shape) - first > most and shape[first] == 1:
        first += 1
    return value.view(shape[first:]) if first else value


def _assign(target: Tensor, value: Tensor) -> None:
    """``copy_to``: copy what has the same shape, fill with a number, else strip leading ones and expand."""
    if value._data.shape == target._data.shape:
        target.copy_(value)
        return
    if not value._data.ndim:
        fill_(target, value)
        return
    shape = value._data.shape
    first = 0
    while first < len(shape) and shape[first] == 1:
        first += 1
    source = value.view(shape[first:])
    target.copy_(source if source._data.shape == target._data.shape else expand(source, target._data.shape))


__all__ = ["index_put"]
METHODS = ("index_put", "index_put_")
INPLACE = ()
