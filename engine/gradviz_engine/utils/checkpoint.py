"""``torch.utils.checkpoint``: forget what a part of the network saved, and compute it again when it is needed.

Source: torch/utils/checkpoint.py of PyTorch 2.13. The variant that is not reentrant replaces each saved tensor by
its number; the first one that is asked for runs the function again and catches what it saves.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from gradviz_engine.autograd import calls, engine
from gradviz_engine.autograd.function import Function
from gradviz_engine.autograd.grad_mode import enable_grad, no_grad
from gradviz_engine.autograd.graph import saved_tensors_hooks
from gradviz_engine.generator import default_generator
from gradviz_engine.random import fork_rng
from gradviz_engine.tensor import Tensor


class CheckpointError(RuntimeError):
    """The function did not save the same tensors when it ran again."""


class _AllSaved(Exception):
    """Ends a second run as soon as it has saved everything."""


def noop_context_fn() -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
    return nullcontext(), nullcontext()


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], tuple[Any, Any]] = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    **kwargs: Any,
) -> Any:
    """``function(*args)``, without keeping what its backward needs; that is computed again during backward."""
    if use_reentrant is None:
        warnings.warn(
            "torch.utils.checkpoint: the use_reentrant parameter should be passed explicitly. Starting in PyTorch "
            "2.9, calling checkpoint without use_reentrant will raise an exception. use_reentrant=False is "
            "recommended, but if you need to preserve the current default behavior, you can pass "
            "use_reentrant=True. Refer to docs for more details on the differences between the two variants.",
            stacklevel=2,
        )
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if use_reentrant:
        if kwargs:
            raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
        if context_fn is not noop_context_fn or debug:
            raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
        return CheckpointFunction.apply(function, preserve, *args)
    first, second = context_fn()
    run = _Run(function, args, kwargs, preserve, second, early_stop, determinism_check == "default")
    with saved_tensors_hooks(run.note, run.value), first:
        return function(*args, **kwargs)


class _Run:
    """What one call of ``checkpoint`` has to remember to run again."""

    def __init__(
        self, function: Callable[..., Any], args: Any, kwargs: Any, preserve: bool, context: Any, early_stop: bool,
        check: bool,
    ) -> None:  # fmt: skip
        self.function, self.args, self.kwargs = function, args, kwargs
        self.state = default_generator.get_state() if preserve else None
        self.context = context
        self.early_stop = early_stop
        self.check = check
        self.expected: list[tuple[Any, Any]] = []
        self.values: dict[int, Tensor] = {}

    def note(self, tensor: Tensor) -> int:
        self.expected.append((tensor._data.shape, tensor._data.dtype))
        return len(self.expected) - 1

    def value(self, number: int) -> Tensor:
        if number not in self.values:
            self._again()
        return self.values.pop(number)

    def _again(self) -> None:
        found: list[Tensor] = []

        def keep(tensor: Tensor) -> Tensor:
            found.append(tensor.detach())
            if self.early_stop and len(found) == len(self.expected):
                raise _AllSaved
            return tensor

        with _random_state(self.state), enable_grad(), self.context:
            try:
                with saved_tensors_hooks(keep, lambda tensor: tensor):
                    self.function(*self.args, **self.kwargs)
            except _AllSaved:
                pass
        self._compare(found)
        self.values = dict(enumerate(found))

    def _compare(self, found: Sequence[Tensor]) -> None:
        if len(found) != len(self.expected):
            raise CheckpointError(
                "torch.utils.checkpoint: A different number of tensors was saved during the original forward and "
                f"recomputation.\nNumber of tensors saved during forward: {len(self.expected)}\nNumber of tensors "
                f"saved during recomputation: {len(found)}."
            )
        for number, (tensor, (shape, dtype)) in enumerate(zip(found, self.expected, strict=True)):
            if self.check and (tensor._data.shape != shape or tensor._data.dtype != dtype):
                raise CheckpointError(
                    "torch.utils.checkpoint: Recomputed values for the following tensors have different metadata "
                    f"than during the forward pass.\ntensor at position {number}:\nsaved metadata: {shape}, {dtype}\n"
                    f"recomputed metadata: {tensor._data.shape}, {tensor._data.dtype}"
                )


@contextmanager
def _random_state(state: Tensor | None) -> Iterator[None]:
    if state is None:
        yield
        return
    with fork_rng():
        default_generator.set_state(state)
        yield


class CheckpointFunction(Function):
    """The reentrant variant: a node whose backward runs the function and a backward call of its own."""

    @staticmethod
    def forward(ctx: Any, run_function: Callable[..., Any], preserve: bool, *args: Any) -> Any:
        if not any(isinstance(a, Tensor) and a.requires_grad for a in args):
            warnings.warn("None of the inputs have requires_grad=True. Gradients will be None", stacklevel=4)
        ctx.run_function = run_function
        ctx.state = default_generator.get_state() if preserve else None
        ctx.others = [None if isinstance(a, Tensor) else a for a in args]
        ctx.places = [i for i, a in enumerate(args) if isinstance(a, Tensor)]
        ctx.save_for_backward(*(a for a in args if isinstance(a, Tensor)))
        with no_grad():
            return run_function(*args)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        if engine.restricted:
            raise RuntimeError(
                "When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or passing an "
                "`inputs` parameter to .backward(). To resolve this error, you can either set "
                "use_reentrant=False, or call .backward() without passing the `inputs` argument."
            )
        inputs = list(ctx.others)
        for place, tensor in zip(ctx.places, ctx.saved_tensors, strict=True):
            inputs[place] = tensor.detach().requires_grad_(tensor.requires_grad)
        with _random_state(ctx.state), enable_grad():
            results = ctx.run_function(*inputs)
        outputs = [results] if isinstance(results, Tensor) else list(results)
        wanted = [(o, g) for o, g in zip(outputs, grads, strict=True) if isinstance(o, Tensor) and o.requires_grad]
        if not wanted:
            raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not necessary")
        calls.backward([o for o, _ in wanted], [g for _, g in wanted])
        return None, None, *(a.grad if isinstance(a, Tensor) else None for a in inputs)


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """A chain of modules in ``segments`` parts, all but the last of them checkpointed."""
    modules = list(functions.children()) if hasattr(functions, "children") else list(functions)
    size = len(modules) // segments

    def chain(start: int, end: int) -> Callable[[Any], Any]:
        def forward(x: Any) -> Any:
            for module in modules[start:end]:
                x = module(x)
            return x

        return forward

    for start in range(0, size * (segments - 1), size):
        input = checkpoint(chain(start, start + size), input, use_reentrant=use_reentrant, **kwargs)
    return chain(size * (segments - 1), len(modules))(input)
