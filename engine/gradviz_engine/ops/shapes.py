"""Shape arithmetic that operators of several families share: dimensions, sizes, broadcasting, strides.

Texts of the errors are PyTorch's. Nothing here touches a tensor's history.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


def wrap_dim(dim: int, ndim: int) -> int:
    """A dimension counted from the front; a 0-d tensor accepts 0 and -1. IndexError out of range."""
    size = ndim or 1
    if dim < -size or dim >= size:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-size}, {size - 1}], but got {dim})")
    return dim + size if dim < 0 else int(dim)


def wrap_dims(dims: Any, ndim: int) -> Shape:
    """Several dimensions, or a single one, counted from the front; RuntimeError for duplicates."""
    chosen = tuple(wrap_dim(d, ndim) for d in (dims if isinstance(dims, Iterable) else (dims,)))
    if len(set(chosen)) != len(chosen):
        repeated = next(d for d in chosen if chosen.count(d) > 1)
        raise RuntimeError(f"dim {repeated} appears multiple times in the list of dims")
    return chosen


def reduced_dims(dims: Any, ndim: int) -> Shape:
    """The dimensions a reduction runs over: all of them where none are named."""
    if dims is None or (isinstance(dims, (tuple, list)) and len(dims) == 0):
        return tuple(range(ndim))
    return wrap_dims(dims, ndim)


def sizes_of(arguments: Sequence[Any], keyword: Any = None) -> Shape:
    """``view(2, 3)``, ``view((2, 3))`` and ``view(size=(2, 3))`` alike; sizes may be 0-d tensors."""
    if keyword is not None:
        arguments = keyword if isinstance(keyword, (tuple, list)) else (keyword,)
    if len(arguments) == 1 and isinstance(arguments[0], (tuple, list)):
        arguments = arguments[0]
    return tuple([s if s.__class__ is int else int(s) for s in arguments])


def infer_sizes(sizes: Shape, numel: int) -> Shape:
    """Replace a -1 by the size that makes the number of elements come out; RuntimeError where none does."""
    unknown = -1
    known = 1
    for position, size in enumerate(sizes):
        if size == -1:
            if unknown >= 0:
                raise RuntimeError("only one dimension can be inferred")
            unknown = position
        elif size < 0:
            raise RuntimeError(f"invalid shape dimension {size} at index {position} of shape {list(sizes)}")
        else:
            known *= size
    if unknown < 0:
        if known != numel:
            raise RuntimeError(f"shape '{list(sizes)}' is invalid for input of size {numel}")
        return sizes
    if known == 0 and numel == 0:
        raise RuntimeError(
            f"cannot reshape tensor of 0 elements into shape {list(sizes)} because the unspecified dimension size "
            "-1 can be any value and is ambiguous"
        )
    if known == 0 or numel % known:
        raise RuntimeError(f"shape '{list(sizes)}' is invalid for input of size {numel}")
    return (*sizes[:unknown], numel // known, *sizes[unknown + 1 :])


def expanded_sizes(sizes: Shape, shape: Shape, kind: str = "Float") -> Shape:
    """The target of ``expand``: -1 keeps a size. RuntimeError where ``shape`` cannot be expanded to it."""
    extra = len(sizes) - len(shape)
    if extra < 0:
        raise RuntimeError(
            f"expand(torch.{kind}Tensor{{{list(shape)}}}, size={list(sizes)}): the number of sizes provided "
            f"({len(sizes)}) must be greater or equal to the number of dimensions in the tensor ({len(shape)})"
        )
    result = list(sizes)
    for dim in range(len(sizes) - 1, -1, -1):
        have = shape[dim - extra] if dim >= extra else 1
        if sizes[dim] == -1:
            if dim < extra:
                raise RuntimeError(
                    f"The expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension {dim}"
                )
            result[dim] = have
        elif have not in (1, sizes[dim]):
            raise RuntimeError(
                f"The expanded size of the tensor ({sizes[dim]}) must match the existing size ({have}) at "
                f"non-singleton dimension {dim}.  Target sizes: {list(sizes)}.  Tensor sizes: {list(shape)}"
            )
    return tuple(result)


def broadcast_shapes(*shapes: Sequence[int]) -> Shape:
    """The common shape of several; RuntimeError where there is none."""
    result: list[int] = []
    for shape in shapes:
        result = [1] * (len(shape) - len(result)) + result
        for dim in range(-1, -len(shape) - 1, -1):
            have, new = result[dim], shape[dim]
            if have == 1:
                result[dim] = new
            elif new not in (1, have):
                raise RuntimeError(
                    f"The size of tensor a ({have}) must match the size of tensor b ({new}) at non-singleton "
                    f"dimension {len(result) + dim}"
                )
    return tuple(result)


def reshaped_view(array: Array, shape: Shape) -> Array | None:
    """``array`` under another shape without copying, or None where its strides do not allow it."""
    if array.flags.c_contiguous:
        return array.reshape(shape)
    candidate = array.reshape(shape)
    if candidate.size == 0 or np.may_share_memory(candidate, array):
        return candidate
    return None


def contiguous_strides(shape: Sequence[int]) -> Shape:
    """Strides, in elements, of a dense row-major tensor."""
    strides = [1] * len(shape)
    for dim in range(len(shape) - 2, -1, -1):
        strides[dim] = strides[dim + 1] * max(shape[dim + 1], 1)
    return tuple(strides)


def product(sizes: Iterable[int]) -> int:
    """The number of elements of a shape."""
    return math.prod(sizes)


def as_list(sizes: Iterable[int]) -> str:
    """A shape as PyTorch writes it in messages: ``[2, 3]``."""
    return str(list(sizes))
