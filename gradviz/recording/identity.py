"""Notes about live objects that do not keep them alive."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class IdentityNotes(Generic[T]):
    """A dictionary keyed by the objects themselves, whatever their ``==`` means; dead objects drop out.

    ``weakref.WeakKeyDictionary`` compares keys with ``==``, which tensors answer with a tensor.
    """

    def __init__(self) -> None:
        self._notes: dict[int, tuple[weakref.ref[Any], T]] = {}

    def get(self, item: Any) -> T | None:
        """The note about ``item``, or None."""
        entry = self._notes.get(id(item))
        return entry[1] if entry is not None and entry[0]() is item else None

    def set(self, item: Any, note: T) -> None:
        """Note something about ``item``, in place of what was noted before."""
        key = id(item)
        self._notes[key] = (weakref.ref(item, self._forget(key)), note)

    def _forget(self, key: int) -> Callable[[weakref.ref[Any]], None]:
        notes = self._notes

        def forget(dead: weakref.ref[Any]) -> None:
            entry = notes.get(key)
            if entry is not None and entry[0] is dead:  # not a newcomer at the same address
                del notes[key]

        return forget
