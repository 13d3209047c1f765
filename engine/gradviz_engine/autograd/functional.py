"""``torch.autograd.functional``: Jacobians, Hessians and their products with vectors.

Built on ``grad``; forward products use the double-backward trick of
https://j-towns.github.io/2017/06/12/A-new-trick.html.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz_engine.autograd.calls import grad
from gradviz_engine.autograd.grad_mode import enable_grad
from gradviz_engine.tensor import Tensor, wrap

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]
Function = Callable[..., Any]


def _tuple(value: Any, what: str, name: str) -> tuple[tuple[Tensor, ...], bool]:
    """The tensors as a tuple, and whether it was one before; TypeError for anything else."""
    was_tuple = isinstance(value, tuple)
    values = value if was_tuple else (value,)
    for index, element in enumerate(values):
        if not isinstance(element, Tensor):
            which = f"the value at index {index}" if was_tuple else f"the given {what}"
            raise TypeError(
                f"The {what} given to {name} must be either a Tensor or a tuple of Tensors but {which} has type "
                f"{type(element)}."
            )
    return values, was_tuple


def _prepared(inputs: tuple[Tensor, ...], create_graph: bool) -> tuple[Tensor, ...]:
    """Inputs to differentiate by: views of the caller's under ``create_graph``, fresh leaves otherwise."""
    if create_graph:
        return tuple(t.view_as(t) if t.requires_grad else t.detach().requires_grad_() for t in inputs)
    return tuple(t.detach().requires_grad_() for t in inputs)


def _finished(values: Any, was_tuple: bool, create_graph: bool) -> Any:
    out = tuple(v if create_graph else v.detach() for v in values)
    return out if was_tuple else out[0]


def _zeros_if_none(value: Tensor | None, like: Tensor) -> Tensor:
    return wrap(np.zeros_like(like._data)) if value is None else value


def _check_strict(values: Any, strict: bool, what: str) -> None:
    if not strict:
        return
    for index, value in enumerate(values):
        if value is None or not value.requires_grad:
            raise RuntimeError(
                f"Output {index} of the user-provided function does not require gradients. The outputs must be "
                f"computed in a differentiable manner from the input when running in strict mode ({what})."
            )


def _vectors(v: Any, like: tuple[Tensor, ...], name: str, what: str) -> tuple[Tensor, ...]:
    if v is None:
        if len(like) != 1 or like[0]._data.size != 1:
            raise RuntimeError(
                f"The vector v can only be None if the {what} to the user-provided function is a single Tensor "
                "with a single element."
            )
        return (wrap(np.ones_like(like[0]._data)),)
    vectors, _ = _tuple(v, "v", name)
    if len(vectors) != len(like):
        raise RuntimeError(f"v is a tuple of invalid length: should be {len(like)} but got {len(vectors)}.")
    for index, (a, b) in enumerate(zip(vectors, like, strict=True)):
        if a.shape != b.shape:
            prefix = f"Entry {index} in " if len(like) > 1 else ""
            raise RuntimeError(f"{prefix}v has invalid size: should be {b.shape} but got {a.shape}.")
    return vectors


def vjp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """``(func(inputs), v · Jacobian)``."""
    with enable_grad():
        given, was_tuple = _tuple(inputs, "inputs", "vjp")
        leaves = _prepared(given, create_graph)
        outputs, outputs_tuple = _tuple(func(*leaves), "outputs", "vjp")
        _check_strict(outputs, strict, "vjp")
        vectors = _vectors(v, outputs, "vjp", "output")
        results = grad(outputs, leaves, vectors, create_graph=create_graph, allow_unused=True)
        filled = [_zeros_if_none(r, t) for r, t in zip(results, leaves, strict=True)]
    return _finished(outputs, outputs_tuple, create_graph), _finished(filled, was_tuple, create_graph)


def jvp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """``(func(inputs), Jacobian · v)``."""
    with enable_grad():
        given, _ = _tuple(inputs, "inputs", "jvp")
        leaves = _prepared(given, create_graph)
        vectors = _vectors(v, leaves, "jvp", "input")
        outputs, outputs_tuple = _tuple(func(*leaves), "outputs", "jvp")
        _check_strict(outputs, strict, "jvp")
        products = _forward_products(outputs, leaves, vectors, create_graph)
    return _finished(outputs, outputs_tuple, create_graph), _finished(products, outputs_tuple, create_graph)


def _forward_products(
    outputs: tuple[Tensor, ...], leaves: tuple[Tensor, ...], vectors: tuple[Tensor, ...], create_graph: bool
) -> list[Tensor]:
    """J · v as the derivative by u of (u · J) · v."""
    dummies = tuple(wrap(np.zeros_like(o._data)).requires_grad_() for o in outputs)
    pulled = grad(outputs, leaves, dummies, create_graph=True, allow_unused=True)
    pairs = [(p, v) for p, v in zip(pulled, vectors, strict=True) if p is not None and p.requires_grad]
    if not pairs:
        return [wrap(np.zeros_like(o._data)) for o in outputs]
    products = grad([p for p, _ in pairs], dummies, [v for _, v in pairs], create_graph=create_graph, allow_unused=True)
    return [_zeros_if_none(p, o) for p, o in zip(products, outputs, strict=True)]


def jacobian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """All partial derivatives: a tensor of shape output + input, nested in tuples as outputs and inputs are."""
    with enable_grad():
        given, was_tuple = _tuple(inputs, "inputs", "jacobian")
        leaves = _prepared(given, create_graph)
        outputs, outputs_tuple = _tuple(func(*leaves), "outputs", "jacobian")
        _check_strict(outputs, strict, "jacobian")
        rows = [_rows(output, leaves, create_graph) for output in outputs]
    nested = tuple(_finished(row, was_tuple, create_graph) for row in rows)
    return nested if outputs_tuple else nested[0]


def _rows(output: Tensor, leaves: tuple[Tensor, ...], create_graph: bool) -> list[Tensor]:
    """The derivatives of one output by every input, one backward call an element."""
    from gradviz_engine.ops.joining import stack

    columns: list[list[Tensor]] = [[] for _ in leaves]
    flat = output.reshape(-1)
    for index in range(flat.numel()):
        element = flat[index]
        results: Any = (None,) * len(leaves)
        if element.requires_grad:
            results = grad(element, leaves, retain_graph=True, create_graph=create_graph, allow_unused=True)
        for column, result, leaf in zip(columns, results, leaves, strict=True):
            column.append(_zeros_if_none(result, leaf))
    return [
        stack(column).view(output.shape + leaf.shape) if column else wrap(np.zeros(output.shape + leaf.shape))
        for column, leaf in zip(columns, leaves, strict=True)
    ]


def hessian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """Second derivatives of a function with one output element."""
    given, was_tuple = _tuple(inputs, "inputs", "hessian")

    def gradient(*values: Tensor) -> Any:
        out = _single_output(func(*values), "hessian")
        leaves = tuple(v if v.requires_grad else v.requires_grad_() for v in values)
        results = grad(out, leaves, create_graph=True, allow_unused=True)
        return tuple(_zeros_if_none(r, t) for r, t in zip(results, leaves, strict=True))

    result = jacobian(gradient, given, create_graph=create_graph, strict=strict)
    return result if was_tuple else result[0][0]


def _single_output(output: Any, name: str) -> Tensor:
    if not isinstance(output, Tensor) or output.numel() != 1:
        raise RuntimeError(f"The output of the user-provided function given to {name} should contain a single element")
    return output


def hvp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """``(func(inputs), Hessian · v)``."""
    with enable_grad():
        given, was_tuple = _tuple(inputs, "inputs", "hvp")
        leaves = _prepared(given, create_graph)
        vectors = _vectors(v, leaves, "hvp", "input")
        output = _single_output(func(*leaves), "hvp")
        first = tuple(
            _zeros_if_none(g, t)
            for g, t in zip(grad(output, leaves, create_graph=True, allow_unused=True), leaves, strict=True)
        )
        products = _forward_products(first, leaves, vectors, create_graph)
    return _finished((output,), False, create_graph), _finished(products, was_tuple, create_graph)


def vhp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """``(func(inputs), v · Hessian)``."""
    with enable_grad():
        given, was_tuple = _tuple(inputs, "inputs", "vhp")
        leaves = _prepared(given, create_graph)
        vectors = _vectors(v, leaves, "vhp", "input")
        output = _single_output(func(*leaves), "vhp")
        first = grad(output, leaves, create_graph=True, allow_unused=True)
        pairs = [(g, v) for g, v in zip(first, vectors, strict=True) if g is not None and g.requires_grad]
        products: Any = (None,) * len(leaves)
        if pairs:
            products = grad(
                [g for g, _ in pairs], leaves, [v for _, v in pairs], create_graph=create_graph, allow_unused=True
            )
        filled = [_zeros_if_none(p, t) for p, t in zip(products, leaves, strict=True)]
    return _finished((output,), False, create_graph), _finished(filled, was_tuple, create_graph)
