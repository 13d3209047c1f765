"""Adam (Kingma and Ba 2015) and AdamW, which decays the weights apart from the gradient (Loshchilov, Hutter 2019)."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine.optim.optimizer import (
    Array,
    Group,
    Optimizer,
    check_betas,
    check_rates,
    count_step,
    new_step,
    zeros,
)
from gradviz_engine.tensor import Tensor


class Adam(Optimizer):
    """Steps of ``lr * m / (√v + eps)``, m and v running means of the gradient and of its square, unbiased."""

    def __init__(
        self, params: Any, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, amsgrad: bool = False, *, foreach: bool | None = None, maximize: bool = False,
        capturable: bool = False, differentiable: bool = False, fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:  # fmt: skip
        check_rates(lr, weight_decay, eps)
        check_betas(betas)
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad,
            "maximize": maximize, "foreach": foreach, "capturable": capturable, "differentiable": differentiable,
            "fused": fused, "decoupled_weight_decay": decoupled_weight_decay,
        })  # fmt: skip

    def _update(self, param: Tensor, grad: Array, group: Group) -> None:
        state = self.state[param]
        if not state:
            state.update(step=new_step(), exp_avg=zeros(param), exp_avg_sq=zeros(param))
            if group["amsgrad"]:
                state["max_exp_avg_sq"] = zeros(param)
        step = count_step(state)
        lr = float(group["lr"])
        grad = self._decayed(param, grad, group, lr)
        beta1, beta2 = group["betas"]
        mean, square = state["exp_avg"]._data, state["exp_avg_sq"]._data
        room = self._room(grad, 1)
        mean += np.multiply(np.subtract(grad, mean, out=room), 1 - beta1, out=room)
        square *= beta2
        square += np.multiply(np.multiply(grad, grad, out=room), 1 - beta2, out=room)
        if group["amsgrad"]:
            square = np.maximum(state["max_exp_avg_sq"]._data, square, out=state["max_exp_avg_sq"]._data)
        scale = np.sqrt(square, out=room)
        scale /= (1 - beta2**step) ** 0.5
        scale += group["eps"]
        change = np.divide(mean, scale, out=room)
        param._data -= np.multiply(change, lr / (1 - beta1**step), out=room)

    def _decayed(self, param: Tensor, grad: Array, group: Group, lr: float) -> Array:
        """The gradient to use; decoupled decay shrinks the parameter itself instead."""
        if not group["decoupled_weight_decay"]:
            return self._descent(param, grad, group)
        if group["weight_decay"]:
            param._data *= 1 - lr * group["weight_decay"]
            param._bump()
        return np.negative(grad, out=self._room(grad)) if group["maximize"] else grad


class AdamW(Adam):
    """Adam with decoupled weight decay, 0.01 unless told otherwise."""

    def __init__(
        self, params: Any, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 1e-2, amsgrad: bool = False, *, maximize: bool = False, foreach: bool | None = None,
        capturable: bool = False, differentiable: bool = False, fused: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize, capturable=capturable,
            differentiable=differentiable, fused=fused, decoupled_weight_decay=True,
        )  # fmt: skip
