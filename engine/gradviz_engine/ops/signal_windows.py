"""Window functions of signal processing: hann, hamming, blackman, bartlett, kaiser.

Definitions: aten/src/ATen/native/TensorFactories.cpp of PyTorch 2.13. A periodic window is a symmetric one of
one more point, without that point.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz_engine import dtypes
from gradviz_engine.tensor import Tensor, wrap

Array = np.ndarray[Any, Any]


def _window(length: int, periodic: bool, dtype: Any, shape: Callable[[Array, int], Array]) -> Tensor:
    """``shape(n, last)`` at n = 0 ... length - 1, where ``last`` is the place of the last symmetric point."""
    if length < 0:
        raise RuntimeError(f"window_length must be non-negative, got {length}")
    kind = (dtype or dtypes.get_default_dtype()).numpy
    if length <= 1:
        return wrap(np.ones(length, kind))
    last = length if periodic else length - 1
    return wrap(shape(np.arange(length, dtype=np.float64), last).astype(kind))


def hann_window(window_length: int, periodic: bool = True, *, dtype: Any = None) -> Tensor:
    """``½ - ½ cos(2πn / N)``."""
    return hamming_window(window_length, periodic, 0.5, 0.5, dtype=dtype)


def hamming_window(
    window_length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46, *, dtype: Any = None
) -> Tensor:
    """``alpha - beta · cos(2πn / N)``."""
    return _window(window_length, periodic, dtype, lambda n, last: alpha - beta * np.cos(2 * np.pi * n / last))


def blackman_window(window_length: int, periodic: bool = True, *, dtype: Any = None) -> Tensor:
    """``0.42 - 0.5 cos(2πn / N) + 0.08 cos(4πn / N)``."""
    return _window(
        window_length,
        periodic,
        dtype,
        lambda n, last: 0.42 - 0.5 * np.cos(2 * np.pi * n / last) + 0.08 * np.cos(4 * np.pi * n / last),
    )


def bartlett_window(window_length: int, periodic: bool = True, *, dtype: Any = None) -> Tensor:
    """A triangle."""
    return _window(window_length, periodic, dtype, lambda n, last: 1 - np.abs(2 * n / last - 1))


def kaiser_window(window_length: int, periodic: bool = True, beta: float = 12.0, *, dtype: Any = None) -> Tensor:
    """``I₀(beta · √(1 - (2n / N - 1)²)) / I₀(beta)``."""
    from gradviz_engine.ops.gamma_functions import i0

    def shape(n: Array, last: int) -> Array:
        return i0(beta * np.sqrt(1 - (2 * n / last - 1) ** 2)) / i0(np.asarray(beta))

    return _window(window_length, periodic, dtype, shape)


__all__ = ["bartlett_window", "blackman_window", "hamming_window", "hann_window", "kaiser_window"]
