"""AccumulateGrad: the sink of the backward graph, where a leaf's ``.grad`` is set or added to.

Source: torch/csrc/autograd/functions/accumulate_grad.h.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gradviz_engine.autograd import observer
from gradviz_engine.autograd.grad_mode import mode
from gradviz_engine.autograd.node import Node
from gradviz_engine.autograd.saved import Version

if TYPE_CHECKING:
    from gradviz_engine.tensor import Tensor

LAST = 2**64 - 1


class AccumulateGrad(Node):
    """The node of one leaf. ``owned`` is set by the engine where nobody else can hold the gradient's memory."""

    sequence = LAST
    owned: bool = False

    def __init__(self, variable: Tensor) -> None:
        self.variable = variable
        self.meta = ((variable._data.shape, variable._data.dtype),)
        variable._accumulator = weakref.ref(self)

    def name(self) -> str:
        return "torch::autograd::AccumulateGrad"

    @property
    def watched(self) -> bool:
        return bool(self.variable._hooks or self.prehooks or self.posthooks)

    @watched.setter
    def watched(self, value: bool) -> None:
        """Derived from the hooks themselves."""

    @property
    def tensor_hooks(self) -> dict[int, list[dict[int, Callable[..., Any]]]] | None:  # type: ignore[override]
        """A leaf's hooks stay with the leaf, since this node may die and be made anew."""
        hooks = self.variable._hooks
        return {0: [hooks]} if hooks else None

    def apply(self, gradients: list[Tensor | None], needed: Sequence[bool] | None) -> Sequence[Tensor | None]:
        gradient, variable = gradients[0], self.variable
        if gradient is None:
            return ()
        watcher = observer.current
        if watcher is not None:
            watcher.before_accumulate(self, variable, gradient)
        variable._grad = self._accumulated(variable, variable._grad, gradient)
        if watcher is not None:
            watcher.after_accumulate(self, variable, gradient)
        if variable._post_accumulate_hooks:
            for hook in list(variable._post_accumulate_hooks.values()):
                hook(variable)
        return ()

    def _accumulated(self, variable: Tensor, old: Tensor | None, gradient: Tensor) -> Tensor:
        if old is None:
            if mode.enabled and gradient.requires_grad:
                return _copied_under_grad_mode(gradient)
            return self._taken_over(variable, gradient)
        if mode.enabled:
            total: Tensor = old + gradient
            return total
        np.add(old._data, gradient._data, out=old._data)
        old._bump()
        return old

    def _taken_over(self, variable: Tensor, gradient: Tensor) -> Tensor:
        """Keep the gradient's own memory if it is ours alone and laid out like the leaf, else a copy.

        PyTorch's copy is an in-place ``copy_`` into new memory, hence its version 1.
        """
        data = gradient._data
        if self.owned and data.base is None and data.strides == variable._data.strides:
            return gradient._alias(None)
        copy = np.empty_like(variable._data)
        copy[...] = data
        return gradient._with_data(copy, Version(1))


def _copied_under_grad_mode(gradient: Tensor) -> Tensor:
    from gradviz_engine.ops.copying import copied

    return copied(gradient)
