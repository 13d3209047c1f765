"""Adagrad (Duchi, Hazan and Singer 2011)."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine.optim.optimizer import Array, Group, Optimizer, check_rates, count_step, new_step
from gradviz_engine.tensor import Tensor, wrap


class Adagrad(Optimizer):
    """Steps of ``lr * grad / (√s + eps)``, s the sum of the squares of all gradients so far."""

    def __init__(
        self, params: Any, lr: float = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
        initial_accumulator_value: float = 0, eps: float = 1e-10, foreach: bool | None = None, *,
        maximize: bool = False, differentiable: bool = False, fused: bool | None = None,
    ) -> None:  # fmt: skip
        check_rates(lr, weight_decay, eps)
        if not lr_decay >= 0.0:
            raise ValueError(f"Invalid lr_decay value: {lr_decay}")
        if not initial_accumulator_value >= 0.0:
            raise ValueError(f"Invalid initial_accumulator_value value: {initial_accumulator_value}")
        super().__init__(params, {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "fused": fused,
        })  # fmt: skip
        for group in self.param_groups:
            for param in group["params"]:
                total = np.full_like(param._data, initial_accumulator_value)
                self.state[param].update(step=new_step(), sum=wrap(total))

    def _update(self, param: Tensor, grad: Array, group: Group) -> None:
        state = self.state[param]
        step = count_step(state)
        grad = self._descent(param, grad, group)
        total = state["sum"]._data
        room = self._room(grad, 1)
        total += np.multiply(grad, grad, out=room)
        scale = np.sqrt(total, out=room)
        scale += group["eps"]
        change = np.divide(grad, scale, out=room)
        rate = float(group["lr"]) / (1 + (step - 1) * group["lr_decay"])
        param._data -= np.multiply(change, rate, out=room)
