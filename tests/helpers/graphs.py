"""Walk and watch backward graphs, the same way for the engine and for PyTorch."""

from __future__ import annotations

from typing import Any

ACCUMULATE = "torch::autograd::AccumulateGrad"


def reachable(roots: list[Any]) -> list[Any]:
    """Every node below the roots, each once."""
    seen: dict[Any, None] = {}
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node is not None and node not in seen:
            seen[node] = None
            stack.extend(target for target, _ in node.next_functions)
    return list(seen)


class Watch:
    """Write down the order in which nodes run, leaves by the names given for them."""

    def __init__(self, roots: list[Any], names: dict[str, Any]) -> None:
        self.order: list[str] = []
        label = {id(tensor): name for name, tensor in names.items()}
        self.nodes = reachable([r.grad_fn for r in roots])
        for node in self.nodes:
            text = label[id(node.variable)] if node.name() == ACCUMULATE else node.name()
            node.register_prehook(lambda gradients, text=text: self.order.append(text))
