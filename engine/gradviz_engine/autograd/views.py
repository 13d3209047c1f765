"""Views of tensors, and what an in-place change does to their history.

A view shares memory and version counter with its base. When the base, or another view of it, is changed in
place, a view's ``grad_fn`` is out of date; it is made anew, as AsStridedBackward0 of the base, when somebody
next asks (``refresh``). A change through a view gives the base a CopySlices node that applies the operation's
derivative to the view's part of the gradient only.
Source: torch/csrc/autograd/variable.cpp (``VariableHooks::grad_fn``, ``rebase_history``) and
torch/csrc/autograd/functions/tensor.cpp (``CopySlices::apply``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gradviz_engine.autograd.grad_mode import mode
from gradviz_engine.autograd.node import Edge, Node, edge_of, next_sequence
from gradviz_engine.autograd.saved import version_counter

if TYPE_CHECKING:
    from gradviz_engine.tensor import Tensor

MULTIPLE = {
    "split": "Split", "chunk": "Split", "unsafe_split": "Split",
    "split_with_sizes": "SplitWithSizes", "unbind": "Unbind",
}  # fmt: skip
"""Operators that return several views, and what messages call them: such outputs may not be changed in place."""

MODES = {"no_grad": ("no_grad", "with grad mode enabled"), "inference_mode": ("inference", "in normal mode")}
"""What messages call the modes in which views have no history, and the other mode."""


def mark_views(origin: str, source: Tensor, outputs: Sequence[Tensor]) -> None:
    """Make ``outputs`` views of ``source`` (or of the tensor that one is a view of)."""
    base = source if source._base is None else source._base
    counter = version_counter(base)
    made_under_no_grad = not mode.enabled
    for output in outputs:
        output._base = base
        output._version_counter = counter
        output._view_version = counter.number
        if made_under_no_grad:
            output._view_origin = "inference_mode" if mode.inference else "no_grad"
        elif origin in MULTIPLE:
            output._view_origin = origin
        elif source._view_origin is not None:
            output._view_origin = source._view_origin


def geometry(tensor: Tensor) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """Shape, strides and offset, in elements."""
    return tensor._data.shape, tensor.stride(), tensor.storage_offset()


def ambiguous(view: Tensor, what: str) -> str:
    """Why a view that was made without history, or with others, cannot be given one: ``what`` is modified."""
    origin = view._view_origin
    assert origin is not None
    if origin in MULTIPLE:
        number = 0 if view._edge is None else view._edge[1]
        return (
            f"Output {number} of {MULTIPLE[origin]} is a view and {what} modified inplace. This view is the output "
            "of a function that returns multiple views. Such functions do not allow the output views to be "
            "modified inplace. You should replace the inplace operation by an out-of-place one."
        )
    name, other = MODES[origin]
    return (
        f"A view was created in {name} mode and {what} modified inplace {other}. Given that "
        "this use case is ambiguous and error-prone, it is forbidden. You can clarify your code by moving "
        f"both the view and the inplace either both inside the {origin} block (if you don't want the inplace "
        "to be tracked) or both outside (if you want the inplace to be tracked)."
    )


def refresh(view: Tensor) -> None:
    """Bring a view's edge up to date with its base, if the memory changed since it was made.

    RuntimeError where the view cannot have a history (``ambiguous``).
    """
    base, counter = view._base, view._version_counter
    assert base is not None
    if counter is None or counter.number == view._view_version:
        return
    if view._leaf_requires_grad or (view._edge is None and not base.requires_grad):
        return
    if not base.requires_grad:
        view._view_version = counter.number
        return
    if view._view_origin is not None:
        raise RuntimeError(ambiguous(view, "its base or another view of its base has been"))
    view._view_version = counter.number
    from gradviz_engine.ops.copying import as_strided_node

    view._edge = (as_strided_node(base, view), 0)


def rebase(tensor: Tensor, node: Node) -> None:
    """``tensor`` was changed in place by ``node``: give it, and the base it views, their new history."""
    node_edge: Edge = (node, 0)
    base = tensor._base
    if base is None or tensor._leaf_requires_grad:
        tensor._edge = node_edge
        return
    base._edge = (CopySlices(base, tensor, node), 0)
    tensor._view_version = -1
    refresh(tensor)


class CopySlices(Node):
    """The history of a base that was changed through a view."""

    def __init__(self, base: Tensor, view: Tensor, inner: Node) -> None:
        self.edges = (edge_of(base), *inner.edges[1:])
        self.inner = inner
        self.base_shape = base._data.shape
        self.base_strides = base.stride()
        self.view_geometry = geometry(view)
        self.meta = ((base._data.shape, base._data.dtype),)
        self.sequence = next_sequence()

    def name(self) -> str:
        return "torch::autograd::CopySlices"

    def apply(self, gradients: list[Tensor | None], needed: Sequence[bool] | None) -> Sequence[Tensor | None]:
        """The base keeps the gradient outside the view; inside it is what the inner operation passes on."""
        gradient = gradients[0]
        if gradient is None:
            return [None] * len(self.edges)
        shape, strides, offset = self.view_geometry
        from gradviz_engine.ops.copying import as_strided_view, new_strided_zeros

        result = new_strided_zeros(gradient, self.base_shape, self.base_strides)
        result.copy_(gradient)
        part = as_strided_view(result, shape, strides, offset)
        inner = list(self.inner.apply([part.clone()], None))
        if inner[0] is not None:
            part.copy_(inner[0])
        else:
            part.zero_()
        return [result, *inner[1:]]

    def release(self) -> bool:
        return self.inner.release()
