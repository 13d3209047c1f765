"""Order: sort, argsort, topk, kthvalue, median, mode, unique, searchsorted.

Derivatives: the gradient goes to the places that were chosen (``value_selecting_reduction_backward``).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine.ops.elementwise import not_implemented
from gradviz_engine.ops.extrema import choice_operator, evenly_distributed, result_type, to_chosen
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.ops.shapes import wrap_dim
from gradviz_engine.tensor import Tensor, wrap

Array = np.ndarray[Any, Any]

# Sorting ------------------------------------------------------------------------------------------------


def _order(x: Array, dim: int, descending: bool) -> Array:
    """A stable order; nan counts as the largest."""
    if not x.ndim:
        return np.zeros((), np.int64)
    if not descending:
        return np.argsort(x, axis=dim, kind="stable")
    backwards = np.flip(np.argsort(np.flip(x, dim), axis=dim, kind="stable"), dim)
    return x.shape[dim] - 1 - backwards


def _sorted(x: Array, dim: int, descending: bool) -> tuple[Array, Array]:
    order = _order(x, dim, descending)
    return (np.take_along_axis(x, order, dim) if x.ndim else x.copy()), order


_to_old_order = Rule(
    lambda grad, saved: to_chosen(grad, saved.dim, saved.indices, saved.self_sym_sizes, True),
    "grad, put back in the old order",
)
_SIGNATURE = "sort(self, *, dim, descending) -> values, indices"
_sort = operator(_SIGNATURE, node="SortBackward0", forward=_sorted, gradients={"self": _to_old_order})
_sort_stable = operator(_SIGNATURE, node="SortBackward1", forward=_sorted, gradients={"self": _to_old_order})
SortResult = result_type("sort", "values indices")


def sort(input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool | None = None) -> Any:
    """The elements along ``dim`` in order, and where they were."""
    op = _sort if stable is None else _sort_stable
    return SortResult(*op(input, wrap_dim(dim, input._data.ndim), descending))


def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """Where the elements in order are."""
    axis = wrap_dim(dim, input._data.ndim)
    return wrap(_order(input._data, axis, descending))


def msort(input: Tensor) -> Tensor:
    """Sorted along the first dimension."""
    return sort(input, 0)[0]


def _top(x: Array, k: int, dim: int, largest: bool, in_order: bool) -> tuple[Array, Array]:
    if not x.ndim:
        return x.copy(), np.zeros((), np.int64)
    order = _order(x, dim, largest)
    chosen = np.take(order, np.arange(k), axis=dim)
    return np.take_along_axis(x, chosen, dim), chosen


_topk = operator(
    "topk(self, *, k, dim, largest, sorted) -> values, indices",
    node="TopkBackward0",
    forward=_top,
    gradients={
        "self": Rule(
            lambda grad, saved: to_chosen(grad, saved.dim, saved.indices, saved.self_sym_sizes, True),
            "zeros with grad at indices",
        )
    },
)
TopkResult = result_type("topk", "values indices")


def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """The ``k`` largest (or smallest) elements along ``dim``, and where they are."""
    axis = wrap_dim(dim, input._data.ndim)
    if not 0 <= k <= (input._data.shape[axis] if input._data.ndim else 1):
        raise RuntimeError("selected index k out of range")
    return TopkResult(*_topk(input, k, axis, largest, sorted))


# One element by its rank --------------------------------------------------------------------------------


def _kth(x: Array, k: int, dim: int, keepdim: bool) -> tuple[Array, Array]:
    if not x.ndim:
        return x.copy(), np.zeros((), np.int64)
    chosen = np.take(_order(x, dim, False), [k - 1], axis=dim)
    values = np.take_along_axis(x, chosen, dim)
    return (values, chosen) if keepdim else (values.squeeze(dim), chosen.squeeze(dim))


_kthvalue = operator(
    "kthvalue(self, *, k, dim, keepdim) -> values, indices",
    node="KthvalueBackward0",
    forward=_kth,
    gradients={
        "self": Rule(
            lambda grad, saved: to_chosen(grad, saved.dim, saved.indices, saved.self_sym_sizes, saved.keepdim),
            "zeros with grad at indices",
        )
    },
)
KthvalueResult = result_type("kthvalue", "values indices")


def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    """The ``k``-th smallest element along ``dim``, counted from 1."""
    axis = wrap_dim(dim, input._data.ndim)
    if not 1 <= k <= (input._data.shape[axis] if input._data.ndim else 1):
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {axis}")
    return KthvalueResult(*_kthvalue(input, k, axis, keepdim))


def _median_place(x: Array, dim: int, ignore_nan: bool) -> Array:
    """The lower of two middle elements; a nan, if there is one, unless they are ignored."""
    order = np.argsort(x, axis=dim, kind="stable")
    if x.dtype.kind != "f":
        return order.take((x.shape[dim] - 1) // 2, axis=dim)
    nans = np.isnan(x)
    count = (~nans).sum(axis=dim, keepdims=True)
    middle = np.maximum((count - 1) // 2, 0)
    place = np.take_along_axis(order, middle, dim)
    if not ignore_nan:
        place = np.where(nans.any(axis=dim, keepdims=True), np.expand_dims(nans.argmax(axis=dim), dim), place)
    return place.squeeze(dim)


def _median_of_all(x: Array, ignore_nan: bool) -> Array:
    return x[_median_place(x, 0, ignore_nan)] if x.size else np.asarray(np.nan, x.dtype)


def _median_functions(name: str, ignore_nan: bool) -> Any:
    camel = name.capitalize()
    over_all = operator(
        f"{name}(self)",
        node=f"{camel}Backward0",
        forward=lambda x: _median_of_all(x.reshape(-1), ignore_nan),
        gradients={
            "self": Rule(
                lambda grad, saved: evenly_distributed(grad, saved.self, saved.result), "grad, shared by the equals"
            )
        },
    )  # fmt: skip
    along = choice_operator(name, f"{camel}Backward1", lambda x, dim: _median_place(x, dim, ignore_nan))
    result = result_type(name, "values indices")

    def function(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
        if dim is None:
            return over_all(input)
        return result(*along(input, wrap_dim(dim, input._data.ndim), keepdim))

    function.__name__ = function.__qualname__ = name
    return function


median, nanmedian = _median_functions("median", False), _median_functions("nanmedian", True)


def _mode_place(x: Array, dim: int) -> Array:
    """Where the most frequent element stands last; of equally frequent ones the smallest."""
    moved = np.moveaxis(x, dim, -1)
    rows = moved.reshape(-1, moved.shape[-1])
    places = np.empty(len(rows), np.int64)
    for number, row in enumerate(rows):
        values, counts = np.unique(row, return_counts=True)
        places[number] = np.flatnonzero(row == values[counts.argmax()])[-1]
    return places.reshape(moved.shape[:-1])


_mode = choice_operator("mode", "ModeBackward0", _mode_place)
ModeResult = result_type("mode", "values indices")


def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> Any:
    """The most frequent element along ``dim``, and where it stands."""
    return ModeResult(*_mode(input, wrap_dim(dim, input._data.ndim), keepdim))


# Sets and places ----------------------------------------------------------------------------------------

_unique = not_implemented("_unique2(self)", forward=np.unique, node="Unique2Backward0")


def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """Each element once, in order; with where it went and how often it occurs."""
    found = np.unique(input._data, return_inverse=True, return_counts=True, axis=dim)
    shape = input._data.shape if dim is None else (-1,)
    results = [_unique(input) if dim is None else wrap(found[0])]
    if return_inverse:
        results.append(wrap(found[1].reshape(shape).astype(np.int64)))
    if return_counts:
        results.append(wrap(found[2].astype(np.int64)))
    return results[0] if len(results) == 1 else tuple(results)


def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """Runs of equal elements, each once."""
    x = input._data.reshape(-1)
    starts = np.flatnonzero(np.concatenate([[True], x[1:] != x[:-1]])) if x.size else np.zeros(0, np.int64)
    results = [wrap(x[starts])]
    if return_inverse:
        runs = np.zeros(x.size, np.int64)
        runs[starts[1:]] = 1
        results.append(wrap(runs.cumsum().reshape(input._data.shape)))
    if return_counts:
        results.append(wrap(np.diff(np.append(starts, x.size))))
    return results[0] if len(results) == 1 else tuple(results)


def searchsorted(sorted_sequence: Tensor, input: Any, *, right: bool = False, side: str | None = None) -> Tensor:
    """Where elements would be inserted into sorted rows."""
    values = input._data if isinstance(input, Tensor) else np.asarray(input)
    rows = sorted_sequence._data
    way: Any = side or ("right" if right else "left")
    if rows.ndim == 1:
        return wrap(np.asarray(np.searchsorted(rows, values, way), np.int64))
    flat, wanted = rows.reshape(-1, rows.shape[-1]), values.reshape(-1, values.shape[-1])
    found = [np.searchsorted(row, want, way) for row, want in zip(flat, wanted, strict=True)]
    return wrap(np.asarray(found, np.int64).reshape(values.shape))


def bucketize(input: Any, boundaries: Tensor, *, right: bool = False) -> Tensor:
    """Which interval between ``boundaries`` each element lies in."""
    return searchsorted(boundaries, input, right=right)


def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each whole number occurs."""
    return wrap(np.bincount(input._data, None if weights is None else weights._data, minlength))


def histc(input: Tensor, bins: int = 100, min: Any = 0, max: Any = 0) -> Tensor:
    """Counts in ``bins`` equal intervals between ``min`` and ``max``, by default those of the elements."""
    x = input._data
    low, high = (x.min(), x.max()) if min == max == 0 else (min, max)
    counts, _ = np.histogram(x, bins, (low - 1, high + 1) if low == high else (low, high))
    return wrap(counts.astype(x.dtype))


_nonzero = operator("nonzero(self)", forward=np.argwhere)


def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """Where elements are not 0: a row of indices each, or a tensor for each dimension."""
    if as_tuple:
        return tuple(wrap(places) for places in np.nonzero(np.atleast_1d(input._data)))
    return _nonzero(input)


def argwhere(input: Tensor) -> Tensor:
    """Where elements are not 0, a row of indices each."""
    return _nonzero(input)


__all__ = [
    "argsort", "argwhere", "bincount", "bucketize", "histc", "kthvalue", "median", "mode", "msort", "nanmedian",
    "nonzero", "searchsorted", "sort", "topk", "unique", "unique_consecutive",
]  # fmt: skip
METHODS = tuple(name for name in __all__ if name not in ("bucketize", "searchsorted"))
INPLACE = ()
