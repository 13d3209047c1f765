"""Stochastic gradient descent, with momentum (Sutskever et al. 2013, as torch.optim.SGD writes it)."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine.optim.optimizer import Array, Group, Optimizer, check_rates
from gradviz_engine.tensor import Tensor, wrap


class SGD(Optimizer):
    """``param -= lr * grad``; with momentum, of a velocity ``v = momentum * v + (1 - dampening) * grad``."""

    def __init__(
        self, params: Any, lr: float = 1e-3, momentum: float = 0, dampening: float = 0, weight_decay: float = 0,
        nesterov: bool = False, *, maximize: bool = False, foreach: bool | None = None, differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:  # fmt: skip
        check_rates(lr, weight_decay)
        if momentum < 0.0:
            raise ValueError(f"Invalid momentum value: {momentum}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov,
            "maximize": maximize, "foreach": foreach, "differentiable": differentiable, "fused": fused,
        })  # fmt: skip

    def _update(self, param: Tensor, grad: Array, group: Group) -> None:
        grad = self._descent(param, grad, group)
        room = self._room(grad, 1)
        momentum = group["momentum"]
        if momentum:
            state = self.state[param]
            kept = state.get("momentum_buffer")
            if kept is None:
                kept = state["momentum_buffer"] = wrap(grad.copy())
                velocity = kept._data
            else:
                velocity = kept._data
                velocity *= momentum
                velocity += np.multiply(grad, 1 - group["dampening"], out=room)
            if group["nesterov"]:
                ahead = np.multiply(velocity, momentum, out=room)
                grad = np.add(grad, ahead, out=self._room(grad))
            else:
                grad = velocity
        param._data -= np.multiply(grad, float(group["lr"]), out=room)
