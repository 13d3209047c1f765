"""Parts of a tensor: select, slice, narrow, diagonal, unfold as views; index_select, gather and take as copies.

Derivatives: tools/autograd/derivatives.yaml of PyTorch 2.13. The derivative of a part is a tensor of zeros
with the gradient in its place, an operator of its own (``select_backward`` ...).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine.ops.registry import Operator, Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.shapes import as_list, wrap_dim
from gradviz_engine.tensor import Tensor

Array = np.ndarray[Any, Any]


def place(dim: int, key: Any) -> tuple[Any, ...]:
    """numpy's index for ``key`` at ``dim`` and everything elsewhere; the result stays an array."""
    return (slice(None),) * dim + (key, ...)


def _placed(grad: Array, sizes: Any, key: Any) -> Array:
    result = np.zeros(sizes, grad.dtype)
    result[key] = grad
    return result


_select_backward = operator(
    "select_backward(grad_output, *, input_sizes, dim, index)",
    node="SelectBackwardBackward0",
    forward=lambda grad, sizes, dim, index: _placed(grad, sizes, place(dim, index)),
    gradients={"grad_output": Rule(lambda grad, saved: _select(grad, saved.dim, saved.index), "grad[index]")},
)
_select: Operator = operator(
    "select(self, *, dim, index)",
    node="SelectBackward0",
    view=True,
    forward=lambda x, dim, index: x[place(dim, index)],
    gradients={
        "self": Rule(
            lambda grad, saved: _select_backward(grad, saved.self_sym_sizes, saved.dim, saved.index),
            "zeros with grad at index",
        )
    },
)
_slice_backward = operator(
    "slice_backward(grad_output, *, input_sizes, dim, start, end, step)",
    node="SliceBackwardBackward0",
    forward=lambda grad, sizes, dim, start, end, step: _placed(grad, sizes, place(dim, slice(start, end, step))),
    gradients={
        "grad_output": Rule(
            lambda grad, saved: _slice(grad, saved.dim, saved.start, saved.end, saved.step), "grad[start:end:step]"
        )
    },
)
_slice: Operator = operator(
    "slice(self, *, dim, start, end, step)",
    node="SliceBackward0",
    view=True,
    forward=lambda x, dim, start, end, step: x[place(dim, slice(start, end, step))],
    gradients={
        "self": Rule(
            lambda grad, saved: _slice_backward(
                grad, saved.self_sym_sizes, saved.dim, saved.start, saved.end, saved.step
            ),
            "zeros with grad at start:end:step",
        )
    },
)
_diagonal_backward = operator(
    "diagonal_backward(grad_output, *, input_sizes, offset, dim1, dim2)",
    node="DiagonalBackwardBackward0",
    forward=lambda grad, sizes, *plane: _filled_diagonal(np.zeros(sizes, grad.dtype), grad, *plane),
    gradients={
        "grad_output": Rule(
            lambda grad, saved: _diagonal(grad, saved.offset, saved.dim1, saved.dim2), "grad's diagonal"
        )
    },
)  # fmt: skip
_diagonal: Operator = operator(
    "diagonal(self, *, offset, dim1, dim2)",
    node="DiagonalBackward0",
    view=True,
    forward=lambda x, offset, dim1, dim2: writable_diagonal(x, offset, dim1, dim2),
    gradients={
        "self": Rule(
            lambda grad, saved: _diagonal_backward(grad, saved.self_sym_sizes, saved.offset, saved.dim1, saved.dim2),
            "zeros with grad on the diagonal",
        )
    },
)


def writable_diagonal(x: Array, offset: int, dim1: int, dim2: int) -> Array:
    """``np.diagonal`` gives a read-only view; this one can be written."""
    length = max(min(x.shape[dim1] + min(offset, 0), x.shape[dim2] - max(offset, 0)), 0)
    corner = x[place(dim1, slice(max(-offset, 0), None))][place(dim2, slice(max(offset, 0), None))]
    shape = [n for d, n in enumerate(x.shape) if d not in (dim1, dim2)] + [length]
    strides = [s for d, s in enumerate(x.strides) if d not in (dim1, dim2)] + [x.strides[dim1] + x.strides[dim2]]
    return np.lib.stride_tricks.as_strided(corner, shape, strides)


def _filled_diagonal(target: Array, values: Array, offset: int, dim1: int, dim2: int) -> Array:
    if target.size:
        writable_diagonal(target, offset, dim1, dim2)[...] = values
    return target


def _windows(x: Array, dim: int, size: int, step: int) -> Array:
    """Windows along ``dim``, as a last dimension."""
    if not x.ndim:
        return np.lib.stride_tricks.as_strided(x, (size,), (x.itemsize,))
    count = (x.shape[dim] - size) // step + 1
    shape = (*x.shape[:dim], count, *x.shape[dim + 1 :], size)
    strides = (*x.strides[:dim], x.strides[dim] * step, *x.strides[dim + 1 :], x.strides[dim])
    return np.lib.stride_tricks.as_strided(x, shape, strides)


def _windows_added(grad: Array, sizes: Any, dim: int, size: int, step: int) -> Array:
    result = np.zeros(sizes, grad.dtype)
    if not sizes:
        return result + grad.reshape(-1)[:1].sum()
    count = grad.shape[dim]
    for position in range(size):
        result[place(dim, slice(position, position + (count - 1) * step + 1, step))] += grad[..., position]
    return result


_unfold_backward = operator(
    "unfold_backward(grad_in, *, input_sizes, dim, size, step)",
    node="UnfoldBackwardBackward0",
    forward=_windows_added,
    gradients={"grad_in": Rule(lambda grad, saved: _unfold(grad, saved.dim, saved.size, saved.step), "grad's windows")},
)
_unfold: Operator = operator(
    "unfold(self, *, dimension, size, step)",
    node="UnfoldBackward0",
    view=True,
    forward=_windows,
    gradients={
        "self": Rule(
            lambda grad, saved: _unfold_backward(grad, saved.self_sym_sizes, saved.dimension, saved.size, saved.step),
            "grad, the windows added up",
        )
    },
)


def select(input: Tensor, dim: int, index: int) -> Tensor:
    """One slice along ``dim``, without that dimension."""
    shape = input._data.shape
    if not shape:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    dim, index = wrap_dim(dim, len(shape)), int(index)
    if not -shape[dim] <= index < shape[dim]:
        raise IndexError(f"select(): index {index} out of range for tensor of size {as_list(shape)} at dimension {dim}")
    return _select(input, dim, index + shape[dim] if index < 0 else index)


def slice_along(input: Tensor, dim: int, start: Any, end: Any, step: int) -> Tensor:
    """``input[start:end:step]`` along ``dim``, bounds clipped as Python clips them."""
    if step <= 0:
        raise ValueError("step must be greater than zero")
    size = input._data.shape[dim]
    start, end, step = slice(start, end, step).indices(size)
    return _slice(input, dim, start, max(start, end), step)


@composite
def narrow(input: Tensor, dim: int, start: Any, length: int) -> Tensor:
    """``length`` entries of ``dim`` from ``start`` on."""
    shape = input._data.shape
    if not shape:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    dim, start, length = wrap_dim(dim, len(shape)), int(start), int(length)
    size = shape[dim]
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if not -size <= start <= size:
        raise IndexError(f"start out of range (expected to be in range of [{-size}, {size}], but got {start})")
    start = start + size if start < 0 else start
    if start + length > size:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({size}).")
    return _slice(input, dim, start, start + length, 1)


def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The diagonal of the matrices in ``dim1`` and ``dim2``, as the last dimension."""
    ndim = input._data.ndim
    first, second = wrap_dim(dim1, ndim), wrap_dim(dim2, ndim)
    if first == second:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return _diagonal(input, offset, first, second)


def unfold(self: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Windows of ``size`` along ``dimension``, ``step`` apart, as a new last dimension."""
    ndim = self._data.ndim
    dim = wrap_dim(dimension, ndim)
    most = self._data.shape[dim] if ndim else 1
    if size > most:
        raise RuntimeError(f"maximum size for tensor at dimension {dim} is {most} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    return _unfold(self, dim, size, step)


# Copies by index ----------------------------------------------------------------------------------------


def check_index_dtype(name: str, index: Tensor) -> None:
    if index._data.size and (index._data.dtype.kind != "i" or index._data.dtype.itemsize < 4):
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")


def check_bounds(index: Array, size: int, dim: int) -> None:
    """RuntimeError for an index outside ``[0, size)``."""
    if index.size:
        low, high = index.min(), index.max()
        if low < 0 or high >= size:
            wrong = int(low if low < 0 else high)
            raise RuntimeError(f"index {wrong} is out of bounds for dimension {dim} with size {size}")


def _taken(x: Array, dim: int, index: Array) -> Array:
    if not x.ndim:
        return x.copy()
    return x.take(index.reshape(-1), axis=dim)


_index_select = operator(
    "index_select(self, *, dim, index)",
    node="IndexSelectBackward0",
    forward=lambda x, dim, index: _taken(x, dim, index._data),
    gradients={
        "self": Rule(
            lambda grad, saved: index_select_backward(grad, saved.self_sym_sizes, saved.dim, saved.index),
            "zeros with grad added at index",
        )
    },
)


def index_select_backward(grad: Tensor, sizes: Any, dim: int, index: Tensor) -> Tensor:
    from gradviz_engine.ops.scatter import index_add, zeros_of

    return index_add(zeros_of(grad, sizes), dim, index, grad)


def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The entries of ``dim`` that ``index`` (1-D) names, in its order."""
    if index._data.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    if index._data.dtype not in (np.int64, np.int32):
        raise RuntimeError("index_select(): Expected dtype int32 or int64 for index")
    dim = wrap_dim(dim, input._data.ndim)
    size = input._data.shape[dim] if input._data.ndim else 1
    if index._data.size and (index._data.min() < 0 or index._data.max() >= size):
        raise IndexError("index out of range in self")
    return _index_select(input, dim, index)


def _gathered(x: Array, dim: int, index: Array) -> Array:
    if not x.ndim:
        return x.reshape(1)[index.reshape(-1)].reshape(index.shape)
    if not index.ndim:
        return x[index.reshape(1)].reshape(())
    return x[along(x.shape, dim, index)]


def along(shape: Any, dim: int, index: Array) -> tuple[Array, ...]:
    """numpy's index tuple for ``gather`` and ``scatter``: ``index`` in ``dim``, its own place elsewhere."""
    ndim = len(shape)
    return tuple(
        index if d == dim else np.arange(index.shape[d]).reshape((-1,) + (1,) * (ndim - d - 1)) for d in range(ndim)
    )


_gather = operator(
    "gather(self, *, dim, index, sparse_grad)",
    node="GatherBackward0",
    forward=lambda x, dim, index, sparse_grad: _gathered(x, dim, index._data.astype(np.int64, copy=False)),
    gradients={
        "self": Rule(
            lambda grad, saved: gather_backward(grad, saved.self.shape, saved.dim, saved.index),
            "zeros with grad added at index",
            ("self", "dim", "index", "sparse_grad"),
        )
    },
)


def gather_backward(grad: Tensor, sizes: Any, dim: int, index: Tensor) -> Tensor:
    from gradviz_engine.ops.scatter import scatter_add, zeros_of

    return scatter_add(zeros_of(grad, sizes), dim, index, grad)


def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    """``out[i][j] = input[index[i][j]][j]`` for ``dim`` 0, and so on."""
    x, places = input._data, index._data
    dim = wrap_dim(dim, x.ndim)
    check_index_dtype("gather", index)
    if max(x.ndim, 1) != max(places.ndim, 1) and places.size:
        raise RuntimeError("Index tensor must have the same number of dimensions as input tensor")
    for d in range(x.ndim if places.ndim else 0):
        if d != dim and places.shape[d] > x.shape[d]:
            raise RuntimeError(
                f"Size does not match at dimension {d} expected index {as_list(places.shape)} to be no larger than "
                f"self {as_list(x.shape)} apart from dimension {dim}"
            )
    check_bounds(places, x.shape[dim] if x.ndim else 1, dim)
    return _gather(input, dim, index, sparse_grad)


def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """``gather`` whose arguments are broadcast against each other; the flat tensor where no dim is given."""
    if dim is None:
        return gather(input.reshape(-1), 0, _from_front(indices.reshape(-1), input._data.size))
    from gradviz_engine.ops.shapes import broadcast_shapes

    if input._data.ndim != indices._data.ndim:
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, but got "
            f"{input._data.ndim} dimensions for input, and {indices._data.ndim} dimensions for indices"
        )
    if indices._data.dtype != np.int64:
        raise RuntimeError(
            f"torch.take_along_dim(): dtype of indices should be Long but got {indices.dtype._legacy_name}"
        )
    dim = wrap_dim(dim, input._data.ndim)
    wide = list(broadcast_shapes(_without(input, dim), _without(indices, dim)))
    index = _from_front(indices, input._data.shape[dim]).broadcast_to(
        (*wide[:dim], indices._data.shape[dim], *wide[dim + 1 :])
    )
    return gather(input.broadcast_to((*wide[:dim], input._data.shape[dim], *wide[dim + 1 :])), dim, index)


def _from_front(indices: Tensor, size: int) -> Tensor:
    """Negative indices count from the end."""
    return indices.where(indices >= 0, indices + size) if (indices._data < 0).any() else indices


def _without(tensor: Tensor, dim: int) -> tuple[int, ...]:
    shape = tensor._data.shape
    return (*shape[:dim], 1, *shape[dim + 1 :])


_take = operator(
    "take(self, *, index)",
    node="TakeBackward0",
    forward=lambda x, index: x.reshape(-1)[index._data],
    gradients={
        "self": Rule(
            lambda grad, saved: take_backward(grad, saved.self_sym_sizes, saved.index), "zeros with grad added at index"
        )
    },
)


def take_backward(grad: Tensor, sizes: Any, index: Tensor) -> Tensor:
    from gradviz_engine.ops.scatter import put, zeros_of

    return put(zeros_of(grad, sizes), index, grad, accumulate=True)


def take(input: Tensor, index: Tensor) -> Tensor:
    """The elements at these places of the flat tensor."""
    if index._data.dtype != np.int64:
        raise RuntimeError(f"take(): Expected a long tensor for index, but got {index.dtype._legacy_name}")
    numel = input._data.size
    if index._data.size and not (-numel <= index._data.min() and index._data.max() < numel):
        wrong = index._data.max() if index._data.max() >= numel else index._data.min()
        raise IndexError(f"out of range: tried to access index {int(wrong)} on a tensor of {numel} elements.")
    return _take(input, index)


__all__ = [
    "diagonal", "gather", "index_select", "narrow", "select", "take", "take_along_dim",
]  # fmt: skip
METHODS = (*__all__, "unfold")
INPLACE = ()
