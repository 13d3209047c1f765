"""RMSprop (Hinton, lecture 6 of Neural Networks for Machine Learning)."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine.optim.optimizer import Array, Group, Optimizer, check_rates, count_step, new_step, zeros
from gradviz_engine.tensor import Tensor


class RMSprop(Optimizer):
    """Steps of ``lr * grad / (√v + eps)``, v the running mean of the gradient's square (or its variance)."""

    def __init__(
        self, params: Any, lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0,
        momentum: float = 0, centered: bool = False, capturable: bool = False, foreach: bool | None = None,
        maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_rates(lr, weight_decay, eps)
        if not momentum >= 0.0:
            raise ValueError(f"Invalid momentum value: {momentum}")
        if not alpha >= 0.0:
            raise ValueError(f"Invalid alpha value: {alpha}")
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
            "weight_decay": weight_decay, "capturable": capturable, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable,
        })  # fmt: skip

    def _update(self, param: Tensor, grad: Array, group: Group) -> None:
        state = self.state[param]
        if not state:
            state.update(step=new_step(), square_avg=zeros(param))
            if group["momentum"] > 0:
                state["momentum_buffer"] = zeros(param)
            if group["centered"]:
                state["grad_avg"] = zeros(param)
        count_step(state)
        grad = self._descent(param, grad, group)
        alpha, lr = group["alpha"], float(group["lr"])
        square = state["square_avg"]._data
        room = self._room(grad, 1)
        square *= alpha
        square += np.multiply(np.multiply(grad, grad, out=room), 1 - alpha, out=room)
        if group["centered"]:
            mean = state["grad_avg"]._data
            mean += np.multiply(np.subtract(grad, mean, out=room), 1 - alpha, out=room)
            square = np.subtract(square, np.multiply(mean, mean, out=room), out=room)
        scale = np.sqrt(square, out=room)
        scale += group["eps"]
        change = np.divide(grad, scale, out=room)
        if group["momentum"] > 0:
            velocity = state["momentum_buffer"]._data
            velocity *= group["momentum"]
            velocity += change
            change = velocity
        param._data -= np.multiply(change, lr, out=room)
