"""The normalizing functions users call: checks, and the composition PyTorch gives them.

Sources: aten/src/ATen/native/Normalization.cpp, group_norm.cpp, layer_norm.cpp and torch/nn/functional.py of
PyTorch 2.13.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz_engine.ops.group_norm import native_group_norm_op
from gradviz_engine.ops.normalization import native_batch_norm_op, native_layer_norm_op
from gradviz_engine.ops.padding import pad
from gradviz_engine.ops.pointwise import add_scalar
from gradviz_engine.ops.pooling import avg_pool2d, avg_pool3d
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.shapes import as_list
from gradviz_engine.tensor import Tensor


def _check_shape(input: Tensor, shape: tuple[int, ...], weight: Tensor | None, bias: Tensor | None, rms: bool) -> None:
    if not shape:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got "
            "normalized_shape = []"
        )
    for name, parameter in (("weight", weight), ("bias", bias)):
        if parameter is not None and tuple(parameter.shape) != shape:
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape "
                f"{as_list(parameter.shape)} and normalized_shape = {as_list(shape)}"
            )
    if tuple(input.shape[-len(shape) :]) != shape or input.ndim < len(shape):
        star = "*" if rms else "*, "
        raise RuntimeError(
            f"Given normalized_shape={as_list(shape)}, expected input with shape [{star}{as_list(shape)[1:]}, but got "
            f"input of size{as_list(input.shape)}"
        )


def _sizes(value: Any) -> tuple[int, ...]:
    return tuple(int(v) for v in value) if isinstance(value, Sequence) else (int(value),)


def native_layer_norm(
    input: Tensor, normalized_shape: Any, weight: Tensor | None, bias: Tensor | None, eps: float
) -> Any:
    """The normalized input, and the mean and 1 / standard deviation it was normalized by."""
    shape = _sizes(normalized_shape)
    _check_shape(input, shape, weight, bias, False)
    return native_layer_norm_op(input, weight, bias, shape, eps)


@composite
def layer_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Tensor:
    """Mean 0 and variance 1 over the last dimensions, then times ``weight`` plus ``bias``."""
    result: Tensor = native_layer_norm(input, normalized_shape, weight, bias, eps)[0]
    return result


@composite
def rms_norm(input: Tensor, normalized_shape: Any, weight: Tensor | None = None, eps: float | None = None) -> Tensor:
    """``input / √(mean(input²) + eps) * weight`` over the last dimensions."""
    shape = _sizes(normalized_shape)
    _check_shape(input, shape, weight, None, True)
    tiny = float(np.finfo(input._data.dtype).eps) if eps is None else eps
    square = input.pow(2).mean(tuple(range(input.ndim - len(shape), input.ndim)), keepdim=True)
    result = input * add_scalar(square, tiny).rsqrt()
    return result if weight is None else result * weight


# Batch norm -----------------------------------------------------------------------------------------------


def native_batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> Any:
    """The normalized input, and the batch's mean and 1 / standard deviation (empty when not training)."""
    return native_batch_norm_op(input, weight, bias, running_mean, running_var, training, momentum, eps)


def _check_channels(input: Tensor, **parameters: Tensor | None) -> None:
    channels = input.shape[1]
    for name, parameter in parameters.items():
        if parameter is not None and parameter.numel() != channels:
            raise RuntimeError(f"{name} should contain {channels} elements not {parameter.numel()}")


def _batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> Tensor:
    if input.numel() == 0:
        result = input.clone()
        result = result if weight is None else result * weight[0]
        return result if bias is None else result + bias[0]
    _check_channels(input, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    if not training:
        for name, statistic in (("running_mean", running_mean), ("running_var", running_var)):
            if statistic is None:
                raise RuntimeError(f"{name} must be defined in evaluation mode")
    normalized: Tensor = native_batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps)[0]
    return normalized


@composite
def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Each channel of (N, C, ...) by the batch's statistics, or by the running ones when not training."""
    if training:
        per_channel = input.shape[0] * math.prod(input.shape[2:])
        if per_channel == 1:
            raise ValueError(f"Expected more than 1 value per channel when training, got input size {input.shape}")
    return _batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps)


@composite
def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Each channel of each sample for itself: batch norm with the samples' channels side by side."""
    if use_input_stats and math.prod(input.shape[2:]) == 1:
        raise ValueError(f"Expected more than 1 spatial element when training, got input size {input.shape}")
    if not use_input_stats and (running_mean is None or running_var is None):
        raise RuntimeError("Expected running_mean and running_var to be defined when use_input_stats is false")
    n, c = input.shape[:2]
    wide: list[Any] = [None if t is None else t.repeat(n) for t in (weight, bias, running_mean, running_var)]
    folded = input.contiguous().view(1, n * c, *input.shape[2:])
    result = _batch_norm(folded, wide[0], wide[1], wide[2], wide[3], use_input_stats, momentum, eps)
    if use_input_stats:
        for running, updated in ((running_mean, wide[2]), (running_var, wide[3])):
            if running is not None:
                running.copy_(updated.view(n, c).mean(0))
    return result.view(input.shape)


def native_group_norm(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, N: int, C: int, HxW: int, group: int, eps: float
) -> Any:
    """The normalized input, and mean and 1 / standard deviation of each group."""
    return native_group_norm_op(input, weight, bias, int(N), int(C), int(HxW), int(group), eps)


@composite
def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Statistics over groups of channels, each sample for itself."""
    if input.ndim < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {input.ndim}")
    n, c = input.shape[:2]
    if c % num_groups:
        raise RuntimeError(
            "Expected number of channels in input to be divisible by num_groups, but got input of shape "
            f"{as_list(input.shape)} and num_groups={num_groups}"
        )
    for name, parameter in (("weight", weight), ("bias", bias)):
        if parameter is not None and (parameter.ndim != 1 or parameter.numel() != c):
            raise RuntimeError(
                f"Expected {name} to be a vector of size equal to the number of channels in input, but got {name} of "
                f"shape {as_list(parameter.shape)} and input of shape {as_list(input.shape)}"
            )
    area = math.prod(input.shape[2:])
    result: Tensor = native_group_norm_op(input.contiguous(), weight, bias, n, c, area, num_groups, eps)[0]
    return result


@composite
def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """Divided by a power of the squares' average over neighbouring channels (Krizhevsky et al. 2012)."""
    if input.ndim < 3:
        blanks = " " * 26  # PyTorch's message has them
        raise ValueError(f"Expected 3D or higher dimensionality{blanks}input (got {input.ndim} dimensions)")
    if input.numel() == 0:
        return input
    square = input.mul(input)
    sides = (size // 2, (size - 1) // 2)
    if input.ndim == 3:
        average = avg_pool2d(pad(square.unsqueeze(1), (0, 0, *sides)), (size, 1), stride=1).squeeze(1)
    else:
        sizes = input.shape
        folded = square.view(sizes[0], 1, sizes[1], sizes[2], -1)
        average = avg_pool3d(pad(folded, (0, 0, 0, 0, *sides)), (size, 1, 1), stride=1).squeeze(1).view(sizes)
    return input / average.mul(alpha).add(k).pow(beta)


__all__ = ["group_norm", "layer_norm", "native_batch_norm", "native_group_norm", "native_layer_norm", "rms_norm"]
METHODS: tuple[str, ...] = ()
INPLACE: tuple[str, ...] = ()
