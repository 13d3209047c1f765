"""Keeps the recorder and ``torch.compile`` apart: what is compiled is one operation.

Where compiled code may run, PyTorch's compiler sees every frame, mode and hook, and would compile the recorder
along with the program. PyTorch switches it on and off through one function, ``_maybe_set_eval_frame``: from the
moment a compiled function switches it on until the same call has switched it off, all of the recorder is taken
away. What such a function leaves to Python (graph breaks, a ``backward`` of its own) is part of the operation.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType, FunctionType, ModuleType
from typing import Any, Protocol

import torch

from gradviz.recording.guard import entry
from gradviz.recording.output import RecordedStream
from gradviz.recording.pytorch_facts import new_nodes, tensors_in
from gradviz.recording.recorder import Recorder

_MODULE = "torch._dynamo.eval_frame"
_SWITCH = "_maybe_set_eval_frame"


class Part(Protocol):
    """What the recorder has put into PyTorch."""

    def install(self) -> None: ...

    def remove(self) -> None: ...


@contextmanager
def beside_the_compiler(recorder: Recorder, parts: Sequence[Part]) -> Iterator[None]:
    """The parts are in place inside the block, but not while the compiler is on."""
    compiler = _Compiler(recorder, parts)
    finder = _Finder(compiler)
    if _MODULE in sys.modules:
        compiler.watch(sys.modules[_MODULE])
    else:  # it takes seconds to load, and few programs need it
        sys.meta_path.insert(0, finder)
    compiler.resume()
    try:
        yield
    finally:
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)
        compiler.pause()
        compiler.unwatch()


class _Compiler:
    """Follows the switch."""

    def __init__(self, recorder: Recorder, parts: Sequence[Part]) -> None:
        self.guard = recorder.guard
        self._recorder = recorder
        self._parts = parts
        self._there = False
        self._thread = threading.get_ident()
        self._module: Any = None
        self._outermost: FrameType | None = None
        self._first = 0

    def watch(self, module: ModuleType) -> None:
        """Stand in for the switch."""
        if hasattr(module, _SWITCH):
            self._module = module
            self._original = getattr(module, _SWITCH)
            setattr(module, _SWITCH, self._switch)
            self._keep_out_of(module)

    @entry("a compiled function")
    def _keep_out_of(self, module: Any) -> None:
        """What compiled code prints comes to the recorder after all: those frames are none to compile."""
        skip = module.FrameExecStrategy(module.FrameAction.SKIP, module.FrameAction.SKIP)
        for function in vars(RecordedStream).values():
            if isinstance(function, FunctionType):
                module.set_code_exec_strategy(function.__code__, skip)

    def unwatch(self) -> None:
        """Let it go."""
        if self._module is not None:
            setattr(self._module, _SWITCH, self._original)

    def resume(self) -> None:
        """Put the parts in place."""
        if not self._there:
            for part in self._parts:
                part.install()
            self._there = True

    def pause(self) -> None:
        """Take the parts away."""
        if self._there:
            for part in reversed(self._parts):
                part.remove()
            self._there = False

    def _switch(self, callback: Any) -> Any:
        """``callback`` compiles what runs next; None: nothing is compiled, as within the compiler itself."""
        if threading.get_ident() != self._thread:
            return self._original(callback)
        caller = sys._getframe(1)
        if self._outermost is None and callback is not None:
            self._outermost = caller
            self._first = torch._C._autograd._get_sequence_nr()
            self.pause()
        elif self._outermost is caller:
            self._outermost = None
            self.resume()
            self.compiled(caller, self._first)
        return self._original(callback)

    @entry("a compiled function")
    def compiled(self, frame: FrameType, first: int) -> None:
        """A compiled function returned to where it was called from: its frame knows what it took and gave."""
        known = frame.f_locals
        result, function = known.get("result"), known.get("fn")
        inputs, outputs = tensors_in((known.get("args"), known.get("kwargs"))), tensors_in(result)
        nodes = new_nodes(outputs, first)
        if outputs and (nodes or any(tensor.requires_grad for tensor in inputs)):
            self._recorder.op(_name_of(function), nodes, inputs, outputs)


def _name_of(function: Any) -> str:
    """What the program calls it: a module is known by its class."""
    owner = getattr(function, "__self__", None)
    return type(owner).__name__ if isinstance(owner, torch.nn.Module) else getattr(function, "__name__", "compiled")


class _Finder(importlib.abc.MetaPathFinder):
    """Waits for the program to load the compiler."""

    def __init__(self, compiler: _Compiler) -> None:
        self._compiler = compiler

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != _MODULE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self._compiler)
        return spec


class _Loader(importlib.abc.Loader):
    """Loads the module as its own loader does, then watches the switch in it."""

    def __init__(self, loader: Any, compiler: _Compiler) -> None:
        self._loader = loader
        self._compiler = compiler

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        found: ModuleType | None = self._loader.create_module(spec)
        return found

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._compiler.watch(module)
