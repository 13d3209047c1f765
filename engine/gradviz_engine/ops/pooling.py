"""Pooling over sliding windows: maximum, average and power average; and the inverse of maximum pooling.

A batch dimension is optional. One-dimensional pooling is two-dimensional over a row, as in PyTorch, which the graph
shows: SqueezeBackward1(MaxPool2DWithIndicesBackward0(UnsqueezeBackward0)). Indices count elements of an input plane.
Sources: tools/autograd/derivatives.yaml and aten/src/ATen/native/Pooling.cpp, Pool.h of PyTorch 2.13.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz_engine.ops.elementwise import Array
from gradviz_engine.ops.registry import Operator, Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.shapes import as_list
from gradviz_engine.ops.windows import Sizes, offsets, overlap_added, padded, window_counts
from gradviz_engine.tensor import Tensor


def planes(x: Array, rank: int) -> Array:
    """The array with a batch dimension: (C, *spatial) becomes (1, C, *spatial)."""
    return x if x.ndim == rank + 2 else x[None]


def _room_after(spatial: Sizes, kernel: Sizes, counts: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> Sizes:
    """How much border is needed at the end so that the last window fits."""
    return tuple(
        max(0, (n - 1) * step + d * (k - 1) + 1 - size - p)
        for size, k, n, step, p, d in zip(spatial, kernel, counts, stride, padding, dilation, strict=True)
    )


# Maximum --------------------------------------------------------------------------------------------------


def _max_forward(
    x: Array, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, ceil_mode: bool
) -> tuple[Array, Array]:
    """The maxima and where they are. The first of equal ones counts; nan is larger than everything."""
    rank, full = len(kernel), planes(x, len(kernel))
    spatial = full.shape[2:]
    stride = stride or kernel
    counts = window_counts(spatial, kernel, stride, padding, dilation, ceil_mode)
    after = _room_after(spatial, kernel, counts, stride, padding, dilation)
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    source = padded(full, padding, after, lowest)
    starts = np.ix_(*[np.arange(n) * s - p for n, s, p in zip(counts, stride, padding, strict=True)])
    first = [np.maximum(-(start // d), 0) for start, d in zip(starts, dilation, strict=True)]
    best: Any = None
    chosen = np.broadcast_to(_flat(first, kernel).astype(np.int32), full.shape[:2] + counts).copy()
    with_nan = x.dtype.kind == "f" and x.size > 0 and bool(np.isnan(x.min()))
    for number, (_, where) in enumerate(offsets(kernel, counts, stride, dilation)):
        candidate = source[(..., *where)]
        if best is None:
            best = candidate.copy()
            continue
        better = candidate > best
        if with_nan:
            better |= candidate != candidate
        np.copyto(chosen, number, where=better)
        np.maximum(best, candidate, out=best)
    steps = [
        place * d for place, d in zip(np.unravel_index(np.arange(math.prod(kernel)), kernel), dilation, strict=True)
    ]
    indices = _flat(starts, spatial) + _flat(steps, spatial)[chosen]
    return (best, indices) if x.ndim == rank + 2 else (best[0], indices[0])


def _flat(places: Sequence[Array], spatial: Sizes) -> Array:
    """Places by dimension as one number in the plane, or in the window."""
    flat: Any = 0
    for place, size in zip(places, spatial, strict=True):
        flat = flat * size + place
    return np.asarray(flat)


def scattered(g: Array, indices: Array, shape: tuple[int, ...], rank: int) -> Array:
    """Gradients added at their indices in each plane of an array of ``shape``."""
    plane = math.prod(shape[len(shape) - rank :])
    rows = math.prod(shape[: len(shape) - rank])
    places = indices.reshape(rows, -1) + (np.arange(rows) * plane)[:, None]
    total = np.bincount(places.ravel(), weights=g.ravel(), minlength=rows * plane)
    return total.reshape(shape).astype(g.dtype, copy=False)


def _max_backward(
    g: Array, x: Array, indices: Array, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, ceil_mode: bool
) -> Array:
    apart = all(s >= d * (k - 1) + 1 for s, d, k in zip(stride or kernel, dilation, kernel, strict=True))
    if not apart:
        return scattered(g, indices, x.shape, len(kernel))
    rank = len(kernel)
    lead = x.shape[: x.ndim - rank]
    result = np.zeros((*lead, math.prod(x.shape[x.ndim - rank :])), g.dtype)
    np.put_along_axis(result, indices.reshape(*lead, -1), g.reshape(*lead, -1), -1)
    return result.reshape(x.shape)


def gathered(grad: Tensor, indices: Tensor, rank: int) -> Tensor:
    """The adjoint of ``scattered``: each plane's elements at the indices (``max_pool_double_backward``)."""
    lead = grad.shape[: grad.ndim - rank]
    flat = grad.contiguous().view(*lead, -1)
    return flat.gather(-1, indices.reshape(*lead, -1)).view(indices.shape)


_POOL = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")


def _max_pool_operator(rank: int) -> Operator:
    names = ", ".join(_POOL)
    backward = operator(
        f"max_pool{rank}d_with_indices_backward(grad_output, self, indices, *, {names})",
        node=f"MaxPool{rank}DWithIndicesBackwardBackward0",
        forward=_max_backward,
        gradients={
            "grad_output": Rule(
                lambda grad, saved: gathered(grad, saved.indices, rank), "grad at the maxima", ("indices",)
            ),
            "self": Rule(lambda grad, saved: None, "0"),
        },
    )
    return operator(
        f"max_pool{rank}d_with_indices(self, *, {names}) -> result0; result1",
        node=f"MaxPool{rank}DWithIndicesBackward0",
        forward=_max_forward,
        gradients={
            "self": Rule(
                lambda grad, saved: backward(grad, saved.self, saved.result1, *[getattr(saved, n) for n in _POOL]),
                "grad at each window's maximum, 0 elsewhere",
                ("self", "result1", *_POOL),
            )
        },
    )


_MAX_POOL = {rank: _max_pool_operator(rank) for rank in (2, 3)}

# Average --------------------------------------------------------------------------------------------------


def _divisor(
    spatial: Sizes,
    kernel: Sizes,
    counts: Sizes,
    stride: Sizes,
    padding: Sizes,
    include_pad: bool,
    override: int | None,
    dtype: Any,
) -> Array:
    """How many elements each window counts: (*counts)."""
    if override is not None:
        return np.asarray(override, dtype)
    result: Array = np.ones((), dtype)
    for dim, (size, k, n, s, p) in enumerate(zip(spatial, kernel, counts, stride, padding, strict=True)):
        start = np.arange(n) * s - p
        end = np.minimum(start + k, size + p)
        length = end - start if include_pad else np.minimum(end, size) - np.maximum(start, 0)
        result = result * length.astype(dtype).reshape(-1, *[1] * (len(counts) - 1 - dim))
    return result


def _avg_forward(
    x: Array, kernel: Sizes, stride: Sizes, padding: Sizes, ceil_mode: bool, include_pad: bool, override: int | None
) -> Array:
    rank, full = len(kernel), planes(x, len(kernel))
    spatial, stride, once = full.shape[2:], stride or kernel, (1,) * len(kernel)
    counts = window_counts(spatial, kernel, stride, padding, once, ceil_mode)
    source = padded(full, padding, _room_after(spatial, kernel, counts, stride, padding, once))
    total = np.zeros(full.shape[:2] + counts, x.dtype)
    for _, where in offsets(kernel, counts, stride, once):
        total += source[(..., *where)]
    total /= _divisor(spatial, kernel, counts, stride, padding, include_pad, override, x.dtype)
    return total if x.ndim == rank + 2 else total[0]


def _avg_backward(
    g: Array,
    x: Array,
    kernel: Sizes,
    stride: Sizes,
    padding: Sizes,
    ceil_mode: bool,
    include_pad: bool,
    override: int | None,
) -> Array:
    rank, full = len(kernel), planes(g, len(kernel))
    spatial, counts, stride = x.shape[x.ndim - rank :], full.shape[2:], stride or kernel
    share = full / _divisor(spatial, kernel, counts, stride, padding, include_pad, override, g.dtype)
    view = np.broadcast_to(share.reshape(*full.shape[:2], *[1] * rank, *counts), (*full.shape[:2], *kernel, *counts))
    return overlap_added(view, spatial, kernel, counts, stride, padding, (1,) * rank).reshape(x.shape)


_AVG = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")


def _avg_pool_operator(rank: int) -> Operator:
    names = ", ".join(_AVG)
    backward = operator(
        f"avg_pool{rank}d_backward(grad_output, self, *, {names})",
        node=f"AvgPool{rank}DBackwardBackward0",
        forward=_avg_backward,
        gradients={
            "grad_output": Rule(
                lambda grad, saved: forward(grad, *[getattr(saved, n) for n in _AVG]), "average of grad", _AVG
            ),
            "self": Rule(lambda grad, saved: None, "0"),
        },
    )
    forward = operator(
        f"avg_pool{rank}d(self, *, {names})",
        node=f"AvgPool{rank}DBackward0",
        forward=_avg_forward,
        gradients={
            "self": Rule(
                lambda grad, saved: backward(grad, saved.self, *[getattr(saved, n) for n in _AVG]),
                "grad / window size, summed over the windows an element is in",
                ("self", *_AVG),
            )
        },
    )
    return forward


_AVG_POOL = {rank: _avg_pool_operator(rank) for rank in (2, 3)}

# Maximum pooling undone -----------------------------------------------------------------------------------


def _unpool_operator(rank: int) -> Operator:
    def forward(x: Array, indices: Array, output_size: Sizes) -> Array:
        size = math.prod(output_size)
        wrong = (indices < 0) | (indices >= size)
        if wrong.any():
            raise RuntimeError(
                f"Found an invalid max index: {int(indices[wrong].flat[0])} (output volumes are of size "
                f"{'x'.join(map(str, output_size))}"
            )
        lead = x.shape[: x.ndim - rank]
        result = np.zeros((*lead, size), x.dtype)
        np.put_along_axis(result, indices.reshape(*lead, -1), x.reshape(*lead, -1), -1)
        return result.reshape(*lead, *output_size)

    return operator(
        f"max_unpool{rank}d(self, indices, *, output_size)",
        node=f"MaxUnpool{rank}DBackward0",
        forward=forward,
        gradients={
            "self": Rule(lambda grad, saved: gathered(grad, saved.indices, rank), "grad at the indices", ("indices",))
        },
    )


_MAX_UNPOOL = {rank: _unpool_operator(rank) for rank in (2, 3)}

# Checks ---------------------------------------------------------------------------------------------------


def window_sizes(name: str, option: str, value: Any, rank: int) -> Sizes:
    """An option as one number a dimension."""
    sizes = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    if len(sizes) not in (1, rank):
        count = {1: "one int", 2: "two ints", 3: "three ints"}[rank]
        raise RuntimeError(f"{name}: {option} must either be a single int, or a tuple of {count}")
    return tuple(int(s) for s in sizes) * (rank if len(sizes) == 1 else 1)


def check_pool(
    input: Tensor, rank: int, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, ceil_mode: bool
) -> None:
    """PyTorch's complaints about sizes (Pool.h, ``pool2d_shape_check``)."""
    if input.ndim not in (rank + 1, rank + 2):
        raise RuntimeError(f"non-empty {rank + 1}D or {rank + 2}D (batch mode) tensor expected for input")
    if 0 in stride:
        raise RuntimeError("stride should not be zero")
    if min(padding) < 0:
        raise RuntimeError(f"pad must be non-negative, but got pad: {min(padding)}")
    for k, p, d in zip(kernel, padding, dilation, strict=True):
        if p > ((k - 1) * d + 1) // 2:
            raise RuntimeError(
                f"pad should be at most half of effective kernel size, but got pad={p}, kernel_size={k} and "
                f"dilation={d}"
            )
    spatial = tuple(input.shape[-rank:])
    counts = window_counts(spatial, kernel, stride or kernel, padding, dilation, ceil_mode)
    if min(counts) < 1:
        sizes = ["x".join(map(str, (input.shape[-rank - 1], *s))) for s in (spatial, counts)]
        raise RuntimeError(
            f"Given input size: ({sizes[0]}). Calculated output size: ({sizes[1]}). Output size is too small"
        )


# What users call ------------------------------------------------------------------------------------------


def _max_pool(
    rank: int, input: Tensor, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> Any:
    name = f"max_pool{rank}d"
    kernel = window_sizes(name, "kernel_size", kernel_size, rank)
    step = () if stride is None or stride == () else window_sizes(name, "stride", stride, rank)
    pad, spread = (window_sizes(name, n, v, rank) for n, v in (("padding", padding), ("dilation", dilation)))
    check_pool(input, rank, kernel, step, pad, spread, ceil_mode)
    return _MAX_POOL[rank](input, kernel, step, pad, spread, ceil_mode)


def _as_row(value: Any, filler: int) -> Any:
    """A one-dimensional option for pooling over a row."""
    return (filler, value[0] if isinstance(value, (tuple, list)) else value)


@composite
def max_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """input (N, C, L) or (C, L)."""
    if input.ndim not in (2, 3):
        raise RuntimeError(
            "max_pool1d: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for input, but got:"
            f"{as_list(input.shape)}"
        )
    step = kernel_size if stride is None or stride == () else stride
    result, indices = _max_pool(
        2,
        input.unsqueeze(-2),
        _as_row(kernel_size, 1),
        _as_row(step, 1),
        _as_row(padding, 0),
        _as_row(dilation, 1),
        ceil_mode,
    )
    result = result.squeeze(-2)
    return (result, indices.squeeze(-2)) if return_indices else result


@composite
def max_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """input (N, C, H, W) or (C, H, W)."""
    pair = _max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode)
    return pair if return_indices else pair[0]


@composite
def max_pool3d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """input (N, C, D, H, W) or (C, D, H, W)."""
    pair = _max_pool(3, input, kernel_size, stride, padding, dilation, ceil_mode)
    return pair if return_indices else pair[0]


def _avg_pool(
    rank: int,
    input: Tensor,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    include_pad: bool,
    override: int | None,
) -> Tensor:
    name = f"avg_pool{rank}d"
    kernel = window_sizes(name, "kernel_size", kernel_size, rank)
    step = () if stride is None or stride == () else window_sizes(name, "stride", stride, rank)
    pad = window_sizes(name, "padding", padding, rank)
    if override == 0:
        raise RuntimeError("divisor must be not zero")
    check_pool(input, rank, kernel, step, pad, (1,) * rank, ceil_mode)
    result: Tensor = _AVG_POOL[rank](input, kernel, step, pad, ceil_mode, include_pad, override)
    return result


@composite
def avg_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """input (N, C, L) or (C, L)."""
    if input.ndim not in (2, 3):
        raise RuntimeError(
            f"Expected 2 to 3 dimensions, but got {input.ndim}-dimensional tensor for argument #1 'self' (while "
            "checking arguments for avg_pool1d)"
        )
    step = kernel_size if stride is None or stride == () else stride
    return _avg_pool(
        2,
        input.unsqueeze(-2),
        _as_row(kernel_size, 1),
        _as_row(step, 1),
        _as_row(padding, 0),
        ceil_mode,
        count_include_pad,
        None,
    ).squeeze(-2)


@composite
def avg_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """input (N, C, H, W) or (C, H, W)."""
    return _avg_pool(2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


@composite
def avg_pool3d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """input (N, C, D, H, W) or (C, D, H, W)."""
    return _avg_pool(3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


__all__ = ["avg_pool1d", "max_pool1d", "max_pool2d", "max_pool3d"]
METHODS: tuple[str, ...] = ()
INPLACE: tuple[str, ...] = ()
