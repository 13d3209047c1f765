"""Tensors as coloured cells: which plane of a tensor is shown, and in which colours.

Colour tells size and sign: from ``low`` at 0 towards ``high`` for positive and ``negative`` for negative
numbers. Several maps side by side share one scale, so that equal colours mean equal numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Rgb = tuple[int, int, int]
Array = NDArray[Any]


def plane(array: Array, index: tuple[int, ...] = ()) -> Array:
    """The rows and columns shown: a scalar as 1 x 1, a vector as one row, else the last two dimensions.

    ``index`` chooses in the leading dimensions; what it leaves out is 0. Raises IndexError if out of range.
    """
    if array.ndim < 2:
        return array.reshape(1, -1)
    leading = index + (0,) * (array.ndim - 2 - len(index))
    result: Array = array[leading]
    return result


def scale_of(*arrays: Array | None) -> float:
    """The largest finite magnitude in all the arrays: the number with the full colour. 1 if there is none."""
    largest = 0.0
    for array in arrays:
        if array is not None and array.size:
            size = np.abs(array.astype(_working_type(array), copy=False))
            largest = max(largest, float(np.max(size, initial=0.0, where=np.isfinite(size))))
    return largest or 1.0


def colours(values: Array, scale: float, low: Rgb, high: Rgb, negative: Rgb, bad: Rgb) -> NDArray[np.uint8]:
    """RGB bytes of shape ``values.shape + (3,)``; NaN and infinities have the colour ``bad``."""
    numbers = values.astype(_working_type(values), copy=False)
    numbers = np.abs(numbers) if np.iscomplexobj(numbers) else numbers
    finite = np.isfinite(numbers)
    level = np.clip(np.where(finite, numbers, 0) / scale, -1, 1)[..., None]
    bottom = np.asarray(low, float)
    top = np.where(level < 0, np.asarray(negative, float), np.asarray(high, float))
    mixed = np.rint(bottom + np.abs(level) * (top - bottom)).astype(np.uint8)
    result: NDArray[np.uint8] = np.where(finite[..., None], mixed, np.asarray(bad, np.uint8))
    return result


def _working_type(array: Array) -> np.dtype[Any]:
    """Wide enough that neither ``abs`` of the smallest integer nor a division overflows."""
    return np.dtype(np.complex128 if np.iscomplexobj(array) else np.float64)
