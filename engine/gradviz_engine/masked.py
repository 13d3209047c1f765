"""``torch.masked``: reductions and normalizations that leave masked-out elements aside.

Composed as torch/masked/_ops.py of PyTorch 2.13 composes them: masked-out elements become the reduction's
neutral number, and the ordinary operation does the rest.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine import linalg
from gradviz_engine.missing import missing_name
from gradviz_engine.nn import functional
from gradviz_engine.ops import binary, cumulative, elementary, extrema, masking, pointwise, reduction, sorting
from gradviz_engine.ops.shapes import reduced_dims
from gradviz_engine.tensor import Tensor, wrap

_NEUTRAL = {"sum": 0.0, "prod": 1.0, "amax": -np.inf, "amin": np.inf, "median": np.nan, "norm": 0.0}


def _full_mask(input: Tensor, mask: Tensor) -> Tensor:
    """The mask in the shape of ``input``, as booleans."""
    if mask._data.ndim > input._data.ndim:
        raise IndexError("_input_mask expected broadcastable mask (got mask dimensionality higher than of the input)")
    wide = np.broadcast_to(mask._data, input._data.shape)
    return wrap(np.array(wide, np.bool_))


def _filled(kind: str, input: Tensor, mask: Tensor | None) -> Tensor:
    """``input`` with the neutral number of ``kind`` where the mask is not set."""
    if mask is None:
        return input
    neutral = wrap(np.asarray(_NEUTRAL[kind], input._data.dtype))
    return masking.where(_full_mask(input, mask), input, neutral)


def _dims(input: Tensor, dim: Any) -> tuple[int, ...]:
    """The dimensions named, in order; all where none are."""
    return tuple(sorted(reduced_dims(dim, input._data.ndim)))


def _cast(result: Tensor, dtype: Any) -> Tensor:
    return result if dtype is None else result.to(dtype)


def _summing_dtype(input: Tensor, dtype: Any) -> Any:
    from gradviz_engine.dtypes import int64

    return dtype or (int64 if input._data.dtype.kind in "iub" else input.dtype)


def sum(
    input: Tensor, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Tensor | None = None
) -> Tensor:
    dims = _dims(input, dim)
    return reduction.sum(_filled("sum", input, mask), dims, keepdim, dtype=_summing_dtype(input, dtype))


def prod(
    input: Tensor, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Tensor | None = None
) -> Tensor:
    result = _cast(_filled("prod", input, mask), _summing_dtype(input, dtype))
    for d in reversed(_dims(input, dim)):
        result = reduction.prod(result, d, keepdim)
    return result


def cumsum(input: Tensor, dim: int, *, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    return _cast(cumulative.cumsum(_filled("sum", input, mask), _dims(input, dim)[0], dtype=dtype), dtype)


def cumprod(input: Tensor, dim: int, *, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    return _cast(cumulative.cumprod(_filled("prod", input, mask), _dims(input, dim)[0], dtype=dtype), dtype)


def amax(
    input: Tensor, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Tensor | None = None
) -> Tensor:
    return _cast(extrema.amax(_filled("amax", input, mask), _dims(input, dim), keepdim), dtype)


def amin(
    input: Tensor, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Tensor | None = None
) -> Tensor:
    return _cast(extrema.amin(_filled("amin", input, mask), _dims(input, dim), keepdim), dtype)


def _count(input: Tensor, dim: Any, keepdim: bool, mask: Tensor | None) -> Tensor:
    """How many elements take part in each result."""
    present = wrap(np.ones(input._data.shape, np.int64)) if mask is None else _full_mask(input, mask)
    return reduction.sum(present, _dims(input, dim), keepdim)


def mean(
    input: Tensor, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Tensor | None = None
) -> Tensor:
    total = sum(input, dim, keepdim=keepdim, dtype=dtype, mask=mask)
    return total / _count(input, dim, keepdim, mask)


def median(
    input: Tensor, dim: int = -1, *, keepdim: bool = False, dtype: Any = None, mask: Tensor | None = None
) -> Tensor:
    return sorting.nanmedian(_filled("median", input, mask), _dims(input, dim)[0], keepdim)[0]


def logsumexp(
    input: Tensor, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Tensor | None = None
) -> Tensor:
    return _cast(reduction.logsumexp(_filled("amax", input, mask), _dims(input, dim), keepdim), dtype)


def logaddexp(
    input: Tensor, other: Tensor, *, dtype: Any = None, input_mask: Tensor | None = None,
    other_mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    both = _filled("amax", input, input_mask), _filled("amax", other, other_mask)
    return _cast(binary.logaddexp(*both), dtype)


def norm(
    input: Tensor, ord: float = 2.0, dim: Any = None, *, keepdim: bool = False, dtype: Any = None,
    mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    kind = "amin" if ord == -np.inf else "norm"
    return linalg.vector_norm(_filled(kind, input, mask), ord, _dims(input, dim), keepdim, dtype=dtype)


def var(
    input: Tensor, dim: Any = None, unbiased: bool | None = None, *, correction: float | None = None,
    keepdim: bool = False, dtype: Any = None, mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    freedom = (1.0 if unbiased in (None, True) else 0.0) if correction is None else float(correction)
    average = sum(input, dim, keepdim=True, dtype=dtype, mask=mask) / _count(input, dim, True, mask)
    centred = pointwise.sub(input, average)
    total = sum(centred * centred.conj(), dim, keepdim=keepdim, dtype=dtype, mask=mask)
    count = _count(input, dim, True, mask).reshape(total._data.shape)
    if freedom:
        count = masking.maximum(count.to(total.dtype) - freedom, wrap(np.zeros((), total._data.dtype)))
    return _cast(total / count, dtype)


def std(
    input: Tensor, dim: Any = None, unbiased: bool | None = None, *, correction: float | None = None,
    keepdim: bool = False, dtype: Any = None, mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    return elementary.sqrt(var(input, dim, unbiased, correction=correction, keepdim=keepdim, dtype=dtype, mask=mask))


def softmax(input: Tensor, dim: int, *, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    return functional.softmax(_filled("amax", input, mask), _dims(input, dim)[0], dtype=dtype or input.dtype)


def log_softmax(input: Tensor, dim: int, *, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    return functional.log_softmax(_filled("amax", input, mask), _dims(input, dim)[0], dtype=dtype or input.dtype)


def softmin(input: Tensor, dim: int, *, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    return functional.softmin(_filled("amin", input, mask), _dims(input, dim)[0], dtype=dtype or input.dtype)


def normalize(
    input: Tensor, ord: float, dim: int, *, eps: float = 1e-12, dtype: Any = None, mask: Tensor | None = None
) -> Tensor:
    size = norm(input, ord, dim, keepdim=True, dtype=dtype, mask=mask)
    least = wrap(np.asarray(eps, size._data.dtype))
    return _filled("sum", input, mask) / masking.maximum(size, least)


__all__ = [
    "amax", "amin", "cumprod", "cumsum", "log_softmax", "logaddexp", "logsumexp", "mean", "median", "norm", "normalize",
    "prod", "softmax", "softmin", "std", "sum", "var",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    raise missing_name("torch.masked", name)
