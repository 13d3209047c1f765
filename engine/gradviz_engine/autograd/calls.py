"""``torch.autograd.backward`` and ``torch.autograd.grad``: checks, then one pass of the engine.

Source: torch/autograd/__init__.py and torch/csrc/autograd/python_engine.cpp; texts are PyTorch's own.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz_engine.autograd.engine import backward_pass
from gradviz_engine.autograd.node import Edge, edge_of
from gradviz_engine.autograd.retain import retain
from gradviz_engine.tensor import Tensor

CREATE_GRAPH_WARNING = (
    "Using backward() with create_graph=True will create a reference cycle between the parameter and its "
    "gradient which can cause a memory leak. We recommend using autograd.grad when creating the graph to avoid "
    "this. If you have to use this function, make sure to reset the .grad fields of your parameters to None "
    "after use to break the cycle and avoid the leak."
)


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Any = None,
) -> None:
    """Add the gradients of ``tensors`` to the ``.grad`` of the leaves below them (or of ``inputs``)."""
    if inputs is not None and isinstance(inputs, Sequence) and len(inputs) == 0:
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    roots = _as_tuple(tensors)
    gradients = initial_gradients(roots, _gradient_tuple(grad_tensors, len(roots)))
    if create_graph:
        warnings.warn(CREATE_GRAPH_WARNING, stacklevel=3)
    wanted = None if inputs is None else _as_tuple(inputs)
    targets = None if wanted is None else [_target(t, retained=True) for t in wanted]
    edges = _root_edges(roots)
    if not edges:
        return
    keep = create_graph if retain_graph is None else retain_graph
    backward_pass(edges, roots, gradients, keep, create_graph, targets, accumulate=True, inputs=wanted)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor, ...]:
    """The gradients of ``outputs`` with respect to ``inputs``, without touching any ``.grad``."""
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False."
        )
    allow_unused = materialize_grads if allow_unused is None else allow_unused
    roots, wanted = _as_tuple(outputs), _as_tuple(inputs)
    if not wanted:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    if is_grads_batched:
        return _batched(roots, wanted, grad_outputs, retain_graph, create_graph, allow_unused)
    gradients = initial_gradients(roots, _gradient_tuple(grad_outputs, len(roots)))
    edges = _root_edges(roots)
    targets = [_target(t, retained=False) for t in wanted]
    keep = create_graph if retain_graph is None else retain_graph
    captured: dict[int, Tensor | None] = {}
    if edges:
        captured = backward_pass(edges, roots, gradients, keep, create_graph, targets, accumulate=False, inputs=wanted)
    return _collected(captured, wanted, allow_unused, materialize_grads)


def _collected(
    captured: dict[int, Tensor | None], wanted: tuple[Tensor, ...], allow_unused: bool, materialize: bool
) -> tuple[Tensor, ...]:
    results: list[Any] = []
    for index, tensor in enumerate(wanted):
        gradient = captured.get(index)
        if gradient is None and materialize:
            gradient = tensor._with_data(np.zeros_like(tensor._data), None)
        if gradient is None and not allow_unused:
            raise RuntimeError(
                f"The differentiated Tensor at index {index} appears to not have been used in the graph. Set "
                "allow_unused=True if this is the desired behavior."
            )
        results.append(gradient)
    return tuple(results)


def initial_gradients(roots: Sequence[Tensor], gradients: Sequence[Any]) -> list[Tensor | None]:
    """One gradient a root: the given one, checked, or ones for a root with a single element."""
    result: list[Tensor | None] = []
    for index, (root, gradient) in enumerate(zip(roots, gradients, strict=False)):
        if isinstance(gradient, Tensor):
            _check_given(index, root, gradient)
            result.append(gradient)
        elif gradient is None:
            result.append(_implicit(root) if root.requires_grad else None)
        else:
            raise TypeError(f"gradients can be either Tensors or None, but got {type(gradient).__name__}")
    if len(roots) != len(gradients):
        raise RuntimeError(f"got {len(roots)} tensors and {len(gradients)} gradients")
    return result


def _check_given(index: int, root: Tensor, gradient: Tensor) -> None:
    if gradient._data.shape != root._data.shape:
        raise RuntimeError(
            f"Mismatch in shape: grad_output[{index}] has a shape of {gradient.shape} and output[{index}] has a "
            f"shape of {root.shape}."
        )
    if root.dtype.is_complex != gradient.dtype.is_complex:
        raise RuntimeError(
            "For complex Tensors, both grad_output and output are required to have the same dtype. Mismatch in "
            f"dtype: grad_output[{index}] has a dtype of {gradient.dtype} and output[{index}] has a dtype of "
            f"{root.dtype}."
        )


def _implicit(root: Tensor) -> Tensor:
    if root._data.size != 1:
        raise RuntimeError("grad can be implicitly created only for scalar outputs")
    if root._data.dtype.kind != "f":
        raise RuntimeError(f"grad can be implicitly created only for real scalar outputs but got {root.dtype}")
    return root._with_data(np.ones_like(root._data), None)


def _as_tuple(tensors: Any) -> tuple[Tensor, ...]:
    return (tensors,) if isinstance(tensors, Tensor) else tuple(tensors)


def _gradient_tuple(gradients: Any, count: int) -> tuple[Any, ...]:
    if gradients is None:
        return (None,) * count
    return (gradients,) if isinstance(gradients, Tensor) else tuple(gradients)


def _root_edges(roots: Sequence[Tensor]) -> list[Edge]:
    edges = []
    for index, root in enumerate(roots):
        edge = edge_of(root)
        if edge[0] is None:
            raise RuntimeError(f"element {index} of tensors does not require grad and does not have a grad_fn")
        edges.append(edge)
    return edges


def _target(tensor: Tensor, retained: bool) -> Edge:
    """Where the gradient of a wanted tensor arrives; a non-leaf named to ``backward`` retains its grad."""
    if retained:
        if not tensor.requires_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if tensor.grad_fn is not None and not tensor._retains:
            retain(tensor)
    if not tensor.requires_grad:
        raise RuntimeError("One of the differentiated Tensors does not require grad")
    if tensor.grad_fn is None:
        living = tensor._accumulator() if tensor._accumulator is not None else None
        return (living, 0)
    return edge_of(tensor)


def _batched(
    roots: tuple[Tensor, ...],
    wanted: tuple[Tensor, ...],
    grad_outputs: Any,
    retain_graph: bool | None,
    create_graph: bool,
    allow_unused: bool,
) -> tuple[Tensor, ...]:
    """One pass for each entry of the first dimension; the results are stacked."""
    gradients = _gradient_tuple(grad_outputs, len(roots))
    for index, (root, gradient) in enumerate(zip(roots, gradients, strict=True)):
        if gradient is not None and gradient._data.shape[1:] != root._data.shape:
            raise RuntimeError(
                "If `is_grads_batched=True`, we interpret the first dimension of each grad_output as the batch "
                "dimension. The sizes of the remaining dimensions are expected to match the shape of "
                f"corresponding output, but a mismatch was detected: grad_output[{index}] has a shape of "
                f"{type(gradient.shape)(gradient.shape[2:])} and output[{index}] has a shape of {root.shape}. If "
                "you only want some tensors in `grad_output` to be considered batched, consider using vmap."
            )
    size = next(g._data.shape[0] for g in gradients if g is not None)
    keep = create_graph if retain_graph is None else retain_graph
    passes = []
    for row in range(size):
        chosen = [None if g is None else g[row] for g in gradients]
        last = row == size - 1
        passes.append(grad(roots, wanted, chosen, keep or not last, create_graph, allow_unused=allow_unused))
    from gradviz_engine.ops.joining import stack

    return tuple(None if row[0] is None else stack(list(row)) for row in zip(*passes, strict=True))  # type: ignore[misc]
