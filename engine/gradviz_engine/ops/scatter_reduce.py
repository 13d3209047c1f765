"""Combining by index: scatter_reduce and index_reduce with sum, prod, mean, amax and amin.

Derivatives: ``scatter_reduce_backward`` and ``index_reduce_backward`` in FunctionsManual.cpp of PyTorch 2.13. The
two differ only in how they address places, which ``Places`` hides.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz_engine.ops.masking import where
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.ops.scatter import index_add, index_fill, scatter, scatter_add
from gradviz_engine.ops.selecting import along, check_bounds, gather, index_select, place
from gradviz_engine.ops.shapes import wrap_dim
from gradviz_engine.tensor import Tensor, wrap

Array = np.ndarray[Any, Any]

_UFUNCS: dict[str, tuple[Any, float]] = {
    "sum": (np.add, 0.0),
    "mean": (np.add, 0.0),
    "prod": (np.multiply, 1.0),
    "amax": (np.maximum, -np.inf),
    "amin": (np.minimum, np.inf),
}
"""For each reduction the ufunc, and the number that changes nothing."""


class Places:
    """How ``index`` addresses elements: read them, add to them, set them to 0, reduce into them."""

    def __init__(self, dim: int, index: Tensor, read: Any, add: Any, clear: Any, reduce: Any) -> None:
        self.read: Callable[[Tensor], Tensor] = lambda t: read(t, dim, index)
        self.add: Callable[[Tensor, Tensor], Tensor] = lambda t, source: add(t, dim, index, source)
        self.clear: Callable[[Tensor], Tensor] = lambda t: clear(t, dim, index, 0)
        self.reduce: Callable[..., Tensor] = lambda t, source, how, include: reduce(t, source, dim, index, how, include)


def _reduced(x: Array, source: Array, key: Any, reduce: str, include_self: bool) -> Array:
    """``source`` combined into a copy of ``x`` at ``key``; places that nothing addresses keep their value."""
    ufunc, neutral = _UFUNCS[reduce]
    result = x.copy()
    if not include_self:
        result[key] = neutral
    ufunc.at(result, key, source)
    if reduce == "mean":
        count = np.full(x.shape, 1 if include_self else 0, x.dtype)
        np.add.at(count, key, np.ones_like(source))
        result = result / np.maximum(count, 1) if x.dtype.kind == "f" else result // np.maximum(count, 1)
    return result


def _lifted(*arrays: Array) -> list[Array]:
    return [a.reshape(1) if not a.ndim else a for a in arrays]


def _scatter_reduced(x: Array, source: Array, dim: int, index: Tensor, reduce: str, include_self: bool) -> Array:
    target, values, places = _lifted(x, source, index._data)
    values = values[tuple(slice(0, n) for n in places.shape)]
    return _reduced(target, values, along(target.shape, dim, places), reduce, include_self).reshape(x.shape)


def _index_reduced(x: Array, source: Array, dim: int, index: Tensor, reduce: str, include_self: bool) -> Array:
    target, values = _lifted(x, source)
    key = place(dim, index._data.reshape(-1))
    return _reduced(target, values, key, reduce, include_self).reshape(x.shape)


# Derivatives --------------------------------------------------------------------------------------------


def _backward(
    places: Places, grad: Tensor, x: Tensor, source: Tensor, result: Tensor, reduce: str, include_self: bool
) -> tuple[Tensor, Tensor]:
    """The gradients of the target and of the source."""
    if reduce == "sum":
        to_self, to_source = grad, places.read(grad)
    elif reduce == "mean":
        to_self, to_source = _mean_backward(places, grad, source, include_self)
    elif reduce == "prod":
        to_self, to_source = _prod_backward(places, grad, x, source, result, include_self)
    else:
        to_self, to_source = _extreme_backward(places, grad, x, source, result)
    return to_self if include_self else places.clear(to_self), to_source


def _mean_backward(places: Places, grad: Tensor, source: Tensor, include_self: bool) -> tuple[Tensor, Tensor]:
    start = wrap((np.ones_like if include_self else np.zeros_like)(grad._data))
    count = places.add(start, wrap(np.ones_like(source._data)))
    count = count.masked_fill(count == 0, 1)
    return grad / count, places.read(grad) / places.read(count)


def _extreme_backward(places: Places, grad: Tensor, x: Tensor, source: Tensor, result: Tensor) -> tuple[Tensor, Tensor]:
    """Equals share the gradient."""
    kind = x.dtype
    self_wins = (x == result).to(kind)
    source_wins = (source == places.read(result)).to(kind)
    share = grad / places.add(self_wins, source_wins)
    return self_wins * share, source_wins * places.read(share)


def _prod_backward(
    places: Places, grad: Tensor, x: Tensor, source: Tensor, result: Tensor, include_self: bool
) -> tuple[Tensor, Tensor]:
    """result / element, and where an element is the only 0 of its product, the product of the others."""
    safe = x.masked_fill(x == 0, 1)
    to_self = grad * places.reduce(safe, source, "prod", include_self) / safe
    zero = source == 0
    zeros = places.read(places.add(wrap(np.zeros_like(x._data)), zero.to(x.dtype)))
    only_zero = zero.logical_and(zeros == 1)
    others = places.reduce(x, source.masked_fill(only_zero, 1), "prod", include_self)
    to_source = where(only_zero, places.read(grad * others), places.read(grad * result) / source.masked_fill(zero, 1))
    return to_self, to_source


def _operator(name: str, node: str, source: str, forward: Any, places_of: Any) -> Any:
    """One of the two operators; ``source`` is what PyTorch calls the tensor that is combined in."""
    rule = Rule(
        lambda grad, saved, needed: _backward(
            places_of(saved.dim, saved.index),
            grad,
            saved.self,
            getattr(saved, source),
            saved.result,
            saved.reduce,
            saved.include_self,
        ),
        "the part of grad that the element has in its result",
        reads=("dim", "index", "self", source, "result", "reduce", "include_self"),
    )
    return operator(
        f"{name}(self, {source}, *, dim, index, reduce, include_self)",
        node=node,
        forward=forward,
        gradients={("self", source): rule},
    )


def _scatter_places(dim: int, index: Tensor) -> Places:
    return Places(dim, index, gather, scatter_add, scatter, lambda *args: _scatter_reduce(*args))


def _index_places(dim: int, index: Tensor) -> Places:
    return Places(dim, index, index_select, index_add, index_fill, lambda *args: _index_reduce(*args))


_scatter_reduce = _operator("scatter_reduce", "ScatterReduceBackward0", "src", _scatter_reduced, _scatter_places)
_index_reduce = _operator("index_reduce", "IndexReduceBackward0", "source", _index_reduced, _index_places)

# What users call ----------------------------------------------------------------------------------------


def _check_reduction(name: str, reduce: str, known: tuple[str, ...]) -> None:
    if reduce not in known:
        raise RuntimeError(f"{name} argument must be either {', '.join(known[:-1])} or {known[-1]}, got {reduce}.")


def _scatter_arguments(input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, include_self: bool) -> Any:
    _check_reduction("reduce", reduce, ("sum", "prod", "mean", "amax", "amin"))
    axis = wrap_dim(dim, input._data.ndim)
    check_bounds(index._data, input._data.shape[axis] if input._data.ndim else 1, axis)
    return input, src, axis, index, reduce, include_self


def scatter_reduce(
    input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """Combine ``src`` into the places ``index`` addresses: sum, prod, mean, amax or amin."""
    return _scatter_reduce(*_scatter_arguments(input, dim, index, src, reduce, include_self))


def scatter_reduce_(
    self: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    arguments = _scatter_arguments(self, dim, index, src, reduce, include_self)
    return _scatter_reduce.inplace(*arguments)


def index_reduce(
    input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """Combine slices of ``source`` into the slices ``index`` names: prod, mean, amax or amin."""
    _check_reduction("index_reduce(): reduce", reduce, ("prod", "mean", "amax", "amin"))
    warnings.warn("index_reduce() is in beta and the API may change at any time.", stacklevel=2)
    return _index_reduce(input, source, wrap_dim(dim, input._data.ndim), index, reduce, include_self)


__all__ = ["index_reduce", "scatter_reduce"]
METHODS = (*__all__, "scatter_reduce_")
INPLACE = ()
