"""What the recorder may ask of PyTorch's tensors and nodes without leaving a mark on the program.

Known pitfalls: a view made under ``no_grad`` whose base was written raises when asked for its ``grad_fn``;
``_saved_*`` runs the program's unpack hooks, ``_raw_saved_*`` does not; ``get_gradient_edge`` of a leaf makes a
node, which takes a sequence number of the thread it is made in.
"""

from __future__ import annotations

import threading
from typing import Any

import torch

ACCUMULATE = "torch::autograd::AccumulateGrad"
LAST = 2**64 - 1
"""The sequence number of nodes that have none: AccumulateGrad, what raises when it runs, compiled code."""

_KEYS = torch._C.DispatchKey
_WITHOUT_NUMBERS = [
    getattr(_KEYS, name)
    for name in ("Python", "FuncTorchBatched", "FuncTorchGradWrapper", "Functionalize")
    if hasattr(_KEYS, name)
]


class Aside:
    """A context in which no mode and no subclass of the program sees what is done, and nothing is differentiated."""

    __slots__ = ("_dispatch", "_functions", "_grad")

    def __enter__(self) -> None:
        self._functions = torch._C.DisableTorchFunction()
        self._functions.__enter__()
        self._dispatch = torch._C._DisableTorchDispatch()
        self._dispatch.__enter__()
        self._grad = torch.is_grad_enabled()
        torch._C._set_grad_enabled(False)

    def __exit__(self, *raised: Any) -> None:
        torch._C._set_grad_enabled(self._grad)
        self._dispatch.__exit__(*raised)
        self._functions.__exit__(*raised)


def tensors_in(value: Any) -> list[Any]:
    """The tensors in arguments or results, those in lists and dicts included, in order."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, (list, tuple)):
        return [tensor for entry in value for tensor in tensors_in(entry)]
    if isinstance(value, dict):
        return [tensor for entry in value.values() for tensor in tensors_in(entry)]
    return []


def has_numbers(tensor: Any) -> bool:
    """False for tensors that stand for others or for none: fake, meta, of ``torch.func``, of a program's own kind."""
    if tensor.is_meta:
        return False
    keys = torch._C._dispatch_keys(tensor)
    return not any(keys.has(key) for key in _WITHOUT_NUMBERS)


def grad_fn_of(tensor: Any) -> Any:
    """The tensor's ``grad_fn``; None also where PyTorch refuses to tell it."""
    try:
        return tensor.grad_fn
    except RuntimeError:
        return None


def edge_of(output: Any) -> tuple[Any, int] | None:
    """Node and slot of a root, which may be a GradientEdge; None for a tensor that needs no gradient."""
    if not isinstance(output, torch.Tensor):
        return output.node, output.output_nr
    node = grad_fn_of(output)
    if node is not None:
        return node, output.output_nr
    return (_accumulator(output), 0) if output.requires_grad and output.is_leaf else None


def _accumulator(leaf: Any) -> Any:
    """A leaf's AccumulateGrad, asked for in a thread of its own, which has sequence numbers of its own."""
    found: list[Any] = []

    def ask() -> None:
        with torch.enable_grad():
            found.append(leaf.view_as(leaf).grad_fn.next_functions[0][0])

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return found[0]


def sequence_of(node: Any) -> int:
    """The number a node is queued by."""
    return LAST if node.name() == ACCUMULATE else int(node._sequence_nr())


def is_custom(node: Any) -> bool:
    """Is it the node of a Function that the program wrote?"""
    return isinstance(node, torch.autograd.function.BackwardCFunction)


def raw_saved(node: Any) -> list[tuple[str, Any]]:
    """What holds the node's saved tensors, by name, without unpacking any; nothing once they are freed."""
    if is_custom(node):
        held = _ask(node, "_raw_saved_tensors") or ()
        return [(f"saved_tensors[{index}]", each) for index, each in enumerate(held)]
    found: list[tuple[str, Any]] = []
    for attribute in dir(node):
        if attribute.startswith("_raw_saved_"):
            held = _ask(node, attribute)
            name = attribute.removeprefix("_raw_saved_")
            if isinstance(held, (list, tuple)):
                found += [(f"{name}[{index}]", each) for index, each in enumerate(held)]
            elif held is not None:
                found.append((name, held))
    return found


def _ask(node: Any, attribute: str) -> Any:
    try:
        return getattr(node, attribute)
    except (AttributeError, RuntimeError):  # freed already
        return None


def is_packed(held: Any) -> bool:
    """Does a hook of the program's unpack it? Then only the engine may."""
    return getattr(held, "unpack_hook", None) is not None


def saves_tensors(node: Any) -> bool:
    """Does the node hold tensors that the engine lets go after it ran?"""
    return any(is_packed(held) or getattr(held, "data", held) is not None for _, held in raw_saved(node))


def new_nodes(results: list[Any], first: int) -> list[Any]:
    """The nodes behind the results that were numbered from ``first`` on, in the order they were made."""
    found: dict[Any, None] = {}
    stack = [(grad_fn_of(tensor), True) for tensor in results]
    while stack:
        node, is_result = stack.pop()
        if node is None or node in found or node.name() == ACCUMULATE:
            continue
        number = node._sequence_nr()
        if number < first or (number == LAST and not is_result):
            continue
        found[node] = None
        stack.extend((target, False) for target, _ in node.next_functions)
    return sorted(found, key=lambda node: int(node._sequence_nr()))
