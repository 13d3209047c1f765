"""Sliding windows over the last dimensions of an array: what convolution and pooling share.

All sizes are tuples with one entry a spatial dimension. Arrays are (N, C, *spatial).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gradviz_engine.ops.elementwise import Array
from gradviz_engine.ops.shapes import as_list

Sizes = tuple[int, ...]


def per_dim(value: Any, count: int, name: str) -> Sizes:
    """An option given as one number, or as one a dimension; RuntimeError for another length."""
    if isinstance(value, int):
        return (value,) * count
    sizes = tuple(int(v) for v in value)
    if len(sizes) == 1:
        return sizes * count
    if len(sizes) != count:
        raise RuntimeError(
            f"expected {name} to be a single integer value or a list of {count} values to match the convolution "
            f"dimensions, but got {name}={as_list(sizes)}"
        )
    return sizes


def window_counts(
    spatial: Sequence[int], kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, ceil_mode: bool = False
) -> Sizes:
    """How many windows fit along each dimension; with ``ceil_mode`` a last one may hang over the end."""
    counts = []
    for size, k, step, pad, spread in zip(spatial, kernel, stride, padding, dilation, strict=True):
        room = size + 2 * pad - spread * (k - 1) - 1
        count = (room + (step - 1 if ceil_mode else 0)) // step + 1
        if ceil_mode and (count - 1) * step >= size + pad:
            count -= 1  # a window may not begin in the padding at the end
        counts.append(count)
    return tuple(counts)


def padded(x: Array, before: Sizes, after: Sizes, value: float = 0) -> Array:
    """The array with a border around its spatial dimensions; the array itself where there is none."""
    if not any(before) and not any(after):
        return x
    lead = x.ndim - len(before)
    shape = x.shape[:lead] + tuple(b + s + a for b, s, a in zip(before, x.shape[lead:], after, strict=True))
    result = np.full(shape, value, x.dtype) if value else np.zeros(shape, x.dtype)
    inside: tuple[Any, ...] = tuple(slice(b, b + s) for b, s in zip(before, x.shape[lead:], strict=True))
    result[(..., *inside)] = x
    return result


def windows(x: Array, kernel: Sizes, counts: Sizes, stride: Sizes, dilation: Sizes) -> Array:
    """A view (N, C, *kernel, *counts): every window's elements, without copying."""
    lead, steps = x.strides[:2], x.strides[2:]
    return np.lib.stride_tricks.as_strided(
        x,
        x.shape[:2] + kernel + counts,
        lead
        + tuple(s * d for s, d in zip(steps, dilation, strict=True))
        + tuple(s * d for s, d in zip(steps, stride, strict=True)),
        writeable=False,
    )


def offsets(kernel: Sizes, counts: Sizes, stride: Sizes, dilation: Sizes) -> Iterator[tuple[Sizes, tuple[Any, ...]]]:
    """For each element of the kernel, where the windows' elements at that place lie in the (padded) array."""
    for place in itertools.product(*(range(k) for k in kernel)):
        yield (
            place,
            tuple(
                slice(p * d, p * d + step * (n - 1) + 1, step)
                for p, d, step, n in zip(place, dilation, stride, counts, strict=True)
            ),
        )


def overlap_added(
    columns: Array, spatial: Sizes, kernel: Sizes, counts: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes
) -> Array:
    """The adjoint of ``windows``: columns (N, C, *kernel, *counts) summed where windows overlap (col2im)."""
    full = tuple(
        max(s + 2 * p, d * (k - 1) + step * (n - 1) + 1)
        for s, p, d, k, step, n in zip(spatial, padding, dilation, kernel, stride, counts, strict=True)
    )
    result = np.zeros(columns.shape[:2] + full, columns.dtype)
    for place, where in offsets(kernel, counts, stride, dilation):
        at: tuple[Any, ...] = (slice(None), slice(None), *place)
        result[(..., *where)] += columns[at]
    inside: tuple[Any, ...] = tuple(slice(p, p + s) for p, s in zip(padding, spatial, strict=True))
    return result[(..., *inside)]


def volume(sizes: Sizes) -> int:
    """How many elements a window has."""
    return math.prod(sizes)
