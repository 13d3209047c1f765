"""Splitting tensors into views: split, chunk, unbind, tensor_split and their kin.

Derivatives: ``split_backward`` and ``unbind_backward`` in FunctionsManual.cpp of PyTorch 2.13.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz_engine.ops.joining import cat, stack
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.selecting import place, slice_along
from gradviz_engine.ops.shapes import wrap_dim
from gradviz_engine.tensor import Tensor, wrap

Array = np.ndarray[Any, Any]


def _pieces(x: Array, sizes: Sequence[int], dim: int) -> list[Array]:
    pieces, start = [], 0
    for size in sizes:
        pieces.append(x[place(dim, slice(start, start + size))])
        start += size
    return pieces


def split_points(size: int, step: int) -> list[int]:
    """The sizes of pieces of ``step``, the last one shorter; one empty piece of nothing."""
    if step == 0 or size == 0:
        return [size]
    return [min(step, size - start) for start in range(0, size, step)]


def _filled_in(grads: Sequence[Tensor | None], sizes: Sequence[int], dim: int, shape: Any) -> list[Tensor]:
    """Zeros for pieces that received no gradient."""
    dtype = next(g._data.dtype for g in grads if g is not None)
    return [
        wrap(np.zeros((*shape[:dim], size, *shape[dim + 1 :]), dtype)) if g is None else g
        for g, size in zip(grads, sizes, strict=True)
    ]


def _split_backward(grads: Any, sizes: Sequence[int], dim: int, shape: Any) -> Tensor:
    grads = grads if isinstance(grads, tuple) else (grads,)
    return cat(_filled_in(grads, sizes, dim, shape), dim)


def _split_operator(name: str, node: str, view: bool) -> Any:
    return operator(
        f"{name}(self, *, split_size, dim) -> *pieces",
        node=node,
        view=view,
        forward=lambda x, step, dim: _pieces(x, split_points(x.shape[dim], step), dim),
        gradients={
            "self": Rule(
                lambda grad, saved: _split_backward(
                    grad,
                    split_points(saved.self_sym_sizes[saved.dim], saved.split_size),
                    saved.dim,
                    saved.self_sym_sizes,
                ),
                "the pieces' gradients, joined",
            )
        },
    )


_split = _split_operator("split", "SplitBackward0", view=True)
_unsafe_split = _split_operator("unsafe_split", "UnsafeSplitBackward0", view=False)
_split_with_sizes = operator(
    "split_with_sizes(self, *, split_sizes, dim)",
    node="SplitWithSizesBackward0",
    view=True,
    forward=_pieces,
    gradients={
        "self": Rule(
            lambda grad, saved: _split_backward(grad, saved.split_sizes, saved.dim, saved.self_sym_sizes),
            "the pieces' gradients, joined",
        )
    },
)


def _unbind_backward(grads: Any, dim: int) -> Tensor:
    grads = grads if isinstance(grads, tuple) else (grads,)
    known = next(g for g in grads if g is not None)
    zeros = wrap(np.zeros_like(known._data))
    return stack([zeros if g is None else g for g in grads], dim)


_unbind = operator(
    "unbind(self, *, dim)",
    node="UnbindBackward0",
    view=True,
    forward=lambda x, dim: [x[place(dim, i)] for i in range(x.shape[dim])],
    gradients={"self": Rule(lambda grad, saved: _unbind_backward(grad, saved.dim), "the slices' gradients, stacked")},
)


def _dimension(name: str, tensor: Tensor, dim: int) -> int:
    if not tensor._data.ndim:
        raise RuntimeError(f"{name} expects at least a 1-dimensional tensor")
    return wrap_dim(dim, tensor._data.ndim)


def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Pieces of a size, or of these sizes, along ``dim``."""
    if not isinstance(split_size_or_sections, int):
        return split_with_sizes(tensor, split_size_or_sections, dim)
    axis = _dimension("split", tensor, dim)
    size = tensor._data.shape[axis]
    if split_size_or_sections < 0:
        raise RuntimeError(f"split expects split_size be non-negative, but got split_size={split_size_or_sections}")
    if split_size_or_sections == 0 and size:
        raise RuntimeError(f"split_size can only be 0 if dimension size is 0, but got dimension size of {size}")
    return _split(tensor, split_size_or_sections, axis)


def split_with_sizes(input: Tensor, split_sizes: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Pieces of these sizes along ``dim``."""
    axis = _dimension("split_with_sizes", input, dim)
    sizes = [int(s) for s in split_sizes]
    if any(s < 0 for s in sizes):
        raise RuntimeError(
            f"split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes={sizes}"
        )
    if sum(sizes) != input._data.shape[axis]:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {input._data.shape[axis]} (input tensor's size "
            f"at dimension {axis}), but got split_sizes={sizes}"
        )
    return _split_with_sizes(input, sizes, axis)


def _chunk_size(tensor: Tensor, chunks: int, dim: int) -> int:
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    return -(-tensor._data.shape[dim] // chunks)


@composite
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most ``chunks`` pieces of equal size, the last one shorter."""
    axis = _dimension("chunk", input, dim)
    step = _chunk_size(input, chunks, axis)
    if step == 0:
        return split_with_sizes(input, [0] * chunks, axis)
    return split(input, step, axis)


def unsafe_split(input: Tensor, split_size: int, dim: int = 0) -> tuple[Tensor, ...]:
    """``split`` whose pieces may be changed in place."""
    return _unsafe_split(input, split_size, _dimension("split", input, dim))


def unsafe_chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """``chunk`` whose pieces may be changed in place."""
    axis = _dimension("chunk", input, dim)
    return unsafe_split(input, _chunk_size(input, chunks, axis), axis)


def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The slices along ``dim``, without it."""
    return _unbind(input, wrap_dim(dim, input._data.ndim))


@composite
def tensor_split(input: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Nearly equal parts, or the parts between indices."""
    if not input._data.ndim:
        raise RuntimeError("tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims")
    axis = wrap_dim(dim, input._data.ndim)
    size = input._data.shape[axis]
    given = indices_or_sections
    if isinstance(given, Tensor):
        given = given.tolist()
    if isinstance(given, int):
        if given <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {given}")
        small, larger = divmod(size, given)
        ends = np.cumsum([small + 1] * larger + [small] * (given - larger)).tolist()
        bounds = [0, *ends]
    else:
        bounds = [0, *given, size]
    return tuple(slice_along(input, axis, a, b, 1) for a, b in itertools.pairwise(bounds))


def _along(name: str, dim: int, least: int) -> Any:
    """``hsplit``, ``vsplit``, ``dsplit``: ``tensor_split`` along a fixed dimension."""

    def function(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
        if input._data.ndim < least:
            raise RuntimeError(
                f"torch.{name} requires a tensor with at least {least} dimension{'s' if least > 1 else ''}, but got a "
                f"tensor with {input._data.ndim} dimensions!"
            )
        axis = 0 if name == "hsplit" and input._data.ndim == 1 else dim
        size = input._data.shape[axis]
        if isinstance(indices_or_sections, int) and (indices_or_sections == 0 or size % indices_or_sections):
            raise RuntimeError(
                f"torch.{name} attempted to split along dimension {axis}, but the size of the dimension {size} is "
                f"not divisible by the split_size {indices_or_sections}!"
            )
        return tensor_split(input, indices_or_sections, axis)

    function.__name__ = function.__qualname__ = name
    return composite(function)


hsplit, vsplit, dsplit = _along("hsplit", 1, 1), _along("vsplit", 0, 2), _along("dsplit", 2, 3)

__all__ = [
    "chunk", "dsplit", "hsplit", "split", "split_with_sizes", "tensor_split", "unbind", "unsafe_chunk", "unsafe_split",
    "vsplit",
]  # fmt: skip
METHODS = tuple(__all__)
INPLACE = ()
