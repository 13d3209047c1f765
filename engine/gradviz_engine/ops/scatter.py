"""Writing by index: scatter, scatter_add, index_add, index_copy, index_fill, put.

Derivatives: tools/autograd/derivatives.yaml of PyTorch 2.13.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine.ops.copying import zeros_like
from gradviz_engine.ops.elementwise import not_implemented
from gradviz_engine.ops.pointwise import scaled
from gradviz_engine.ops.registry import Operator, Rule, operator
from gradviz_engine.ops.selecting import along, check_bounds, check_index_dtype, gather, index_select, place, take
from gradviz_engine.ops.shapes import as_list, wrap_dim
from gradviz_engine.tensor import Tensor, wrap

Array = np.ndarray[Any, Any]


def zeros_of(tensor: Tensor, sizes: Any) -> Tensor:
    """Zeros of the tensor's dtype and another shape."""
    return wrap(np.zeros(sizes, tensor._data.dtype))


# Scatter ------------------------------------------------------------------------------------------------


def _key(x: Array, dim: int, index: Array) -> tuple[Any, ...]:
    return along(x.shape, dim, index)


def _at_least_1d(*arrays: Array) -> list[Array]:
    return [a.reshape(1) if a.ndim == 0 else a for a in arrays]


def _part(source: Array, index: Array) -> Array:
    """``src`` may be larger than ``index``: its leading part counts."""
    return source[tuple(slice(0, n) for n in index.shape)]


def _scattered(x: Array, source: Any, dim: int, index: Tensor) -> Array:
    result = x.copy()
    target, places = _at_least_1d(result, index._data)
    values = _part(_at_least_1d(source)[0], places) if isinstance(source, np.ndarray) else source
    target[_key(target, dim, places)] = values
    return result


def _scatter_added(x: Array, source: Array, dim: int, index: Tensor) -> Array:
    result = x.copy()
    target, places, values = _at_least_1d(result, index._data, source)
    np.add.at(target, _key(target, dim, places), _part(values, places))
    return result


_scatter = operator(
    "scatter(self, src, *, dim, index)",
    node="ScatterBackward0",
    forward=_scattered,
    gradients={
        "self": Rule(lambda grad, saved: _scatter_value(grad, saved.dim, saved.index, 0), "grad, 0 at index"),
        "src": Rule(lambda grad, saved: gather(grad, saved.dim, saved.index), "grad at index"),
    },
)
_scatter_value: Operator = operator(
    "scatter(self, *, dim, index, value)",
    node="ScatterBackward1",
    forward=lambda x, dim, index, value: _scattered(x, value, dim, index),
    gradients={"self": Rule(lambda grad, saved: _scatter_value(grad, saved.dim, saved.index, 0), "grad, 0 at index")},
)
_scatter_add = operator(
    "scatter_add(self, src, *, dim, index)",
    node="ScatterAddBackward0",
    forward=_scatter_added,
    gradients={
        "self": Rule(lambda grad, saved: grad, "grad"),
        "src": Rule(lambda grad, saved: gather(grad, saved.dim, saved.index), "grad at index"),
    },
)


def _check_scatter(name: str, input: Tensor, dim: int, index: Tensor, src: Any) -> int:
    dim = wrap_dim(dim, input._data.ndim)
    check_index_dtype(name, index)
    shapes = [input._data.shape, index._data.shape] + ([src._data.shape] if isinstance(src, Tensor) else [])
    if len({max(len(s), 1) for s in shapes}) > 1 and index._data.size:
        what = "self" if len(shapes[0] or (1,)) != len(shapes[1] or (1,)) else "src"
        raise RuntimeError(f"Index tensor must have the same number of dimensions as {what} tensor")
    if isinstance(src, Tensor) and src._data.dtype != input._data.dtype:
        raise RuntimeError(f"{name}(): Expected self.dtype to be equal to src.dtype")
    if index._data.ndim and input._data.ndim and index._data.size:
        small = any(d != dim and n > m for d, (n, m) in enumerate(zip(shapes[1], shapes[0], strict=True)))
        short = len(shapes) > 2 and any(n > m for n, m in zip(shapes[1], shapes[2], strict=True))
        if small or short:
            tail = f" and to be no larger size than src {as_list(shapes[2])}" if len(shapes) > 2 else ""
            raise RuntimeError(
                f"Expected index {as_list(shapes[1])} to be no larger than self {as_list(shapes[0])} apart from "
                f"dimension {dim}{tail}"
            )
    check_bounds(index._data, input._data.shape[dim] if input._data.ndim else 1, dim)
    return dim


def scatter(
    input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: str | None = None
) -> Tensor:
    """Write ``src`` (or ``value``) at ``index`` of ``dim``: ``out[index[i][j]][j] = src[i][j]``."""
    source = value if src is None else src
    dim = _check_scatter("scatter", input, dim, index, source)
    if reduce is not None:
        return _scatter_combined(input, dim, index, source, reduce)
    if isinstance(source, Tensor):
        return _scatter(input, source, dim, index)
    return _scatter_value(input, dim, index, source)


def _scatter_combined(input: Tensor, dim: int, index: Tensor, source: Any, reduce: str) -> Tensor:
    """``scatter(reduce="add")`` and ``"multiply"``, which PyTorch does not differentiate."""
    if reduce not in _COMBINERS:
        raise RuntimeError("reduce argument must be either add or multiply.")
    if isinstance(source, Tensor):
        return _scatter_combine(input, source, dim, index, reduce)
    return _scatter_combine_number(input, dim, index, source, reduce)


_COMBINERS: dict[str, Any] = {"add": np.add, "multiply": np.multiply}


def _combined(x: Array, source: Any, dim: int, index: Tensor, reduce: str) -> Array:
    result = x.copy()
    target, places = _at_least_1d(result, index._data)
    values = _part(_at_least_1d(source)[0], places) if isinstance(source, np.ndarray) else source
    _COMBINERS[reduce].at(target, _key(target, dim, places), values)
    return result


_scatter_combine = not_implemented("scatter(self, src, *, dim, index, reduce)", forward=_combined)
_scatter_combine_number = not_implemented(
    "scatter(self, *, dim, index, value, reduce)",
    forward=lambda x, dim, index, value, reduce: _combined(x, value, dim, index, reduce),
)


def scatter_(self: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None) -> Tensor:
    source = value if src is None else src
    dim = _check_scatter("scatter", self, dim, index, source)
    if isinstance(source, Tensor):
        return _scatter.inplace(self, source, dim, index)
    return _scatter_value.inplace(self, dim, index, source)


def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """Add ``src`` at ``index`` of ``dim``."""
    return _scatter_add(input, src, _check_scatter("scatter", input, dim, index, src), index)


def scatter_add_(self: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    return _scatter_add.inplace(self, src, _check_scatter("scatter", self, dim, index, src), index)


# By index along one dimension ---------------------------------------------------------------------------


def _indexed(x: Array, dim: int, index: Tensor) -> tuple[Array, Array, tuple[Any, ...]]:
    """A copy of ``x``, a writable view of it with a dimension, and the index of the places."""
    result = x.copy()
    target = result.reshape(1) if not x.ndim else result
    return result, target, place(dim, index._data.reshape(-1))


def _index_added(x: Array, source: Array, dim: int, index: Tensor, alpha: Any) -> Array:
    result, target, key = _indexed(x, dim, index)
    values = source if alpha == 1 else source * np.asarray(alpha, source.dtype)
    np.add.at(target, key, values.reshape(1) if not values.ndim else values)
    return result


def _index_copied(x: Array, source: Array, dim: int, index: Tensor) -> Array:
    result, target, key = _indexed(x, dim, index)
    target[key] = source.reshape(1) if not source.ndim else source
    return result


def _index_filled(x: Array, value: Any, dim: int, index: Tensor) -> Array:
    result, target, key = _indexed(x, dim, index)
    target[key] = value
    return result


def _source_gradient(grad: Tensor, source: Tensor, dim: int, index: Tensor) -> Tensor:
    if source._data.ndim:
        return index_select(grad, dim, index).expand_as(source)
    return index_select(grad, dim, index.squeeze(0))


_index_add = operator(
    "index_add(self, source, *, dim, index, alpha)",
    node="IndexAddBackward0",
    forward=_index_added,
    gradients={
        "self": Rule(lambda grad, saved: grad, "grad"),
        "source": Rule(
            lambda grad, saved: scaled(_source_gradient(grad, saved.source, saved.dim, saved.index), saved.alpha),
            "grad at index · alpha",
        ),
    },
)
_index_copy = operator(
    "index_copy(self, source, *, dim, index)",
    node="IndexCopyBackward0",
    forward=_index_copied,
    gradients={
        "self": Rule(lambda grad, saved: index_fill(grad, saved.dim, saved.index, 0), "grad, 0 at index"),
        "source": Rule(
            lambda grad, saved: _source_gradient(grad, saved.source, saved.dim, saved.index), "grad at index"
        ),
    },
)
_index_fill = operator(
    "index_fill(self, *, dim, index, value)",
    node="IndexFillBackward0",
    forward=lambda x, dim, index, value: _index_filled(x, value, dim, index),
    gradients={
        "self": Rule(lambda grad, saved: index_fill(grad, saved.dim, saved.index, 0), "grad, 0 at index"),
    },
)
_index_fill_tensor = operator(
    "index_fill(self, value, *, dim, index)",
    node="IndexFillBackward1",
    forward=_index_filled,
    gradients={
        "self": Rule(lambda grad, saved: index_fill(grad, saved.dim, saved.index, 0), "grad, 0 at index"),
        "value": Rule(
            lambda grad, saved: index_select(grad, saved.dim, wrap(np.unique(saved.index._data))).sum(),
            "sum of grad at index",
        ),
    },
)


def _checked_index(name: str, input: Tensor, dim: int, index: Tensor) -> int:
    dim = wrap_dim(dim, input._data.ndim)
    if index._data.dtype not in (np.int64, np.int32):
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")
    size = input._data.shape[dim] if input._data.ndim else 1
    if index._data.size and (index._data.min() < -size or index._data.max() >= size):
        wrong = index._data.max() if index._data.max() >= size else index._data.min()
        raise IndexError(f"index {int(wrong)} is out of bounds for dimension {dim} with size {size}")
    return dim


def _checked_source(name: str, input: Tensor, dim: int, index: Tensor, source: Tensor) -> int:
    """The dimension, once index and source fit each other."""
    dim = _checked_index(name, input, dim, index)
    length = source._data.shape[dim] if source._data.ndim else 1
    if index._data.size != length:
        raise RuntimeError(
            f"{name.rstrip('_')}_(): Number of indices ({index._data.size}) should be equal to source.size(dim): "
            f"({length}), for dim: {dim}"
        )
    return dim


def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Tensor:
    """Add the slices of ``source`` at ``index`` of ``dim``; repeated places add up."""
    return _index_add(input, source, _checked_source("index_add", input, dim, index, source), index, alpha)


def index_add_(self: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Tensor:
    return _index_add.inplace(self, source, _checked_source("index_add_", self, dim, index, source), index, alpha)


def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """Write the slices of ``source`` at ``index`` of ``dim``."""
    return _index_copy(input, source, _checked_source("index_copy", input, dim, index, source), index)


def index_copy_(self: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    return _index_copy.inplace(self, source, _checked_source("index_copy_", self, dim, index, source), index)


def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """Fill the places ``index`` of ``dim`` with one value."""
    dim = _checked_index("index_fill", input, dim, index)
    if isinstance(value, Tensor):
        return _index_fill_tensor(input, value, dim, index)
    return _index_fill(input, dim, index, value)


def index_fill_(self: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    dim = _checked_index("index_fill_", self, dim, index)
    if isinstance(value, Tensor):
        return _index_fill_tensor.inplace(self, value, dim, index)
    return _index_fill.inplace(self, dim, index, value)


# Into the flat tensor -----------------------------------------------------------------------------------


def _put_flat(x: Array, source: Array, index: Tensor, accumulate: bool) -> Array:
    flat = x.copy().reshape(-1)
    places = index._data.reshape(-1)
    if accumulate:
        np.add.at(flat, places, source.reshape(-1))
    else:
        flat[places] = source.reshape(-1)
    return flat.reshape(x.shape)


_put = operator(
    "put(self, source, *, index, accumulate)",
    node="PutBackward0",
    forward=_put_flat,
    gradients={
        "self": Rule(
            lambda grad, saved: grad if saved.accumulate else put(grad, saved.index, zeros_like(saved.source)),
            "grad, 0 where source was put",
        ),
        "source": Rule(lambda grad, saved: take(grad, saved.index).reshape(saved.source_sym_sizes), "grad at index"),
    },
)


def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """Write (or add) ``source`` at these places of the flat tensor."""
    if index._data.size != source._data.size:
        raise RuntimeError(
            f"put_(): Expected source and index to have the same number of elements, but got source.numel() = "
            f"{source._data.size}, index.numel() = {index._data.size}"
        )
    return _put(input, source, index, accumulate)


def put_(self: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    numel = self._data.size
    if index._data.size and not (-numel <= index._data.min() and index._data.max() < numel):
        wrong = index._data.max() if index._data.max() >= numel else index._data.min()
        raise IndexError(f"out of range: tried to access index {int(wrong)} on a tensor of {numel} elements.")
    return _put.inplace(self, source, index, accumulate)


__all__ = ["index_add", "index_copy", "index_fill", "put", "scatter", "scatter_add"]
METHODS = (*__all__, "index_add_", "index_copy_", "index_fill_", "put_", "scatter_", "scatter_add_")
INPLACE = ()
