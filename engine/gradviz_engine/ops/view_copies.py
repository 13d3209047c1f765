"""Views as copies: ``view_copy``, ``expand_copy`` ... have the derivative of the view and memory of their own.

PyTorch generates them from the views (tools/autograd/gen_view_copy.py); so does this module.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine.ops import copying, selecting, shape, splitting
from gradviz_engine.ops.registry import Operator, operator
from gradviz_engine.ops.shapes import sizes_of, wrap_dim, wrap_dims
from gradviz_engine.tensor import Tensor


def _copied(result: Any) -> Any:
    if isinstance(result, (list, tuple)):
        return [np.array(part) for part in result]
    return np.array(result)


def _copying(view: Operator, several: bool = False, node: str | None = None) -> Operator:
    """The operator that computes what ``view`` shows, as a copy."""
    name = node or f"{view.node_type.__name__}_copy"
    rule = view.rules[0]
    assert rule is not None
    attributes = f", *, {', '.join(view.attributes)}" if view.attributes else ""
    outputs = " -> *outputs" if several else ""
    return operator(
        f"{view.name}_copy(self{attributes}){outputs}",
        node=name,
        forward=lambda x, *rest: _copied(view.forward(x, *rest)),
        gradients={"self": rule},
    )


_alias, _t = _copying(shape._alias), _copying(shape._t)
_view, _expand = _copying(shape._view), _copying(shape._expand)
_transpose, _permute = _copying(shape._transpose), _copying(shape._permute)
_unsqueeze, _squeeze = _copying(shape._unsqueeze), _copying(shape._squeeze)
_squeeze_dim, _squeeze_dims = _copying(shape._squeeze_dim), _copying(shape._squeeze_dims)
_as_strided, _unfold = _copying(copying._as_strided), _copying(selecting._unfold)
_narrow = _copying(selecting._slice, node="NarrowCopyBackward0")
_unbind = _copying(splitting._unbind, several=True)
_split_with_sizes = _copying(splitting._split_with_sizes, several=True)


def alias_copy(input: Tensor) -> Tensor:
    return _alias(input)


def t_copy(input: Tensor) -> Tensor:
    return _t(input)


def view_copy(input: Tensor, size: Any) -> Tensor:
    return _view(input, sizes_of((size,)))


def expand_copy(input: Tensor, *sizes: Any, size: Any = None, implicit: bool = False) -> Tensor:
    return _expand(input, sizes_of(sizes, size), implicit)


def transpose_copy(input: Tensor, dim0: int, dim1: int) -> Tensor:
    ndim = input._data.ndim
    return _transpose(input, wrap_dim(dim0, ndim), wrap_dim(dim1, ndim))


def permute_copy(input: Tensor, dims: Any) -> Tensor:
    return _permute(input, wrap_dims(sizes_of((dims,)), input._data.ndim))


def unsqueeze_copy(input: Tensor, dim: int) -> Tensor:
    return _unsqueeze(input, wrap_dim(dim, input._data.ndim + 1))


def squeeze_copy(input: Tensor, dim: Any = None) -> Tensor:
    if dim is None:
        return _squeeze(input)
    if isinstance(dim, (tuple, list)):
        return _squeeze_dims(input, wrap_dims(dim, input._data.ndim))
    return _squeeze_dim(input, wrap_dim(dim, input._data.ndim))


def as_strided_copy(input: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    own = input.storage_offset()
    offset = own if storage_offset is None else storage_offset
    geometry = (input._data.shape, input.stride(), own)
    return _as_strided(input, tuple(size), tuple(stride), offset, geometry)


def unfold_copy(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    return _unfold(input, wrap_dim(dimension, input._data.ndim), size, step)


def narrow_copy(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    axis = wrap_dim(dim, input._data.ndim)
    start = start + input._data.shape[axis] if start < 0 else start
    return _narrow(input, axis, start, start + length, 1)


def unbind_copy(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    return _unbind(input, wrap_dim(dim, input._data.ndim))


def split_with_sizes_copy(input: Tensor, split_sizes: Any, dim: int = 0) -> tuple[Tensor, ...]:
    return _split_with_sizes(input, list(split_sizes), wrap_dim(dim, input._data.ndim))


__all__ = [
    "alias_copy", "as_strided_copy", "expand_copy", "narrow_copy", "permute_copy", "split_with_sizes_copy",
    "squeeze_copy", "t_copy", "transpose_copy", "unbind_copy", "unfold_copy", "unsqueeze_copy", "view_copy",
]  # fmt: skip
METHODS = ("narrow_copy",)
INPLACE = ()
