"""Calling a module that has hooks: forward ones around ``forward``, backward ones through the graph.

Backward hooks put an identity node, BackwardHookFunctionBackward, around the module: what passes the one at the
outputs are the gradients of the outputs, what leaves the one at the inputs are those of the inputs.
Source: torch/nn/modules/module.py and torch/utils/hooks.py of PyTorch 2.13.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from gradviz_engine.autograd.function import Function
from gradviz_engine.autograd.grad_mode import is_grad_enabled
from gradviz_engine.autograd.hooks import RemovableHandle, new_hooks
from gradviz_engine.tensor import Tensor

Hook = Callable[..., Any]


class BackwardHookFunction(Function):
    """The identity; its node is where a module's backward hooks hang."""

    @staticmethod
    def forward(ctx: Any, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.mark_non_differentiable(*[t for t in tensors if not t.requires_grad])
        return tensors

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        return gradients


class HookedCalls:
    """What a module does when it is called and somebody listens."""

    _hooked: bool = False
    _forward_hooks: dict[int, Hook]
    _forward_pre_hooks: dict[int, Hook]
    _backward_hooks: dict[int, Hook]
    _backward_pre_hooks: dict[int, Hook]
    _forward_hooks_with_kwargs: set[int]
    _forward_hooks_always_called: set[int]
    _forward_pre_hooks_with_kwargs: set[int]
    forward: Callable[..., Any]

    @staticmethod
    def _init_hooks(own: dict[str, Any]) -> None:
        for name in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks"):
            own[name] = new_hooks()
        for name in ("_forward_hooks_with_kwargs", "_forward_hooks_always_called", "_forward_pre_hooks_with_kwargs"):
            own[name] = set()

    def _register(self, hooks: dict[int, Hook], hook: Hook, prepend: bool = False) -> RemovableHandle:
        self._hooked = True
        handle = RemovableHandle.add(hooks, hook)
        if prepend:
            others = {key: value for key, value in hooks.items() if key != handle.id}
            hooks.clear()
            hooks.update({handle.id: hook, **others})
        return handle

    def register_forward_pre_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before ``forward``; what it returns replaces the arguments."""
        handle = self._register(self._forward_pre_hooks, hook, prepend)
        if with_kwargs:
            self._forward_pre_hooks_with_kwargs.add(handle.id)
        return handle

    def register_forward_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after ``forward``; what it returns replaces the output."""
        handle = self._register(self._forward_hooks, hook, prepend)
        if with_kwargs:
            self._forward_hooks_with_kwargs.add(handle.id)
        if always_call:
            self._forward_hooks_always_called.add(handle.id)
        return handle

    def register_full_backward_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` when the gradients of the inputs are computed."""
        return self._register(self._backward_hooks, hook, prepend)

    def register_full_backward_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` when the gradients of the outputs are computed."""
        return self._register(self._backward_pre_hooks, hook, prepend)

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """``forward`` with its hooks; those marked ``always_call`` run even when it raises."""
        called: set[int] = set()
        try:
            return self._run_hooks(args, kwargs, called)
        except Exception:
            for number, hook in list(self._forward_hooks.items()):
                if number in self._forward_hooks_always_called and number not in called:
                    self._call_in_spite(number, hook, args, kwargs)
            raise

    def _call_in_spite(self, number: int, hook: Hook, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        try:
            self._call_forward_hook(number, hook, args, kwargs, None)
        except Exception as error:
            warnings.warn(
                "module forward hook with ``always_call=True`` raised an exception that was silenced as another "
                f"error was raised in forward: {error}",
                stacklevel=4,
            )

    def _call_forward_hook(self, number: int, hook: Hook, args: Any, kwargs: Any, result: Any) -> Any:
        if number in self._forward_hooks_with_kwargs:
            return hook(self, args, kwargs, result)
        return hook(self, args, result)

    def _run_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any], called: set[int]) -> Any:
        args, kwargs = self._run_pre_hooks(args, kwargs)
        backward = None
        if self._backward_hooks or self._backward_pre_hooks:
            backward = BackwardHooks(self, self._backward_hooks.values(), self._backward_pre_hooks.values())
            args = backward.wrap_inputs(args)
        result = self.forward(*args, **kwargs)
        for number, hook in list(self._forward_hooks.items()):
            called.add(number)
            replacement = self._call_forward_hook(number, hook, args, kwargs, result)
            if replacement is not None:
                result = replacement
        if backward is not None:
            if not isinstance(result, (Tensor, tuple)):
                warnings.warn(
                    "For backward hooks to be called, module output should be a Tensor or a tuple of Tensors but "
                    f"received {type(result)}",
                    stacklevel=4,
                )
            result = backward.wrap_outputs(result)
        return result

    def _run_pre_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        for number, hook in list(self._forward_pre_hooks.items()):
            if number in self._forward_pre_hooks_with_kwargs:
                replacement = hook(self, args, kwargs)
                if replacement is None:
                    continue
                if not (isinstance(replacement, tuple) and len(replacement) == 2):
                    raise RuntimeError(
                        "forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got "
                        f"{replacement}."
                    )
                args, kwargs = replacement
            else:
                replacement = hook(self, args)
                if replacement is not None:
                    args = replacement if isinstance(replacement, tuple) else (replacement,)
        return args, kwargs


class BackwardHooks:
    """The backward hooks of one call: gradients of the outputs wait here for those of the inputs."""

    def __init__(self, module: Any, hooks: Any, pre_hooks: Any) -> None:
        self.module = module
        self.hooks: Sequence[Hook] = list(hooks)
        self.pre_hooks: Sequence[Hook] = list(pre_hooks)
        self.grad_outputs: tuple[Any, ...] | None = None
        self.input_places: list[int] | None = None
        self.output_places: list[int] | None = None
        self.inputs = self.outputs = 0

    def wrap_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        self.inputs = len(args)
        wrapped, self.input_places = _through_identity(args, self._listen_at_inputs)
        return wrapped

    def wrap_outputs(self, result: Any) -> Any:
        outputs = result if isinstance(result, tuple) else (result,)
        self.outputs = len(outputs)
        wrapped, self.output_places = _through_identity(outputs, self._listen_at_outputs)
        return wrapped if isinstance(result, tuple) else wrapped[0]

    def _listen_at_inputs(self, node: Any) -> None:
        node.register_hook(lambda grad_input, _: self._at_inputs(grad_input))

    def _listen_at_outputs(self, node: Any) -> None:
        node.register_hook(lambda _, grad_output: self._at_outputs(grad_output))

    def _at_inputs(self, grad_input: Sequence[Any]) -> tuple[Any, ...] | None:
        if self.grad_outputs is None:
            # The gradient came to the inputs by another way than the outputs, as in double backward.
            return None
        assert self.input_places is not None
        gradients: Any = _spread(self.input_places, grad_input, self.inputs)
        for hook in self.hooks:
            replacement = hook(self.module, gradients, self.grad_outputs)
            if replacement is None:
                continue
            replacement = replacement if isinstance(replacement, tuple) else (replacement,)
            if len(replacement) != len(gradients):
                raise RuntimeError(
                    "Backward hook returned an invalid number of grad_input, got "
                    f"{len(replacement)}, but expected {len(gradients)}"
                )
            gradients = replacement
        self.grad_outputs = None
        return tuple(gradients[i] for i in self.input_places)

    def _at_outputs(self, grad_output: Sequence[Any]) -> tuple[Any, ...] | None:
        assert self.output_places is not None
        gradients: Any = _spread(self.output_places, grad_output, self.outputs)
        for hook in self.pre_hooks:
            replacement = hook(self.module, gradients)
            if replacement is None:
                continue
            replacement = replacement if isinstance(replacement, tuple) else (replacement,)
            if len(replacement) != len(gradients):
                raise RuntimeError(
                    "Backward pre hook returned an invalid number of grad_output, got "
                    f"{len(replacement)}, but expected {len(gradients)}"
                )
            gradients = replacement
        self.grad_outputs = gradients
        if self.input_places is None:
            self._without_inputs()
        return tuple(gradients[i] for i in self.output_places)

    def _without_inputs(self) -> None:
        """No input requires grad: the hooks run now, with None for the inputs."""
        warnings.warn(
            "Full backward hook is firing when gradients are computed with respect to module outputs since no inputs "
            "require gradients. See https://docs.pytorch.org/docs/main/generated/torch.nn.Module.html"
            "#torch.nn.Module.register_full_backward_hook for more details.",
            stacklevel=5,
        )
        nothing = (None,) * self.inputs
        for hook in self.hooks:
            result = hook(self.module, nothing, self.grad_outputs)
            if result is not None and not (isinstance(result, tuple) and all(r is None for r in result)):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always return None or None "
                    "for all gradients."
                )
        self.grad_outputs = None


def _spread(places: Sequence[int], values: Sequence[Any], size: int) -> tuple[Any, ...]:
    """The values at their places, None elsewhere."""
    result: list[Any] = [None] * size
    for place, value in zip(places, values, strict=True):
        result[place] = value
    return tuple(result)


def _through_identity(values: tuple[Any, ...], listen: Callable[[Any], None]) -> tuple[Any, list[int] | None]:
    """The values with their tensors passed through one identity node; its places, or None where none needs grad."""
    places = [i for i, value in enumerate(values) if isinstance(value, Tensor)]
    tensors = [values[i] for i in places]
    if not (is_grad_enabled() and any(t.requires_grad for t in tensors)):
        return values, None
    passed = BackwardHookFunction.apply(*tensors)
    passed = passed if isinstance(passed, tuple) else (passed,)
    listen(next(t.grad_fn for t in passed if t.grad_fn is not None))
    result = list(values)
    for place, tensor in zip(places, passed, strict=True):
        result[place] = tensor
    return tuple(result), places
