"""Rearranged copies: flip, roll, rot90, repeat, tile, diagonals, triangles.

Derivatives: tools/autograd/derivatives.yaml and FunctionsManual.cpp of PyTorch 2.13.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.selecting import diagonal, index_select, writable_diagonal
from gradviz_engine.ops.shape import reshape
from gradviz_engine.ops.shapes import as_list, product, sizes_of, wrap_dim, wrap_dims
from gradviz_engine.tensor import Tensor, wrap

Array = np.ndarray[Any, Any]

# Turned around ------------------------------------------------------------------------------------------

_flip = operator(
    "flip(self, *, dims)",
    node="FlipBackward0",
    forward=lambda x, dims: np.ascontiguousarray(np.flip(x, dims)) if x.ndim else x.copy(),
    gradients={"self": Rule(lambda grad, saved: flip(grad, saved.dims), "grad, flipped back")},
)
_roll = operator(
    "roll(self, *, shifts, dims)",
    node="RollBackward0",
    forward=lambda x, shifts, dims: np.roll(x, shifts, dims or None) if x.size else x.copy(),
    gradients={
        "self": Rule(
            lambda grad, saved: roll(grad, tuple(-s for s in reversed(saved.shifts)), tuple(reversed(saved.dims))),
            "grad, rolled back",
        )
    },
)
_rot90 = operator(
    "rot90(self, *, k, dims)",
    node="Rot90Backward0",
    forward=lambda x, k, dims: np.ascontiguousarray(np.rot90(x, k, dims)),
    gradients={"self": Rule(lambda grad, saved: rot90(grad, -saved.k, saved.dims), "grad, turned back")},
)


def flip(input: Tensor, *axes: Any, dims: Any = None) -> Tensor:
    """The order of elements along dimensions reversed."""
    return _flip(input, wrap_dims(sizes_of(axes, dims), input._data.ndim))


def fliplr(input: Tensor) -> Tensor:
    """Columns in reverse."""
    if input._data.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip(input, (1,))


def flipud(input: Tensor) -> Tensor:
    """Rows in reverse."""
    if input._data.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, (0,))


def roll(input: Tensor, shifts: Any, dims: Any = ()) -> Tensor:
    """Elements shifted along ``dims``, those that leave coming back in; the flat tensor without dims."""
    shift = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    axes = (dims,) if isinstance(dims, int) else tuple(dims or ())
    if axes and len(axes) != len(shift):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(shift)}, dims:{len(axes)}")
    if not shift:
        raise RuntimeError("`shifts` required")
    if not axes and len(shift) > 1:
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(shift)}, dims:0")
    return _roll(input, shift, tuple(wrap_dim(d, input._data.ndim) for d in axes))


def rot90(input: Tensor, k: int = 1, dims: Any = (0, 1)) -> Tensor:
    """Turned by ``k`` quarter turns in the plane of two dimensions."""
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if input._data.ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input._data.ndim}")
    return _rot90(input, k, tuple(dims))


# Repeated -----------------------------------------------------------------------------------------------


def _repeat_backward(grad: Tensor, repeats: Any, sizes: Any) -> Tensor:
    """Source: ``repeat_backward``: reshape to (repeat, size) pairs and sum the repeats."""
    shape = tuple(sizes)
    if not product(repeats):
        return wrap(np.zeros(shape, grad._data.dtype))
    for _ in range(grad._data.ndim - len(shape)):
        grad = grad.sum(0)
    own = repeats[len(repeats) - len(shape) :]
    pairs: list[int] = []
    places: list[int] = []
    for repeat_, size in zip(own, shape, strict=True):
        if repeat_ != 1:
            places.append(len(pairs))
            pairs.append(repeat_)
        pairs.append(size)
    return reshape(grad, pairs).sum(tuple(places)) if places else grad


_repeat = operator(
    "repeat(self, *, repeats)",
    node="RepeatBackward0",
    forward=lambda x, repeats: np.tile(x, repeats) if repeats else x.copy(),
    gradients={
        "self": Rule(
            lambda grad, saved: _repeat_backward(grad, saved.repeats, saved.self_sym_sizes), "grad, the copies summed"
        )
    },
)


def repeat(self: Tensor, *times: Any, repeats: Any = None) -> Tensor:
    """Copies side by side, so many in each dimension."""
    counts = sizes_of(times, repeats)
    if len(counts) < self._data.ndim:
        raise RuntimeError("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor")
    if any(c < 0 for c in counts):
        raise RuntimeError(f"Trying to create tensor with negative dimension: {as_list(counts)}")
    return _repeat(self, counts)


def tile(input: Tensor, *times: Any, dims: Any = None) -> Tensor:
    """``repeat``; missing leading counts are 1."""
    counts = sizes_of(times, dims)
    return repeat(input, (1,) * (input._data.ndim - len(counts)) + counts)


@composite
def repeat_interleave(
    input: Tensor, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Each element (or slice along ``dim``) several times in a row."""
    if repeats is None:
        return wrap(np.repeat(np.arange(input._data.size), input._data))
    if dim is None:
        input, dim = input.flatten(), 0
    axis = wrap_dim(dim, input._data.ndim)
    if isinstance(repeats, Tensor) and not (repeats._data.ndim == 0 or repeats._data.size == 1):
        return _repeat_each(input, repeats, axis)
    count = int(repeats._data.reshape(-1)[0]) if isinstance(repeats, Tensor) else int(repeats)
    if count < 0:
        raise RuntimeError("Repeats must be non-negative")
    wide = input.unsqueeze(axis + 1)
    shape = list(wide._data.shape)
    shape[axis + 1] = count
    from gradviz_engine.layouts import contiguous_format
    from gradviz_engine.ops.copying import clone

    return clone(wide.expand(shape), memory_format=contiguous_format).flatten(axis, axis + 1)


def _repeat_each(input: Tensor, repeats: Tensor, axis: int) -> Tensor:
    if repeats._data.dtype not in (np.int32, np.int64):
        raise RuntimeError("repeats has to be Long or Int tensor")
    size = input._data.shape[axis] if input._data.ndim else 1
    if repeats._data.size != size:
        raise RuntimeError(
            f"repeats must have the same size as input along dim, but got repeats.size(0) = {repeats._data.size} and "
            f"input.size({axis}) = {size}"
        )
    return index_select(input, axis, wrap(np.repeat(np.arange(size), repeats._data)))


# Diagonals ----------------------------------------------------------------------------------------------


def _embedded(x: Array, offset: int, dim1: int, dim2: int) -> Array:
    size = x.shape[-1] + abs(offset)
    shape = list(x.shape[:-1])
    for d in sorted((dim1, dim2)):
        shape.insert(d, size)
    result = np.zeros(shape, x.dtype)
    if x.size:
        writable_diagonal(result, offset, dim1, dim2)[...] = x
    return result


_diag_embed = operator(
    "diag_embed(self, *, offset, dim1, dim2)",
    node="DiagEmbedBackward0",
    forward=_embedded,
    gradients={
        "self": Rule(lambda grad, saved: diagonal(grad, saved.offset, saved.dim1, saved.dim2), "grad's diagonal")
    },
)
_diagonal_copy = operator(
    "diagonal_copy(self, *, offset, dim1, dim2)",
    node="DiagonalBackward0_copy",
    forward=lambda x, offset, dim1, dim2: writable_diagonal(x, offset, dim1, dim2).copy(),
    gradients={
        "self": Rule(
            lambda grad, saved: _diagonal_copy_backward(
                grad, saved.self_sym_sizes, saved.offset, saved.dim1, saved.dim2
            ),
            "zeros with grad on the diagonal",
        )
    },
)


def _diagonal_copy_backward(grad: Tensor, sizes: Any, offset: int, dim1: int, dim2: int) -> Tensor:
    from gradviz_engine.ops.selecting import _diagonal_backward

    return _diagonal_backward(grad, sizes, offset, dim1, dim2)


def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The last dimension as diagonals of new matrices."""
    ndim = input._data.ndim + 1
    first, second = wrap_dim(dim1, ndim), wrap_dim(dim2, ndim)
    if first == second:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return _diag_embed(input, offset, first, second)


def diagonal_copy(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The diagonal as a copy."""
    ndim = input._data.ndim
    return _diagonal_copy(input, offset, wrap_dim(dim1, ndim), wrap_dim(dim2, ndim))


@composite
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """A vector as the diagonal of a matrix, or a matrix's diagonal as a vector."""
    if input._data.ndim == 1:
        return diag_embed(input, diagonal)
    if input._data.ndim == 2:
        return diagonal_copy(input, diagonal)
    raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input._data.ndim}D")


@composite
def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """The flat tensor as the diagonal of a matrix."""
    return diag_embed(input.contiguous().view(-1), offset)


def _trace_backward(grad: Tensor, sizes: Any) -> Tensor:
    """Source: ``trace_backward``: grad at every (n + 1)-th place of zeros."""
    from gradviz_engine.ops.scatter import index_fill

    zeros = wrap(np.zeros(product(sizes), grad._data.dtype))
    places = wrap(np.arange(0, min(sizes) * sizes[1], sizes[1] + 1))
    return index_fill(zeros, 0, places, grad).view(sizes)


_trace = operator(
    "trace(self)",
    node="TraceBackward0",
    forward=lambda x: np.trace(x),
    gradients={"self": Rule(lambda grad, saved: _trace_backward(grad, saved.self_sym_sizes), "grad on the diagonal")},
)


def trace(input: Tensor) -> Tensor:
    """The sum of a matrix's diagonal."""
    if input._data.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input._data.ndim}")
    return _trace(input)


# Triangles ----------------------------------------------------------------------------------------------

_tril = operator(
    "tril(self, *, diagonal)",
    node="TrilBackward0",
    forward=np.tril,
    gradients={"self": Rule(lambda grad, saved: tril(grad, saved.diagonal), "grad's lower triangle")},
)
_triu = operator(
    "triu(self, *, diagonal)",
    node="TriuBackward0",
    forward=np.triu,
    gradients={"self": Rule(lambda grad, saved: triu(grad, saved.diagonal), "grad's upper triangle")},
)


def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """The lower triangle, 0 above it."""
    _check_matrix("tril", input)
    return _tril(input, diagonal)


def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """The upper triangle, 0 below it."""
    _check_matrix("triu", input)
    return _triu(input, diagonal)


def tril_(self: Tensor, diagonal: int = 0) -> Tensor:
    return _tril.inplace(self, diagonal)


def triu_(self: Tensor, diagonal: int = 0) -> Tensor:
    return _triu.inplace(self, diagonal)


def _check_matrix(name: str, input: Tensor) -> None:
    if input._data.ndim < 2:
        raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions")


__all__ = [
    "diag", "diag_embed", "diagflat", "diagonal_copy", "flip", "fliplr", "flipud", "repeat_interleave", "roll", "rot90",
    "tile", "trace", "tril", "triu",
]  # fmt: skip
METHODS = (*(name for name in __all__ if name != "diagonal_copy"), "repeat", "tril_", "triu_")
INPLACE = ()
