"""Running sums, products and extrema along a dimension; differences and the trapezoidal rule.

Derivatives: ``cumsum_backward``, ``cumprod_backward``, ``logcumsumexp_backward`` and ``cummaxmin_backward`` in
FunctionsManual.cpp and ReduceOps.cpp of PyTorch 2.13.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine.ops.conversion import convert
from gradviz_engine.ops.elementwise import floating
from gradviz_engine.ops.extrema import result_type
from gradviz_engine.ops.joining import cat
from gradviz_engine.ops.pointwise import div_scalar, mul_scalar
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.scatter import scatter_add, zeros_of
from gradviz_engine.ops.selecting import slice_along
from gradviz_engine.ops.shapes import wrap_dim
from gradviz_engine.tensor import Tensor, wrap

Array = np.ndarray[Any, Any]

# Sums and products --------------------------------------------------------------------------------------


def _running(function: Any) -> Any:
    def forward(x: Array, dim: int) -> Array:
        if x.dtype.kind in "iub":
            x = x.astype(np.int64)
        return function(x, axis=dim, dtype=x.dtype) if x.ndim else x.copy()

    return forward


def reversed_cumsum(grad: Tensor, dim: int) -> Tensor:
    """Sums from each place to the end (``cumsum_backward``)."""
    if grad._data.size <= 1 or grad._data.shape[dim] == 1:
        return grad
    return cumsum(grad.flip(dim), dim).flip(dim)


_cumsum = operator(
    "cumsum(self, *, dim)",
    node="CumsumBackward0",
    forward=_running(np.cumsum),
    gradients={"self": Rule(lambda grad, saved: reversed_cumsum(grad, saved.dim), "grad, summed from each place on")},
)


def _cumprod_backward(grad: Tensor, x: Tensor, dim: int, result: Tensor) -> Tensor:
    """Source: ``cumprod_backward``; without zeros it is a division, with zeros a product for each place."""
    if x._data.size <= 1:
        return grad
    if x._data.shape[dim] == 1:
        return grad
    if not (x._data == 0).any():
        return reversed_cumsum(result * grad, dim) / x
    return _cumprod_backward_of_zeros(grad, x, dim)


def _cumprod_backward_of_zeros(grad: Tensor, x: Tensor, dim: int) -> Tensor:
    """For each place k: the sum over later places of grad · (product of all up to there but k)."""
    size = x._data.shape[dim]
    parts = []
    for k in range(size):
        before = x.narrow(dim, 0, k).prod(dim, True)
        after = cumprod(cat([wrap(np.ones_like(before._data)), x.narrow(dim, k + 1, size - k - 1)], dim), dim)
        parts.append(before * (after * grad.narrow(dim, k, size - k)).sum(dim, True))
    return cat(parts, dim)


_cumprod = operator(
    "cumprod(self, *, dim)",
    node="CumprodBackward0",
    forward=_running(np.cumprod),
    gradients={
        "self": Rule(
            lambda grad, saved: _cumprod_backward(grad, saved.self, saved.dim, saved.result),
            "(grad · result, summed from each place on) / self",
        )
    },
)


def _log_cumulative(x: Array, dim: int) -> Array:
    return np.logaddexp.accumulate(x, axis=dim) if x.ndim else x.copy()


def _logcumsumexp_backward(grad: Tensor, x: Tensor, result: Tensor, dim: int) -> Tensor:
    """Source: ``logcumsumexp_backward``: positive and negative gradients apart, in logarithms."""
    if not x._data.ndim or not x._data.size:
        return grad
    low = wrap(np.asarray(np.finfo(grad._data.dtype).min))
    positive = (grad > 0).logical_or(grad != grad)
    log_positive = grad.log().where(positive, low)
    log_negative = (-grad).log().where(grad < 0, low)

    def backward(log_grad: Tensor) -> Any:
        return (logcumsumexp((log_grad - result).flip(dim), dim).flip(dim) + x).exp()

    return backward(log_positive) - backward(log_negative)


_logcumsumexp = operator(
    "logcumsumexp(self, *, dim)",
    node="LogcumsumexpBackward0",
    forward=floating(_log_cumulative),
    gradients={
        "self": Rule(
            lambda grad, saved: _logcumsumexp_backward(grad, saved.self, saved.result, saved.dim),
            "grad · exp(self - result), summed from each place on",
        )
    },
)


def _with_dtype(input: Tensor, dtype: Any) -> Tensor:
    return input if dtype is None else convert(input, dtype.numpy)


def cumsum(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """The sum up to each place along ``dim``."""
    return _cumsum(_with_dtype(input, dtype), wrap_dim(dim, input._data.ndim))


def cumprod(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """The product up to each place along ``dim``."""
    return _cumprod(_with_dtype(input, dtype), wrap_dim(dim, input._data.ndim))


def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """``log(cumsum(exp(input)))`` without overflow."""
    return _logcumsumexp(input, wrap_dim(dim, input._data.ndim))


def cumsum_(self: Tensor, dim: int) -> Tensor:
    return _cumsum.inplace(self, wrap_dim(dim, self._data.ndim))


def cumprod_(self: Tensor, dim: int) -> Tensor:
    return _cumprod.inplace(self, wrap_dim(dim, self._data.ndim))


# Extrema ------------------------------------------------------------------------------------------------


def _running_extreme(better: Any) -> Any:
    """The best element up to each place, and where it is; of equals the last."""

    def forward(x: Array, dim: int) -> tuple[Array, Array]:
        if not x.ndim:
            return x.copy(), np.zeros((), np.int64)
        extreme = better.accumulate(x, axis=dim)
        places = np.arange(x.shape[dim]).reshape((-1,) + (1,) * (x.ndim - dim - 1))
        hits = (x == extreme) | (np.isnan(x) & np.isnan(extreme) if x.dtype.kind == "f" else False)
        return extreme, np.maximum.accumulate(np.where(hits, places, 0), axis=dim)

    return forward


def _extreme_operator(name: str, node: str, better: Any) -> Any:
    return operator(
        f"{name}(self, *, dim) -> values, indices",
        node=node,
        forward=_running_extreme(better),
        gradients={
            "self": Rule(
                lambda grad, saved: _to_places(grad[0], saved.indices, saved.self.shape, saved.dim),
                "zeros with grad added at indices",
            )
        },
    )


def _to_places(grad: Tensor, indices: Tensor, sizes: Any, dim: int) -> Tensor:
    return scatter_add(zeros_of(grad, sizes), dim, indices, grad)


_cummax = _extreme_operator("cummax", "CummaxBackward0", np.maximum)
_cummin = _extreme_operator("cummin", "CumminBackward0", np.minimum)
CummaxResult, CumminResult = result_type("cummax", "values indices"), result_type("cummin", "values indices")


def cummax(input: Tensor, dim: int) -> Any:
    """The largest element up to each place, and its index."""
    return CummaxResult(*_cummax(input, wrap_dim(dim, input._data.ndim)))


def cummin(input: Tensor, dim: int) -> Any:
    """The smallest element up to each place, and its index."""
    return CumminResult(*_cummin(input, wrap_dim(dim, input._data.ndim)))


# Differences --------------------------------------------------------------------------------------------


@composite
def diff(
    input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None
) -> Tensor:
    """The ``n``-th differences of neighbours along ``dim``."""
    if not input._data.ndim:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    axis = wrap_dim(dim, input._data.ndim)
    if n == 0:
        return wrap(np.zeros_like(input._data)).copy_(input)
    if prepend is not None or append is not None:
        input = cat([t for t in (prepend, input, append) if t is not None], axis)
    n = min(n, input._data.shape[axis])
    for _ in range(n):
        length = input._data.shape[axis]
        later, earlier = input.narrow(axis, 1, length - 1), input.narrow(axis, 0, length - 1)
        input = later.logical_xor(earlier) if input._data.dtype.kind == "b" else later - earlier
    return input


@composite
def gradient(input: Tensor, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1) -> tuple[Tensor, ...]:
    """Second-order estimates of the slope along dimensions; ``spacing`` is a distance or coordinates for each."""
    given = dim if isinstance(dim, (tuple, list)) else None if dim is None else (dim,)
    axes = range(input._data.ndim) if given is None else [wrap_dim(d, input._data.ndim) for d in given]
    spacing = 1 if spacing is None else spacing
    spacings = list(spacing) if isinstance(spacing, (tuple, list)) else [spacing] * len(axes)
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    for axis in axes:
        if input._data.shape[axis] < edge_order + 1:
            raise RuntimeError("torch.gradient expected each dimension size to be at least edge_order+1")
    return tuple(
        _slope_between(input, axis, step, edge_order)
        if isinstance(step, Tensor)
        else _slope(input, axis, step, edge_order)
        for axis, step in zip(axes, spacings, strict=True)
    )


def _at(input: Tensor, axis: int, place: int) -> Tensor:
    """One entry of ``axis``, counted from either end, as a slice."""
    return input.narrow(axis, place % input._data.shape[axis], 1)


def _slope(f: Tensor, axis: int, step: float, edge_order: int) -> Tensor:
    """Evenly spaced: central differences inside, one-sided ones at the ends."""
    size = f._data.shape[axis]
    if edge_order == 1:
        first = _at(f, axis, 1) - _at(f, axis, 0)
        last = _at(f, axis, -1) - _at(f, axis, -2)
    else:
        first = _times(-1.5, _at(f, axis, 0)) + _times(2, _at(f, axis, 1)) - _times(0.5, _at(f, axis, 2))
        last = _times(0.5, _at(f, axis, -3)) - _times(2, _at(f, axis, -2)) + _times(1.5, _at(f, axis, -1))
    inside = f.narrow(axis, 2, size - 2) - f.narrow(axis, 0, size - 2)
    parts = [div_scalar(first, step), div_scalar(div_scalar(inside, 2), step), div_scalar(last, step)]
    return cat(parts, axis)


def _slope_between(f: Tensor, axis: int, places: Tensor, edge_order: int) -> Tensor:
    """At given coordinates: the slope of the parabola through three neighbours."""
    size = f._data.shape[axis]
    step = diff(places)
    before, after = step.narrow(0, 0, size - 2), step.narrow(0, 1, size - 2)
    both = before + after
    weights = (-after / (before * both), (after - before) / (before * after), before / (after * both))
    shape = (-1,) + (1,) * (f._data.ndim - axis - 1)
    inside = _weighted([w.reshape(shape) for w in weights], [f.narrow(axis, k, size - 2) for k in range(3)])
    if edge_order == 1:
        first = (_at(f, axis, 1) - _at(f, axis, 0)) / step[0]
        last = (_at(f, axis, -1) - _at(f, axis, -2)) / step[-1]
    else:
        first = _weighted(_end_weights(step[0], step[1]), [_at(f, axis, k) for k in range(3)])
        a, b, c = _end_weights(step[-1], step[-2])
        last = _weighted([-c, -b, -a], [_at(f, axis, k - 3) for k in range(3)])
    return cat([first, inside, last], axis)


def _end_weights(near: Tensor, far: Tensor) -> list[Tensor]:
    """Weights of the end, its neighbour and the next for the slope at the end."""
    both = near + far
    return [-(near + both) / (near * both), both / (near * far), -near / (far * both)]


def _weighted(weights: list[Tensor], parts: list[Tensor]) -> Tensor:
    return weights[0] * parts[0] + weights[1] * parts[1] + weights[2] * parts[2]


def _times(number: Any, tensor: Tensor) -> Tensor:
    return mul_scalar(tensor, number)


@composite
def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: float | None = None, dim: int = -1) -> Tensor:
    """The integral of ``y`` by the trapezoidal rule, at places ``x`` or ``dx`` apart."""
    axis = wrap_dim(dim, y._data.ndim)
    if y._data.shape[axis] == 0:
        return wrap(np.zeros(y._data.shape[:axis] + y._data.shape[axis + 1 :], y._data.dtype))
    if x is None:
        ends = y.select(axis, 0) + y.select(axis, -1)
        return _times(1.0 if dx is None else dx, y.sum(axis) - _times(0.5, ends))
    width = _widths(x, y, axis)
    left, right = slice_along(y, axis, 0, -1, 1), slice_along(y, axis, 1, None, 1)
    return div_scalar(((left + right) * width).sum(axis), 2.0)


def _widths(x: Tensor, y: Tensor, axis: int) -> Tensor:
    """The distances between the places, shaped to multiply ``y``."""
    if x._data.ndim == 1:
        x = x.view((1,) * axis + (-1,) + (1,) * (y._data.ndim - axis - 1))
    elif x._data.ndim < y._data.ndim:
        x = x.view((1,) * (y._data.ndim - x._data.ndim) + x._data.shape)
    size = x._data.ndim - y._data.ndim + axis
    return slice_along(x, size, 1, None, 1) - slice_along(x, size, 0, -1, 1)


trapz = trapezoid


@composite
def cumulative_trapezoid(y: Tensor, x: Tensor | None = None, *, dx: float | None = None, dim: int = -1) -> Tensor:
    """The integral up to each place by the trapezoidal rule."""
    axis = wrap_dim(dim, y._data.ndim)
    left, right = slice_along(y, axis, 0, -1, 1), slice_along(y, axis, 1, None, 1)
    if x is None:
        return cumsum(_times((1.0 if dx is None else dx) / 2.0, right + left), axis)
    return div_scalar(cumsum((right + left) * _widths(x, y, axis), axis), 2.0)


__all__ = [
    "cummax", "cummin", "cumprod", "cumsum", "cumulative_trapezoid", "diff", "gradient", "logcumsumexp", "trapezoid",
    "trapz",
]  # fmt: skip
METHODS = ("cummax", "cummin", "cumprod", "cumprod_", "cumsum", "cumsum_", "diff", "logcumsumexp")
INPLACE = ()
