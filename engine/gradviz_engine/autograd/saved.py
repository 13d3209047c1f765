"""Tensors that a node keeps for its backward, with PyTorch's checks on what happened to them since.

Note [Saved outputs]: an input is kept as the very tensor object. An output is kept as an alias without
history, since output -> grad_fn -> saved output would be a reference cycle; unpacked under grad mode it
gets its history back. The alias shares the output's version counter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from gradviz_engine.autograd.grad_mode import mode

if TYPE_CHECKING:
    from gradviz_engine.autograd.node import Node
    from gradviz_engine.tensor import Tensor

FREED_MESSAGE = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have "
    "already been freed). Saved intermediate values of the graph are freed when you call .backward() or "
    "autograd.grad(). Specify retain_graph=True if you need to backward through the graph a second time or "
    "if you need to access saved tensors after calling backward."
)

default_hooks: list[tuple[Callable[[Any], Any], Callable[[Any], Any]]] = []
"""The stack of ``saved_tensors_hooks`` in force: (pack, unpack)."""

disabled_message: str | None = None
"""What ``saved_tensors_hooks`` raises inside ``disable_saved_tensors_hooks``."""


class Version:
    """Counts in-place changes; a tensor, its views and its detached aliases share one."""

    __slots__ = ("number",)

    def __init__(self, number: int = 0) -> None:
        self.number = number


def version_counter(tensor: Tensor) -> Version:
    """The tensor's counter, made when first needed: most tensors are never changed in place."""
    counter = tensor._version_counter
    if counter is None:
        counter = tensor._version_counter = Version()
    return counter


class SavedTensor:
    """One saved tensor. ``output_nr`` is -1 for an input, else which output of its own node it is."""

    __slots__ = ("expected", "hooks", "output_nr", "packed", "tensor")

    def __init__(self, tensor: Tensor, output_nr: int = -1) -> None:
        counter = tensor._version_counter
        self.expected = 0 if counter is None else counter.number
        self.output_nr = output_nr
        self.hooks: tuple[Callable[[Any], Any], Callable[[Any], Any]] | None = None
        if output_nr >= 0:
            if counter is None:
                counter = tensor._version_counter = Version()
            tensor = tensor._alias(counter)
        if tensor._inference:
            raise RuntimeError(
                "Inference tensors cannot be saved for backward. Please do not use Tensors created in "
                "inference mode in computation tracked by autograd. To work around this, you can make a clone "
                "to get a normal tensor and use it in autograd, or use `torch.no_grad()` instead of "
                "`torch.inference_mode()`."
            )
        self.tensor: Tensor | None = tensor
        if default_hooks:
            self.register_hooks(*default_hooks[-1])

    def register_hooks(self, pack: Callable[[Any], Any], unpack: Callable[[Any], Any]) -> None:
        """Keep ``pack(tensor)`` instead of the tensor; ``unpack`` gives it back."""
        if self.tensor is None:
            raise RuntimeError(
                "Calling register_hooks on a saved tensor after it has been freed. Saved intermediate values "
                "of the graph are freed when you call .backward() or autograd.grad(). Specify "
                "retain_graph=True if you need to backward through the graph a second time or if you need to "
                "access saved variables after calling backward."
            )
        if self.hooks is not None:
            raise RuntimeError("Calling register_hooks on a saved tensor whose hooks have already been set.")
        with_history = self.tensor
        previous, mode.enabled = mode.enabled, False
        try:
            self.packed = pack(with_history)
        finally:
            mode.enabled = previous
        self.hooks = (pack, unpack)
        self.tensor = _without_numbers(with_history)

    def unpack(self, node: Node | None = None) -> Tensor:
        """The tensor, or RuntimeError where it was freed or changed in place since."""
        tensor = self.tensor
        if tensor is None:
            raise RuntimeError(FREED_MESSAGE)
        if self.hooks is not None:
            return self._unpack_through_hook(tensor, node)
        counter = tensor._version_counter
        if counter is not None and counter.number != self.expected:
            raise RuntimeError(_changed_message(tensor, self, node, counter.number))
        if self.output_nr >= 0 and mode.enabled and node is not None and tensor._data.dtype.kind in "fc":
            tensor = tensor._alias(counter)
            tensor._edge = (node, self.output_nr)
        return tensor

    def _unpack_through_hook(self, history: Tensor, node: Node | None) -> Tensor:
        from gradviz_engine.tensor import Tensor as TensorType

        assert self.hooks is not None
        result = self.hooks[1](self.packed)
        if not isinstance(result, TensorType):
            raise TypeError(
                f"Output of saved tensor unpack_hook expected to be a Tensor but got result of type {type(result)}"
            )
        if not mode.enabled or result._data.dtype.kind not in "fc":
            return result
        edge = history._edge if self.output_nr < 0 else (node, self.output_nr)
        if edge is not None and edge[0] is not None:
            result = result._alias(None)
            result._edge = edge
        return result

    def free(self) -> None:
        self.tensor = None
        self.packed = None

    @property
    def data(self) -> Any:
        return self.packed if self.hooks is not None else self.unpack()

    @property
    def unpack_hook(self) -> Any:
        return self.hooks[1] if self.hooks else None


def _without_numbers(tensor: Tensor) -> Tensor:
    """The tensor's place in the graph alone: what a pack hook has taken over need not be kept."""
    from gradviz_engine.autograd.node import edge_of

    place = tensor._with_data(np.empty(0, tensor._data.dtype), None)
    edge = edge_of(tensor)
    place._edge = edge if edge[0] is not None else None
    return place


class SavedNumber:
    """A Python number where PyTorch saves a wrapped tensor: freed with the rest, so a second backward raises."""

    __slots__ = ("freed", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.freed = False

    def unpack(self, node: Node | None = None) -> Any:
        """The number, or RuntimeError where it was freed."""
        if self.freed:
            raise RuntimeError(FREED_MESSAGE)
        return self.value

    def free(self) -> None:
        self.freed = True


def _changed_message(tensor: Tensor, saved: SavedTensor, node: Node | None, version: int) -> str:
    edge = tensor._edge if saved.output_nr < 0 else (node, saved.output_nr)
    maker = edge[0].name() if edge is not None and edge[0] is not None else None
    if maker is not None:
        maker = maker.rstrip("0123456789").removesuffix("Backward")
    which = f", which is output {edge[1]} of {maker}," if edge is not None and maker else ""
    from gradviz_engine.autograd import anomaly

    if anomaly.enabled:
        hint = (
            "the backtrace further above shows the operation that failed to compute its gradient. The variable "
            "in question was changed in there or anywhere later. Good luck!"
        )
    else:
        hint = (
            "enable anomaly detection to find the operation that failed to compute its gradient, with "
            "torch.autograd.set_detect_anomaly(True, check_nan=False)."
        )
    sizes = ", ".join(map(str, tensor._data.shape))
    return (
        "one of the variables needed for gradient computation has been modified by an inplace operation: "
        f"[{tensor.type()} [{sizes}]]{which} is at version {version}; "
        f"expected version {saved.expected} instead. Hint: {hint}"
    )
