"""``interpolate``: nearest, linear and cubic resampling in one to three dimensions.

Every mode is a linear map along each dimension for itself: an output element is a sum of a few input elements,
its taps, with weights. The derivative spreads the gradient over the same taps.
Sources: tools/autograd/derivatives.yaml, aten/src/ATen/native/UpSample.h and torch/nn/functional.py of PyTorch 2.13.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradviz_engine.missing import missing_name
from gradviz_engine.ops.adaptive_pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d
from gradviz_engine.ops.elementwise import Array
from gradviz_engine.ops.registry import Operator, Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.tensor import Tensor

Taps = list[tuple[Array, Array | None]]
"""For each tap: which input element each output element takes, and its weight (None: 1)."""


def _scale(size: int, out: int, align_corners: bool, factor: float | None) -> float:
    """Input elements to one output element (UpSample.h, ``area_pixel_compute_scale``)."""
    if align_corners:
        return (size - 1) / (out - 1) if out > 1 else 0.0
    return 1.0 / factor if factor is not None and factor > 0 else size / out


def _nearest(size: int, out: int, align_corners: bool, factor: float | None) -> Taps:
    scale = np.float32(_scale(size, out, False, factor))  # PyTorch computes nearest indices in single precision
    index = np.floor(np.arange(out, dtype=np.float32) * scale).astype(np.intp)
    return [(np.minimum(index, size - 1), None)]


def _nearest_exact(size: int, out: int, align_corners: bool, factor: float | None) -> Taps:
    scale = np.float32(_scale(size, out, False, factor))
    index = np.floor((np.arange(out, dtype=np.float32) + np.float32(0.5)) * scale).astype(np.intp)
    return [(np.minimum(index, size - 1), None)]


def _positions(size: int, out: int, align_corners: bool, factor: float | None) -> Array:
    """Where the output elements lie between the input's, corners or pixel centres aligned."""
    scale = _scale(size, out, align_corners, factor)
    return scale * np.arange(out) if align_corners else scale * (np.arange(out) + 0.5) - 0.5


def _linear(size: int, out: int, align_corners: bool, factor: float | None) -> Taps:
    position = np.maximum(_positions(size, out, align_corners, factor), 0)
    first = np.minimum(position.astype(np.intp), size - 1)
    share = np.clip(position - first, 0, 1)
    return [(first, 1 - share), (np.minimum(first + 1, size - 1), share)]


def _cubic(size: int, out: int, align_corners: bool, factor: float | None) -> Taps:
    """Cubic convolution with a = -3/4 (Keys 1981), edges repeated."""
    a = -0.75
    position = _positions(size, out, align_corners, factor)
    first = np.floor(position).astype(np.intp)
    t = position - first

    def near(x: Array) -> Array:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: Array) -> Array:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    weights = (far(t + 1), near(t), near(1 - t), far(2 - t))
    return [(np.clip(first + k - 1, 0, size - 1), weight) for k, weight in enumerate(weights)]


Tapper = Callable[[int, int, bool, "float | None"], Taps]
Factors = tuple["float | None", ...]


def _resampled(x: Array, output_size: Sequence[int], align: bool, factors: Factors, tapper: Tapper) -> Array:
    for dim, (out, factor) in enumerate(zip(output_size, factors, strict=True), 2):
        taps = tapper(x.shape[dim], out, align, factor)
        shape = (-1, *[1] * (x.ndim - 1 - dim))
        total: Any = None
        for index, weight in taps:
            part = x.take(index, axis=dim)
            if weight is not None:
                part *= weight.astype(x.dtype).reshape(shape)
            total = part if total is None else np.add(total, part, out=total)
        x = total
    return x


def _spread(g: Array, input_size: Sequence[int], align: bool, factors: Factors, tapper: Tapper) -> Array:
    """The adjoint of ``_resampled``."""
    for dim, factor in enumerate(factors, 2):
        size, out = input_size[dim], g.shape[dim]
        source = np.moveaxis(g, dim, 0)
        total = np.zeros((size, *source.shape[1:]), g.dtype)
        for index, weight in tapper(size, out, align, factor):
            for i in range(out):
                total[index[i]] += source[i] if weight is None else source[i] * g.dtype.type(weight[i])
        g = np.moveaxis(total, 0, dim)
    return np.ascontiguousarray(g)


def _upsample_operator(name: str, node: str, tapper: Tapper) -> Operator:
    backward = operator(
        f"{name}_backward(grad_output, *, output_size, input_size, align_corners, scale_factors)",
        node=f"{node}BackwardBackward0",
        forward=lambda g, output_size, input_size, align, factors: _spread(g, input_size, align, factors, tapper),
        gradients={
            "grad_output": Rule(
                lambda grad, saved: forward(grad, saved.output_size, saved.align_corners, saved.scale_factors),
                "grad resampled",
            )
        },
    )
    forward = operator(
        f"{name}(self, *, output_size, align_corners, scale_factors)",
        node=f"{node}Backward0",
        forward=lambda x, output_size, align, factors: _resampled(x, output_size, align, factors, tapper),
        gradients={
            "self": Rule(
                lambda grad, saved: backward(
                    grad, saved.output_size, saved.self_sym_sizes, saved.align_corners, saved.scale_factors
                ),
                "grad spread over the elements each output was made of, by their weights",
            )
        },
    )
    return forward


_UPSAMPLE = {
    **{
        ("nearest", n): _upsample_operator(f"upsample_nearest{n}d", f"UpsampleNearest{n}D", _nearest) for n in (1, 2, 3)
    },
    **{
        ("nearest-exact", n): _upsample_operator(
            f"_upsample_nearest_exact{n}d", f"UpsampleNearestExact{n}D", _nearest_exact
        )
        for n in (1, 2, 3)
    },
    ("linear", 1): _upsample_operator("upsample_linear1d", "UpsampleLinear1D", _linear),
    ("bilinear", 2): _upsample_operator("upsample_bilinear2d", "UpsampleBilinear2D", _linear),
    ("trilinear", 3): _upsample_operator("upsample_trilinear3d", "UpsampleTrilinear3D", _linear),
    ("bicubic", 2): _upsample_operator("upsample_bicubic2d", "UpsampleBicubic2D", _cubic),
}
_AREA = {1: adaptive_avg_pool1d, 2: adaptive_avg_pool2d, 3: adaptive_avg_pool3d}
_RANK = {"linear": 1, "bilinear": 2, "trilinear": 3}


def _per_dim(value: Any, input: Tensor, what: str, letter: str) -> tuple[Any, ...]:
    count = input.ndim - 2
    if not isinstance(value, (list, tuple)):
        return (value,) * count
    if len(value) != count:
        given = f"output size of {value}" if what == "output" else f"scale_factor of shape {value}"
        raise ValueError(
            f"Input and {what} must have the same number of spatial dimensions, but got input with spatial "
            f"dimensions of {list(input.shape[2:])} and {given}. Please provide input tensor in (N, C, d1, d2, ...,dK) "
            f"format and {'output size' if what == 'output' else what} in ({letter}1, {letter}2, ...,{letter}K) format."
        )
    return tuple(value)


def _check(size: Any, scale_factor: Any, mode: str, align_corners: bool | None, recompute: bool | None) -> None:
    if mode in ("nearest", "area", "nearest-exact") and align_corners is not None:
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | trilinear"
        )
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is None and scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    if recompute and size is not None:
        raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")


@composite
def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """input (N, C, ...) resampled to ``size``, or by ``scale_factor``."""
    _check(size, scale_factor, mode, align_corners, recompute_scale_factor)
    if antialias:
        raise missing_name("torch.nn.functional", "interpolate(antialias=True)")
    rank = input.ndim - 2
    factors: Factors = (None,) * rank
    if size is not None:
        sizes = tuple(int(s) for s in _per_dim(size, input, "output", "o"))
    else:
        given = _per_dim(scale_factor, input, "scale_factor", "s")
        sizes = tuple(math.floor(n * f) for n, f in zip(input.shape[2:], given, strict=True))
        if not recompute_scale_factor:
            factors = tuple(float(f) for f in given)
    if mode == "area" and rank in _AREA:
        return _AREA[rank](input, sizes)
    if (mode, rank) in _UPSAMPLE:
        result: Tensor = _UPSAMPLE[mode, rank](input, sizes, bool(align_corners), factors)
        return result
    if mode in _RANK and rank in (1, 2, 3):
        raise NotImplementedError(f"Got {input.ndim}D input, but {mode} mode needs {_RANK[mode] + 2}D input")
    raise NotImplementedError(
        "Input Error: Only 3D, 4D and 5D input Tensors supported (got "
        f"{input.ndim}D) for the modes: nearest | linear | bilinear | bicubic | trilinear | area | nearest-exact (got "
        f"{mode})"
    )


def upsample(
    input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None
) -> Tensor:
    """The old name of ``interpolate``."""
    warnings.warn("`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2)
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """The old name of ``interpolate(mode="nearest")``."""
    warnings.warn(
        "`nn.functional.upsample_nearest` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2
    )
    return interpolate(input, size, scale_factor, mode="nearest")


def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """The old name of ``interpolate(mode="bilinear", align_corners=True)``."""
    warnings.warn(
        "`nn.functional.upsample_bilinear` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2
    )
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)
