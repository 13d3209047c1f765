"""Choosing by condition: where, masked_fill, masked_select, masked_scatter, clamp, maximum, tril and triu.

Derivatives: tools/autograd/derivatives.yaml of PyTorch 2.13.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine import dtypes
from gradviz_engine.ops.elementwise import broadcast_error, operand, promoting, to_common
from gradviz_engine.ops.pointwise import div_scalar
from gradviz_engine.ops.registry import Operator, Rule, operator
from gradviz_engine.ops.shapes import broadcast_shapes, product
from gradviz_engine.tensor import Tensor, wrap

Array = np.ndarray[Any, Any]


def zero_like(grad: Tensor) -> Tensor:
    """A 0-d zero of the gradient's dtype."""
    return wrap(np.zeros((), grad._data.dtype))


# where --------------------------------------------------------------------------------------------------


def _chosen(x: Any, y: Any, condition: Tensor) -> Array:
    x, y = to_common(x, y)
    try:
        return np.where(condition._data, x, y)
    except ValueError as error:
        raise broadcast_error(error, condition._data, x, y) from None


_where: Operator = operator(
    "where(self, other, *, condition)",
    node="WhereBackward0",
    forward=_chosen,
    gradients={
        "self": Rule(
            lambda grad, saved: _where(grad, zero_like(grad), saved.condition), "grad where condition, else 0"
        ),
        "other": Rule(
            lambda grad, saved: _where(zero_like(grad), grad, saved.condition), "0 where condition, else grad"
        ),
    },
)


def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """``input`` where the condition holds, ``other`` elsewhere; without them, the places where it holds."""
    if input is None and other is None:
        return tuple(wrap(places) for places in np.nonzero(condition._data))
    if condition._data.dtype not in (np.bool_, np.uint8):
        raise RuntimeError(
            "where expected condition to be a boolean tensor, but got a tensor with dtype "
            f"{condition.dtype._legacy_name}"
        )
    return _where(input, other, condition)


def _where_method(self: Tensor, condition: Tensor, other: Any) -> Tensor:
    return where(condition, self, other)


# Masks --------------------------------------------------------------------------------------------------


_C_NAMES = {"float32": "float", "float64": "double", "int64": "long int", "uint8": "unsigned char"}


def c_name(dtype: Any) -> str:
    """A dtype as C++ calls it, which some messages show."""
    return _C_NAMES.get(dtype._name, dtype._name)


def _check_mask(name: str, mask: Tensor) -> None:
    if mask._data.dtype != np.bool_:
        raise RuntimeError(f"{name} only supports boolean masks, but got mask with dtype {c_name(mask.dtype)}")


def _mask_filled(x: Array, value: Any, mask: Tensor) -> Array:
    try:
        filled = np.where(mask._data, np.asarray(value).astype(x.dtype), x)
    except ValueError as error:
        raise broadcast_error(error, x, mask._data) from None
    return filled


_masked_fill: Operator = operator(
    "masked_fill(self, *, mask, value)",
    node="MaskedFillBackward0",
    forward=lambda x, mask, value: _mask_filled(x, value, mask),
    gradients={"self": Rule(lambda grad, saved: _masked_fill(grad, saved.mask, 0), "0 where mask, else grad")},
)
_masked_fill_tensor = operator(
    "masked_fill(self, value, *, mask)",
    node="MaskedFillBackward1",
    forward=_mask_filled,
    gradients={
        "self": Rule(lambda grad, saved: _masked_fill(grad, saved.mask, 0), "0 where mask, else grad"),
        "value": Rule(lambda grad, saved: where(saved.mask, grad, zero_like(grad)).sum(), "Σ of grad where mask"),
    },
)


def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """``value`` where the mask is set."""
    _check_mask("masked_fill_", mask)
    if isinstance(value, Tensor):
        if value._data.ndim:
            raise RuntimeError(
                "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with "
                f"{value._data.ndim} dimension(s)."
            )
        return _masked_fill_tensor(input, value, mask)
    return _masked_fill(input, mask, value)


def masked_fill_(self: Tensor, mask: Tensor, value: Any) -> Tensor:
    _check_mask("masked_fill_", mask)
    if isinstance(value, Tensor):
        return _masked_fill_tensor.inplace(self, value, mask)
    return _masked_fill.inplace(self, mask, value)


def _mask_selected(x: Array, mask: Tensor) -> Array:
    shape = broadcast_shapes(mask._data.shape, x.shape)
    return np.broadcast_to(x, shape)[np.broadcast_to(mask._data, shape)]


def _masked_select_backward(grad: Tensor, sizes: Any, mask: Tensor) -> Tensor:
    """Source: ``masked_select_backward``: zeros of the broadcast shape, grad scattered in; the engine sums it."""
    shape = broadcast_shapes(sizes, mask._data.shape)
    return _masked_scatter(wrap(np.zeros(shape, grad._data.dtype)), grad, mask)


_masked_select = operator(
    "masked_select(self, *, mask)",
    node="MaskedSelectBackward0",
    forward=_mask_selected,
    gradients={
        "self": Rule(
            lambda grad, saved: _masked_select_backward(grad, saved.self_sym_sizes, saved.mask),
            "zeros with grad where mask",
        )
    },
)


def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where the mask is set, in one dimension."""
    if mask._data.dtype != np.bool_:
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    return _masked_select(input, mask)


def _mask_scattered(x: Array, source: Array, mask: Tensor) -> Array:
    shape = broadcast_shapes(x.shape, mask._data.shape)
    result = np.broadcast_to(x, shape).copy()
    chosen = np.broadcast_to(mask._data, shape)
    result[chosen] = source.reshape(-1)[: int(chosen.sum())]
    return result


def _masked_scatter_backward(grad: Tensor, mask: Tensor, sizes: Any) -> Tensor:
    """Source: ``masked_scatter_backward_symint``: what was taken, zeros for what was left."""
    from gradviz_engine.ops.joining import cat

    taken = masked_select(grad, mask)
    left = product(sizes) - taken._data.size
    if left > 0:
        taken = cat([taken, wrap(np.zeros(left, grad._data.dtype))])
    return taken.view(sizes)


_masked_scatter = operator(
    "masked_scatter(self, source, *, mask)",
    node="MaskedScatterBackward0",
    forward=_mask_scattered,
    gradients={
        "self": Rule(lambda grad, saved: _masked_fill(grad, saved.mask, 0), "0 where mask, else grad"),
        "source": Rule(
            lambda grad, saved: _masked_scatter_backward(grad, saved.mask, saved.source_sym_sizes), "grad where mask"
        ),
    },
)


def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """The elements of ``source``, one after the other, where the mask is set."""
    if input._data.dtype != source._data.dtype:
        raise RuntimeError(
            f"masked_scatter: expected self and source to have same dtypes but got {input.dtype._legacy_name} and "
            f"{source.dtype._legacy_name}"
        )
    _check_mask("masked_scatter_", mask)
    return _masked_scatter(input, source, mask)


def masked_scatter_(self: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    _check_mask("masked_scatter_", mask)
    return _masked_scatter.inplace(self, source, mask)


# Bounds -------------------------------------------------------------------------------------------------


def _clamped(x: Any, low: Any, high: Any) -> Any:
    """``min(max(x, low), high)``; nan in a bound gives nan, as ATen has it."""
    bounds = [b for b in (low, high) if b is not None]
    common = dtypes.result_type_of(x, *bounds)
    result = np.asarray(x, common)
    if low is not None:
        result = np.maximum(result, np.asarray(low).astype(common))
    return result if high is None else np.minimum(result, np.asarray(high).astype(common))


def _inside(x: Tensor, low: Any, high: Any) -> Tensor:
    if low is None:
        return x <= high
    if high is None:
        return x >= low
    return (x >= low).logical_and(x <= high)


_clamp_numbers = operator(
    "clamp(self, *, min, max)",
    node="ClampBackward1",
    forward=_clamped,
    gradients={
        "self": Rule(
            lambda grad, saved: where(_inside(saved.self, saved.min, saved.max), grad, zero_like(grad)),
            "grad where min ≤ self ≤ max, else 0",
        )
    },
)
_clamp = operator(
    "clamp(self, min, max)",
    node="ClampBackward0",
    forward=_clamped,
    gradients={
        "self": Rule(
            lambda grad, saved: where(_inside(saved.self, saved.min, saved.max), grad, zero_like(grad)),
            "grad where min ≤ self ≤ max, else 0",
        ),
        "min": Rule(
            lambda grad, saved: _clamp_low_backward(grad, saved.self, saved.min, saved.max),
            "grad where self < min < max, else 0",
        ),
        "max": Rule(
            lambda grad, saved: _clamp_high_backward(grad, saved.self, saved.min, saved.max),
            "grad where self > max, else grad where max < min, else 0",
        ),
    },
)


def _clamp_low_backward(grad: Tensor, x: Tensor, low: Tensor, high: Tensor | None) -> Tensor:
    """Source: ``clamp_backward_min_max``; where min >= max the result is max."""
    below = x < low if high is None else (x < low).logical_and(low < high)
    return where(below, grad, zero_like(grad))


def _clamp_high_backward(grad: Tensor, x: Tensor, low: Tensor | None, high: Tensor) -> Tensor:
    above = x > high if low is None else (x > high).logical_or(high < low)
    return where(above, grad, zero_like(grad))


def _clamp_call(min: Any, max: Any) -> tuple[Any, tuple[Any, ...]]:
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    tensors = isinstance(min, Tensor) or isinstance(max, Tensor)
    return (_clamp if tensors else _clamp_numbers), (min, max)


def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """Bring elements into ``[min, max]``; bounds are numbers or tensors."""
    op, bounds = _clamp_call(min, max)
    return op(input, *bounds)


def clamp_(self: Tensor, min: Any = None, max: Any = None) -> Tensor:
    op, bounds = _clamp_call(min, max)
    return op.inplace(self, *bounds)


clip, clip_ = clamp, clamp_


def _one_bound(name: str, node: str, key: str, inside: Any, outside: Any, function: Any) -> Any:
    """``clamp_min`` and ``clamp_max``, by a number and by a tensor."""
    to_self = Rule(
        lambda grad, saved: where(inside(saved.self, getattr(saved, key)), grad, zero_like(grad)),
        f"grad where self {'≥' if key == 'min' else '≤'} {key}, else 0",
        reads=("self", key),
    )
    to_bound = Rule(
        lambda grad, saved: where(outside(saved.self, getattr(saved, key)), grad, zero_like(grad)),
        f"grad where self {'<' if key == 'min' else '>'} {key}, else 0",
        reads=("self", key),
    )
    by_number = operator(
        f"{name}(self, *, {key})", node=f"{node}0", forward=promoting(function), gradients={"self": to_self}
    )
    by_tensor = operator(
        f"{name}(self, {key})", node=f"{node}1", forward=promoting(function), gradients={"self": to_self, key: to_bound}
    )

    def bound(input: Tensor, value: Any) -> Tensor:
        return (by_tensor if isinstance(value, Tensor) else by_number)(input, value)

    def bound_(self: Tensor, value: Any) -> Tensor:
        return (by_tensor if isinstance(value, Tensor) else by_number).inplace(self, value)

    return bound, bound_


_clamp_min, _clamp_min_ = _one_bound(
    "clamp_min", "ClampMinBackward", "min", lambda x, m: x >= m, lambda x, m: x < m, np.maximum
)
_clamp_max, _clamp_max_ = _one_bound(
    "clamp_max", "ClampMaxBackward", "max", lambda x, m: x <= m, lambda x, m: x > m, np.minimum
)


def clamp_min(input: Tensor, min: Any) -> Tensor:
    """At least ``min``."""
    return _clamp_min(input, min)


def clamp_min_(self: Tensor, min: Any) -> Tensor:
    return _clamp_min_(self, min)


def clamp_max(input: Tensor, max: Any) -> Tensor:
    """At most ``max``."""
    return _clamp_max(input, max)


def clamp_max_(self: Tensor, max: Any) -> Tensor:
    return _clamp_max_(self, max)


def _halved_ties(grad: Tensor, x: Tensor, other: Tensor, lost: Tensor) -> Tensor:
    """All to the winner, half to each of two equals."""
    return masked_fill_(where(x == other, div_scalar(grad, 2), grad), lost, 0)


_maximum = operator(
    "maximum(self, other)",
    node="MaximumBackward0",
    forward=promoting(np.maximum),
    gradients={
        "self": Rule(
            lambda grad, saved: _halved_ties(grad, saved.self, saved.other, saved.self < saved.other),
            "grad where self > other, else grad / 2 where self = other, else 0",
        ),
        "other": Rule(
            lambda grad, saved: _halved_ties(grad, saved.self, saved.other, saved.self > saved.other),
            "grad where other > self, else grad / 2 where other = self, else 0",
        ),
    },
)
_minimum = operator(
    "minimum(self, other)",
    node="MinimumBackward0",
    forward=promoting(np.minimum),
    gradients={
        "self": Rule(
            lambda grad, saved: _halved_ties(grad, saved.self, saved.other, saved.self > saved.other),
            "grad where self < other, else grad / 2 where self = other, else 0",
        ),
        "other": Rule(
            lambda grad, saved: _halved_ties(grad, saved.self, saved.other, saved.self < saved.other),
            "grad where other < self, else grad / 2 where other = self, else 0",
        ),
    },
)


def maximum(input: Tensor, other: Tensor) -> Tensor:
    """The larger of two, element by element; nan wins."""
    return _maximum(input, operand("maximum", other))


def minimum(input: Tensor, other: Tensor) -> Tensor:
    """The smaller of two, element by element; nan wins."""
    return _minimum(input, operand("minimum", other))


__all__ = [
    "clamp", "clamp_", "clamp_max", "clamp_max_", "clamp_min", "clamp_min_", "clip", "clip_", "masked_fill",
    "masked_scatter", "masked_select", "maximum", "minimum", "where",
]  # fmt: skip
METHODS = (*(name for name in __all__ if name != "where"), "masked_fill_", "masked_scatter_")
NAMED_METHODS = {"where": _where_method}
INPLACE = ()
