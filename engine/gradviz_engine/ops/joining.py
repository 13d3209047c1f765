"""Joining tensors: cat, stack and what is made of them.

Derivatives: ``cat_tensors_backward`` and ``stack_tensors_backward`` in FunctionsManual.cpp of PyTorch 2.13.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz_engine import dtypes
from gradviz_engine.ops.elementwise import write_out
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.selecting import narrow
from gradviz_engine.ops.shape import atleast_1d, atleast_2d, atleast_3d, expand, reshape
from gradviz_engine.ops.shapes import as_list, wrap_dim
from gradviz_engine.tensor import Tensor, wrap

Array = np.ndarray[Any, Any]


def _is_legacy_empty(shape: Sequence[int]) -> bool:
    """1-D tensors without elements join anything, for historical reasons."""
    return tuple(shape) == (0,)


def _common_dtype(arrays: Sequence[Array]) -> list[Array]:
    first = arrays[0].dtype
    if all(a.dtype is first for a in arrays):
        return list(arrays)
    common = dtypes.result_type_of(*arrays)
    return [a.astype(common, copy=False) for a in arrays]


def _joined(arrays: Sequence[Array], dim: int) -> Array:
    arrays = _common_dtype(arrays)
    kept = [a for a in arrays if not _is_legacy_empty(a.shape)]
    return np.concatenate(kept or arrays[:1], axis=dim)


def _cat_backward(grad: Tensor, sizes: Sequence[Any], dim: int) -> list[Tensor]:
    results, start = [], 0
    for shape in sizes:
        if _is_legacy_empty(shape):
            results.append(wrap(np.zeros(0, grad._data.dtype)))
            continue
        results.append(narrow(grad, dim, start, shape[dim]))
        start += shape[dim]
    return results


_cat = operator(
    "cat(*tensors, *, dim)",
    node="CatBackward0",
    forward=_joined,
    gradients={
        "tensors": Rule(
            lambda grad, saved: _cat_backward(grad, saved.tensors_sym_sizes, saved.dim), "the tensor's part of grad"
        )
    },
)
_stack = operator(
    "stack(*tensors, *, dim)",
    node="StackBackward0",
    forward=lambda arrays, dim: np.stack(_common_dtype(arrays), axis=dim),
    gradients={
        "tensors": Rule(lambda grad, saved: list(grad.unbind(saved.dim)), "the tensor's slice of grad"),
    },
)


def _tensors(name: str, tensors: Any) -> list[Tensor]:
    if isinstance(tensors, Tensor):
        raise TypeError(f"{name}(): argument 'tensors' (position 1) must be tuple of Tensors, not Tensor")
    given = list(tensors)
    for position, tensor in enumerate(given):
        if not isinstance(tensor, Tensor):
            raise TypeError(f"expected Tensor as element {position} in argument 0, but got {type(tensor).__name__}")
    return given


def _check_cat(tensors: Sequence[Tensor], dim: int, shapes: Sequence[Any]) -> None:
    first = next((s for s in shapes if not _is_legacy_empty(s)), None)
    for number, shape in enumerate(shapes):
        if first is None or _is_legacy_empty(shape):
            continue
        if len(shape) == 0:
            raise RuntimeError(f"zero-dimensional tensor (at position {number}) cannot be concatenated")
        if len(shape) != len(first):
            raise RuntimeError(f"Tensors must have same number of dimensions: got {len(first)} and {len(shape)}")
        for d, (have, want) in enumerate(zip(shape, first, strict=True)):
            if d != dim and have != want:
                raise RuntimeError(
                    f"Sizes of tensors must match except in dimension {dim}. Expected size {want} but got size {have} "
                    f"for tensor number {number} in the list."
                )


def cat(tensors: Any, dim: int = 0, *, out: Tensor | None = None, axis: int | None = None) -> Tensor:
    """The tensors one after the other along ``dim``."""
    given = _tensors("cat", tensors)
    if not given:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    shapes = [t._data.shape for t in given]
    ndim = next((len(s) for s in shapes if not _is_legacy_empty(s)), 1)
    if ndim == 0:
        raise RuntimeError("zero-dimensional tensor (at position 0) cannot be concatenated")
    place = wrap_dim(dim if axis is None else axis, ndim)
    _check_cat(given, place, shapes)
    return _cat(given, place) if out is None else write_out("cat", out, lambda *t: _cat(t, place), *given)


def concat(tensors: Any, dim: int = 0, *, axis: int | None = None) -> Tensor:
    """``cat`` under another name."""
    return cat(tensors, dim, axis=axis)


concatenate = concat


def stack(tensors: Any, dim: int = 0, *, out: Tensor | None = None) -> Tensor:
    """The tensors side by side along a new dimension."""
    given = _tensors("stack", tensors)
    if not given:
        raise RuntimeError("stack expects a non-empty TensorList")
    first = given[0]._data.shape
    for number, tensor in enumerate(given):
        if tensor._data.shape != first:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {as_list(first)} at entry 0 and "
                f"{as_list(tensor._data.shape)} at entry {number}"
            )
    place = wrap_dim(dim, len(first) + 1)
    return _stack(given, place) if out is None else write_out("stack", out, lambda *t: _stack(t, place), *given)


@composite
def hstack(tensors: Any) -> Tensor:
    """Along the second dimension; vectors along their only one."""
    given = atleast_1d(_tensors("hstack", tensors))
    if not given:
        raise RuntimeError("hstack expects a non-empty TensorList")
    return cat(given, 0 if given[0]._data.ndim == 1 else 1)


@composite
def vstack(tensors: Any) -> Tensor:
    """Along the first dimension; vectors count as rows."""
    given = atleast_2d(_tensors("vstack", tensors))
    if not given:
        raise RuntimeError("vstack expects a non-empty TensorList")
    return cat(given, 0)


row_stack = vstack


@composite
def dstack(tensors: Any) -> Tensor:
    """Along the third dimension."""
    given = atleast_3d(_tensors("dstack", tensors))
    if not given:
        raise RuntimeError("dstack expects a non-empty TensorList")
    return cat(given, 2)


@composite
def column_stack(tensors: Any) -> Tensor:
    """Vectors as the columns of a matrix."""
    given = _tensors("column_stack", tensors)
    if not given:
        raise RuntimeError("column_stack expects a non-empty TensorList")
    return hstack([reshape(t, (t._data.size, 1)) if t._data.ndim <= 1 else t for t in given])


def _block_diagonal(arrays: Sequence[Array]) -> Array:
    matrices = _common_dtype([a.reshape(1, -1) if a.ndim < 2 else a for a in arrays])
    rows, columns = (sum(m.shape[d] for m in matrices) for d in (0, 1))
    result = np.zeros((rows, columns), matrices[0].dtype)
    row = column = 0
    for m in matrices:
        result[row : row + m.shape[0], column : column + m.shape[1]] = m
        row, column = row + m.shape[0], column + m.shape[1]
    return result


def _block_diag_backward(grad: Tensor, sizes: Sequence[Any]) -> list[Tensor]:
    results, row, column = [], 0, 0
    for shape in sizes:
        height, width = (1, 1) if len(shape) == 0 else (1, shape[0]) if len(shape) == 1 else shape
        part = narrow(narrow(grad, 0, row, height), 1, column, width)
        results.append(part if len(shape) == 2 else reshape(part, shape))
        row, column = row + height, column + width
    return results


_block_diag = operator(
    "block_diag(*tensors)",
    node="BlockDiagBackward0",
    forward=_block_diagonal,
    gradients={
        "tensors": Rule(
            lambda grad, saved: _block_diag_backward(grad, saved.tensors_sym_sizes), "the tensor's block of grad"
        )
    },
)


def block_diag(*tensors: Tensor) -> Tensor:
    """A matrix with the tensors as blocks on its diagonal."""
    given = tensors or (wrap(np.zeros((1, 0), dtypes.get_default_dtype().numpy)),)
    for number, tensor in enumerate(given):
        if tensor._data.ndim > 2:
            raise RuntimeError(
                "torch.block_diag: Input tensors must have 2 or fewer dimensions. Input "
                f"{number} has {tensor._data.ndim} dimensions"
            )
    return _block_diag(given)


@composite
def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """Coordinate grids of vectors; ``indexing="xy"`` swaps the first two dimensions."""
    given = list(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)) else list(tensors)
    if indexing is None:
        import warnings

        warnings.warn(
            "torch.meshgrid: in an upcoming release, it will be required to pass the indexing argument.", stacklevel=3
        )
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    for tensor in given:
        if tensor._data.ndim > 1:
            sizes = "".join(f" {n} " for n in given[0]._data.shape)
            raise RuntimeError(f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: {sizes}")
    swap = indexing == "xy" and len(given) >= 2
    if swap:
        given[0], given[1] = given[1], given[0]
    shape = tuple(t._data.size for t in given)
    grids = []
    for position, tensor in enumerate(given):
        own = tuple(-1 if d == position else 1 for d in range(len(given)))
        grids.append(expand(tensor.view(own), shape))
    if swap:
        grids[0], grids[1] = grids[1], grids[0]
    return tuple(grids)


@composite
def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All tuples of elements, one a row."""
    if len(tensors) == 1:
        return tensors[0]
    grids = meshgrid(list(tensors), indexing="ij")
    return stack([reshape(g, (-1,)) for g in grids], 1)


@composite
def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All combinations of ``r`` elements of a vector, one a row."""
    if input._data.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {as_list(input._data.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return wrap(np.empty(0, input._data.dtype))
    count = input._data.size
    places = meshgrid([wrap(np.arange(count))] * r, indexing="ij")
    mask = np.ones((count,) * r, np.bool_)
    for first, second in itertools.pairwise(places):
        mask &= (first._data <= second._data) if with_replacement else (first._data < second._data)
    grids = meshgrid([input] * r, indexing="ij")
    return stack([g.masked_select(wrap(mask)) for g in grids], 1)


__all__ = [
    "block_diag", "cartesian_prod", "cat", "column_stack", "combinations", "concat", "concatenate", "dstack", "hstack",
    "meshgrid", "row_stack", "stack", "vstack",
]  # fmt: skip
METHODS = ()
INPLACE = ()
