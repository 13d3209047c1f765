"""The function mode: it sees every torch function that the program calls."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FrameType, FunctionType
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from gradviz.recording import pytorch_words as words
from gradviz.recording.guard import entry
from gradviz.recording.places import PASSED_ON
from gradviz.recording.pytorch_facts import new_nodes, tensors_in
from gradviz.recording.recorder import Recorder

_NO_TENSORS = frozenset({int, float, bool, str, type(None), torch.Size, torch.dtype, torch.device, torch.layout})
"""Types of results that there is nothing to tell of, unless something was written."""


@dataclass(slots=True)
class _Write:
    """What a call is about to write: tensors in place, or a leaf's ``.grad``."""

    tensors: list[Any]
    cause: str
    assigned: tuple[Any, Any, Any] | None = None
    """The leaf, its ``.grad`` before, and the one after."""


class Watch(TorchFunctionMode):
    """Sees operations, writes, and ``.grad = ...``; what happens inside of ``torch.func`` it lets pass."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self.guard = recorder.guard
        self.steps: list[CodeType] = []
        """What runs each ``optimizer.step`` that has begun: it is told as a whole."""
        self.inside = 0
        """Above 0 inside a custom function's forward, which is told as a whole."""
        self._recorder = recorder
        self._above = 0
        self._was_there = True
        """False where it was taken away while one of its own calls ran, for which PyTorch had it off the stack."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        call = _pass_on(sys._getframe(1))
        if self.guard.closed or not self._recorder.listening or self.inside or _is_transformed():
            return call(func, args, kwargs)
        name = getattr(func, "__name__", "")
        write = self.before(func, name, args, kwargs) if words.may_write(name) or "out" in kwargs else None
        first = torch._C._autograd._get_sequence_nr()
        result = call(func, args, kwargs)
        if write is not None or type(result) not in _NO_TENSORS:
            self.after(func, name, first, (args, kwargs), result, write)
        return result

    @entry("a write")
    def before(self, func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Write | None:
        """Note what the function is about to write."""
        if name == "__set__":
            return self._assignment(getattr(getattr(func, "__self__", None), "__name__", ""), args)
        written = [] if self._is_stepping() else _written(name, args, kwargs)
        if not written:
            return None
        cause = words.cause(words.of_write(name), self._recorder.places)
        for tensor in written:
            self._recorder.before_write(tensor, cause)
        return _Write(written, cause)

    def _assignment(self, attribute: str, args: tuple[Any, ...]) -> _Write | None:
        """``data`` is assigned to, or ``grad`` of a leaf."""
        if attribute == "data" and not self._is_stepping():
            self._recorder.before_write(args[0], "assign")
            return _Write([args[0]], "assign")
        if attribute != "grad" or len(args) != 2 or not args[0].is_leaf:
            return None
        variable, after = args
        if variable.grad is after:
            return None
        default = "set_to_none" if after is None else "assign"
        return _Write([], words.cause(default, self._recorder.places), (variable, variable.grad, after))

    @entry("an operation")
    def after(self, func: Any, name: str, first: int, given: Any, result: Any, write: _Write | None) -> None:
        """Tell what was written, and the operation."""
        if write is not None:
            for tensor in write.tensors:
                self._recorder.after_write(tensor, write.cause)
            if write.assigned is not None:
                self._recorder.grad_assigned(*write.assigned, write.cause)
        made = tensors_in(result) or ([] if write is None else write.tensors)
        nodes = new_nodes(made, first)
        if torch.is_anomaly_enabled():
            self._leave_stacks(nodes)
        if name in ("__get__", "__set__"):
            name = func.__self__.__name__ if nodes else name
        if name in words.NO_OPERATION or name.endswith("_like") or not made:
            return
        if not nodes and self._is_stepping():  # the optimizer's own arithmetic, not a closure's forward pass
            return
        inputs = tensors_in(given)
        if nodes or any(tensor.requires_grad for tensor in inputs):
            self._recorder.op(words.of_operation(name), nodes, inputs, made)

    def _is_stepping(self) -> bool:
        """Does a step run? One that raised has no end that could be heard of; it is gone from the stack."""
        if not self.steps:
            return False
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if frame.f_code is self.steps[0]:
                return True
            frame = frame.f_back
        self.steps.clear()
        return False

    def _leave_stacks(self, nodes: list[Any]) -> None:
        """Under ``detect_anomaly`` each node keeps the stack it was made in, to be printed."""
        for node in nodes:
            stack = node.metadata.get("traceback_")
            if stack:
                stack[:] = [text for text in stack if PASSED_ON not in text and __file__ not in text]

    # Where the mode must not be seen

    def leave(self) -> bool:
        """Take the mode off this thread's stack, from under those of the program's; False if it was not there."""
        above: list[Any] = []
        while torch._C._len_torch_function_stack():
            mode = torch._C._pop_torch_function_stack()
            if mode is self:
                break
            above.append(mode)
        else:
            self._put_back(above)
            return False
        self._put_back(above)
        self._above = len(above)
        return True

    def return_to(self) -> None:
        """Put the mode back where it was taken from."""
        count = min(self._above, torch._C._len_torch_function_stack())
        above = [torch._C._pop_torch_function_stack() for _ in range(count)]
        torch._C._push_on_torch_function_stack(self)
        self._put_back(above)

    @staticmethod
    def _put_back(modes: list[Any]) -> None:
        for mode in reversed(modes):
            torch._C._push_on_torch_function_stack(mode)

    def install(self) -> None:
        """Begin to watch: the mode, and what PyTorch asks to know whether there are any."""
        if self._was_there:
            self.return_to()
        self._asked = torch.overrides.has_torch_function
        torch.overrides.has_torch_function = self._has_torch_function(self._asked)

    def remove(self) -> None:
        """End it."""
        torch.overrides.has_torch_function = self._asked
        self._was_there = self.leave()

    def _has_torch_function(self, original: Callable[[Any], bool]) -> Callable[[Any], bool]:
        """Attention takes a faster way, with other roundings, where no mode is; this one must not count."""

        def has_torch_function(args: Any) -> bool:
            with self._apart():
                return original(args)

        return has_torch_function

    @contextmanager
    def _apart(self) -> Iterator[None]:
        was_there = self.leave()
        try:
            yield
        finally:
            if was_there:
                self.return_to()


_calls: dict[tuple[CodeType, int, int], Callable[..., Any]] = {}
_template = (lambda __func, __args, __kwargs: __func(*__args, **__kwargs)).__code__


def _pass_on(frame: FrameType) -> Callable[..., Any]:
    """What calls a function from where the program does, by file and line.

    PyTorch's warnings, and its tracers, tell of the innermost frames; those of the recorder must not be among them.
    """
    if frame.f_code.co_name == "handle_torch_function" and frame.f_back is not None and frame.f_back.f_back is not None:
        frame = frame.f_back.f_back  # a function written in Python, which is called once more
    key = frame.f_code, frame.f_lineno, id(frame.f_globals)
    call = _calls.get(key)
    if call is None:
        code = _template.replace(
            co_filename=frame.f_code.co_filename,
            co_firstlineno=frame.f_lineno,
            co_name=PASSED_ON,
            co_qualname=PASSED_ON,
        )
        call = _calls[key] = FunctionType(code, frame.f_globals)
    return call


def _is_transformed() -> bool:
    """Does ``torch.func`` (vmap, grad) run, or a tracer that would take the recorder's questions for operations?"""
    return torch._C._functorch.peek_interpreter_stack() is not None or torch._C._get_tracing_state() is not None


def _written(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """The tensors a function writes in place, as far as its name tells."""
    out = tensors_in(kwargs.get("out"))
    first = args[0] if args else kwargs.get("tensor")  # torch.nn.init hands its tensor on by name
    return tensors_in(first) if not out and words.writes_first_argument(name) else out
