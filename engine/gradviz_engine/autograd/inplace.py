"""In-place operations: the checks PyTorch makes, the write, the version bump, the new history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gradviz_engine import dtypes
from gradviz_engine.autograd import observer
from gradviz_engine.autograd.grad_mode import mode
from gradviz_engine.autograd.node import edge_of, next_sequence
from gradviz_engine.autograd.views import MODES, ambiguous, rebase
from gradviz_engine.ops.reporting import report_op

if TYPE_CHECKING:
    from gradviz_engine.ops.registry import Operator
    from gradviz_engine.tensor import Tensor


def run_inplace(op: Operator, target: Tensor, args: tuple[Any, ...]) -> Tensor:
    """``target`` takes the operator's result, and the operator's node as its history.

    Where a rule needs the old value of ``target``, the node saves a copy from before the write, as PyTorch does.
    """
    from gradviz_engine.tensor import Tensor

    inputs = (target, *args[: op.arity - 1])
    attributes = args[op.arity - 1 :]
    recorded = (
        mode.enabled and op.node_type is not None and any(isinstance(t, Tensor) and t.requires_grad for t in inputs)
    )
    check_writable(target, recorded or mode.enabled)
    arrays = [a._data if isinstance(a, Tensor) else a for a in inputs]
    result = op.forward(*arrays, *attributes)
    array = result if isinstance(result, np.ndarray) else np.asarray(result)
    check_fits(target, array)
    node = None
    if recorded:
        alias = target._alias(target._version_counter)
        copy = _reads_old_value(op, inputs)
        node = op.record((_before_write(target, copy), *inputs[1:]), attributes, (alias,), save_outputs=False)
        if copy and target.requires_grad:
            next_sequence()  # PyTorch's copy of the old value is a recorded clone
    write(target, array, op.name + "_")
    if node is not None:
        op.save_outputs(node, (target,))
        rebase(target, node)
    if observer.current is not None:
        report_op(op.name + "_", node, inputs, (target,))
    return target


def _before_write(target: Tensor, copy: bool) -> Tensor:
    """A stand-in for the target with its present history, and its present numbers where a needed rule reads them."""
    stand_in = target._with_data(target._data.copy() if copy else target._data, None)
    edge = edge_of(target)
    stand_in._edge = edge if edge[0] is not None else None
    return stand_in


def _reads_old_value(op: Operator, inputs: tuple[Any, ...]) -> bool:
    return any(step.kind == "input" and step.index == 0 and _needed(op, inputs, step.edges) for step in op.plan)


def _needed(op: Operator, inputs: tuple[Any, ...], edges: tuple[int, ...]) -> bool:
    """Does an input whose derivative belongs to one of these edges require grad?"""
    return any(getattr(inputs[op.differentiable[edge]], "requires_grad", False) for edge in edges)


def write(target: Tensor, array: Any, cause: str) -> None:
    """Write ``array`` into the tensor's memory, bump its version, tell the observer."""
    watcher = observer.current
    name = observer.current_cause(cause)
    if watcher is not None:
        watcher.before_write(target, name)
    target._data[...] = array
    target._bump()
    if watcher is not None:
        watcher.after_write(target, name)


def check_writable(target: Tensor, tracked: bool) -> None:
    """RuntimeError for what may not be changed in place under grad mode."""
    if target._inference and not mode.inference:
        raise RuntimeError(
            "Inplace update to inference tensor outside InferenceMode is not allowed.You can make a clone to get "
            "a normal tensor before doing inplace update.See https://github.com/pytorch/rfcs/pull/17 for more "
            "details."
        )
    if 0 in target._data.strides and target._data.size > 1 and _overlaps(target._data):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single memory "
            "location. Please clone() the tensor before performing the operation."
        )
    if not (tracked and mode.enabled):
        return
    if target._base is not None:
        _check_view(target)
    elif target._leaf_requires_grad and target._edge is None:
        raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")


def _overlaps(array: np.ndarray[Any, Any]) -> bool:
    return any(stride == 0 and size > 1 for stride, size in zip(array.strides, array.shape, strict=True))


def _check_view(view: Tensor) -> None:
    base, origin = view._base, view._view_origin
    assert base is not None
    if base._leaf_requires_grad and base._edge is None and not view._leaf_requires_grad and origin not in MODES:
        raise RuntimeError("a view of a leaf Variable that requires grad is being used in an in-place operation.")
    if origin is not None and view.requires_grad:
        raise RuntimeError(ambiguous(view, "is being"))


def check_fits(target: Tensor, array: np.ndarray[Any, Any]) -> None:
    """The result must have the target's shape, and a dtype that can be cast to the target's."""
    if array.shape != target._data.shape:
        raise RuntimeError(
            f"output with shape {list(target._data.shape)} doesn't match the broadcast shape {list(array.shape)}"
        )
    have, want = array.dtype.kind, target._data.dtype.kind
    order = "buifc".replace("u", "i")
    if order.index(have.replace("u", "i")) > order.index(want.replace("u", "i")):
        result = dtypes.of_numpy(array.dtype)
        if have == "f" and want in "iub":
            result = dtypes.get_default_dtype() if array.dtype == np.float64 else result
        raise RuntimeError(
            f"result type {result._legacy_name} can't be cast to the desired output type {target.dtype._legacy_name}"
        )
