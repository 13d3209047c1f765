"""``multi_head_attention_forward``: projections, heads, attention, and the projection of the result.

The order of views is PyTorch's, since the graph shows it.
Source: torch/nn/functional.py of PyTorch 2.13.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from gradviz_engine.ops.attention import scaled_dot_product_attention
from gradviz_engine.ops.dropout import dropout
from gradviz_engine.ops.joining import cat
from gradviz_engine.ops.linear import linear
from gradviz_engine.ops.padding import pad
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.softmax import softmax
from gradviz_engine.tensor import Tensor, wrap


def canonical_mask(
    mask: Tensor | None, name: str, other: Tensor | None, other_name: str, target: Tensor
) -> Tensor | None:
    """A boolean mask, True for places to leave out, as 0 and -inf of the target's dtype."""
    if mask is None:
        return None
    if mask._data.dtype.kind not in "bf":
        raise AssertionError(f"only bool and floating types of {name} are supported")
    if other is not None and other.dtype is not mask.dtype:
        warnings.warn(
            f"Support for mismatched {name} and {other_name} is deprecated. Use same type for both instead.",
            stacklevel=3,
        )
    if mask.is_floating_point():
        return mask
    zero, hidden = (target._data.dtype.type(v) for v in (0, -np.inf))
    return wrap(np.where(mask._data, hidden, zero))


def _check_shapes(
    query: Tensor, key: Tensor, value: Tensor, padding: Tensor | None, mask: Tensor | None, heads: int
) -> bool:
    """Whether there is a batch dimension; AssertionError where the ranks do not fit together."""
    if query.dim() not in (2, 3):
        raise AssertionError(
            f"query should be unbatched 2D or batched 3D tensor but received {query.dim()}-D query tensor"
        )
    rank = query.dim()
    kind = f"For {'batched (3-D)' if rank == 3 else 'unbatched (2-D)'} `query`, expected"
    if key.dim() != rank or value.dim() != rank:
        raise AssertionError(
            f"{kind} `key` and `value` to be {rank}-D but found {key.dim()}-D and {value.dim()}-D tensors respectively"
        )
    if padding is not None and padding.dim() != rank - 1:
        raise AssertionError(
            f"{kind} `key_padding_mask` to be `None` or {rank - 1}-D but found {padding.dim()}-D tensor instead"
        )
    if mask is not None and mask.dim() not in (2, 3):
        raise AssertionError(f"{kind} `attn_mask` to be `None`, 2-D or 3-D but found {mask.dim()}-D tensor instead")
    if rank == 2 and mask is not None and mask.dim() == 3:
        expected = (heads, query.shape[0], key.shape[0])
        if tuple(mask.shape) != expected:
            raise AssertionError(f"Expected `attn_mask` shape to be {expected} but got {mask.shape}")
    return rank == 3


def _parts(projected: Tensor, count: int, width: int) -> Tensor:
    """(L, N, count · width) as (count, L, N, width) in memory of its own."""
    split = projected.unflatten(-1, (count, width)).unsqueeze(0).transpose(0, -2)
    return split.squeeze(-2).contiguous()


def _projected(q: Tensor, k: Tensor, v: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """One product where query, key and value are one tensor, two where key and value are, else three."""
    width = q.size(-1)
    if k is v and q is k:
        parts = _parts(linear(q, weight, bias), 3, width)
        return parts[0], parts[1], parts[2]
    if k is v:
        w_q, w_kv = weight.split([width, width * 2])
        b_q, b_kv = (None, None) if bias is None else bias.split([width, width * 2])
        query = linear(q, w_q, b_q)
        parts = _parts(linear(k, w_kv, b_kv), 2, width)
        return query, parts[0], parts[1]
    weights = weight.chunk(3)
    biases = (None, None, None) if bias is None else bias.chunk(3)
    return linear(q, weights[0], biases[0]), linear(k, weights[1], biases[1]), linear(v, weights[2], biases[2])


def _shaped_mask(mask: Tensor | None, batch_heads: int, target: int, source: int) -> Tensor | None:
    if mask is None:
        return None
    if mask.dim() == 2:
        if tuple(mask.shape) != (target, source):
            raise RuntimeError(f"The shape of the 2D attn_mask is {mask.shape}, but should be {(target, source)}.")
        return mask.unsqueeze(0)
    if tuple(mask.shape) != (batch_heads, target, source):
        raise RuntimeError(
            f"The shape of the 3D attn_mask is {mask.shape}, but should be {(batch_heads, target, source)}."
        )
    return mask


def _with_padding(mask: Tensor | None, padding: Tensor | None, batch: int, heads: int, source: int) -> Tensor | None:
    """The attention mask with the masked keys of each sequence added."""
    if padding is None:
        return mask
    wide = padding.view(batch, 1, 1, source).expand(-1, heads, -1, -1).reshape(batch * heads, 1, source)
    return wide if mask is None else mask + wide


def _weighted(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, dropout_p: float) -> tuple[Tensor, Tensor]:
    """Attention with its weights; q, k, v are (N · heads, L, head width)."""
    scaled = q * math.sqrt(1.0 / float(q.shape[-1]))
    keys = k.transpose(-2, -1)
    weights = scaled.bmm(keys) if mask is None else mask.baddbmm(scaled, keys)
    weights = softmax(weights, dim=-1)
    if dropout_p > 0.0:
        weights = dropout(weights, p=dropout_p)
    return weights.bmm(v), weights


@composite
def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """query (L, N, E), key and value (S, N, E): the result (L, N, E) and, if wanted, the weights (N, L, S)."""
    is_batched = _check_shapes(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not is_batched:
        query, key, value = query.unsqueeze(1), key.unsqueeze(1), value.unsqueeze(1)
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    target, batch, width = query.shape
    if is_causal and attn_mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. You may use the Transformer module method "
            "`generate_square_subsequent_mask` to create this mask."
        )
    padding = canonical_mask(key_padding_mask, "key_padding_mask", attn_mask, "attn_mask", query)
    if is_causal and padding is None and not need_weights:
        mask = None
    else:
        mask = canonical_mask(attn_mask, "attn_mask", None, "", query)
        is_causal = is_causal and padding is None
    if width != embed_dim_to_check:
        raise AssertionError(f"was expecting embedding dimension of {embed_dim_to_check}, but got {width}")
    head = width // num_heads
    if head * num_heads != width:
        raise AssertionError(f"embed_dim {width} not divisible by num_heads {num_heads}")
    if use_separate_proj_weight:
        biases = (None, None, None) if in_proj_bias is None else in_proj_bias.chunk(3)
        weights_in: Any = (q_proj_weight, k_proj_weight, v_proj_weight)
        q, k, v = (linear(x, w, b) for x, w, b in zip((query, key, value), weights_in, biases, strict=True))
    else:
        if key.shape != value.shape:
            raise AssertionError(f"key shape {key.shape} does not match value shape {value.shape}")
        assert in_proj_weight is not None
        q, k, v = _projected(query, key, value, in_proj_weight, in_proj_bias)
    mask = _shaped_mask(mask, batch * num_heads, target, key.shape[0])
    if bias_k is not None and bias_v is not None:
        k, v = cat([k, bias_k.repeat(1, batch, 1)]), cat([v, bias_v.repeat(1, batch, 1)])
        mask, padding = (None if m is None else pad(m, (0, 1)) for m in (mask, padding))
    q = q.view(target, batch * num_heads, head).transpose(0, 1)
    k = k.view(k.shape[0], batch * num_heads, head).transpose(0, 1) if static_k is None else static_k
    v = v.view(v.shape[0], batch * num_heads, head).transpose(0, 1) if static_v is None else static_v
    if add_zero_attn:
        zeros = wrap(np.zeros((batch * num_heads, 1, head), k._data.dtype))
        k, v = cat([k, zeros], dim=1), cat([v, zeros], dim=1)
        mask, padding = (None if m is None else pad(m, (0, 1)) for m in (mask, padding))
    source = k.size(1)
    mask = _with_padding(mask, padding, batch, num_heads, source)
    dropout_p = dropout_p if training else 0.0
    weights: Tensor | None = None
    if need_weights:
        output, weights = _weighted(q, k, v, mask, dropout_p)
        output = output.transpose(0, 1).reshape(target * batch, width)
    else:
        if mask is not None:
            one = mask.size(0) == 1 and mask.dim() == 3
            mask = mask.unsqueeze(0) if one else mask.view(batch, num_heads, -1, source)
        q = q.view(batch, num_heads, target, head)
        k, v = k.view(batch, num_heads, source, head), v.view(batch, num_heads, source, head)
        output = scaled_dot_product_attention(q, k, v, mask, dropout_p, is_causal)
        output = output.permute(2, 0, 1, 3).reshape(batch * target, width)
    output = linear(output, out_proj_weight, out_proj_bias)
    output = output.view(target, batch, output.size(1))
    if weights is not None:
        weights = weights.view(batch, num_heads, target, source)
        if average_attn_weights:
            weights = weights.mean(dim=1)
    if not is_batched:
        return output.squeeze(1), None if weights is None else weights.squeeze(0)
    return output, weights
