"""Views that change a tensor's shape and share its memory.

Derivatives: tools/autograd/derivatives.yaml of PyTorch 2.13. Each is undone by another view.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine.autograd.saved import version_counter
from gradviz_engine.dtypes import of_numpy
from gradviz_engine.layouts import contiguous_format, format_named
from gradviz_engine.ops.registry import Operator, Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.shapes import (
    as_list,
    broadcast_shapes,
    expanded_sizes,
    infer_sizes,
    reshaped_view,
    sizes_of,
    wrap_dim,
    wrap_dims,
)
from gradviz_engine.tensor import Tensor

Array = np.ndarray[Any, Any]
as_strided_array = np.lib.stride_tricks.as_strided


def _viewed(x: Array, size: Any) -> Array:
    view = reshaped_view(x, infer_sizes(size, x.size))
    if view is None:
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans across "
            "two contiguous subspaces). Use .reshape(...) instead."
        )
    return view if view is not x else x.view()


def _expanded(x: Array, size: Any, implicit: bool) -> Array:
    size = expanded_sizes(size, x.shape, of_numpy(x.dtype)._legacy_name)
    extra = len(size) - x.ndim
    strides = (0,) * extra + tuple(
        [0 if have != want else step for have, want, step in zip(x.shape, size[extra:], x.strides, strict=True)]
    )
    return as_strided_array(x, size, strides)


def squeezed(x: Array, dim: Any) -> Array:
    """Without those of the dimensions ``dim`` (all: None) whose size is 1."""
    chosen = range(x.ndim) if dim is None else dim
    gone = [d for d in chosen if d < x.ndim and x.shape[d] == 1]
    return x.squeeze(tuple(gone)) if gone else x.view()


def unsqueeze_to(grad: Tensor, sizes: Any) -> Tensor:
    """Give back every dimension of size 1 that ``squeeze`` took."""
    for dim, size in enumerate(sizes):
        if size == 1:
            grad = _unsqueeze(grad, dim)
    return grad


def unsqueeze_dims(grad: Tensor, dims: Any, sizes: Any) -> Tensor:
    """Give back the dimensions ``dims`` where they had size 1."""
    for dim in sorted(dims):
        if sizes and sizes[dim] == 1:
            grad = _unsqueeze(grad, dim)
    return grad


def _reshaped(grad: Tensor, sizes: Any) -> Tensor:
    return reshape(grad, sizes)


_view = operator(
    "view(self, *, size)",
    node="ViewBackward0",
    view=True,
    forward=_viewed,
    gradients={"self": Rule(lambda grad, saved: _reshaped(grad, saved.self_sym_sizes), "grad, reshaped like self")},
)
_unsafe_view = operator(
    "_unsafe_view(self, *, size)",
    node="UnsafeViewBackward0",
    forward=_viewed,
    gradients={"self": Rule(lambda grad, saved: _reshaped(grad, saved.self_sym_sizes), "grad, reshaped like self")},
)
_reshape_alias = operator(
    "_reshape_alias(self, *, size)",
    node="ReshapeAliasBackward0",
    view=True,
    forward=_viewed,
    gradients={"self": Rule(lambda grad, saved: _reshaped(grad, saved.self_sym_sizes), "grad, reshaped like self")},
)
_alias = operator(
    "alias(self)",
    node="AliasBackward0",
    view=True,
    forward=lambda x: x.view(),
    gradients={"self": Rule(lambda grad, saved: grad, "grad")},
)
_expand = operator(
    "expand(self, *, size, implicit)",
    node="ExpandBackward0",
    view=True,
    forward=_expanded,
    gradients={
        "self": Rule(lambda grad, saved: sum_to_size(grad, saved.self_sym_sizes), "grad, summed where self repeats")
    },
)
_t = operator(
    "t(self)",
    node="TBackward0",
    view=True,
    forward=lambda x: x.T if x.ndim == 2 else x.view(),
    gradients={"self": Rule(lambda grad, saved: t(grad), "gradᵀ")},
)
_transpose: Operator = operator(
    "transpose(self, *, dim0, dim1)",
    node="TransposeBackward0",
    view=True,
    forward=lambda x, dim0, dim1: x.swapaxes(dim0, dim1) if x.ndim else x.view(),
    gradients={
        "self": Rule(lambda grad, saved: _transpose(grad, saved.dim0, saved.dim1), "grad, the dimensions swapped back")
    },
)
_permute: Operator = operator(
    "permute(self, *, dims)",
    node="PermuteBackward0",
    view=True,
    forward=lambda x, dims: x.transpose(dims) if x.ndim else x.view(),
    gradients={
        "self": Rule(lambda grad, saved: _permute(grad, inverse_order(saved.dims)), "grad, permuted back"),
    },
)
_unsqueeze = operator(
    "unsqueeze(self, *, dim)",
    node="UnsqueezeBackward0",
    view=True,
    forward=lambda x, dim: np.expand_dims(x, dim),
    gradients={"self": Rule(lambda grad, saved: _squeeze_dim(grad, saved.dim), "grad without the new dimension")},
)
_squeeze = operator(
    "squeeze(self)",
    node="SqueezeBackward0",
    view=True,
    forward=lambda x: squeezed(x, None),
    gradients={"self": Rule(lambda grad, saved: unsqueeze_to(grad, saved.self_sym_sizes), "grad, unsqueezed")},
)
_squeeze_dim: Operator = operator(
    "squeeze(self, *, dim)",
    node="SqueezeBackward1",
    view=True,
    forward=lambda x, dim: squeezed(x, (dim,)),
    gradients={
        "self": Rule(lambda grad, saved: unsqueeze_dims(grad, (saved.dim,), saved.self_sym_sizes), "grad, unsqueezed")
    },
)
_squeeze_dims = operator(
    "squeeze(self, *, dim)",
    node="SqueezeBackward2",
    view=True,
    forward=squeezed,
    gradients={
        "self": Rule(lambda grad, saved: unsqueeze_dims(grad, saved.dim, saved.self_sym_sizes), "grad, unsqueezed")
    },
)


def inverse_order(dims: Any) -> tuple[int, ...]:
    """The permutation that undoes ``dims``."""
    order = [0] * len(dims)
    for position, dim in enumerate(dims):
        order[dim] = position
    return tuple(order)


def sum_to_size(input: Tensor, *size: Any) -> Tensor:
    """Sum over the dimensions in which ``size`` was broadcast."""
    from gradviz_engine.autograd.running import sum_to

    sizes, shape = sizes_of(size), input._data.shape
    if len(sizes) > len(shape) or any(s not in (1, n) for s, n in zip(reversed(sizes), reversed(shape), strict=False)):
        raise RuntimeError(f"size {{{as_list(sizes)}}} is not expandable to size {{{as_list(shape)}}}.")
    return sum_to(input, sizes) if sizes else input.sum()


def view(self: Tensor, *shape: Any, size: Any = None) -> Tensor:
    """The same memory under another shape, or under another dtype."""
    if len(shape) == 1 and hasattr(shape[0], "itemsize") and not isinstance(shape[0], Tensor):
        return view_as_dtype(self, shape[0])
    return _view(self, sizes_of(shape, size))


def view_as_dtype(self: Tensor, dtype: Any) -> Tensor:
    """The same bytes read as another dtype; no history."""
    if self._data.ndim == 0 and dtype.itemsize != self._data.itemsize:
        raise RuntimeError(
            f"self.dim() cannot be 0 to view {self.dtype._legacy_name} as {dtype._legacy_name} (different element "
            "sizes)"
        )
    return self._with_data(self._data.view(dtype.numpy), version_counter(self))


@composite
def view_as(self: Tensor, other: Tensor) -> Tensor:
    return _view(self, other._data.shape)


@composite
def reshape(input: Tensor, *sizes: Any, shape: Any = None) -> Tensor:
    """A view where the strides allow it, else a copy."""
    size = infer_sizes(sizes_of(sizes, shape), input._data.size)
    if input._data.flags.c_contiguous:
        return _view(input, size)
    if reshaped_view(input._data, size) is not None:
        return _reshape_alias(input, size)
    return _unsafe_view(contiguous_clone(input), size)


def contiguous_clone(input: Tensor) -> Tensor:
    """A dense row-major copy, in the graph."""
    from gradviz_engine.ops.copying import clone

    return clone(input, memory_format=contiguous_format)


def reshape_as(self: Tensor, other: Tensor) -> Tensor:
    return reshape(self, other._data.shape)


def expand(self: Tensor, *sizes: Any, size: Any = None, implicit: bool = False) -> Tensor:
    """Repeat dimensions of size 1 without copying; -1 keeps a size."""
    return _expand(self, sizes_of(sizes, size), implicit)


def expand_as(self: Tensor, other: Tensor) -> Tensor:
    return _expand(self, other._data.shape, False)


def broadcast_to(input: Tensor, *sizes: Any, size: Any = None) -> Tensor:
    """``expand``."""
    return _expand(input, sizes_of(sizes, size), False)


def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """All tensors expanded to their common shape."""
    given = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)) else tensors
    common = broadcast_shapes(*(x._data.shape for x in given))
    return tuple(_expand(x, common, False) for x in given)


def t(input: Tensor) -> Tensor:
    """The transpose of a matrix; vectors stay as they are."""
    if input._data.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input._data.ndim}D")
    return _t(input)


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Swap two dimensions."""
    ndim = input._data.ndim
    return _transpose(input, wrap_dim(dim0, ndim), wrap_dim(dim1, ndim))


swapaxes = swapdims = transpose


def permute(input: Tensor, *order: Any, dims: Any = None) -> Tensor:
    """Reorder the dimensions."""
    wanted, ndim = sizes_of(order, dims), input._data.ndim
    if len(wanted) != ndim:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired "
            f"ordering of dimensions i.e. input.dim() = {ndim} is not equal to len(dims) = {len(wanted)}"
        )
    wrapped = tuple(wrap_dim(d, ndim) for d in wanted)
    if len(set(wrapped)) != ndim:
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return _permute(input, wrapped)


def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """Move dimensions to new places; the others keep their order."""
    ndim = input._data.ndim
    src = wrap_dims(source, ndim)
    dst = wrap_dims(destination, ndim)
    if len(src) != len(dst):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({as_list(src)} dims) should contain the same "
            f"number of dims as destination ({as_list(dst)} dims)"
        )
    order = [d for d in range(ndim) if d not in src]
    for place, dim in sorted(zip(dst, src, strict=True)):
        order.insert(place, dim)
    return _permute(input, tuple(order)) if ndim else alias(input)


moveaxis = movedim


def alias(input: Tensor) -> Tensor:
    """The same tensor as a view (AliasBackward0)."""
    return _alias(input)


def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """A new dimension of size 1 at ``dim``."""
    ndim = input._data.ndim + 1
    return _unsqueeze(input, wrap_dim(dim, ndim))


def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """Without dimensions of size 1: all, the one named, or those named."""
    if dim is None:
        return _squeeze(input)
    if isinstance(dim, (tuple, list)):
        return _squeeze_dims(input, wrap_dims(dim, input._data.ndim))
    return _squeeze_dim(input, wrap_dim(dim, input._data.ndim))


@composite
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Join the dimensions from ``start_dim`` to ``end_dim`` into one."""
    ndim, shape = input._data.ndim, input._data.shape
    start, end = wrap_dim(start_dim, ndim), wrap_dim(end_dim, ndim)
    if start > end:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if ndim == 0:
        return reshape(input, (1,))
    if start == end:
        return input
    joined = 1
    for size in shape[start : end + 1]:
        joined *= size
    return reshape(input, (*shape[:start], joined, *shape[end + 1 :]))


@composite
def unflatten(input: Tensor, dim: int, sizes: Any) -> Tensor:
    """Split one dimension into several."""
    shape = input._data.shape
    place = wrap_dim(dim, input._data.ndim)
    sizes = tuple(int(s) for s in sizes)
    if not sizes:
        raise RuntimeError("unflatten: sizes must be non-empty")
    known = 1
    for size in sizes:
        known *= size if size != -1 else 1
    fits = shape[place] % known == 0 if -1 in sizes and known else known == shape[place]
    if not fits:
        raise RuntimeError(
            f"unflatten: Provided sizes {as_list(sizes)} don't multiply up to the size of dim {place} "
            f"({shape[place]}) in the input tensor"
        )
    return _view(input, (*shape[:place], *infer_sizes(sizes, shape[place]), *shape[place + 1 :]))


@composite
def ravel(input: Tensor) -> Tensor:
    """One dimension, row by row."""
    return reshape(contiguous(input), (-1,))


@composite
def contiguous(self: Tensor, memory_format: Any = None) -> Tensor:
    """Itself if it lies in memory as asked for (dense and row-major), else a copy that does."""
    from gradviz_engine.ops.copying import clone, is_laid_out

    form = contiguous_format if memory_format is None else format_named(memory_format)
    return self if is_laid_out(self._data, form) else clone(self, memory_format=form)


def _at_least(count: int) -> Any:
    def function(*tensors: Any) -> Any:
        if len(tensors) == 1 and isinstance(tensors[0], Tensor):
            return _raised(tensors[0], count)
        given = tensors[0] if len(tensors) == 1 else tensors
        return tuple(_raised(x, count) for x in given)

    function.__name__ = function.__qualname__ = f"atleast_{count}d"
    return composite(function)


def _raised(tensor: Tensor, count: int) -> Tensor:
    ndim = tensor._data.ndim
    if ndim >= count:
        return tensor
    if ndim == 0:
        return reshape(tensor, (1,) * count)
    if count == 2 or ndim == 2:
        return unsqueeze(tensor, 0 if count == 2 else -1)
    return unsqueeze(unsqueeze(tensor, 0), -1)


atleast_1d, atleast_2d, atleast_3d = _at_least(1), _at_least(2), _at_least(3)


def _property_T(self: Tensor) -> Tensor:
    """``x.T``: the dimensions in reverse."""
    return _permute(self, tuple(reversed(range(self._data.ndim))))


def _property_mT(self: Tensor) -> Tensor:
    """``x.mT``: the last two dimensions swapped."""
    if self._data.ndim < 2:
        raise RuntimeError(
            f"tensor.mT is only supported on matrices or batches of matrices. Got {self._data.ndim}-D tensor."
        )
    return transpose(self, -2, -1)


def _property_H(self: Tensor) -> Tensor:
    """``x.H``: a matrix transposed and conjugated."""
    ndim = self._data.ndim
    if ndim not in (0, 2):
        raise RuntimeError(f"tensor.H is only supported on matrices (2-D tensors). Got {ndim}-D tensor.")
    return (transpose(self, 0, 1) if ndim else self).conj()


def _property_mH(self: Tensor) -> Tensor:
    """``x.mH``: the last two dimensions swapped, conjugated."""
    if self._data.ndim < 2:
        raise RuntimeError(
            f"tensor.adjoint() is only supported on matrices or batches of matrices. Got {self._data.ndim}-D tensor."
        )
    return transpose(self, -2, -1).conj()


def adjoint(input: Tensor) -> Tensor:
    """The last two dimensions swapped, conjugated."""
    return _property_mH(input)


PROPERTIES = {
    "H": composite(_property_H, "H"), "T": composite(_property_T, "T"), "mH": composite(_property_mH, "mH"),
    "mT": composite(_property_mT, "mT"),
}  # fmt: skip

__all__ = [
    "adjoint", "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_tensors", "broadcast_to", "flatten", "moveaxis",
    "movedim", "permute", "ravel", "reshape", "squeeze", "swapaxes", "swapdims", "t", "transpose", "unflatten",
    "unsqueeze",
]  # fmt: skip
METHODS = (
    "adjoint", "broadcast_to", "contiguous", "expand", "expand_as", "flatten", "moveaxis", "movedim", "permute",
    "ravel", "reshape", "reshape_as", "squeeze", "sum_to_size", "swapaxes", "swapdims", "t", "transpose", "unflatten",
    "unsqueeze", "view", "view_as",
)  # fmt: skip
INPLACE = ()
