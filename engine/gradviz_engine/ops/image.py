"""Images rearranged: pixel and channel shuffling, patches as columns, sampling at a grid of places.

Sources: tools/autograd/derivatives.yaml, aten/src/ATen/native/PixelShuffle.cpp, Im2Col.cpp, Col2Im.cpp,
AffineGridGenerator.cpp and GridSampler.h of PyTorch 2.13.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradviz_engine.ops.elementwise import Array
from gradviz_engine.ops.pooling import planes
from gradviz_engine.ops.registry import Operator, Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.windows import Sizes, overlap_added, padded, per_dim, window_counts, windows
from gradviz_engine.tensor import Tensor, wrap

# Shuffling --------------------------------------------------------------------------------------------------


def _shuffled(x: Array, factor: int) -> Array:
    *lead, channels, height, width = x.shape
    split = x.reshape(*lead, channels // factor**2, factor, factor, height, width)
    n = len(lead)
    order = (*range(n), n, n + 3, n + 1, n + 4, n + 2)
    return split.transpose(order).reshape(*lead, channels // factor**2, height * factor, width * factor)


def _unshuffled(x: Array, factor: int) -> Array:
    *lead, channels, height, width = x.shape
    split = x.reshape(*lead, channels, height // factor, factor, width // factor, factor)
    n = len(lead)
    order = (*range(n), n, n + 2, n + 4, n + 1, n + 3)
    return split.transpose(order).reshape(*lead, channels * factor**2, height // factor, width // factor)


_pixel_shuffle = operator(
    "pixel_shuffle(self, *, upscale_factor)",
    node="PixelShuffleBackward0",
    forward=lambda x, factor: np.ascontiguousarray(_shuffled(x, factor)),
    gradients={"self": Rule(lambda grad, saved: _pixel_unshuffle(grad, saved.upscale_factor), "grad unshuffled")},
)
_pixel_unshuffle: Operator = operator(
    "pixel_unshuffle(self, *, downscale_factor)",
    node="PixelUnshuffleBackward0",
    forward=lambda x, factor: np.ascontiguousarray(_unshuffled(x, factor)),
    gradients={"self": Rule(lambda grad, saved: _pixel_shuffle(grad, saved.downscale_factor), "grad shuffled")},
)
_channel_shuffle: Operator = operator(
    "channel_shuffle(self, *, groups)",
    node="ChannelShuffleBackward0",
    forward=lambda x, groups: np.ascontiguousarray(
        x.reshape(len(x), groups, x.shape[1] // groups, *x.shape[2:]).swapaxes(1, 2)
    ).reshape(x.shape),
    gradients={
        "self": Rule(lambda grad, saved: _channel_shuffle(grad, grad.shape[1] // saved.groups), "grad shuffled back")
    },
)


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """(..., C · r², H, W) to (..., C, H · r, W · r)."""
    if input.ndim < 3:
        raise RuntimeError(
            f"pixel_shuffle expects input to have at least 3 dimensions, but got input with {input.ndim} dimension(s)"
        )
    if input.shape[-3] % upscale_factor**2:
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, "
            f"but input.size(-3)={input.shape[-3]} is not divisible by {upscale_factor**2}"
        )
    result: Tensor = _pixel_shuffle(input, upscale_factor)
    return result


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """(..., C, H · r, W · r) to (..., C · r², H, W)."""
    if input.ndim < 3:
        raise RuntimeError(
            f"pixel_unshuffle expects input to have at least 3 dimensions, but got input with {input.ndim} dimension(s)"
        )
    for name, size in (("height", input.shape[-2]), ("width", input.shape[-1])):
        if size % downscale_factor:
            place = -2 if name == "height" else -1
            raise RuntimeError(
                f"pixel_unshuffle expects {name} to be divisible by downscale_factor, but input.size({place})={size} "
                f"is not divisible by {downscale_factor}"
            )
    result: Tensor = _pixel_unshuffle(input, downscale_factor)
    return result


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """The channels of several groups interleaved."""
    if input.ndim < 3:
        raise RuntimeError(f"channel_shuffle expects input with > 2 dims, but got input with sizes {list(input.shape)}")
    if input.shape[1] % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {input.shape[1]} channels and {groups} groups."
        )
    result: Tensor = _channel_shuffle(input, groups)
    return result


# Patches ----------------------------------------------------------------------------------------------------


def _im2col(x: Array, kernel: Sizes, dilation: Sizes, padding: Sizes, stride: Sizes) -> Array:
    full = planes(x, 2)
    counts = window_counts(full.shape[2:], kernel, stride, padding, dilation)
    view = windows(padded(full, padding, padding), kernel, counts, stride, dilation)
    columns = view.reshape(full.shape[0], full.shape[1] * math.prod(kernel), math.prod(counts))
    return columns if x.ndim == 4 else columns[0]


def _col2im(x: Array, size: Sizes, kernel: Sizes, dilation: Sizes, padding: Sizes, stride: Sizes) -> Array:
    full = x if x.ndim == 3 else x[None]
    counts = window_counts(size, kernel, stride, padding, dilation)
    columns = full.reshape(full.shape[0], full.shape[1] // math.prod(kernel), *kernel, *counts)
    image = np.ascontiguousarray(overlap_added(columns, size, kernel, counts, stride, padding, dilation))
    return image if x.ndim == 3 else image[0]


_unfold = operator(
    "im2col(self, *, kernel_size, dilation, padding, stride)",
    node="Im2ColBackward0",
    forward=_im2col,
    gradients={
        "self": Rule(
            lambda grad, saved: _fold(
                grad, saved.self_sym_sizes[-2:], saved.kernel_size, saved.dilation, saved.padding, saved.stride
            ),
            "grad's columns added back to their places",
        )
    },
)
_fold: Operator = operator(
    "col2im(self, *, output_size, kernel_size, dilation, padding, stride)",
    node="Col2ImBackward0",
    forward=_col2im,
    gradients={
        "self": Rule(
            lambda grad, saved: _unfold(grad, saved.kernel_size, saved.dilation, saved.padding, saved.stride),
            "grad's patches as columns",
        )
    },
)


def unfold(input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """(N, C, H, W) to (N, C · window, places): every window as a column."""
    sizes = [per_dim(v, 2, "size") for v in (kernel_size, dilation, padding, stride)]
    result: Tensor = _unfold(input, *sizes)
    return result


def fold(
    input: Tensor, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """The adjoint of ``unfold``: columns summed where their windows overlap."""
    sizes = [per_dim(v, 2, "size") for v in (output_size, kernel_size, dilation, padding, stride)]
    window = math.prod(sizes[1])
    if input.shape[-2] % window:
        raise RuntimeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got "
            f"input.size(1)={input.shape[-2]} and kernel_size=({sizes[1][0]}, {sizes[1][1]})."
        )
    result: Tensor = _fold(input, *sizes)
    return result


# Grids ------------------------------------------------------------------------------------------------------


def _base_grid(size: Sizes, align_corners: bool, dtype: Any) -> Array:
    """The places (x, y, 1) of the pixels of an (H, W) image in [-1, 1]: (H · W, 3)."""
    axes = []
    for n in size:
        ends = 1.0 if align_corners else (n - 1) / n
        axes.append(np.linspace(-ends, ends, n) if n > 1 else np.zeros(1))
    rows, columns = np.meshgrid(axes[0], axes[1], indexing="ij")
    return np.stack([columns.ravel(), rows.ravel(), np.ones(rows.size)], axis=1).astype(dtype)


_affine_grid = operator(
    "affine_grid_generator(theta, *, size, align_corners)",
    node="AffineGridGeneratorBackward0",
    forward=lambda theta, size, align: (_base_grid(size[2:], align, theta.dtype) @ theta.swapaxes(1, 2)).reshape(
        size[0], *size[2:], 2
    ),
    gradients={
        "theta": Rule(
            lambda grad, saved: (
                grad.reshape(saved.size[0], -1, 2).transpose(1, 2)
                @ wrap(_base_grid(saved.size[2:], saved.align_corners, grad._data.dtype))
            ),
            "gradᵀ @ the places of the pixels",
        )
    },
)


@composite
def affine_grid(theta: Tensor, size: Any, align_corners: bool | None = None) -> Tensor:
    """theta (N, 2, 3) to the places (N, H, W, 2) that ``grid_sample`` takes."""
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    if theta.dim() != 3 or theta.shape[-2] != 2 or theta.shape[-1] != 3:
        raise ValueError(f"Expected a batch of 2D affine matrices of shape Nx2x3 for size {size}. Got {theta.shape}.")
    result: Tensor = _affine_grid(theta, tuple(int(s) for s in size), bool(align_corners))
    return result


__all__ = ["channel_shuffle", "pixel_shuffle", "pixel_unshuffle"]
METHODS: tuple[str, ...] = ()
INPLACE: tuple[str, ...] = ()
