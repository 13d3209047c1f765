"""``grid_sample``: an image read at places that need not be pixels, in two and three dimensions.

An output element is a sum of input elements, its taps, with weights that depend on the place. The derivative by the
image spreads the gradient over the taps; the one by the place takes the weights' slopes.
Sources: tools/autograd/derivatives.yaml, aten/src/ATen/native/GridSampler.h, GridSampler.cpp and UpSample.h of
PyTorch 2.13.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from gradviz_engine.ops.elementwise import Array
from gradviz_engine.ops.registry import Operator, Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.shapes import as_list
from gradviz_engine.tensor import Tensor

_MODES = ("bilinear", "nearest", "bicubic")
_PADDINGS = ("zeros", "border", "reflection")
Axis = tuple[Array, Array, Array]
"""One tap along one dimension: index, weight, slope of the weight by the grid's coordinate."""


def _unnormalized(place: Array, size: int, align: bool) -> tuple[Array, float]:
    """From [-1, 1] to pixels, and the factor between."""
    factor = (size - 1) / 2 if align else size / 2
    return ((place + 1) * factor if align else (place + 1) * factor - 0.5), factor


def _reflected(x: Array, twice_low: int, twice_high: int) -> tuple[Array, Array]:
    """Folded back into [low, high], and the sign the slope gets."""
    if twice_low == twice_high:
        return np.zeros_like(x), np.zeros_like(x)
    low, span = twice_low / 2, (twice_high - twice_low) / 2
    distance = np.abs(x - low)
    sign = np.where(x < low, -1.0, 1.0)
    extra = np.fmod(distance, span)
    odd = np.floor(distance / span).astype(np.int64) % 2 == 1
    return np.where(odd, span - extra + low, extra + low), np.where(odd, -sign, sign)


def _clipped(x: Array, size: int) -> tuple[Array, Array]:
    return np.clip(x, 0, size - 1), ((x > 0) & (x < size - 1)).astype(x.dtype)


def _bordered(x: Array, size: int, padding: str, align: bool) -> tuple[Array, Array]:
    """The place after border or reflection, and the slope of that."""
    if padding == "zeros":
        return x, np.ones_like(x)
    if padding == "border":
        return _clipped(x, size)
    x, sign = _reflected(x, 0, 2 * (size - 1)) if align else _reflected(x, -1, 2 * size - 1)
    x, inside = _clipped(x, size)
    return x, sign * inside


def _cubic(t: Array) -> list[tuple[Array, Array]]:
    """The four weights and their slopes of cubic convolution with a = -3/4, at the fraction t."""
    a = -0.75

    def near(x: Array) -> tuple[Array, Array]:
        return ((a + 2) * x - (a + 3)) * x * x + 1, (3 * (a + 2) * x - 2 * (a + 3)) * x

    def far(x: Array) -> tuple[Array, Array]:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a, (3 * a * x - 10 * a) * x + 8 * a

    (w0, d0), (w1, d1), (w2, d2), (w3, d3) = far(t + 1), near(t), near(1 - t), far(2 - t)
    return [(w0, d0), (w1, d1), (w2, -d2), (w3, -d3)]


def _taps(place: Array, size: int, mode: str, padding: str, align: bool) -> list[Axis]:
    x, factor = _unnormalized(place, size, align)
    if mode == "bicubic":  # the border applies to each tap, not to the place
        first = np.floor(x)
        taps = []
        for k, (weight, slope) in enumerate(_cubic(x - first)):
            index = _bordered(first + k - 1, size, padding, align)[0]
            taps.append((np.rint(index).astype(np.int64), weight, slope * factor))
        return taps
    x, slope = _bordered(x, size, padding, align)
    slope = slope * factor
    if mode == "nearest":
        nearest = np.rint(x)
        return [(nearest.astype(np.int64), np.ones_like(x), np.zeros_like(x))]
    first = np.floor(x)
    share = x - first
    index = first.astype(np.int64)
    return [(index, 1 - share, -slope), (index + 1, share, slope)]


def _all_taps(grid: Array, spatial: tuple[int, ...], options: tuple[str, str, bool]) -> list[tuple[Axis, ...]]:
    """Every combination of taps; the grid's last coordinate belongs to the first spatial dimension."""
    axes = [_taps(grid[..., len(spatial) - 1 - d], size, *options) for d, size in enumerate(spatial)]
    return list(itertools.product(*axes))


def _places(taps: tuple[Axis, ...], spatial: tuple[int, ...]) -> tuple[Array, Array]:
    """The flat index of a tap, and whether it lies inside."""
    flat: Any = 0
    inside: Any = True
    for (index, _, _), size in zip(taps, spatial, strict=True):
        within = (index >= 0) & (index < size)
        inside = inside & within
        flat = flat * size + np.where(within, index, 0)
    return flat, inside


def _product(factors: list[Array]) -> Array:
    result = factors[0]
    for factor in factors[1:]:
        result = result * factor
    return result


def _values(x: Array, flat: Array, inside: Array) -> Array:
    """The input's elements at one tap: (N, C, *out)."""
    n, c = x.shape[:2]
    picked = np.take_along_axis(x.reshape(n, c, -1), flat.reshape(n, 1, -1), 2)
    return picked.reshape(n, c, *flat.shape[1:]) * inside[:, None]


def _forward(x: Array, grid: Array, mode: str, padding: str, align: bool) -> Array:
    spatial = x.shape[2:]
    result = np.zeros((*x.shape[:2], *grid.shape[1:-1]), x.dtype)
    for taps in _all_taps(grid, spatial, (mode, padding, align)):
        flat, inside = _places(taps, spatial)
        result += _values(x, flat, inside) * _product([t[1] for t in taps]).astype(x.dtype)[:, None]
    return result


def _backward(
    g: Array, x: Array, grid: Array, mode: str, padding: str, align: bool, mask: tuple[bool, bool]
) -> tuple[Array, Array]:
    spatial, (n, c) = x.shape[2:], x.shape[:2]
    by_input = np.zeros((n, c, int(np.prod(spatial))), x.dtype)
    by_grid = np.zeros_like(grid)
    samples, channels = np.ogrid[:n, :c]
    for taps in _all_taps(grid, spatial, (mode, padding, align)):
        flat, inside = _places(taps, spatial)
        if mask[0]:
            part = g * (_product([t[1] for t in taps]) * inside).astype(x.dtype)[:, None]
            np.add.at(by_input, (samples[..., None], channels[..., None], flat.reshape(n, 1, -1)),
                      part.reshape(n, c, -1))  # fmt: skip
        if mask[1]:
            total = (_values(x, flat, inside) * g).sum(axis=1)
            for d in range(len(spatial)):
                slope = _product([t[2] if k == d else t[1] for k, t in enumerate(taps)])
                by_grid[..., len(spatial) - 1 - d] += total * slope
    return by_input.reshape(x.shape), by_grid


def _grid_sampler(rank: int) -> Operator:
    options = "interpolation_mode, padding_mode, align_corners"
    backward = operator(
        f"grid_sampler_{rank}d_backward(grad_output, input, grid, *, {options}, mask) -> result0, result1",
        forward=_backward,
    )
    return operator(
        f"grid_sampler_{rank}d(input, grid, *, {options})",
        node=f"GridSampler{rank}DBackward0",
        forward=_forward,
        gradients={
            ("input", "grid"): Rule(
                lambda grad, saved, needed: backward(
                    grad,
                    saved.input,
                    saved.grid,
                    saved.interpolation_mode,
                    saved.padding_mode,
                    saved.align_corners,
                    tuple(needed),
                ),
                "grad spread over the taps; Σ input · grad · slope of the weights",
            )
        },
    )


_SAMPLERS = {rank: _grid_sampler(rank) for rank in (2, 3)}


def grid_sampler_2d(
    input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Tensor:
    """input (N, C, H, W) at grid (N, H', W', 2)."""
    result: Tensor = _SAMPLERS[2](input, grid, _MODES[interpolation_mode], _PADDINGS[padding_mode], align_corners)
    return result


def grid_sampler_3d(
    input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Tensor:
    """input (N, C, D, H, W) at grid (N, D', H', W', 3)."""
    result: Tensor = _SAMPLERS[3](input, grid, _MODES[interpolation_mode], _PADDINGS[padding_mode], align_corners)
    return result


@composite
def grid_sample(
    input: Tensor, grid: Tensor, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None
) -> Tensor:
    """input (N, C, H, W) at the places of grid (N, H', W', 2), given as (x, y) in [-1, 1]."""
    if mode not in _MODES:
        raise ValueError(
            f"nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '{mode}'"
        )
    if padding_mode not in _PADDINGS:
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', but got: "
            f"'{padding_mode}'"
        )
    if input.ndim not in (4, 5) or input.ndim != grid.ndim or input.shape[0] != grid.shape[0]:
        raise RuntimeError(
            "grid_sampler(): expected grid and input to have same batch size, but got input with sizes "
            f"{as_list(input.shape)} and grid with sizes {as_list(grid.shape)}"
        )
    result: Tensor = _SAMPLERS[input.ndim - 2](input, grid, mode, padding_mode, bool(align_corners))
    return result


__all__ = ["grid_sampler_2d", "grid_sampler_3d"]
METHODS: tuple[str, ...] = ()
INPLACE: tuple[str, ...] = ()
