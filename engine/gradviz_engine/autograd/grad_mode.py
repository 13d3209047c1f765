"""Whether operations are recorded: ``no_grad``, ``enable_grad``, ``set_grad_enabled``, ``inference_mode``."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from typing import Any, Self, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class _Mode(threading.local):
    """Each thread has its own modes and numbers its nodes from 0, as PyTorch does."""

    enabled: bool = True
    inference: bool = False
    sequence: int = 0


mode = _Mode()


def is_grad_enabled() -> bool:
    return mode.enabled


def is_inference_mode_enabled() -> bool:
    return mode.inference


class _Decorating:
    """A context manager that also decorates functions, generator functions included."""

    def _again(self) -> _Decorating:
        return type(self)()

    def __enter__(self) -> Any:
        raise NotImplementedError

    def __exit__(self, *exc: object) -> None:
        raise NotImplementedError

    def __call__(self, function: F) -> F:
        if inspect.isgeneratorfunction(function):
            return _wrap_generator(self, function)

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self._again():
                return function(*args, **kwargs)

        return wrapped  # type: ignore[return-value]


def _wrap_generator(context: _Decorating, function: F) -> F:
    """Enter the mode only while the generator runs, not while its consumer does."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        generator = function(*args, **kwargs)
        request: Any = None
        while True:
            try:
                with context._again():
                    item = generator.send(request)
            except StopIteration as stop:
                return stop.value
            request = yield item

    return wrapped  # type: ignore[return-value]


class _SetsMode(_Decorating):
    target: bool

    def __enter__(self) -> Any:
        self._previous = mode.enabled
        mode.enabled = self.target
        return self

    def __exit__(self, *exc: object) -> None:
        mode.enabled = self._previous


class no_grad(_SetsMode):
    """Operations inside are not recorded."""

    target = False

    def __new__(cls, orig_func: Any = None) -> Self:
        """``@no_grad`` without parentheses decorates at once."""
        instance = super().__new__(cls)
        return instance if orig_func is None else instance(orig_func)


class enable_grad(_SetsMode):
    """Operations inside are recorded again."""

    target = True

    def __new__(cls, orig_func: Any = None) -> Self:
        """``@no_grad`` without parentheses decorates at once."""
        instance = super().__new__(cls)
        return instance if orig_func is None else instance(orig_func)


class set_grad_enabled(_Decorating):
    """Takes effect at once; used in ``with``, the previous mode comes back at the end."""

    def __init__(self, mode: bool) -> None:
        self.mode = mode
        self._previous = _Mode.enabled
        self._set()

    def _set(self) -> None:
        self._previous = mode.enabled
        mode.enabled = self.mode

    def _again(self) -> _Decorating:
        return set_grad_enabled(self.mode)

    def __call__(self, function: F) -> F:
        mode.enabled = self._previous
        return super().__call__(function)

    def __enter__(self) -> None:
        mode.enabled = self.mode

    def __exit__(self, *exc: object) -> None:
        mode.enabled = self._previous


class inference_mode(_Decorating):
    """``no_grad`` whose tensors can never enter a graph."""

    def __new__(cls, mode: Any = True) -> Any:
        instance = super().__new__(cls)
        if isinstance(mode, bool):
            instance.mode = mode
            return instance
        instance.mode = True
        return instance(mode)

    mode: bool

    def _again(self) -> _Decorating:
        again: _Decorating = inference_mode(self.mode)
        return again

    def __enter__(self) -> None:
        self._previous = (mode.enabled, mode.inference)
        mode.inference = self.mode
        mode.enabled = not self.mode

    def __exit__(self, *exc: object) -> None:
        mode.enabled, mode.inference = self._previous
