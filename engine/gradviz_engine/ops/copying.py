"""Copies and aliases: clone, copy_, detach, and the strided views the engine needs for in-place history."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine.autograd.node import Node, edge_of, next_sequence
from gradviz_engine.autograd.saved import version_counter
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.ops.reporting import report_op
from gradviz_engine.tensor import Tensor, wrap

_clone = operator(
    "clone(self)",
    node="CloneBackward0",
    forward=lambda x: x.copy(order="K"),
    gradients={"self": Rule(lambda grad, saved: grad, "grad")},
)

_copied = operator(
    "copied(self)",
    node="CopyBackwards",
    forward=np.copy,
    gradients={"self": Rule(lambda grad, saved: grad, "grad")},
)

_copy = operator(
    "copy(self, src)",
    node="CopyBackwards",
    forward=lambda x, src: np.broadcast_to(src, x.shape).astype(x.dtype),
    gradients={
        "self": Rule(lambda grad, saved: zeros_like(grad), "0"),
        "src": Rule(lambda grad, saved: grad, "grad"),
    },
)


def clone(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """A copy with memory of its own, in the graph."""
    result: Tensor = _clone(input)
    return result


def copied(tensor: Tensor) -> Tensor:
    """The copy AccumulateGrad makes under ``create_graph`` (CopyBackwards)."""
    result: Tensor = _copied(tensor)
    return result


def copy_(self: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Write ``src``, broadcast and cast, into this tensor."""
    return _copy.inplace(self, src if isinstance(src, Tensor) else wrap(np.asarray(src)))


def detach(input: Tensor) -> Tensor:
    """The same memory outside the graph; in-place changes are counted on both."""
    alias = input._alias(version_counter(input))
    report_op("detach", None, (input,), (alias,))
    return alias


def zeros_like(tensor: Tensor) -> Tensor:
    return wrap(np.zeros_like(tensor._data))


def as_strided(tensor: Tensor, shape: Any, strides: Any, offset: int) -> Tensor:
    """A view of the tensor's own memory under another geometry, in elements; no history."""
    return wrap(_strided(tensor._data, shape, strides, offset))


def _strided(array: Any, shape: Any, strides: Any, offset: int) -> Any:
    flat = np.lib.stride_tricks.as_strided(array, (array.size + 0,), (array.itemsize,)) if array.size else array
    return np.lib.stride_tricks.as_strided(flat[offset:], shape, [s * array.itemsize for s in strides])


def new_strided_copy(tensor: Tensor, strides: Any) -> Tensor:
    """A dense copy laid out like a base with these strides."""
    order = np.argsort([-s for s in strides], kind="stable")
    copy = np.empty(tuple(tensor._data.shape[i] for i in order), tensor._data.dtype)
    copy = copy.transpose(np.argsort(order)) if len(order) else copy
    copy[...] = tensor._data
    return wrap(copy)


def as_strided_node(base: Tensor, view: Tensor) -> Node:
    """AsStridedBackward0 of ``base`` for a view whose history is out of date."""
    node = AsStrided(base, view)
    return node


class _AsStridedNode(Node):
    """The gradient of a strided view: zeros of the base's shape with the view's part filled in."""

    def __init__(self, base: Tensor, view: Tensor) -> None:
        self.edges = (edge_of(base),)
        self.meta = ((view._data.shape, view._data.dtype),)
        self.sequence = next_sequence()
        self.base = (base._data.shape, base._data.dtype)
        self.view = (view._data.shape, view.stride(), view.storage_offset())

    def apply(self, gradients: Any, needed: Any) -> Any:
        if gradients[0] is None:
            return [None]
        result = wrap(np.zeros(*self.base))
        part = as_strided(result, *self.view)
        part.copy_(gradients[0])
        return [result]


AsStrided = type("AsStridedBackward0", (_AsStridedNode,), {"__module__": "torch.autograd.graph"})

__all__ = ["clone", "detach"]
METHODS = ("clone", "copy_", "detach")
INPLACE = ()
