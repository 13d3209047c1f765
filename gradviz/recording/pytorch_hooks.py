"""Modules, optimizers and custom functions: what PyTorch lets anyone hang a hook on, for all of them at once."""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from types import CodeType
from typing import Any

import torch
from torch.nn.modules import module as modules

from gradviz.recording.guard import entry
from gradviz.recording.pytorch_facts import new_nodes, tensors_in
from gradviz.recording.pytorch_mode import Watch
from gradviz.recording.recorder import Recorder


class Hooks:
    """Tells which module runs, a step parameter by parameter, a custom function as one operation."""

    def __init__(self, recorder: Recorder, watch: Watch) -> None:
        self.guard = recorder.guard
        self._recorder = recorder
        self._watch = watch
        self._versions: dict[int, int] = {}
        self._handles: list[Any] = []
        self._has_any = modules._has_any_global_hook
        self._apply = torch.autograd.Function.__dict__["apply"]

    def install(self) -> None:
        """Hang the hooks in; the program's own come after them, as they do when it adds them later."""
        from torch.optim import optimizer as optimizers

        self._handles = [
            modules.register_module_forward_pre_hook(lambda module, inputs: self.enter(module)),
            modules.register_module_forward_hook(lambda module, inputs, output: self.leave(module), always_call=True),
            optimizers.register_optimizer_step_pre_hook(
                lambda optimizer, args, kwargs: self.before_step(optimizer, sys._getframe(1).f_code)
            ),
            optimizers.register_optimizer_step_post_hook(lambda optimizer, args, kwargs: self.after_step(optimizer)),
        ]
        for hooks in (
            modules._global_forward_pre_hooks,
            modules._global_forward_hooks,
            optimizers._global_optimizer_pre_hooks,
            optimizers._global_optimizer_post_hooks,
        ):
            _move_last_to_front(hooks)
        torch.autograd.Function.apply = self._applied()
        modules._has_any_global_hook = self._has_others

    def remove(self) -> None:
        """Take all of them away."""
        for handle in self._handles:
            handle.remove()
        torch.autograd.Function.apply = self._apply
        modules._has_any_global_hook = self._has_any

    def _has_others(self) -> bool:
        """PyTorch warns when a compiled module meets global hooks; the recorder's two are taken away in time."""
        own = {handle.id for handle in self._handles}
        tables = (
            modules._global_backward_pre_hooks,
            modules._global_backward_hooks,
            modules._global_forward_hooks,
            modules._global_forward_pre_hooks,
            modules._global_forward_hooks_always_called,
            modules._global_forward_hooks_with_kwargs,
        )
        return any(key not in own for table in tables for key in table)

    # Modules

    @entry("which module runs")
    def enter(self, module: Any) -> None:
        """A module is called."""
        self._recorder.enter_module(module)

    @entry("which module runs")
    def leave(self, module: Any) -> None:
        """It returned, or raised."""
        self._recorder.exit_module(module)

    # Custom functions

    def _applied(self) -> Any:
        """What their ``forward`` does inside is nobody's business."""
        original, watch, thread = self._apply, self._watch, threading.get_ident()

        def apply(cls: Any, *args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() != thread:
                return original.__get__(None, cls)(*args, **kwargs)
            first = torch._C._autograd._get_sequence_nr()
            watch.inside += 1
            try:
                result = original.__get__(None, cls)(*args, **kwargs)
            finally:
                watch.inside -= 1
            if not watch.inside:
                self.applied(cls, first, (args, kwargs), result)
            return result

        return classmethod(apply)

    @entry("a custom function")
    def applied(self, function: Any, first: int, given: Any, result: Any) -> None:
        """A custom function returned."""
        if torch._C._functorch.peek_interpreter_stack() is not None:
            return
        inputs, outputs = tensors_in(given), tensors_in(result)
        nodes = new_nodes(outputs, first)
        if nodes or any(tensor.requires_grad for tensor in inputs):
            self._recorder.op(function.__name__, nodes, inputs, outputs)

    # Optimizers

    @entry("an optimizer's step")
    def before_step(self, optimizer: Any, runs: CodeType) -> None:
        """A step begins, however it computes (one by one, all at once), in a function with the code ``runs``."""
        self._watch.steps.append(runs)
        for parameter in _parameters(optimizer):
            self._versions[id(parameter)] = parameter._version
            self._recorder.before_write(parameter, "")

    @entry("an optimizer's step")
    def after_step(self, optimizer: Any) -> None:
        """A step ends."""
        del self._watch.steps[-1:]  # another thread may have found that its own steps are over
        cause = f"{type(optimizer).__name__}.step"
        for parameter in _parameters(optimizer):
            if self._versions.pop(id(parameter), parameter._version) != parameter._version:
                self._recorder.after_write(parameter, cause)


def _move_last_to_front(hooks: OrderedDict[int, Any]) -> None:
    hooks.move_to_end(next(reversed(hooks)), last=False)


def _parameters(optimizer: Any) -> list[Any]:
    return [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
