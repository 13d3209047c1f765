"""Copies and aliases: clone, copy_, detach, and strided views of a tensor's memory.

Derivatives: tools/autograd/derivatives.yaml of PyTorch 2.13.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine.autograd.node import Node, edge_of, next_sequence
from gradviz_engine.autograd.saved import version_counter
from gradviz_engine.layouts import channels_last, contiguous_format, format_named, preserve_format
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.ops.reporting import report_op
from gradviz_engine.ops.shapes import contiguous_strides
from gradviz_engine.tensor import Tensor, storage_of, wrap

Array = np.ndarray[Any, Any]


def dense_copy(x: Array, memory_format: Any = None) -> Array:
    """A copy with the memory order of ``x``, or row-major where asked for or where ``x`` repeats elements."""
    if memory_format is channels_last:
        return x.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2)
    if memory_format is contiguous_format or x.flags.c_contiguous or 0 in x.strides:
        return x.copy()
    return x.copy(order="K")


_clone = operator(
    "clone(self, *, memory_format)",
    node="CloneBackward0",
    forward=dense_copy,
    gradients={"self": Rule(lambda grad, saved: grad, "grad")},
)
_copied = operator(
    "copied(self)",
    node="torch::autograd::CopyBackwards",
    forward=np.copy,
    gradients={"self": Rule(lambda grad, saved: grad, "grad")},
)
_copy = operator(
    "copy(self, src)",
    node="torch::autograd::CopyBackwards",
    forward=lambda x, src: np.broadcast_to(src, x.shape).astype(x.dtype, copy=False),
    gradients={
        "self": Rule(lambda grad, saved: zeros_like(grad), "0"),
        "src": Rule(lambda grad, saved: grad, "grad"),
    },
)
_as_strided = operator(
    "as_strided(self, *, size, stride, storage_offset, geometry)",
    node="AsStridedBackward0",
    view=True,
    forward=lambda x, size, stride, offset, geometry: strided_array(x, size, stride, offset - geometry[2]),
    gradients={
        "self": Rule(
            lambda grad, saved: as_strided_backward(
                grad, saved.geometry, saved.size, saved.stride, saved.storage_offset
            ),
            "grad, put back where the elements came from",
        )
    },
)


def is_laid_out(x: Array, memory_format: Any) -> bool:
    """Does ``x`` lie in memory as the format says?"""
    if memory_format is channels_last:
        return x.ndim == 4 and x.transpose(0, 2, 3, 1).flags.c_contiguous
    return x.flags.c_contiguous if memory_format is contiguous_format else True


def clone(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """A copy with memory of its own, in the graph."""
    form = format_named(memory_format)
    result: Tensor = _clone(input, None if form is preserve_format else form)
    return result


def copied(tensor: Tensor) -> Tensor:
    """The copy AccumulateGrad makes under ``create_graph`` (CopyBackwards)."""
    result: Tensor = _copied(tensor)
    return result


def copy_(self: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Write ``src``, broadcast and cast, into this tensor."""
    source = src if isinstance(src, Tensor) else wrap(np.asarray(src))
    if source._data.shape != self._data.shape:
        from gradviz_engine.ops.shapes import broadcast_shapes

        broadcast_shapes(self._data.shape, source._data.shape)
    return _copy.inplace(self, source)


def detach(input: Tensor) -> Tensor:
    """The same memory outside the graph; in-place changes are counted on both."""
    alias = input._alias(version_counter(input))
    report_op("detach", None, (input,), (alias,))
    return alias


def detach_(self: Tensor) -> Tensor:
    """Forget this tensor's history; RuntimeError for a view, whose base would not know."""
    if self._base is not None:
        raise RuntimeError(
            "Can't detach views in-place. Use detach() instead. If you are using DistributedDataParallel (DDP) for "
            "training, and gradient_as_bucket_view is set as True, gradients are views of DDP buckets, and hence "
            "detach_() cannot be called on these gradients. To fix this error, please refer to the "
            "Optimizer.zero_grad() function in torch/optim/optimizer.py as a reference."
        )
    self._edge, self._leaf_requires_grad = None, False
    return self


def zeros_like(tensor: Tensor) -> Tensor:
    return wrap(np.zeros_like(tensor._data))


# Strided views ------------------------------------------------------------------------------------------


def strided_array(x: Array, size: Any, stride: Any, offset: int) -> Array:
    """The memory of ``x`` under another geometry; strides and offset in elements, counted from ``x``'s first."""
    start = np.lib.stride_tricks.as_strided(x, (), ())
    if offset:
        start = np.lib.stride_tricks.as_strided(x, (abs(offset) + 1,), (x.itemsize * (1 if offset > 0 else -1),))[-1:]
    return np.lib.stride_tricks.as_strided(start, tuple(size), tuple([s * x.itemsize for s in stride]))


def as_strided(input: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """A view of the memory ``input`` lies in. RuntimeError where the geometry reaches outside it."""
    size, stride = tuple(int(s) for s in size), tuple(int(s) for s in stride)
    if len(size) != len(stride):
        raise RuntimeError("mismatch in length of strides and shape")
    own_offset = input.storage_offset()
    offset = own_offset if storage_offset is None else storage_offset
    _check_inside(input, size, stride, offset)
    geometry = (input._data.shape, input.stride(), own_offset)
    return _as_strided(input, size, stride, offset, geometry)


def _check_inside(input: Tensor, size: Any, stride: Any, offset: int) -> None:
    if 0 in size:
        return
    storage = storage_of(input._data)
    reach = offset + 1 + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    if reach > storage.size:
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset}, and itemsize "
            f"{storage.itemsize} requiring a storage size of {reach * storage.itemsize} are out of bounds for "
            f"storage of size {storage.nbytes}"
        )


def as_strided_backward(grad: Tensor, geometry: Any, size: Any, stride: Any, offset: int) -> Tensor:
    """Sum the gradient of a strided view into the elements of its source.

    Source: ``as_strided_backward`` in torch/csrc/autograd/FunctionsManual.cpp: gradients go into a flat storage,
    then the source's own geometry is read from it, each element's share divided among its repetitions.
    """
    from gradviz_engine.ops.scatter import index_add

    in_shape, in_stride, in_offset = geometry
    first = min(in_offset, offset)
    places = _positions(size, stride, offset - first)
    sources = _positions(in_shape, in_stride, in_offset - first)
    length = 1 + max(places.max(initial=0), sources.max(initial=0))
    storage = index_add(wrap(np.zeros(int(length), grad._data.dtype)), 0, wrap(places.ravel()), grad.reshape(-1))
    repeated = np.bincount(sources.ravel(), minlength=int(length))
    result = storage[wrap(sources.ravel())].reshape(in_shape)
    return result if repeated.max(initial=0) <= 1 else result / wrap(repeated[sources].astype(grad._data.dtype))


def _positions(shape: Any, stride: Any, offset: int) -> Array:
    """Where each element of a strided tensor lies in its storage."""
    places = np.full(shape, offset, np.int64)
    for dim, (size, step) in enumerate(zip(shape, stride, strict=True)):
        places += (np.arange(size) * step).reshape((-1,) + (1,) * (len(shape) - dim - 1))
    return places


def as_strided_view(tensor: Tensor, shape: Any, strides: Any, offset: int) -> Tensor:
    """``as_strided`` of a result of our own, whose memory begins at its first element."""
    return _as_strided(tensor, shape, strides, offset, (tensor._data.shape, tensor.stride(), 0))


def new_strided_zeros(tensor: Tensor, shape: Any, strides: Any) -> Tensor:
    """Zeros of the tensor's dtype laid out with these strides, densely where they are not dense."""
    if contiguous_strides(shape) == tuple(strides):
        return wrap(np.zeros(shape, tensor._data.dtype))
    order = np.argsort([-s for s in strides], kind="stable")
    zeros = np.zeros(tuple(shape[i] for i in order), tensor._data.dtype)
    return wrap(zeros.transpose(np.argsort(order)) if len(order) else zeros)


def as_strided_node(base: Tensor, view: Tensor) -> Node:
    """AsStridedBackward0 of ``base`` for a view whose history is out of date."""
    node: Node = _as_strided.node_type()
    node.edges = (edge_of(base),)
    node.meta = ((view._data.shape, view._data.dtype),)
    node.sequence = next_sequence()
    kept = node.__dict__
    kept["_kept_size"], kept["_kept_stride"] = tuple(view._data.shape), view.stride()
    kept["_kept_storage_offset"] = view.storage_offset()
    kept["_kept_geometry"] = (base._data.shape, base.stride(), base.storage_offset())
    return node


__all__ = ["as_strided", "clone", "detach"]
METHODS = ("as_strided", "clone", "copy_", "detach", "detach_")
INPLACE = ()
