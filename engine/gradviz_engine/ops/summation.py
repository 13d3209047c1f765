"""Sums in the order in which PyTorch's CPU kernel adds, so that they round alike.

Source: aten/src/ATen/native/cpu/SumKernel.cpp (``cascade_sum``, AVX2) and TensorIterator.cpp of PyTorch 2.13, with one
thread. Floating-point addition is not associative: the kernel keeps a vector of lanes (8 of float32) times 4
accumulators, adds rows into them in blocks, and blocks into blocks of blocks; which of its loops runs depends on
which dimension is dense in memory.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

VECTOR = 32
"""Bytes of a vector register."""

ACCUMULATORS = 4
LEVELS = 4


def total(x: Array, dims: tuple[int, ...] | None, keepdim: bool) -> Array:
    """The sum of a floating-point or complex array over ``dims`` (None: all)."""
    shape = x.shape
    if not x.size or x.dtype.itemsize < 4:
        return np.asarray(x.sum(axis=dims, keepdims=keepdim))
    reduced = set(range(x.ndim) if dims is None else dims)
    if len(reduced) == x.ndim:
        result = _rows(x.reshape(1, -1)) if x.flags.c_contiguous else _planned(x, reduced)
        return result.reshape((1,) * x.ndim if keepdim else ())
    if not reduced:
        return np.asarray(x + 0)
    result = _stacked(x, reduced) if x.flags.c_contiguous else _planned(x, reduced)
    if keepdim:
        return result.reshape(tuple([1 if d in reduced else n for d, n in enumerate(shape)]))
    return result.reshape(tuple([n for d, n in enumerate(shape) if d not in reduced]))


def _stacked(x: Array, reduced: set[int]) -> Array:
    """The usual case without planning: the last, or the first, dimensions of a dense array are summed."""
    first = min(reduced)
    if max(reduced) - first + 1 == len(reduced):
        if first + len(reduced) == x.ndim:
            return _rows(x.reshape(-1, math.prod(x.shape[first:])))
        if first == 0:
            columns = x.reshape(-1, math.prod(x.shape[len(reduced) :]))
            if columns.shape[1] > 1:
                return _columns(columns, VECTOR // x.itemsize if columns.shape[1] * x.itemsize >= VECTOR else 1)
    return _planned(x, reduced)


def _planned(x: Array, reduced: set[int]) -> Array:
    """The sum as a flat array in C order of the dimensions that stay."""
    order, kept = _order(x, reduced)
    view, count = _coalesced(x.transpose(order[::-1]), kept[::-1])
    if count == 0:
        return (view + 0).reshape(-1)
    sums = _rows(view.reshape(1, -1), _dense(view)) if view.ndim == 1 else _two_dimensions(view)
    if count == 1:
        return sums
    stays = view.shape[: view.ndim - count]  # several runs of memory are added up one after the other
    return _in_turn(sums.reshape(*stays, -1))


def _two_dimensions(view: Array) -> Array:
    """The sums over the last dimension; which loop runs is a matter of the two innermost strides."""
    item, lanes = view.itemsize, VECTOR // view.itemsize
    inner, outer = view.strides[-1], view.strides[-2]
    if inner == item and view.shape[-1] >= lanes:
        return _rows(view.reshape(-1, view.shape[-1]))
    dense = outer == item and view.shape[-2] >= lanes
    if not dense and inner < outer:
        return _rows(view.reshape(-1, view.shape[-1]), dense=False)
    return _columns(np.ascontiguousarray(view.swapaxes(-1, -2)), lanes if dense else 1)


def _columns(columns: Array, lanes: int) -> Array:
    """The sums of columns: as many as four vectors hold go together, the others are split over four accumulators."""
    width = columns.shape[-1]
    whole = width - width % (ACCUMULATORS * lanes)
    if columns.shape[-2] < ACCUMULATORS or whole == width:
        return (_blocks(columns) + 0).reshape(-1)
    rest = _accumulated(columns[..., whole:])
    if not whole:
        return (rest + 0).reshape(-1)
    return (np.concatenate((_blocks(columns[..., :whole]), rest), axis=-1) + 0).reshape(-1)


def _dense(view: Array) -> bool:
    return view.strides[-1] == view.itemsize


def _rows(rows: Array, dense: bool = True) -> Array:
    """The sum of each row of a matrix: by vectors where it is dense and long enough, else by single numbers."""
    count, size = rows.shape
    lanes = VECTOR // rows.itemsize
    if not dense or size < lanes:
        return _accumulated(rows[..., None]).reshape(-1) + 0
    vectors = size // lanes
    partial = _accumulated(rows[:, : vectors * lanes].reshape(count, vectors, lanes))
    if size == vectors * lanes:
        return _in_turn(partial)
    return _in_turn(np.concatenate((rows[:, vectors * lanes :], partial), axis=1))


def _in_turn(columns: Array) -> Array:
    """The sum over the last dimension, from left to right."""
    if columns.shape[-1] == 1:
        return columns.reshape(-1) + 0
    return np.add.accumulate(columns, axis=-1)[..., -1].reshape(-1) + 0


def _accumulated(a: Array) -> Array:
    """Sums over the last dimension but one: row i goes to accumulator i % 4 (``row_sum``)."""
    size, width = a.shape[-2:]
    each = size // ACCUMULATORS
    if not each:
        return _one_after_the_other(a)
    if each == 1 and size == ACCUMULATORS:
        return _one_after_the_other(a)
    whole = each * ACCUMULATORS
    parts = _blocks(a[..., :whole, :].reshape(*a.shape[:-2], each, ACCUMULATORS * width))
    parts = parts.reshape(*a.shape[:-2], ACCUMULATORS, width)
    if whole == size:
        return _one_after_the_other(parts)
    return _one_after_the_other(np.concatenate((parts[..., :1, :], a[..., whole:, :], parts[..., 1:, :]), axis=-2))


def _blocks(a: Array) -> Array:
    """Sums over the last dimension but one: in blocks, and blocks of blocks (``multi_row_sum``)."""
    size = a.shape[-2]
    power = max(4, (max(size, 2) - 1).bit_length() // LEVELS)
    if size <= 1 << power:
        return _one_after_the_other(a)
    step = 1 << power
    left = []
    for _ in range(LEVELS - 1):
        size = a.shape[-2]
        whole = size - size % step
        if whole < size:
            left.append(_one_after_the_other(a[..., whole:, :]))
        if not whole:
            break
        a = _one_after_the_other(a[..., :whole, :].reshape(*a.shape[:-2], whole // step, step, a.shape[-1]))
    else:
        left.append(_one_after_the_other(a))
    result = left[0]
    for part in left[1:]:
        result = result + part
    return result


def _one_after_the_other(a: Array) -> Array:
    """Sums over the last dimension but one, from the first row to the last."""
    rows, width = a.shape[-2:]
    if rows == 1:
        return a[..., 0, :]
    if width > 1:  # numpy's reduction over a dimension that is not the innermost goes row by row
        return np.add.reduce(a, axis=-2)
    result: Array = np.add.accumulate(a, axis=-2)[..., -1, :]
    return result


# Which dimension is which: TensorIterator's reorder_dimensions and coalesce_dimensions -------------------------


def _order(x: Array, reduced: set[int]) -> tuple[list[int], list[int]]:
    """Dimensions from the innermost loop outwards, and each one's stride in the result, 0 where it is summed."""
    kept: dict[int, int] = {}
    stride = 1
    for dim in reversed(range(x.ndim)):
        kept[dim] = 0 if dim in reduced else stride
        stride *= 1 if dim in reduced else x.shape[dim]
    order = [dim for dim in reversed(range(x.ndim)) if x.shape[dim] != 1]
    for start in range(1, len(order)):
        place = start
        for other in range(start - 1, -1, -1):
            swap = _compared(x, kept, order[other], order[place])
            if swap > 0:
                order[other], order[place] = order[place], order[other]
                place = other
            elif swap < 0:
                break
    order += [dim for dim in range(x.ndim) if x.shape[dim] == 1]
    return order, [kept[dim] for dim in order]


def _compared(x: Array, kept: dict[int, int], first: int, second: int) -> int:
    """Above 0 where ``second`` belongs further inside than ``first``."""
    if (kept[first] == 0) != (kept[second] == 0):
        return 1 if kept[second] == 0 else -1
    for a, b in ((kept[first], kept[second]), (x.strides[first], x.strides[second])):
        if a == 0 or b == 0:
            continue
        if a != b:
            return 1 if a > b else -1
        if x.shape[first] > x.shape[second]:
            return 1
    return 0


def _coalesced(view: Array, kept: list[int]) -> tuple[Array, int]:
    """Dimensions that lie behind each other, here and in the result, as one, and how many at the end are summed."""
    merged: list[tuple[int, int, int]] = []
    for size, stride, out in zip(view.shape, view.strides, kept, strict=True):
        if size == 1:
            continue
        if merged and merged[-1][1] == size * stride and merged[-1][2] == size * out:
            merged[-1] = (merged[-1][0] * size, stride, out)
        else:
            merged.append((size, stride, out))
    count = sum(out == 0 for _, _, out in merged)
    return view.reshape([size for size, _, _ in merged]), count
