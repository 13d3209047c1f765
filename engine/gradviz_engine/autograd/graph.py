"""``torch.autograd.graph``: nodes, gradient edges, hooks on saved tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from gradviz_engine.autograd import saved
from gradviz_engine.autograd.hooks import RemovableHandle
from gradviz_engine.autograd.node import Node, edge_of
from gradviz_engine.tensor import Tensor

__all__ = [
    "GradientEdge",
    "Node",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "increment_version",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_tensors_hooks",
]


class GradientEdge(NamedTuple):
    """Where a tensor's gradient arrives: a node and which of its forward outputs."""

    node: Node
    output_nr: int
    ownership_token: Any = None


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The edge of a tensor that requires grad, leaves included."""
    if not tensor.requires_grad:
        raise RuntimeError("It is not possible to get the gradient edge for a Tensor that does not require gradients")
    node, slot = edge_of(tensor)
    assert node is not None
    return GradientEdge(node, slot)


class saved_tensors_hooks:
    """Inside the block, what nodes save goes through ``pack`` at once and ``unpack`` when it is needed."""

    def __init__(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]) -> None:
        self.pack_hook = pack_hook
        self.unpack_hook = unpack_hook

    def __enter__(self) -> None:
        if saved.disabled_message is not None:
            raise RuntimeError(saved.disabled_message)
        saved.default_hooks.append((self.pack_hook, self.unpack_hook))

    def __exit__(self, *exc: object) -> None:
        saved.default_hooks.pop()


class save_on_cpu(saved_tensors_hooks):
    """Everything is on the CPU already: keeps copies, as PyTorch would."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(lambda tensor: tensor.detach().clone(), lambda packed: packed)


@contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Any:
    """Inside the block ``saved_tensors_hooks`` raises ``error_message``."""
    previous, saved.disabled_message = saved.disabled_message, error_message
    try:
        yield
    finally:
        saved.disabled_message = previous


def increment_version(tensor: Tensor | Sequence[Tensor]) -> None:
    """Count a change PyTorch cannot see, so that stale saved tensors are noticed."""
    for t in (tensor,) if isinstance(tensor, Tensor) else tensor:
        t._bump()


class _MultiHandle:
    def __init__(self, handles: Sequence[RemovableHandle]) -> None:
        self._handles = handles

    def remove(self) -> None:
        for handle in self._handles:
            handle.remove()

    def __enter__(self) -> _MultiHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def register_multi_grad_hook(tensors: Sequence[Tensor], fn: Callable[..., None], *, mode: str = "all") -> _MultiHandle:
    """Call ``fn`` with the gradients of all ``tensors`` once they are there (``mode="any"``: with the first)."""
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    seen: dict[int, Tensor] = {}

    def hook(index: int) -> Callable[[Tensor], None]:
        def inner(gradient: Tensor) -> None:
            seen[index] = gradient
            if mode == "any":
                if len(seen) == 1:
                    fn(gradient)
            elif len(seen) == len(tensors):
                fn([seen[i] for i in range(len(tensors))])
                seen.clear()

        return inner

    return _MultiHandle([t.register_hook(hook(i)) for i, t in enumerate(tensors)])
