"""Dropout: the input times a mask of zeros and a scale, with PyTorch's random numbers.

Composed as PyTorch composes it on the CPU, so the graph shows a MulBackward0.
Source: aten/src/ATen/native/Dropout.cpp and torch/nn/functional.py of PyTorch 2.13.
"""

from __future__ import annotations

import math
import warnings

import numpy as np

from gradviz_engine.ops.pointwise import _add, _mul
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.sampling import _bernoulli_array
from gradviz_engine.tensor import Tensor, wrap

_SELU_SCALE = 1.7580993408473766
"""SELU's alpha times its scale: what a dropped unit becomes (Klambauer et al. 2017)."""


def _times(input: Tensor, factor: Tensor, inplace: bool) -> Tensor:
    result: Tensor = _mul.inplace(input, factor) if inplace else _mul(input, factor)
    return result


def _dropped(input: Tensor, p: float, training: bool, inplace: bool, features: bool, alpha: bool) -> Tensor:
    """``features``: whole channels at once. ``alpha``: keep mean and variance of SELU's outputs."""
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    x = input._data
    if p == 0 or not training or x.size == 0:
        return input
    if p == 1:
        return _times(input, wrap(np.zeros((), x.dtype)), inplace)
    if features and x.ndim < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    like = np.empty(x.shape[:2] + (1,) * (x.ndim - 2), x.dtype) if features else x
    noise = _bernoulli_array(like, 1 - p, None)
    if not alpha:
        noise /= x.dtype.type(1 - p)
        return _times(input, wrap(noise), inplace)
    scale = 1.0 / math.sqrt((_SELU_SCALE * _SELU_SCALE * p + 1) * (1 - p))
    shift = (noise - 1) * x.dtype.type(_SELU_SCALE * scale) + x.dtype.type(_SELU_SCALE * scale * p)
    noise *= x.dtype.type(scale)
    return _add.inplace(_times(input, wrap(noise), inplace), wrap(shift), 1)


@composite
def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero each element with probability ``p`` and scale the rest by 1 / (1 - p), when training."""
    return _dropped(input, p, training, inplace, False, False)


@composite
def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Dropout that keeps the mean and variance of SELU's outputs."""
    return _dropped(input, p, training, inplace, False, True)


@composite
def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """``alpha_dropout`` of whole channels."""
    return _dropped(input, p, training, inplace, True, True)


@composite
def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero whole channels of (N, C, L) or (C, L)."""
    _check_p(p)
    if input.ndim not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input. Note that dropout1d exists to "
            "provide channel-wise dropout on inputs with 1 spatial dimension, a channel dimension, and an optional "
            "batch dimension (i.e. 2D or 3D inputs)."
        )
    if input.ndim == 3:
        return _dropped(input, p, training, inplace, True, False)
    batched = input.unsqueeze_(0) if inplace else input.unsqueeze(0)
    result = _dropped(batched, p, training, inplace, True, False)
    return result.squeeze_(0) if inplace else result.squeeze(0)


@composite
def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero whole channels of (N, C, H, W)."""
    _check_p(p)
    if input.ndim not in (3, 4):
        warnings.warn(
            f"dropout2d: Received a {input.ndim}-D input to dropout2d, which is deprecated and will result in an error "
            "in a future release. To retain the behavior and silence this warning, please use dropout instead. Note "
            "that dropout2d exists to provide channel-wise dropout on inputs with 2 spatial dimensions, a channel "
            "dimension, and an optional batch dimension (i.e. 3D or 4D inputs).",
            stacklevel=3,
        )
    if input.ndim == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior is desired "
            "- input is interpreted as shape (N, C, L), where C is the channel dim. This behavior will change in a "
            "future release to interpret the input as one without a batch dimension, i.e. shape (C, H, W). To "
            "maintain the 1D channel-wise dropout behavior, please switch to using dropout1d instead.",
            stacklevel=3,
        )
    return _dropped(input, p, training, inplace, True, False)


@composite
def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero whole channels of (N, C, D, H, W) or (C, D, H, W)."""
    _check_p(p)
    if input.ndim not in (4, 5):
        warnings.warn(
            f"dropout3d: Received a {input.ndim}-D input to dropout3d, which is deprecated and will result in an error "
            "in a future release. To retain the behavior and silence this warning, please use dropout instead. Note "
            "that dropout3d exists to provide channel-wise dropout on inputs with 3 spatial dimensions, a channel "
            "dimension, and an optional batch dimension (i.e. 4D or 5D inputs).",
            stacklevel=3,
        )
    if input.ndim == 5:
        return _dropped(input, p, training, inplace, True, False)
    batched = input.unsqueeze_(0) if inplace else input.unsqueeze(0)
    result = _dropped(batched, p, training, inplace, True, False)
    return result.squeeze_(0) if inplace else result.squeeze(0)


def _check_p(p: float) -> None:
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


__all__ = ["alpha_dropout", "dropout", "feature_alpha_dropout"]
METHODS: tuple[str, ...] = ()
INPLACE: tuple[str, ...] = ()
