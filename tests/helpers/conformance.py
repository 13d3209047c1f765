"""Runs one sample of an operator under PyTorch's names, by the engine or by PyTorch, and compares what comes out.

A sample is plain data: arrays with a flag for "requires grad", numbers, slices, dtypes by name. So the same
sample can be recorded with PyTorch, kept in a file, and run where PyTorch is not installed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Graph = Any
"""A node's name and its inputs, nested; a node seen before is its number."""

REORDERED = {
    "einsum": lambda call: lambda tensors, equation: call(equation, *tensors),
    "where": lambda call: lambda self, condition, other: call(condition, self, other),
    "nn.functional.embedding": lambda call: lambda weight, index, **options: call(index, weight, **options),
}
"""Operators whose samples put the arguments in another order than the public function takes them."""


@dataclass(frozen=True)
class Outcome:
    """What a sample gives: outputs, the gradient of each input (None: unused), and the graph below each output."""

    outputs: list[np.ndarray[Any, Any]]
    gradients: list[np.ndarray[Any, Any] | None]
    graphs: list[Graph]


def find(module: Any, name: str) -> Any:
    """The callable for an operator's name: a function by its dotted path, else a method or property."""
    leaf = name.split(".")[-1]
    found = module
    for part in name.split("."):
        found = getattr(found, part, None)

    def method(self: Any, *args: Any, **options: Any) -> Any:
        attribute = getattr(self, leaf)
        return attribute(*args, **options) if callable(attribute) else attribute

    return method if found is None else found


def encode(value: Any) -> Any:
    """A sample's argument, from PyTorch's objects, as JSON can hold it."""
    if hasattr(value, "requires_grad"):
        array = value.detach().numpy()
        return {
            "tensor": array.tolist(),
            "dtype": array.dtype.name,
            "shape": list(array.shape),
            "grad": value.requires_grad,
        }
    if isinstance(value, slice):
        return {"slice": [value.start, value.stop, value.step]}
    if value is Ellipsis:
        return {"ellipsis": True}
    if isinstance(value, (tuple, list)):
        return {type(value).__name__: [encode(v) for v in value]}
    if isinstance(value, dict):
        return {"dict": {k: encode(v) for k, v in value.items()}}
    if str(value).startswith("torch.") and str(value)[6:] in ("float64", "float32", "int64", "bool"):
        return {"named": str(value)[6:]}
    if isinstance(value, (bool, int, float, str, type(None))):
        return value
    raise TypeError(f"a sample holds {type(value).__name__}, which is not recorded")


def decode(module: Any, data: Any, leaves: list[Any]) -> Any:
    """The argument under ``module``'s names; tensors are collected in ``leaves``."""
    if not isinstance(data, dict):
        return data
    if "tensor" in data:
        array = np.array(data["tensor"], dtype=data["dtype"]).reshape(data["shape"])
        tensor = module.tensor(array, requires_grad=data["grad"])
        leaves.append(tensor)
        return tensor
    kind, content = next(iter(data.items()))
    if kind in ("tuple", "list"):
        items = [decode(module, v, leaves) for v in content]
        return tuple(items) if kind == "tuple" else items
    if kind == "dict":
        return {k: decode(module, v, leaves) for k, v in content.items()}
    if kind == "slice":
        return slice(*content)
    return Ellipsis if kind == "ellipsis" else getattr(module, content)


def _tensors(module: Any, value: Any) -> list[Any]:
    if isinstance(value, module.Tensor):
        return [value]
    return [t for v in value for t in _tensors(module, v)] if isinstance(value, (tuple, list)) else []


def graph_of(node: Any, seen: dict[Any, int]) -> Graph:
    """The graph below a node, as lists, which is how JSON gives it back."""
    if node is None:
        return None
    if node in seen:
        return seen[node]
    seen[node] = len(seen)
    return [node.name(), [[graph_of(child, seen), slot] for child, slot in node.next_functions]]


def run(module: Any, name: str, sample: Any) -> Outcome:
    """Forward, then backward from cotangents that depend on the outputs' shapes alone."""
    leaves: list[Any] = []
    args, options = decode(module, sample["args"], leaves), decode(module, sample["options"], leaves)
    call = find(module, name)
    result = REORDERED[name](call)(*args, **options) if name in REORDERED else call(*args, **options)
    outputs = _tensors(module, result)
    roots = [o for o in outputs if o.requires_grad and o.grad_fn is not None]
    seen: dict[Any, int] = {}
    graphs = [graph_of(o.grad_fn, seen) if o.requires_grad else None for o in outputs]
    numbers = np.random.default_rng(0)
    if roots:
        cotangents = [module.tensor(numbers.normal(size=tuple(r.shape))).to(r.dtype) for r in roots]
        module.autograd.backward(roots, cotangents)
    gradients = [None if leaf.grad is None else leaf.grad.detach().numpy() for leaf in leaves]
    return Outcome([np.array(o.detach().numpy()) for o in outputs], gradients, graphs)


def assert_same(got: Outcome, want: Outcome) -> None:
    """Shapes, dtypes, numbers and graphs agree."""
    assert len(got.outputs) == len(want.outputs)
    for ours, theirs in zip(got.outputs, want.outputs, strict=True):
        _assert_close(ours, theirs)
    for gradient, expected in zip(got.gradients, want.gradients, strict=True):
        assert (gradient is None) == (expected is None)
        if gradient is not None:
            _assert_close(gradient, expected)
    assert got.graphs == want.graphs


def _assert_close(got: Any, want: Any) -> None:
    assert (got.shape, got.dtype) == (want.shape, want.dtype)
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-8)
