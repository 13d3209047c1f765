"""Pooling to a given size, pooling by a power's average, and maximum pooling undone.

Sources: tools/autograd/derivatives.yaml, aten/src/ATen/native/AdaptiveAveragePooling.cpp and
torch/nn/functional.py of PyTorch 2.13.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz_engine.ops.activation import relu
from gradviz_engine.ops.elementwise import Array
from gradviz_engine.ops.pooling import (
    _MAX_UNPOOL,
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    gathered,
    max_pool1d,
    max_pool2d,
    max_pool3d,
    scattered,
    window_sizes,
)
from gradviz_engine.ops.registry import Operator, Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.shapes import as_list
from gradviz_engine.ops.windows import Sizes
from gradviz_engine.tensor import Tensor


def _parts(size: int, count: int) -> list[tuple[int, int]]:
    """Where ``count`` nearly equal, perhaps overlapping parts of ``size`` elements begin and end."""
    return [(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]


def _cells(spatial: Sizes, output_size: Sizes) -> Any:
    """For each output element: its place, and the slices of the input it covers."""
    parts = [_parts(size, count) for size, count in zip(spatial, output_size, strict=True)]
    for place in itertools.product(*(range(n) for n in output_size)):
        yield place, tuple(slice(*part[i]) for part, i in zip(parts, place, strict=True))


def _average(x: Array, output_size: Sizes) -> Array:
    rank = len(output_size)
    for dim, count in enumerate(output_size, x.ndim - rank):
        parts = _parts(x.shape[dim], count)
        # reduceat sums from each index to the next; every second sum runs over one part.
        bounds = np.array(parts).ravel()
        longer = np.concatenate([x, np.zeros_like(x.take([0], axis=dim))], axis=dim)
        lengths = np.array([end - start for start, end in parts], x.dtype)
        sums = np.add.reduceat(longer, bounds, axis=dim).take(range(0, 2 * count, 2), axis=dim)
        x = sums / lengths.reshape(-1, *[1] * (x.ndim - 1 - dim))
    return x


def _average_backward(g: Array, x: Array) -> Array:
    if g.shape == x.shape:
        return g.copy()
    for dim in range(g.ndim):
        if g.shape[dim] == x.shape[dim]:
            continue
        shape = list(g.shape)
        shape[dim] = x.shape[dim]
        wider = np.zeros(shape, g.dtype)
        source, target = np.moveaxis(g, dim, 0), np.moveaxis(wider, dim, 0)
        for i, (start, end) in enumerate(_parts(x.shape[dim], g.shape[dim])):
            target[start:end] += source[i] / g.dtype.type(end - start)
        g = wider
    return g


def _adaptive_avg_operator(rank: int) -> Operator:
    backward = operator(
        f"_adaptive_avg_pool{rank}d_backward(grad_output, self)",
        node=f"AdaptiveAvgPool{rank}DBackwardBackward0",
        forward=_average_backward,
        gradients={
            "grad_output": Rule(
                lambda grad, saved: forward(grad, tuple(saved.grad_output_sym_sizes[-rank:])),
                "average of grad",
                ("grad_output_sym_sizes",),
            ),
            "self": Rule(lambda grad, saved: None, "0"),
        },
    )
    forward = operator(
        f"_adaptive_avg_pool{rank}d(self, *, output_size)",
        node=f"AdaptiveAvgPool{rank}DBackward0",
        forward=_average,
        gradients={"self": Rule(lambda grad, saved: backward(grad, saved.self), "grad / part size, summed over parts")},
    )
    return forward


def _maximum(x: Array, output_size: Sizes) -> tuple[Array, Array]:
    rank = len(output_size)
    lead, spatial = x.shape[:-rank], x.shape[-rank:]
    result = np.empty(lead + output_size, x.dtype)
    indices = np.empty(lead + output_size, np.int64)
    places = np.arange(math.prod(spatial)).reshape(spatial)
    for place, where in _cells(spatial, output_size):
        part = x[(..., *where)].reshape(*lead, -1)
        chosen = part.argmax(axis=-1)
        result[(..., *place)] = np.take_along_axis(part, chosen[..., None], -1)[..., 0]
        indices[(..., *place)] = places[where].ravel()[chosen]
    return result, indices


def _adaptive_max_operator(rank: int) -> Operator:
    backward = operator(
        f"adaptive_max_pool{rank}d_backward(grad_output, self, indices)",
        node=f"AdaptiveMaxPool{rank}DBackwardBackward0",
        forward=lambda g, x, indices: scattered(g, indices, x.shape, rank),
        gradients={
            "grad_output": Rule(
                lambda grad, saved: gathered(grad, saved.indices, rank), "grad at the maxima", ("indices",)
            ),
            "self": Rule(lambda grad, saved: None, "0"),
        },
    )
    return operator(
        f"adaptive_max_pool{rank}d(self, *, output_size) -> result0; result1",
        node=f"AdaptiveMaxPool{rank}DBackward0",
        forward=_maximum,
        gradients={
            "self": Rule(
                lambda grad, saved: backward(grad, saved.self, saved.result1),
                "grad at each part's maximum, 0 elsewhere",
            )
        },
    )


_AVERAGE = {rank: _adaptive_avg_operator(rank) for rank in (2, 3)}
_MAXIMUM = {rank: _adaptive_max_operator(rank) for rank in (2, 3)}


def _wanted(input: Tensor, output_size: Any, rank: int) -> Sizes:
    """The output size, None standing for the input's own."""
    sizes = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,) * rank
    if len(sizes) == 1:
        sizes *= rank
    own = input.shape[-rank:]
    return tuple(int(o) if s is None else int(s) for s, o in zip(sizes, own, strict=True))


def _adaptive_avg(input: Tensor, sizes: Sizes) -> Tensor:
    """One element is a mean, and the graph says so."""
    rank = len(sizes)
    if input.ndim not in (rank + 1, rank + 2):
        raise RuntimeError(
            f"adaptive_avg_pool{rank}d(): Expected {rank + 1}D or {rank + 2}D tensor, but got {as_list(input.shape)}"
        )
    if all(size == 1 for size in sizes):
        return input.mean(tuple(range(-1, -rank - 1, -1)), keepdim=True)
    result: Tensor = _AVERAGE[rank](input, sizes)
    return result


def _one_dimensional(input: Tensor, name: str) -> None:
    if input.ndim not in (2, 3):
        raise RuntimeError(
            f"Expected 2 to 3 dimensions, but got {input.ndim}-dimensional tensor for argument #1 'self' (while "
            f"checking arguments for {name})"
        )


@composite
def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """input (N, C, L) or (C, L)."""
    _one_dimensional(input, "adaptive_avg_pool1d")
    size = output_size[0] if isinstance(output_size, (tuple, list)) else output_size
    return _adaptive_avg(input.unsqueeze(-2), (1, int(size))).squeeze(-2)


@composite
def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """input (N, C, H, W) or (C, H, W)."""
    if input.ndim not in (3, 4):
        return _adaptive_avg(input, (1, 1))
    return _adaptive_avg(input, _wanted(input, output_size, 2))


@composite
def adaptive_avg_pool3d(input: Tensor, output_size: Any) -> Tensor:
    """input (N, C, D, H, W) or (C, D, H, W)."""
    if input.ndim not in (4, 5):
        return _adaptive_avg(input, (1, 1, 1))
    return _adaptive_avg(input, _wanted(input, output_size, 3))


@composite
def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """input (N, C, L) or (C, L)."""
    _one_dimensional(input, "adaptive_max_pool1d")
    size = output_size[0] if isinstance(output_size, (tuple, list)) else output_size
    result, indices = _MAXIMUM[2](input.unsqueeze(-2), (1, int(size)))
    result = result.squeeze(-2)
    return (result, indices.squeeze(-2)) if return_indices else result


@composite
def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """input (N, C, H, W) or (C, H, W)."""
    pair = _MAXIMUM[2](input, _wanted(input, output_size, 2))
    return pair if return_indices else pair[0]


@composite
def adaptive_max_pool3d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """input (N, C, D, H, W) or (C, D, H, W)."""
    pair = _MAXIMUM[3](input, _wanted(input, output_size, 3))
    return pair if return_indices else pair[0]


# Maximum pooling undone -----------------------------------------------------------------------------------


def _unpooled_size(input: Tensor, kernel: Sizes, stride: Sizes, padding: Sizes, wanted: Sequence[int] | None) -> Sizes:
    """The size before pooling: the one asked for if it can have been that, else the smallest."""
    rank = len(kernel)
    least = tuple(
        (n - 1) * s + k - 2 * p for n, k, s, p in zip(input.shape[-rank:], kernel, stride, padding, strict=True)
    )
    if wanted is None:
        return least
    sizes = tuple(wanted)[-rank:] if len(wanted) == rank + 2 else tuple(wanted)
    if len(sizes) != rank:
        raise ValueError(
            f"output_size should be a sequence containing {rank} or {rank + 2} elements, but it has a length of "
            f"'{len(sizes)}'"
        )
    for dim, (size, low, step) in enumerate(zip(sizes, least, stride, strict=True)):
        if not low - step < size < low + step:
            raise ValueError(
                f'invalid output_size "{list(sizes)}" (dim {dim} must be between {low - step} and {low + step})'
            )
    return sizes


def _unpool(rank: int, input: Tensor, kernel_size: Any, stride: Any, padding: Any, output_size: Any) -> Sizes:
    kernel = window_sizes("max_unpool", "kernel_size", kernel_size, rank)
    step = kernel if stride is None else window_sizes("max_unpool", "stride", stride, rank)
    return _unpooled_size(input, kernel, step, window_sizes("max_unpool", "padding", padding, rank), output_size)


@composite
def max_unpool1d(
    input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """The values of ``max_pool1d`` at their indices, 0 elsewhere."""
    sizes = _unpool(1, input, kernel_size, stride, padding, output_size)
    result = _MAX_UNPOOL[2](input.unsqueeze(-1), indices.unsqueeze(-1), (*sizes, 1))
    return result.squeeze(-1)


@composite
def max_unpool2d(
    input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """The values of ``max_pool2d`` at their indices, 0 elsewhere."""
    sizes = _unpool(2, input, kernel_size, stride, padding, output_size)
    result: Tensor = _MAX_UNPOOL[2](input, indices, sizes)
    return result


@composite
def max_unpool3d(
    input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """The values of ``max_pool3d`` at their indices, 0 elsewhere."""
    sizes = _unpool(3, input, kernel_size, stride, padding, output_size)
    result: Tensor = _MAX_UNPOOL[3](input, indices, sizes)
    return result


# Average of a power ---------------------------------------------------------------------------------------

_MAX = {1: max_pool1d, 2: max_pool2d, 3: max_pool3d}
_AVG = {1: avg_pool1d, 2: avg_pool2d, 3: avg_pool3d}


def _lp_pool(rank: int, input: Tensor, norm_type: float, kernel_size: Any, stride: Any, ceil_mode: bool) -> Tensor:
    if norm_type == math.inf:
        return _MAX[rank](input.abs(), kernel_size, stride, 0, 1, ceil_mode)
    if norm_type == -math.inf:
        return -_MAX[rank](-input.abs(), kernel_size, stride, 0, 1, ceil_mode)
    average = _AVG[rank](input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
    count = math.prod(window_sizes("lp_pool", "kernel_size", kernel_size, rank))
    return (average.sign() * relu(average.abs())).mul(count).pow(1.0 / norm_type)


@composite
def lp_pool1d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """The p-norm of each window."""
    return _lp_pool(1, input, norm_type, kernel_size, stride, ceil_mode)


@composite
def lp_pool2d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """The p-norm of each window."""
    return _lp_pool(2, input, norm_type, kernel_size, stride, ceil_mode)


@composite
def lp_pool3d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """The p-norm of each window."""
    return _lp_pool(3, input, norm_type, kernel_size, stride, ceil_mode)


__all__ = ["adaptive_avg_pool1d", "adaptive_max_pool1d"]
METHODS: tuple[str, ...] = ()
INPLACE: tuple[str, ...] = ()
