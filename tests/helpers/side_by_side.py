"""Runs the same program on two torch-like modules and says what differs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Outcome = dict[str, Any]


def numbers(*shape: int, seed: int = 1) -> np.ndarray[Any, Any]:
    """Normally distributed float32 numbers."""
    return np.random.default_rng(seed + sum(shape)).normal(size=shape).astype(np.float32)


def graph(node: Any) -> Any:
    """The graph below a node: its name, and its ``next_functions`` with their slots."""
    if node is None:
        return None
    return (node.name(), tuple((graph(child), slot) for child, slot in node.next_functions))


def execution_order(root: Any) -> list[Any]:
    """Run backward from ``root`` and list the nodes as they run, leaves with their shapes."""
    ran: list[Any] = []
    known, stack = {root.grad_fn}, [root.grad_fn]
    while stack:
        node = stack.pop()
        shape = tuple(node.variable.shape) if hasattr(node, "variable") else None
        node.register_prehook(_noting(ran, (node.name(), shape)))
        for child, _ in node.next_functions:
            if child is not None and child not in known:
                known.add(child)
                stack.append(child)
    root.backward()
    return ran


def _noting(ran: list[Any], entry: Any) -> Callable[[Any], None]:
    return lambda _: ran.append(entry)


def tensors(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return [t for v in value for t in tensors(v)]
    return [value] if hasattr(value, "grad_fn") else []


def outcome(torch: Any, make: Callable[[Any], Any], arrays: Sequence[np.ndarray[Any, Any]], seed: int = 0) -> Outcome:
    """What ``make(torch)``, a module or a function, does with the arrays: values, gradients, graph, order, text."""
    torch.manual_seed(seed)
    callee = make(torch)
    given = [torch.tensor(a) for a in arrays]
    for tensor in given:
        tensor.requires_grad_(tensor.is_floating_point())
    outputs = tensors(callee(*given))
    roots = [o for o in outputs if o.requires_grad]
    result: Outcome = {"graph": [graph(o.grad_fn) for o in roots], "text": "", "state": []}
    weighted = []
    for root in roots:
        weights = np.cos(np.arange(root.numel())).reshape(tuple(root.shape)).astype(root.detach().numpy().dtype)
        weighted.append((root * torch.tensor(weights)).sum())
    result["order"] = execution_order(sum(weighted[1:], weighted[0])) if weighted else []
    owned: list[Any] = []
    if hasattr(callee, "named_parameters"):
        result["text"], result["state"] = repr(callee), list(callee.state_dict())
        owned = list(callee.parameters())
        result["values"] = [t.detach().numpy() for t in (*owned, *callee.buffers())]
    result.setdefault("values", []).extend(o.detach().numpy() for o in outputs)
    result["gradients"] = [None if t.grad is None else t.grad.numpy() for t in (*given, *owned)]
    return result


def assert_alike(ours: Outcome, theirs: Outcome, tolerance: float = 1e-4) -> None:
    """Numbers within the tolerance, everything else equal."""
    for key in ("text", "state", "graph", "order"):
        assert ours[key] == theirs[key], key
    for key in ("values", "gradients"):
        assert len(ours[key]) == len(theirs[key])
        for mine, other in zip(ours[key], theirs[key], strict=True):
            assert (mine is None) == (other is None)
            if mine is not None:
                assert mine.dtype == other.dtype
                np.testing.assert_allclose(mine, other, rtol=tolerance, atol=tolerance / 10)
