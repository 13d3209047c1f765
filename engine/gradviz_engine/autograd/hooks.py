"""Handles of registered hooks, and the checks on what a hook returns."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradviz_engine.tensor import Tensor

_ids = itertools.count()


class _HookDict(dict[int, Callable[..., Any]]):
    """A dict that can be referred to weakly, so that a handle keeps nothing alive."""


class RemovableHandle:
    """``handle.remove()`` takes the hook away; as a context manager, at the end of the block."""

    __module__ = "torch.utils.hooks"

    def __init__(self, hooks: dict[int, Any]) -> None:
        self.id = next(_ids)
        self._find = weakref.ref(hooks) if isinstance(hooks, _HookDict) else (lambda: hooks)

    @classmethod
    def add(cls, hooks: dict[int, Any], hook: Callable[..., Any]) -> RemovableHandle:
        handle = cls(hooks)
        hooks[handle.id] = hook
        return handle

    def remove(self) -> None:
        hooks = self._find()
        if hooks is not None:
            hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def new_hooks() -> dict[int, Callable[..., Any]]:
    return _HookDict()


def call_tensor_hook(hook: Callable[..., Any], gradient: Tensor | None) -> Tensor | None:
    """Run one tensor hook; the gradient it returns must have the same shape and dtype."""
    if gradient is None:
        return None
    result = hook(gradient)
    return gradient if result is None else check_hook_result(hook, gradient, result)


def check_hook_result(hook: Callable[..., Any], old: Tensor | None, new: Any) -> Tensor | None:
    from gradviz_engine.tensor import Tensor

    name = getattr(hook, "__name__", str(hook))
    if not isinstance(new, Tensor):
        raise TypeError(f"expected Variable, but hook returned '{type(new).__name__}'")
    if old is not None:
        if new.dtype is not old.dtype:
            raise RuntimeError(f"hook '{name}' has changed the type of value (was {old.type()} got {new.type()})")
        if new._data.shape != old._data.shape:
            raise RuntimeError(f"hook '{name}' has changed the size of value")
    return new
