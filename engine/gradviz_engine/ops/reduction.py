"""Sums and products over dimensions: sum, mean, prod, variance, log-sum-exp, and truth over dimensions.

Derivatives: tools/autograd/derivatives.yaml and FunctionsManual.cpp of PyTorch 2.13.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine.autograd.grad_mode import mode
from gradviz_engine.ops.elementwise import floating, write_out
from gradviz_engine.ops.pointwise import div_scalar
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.shape import expand
from gradviz_engine.ops.shapes import product, reduced_dims, wrap_dim
from gradviz_engine.ops.summation import total
from gradviz_engine.tensor import Tensor, wrap

Array = np.ndarray[Any, Any]


def restore_dims(tensor: Tensor, dims: Any, keepdim: bool, ndim: int) -> Tensor:
    """Put back, with size 1, the dimensions a reduction took (``restore_reduced_dims``)."""
    if keepdim or not ndim:
        return tensor
    for dim in sorted(reduced_dims(dims, ndim)):
        tensor = tensor.unsqueeze(dim)
    return tensor


def spread(grad: Tensor, dims: Any, keepdim: bool, sizes: Any) -> Tensor:
    """A reduction's gradient, repeated over what was reduced (``sum_backward``)."""
    return expand(restore_dims(grad, dims, keepdim, len(sizes)), sizes)


# Sum and mean -------------------------------------------------------------------------------------------


def _summed(x: Array, dim: Any = None, keepdim: bool = False) -> Any:
    if x.dtype.kind in "iub":
        return x.sum(axis=dim, keepdims=keepdim, dtype=np.int64)
    return total(x, dim, keepdim)


def _averaged(x: Array, dim: Any = None, keepdim: bool = False) -> Any:
    if x.dtype.itemsize < 4:  # numpy adds half precision up in single
        return x.mean(axis=dim, keepdims=keepdim)
    with np.errstate(invalid="ignore"):  # the mean of nothing is nan
        return total(x, dim, keepdim) / x.dtype.type(_count(x.shape, dim))


_sum = operator(
    "sum(self)",
    node="SumBackward0",
    forward=_summed,
    gradients={"self": Rule(lambda grad, saved: expand(grad, saved.self_sym_sizes), "grad, repeated")},
)
_sum_dim = operator(
    "sum(self, *, dim, keepdim)",
    node="SumBackward1",
    forward=_summed,
    gradients={
        "self": Rule(lambda grad, saved: spread(grad, saved.dim, saved.keepdim, saved.self_sym_sizes), "grad, repeated")
    },
)
_mean = operator(
    "mean(self)",
    node="MeanBackward0",
    forward=_averaged,
    gradients={
        "self": Rule(
            lambda grad, saved: div_scalar(expand(grad, saved.self_sym_sizes), saved.self_sym_numel),
            "grad / n, repeated",
        )
    },
)
_mean_dim = operator(
    "mean(self, *, dim, keepdim)",
    node="MeanBackward1",
    forward=_averaged,
    gradients={
        "self": Rule(
            lambda grad, saved: div_scalar(
                spread(grad, saved.dim, saved.keepdim, saved.self_sym_sizes), _count(saved.self_sym_sizes, saved.dim)
            ),
            "grad / n, repeated",
            ("self_sym_sizes", "self_sym_numel", "dim", "keepdim"),
        )
    },
)
_nansum = operator(
    "nansum(self, *, dim, keepdim)",
    node="NansumBackward0",
    forward=lambda x, dim, keepdim: _summed(np.where(np.isnan(x), 0, x) if x.dtype.kind in "fc" else x, dim, keepdim),
    gradients={
        "self": Rule(
            lambda grad, saved: (
                spread(grad, saved.dim, saved.keepdim, saved.self.shape) * saved.self.isnan().logical_not()
            ),
            "grad, repeated, 0 for nan",
        )
    },
)


def _count(sizes: Any, dims: Any) -> int:
    return product(sizes[d] for d in reduced_dims(dims, len(sizes))) if sizes else 1


def _cast(input: Tensor, dtype: Any) -> Tensor:
    return input if dtype is None or input._data.dtype == dtype.numpy else input.to(dtype)


def sum(
    input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, axis: Any = None, out: Any = None
) -> Tensor:
    """The sum of all elements, or over dimensions. Integers add up in int64."""
    if dtype is not None:
        input = _cast(input, dtype)
    dim = axis if dim is None else dim
    if dim is None and not keepdim:
        return _sum(input) if out is None else write_out("sum", out, _sum, input)
    dims = reduced_dims(dim, input._data.ndim)
    arguments = (input, dims if input._data.ndim else (), keepdim)
    return _sum_dim(*arguments) if out is None else write_out("sum", out, _sum_dim, *arguments)


def mean(
    input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, axis: Any = None, out: Any = None
) -> Tensor:
    """The mean of all elements, or over dimensions; floating-point tensors only."""
    if dtype is not None:
        input = _cast(input, dtype)
    if input._data.dtype.kind not in "fc":
        raise RuntimeError(
            "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
            f"Got: {input.dtype._legacy_name}"
        )
    dim = axis if dim is None else dim
    if dim is None and not keepdim:
        return _mean(input)
    dims = reduced_dims(dim, input._data.ndim)
    arguments = (input, dims if input._data.ndim else (), keepdim)
    return _mean_dim(*arguments) if out is None else write_out("mean", out, _mean_dim, *arguments)


def nansum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The sum, nan counting as 0."""
    dims = reduced_dims(dim, input._data.ndim) if input._data.ndim else ()
    return _nansum(_cast(input, dtype) if dtype else input, dims, keepdim)


@composite
def nanmean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The mean of those elements that are not nan."""
    count = sum(input.detach().isnan().logical_not(), dim, keepdim)
    return nansum(input, dim, keepdim, dtype=dtype) / count


# Product ------------------------------------------------------------------------------------------------


def _multiplied(x: Array, dim: Any = None, keepdim: bool = False) -> Any:
    if x.dtype.kind in "iub":
        return x.prod(axis=dim, keepdims=keepdim, dtype=np.int64)
    return x.prod(axis=dim, keepdims=keepdim)


def _prod_all_backward(grad: Tensor, x: Tensor, result: Tensor) -> Tensor:
    """Source: ``prod_backward``: result / x, or products of the others where something is 0."""
    if x._data.ndim == 0:
        return grad.clone()
    if bool((result._data == 0).any()) or _needs_history(x, grad):
        flat = x.contiguous().view(-1)
        return (_prod_dim_backward(grad, flat, result, 0, True)).view(x._data.shape)
    return grad * (result / x)


def _needs_history(x: Tensor, grad: Tensor) -> bool:
    return mode.enabled and (x.requires_grad or grad.requires_grad)


def _prod_dim_backward(grad: Tensor, x: Tensor, result: Tensor, dim: int, keepdim: bool) -> Tensor:
    """Source: ``prod_backward`` with a dimension; products before and after each element where one is 0."""
    if x._data.ndim == 0:
        return grad.clone()
    if not keepdim:
        grad, result = grad.unsqueeze(dim), result.unsqueeze(dim)
    if not bool((result._data == 0).any()) and not _needs_history(x, grad):
        return grad * (result / x)
    return grad * _products_of_others(x, dim)


def _products_of_others(x: Tensor, dim: int) -> Tensor:
    """For each element the product of the others along ``dim`` (``prod_safe_zeros_backward``)."""
    from gradviz_engine.ops.cumulative import cumprod
    from gradviz_engine.ops.joining import cat

    size = x._data.shape[dim]
    if size == 1:
        return wrap(np.ones_like(x._data))
    ones = wrap(np.ones_like(x._data.take([0], axis=dim)))
    before = cumprod(cat([ones, x.narrow(dim, 0, size - 1)], dim), dim)
    after = cumprod(cat([ones, x.narrow(dim, 1, size - 1).flip(dim)], dim), dim).flip(dim)
    return before * after


_prod = operator(
    "prod(self)",
    node="ProdBackward0",
    forward=_multiplied,
    gradients={
        "self": Rule(lambda grad, saved: _prod_all_backward(grad, saved.self, saved.result), "grad · result / self")
    },
)
_prod_dim = operator(
    "prod(self, *, dim, keepdim)",
    node="ProdBackward1",
    forward=_multiplied,
    gradients={
        "self": Rule(
            lambda grad, saved: _prod_dim_backward(grad, saved.self, saved.result, saved.dim, saved.keepdim),
            "grad · result / self",
        )
    },
)


def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The product of all elements, or along a dimension."""
    input = _cast(input, dtype)
    if dim is None:
        return _prod(input)
    dim = wrap_dim(dim, input._data.ndim)
    if not input._data.ndim:
        return _prod_dim_of_scalar(input, dim, keepdim)
    return _prod_dim(input, dim, keepdim)


_prod_dim_of_scalar = operator(
    "prod(self, *, dim, keepdim)",
    node="ProdBackward1",
    forward=lambda x, dim, keepdim: _multiplied(x),
    gradients={"self": Rule(lambda grad, saved: grad.clone(), "grad")},
)

# Log-sum-exp --------------------------------------------------------------------------------------------


def _log_sum_exp(x: Array, dim: Any, keepdim: bool) -> Any:
    if not x.size:
        return np.log(np.exp(x).sum(axis=dim, keepdims=keepdim))
    largest = x.max(axis=dim, keepdims=True)
    largest = np.where(np.isinf(largest), 0, largest)
    result = np.log(np.exp(x - largest).sum(axis=dim, keepdims=True)) + largest
    return result if keepdim else result.squeeze(dim)


_logsumexp = operator(
    "logsumexp(self, *, dim, keepdim)",
    node="LogsumexpBackward0",
    forward=floating(_log_sum_exp),
    gradients={
        "self": Rule(
            lambda grad, saved: _logsumexp_backward(grad, saved.self, saved.result, saved.dim, saved.keepdim),
            "grad · exp(self - result)",
        )
    },
)


def _logsumexp_backward(grad: Tensor, x: Tensor, result: Tensor, dim: Any, keepdim: bool) -> Tensor:
    ndim = x._data.ndim
    grad, result = restore_dims(grad, dim, keepdim, ndim), restore_dims(result, dim, keepdim, ndim)
    return grad * (x - result.masked_fill(result == -float("inf"), 0)).exp()


def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """``log(sum(exp(input)))`` without overflow."""
    dims = reduced_dims(dim, input._data.ndim) if input._data.ndim else ()
    return _logsumexp(input, dims, keepdim)


# Truth and counts ---------------------------------------------------------------------------------------


def _truth(name: str, function: Any) -> Any:
    op = operator(
        f"{name}(self, *, dim, keepdim)",
        forward=lambda x, dim, keepdim: function(x, axis=dim, keepdims=keepdim).astype(
            np.uint8 if x.dtype == np.uint8 else np.bool_
        ),
    )

    def reduce(input: Tensor, dim: Any = None, keepdim: bool = False, *, axis: Any = None) -> Tensor:
        dim = axis if dim is None else dim
        dims = reduced_dims(dim, input._data.ndim) if input._data.ndim else ()
        return op(input, dims, keepdim)

    reduce.__name__ = reduce.__qualname__ = name
    return reduce


all = _truth("all", np.all)
any = _truth("any", np.any)

_count_nonzero = operator(
    "count_nonzero(self, *, dim)",
    forward=lambda x, dim: np.asarray(np.count_nonzero(x, axis=dim), np.int64),
)


def count_nonzero(input: Tensor, dim: Any = None) -> Tensor:
    """How many elements are not 0."""
    dims = None if dim is None else reduced_dims(dim, input._data.ndim)
    return _count_nonzero(input, dims)


__all__ = [
    "all", "any", "count_nonzero", "logsumexp", "mean", "nanmean", "nansum", "prod", "sum",
]  # fmt: skip
METHODS = tuple(__all__)
INPLACE = ()
