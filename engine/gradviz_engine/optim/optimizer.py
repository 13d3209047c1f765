"""The base of the optimizers: parameter groups, state, and the loop over parameters.

An optimizer changes a parameter's memory in place, with numpy and without new arrays, and counts the change as
one on the tensor's version. The state is PyTorch's, name for name, so that ``state_dict`` is too.
"""

from __future__ import annotations

import functools
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from itertools import chain
from typing import Any

import numpy as np

from gradviz_engine.autograd import observer
from gradviz_engine.autograd.grad_mode import enable_grad, no_grad
from gradviz_engine.autograd.hooks import RemovableHandle
from gradviz_engine.tensor import Tensor, wrap

Array = np.ndarray[Any, Any]
Group = dict[str, Any]


class _Required:
    """Stands for an option that has no default."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()


def _reported(step: Callable[..., Any]) -> Callable[..., Any]:
    """A ``step`` with its hooks, whose writes are reported as its own (``SGD.step``)."""

    @functools.wraps(step)
    def wrapper(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        for before in list(self._step_pre_hooks.values()):
            changed = before(self, args, kwargs)
            if changed is not None:
                if not (isinstance(changed, tuple) and len(changed) == 2):
                    raise RuntimeError(
                        f"{step} must return None or a tuple of (new_args, new_kwargs), but got {changed}."
                    )
                args, kwargs = changed
        with observer.cause(f"{type(self).__name__}.step"):
            result = step(self, *args, **kwargs)
        for after in list(self._step_post_hooks.values()):
            after(self, args, kwargs)
        return result

    return wrapper


class Optimizer:
    """Base class. A subclass of the engine changes one parameter in ``_update``; a user's overrides ``step``."""

    __module__ = "torch.optim"

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if "step" in cls.__dict__:
            cls.step = _reported(cls.step)  # type: ignore[method-assign]

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self._step_pre_hooks: OrderedDict[int, Callable[..., Any]] = OrderedDict()
        self._step_post_hooks: OrderedDict[int, Callable[..., Any]] = OrderedDict()
        self._scratch: dict[tuple[int, np.dtype[Any]], Array] = {}
        self.state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[Group] = []
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                + params.type()
            )
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def add_param_group(self, param_group: Group) -> None:
        """Add parameters with options of their own; options that are not named take the defaults."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        given = param_group["params"]
        if isinstance(given, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the ordering of tensors in "
                "sets will change between runs. Please use a list instead."
            )
        members = [given] if isinstance(given, Tensor) else list(given)
        names = [p[0] for p in members if isinstance(p, tuple)]
        params = [p[1] if isinstance(p, tuple) else p for p in members]
        if names and len(names) != len(params):
            raise ValueError("all optimizer params should be with/without names. Some param names are missing")
        param_group["params"] = params
        if names:
            param_group["param_names"] = names
        for param in params:
            _check_optimizable(param)
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(f"parameter group didn't specify a value of required optimization parameter {name}")
            param_group.setdefault(name, default)
        self._check_distinct(param_group)
        self.param_groups.append(param_group)

    def _check_distinct(self, group: Group) -> None:
        identities = [id(p) for p in group["params"]]
        if len(set(identities)) != len(identities):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this will cause an "
                "error; see github.com/pytorch/pytorch/issues/40967 for more information",
                stacklevel=4,
            )
        others = [g for g in self.param_groups if g is not group]
        if any(("param_names" in g) != ("param_names" in group) for g in others):
            which = "with names" if "param_names" in group else "without names"
            raise ValueError(
                "all optimizer param groups should be with/without names. "
                f"cannot add param group {which} to the optimizer"
            )
        if not {id(p) for g in others for p in g["params"]}.isdisjoint(identities):
            raise ValueError("some parameters appear in more than one parameter group")

    # Stepping

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or fill them with zeros."""
        for group in self.param_groups:
            for param in group["params"]:
                gradient = param._grad
                if gradient is None:
                    continue
                if set_to_none:
                    param.grad = None
                    continue
                if gradient.grad_fn is not None:
                    gradient.detach_()
                else:
                    gradient.requires_grad_(False)
                with no_grad():
                    gradient.zero_()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient; ``closure`` computes the loss anew and is called first."""
        loss = _evaluated(closure)
        watcher = observer.current
        cause = observer.current_cause("step")
        for group in self.param_groups:
            for param in group["params"]:
                if param._grad is None:
                    continue
                if watcher is not None:
                    watcher.before_write(param, cause)
                self._update(param, param._grad._data, group)
                param._bump()
                if watcher is not None:
                    watcher.after_write(param, cause)
        return loss

    def _update(self, param: Tensor, grad: Array, group: Group) -> None:
        """Change ``param._data`` in place."""
        raise NotImplementedError

    def _room(self, like: Array, number: int = 0) -> Array:
        """Scratch memory of the array's shape and dtype, kept from step to step; one piece a number."""
        key = (number, like.dtype)
        room = self._scratch.get(key)
        if room is None or room.size < like.size:
            room = self._scratch[key] = np.empty(like.size, like.dtype)
        return room[: like.size].reshape(like.shape)

    def _descent(self, param: Tensor, grad: Array, group: Group) -> Array:
        """The gradient after ``maximize`` and ``weight_decay``: possibly scratch number 0, never the original."""
        decay = group["weight_decay"]
        if group.get("maximize"):
            grad = np.negative(grad, out=self._room(grad))
        if decay:
            decayed = np.multiply(param._data, decay, out=self._room(grad, 1))
            grad = np.add(grad, decayed, out=self._room(grad))
        return grad

    # State

    def state_dict(self) -> dict[str, Any]:
        """The state by the parameters' numbers, and the groups' options."""
        numbers: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            for param in group["params"]:
                numbers.setdefault(id(param), len(numbers))
            packed = {name: value for name, value in group.items() if name != "params"}
            packed["params"] = [numbers[id(p)] for p in group["params"]]
            groups.append(packed)
        state = {numbers[id(k)] if isinstance(k, Tensor) else k: v for k, v in self.state.items()}
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state that ``state_dict`` gave; ValueError where the groups do not match."""
        saved = deepcopy(state_dict["param_groups"])
        if len(saved) != len(self.param_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(len(s["params"]) != len(g["params"]) for s, g in zip(saved, self.param_groups, strict=True)):
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of optimizer's group"
            )
        numbers = chain.from_iterable(g["params"] for g in saved)
        params = chain.from_iterable(g["params"] for g in self.param_groups)
        by_number = dict(zip(numbers, params, strict=True))
        state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in by_number:
                state[by_number[key]] = _cast(by_number[key], value)
            else:
                state[key] = value
        for fresh, group in zip(saved, self.param_groups, strict=True):
            fresh["params"] = group["params"]
            if "param_names" in group:
                fresh.setdefault("param_names", group["param_names"])
        self.state, self.param_groups = state, saved

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` before each step; it may return new (args, kwargs)."""
        return RemovableHandle.add(self._step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` after each step."""
        return RemovableHandle.add(self._step_post_hooks, hook)

    def __repr__(self) -> str:
        lines = [type(self).__name__ + " ("]
        for number, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {number}")
            lines += [f"    {name}: {group[name]}" for name in sorted(group) if name != "params"]
        return "\n".join(lines) + "\n)"


Optimizer.step = _reported(Optimizer.step)  # type: ignore[method-assign]


def _check_optimizable(param: Any) -> None:
    if not isinstance(param, Tensor):
        kind = type(param)
        where = "" if kind.__module__ == "builtins" else kind.__module__ + "."
        raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {where}{kind.__qualname__}")
    if not (param.is_leaf or param.retains_grad):
        raise ValueError("can't optimize a non-leaf Tensor")


def _evaluated(closure: Callable[[], Any] | None) -> Any:
    if closure is None:
        return None
    with enable_grad():
        return closure()


def _cast(param: Tensor, value: Any, key: Any = None) -> Any:
    """Loaded state in the parameter's dtype; the count of steps keeps its own."""
    if isinstance(value, Tensor):
        if key == "step" or not param.is_floating_point():
            return wrap(value._data.copy())
        return wrap(value._data.astype(param._data.dtype))
    if isinstance(value, dict):
        return {k: _cast(param, v, k) for k, v in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return type(value)(_cast(param, v) for v in value)  # type: ignore[call-arg]
    return value


def check_rates(lr: Any, weight_decay: float = 0.0, eps: float = 0.0) -> None:
    """ValueError for what no optimizer accepts."""
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    if not float(lr) >= 0.0:
        raise ValueError(f"Invalid learning rate: {lr}")
    if not eps >= 0.0:
        raise ValueError(f"Invalid epsilon value: {eps}")
    if not weight_decay >= 0.0:
        raise ValueError(f"Invalid weight_decay value: {weight_decay}")


def check_betas(betas: tuple[float, float]) -> None:
    for index, beta in enumerate(betas):
        if not 0.0 <= beta < 1.0:
            raise ValueError(f"Invalid beta parameter at index {index}: {beta}")


def new_step() -> Tensor:
    """The count of steps, a float32 tensor as in PyTorch."""
    return wrap(np.zeros((), np.float32))


def count_step(state: dict[str, Any]) -> float:
    """Add one to the state's count and return it."""
    counter: Array = state["step"]._data
    counter += 1
    return float(counter)


def zeros(param: Tensor) -> Tensor:
    """State of the parameter's shape, dtype and layout."""
    return wrap(np.zeros_like(param._data))
