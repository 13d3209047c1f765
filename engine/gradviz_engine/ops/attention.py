"""Scaled dot product attention: one fused node where PyTorch's CPU kernel applies, the written-out formula elsewhere.

The fused operator keeps each row's logarithm of the sum of exponentials, from which its derivative makes the
attention weights again. As in PyTorch it cannot be differentiated twice; ``sdpa_kernel(SDPBackend.MATH)`` can.
Sources: aten/src/ATen/native/transformers/attention.cpp, sdp_utils_cpp.cpp and cpu/FlashAttentionKernel.cpp of
PyTorch 2.13.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradviz_engine.autograd.grad_mode import mode
from gradviz_engine.ops.dropout import dropout
from gradviz_engine.ops.elementwise import Array
from gradviz_engine.ops.matmul import matmul
from gradviz_engine.ops.pointwise import mul_scalar
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.shapes import as_list, wrap_dim
from gradviz_engine.ops.softmax import safe_softmax
from gradviz_engine.tensor import Tensor, wrap


class Backends:
    """Which implementations may be chosen; ``torch.nn.attention.sdpa_kernel`` changes it."""

    fused: bool = True
    math: bool = True


# The fused operator -----------------------------------------------------------------------------------------


def _scores(q: Array, k: Array, is_causal: bool, mask: Array | None, scale: float) -> Array:
    """scale · q @ kᵀ plus the mask; fewer key heads than query heads serve several each."""
    scores = np.matmul(_scaled_query(q, scale), _for_heads(k, q).swapaxes(-1, -2))
    if is_causal:
        scores += _causal(q.shape[-2], k.shape[-2], q.dtype)
    if mask is not None:
        scores += mask
    return scores


def _scaled_query(q: Array, scale: float) -> Array:
    return q * q.dtype.type(scale)


def _causal(queries: int, keys: int, dtype: Any) -> Array:
    """-inf above the diagonal, 0 elsewhere."""
    return np.triu(np.full((queries, keys), -np.inf, dtype), 1)


def _for_heads(k: Array, q: Array) -> Array:
    return k if k.shape[1] == q.shape[1] else np.repeat(k, q.shape[1] // k.shape[1], axis=1)


def _forward(
    q: Array, k: Array, v: Array, mask: Array | None, is_causal: bool, scale: float | None
) -> tuple[Array, Array]:
    """q (N, H, L, E), k and v (N, H, S, E): the output, laid out in memory like q, and the log sums (N, H, L)."""
    scores = _scores(q, k, is_causal, mask, _scale_of(q.shape[-1], scale))
    top = scores.max(axis=-1, keepdims=True)
    top[top == -np.inf] = 0  # a row of nothing but masked places has weights 0, not nan
    scores -= top
    np.exp(scores, out=scores)
    total = scores.sum(axis=-1, keepdims=True)
    logarithm = top + np.log(total)
    scores /= np.where(total == 0, total.dtype.type(1), total)
    result = np.matmul(scores, _for_heads(v, q), out=np.empty_like(q))
    return result, logarithm[..., 0]


def _backward(
    g: Array,
    q: Array,
    k: Array,
    v: Array,
    out: Array,
    logsumexp: Array,
    mask: Array | None,
    is_causal: bool,
    scale: float | None,
) -> tuple[Array, Array, Array]:
    """With weights p: by v, pᵀ @ g; by the scores, s = p · (g @ vᵀ - Σ g · out); by q, s @ k; by k, sᵀ @ q."""
    factor = _scale_of(q.shape[-1], scale)
    keys, values = _for_heads(k, q), _for_heads(v, q)
    weights = _scores(q, k, is_causal, mask, factor)
    weights -= np.where(logsumexp == -np.inf, 0, logsumexp)[..., None].astype(q.dtype, copy=False)
    np.exp(weights, out=weights)
    by_value = np.matmul(weights.swapaxes(-1, -2), g)
    by_scores = np.matmul(g, values.swapaxes(-1, -2))
    by_scores -= (g * out).sum(axis=-1, keepdims=True)
    by_scores *= weights
    by_scores *= q.dtype.type(factor)
    by_query = np.matmul(by_scores, keys)
    by_key = np.matmul(by_scores.swapaxes(-1, -2), q)
    return by_query, _to_heads(by_key, k), _to_heads(by_value, v)


def _to_heads(g: Array, like: Array) -> Array:
    """Sum over the query heads that a key head serves."""
    if g.shape[1] == like.shape[1]:
        return g
    n, heads, length, width = g.shape
    return g.reshape(n, like.shape[1], heads // like.shape[1], length, width).sum(axis=2)


def _scale_of(width: int, scale: float | None) -> float:
    return 1 / math.sqrt(width) if scale is None else scale


def _no_second_derivative(grads: Any, saved: Any, needed: Any) -> Any:
    raise RuntimeError("derivative for aten::_scaled_dot_product_flash_attention_for_cpu_backward is not implemented")


_attention_backward = operator(
    "_scaled_dot_product_flash_attention_for_cpu_backward(grad_out, query, key, value, out, logsumexp, attn_mask, *, "
    "is_causal, scale) -> result0, result1, result2",
    node="NotImplemented",
    forward=_backward,
    gradients={("grad_out", "query", "key", "value", "out"): Rule(_no_second_derivative, "not implemented", ())},
)
_attention = operator(
    "_scaled_dot_product_flash_attention_for_cpu(query, key, value, attn_mask, *, is_causal, scale)"
    " -> output; logsumexp",
    node="ScaledDotProductFlashAttentionForCpuBackward0",
    forward=_forward,
    gradients={
        ("query", "key", "value"): Rule(
            lambda grad, saved, needed: _attention_backward(
                grad,
                saved.query,
                saved.key,
                saved.value,
                saved.output,
                saved.logsumexp,
                saved.attn_mask,
                saved.is_causal,
                saved.scale,
            ),
            "s @ key, s = p · (grad @ valueᵀ - Σ grad · output) · scale, p the weights; "
            "sᵀ @ query, s = p · (grad @ valueᵀ - Σ grad · output) · scale, p the weights; pᵀ @ grad, p the weights",
        )
    },
)

# The choice, and the formula -------------------------------------------------------------------------------


def _fits_fused(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, dropout_p: float, gqa: bool) -> bool:
    """sdp_utils_cpp.cpp, ``use_flash_attention_cpp``."""
    if not Backends.fused or dropout_p > 0 or not query.ndim == key.ndim == value.ndim == 4:
        return False
    n, heads, _, width = query.shape
    same_heads = key.shape[1] == value.shape[1] and (key.shape[1] == heads or (gqa and heads % key.shape[1] == 0))
    if key.shape[0] != n or value.shape[0] != n or not same_heads:
        return False
    if key.shape[3] != width or value.shape[3] != width or 0 in (query.shape[2], key.shape[2]):
        return False
    if any(t._data.strides[-1] != t._data.itemsize and t.shape[-1] > 1 for t in (query, key, value)):
        return False
    if mask is None:
        return True
    if mask.requires_grad and mode.enabled:
        return False
    wanted = (n, heads, query.shape[2], key.shape[2])
    sizes = tuple(mask.shape)
    return len(sizes) in (2, 4) and all(s in (1, w) for s, w in zip(sizes[::-1], wanted[::-1], strict=False))


def _check(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> None:
    names = [t.dtype._name.replace("float64", "double").replace("float32", "float") for t in (query, key, value)]
    if len(set(names)) > 1:
        raise RuntimeError(
            f"Expected query, key, and value to have the same dtype, but got query.dtype: {names[0]} key.dtype: "
            f"{names[1]} and value.dtype: {names[2]} instead."
        )
    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise RuntimeError(
            "Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: "
            f"{query.ndim}, key.dim: {key.ndim} and value.dim: {value.ndim} instead."
        )
    if mask is not None and mask._data.dtype.kind != "b" and mask.dtype is not query.dtype:
        raise RuntimeError(
            "Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: "
            f"{mask.dtype._name} and  query.dtype: {names[0]} instead."
        )


def _as_numbers(mask: Tensor | None, query: Tensor) -> Tensor | None:
    """A boolean mask, True for places that count, as 0 and -inf."""
    if mask is None or mask._data.dtype.kind != "b":
        return mask
    zero, hidden = (query._data.dtype.type(v) for v in (0, -np.inf))
    return wrap(np.where(mask._data, zero, hidden))


@composite
def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """``softmax(query @ keyᵀ · scale + mask) @ value``: query (..., L, E), key (..., S, E), value (..., S, Ev)."""
    _check(query, key, value, attn_mask)
    mask = _as_numbers(attn_mask, query)
    if _fits_fused(query, key, value, mask, dropout_p, enable_gqa):
        result: Tensor = _attention(query, key, value, mask, is_causal, scale)[0]
        return result
    if not Backends.math:
        raise RuntimeError("No viable backend for scaled_dot_product_attention was found. ")
    return _written_out(query, key, value, mask, dropout_p, is_causal, scale, enable_gqa)


def _written_out(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    dropout_p: float,
    is_causal: bool,
    scale: float | None,
    gqa: bool,
) -> Tensor:
    """attention.cpp, ``_scaled_dot_product_attention_math``: both operands carry the root of the scale."""
    if is_causal:
        if mask is not None:
            raise RuntimeError(
                "_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True"
            )
        mask = wrap(_causal(query.shape[-2], key.shape[-2], query._data.dtype))
    factor = _scale_of(query.shape[-1], scale)
    root = math.sqrt(abs(factor))
    scaled = mul_scalar(query, -root if factor < 0 else root)
    if gqa and query.shape[-3] != key.shape[-3]:
        if query.shape[-3] % key.shape[-3]:
            raise RuntimeError(
                "Number of heads in key and value must divide the number of heads in query: "
                f"{as_list(query.shape)} and {as_list(key.shape)}"
            )
        times = query.shape[-3] // key.shape[-3]
        key, value = (t.repeat_interleave(times, wrap_dim(-3, t.ndim)) for t in (key, value))
    weights = matmul(scaled, mul_scalar(key.transpose(-2, -1), root))
    if mask is not None:
        weights = weights + mask
    weights = safe_softmax(weights, weights.ndim - 1)
    if dropout_p > 0:
        weights = dropout(weights, dropout_p, True)
    return matmul(weights, value)


__all__: list[str] = []
METHODS: tuple[str, ...] = ()
INPLACE: tuple[str, ...] = ()
