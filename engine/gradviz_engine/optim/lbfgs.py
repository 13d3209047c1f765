"""L-BFGS (Nocedal 1980), heavily after torch.optim.LBFGS so that both take the same steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz_engine.autograd import observer
from gradviz_engine.autograd.grad_mode import enable_grad
from gradviz_engine.optim.line_search import Array, Point, strong_wolfe
from gradviz_engine.optim.optimizer import Optimizer, check_rates
from gradviz_engine.tensor import Tensor, wrap


def _number(loss: Any) -> float:
    """The loss a closure returned, a tensor or a number."""
    return float(loss.detach() if isinstance(loss, Tensor) else loss)


class LBFGS(Optimizer):
    """Needs a closure that computes the loss anew; all parameters form one vector, without groups."""

    def __init__(
        self, params: Any, lr: float = 1, max_iter: int = 20, max_eval: int | None = None,
        tolerance_grad: float = 1e-7, tolerance_change: float = 1e-9, history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:  # fmt: skip
        check_rates(lr)
        super().__init__(params, {
            "lr": lr, "max_iter": max_iter, "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change, "history_size": history_size,
            "line_search_fn": line_search_fn,
        })  # fmt: skip
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        self._params = self.param_groups[0]["params"]

    # The parameters as one vector

    def _flat_gradient(self) -> Array:
        parts = [
            np.zeros(p._data.size, p._data.dtype) if p._grad is None else p._grad._data.reshape(-1)
            for p in self._params
        ]
        return np.concatenate(parts)

    def _move(self, t: float, direction: Array) -> None:
        offset = 0
        for param in self._params:
            data = param._data
            change = direction[offset : offset + data.size].reshape(data.shape)
            self._write(param, data + change * t)
            offset += data.size

    def _restore(self, copies: list[Array]) -> None:
        for param, copy in zip(self._params, copies, strict=True):
            self._write(param, copy)

    @staticmethod
    def _write(param: Tensor, values: Array) -> None:
        watcher = observer.current
        cause = observer.current_cause("LBFGS.step")
        if watcher is not None:
            watcher.before_write(param, cause)
        param._data[...] = values
        param._bump()
        if watcher is not None:
            watcher.after_write(param, cause)

    # A step

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Up to ``max_iter`` moves along quasi-Newton directions; returns the loss from before them."""
        if closure is None:
            raise TypeError("LBFGS.step() missing 1 required positional argument: 'closure'")
        group = self.param_groups[0]
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)

        def evaluate() -> tuple[Any, Array]:
            with enable_grad():
                loss = closure()
            return loss, self._flat_gradient()

        first_loss, gradient = evaluate()
        state["func_evals"] += 1
        if np.abs(gradient).max() <= group["tolerance_grad"]:
            return first_loss
        loss, evaluations = _number(first_loss), 1
        for iteration in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            direction = self._direction(gradient, state)
            state["prev_flat_grad"], state["prev_loss"] = wrap(gradient.copy()), loss
            t = float(group["lr"])
            if state["n_iter"] == 1:
                t = min(1.0, 1.0 / float(np.abs(gradient).sum())) * t
            slope = float(gradient.dot(direction))
            state["d"], state["t"] = wrap(direction), t
            if slope > -group["tolerance_change"]:
                break
            last = iteration == group["max_iter"]
            before = loss
            loss, gradient, t, count = self._advanced(
                evaluate, Point(0, loss, gradient, slope), direction, t, last, group["max_eval"] - evaluations
            )
            state["t"] = t
            evaluations += count
            state["func_evals"] += count
            if last or evaluations >= group["max_eval"] or self._settled(gradient, direction * t, loss - before):
                break
        return first_loss

    def _settled(self, gradient: Array, change: Array, difference: float) -> bool:
        group = self.param_groups[0]
        return bool(
            np.abs(gradient).max() <= group["tolerance_grad"]
            or np.abs(change).max() <= group["tolerance_change"]
            or abs(difference) < group["tolerance_change"]
        )

    def _advanced(
        self, evaluate: Callable[[], tuple[Any, Array]], start: Point, direction: Array, t: float, last: bool,
        most: int,
    ) -> tuple[float, Array, float, int]:  # fmt: skip
        """Move; the loss and gradient there, how far it was, and how many evaluations it took."""
        search = self.param_groups[0]["line_search_fn"]
        if search is None:
            self._move(t, direction)
            if last:
                return start.loss, start.gradient, t, 0
            loss, gradient = evaluate()
            return _number(loss), gradient, t, 1
        if search != "strong_wolfe":
            raise RuntimeError("only 'strong_wolfe' is supported")
        copies = [p._data.copy() for p in self._params]

        def objective(t: float) -> tuple[float, Array]:
            self._move(t, direction)
            loss, gradient = evaluate()
            self._restore(copies)
            return _number(loss), gradient

        point, count = strong_wolfe(objective, start, direction, t, most)
        self._move(point.t, direction)
        return point.loss, point.gradient, point.t, count

    def _direction(self, gradient: Array, state: dict[str, Any]) -> Array:
        """``-H grad`` with H the inverse Hessian the remembered steps suggest (the two-loop recursion)."""
        if state["n_iter"] == 1:
            state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1.0)
            return -gradient
        change = gradient - state["prev_flat_grad"]._data
        step = state["d"]._data * state["t"]
        product = float(change.dot(step))
        if product > 1e-10:
            if len(state["old_dirs"]) == self.param_groups[0]["history_size"]:
                for name in ("old_dirs", "old_stps", "ro"):
                    state[name].pop(0)
            state["old_dirs"].append(wrap(change))
            state["old_stps"].append(wrap(step))
            state["ro"].append(1.0 / product)
            state["H_diag"] = product / float(change.dot(change))
        memory = [
            (y._data, s._data, ro) for y, s, ro in zip(state["old_dirs"], state["old_stps"], state["ro"], strict=True)
        ]
        q = -gradient
        weights = []
        for y, s, ro in reversed(memory):
            weights.append(float(s.dot(q)) * ro)
            q -= weights[-1] * y
        direction: Array = q * state["H_diag"]
        for (y, s, ro), weight in zip(memory, reversed(weights), strict=True):
            direction += (weight - float(y.dot(direction)) * ro) * s
        return direction
