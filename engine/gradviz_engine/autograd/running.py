"""Runs one node: its hooks in PyTorch's order, its derivative, and the checks on what comes out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gradviz_engine.autograd import anomaly
from gradviz_engine.autograd.grad_mode import mode
from gradviz_engine.autograd.hooks import call_tensor_hook, check_hook_result
from gradviz_engine.autograd.node import Edge, Node

if TYPE_CHECKING:
    from gradviz_engine.tensor import Tensor


def run_node(node: Node, gradients: list[Tensor | None], needed: Sequence[bool] | None) -> Sequence[Tensor | None]:
    """Hooks of the node's outputs, retained gradients, prehooks, the node itself, checks, post-hooks."""
    if not node.watched and not anomaly.enabled:
        return validate(node.edges, node.apply(gradients, needed), node)
    if node.tensor_hooks is not None:
        gradients[:] = run_tensor_hooks(node, gradients)
    if node.retained is not None:
        _retain(node, gradients)
    if node.prehooks:
        gradients[:] = _run_prehooks(node, gradients)
    if anomaly.enabled:
        with anomaly.guarding(node):
            results = validate(node.edges, node.apply(gradients, needed), node)
            anomaly.check_results(node, results)
    else:
        results = validate(node.edges, node.apply(gradients, needed), node)
    if node.posthooks:
        results = _run_posthooks(node, results, gradients)
    return results


def run_tensor_hooks(node: Node, gradients: Sequence[Tensor | None]) -> list[Tensor | None]:
    """The gradients after the hooks that were registered on the tensors themselves."""
    result = list(gradients)
    for slot, registered in (node.tensor_hooks or {}).items():
        for hooks in registered:
            for hook in list(hooks.values()):
                result[slot] = call_tensor_hook(hook, result[slot])
    return result


def _retain(node: Node, gradients: Sequence[Tensor | None]) -> None:
    """Fill ``.grad`` of tensors with ``retain_grad()``; it accumulates over calls like a leaf's."""
    for slot, find in (node.retained or {}).items():
        tensor, gradient = find(), gradients[slot]
        if tensor is None or gradient is None:
            continue
        old = tensor._grad
        if old is None:
            tensor._grad = gradient if mode.enabled else gradient._with_data(gradient._data.copy(), None)
        elif mode.enabled:
            tensor._grad = old + gradient
        else:
            tensor._grad = old._with_data(np.add(old._data, gradient._data), None)


def _run_prehooks(node: Node, gradients: Sequence[Tensor | None]) -> list[Tensor | None]:
    current = tuple(gradients)
    for hook in list((node.prehooks or {}).values()):
        result = hook(current)
        if result is not None:
            current = _checked(hook, current, result)
    return list(current)


def _run_posthooks(
    node: Node, results: Sequence[Tensor | None], gradients: Sequence[Tensor | None]
) -> Sequence[Tensor | None]:
    current = tuple(results)
    for hook in list((node.posthooks or {}).values()):
        result = hook(current, tuple(gradients))
        if result is not None:
            current = _checked(hook, current, result)
    return current


def _checked(hook: Any, old: tuple[Tensor | None, ...], result: Any) -> tuple[Tensor | None, ...]:
    new = result if isinstance(result, tuple) else (result,)
    if len(new) != len(old):
        raise RuntimeError(
            f"hook '{getattr(hook, '__name__', hook)}' has returned an incorrect number of values "
            f"(got {len(new)}, but expected {len(old)})"
        )
    return tuple(None if n is None else check_hook_result(hook, o, n) for o, n in zip(old, new, strict=True))


def validate(edges: Sequence[Edge], gradients: Sequence[Tensor | None], node: Node | None) -> Sequence[Tensor | None]:
    """Bring each gradient to the shape and dtype of the tensor it belongs to.

    A broadcast input's gradient is summed over the broadcast dimensions, a gradient of another dtype is
    cast, silently, as PyTorch does. RuntimeError for a wrong number or an impossible shape.
    """
    if len(gradients) != len(edges):
        gradients = _right_number(edges, gradients, node)
    fitted: list[Tensor | None] | None = None
    for index, (target, slot) in enumerate(edges):
        gradient = gradients[index]
        if target is None or gradient is None:
            continue
        meta, data = target.meta[slot], gradient._data
        if meta is not None and (data.shape != meta[0] or data.dtype != meta[1]):
            if fitted is None:
                fitted = list(gradients)
            fitted[index] = _fitted(gradient, meta, index, node)
    return gradients if fitted is None else fitted


def _right_number(
    edges: Sequence[Edge], gradients: Sequence[Tensor | None], node: Node | None
) -> Sequence[Tensor | None]:
    if node is None or len(gradients) < len(edges) or any(g is not None for g in gradients[len(edges) :]):
        raise RuntimeError(
            f"Function {node.name() if node else 'GraphRoot'} returned an incorrect number of gradients "
            f"(expected {len(edges)}, got {len(gradients)})"
        )
    return gradients[: len(edges)]


def _fitted(gradient: Tensor, meta: tuple[tuple[int, ...], Any], index: int, node: Node | None) -> Tensor:
    shape, dtype = meta
    if gradient._data.shape != shape:
        if not _expandable(shape, gradient._data.shape):
            name = node.name() if node is not None else "GraphRoot"
            raise RuntimeError(
                f"Function {name} returned an invalid gradient at index {index} - got "
                f"{list(gradient._data.shape)} but expected shape compatible with {list(shape)}"
            )
        gradient = sum_to(gradient, shape)
    if gradient._data.dtype != dtype:
        from gradviz_engine import dtypes

        gradient = gradient.to(dtypes.of_numpy(dtype))
    return gradient


def _expandable(shape: tuple[int, ...], wide: tuple[int, ...]) -> bool:
    """Can a tensor of ``shape`` be expanded to ``wide``?"""
    if len(shape) > len(wide):
        return False
    return all(a in (1, b) for a, b in zip(reversed(shape), reversed(wide), strict=False))


def sum_to(tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Sum over the dimensions in which ``shape`` was broadcast (ATen's ``sum_to``)."""
    sizes = tensor._data.shape
    if not shape:
        return tensor.sum() if sizes else tensor
    leading = len(sizes) - len(shape)
    dims = tuple(range(leading)) + tuple(
        i for i in range(leading, len(sizes)) if shape[i - leading] == 1 and sizes[i] != 1
    )
    if dims:
        tensor = tensor.sum(dims, keepdim=True)
    return tensor.view(shape) if leading else tensor
