"""Rows of a table: ``embedding``, sums of rows: ``embedding_bag``, and ``one_hot``.

Sources: tools/autograd/derivatives.yaml, aten/src/ATen/native/Embedding.cpp, EmbeddingBag.cpp and
torch/nn/functional.py of PyTorch 2.13.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine import dtypes
from gradviz_engine.autograd.grad_mode import no_grad
from gradviz_engine.missing import missing_name
from gradviz_engine.ops.elementwise import Array
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.tensor import Tensor, wrap

_NO_PADDING = 2**64 - 1
"""What ``grad_fn._saved_padding_idx`` shows where there is none: -1 as an unsigned number."""


def _lookup(table: Array, indices: Array, padding_idx: int, scale_grad_by_freq: bool, sparse: bool) -> Array:
    if indices.size and (indices.min() < 0 or indices.max() >= table.shape[0]):
        raise IndexError("index out of range in self")
    return table.take(indices, axis=0)


def _summed_rows(g: Array, indices: Array, rows: int, padding_idx: int, by_frequency: bool) -> Array:
    """The gradients (..., width) added to the rows they belong to: sorted, then summed run by run."""
    flat, g = indices.ravel(), g.reshape(indices.size, -1)
    result = np.zeros((rows, g.shape[1]), g.dtype)
    order = np.argsort(flat, kind="stable")
    order = order[flat[order] != padding_idx]
    if order.size == 0:
        return result
    sorted_rows = flat[order]
    starts = np.flatnonzero(np.concatenate(([True], sorted_rows[1:] != sorted_rows[:-1])))
    sums = np.add.reduceat(g[order], starts, axis=0)
    if by_frequency:
        counts = np.diff(np.append(starts, sorted_rows.size))
        sums /= counts[:, None].astype(g.dtype)
    result[sorted_rows[starts]] = sums
    return result


def _double_backward(grad: Tensor, saved: Any) -> Tensor:
    """Embedding.cpp, ``embedding_dense_double_backward_symint``."""
    result = grad.index_select(0, saved.indices.reshape(-1))
    if saved.padding_idx != _NO_PADDING:
        result = result.masked_fill((saved.indices == saved.padding_idx).reshape(-1, 1), 0)
    return result.view(*saved.indices.shape, grad.shape[-1])


_embedding_backward = operator(
    "embedding_dense_backward(grad_output, indices, *, num_weights, padding_idx, scale_grad_by_freq)",
    node="EmbeddingDenseBackwardBackward0",
    forward=_summed_rows,
    gradients={"grad_output": Rule(_double_backward, "grad[indices]", ("indices", "padding_idx"))},
)
_embedding = operator(
    "embedding(weight, indices, *, padding_idx, scale_grad_by_freq, sparse)",
    node="EmbeddingBackward0",
    forward=_lookup,
    gradients={
        "weight": Rule(
            lambda grad, saved: _embedding_backward(
                grad, saved.indices, saved.weight_sym_argsize_0, saved.padding_idx, saved.scale_grad_by_freq
            ),
            "zeros with grad added to the rows in indices",
            ("indices", "weight_sym_argsize_0", "padding_idx", "scale_grad_by_freq", "sparse"),
        )
    },
)


def _wrapped_padding(weight: Tensor, padding_idx: int | None) -> int:
    rows = weight.shape[0]
    if padding_idx is None:
        return _NO_PADDING
    if not -rows <= padding_idx < rows:
        raise AssertionError("Padding_idx must be within num_embeddings")
    return padding_idx % rows


def _renormalize(weight: Tensor, indices: Tensor, max_norm: float, norm_type: float) -> None:
    """Scale down, in place, the rows in use whose norm is larger (``embedding_renorm_``)."""
    rows = np.unique(indices._data)
    norms = np.linalg.norm(weight._data[rows], norm_type, axis=1)
    too_long = norms > max_norm
    if too_long.any():
        with no_grad():
            chosen = rows[too_long]
            scale = (max_norm / (norms[too_long] + 1e-7)).astype(weight._data.dtype)
            weight[wrap(chosen)] = wrap(weight._data[chosen] * scale[:, None])


def _check_indices(indices: Tensor, name: str) -> None:
    if indices.dtype not in (dtypes.int64, dtypes.int32):
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got "
            f"{indices.type()} instead (while checking arguments for {name})"
        )


@composite
def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """The rows of ``weight`` (rows, width) that ``input`` names; row ``padding_idx`` gets no gradient."""
    if sparse:
        raise missing_name("torch.nn.functional", "embedding(sparse=True)")
    padding = _wrapped_padding(weight, padding_idx)
    _check_indices(input, "embedding")
    if weight.ndim != 2:
        raise RuntimeError("'weight' must be 2-D")
    if max_norm is not None:
        _renormalize(weight, input, max_norm, norm_type)
    result: Tensor = _embedding(weight, input, padding, scale_grad_by_freq, sparse)
    return result


# Bags -----------------------------------------------------------------------------------------------------


def _bags(indices: Array, offsets: Array) -> Array:
    """Which bag each index is in."""
    return np.searchsorted(offsets, np.arange(indices.size), side="right") - 1


def _bag_forward(
    table: Array,
    weights: Array | None,
    indices: Array,
    offsets: Array,
    mode: str,
    padding_idx: int,
    by_frequency: bool,
) -> tuple[Array, Array, Array]:
    """Each bag's sum, mean or maximum; its size without padding; for the maximum, which row it came from."""
    if indices.size and (indices.min() < 0 or indices.max() >= table.shape[0]):
        raise IndexError("index out of range in self")
    bags = _bags(indices, offsets)
    kept = indices != padding_idx
    rows, bags = indices[kept], bags[kept]
    count = np.bincount(bags, minlength=offsets.size)
    values = table[rows]
    result = np.zeros((offsets.size, table.shape[1]), table.dtype)
    chosen = np.full(result.shape, -1, np.int64)
    if mode == "max":
        for place in range(rows.size):
            bag = bags[place]
            better = (values[place] > result[bag]) | (chosen[bag] < 0)
            result[bag] = np.where(better, values[place], result[bag])
            chosen[bag] = np.where(better, rows[place], chosen[bag])
        return result, count, chosen
    if weights is not None:
        values = values * weights[kept][:, None]
    starts = np.flatnonzero(np.concatenate(([True], bags[1:] != bags[:-1]))) if bags.size else bags
    if bags.size:
        result[bags[starts]] = np.add.reduceat(values, starts, axis=0)
    if mode == "mean":
        result /= np.maximum(count, 1)[:, None].astype(table.dtype)
    return result, count, chosen


def _bag_backward(
    g: Array,
    weights: Array | None,
    indices: Array,
    offsets: Array,
    size: Array,
    chosen: Array,
    rows: int,
    mode: str,
    padding_idx: int,
    by_frequency: bool,
) -> Array:
    if mode == "max":
        result = np.zeros((rows, g.shape[1]), g.dtype)
        bag, column = np.nonzero(chosen >= 0)
        np.add.at(result, (chosen[bag, column], column), g[bag, column])
        return result
    bags = _bags(indices, offsets)
    each = g[bags]
    if mode == "mean":
        each = each / np.maximum(size, 1)[bags][:, None].astype(g.dtype)
    if weights is not None:
        each = each * weights[:, None]
    return _summed_rows(each, indices, rows, padding_idx, by_frequency)


def _per_sample_gradient(grad: Tensor, saved: Any) -> Tensor:
    """Each index's weight gets the product of its row with its bag's gradient."""
    bags = wrap(_bags(saved.indices._data, saved.offsets._data))
    result = (grad.index_select(0, bags) * saved.weight.index_select(0, saved.indices)).sum(-1)
    return result.masked_fill(saved.indices == saved.padding_idx, 0)


_embedding_bag_backward = operator(
    "_embedding_bag_dense_backward(grad, per_sample_weights, indices, offsets, bag_size, maximum_indices, *, "
    "num_weights, mode, padding_idx, scale_grad_by_freq)",
    forward=_bag_backward,
)
_embedding_bag = operator(
    "embedding_bag(weight, per_sample_weights, indices, offsets, *, mode, padding_idx, scale_grad_by_freq)"
    " -> result0; result1, result2",
    node="EmbeddingBagBackward0",
    forward=_bag_forward,
    gradients={
        "weight": Rule(
            lambda grad, saved: _embedding_bag_backward(
                grad,
                saved.per_sample_weights,
                saved.indices,
                saved.offsets,
                saved.result1,
                saved.result2,
                saved.weight_sym_sizes[0],
                saved.mode,
                saved.padding_idx,
                saved.scale_grad_by_freq,
            ),
            "zeros with each bag's grad added to its rows",
        ),
        "per_sample_weights": Rule(_per_sample_gradient, "row · grad of its bag"),
    },
)


@composite
def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """The sum, mean or maximum of each bag's rows: bags are the rows of ``input``, or begin at ``offsets``."""
    if sparse:
        raise missing_name("torch.nn.functional", "embedding_bag(sparse=True)")
    if per_sample_weights is not None and input.shape != per_sample_weights.shape:
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({list(per_sample_weights.shape)}) is not None, then it must have "
            f"the same shape as the input ({list(input.shape)})"
        )
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for mode='sum' (got "
            f"mode='{mode}'). Please open a feature request on GitHub."
        )
    input, offsets = _flat_bags(input, offsets)
    if per_sample_weights is not None and per_sample_weights.ndim == 2:
        per_sample_weights = per_sample_weights.reshape(-1)
    if include_last_offset:
        offsets = offsets[:-1]
    if max_norm is not None:
        _renormalize(weight, input, max_norm, norm_type)
    padding = -1 if padding_idx is None else _wrapped_padding(weight, padding_idx)
    result: Tensor = _embedding_bag(weight, per_sample_weights, input, offsets, mode, padding, scale_grad_by_freq)[0]
    return result


def _flat_bags(input: Tensor, offsets: Tensor | None) -> tuple[Tensor, Tensor]:
    """The indices in a row, and where each bag begins."""
    if input.ndim == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed length "
                f"sequences. However, found offsets of type {type(offsets)}"
            )
        rows, width = input.shape
        starts = np.arange(rows, dtype=np.int64) * width
        return input.reshape(-1), wrap(starts)
    if input.ndim != 1:
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}")
    if offsets is None:
        raise ValueError("offsets has to be a 1D Tensor but got None")
    if offsets.ndim != 1:
        raise ValueError("offsets has to be a 1D Tensor")
    return input, offsets


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """A last dimension that is 1 at the class and 0 elsewhere."""
    classes = tensor._data
    if classes.dtype != np.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if classes.size == 0 and num_classes <= 0:
        raise RuntimeError("Can not infer total number of classes from empty tensor.")
    if classes.size and classes.min() < 0:
        raise RuntimeError("Class values must be non-negative.")
    if num_classes == -1:
        num_classes = int(classes.max()) + 1
    elif classes.size and classes.max() >= num_classes:
        raise RuntimeError("Class values must be smaller than num_classes.")
    return wrap((classes[..., None] == np.arange(num_classes)).astype(np.int64, order="C"))  # dense, of a view too


__all__: list[str] = []
METHODS: tuple[str, ...] = ()
INPLACE: tuple[str, ...] = ()
