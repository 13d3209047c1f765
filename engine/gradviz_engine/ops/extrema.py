"""Largest and smallest elements: max, min, amax, amin, argmax, argmin, aminmax.

Derivatives: FunctionsManual.cpp of PyTorch 2.13. An extremum over everything shares its gradient evenly among
equals; along a dimension the gradient goes to the one element whose index was returned.
"""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np

from gradviz_engine.ops.masking import maximum, minimum
from gradviz_engine.ops.reduction import restore_dims
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.ops.scatter import scatter, zeros_of
from gradviz_engine.ops.shapes import reduced_dims, wrap_dim
from gradviz_engine.tensor import Tensor

Array = np.ndarray[Any, Any]


def result_type(name: str, fields: str) -> Any:
    """PyTorch's named results, printed as ``torch.return_types.max(...)``."""
    base: Any = namedtuple(name, fields)  # type: ignore[misc]

    def show(self: Any) -> str:
        inside = ",\n".join(f"{name}={getattr(self, name)!r}" for name in fields.split())
        return f"torch.return_types.{name}(\n{inside})"

    return type(name, (base,), {"__slots__": (), "__repr__": show, "__module__": "torch.return_types"})


# Over everything ----------------------------------------------------------------------------------------


def evenly_distributed(grad: Tensor, x: Tensor, value: Tensor) -> Tensor:
    """Source: ``evenly_distribute_backward``."""
    lost = x._data.dtype.kind == "f" and bool(np.isnan(value._data).any())
    mask = x.isnan() if lost else x == value
    return mask * (grad / mask.sum())


def _all_operator(name: str, node: str, forward: Any) -> Any:
    return operator(
        f"{name}(self)",
        node=node,
        forward=forward,
        gradients={
            "self": Rule(
                lambda grad, saved: evenly_distributed(grad, saved.self, saved.result), "grad, shared by the equals"
            )
        },
    )


_max_all = _all_operator("max", "MaxBackward1", lambda x: x.max())
_min_all = _all_operator("min", "MinBackward1", lambda x: x.min())

# Along a dimension --------------------------------------------------------------------------------------


def to_chosen(grad: Any, dim: int, indices: Tensor, sizes: Any, keepdim: bool) -> Tensor:
    """Zeros with the gradient at the chosen places (``value_selecting_reduction_backward``)."""
    grad = grad[0] if isinstance(grad, tuple) else grad
    if not keepdim and len(sizes) > 0:
        grad, indices = grad.unsqueeze(dim), indices.unsqueeze(dim)
    return scatter(zeros_of(grad, sizes), dim, indices, grad)


def choosing(find: Any) -> Any:
    """A forward that returns the values at the places ``find(x, dim)`` gives, and the places."""

    def forward(x: Array, dim: int, keepdim: bool) -> tuple[Array, Array]:
        if not x.ndim:
            return x.copy(), np.zeros((), np.int64)
        indices = np.expand_dims(find(x, dim), dim).astype(np.int64)
        values = np.take_along_axis(x, indices, dim)
        return (values, indices) if keepdim else (values.squeeze(dim), indices.squeeze(dim))

    return forward


def choice_operator(name: str, node: str, find: Any) -> Any:
    return operator(
        f"{name}(self, *, dim, keepdim) -> values, indices",
        node=node,
        forward=choosing(find),
        gradients={
            "self": Rule(
                lambda grad, saved: to_chosen(grad, saved.dim, saved.indices, saved.self_sym_sizes, saved.keepdim),
                "zeros with grad at indices",
            )
        },
    )


_max_dim = choice_operator("max", "MaxBackward0", lambda x, dim: x.argmax(dim))
_min_dim = choice_operator("min", "MinBackward0", lambda x, dim: x.argmin(dim))
MaxResult, MinResult = result_type("max", "values indices"), result_type("min", "values indices")


def _nonempty(name: str, input: Tensor, dim: int | None = None) -> None:
    if dim is None and not input._data.size:
        raise RuntimeError(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with "
            "the 'dim' argument."
        )
    if dim is not None and input._data.ndim and input._data.shape[dim] == 0:
        raise IndexError(f"{name}(): Expected reduction dim {dim} to have non-zero size.")


def max(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None, axis: Any = None) -> Any:
    """The largest element; along ``dim`` with its index; or, given another tensor, the larger of two."""
    dim = axis if dim is None else dim
    if isinstance(dim, Tensor) or other is not None:
        return maximum(input, dim if other is None else other)
    if dim is None:
        _nonempty("max", input)
        return _max_all(input)
    dim = wrap_dim(dim, input._data.ndim)
    _nonempty("max", input, dim)
    return MaxResult(*_max_dim(input, dim, keepdim))


def min(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None, axis: Any = None) -> Any:
    """The smallest element; along ``dim`` with its index; or, given another tensor, the smaller of two."""
    dim = axis if dim is None else dim
    if isinstance(dim, Tensor) or other is not None:
        return minimum(input, dim if other is None else other)
    if dim is None:
        _nonempty("min", input)
        return _min_all(input)
    dim = wrap_dim(dim, input._data.ndim)
    _nonempty("min", input, dim)
    return MinResult(*_min_dim(input, dim, keepdim))


# amax, amin, aminmax ------------------------------------------------------------------------------------


def scaled_by_count(grad: Tensor, mask: Tensor, dims: Any) -> Tensor:
    """Source: ``scale_grad_by_count``."""
    return (grad * mask) / mask.sum(dims, keepdim=True)


def _amax_operator(name: str, node: str, method: str) -> Any:
    return operator(
        f"{name}(self, *, dim, keepdim)",
        node=node,
        forward=lambda x, dim, keepdim: getattr(x, method)(axis=dim, keepdims=keepdim),
        gradients={
            "self": Rule(
                lambda grad, saved: scaled_by_count(
                    restore_dims(grad, saved.dim, saved.keepdim, saved.self._data.ndim),
                    restore_dims(saved.result, saved.dim, saved.keepdim, saved.self._data.ndim) == saved.self,
                    saved.dim,
                ),
                "grad, shared by the equals",
            )
        },
    )


_amax = _amax_operator("amax", "AmaxBackward0", "max")
_amin = _amax_operator("amin", "AminBackward0", "min")


def _extreme(op: Any, name: str, input: Tensor, dim: Any, keepdim: bool) -> Tensor:
    dims = reduced_dims(dim, input._data.ndim) if input._data.ndim else ()
    for d in dims:
        _nonempty(name, input, d)
    return op(input, dims, keepdim)


def amax(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """The largest elements over dimensions; equals share the gradient."""
    return _extreme(_amax, "amax", input, dim, keepdim)


def amin(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """The smallest elements over dimensions; equals share the gradient."""
    return _extreme(_amin, "amin", input, dim, keepdim)


def _aminmax_backward(grads: Any, x: Tensor, dim: Any, keepdim: bool, low: Tensor, high: Tensor) -> Any:
    total = None
    for grad, value in zip(grads, (low, high), strict=True):
        if grad is None:
            continue
        dims = reduced_dims(dim, x._data.ndim) if x._data.ndim else ()
        wide = x._data.ndim if dim is not None else 0
        mask = restore_dims(value, dims, keepdim or not wide, wide) == x
        part = scaled_by_count(restore_dims(grad, dims, keepdim or not wide, wide), mask, dims)
        total = part if total is None else total + part
    return total


_aminmax = operator(
    "aminmax(self, *, dim, keepdim) -> min, max",
    node="AminmaxBackward0",
    forward=lambda x, dim, keepdim: (
        x.min(axis=dim if x.ndim else None, keepdims=keepdim),
        x.max(axis=dim if x.ndim else None, keepdims=keepdim),
    ),
    gradients={
        "self": Rule(
            lambda grad, saved: _aminmax_backward(grad, saved.self, saved.dim, saved.keepdim, saved.min, saved.max),
            "grad, shared by the equals",
        )
    },
)
AminmaxResult = result_type("aminmax", "min max")


def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """The smallest and the largest element, over everything or along ``dim``."""
    dim = None if dim is None else wrap_dim(dim, input._data.ndim)
    return AminmaxResult(*_aminmax(input, dim, keepdim))


# Places -------------------------------------------------------------------------------------------------


def _place_operator(name: str, method: str) -> Any:
    def forward(x: Array, dim: int | None, keepdim: bool) -> Any:
        if dim is None or not x.ndim:
            found = np.asarray(getattr(x, method)(), np.int64)
            return found.reshape((1,) * x.ndim) if keepdim else found
        return np.asarray(getattr(x, method)(axis=dim, keepdims=keepdim), np.int64)

    return operator(f"{name}(self, *, dim, keepdim)", forward=forward)


_argmax, _argmin = _place_operator("argmax", "argmax"), _place_operator("argmin", "argmin")


def _place_of(op: Any, name: str, input: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    dim = None if dim is None else wrap_dim(dim, input._data.ndim)
    if dim is None and not input._data.size:
        raise IndexError(f"{name}(): Expected reduction dim to be specified for input.numel() == 0.")
    _nonempty(name, input, dim)
    return op(input, dim, keepdim)


def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None) -> Tensor:
    """Where the largest element is, in the flat tensor or along ``dim``."""
    return _place_of(_argmax, "argmax", input, axis if dim is None else dim, keepdim)


def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None) -> Tensor:
    """Where the smallest element is, in the flat tensor or along ``dim``."""
    return _place_of(_argmin, "argmin", input, axis if dim is None else dim, keepdim)


__all__ = ["amax", "amin", "aminmax", "argmax", "argmin", "max", "min"]
METHODS = tuple(__all__)
INPLACE = ()
