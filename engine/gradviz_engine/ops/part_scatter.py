"""A copy of a tensor with one of its parts replaced: select_scatter, slice_scatter and their kin.

Derivatives: tools/autograd/derivatives.yaml of PyTorch 2.13.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz_engine.ops.copying import as_strided, strided_array
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.ops.selecting import diagonal, place, select, slice_along, writable_diagonal
from gradviz_engine.ops.shapes import as_list, wrap_dim
from gradviz_engine.tensor import Tensor, wrap

Array = np.ndarray[Any, Any]


def _part_operator(name: str, attributes: str, node: str, part_of: Callable[..., Array], read: Any) -> Any:
    """Declare ``<name>_scatter`` from the view that names the part and the operation that reads it."""
    names = tuple(a.strip() for a in attributes.split(","))

    def forward(x: Array, src: Array, *where: Any) -> Array:
        result = x.copy()
        part = part_of(result, *where)
        if part.shape != src.shape:
            raise RuntimeError(
                f"expected src to have a size equal to the slice of self. src size = {as_list(src.shape)}, slice size "
                f"= {as_list(part.shape)}"
            )
        part[...] = src
        return result

    def cleared(grad: Tensor, saved: Any) -> Any:
        zeros = wrap(np.zeros(saved.src_sym_sizes, grad._data.dtype))
        return op(grad, zeros, *(getattr(saved, n) for n in names))

    op = operator(
        f"{name}_scatter(self, src, *, {attributes})",
        node=node,
        forward=forward,
        gradients={
            "self": Rule(cleared, "grad, 0 in the part", reads=("src_sym_sizes", *names)),
            "src": Rule(
                lambda grad, saved: read(grad, *(getattr(saved, n) for n in names)), "the part of grad", reads=names
            ),
        },
    )
    return op


_select_scatter = _part_operator(
    "select", "dim, index", "SelectScatterBackward0", lambda x, dim, index: x[place(dim, index)], select
)
_slice_scatter = _part_operator(
    "slice",
    "dim, start, end, step",
    "SliceScatterBackward0",
    lambda x, dim, start, end, step: x[place(dim, slice(start, end, step))],
    slice_along,
)
_diagonal_scatter = _part_operator(
    "diagonal", "offset, dim1, dim2", "DiagonalScatterBackward0", writable_diagonal, diagonal
)
_as_strided_scatter = _part_operator(
    "as_strided",
    "size, stride, storage_offset",
    "AsStridedScatterBackward0",
    strided_array,
    lambda grad, size, stride, offset: as_strided(grad.contiguous(), size, stride, offset),
)


def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """``input`` with ``src`` at ``index`` of ``dim``."""
    axis = wrap_dim(dim, input._data.ndim)
    size = input._data.shape[axis]
    return _select_scatter(input, src, axis, index + size if index < 0 else index)


def slice_scatter(
    input: Tensor, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    """``input`` with ``src`` at ``start:end:step`` of ``dim``."""
    axis = wrap_dim(dim, input._data.ndim)
    start, end, step = slice(start, end, step).indices(input._data.shape[axis])
    return _slice_scatter(input, src, axis, start, max(start, end), step)


def diagonal_scatter(input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """``input`` with ``src`` on a diagonal."""
    ndim = input._data.ndim
    return _diagonal_scatter(input, src, offset, wrap_dim(dim1, ndim), wrap_dim(dim2, ndim))


def as_strided_scatter(input: Tensor, src: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """``input`` with ``src`` at the places a strided view covers."""
    return _as_strided_scatter(input, src, tuple(size), tuple(stride), storage_offset or 0)


__all__ = ["as_strided_scatter", "diagonal_scatter", "select_scatter", "slice_scatter"]
METHODS = tuple(__all__)
INPLACE = ()
