"""Variance and standard deviation, quantiles, covariance and correlation.

Derivatives: ``var_backward``, ``std_backward`` and their kin in FunctionsManual.cpp of PyTorch 2.13.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from gradviz_engine.ops.fused import lerp
from gradviz_engine.ops.masking import clamp
from gradviz_engine.ops.pointwise import div_scalar, mul_scalar
from gradviz_engine.ops.reduction import restore_dims, spread
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.restriding import squeeze_fresh, transpose_fresh, unsqueeze_fresh
from gradviz_engine.ops.shapes import broadcast_shapes, product, reduced_dims, wrap_dim
from gradviz_engine.tensor import Tensor, wrap

Array = np.ndarray[Any, Any]

# Variance -----------------------------------------------------------------------------------------------


def _correction(correction: Any) -> Any:
    return 1 if correction is None else correction


def _count(shape: Any, dim: Any) -> int:
    return product(shape[d] for d in reduced_dims(dim, len(shape))) if shape else 1


def _variance(x: Array, dim: Any, correction: Any, keepdim: bool) -> Array:
    axes = reduced_dims(dim, x.ndim) if x.ndim else None
    mean = x.mean(axis=axes, keepdims=True)
    total = (np.abs(x - mean) ** 2).sum(axis=axes, keepdims=keepdim)
    freedom = max(_count(x.shape, dim) - _correction(correction), 0)
    return np.asarray(total / np.asarray(freedom, x.dtype))


def var_backward(grad: Tensor, x: Tensor, dim: Any, correction: Any, keepdim: bool) -> Tensor:
    """``2 / (n - correction) · grad · (x - mean)``."""
    freedom = _count(x._data.shape, dim) - _correction(correction)
    if dim is None or not x._data.ndim:
        if freedom <= 0:
            return grad * wrap(np.full_like(x._data, np.nan if freedom == 0 else np.inf))
        return mul_scalar(grad, 2.0 / freedom) * (x - x.mean())
    if x._data.ndim > 1:
        grad = restore_dims(grad, dim, keepdim, x._data.ndim)
    if freedom <= 0:
        return grad * wrap(np.full_like(x._data, np.nan if freedom == 0 else np.inf))
    return mul_scalar(grad, 2.0 / freedom) * (x - x.mean(dim, True))


def _mean_backward(grad: Tensor, x: Tensor, dim: Any, keepdim: bool) -> Tensor:
    shape = x._data.shape
    return div_scalar(spread(grad, dim, keepdim, shape), _count(shape, dim))


def std_backward(result: Tensor, grad: Tensor, x: Tensor, dim: Any, correction: Any, keepdim: bool) -> Tensor:
    """The variance's derivative with grad / (2 · std), 0 where the deviation is 0."""
    scaled = (grad / mul_scalar(result, 2)).masked_fill_(result == 0, 0)
    return var_backward(scaled, x, dim, correction, keepdim)


_var = operator(
    "var(self, *, dim, correction, keepdim)",
    node="VarBackward0",
    forward=_variance,
    gradients={
        "self": Rule(
            lambda grad, saved: var_backward(grad, saved.self, saved.dim, saved.correction, saved.keepdim),
            "2 / (n - correction) · grad · (self - mean(self))",
        )
    },
)
_std = operator(
    "std(self, *, dim, correction, keepdim)",
    node="StdBackward0",
    forward=lambda x, dim, correction, keepdim: np.sqrt(_variance(x, dim, correction, keepdim)),
    gradients={
        "self": Rule(
            lambda grad, saved: std_backward(
                saved.result, grad, saved.self, saved.dim, saved.correction, saved.keepdim
            ),
            "grad · (self - mean(self)) / ((n - correction) · result)",
        )
    },
)


def _with_mean(measure: Any) -> Any:
    def forward(x: Array, dim: Any, correction: Any, keepdim: bool) -> tuple[Array, Array]:
        axes = reduced_dims(dim, x.ndim) if x.ndim else None
        return measure(x, dim, correction, keepdim), np.asarray(x.mean(axis=axes, keepdims=keepdim))

    return forward


def _pair_backward(to_spread: Tensor | None, to_mean: Tensor | None) -> Any:
    if to_spread is None or to_mean is None:
        return to_mean if to_spread is None else to_spread
    return to_spread + to_mean


_var_mean = operator(
    "var_mean(self, *, dim, correction, keepdim) -> result0, result1",
    node="VarMeanBackward0",
    forward=_with_mean(_variance),
    gradients={
        "self": Rule(
            lambda grad, saved: _pair_backward(
                None
                if grad[0] is None
                else var_backward(grad[0], saved.self, saved.dim, saved.correction, saved.keepdim),
                None if grad[1] is None else _mean_backward(grad[1], saved.self, saved.dim, saved.keepdim),
            ),
            "2 / (n - correction) · grad₀ · (self - mean(self)) + grad₁ / n",
        )
    },
)
_std_mean = operator(
    "std_mean(self, *, dim, correction, keepdim) -> result0, result1",
    node="StdMeanBackward0",
    forward=_with_mean(lambda x, dim, correction, keepdim: np.sqrt(_variance(x, dim, correction, keepdim))),
    gradients={
        "self": Rule(
            lambda grad, saved: _pair_backward(
                None
                if grad[0] is None
                else std_backward(saved.result0, grad[0], saved.self, saved.dim, saved.correction, saved.keepdim),
                None if grad[1] is None else _mean_backward(grad[1], saved.self, saved.dim, saved.keepdim),
            ),
            "grad₀ · (self - mean(self)) / ((n - correction) · result0) + grad₁ / n",
        )
    },
)


def _spread_function(name: str, op: Any) -> Any:
    """``var(x, dim)``, ``var(x, unbiased=False)``, ``var(x, dim, correction=0)`` and PyTorch's other forms."""

    def function(
        input: Tensor,
        dim: Any = None,
        unbiased: Any = None,
        keepdim: bool = False,
        *,
        correction: Any = None,
        axis: Any = None,
    ) -> Any:
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        dim = axis if dim is None else dim
        if input._data.dtype.kind not in "fc":
            raise RuntimeError("std and var only support floating point and complex dtypes")
        if unbiased is not None:
            correction = 1 if unbiased else 0
        if correction is None and dim is not None:
            correction = 1
        dims = None if dim is None else reduced_dims(dim, input._data.ndim)
        if _count(input._data.shape, dims) - _correction(correction) <= 0:
            warnings.warn(
                f"{name}(): degrees of freedom is <= 0. Correction should be strictly less than the reduction factor "
                "(input numel divided by output numel).",
                stacklevel=2,
            )
        return op(input, dims, correction, keepdim)

    function.__name__ = function.__qualname__ = name
    return function


var, std = _spread_function("var", _var), _spread_function("std", _std)
var_mean, std_mean = _spread_function("var_mean", _var_mean), _spread_function("std_mean", _std_mean)

# Quantiles ----------------------------------------------------------------------------------------------


@composite
def quantile(
    input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """The ``q``-quantiles, between two neighbours of the sorted elements."""
    return _quantile("quantile", input, q, dim, keepdim, interpolation, ignore_nan=False)


@composite
def nanquantile(
    input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """``quantile`` of those elements that are not nan."""
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation, ignore_nan=True)


def _quantile(
    name: str, input: Tensor, q: Any, dim: int | None, keepdim: bool, interpolation: str, ignore_nan: bool
) -> Tensor:
    """Source: ``quantile_compute`` in aten/src/ATen/native/Sorting.cpp."""
    levels = q if isinstance(q, Tensor) else wrap(np.asarray(q, input._data.dtype))
    _check_levels(name, levels, interpolation)
    axis = 0 if dim is None else wrap_dim(dim, input._data.ndim)
    arranged = _arranged(input, dim, axis)
    arranged = arranged.view((*_result_shape(input, dim, axis, keepdim), arranged._data.shape[-1]))
    ranks = _ranks(levels, arranged, ignore_nan)
    if interpolation in _ROUNDED_RANKS:
        ranks = getattr(ranks, _ROUNDED_RANKS[interpolation])()
    below = ranks.long()
    result = arranged.gather(-1, below)
    if interpolation in ("linear", "midpoint"):
        weight = wrap(np.full_like(ranks._data, 0.5)) if interpolation == "midpoint" else ranks - below
        result = lerp(result, arranged.gather(-1, ranks.ceil().long()), weight)
    if not levels._data.ndim:
        return squeeze_fresh(result, -1)
    return squeeze_fresh(transpose_fresh(unsqueeze_fresh(result, 0), 0, -1), -1)


_ROUNDED_RANKS = {"lower": "floor", "higher": "ceil", "nearest": "round"}


def _check_levels(name: str, levels: Tensor, interpolation: str) -> None:
    if levels._data.ndim > 1:
        raise RuntimeError(f"{name}() q must be a scalar or 1D tensor, but got {levels._data.ndim}D tensor")
    if ((levels._data < 0) | (levels._data > 1)).any():
        if not levels._data.ndim:
            raise RuntimeError(f"{name}() q must be in the range [0, 1] but got {levels.item():g}")
        raise RuntimeError(f"{name}() q values must be in the range [0, 1]")
    if interpolation not in ("linear", "midpoint", *_ROUNDED_RANKS):
        raise RuntimeError(
            f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, but got {interpolation}"
        )


def _arranged(input: Tensor, dim: int | None, axis: int) -> Tensor:
    """The elements sorted along the last dimension."""
    from gradviz_engine.ops.sorting import sort

    if dim is None:
        return sort(input.flatten())[0]
    if axis == input._data.ndim - 1:
        return sort(input)[0]
    return sort(input.unsqueeze(-1).transpose(axis, -1))[0]


def _result_shape(input: Tensor, dim: int | None, axis: int, keepdim: bool) -> tuple[int, ...]:
    shape = input._data.shape
    if dim is None or not shape:
        return (1,) * len(shape) if keepdim else ()
    return (*shape[:axis], *((1,) if keepdim else ()), *shape[axis + 1 :])


def _ranks(levels: Tensor, arranged: Tensor, ignore_nan: bool) -> Tensor:
    """Where the quantiles lie among the sorted elements, as fractional places; at the end where there is a nan."""
    q = levels.reshape(1) if not levels._data.ndim else levels
    if ignore_nan:
        counts = np.isfinite(arranged._data) | np.isinf(arranged._data)
        ranks = q * wrap(counts.sum(axis=-1, keepdims=True) - 1)
        return ranks.masked_fill(ranks < 0, 0)
    last = arranged._data.shape[-1] - 1
    has_nan = wrap(np.isnan(arranged._data).any(axis=-1, keepdims=True))
    places = mul_scalar(q, last)
    common = broadcast_shapes(places._data.shape, has_nan._data.shape)
    if places._data.shape != common:
        places = places.expand(common)
    return places.masked_fill(has_nan, last)


# Covariance ---------------------------------------------------------------------------------------------


@composite
def cov(
    input: Tensor, *, correction: int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None
) -> Tensor:
    """The covariance matrix of variables (rows) over observations (columns)."""
    if input._data.ndim > 2:
        raise RuntimeError(
            f"cov(): expected input to have two or fewer dimensions but got an input with {input._data.ndim} dimensions"
        )
    rows = input.view(1, -1) if input._data.ndim < 2 else input
    weights = _observation_weights(fweights, aweights)
    count = rows._data.shape[1]
    total = wrap(np.asarray(count, np.int64)) if weights is None else weights.sum()
    mean = (rows if weights is None else rows * weights).sum(1) / total
    norm = total
    if correction and weights is not None and aweights is not None:
        norm = total - mul_scalar((weights * aweights).sum(), correction) / total
    elif correction:
        norm = total - correction
    if norm._data.size and norm._data <= 0:
        warnings.warn("cov(): degrees of freedom is <= 0. Correction should be strictly less than the number of "
                      "observations.", stacklevel=3)  # fmt: skip
        norm = norm * 0
    centred = rows - mean.unsqueeze(1)
    product_ = centred.mm((centred if weights is None else centred * weights).t())
    return (product_ / norm).squeeze()


def _observation_weights(fweights: Tensor | None, aweights: Tensor | None) -> Tensor | None:
    if fweights is None or aweights is None:
        return aweights if fweights is None else fweights
    return fweights * aweights


@composite
def corrcoef(input: Tensor) -> Tensor:
    """The correlation matrix of variables (rows) over observations (columns)."""
    if input._data.ndim > 2:
        raise RuntimeError(
            "corrcoef(): expected input to have two or fewer dimensions but got an input with "
            f"{input._data.ndim} dimensions"
        )
    covariance = cov(input)
    if not covariance._data.ndim:
        return covariance / covariance
    deviation = covariance.diagonal().sqrt()
    result = covariance / deviation.view(-1, 1) / deviation.view(1, -1)
    return clamp(result, -1, 1)


__all__ = [
    "corrcoef", "cov", "nanquantile", "quantile", "std", "std_mean", "var", "var_mean",
]  # fmt: skip
METHODS = tuple(name for name in __all__ if not name.endswith("_mean"))
INPLACE = ()
