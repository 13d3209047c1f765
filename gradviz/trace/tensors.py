"""Tensor contents as a trace keeps them: dtypes, summary numbers and thumbnails."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradviz.trace.model import Storage, TensorId, TensorInfo

THUMBNAIL_SIDE = 64

DTYPES: dict[str, np.dtype[Any]] = {
    "float16": np.dtype("<f2"),
    "float32": np.dtype("<f4"),
    "float64": np.dtype("<f8"),
    "int8": np.dtype("i1"),
    "int16": np.dtype("<i2"),
    "int32": np.dtype("<i4"),
    "int64": np.dtype("<i8"),
    "uint8": np.dtype("u1"),
    "uint16": np.dtype("<u2"),
    "uint32": np.dtype("<u4"),
    "uint64": np.dtype("<u8"),
    "bool": np.dtype("?"),
    "complex64": np.dtype("<c8"),
    "complex128": np.dtype("<c16"),
    "bfloat16": np.dtype("<f4"),
}
"""PyTorch's dtype names and how contents are stored. numpy has no bfloat16: float32 holds all of them."""


@lru_cache  # numpy makes a dtype's name up anew each time
def dtype_name(dtype: np.dtype[Any]) -> str:
    """PyTorch's name of a numpy dtype; TypeError for one that no tensor can have (text, objects)."""
    name = dtype.newbyteorder("=").name
    if name not in DTYPES:
        raise TypeError(f"a tensor cannot hold {dtype}")
    return name


@np.errstate(all="ignore")
def summarize(tensor: TensorId, array: NDArray[Any], dtype: str, storage: Storage = Storage.FULL) -> TensorInfo:
    """The summary numbers of ``array``; a complex number counts by its magnitude.

    numpy neither warns nor raises, whatever the numbers are and whatever the program told numpy to do.
    """
    shape = tuple(int(n) for n in array.shape)
    if array.size == 0:
        return TensorInfo(tensor, shape, dtype, None, None, None, None, 0, 0, 0, storage)
    zero = array.size - int(np.count_nonzero(array))
    wide = np.abs(array).astype(np.float64) if array.dtype.kind == "c" else array.astype(np.float64)
    flat = wide.ravel()
    low, high = float(flat.min()), float(flat.max())
    nan = inf = 0
    if not (math.isfinite(low) and math.isfinite(high)):
        nan = int(np.count_nonzero(np.isnan(flat)))
        inf = int(np.count_nonzero(np.isinf(flat)))
        flat = flat[np.isfinite(flat)]
    norm = math.nan if nan else math.inf if inf else _norm(flat, max(abs(low), abs(high)))
    if flat.size == 0:
        return TensorInfo(tensor, shape, dtype, norm, None, None, None, nan, inf, zero, storage)
    if nan or inf:
        low, high = float(flat.min()), float(flat.max())
    return TensorInfo(tensor, shape, dtype, norm, low, high, _mean(flat), nan, inf, zero, storage)


def _norm(flat: NDArray[np.float64], largest: float) -> float:
    """The 2-norm; scaled first where the squares would leave float64's range."""
    if 1e-140 < largest < 1e140 or largest == 0.0:
        return math.sqrt(float(np.dot(flat, flat)))
    scaled = flat / largest
    return largest * math.sqrt(float(np.dot(scaled, scaled)))


def _mean(flat: NDArray[np.float64]) -> float:
    """The mean, divided before summing where the sum could overflow."""
    return float(flat.sum() / flat.size if np.abs(flat).max() < 1e300 else (flat / flat.size).sum())


@np.errstate(all="ignore")
def thumbnail(array: NDArray[Any]) -> NDArray[np.float32]:
    """The content as a matrix of at most 64 x 64: means over blocks of equal size, as near as it goes.

    The last dimension runs across, the others down. A block that holds a nan or inf shows it.
    """
    if array.size == 0:
        return np.zeros((0, 0), np.float32)
    matrix = array.reshape(-1, array.shape[-1]) if array.ndim else array.reshape(1, 1)
    wide = np.abs(matrix).astype(np.float64) if matrix.dtype.kind == "c" else matrix.astype(np.float64)
    return _shrink(_shrink(wide, 0), 1).astype(np.float32)


def _shrink(matrix: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    size = matrix.shape[axis]
    if size <= THUMBNAIL_SIDE:
        return matrix
    starts = np.arange(THUMBNAIL_SIDE) * size // THUMBNAIL_SIDE
    counts = np.diff(np.append(starts, size))
    sums = np.add.reduceat(matrix, starts, axis=axis)
    return np.asarray(sums / (counts[:, None] if axis == 0 else counts[None, :]))
