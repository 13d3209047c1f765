"""A track: how numbered items change over the steps of a trace, readable at any step in either direction.

Every change keeps the number it replaced, so walking it backwards needs no search, and the changes of
one item are sorted by step, so any item at any step is one binary search away. No snapshots are kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


class Track:
    """What items 0 .. n-1 hold at steps 0 .. N. Immutable; ``TrackBuilder`` makes one."""

    def __init__(
        self,
        initial: NDArray[Any],
        steps: NDArray[np.int64],
        items: NDArray[np.int64],
        old: NDArray[Any],
        new: NDArray[Any],
    ) -> None:
        """Changes sorted by step, at most one for an item at a step, ``old != new`` in each."""
        self.initial = initial
        self._steps, self._items, self._old, self._new = steps, items, old, new
        by_item = np.lexsort((steps, items))
        self._item_steps = steps[by_item]
        self._item_new = new[by_item]
        self._starts = np.searchsorted(items[by_item], np.arange(len(initial) + 1))
        # One sorted key for (item, step), so that all items can be looked up at once.
        self._stride = int(steps[-1]) + 2 if len(steps) else 2
        self._keys = items[by_item] * self._stride + self._item_steps

    def __len__(self) -> int:
        return len(self.initial)

    def value(self, item: int, step: int) -> int:
        """What ``item`` holds after ``step``; O(log of its changes)."""
        start, end = self._starts[item], self._starts[item + 1]
        position = start + np.searchsorted(self._item_steps[start:end], step, side="right")
        return int(self._item_new[position - 1] if position > start else self.initial[item])

    def values(self, step: int) -> NDArray[Any]:
        """What all items hold after ``step``, as a fresh array; O(items · log changes)."""
        wanted = np.arange(len(self)) * self._stride + min(step, self._stride - 1)
        positions = np.searchsorted(self._keys, wanted, side="right")
        changed = positions > self._starts[:-1]
        result = self.initial.copy()
        result[changed] = self._item_new[positions[changed] - 1]
        return result

    def between(self, start: int, end: int) -> NDArray[np.int64]:
        """The items changed in steps ``start`` < step <= ``end``, in order of change, with repeats."""
        return self._items[self._slice(start, end)]

    def move(self, values: NDArray[Any], start: int, end: int) -> None:
        """Turn ``values`` of step ``start`` into those of step ``end``, touching what differs."""
        # Where an item repeats, numpy keeps the last value assigned: the newest going forwards,
        # and with the slice reversed the oldest going back.
        if end >= start:
            span = self._slice(start, end)
            values[self._items[span]] = self._new[span]
        else:
            span = self._slice(end, start)
            values[self._items[span][::-1]] = self._old[span][::-1]

    def steps_of(self, item: int) -> NDArray[np.int64]:
        """The steps at which ``item`` changes."""
        return self._item_steps[self._starts[item] : self._starts[item + 1]]

    def _slice(self, start: int, end: int) -> slice:
        first, last = np.searchsorted(self._steps, (start, end), side="right")
        return slice(int(first), int(last))


class TrackBuilder:
    """Collects the changes of a track in the order they happen."""

    def __init__(self, initial: Iterable[int], dtype: DTypeLike = np.int64) -> None:
        self.now: list[int] = list(initial)
        self._initial = np.array(self.now, dtype=dtype)
        self._steps: list[int] = []
        self._items: list[int] = []
        self._old: list[int] = []

    def set(self, step: int, item: int, value: int) -> None:
        """``item`` holds ``value`` from ``step`` on. Steps never go back."""
        old = self.now[item]
        if old != value:
            self._steps.append(step)
            self._items.append(item)
            self._old.append(old)
            self.now[item] = value

    def build(self) -> Track:
        """The finished track; several changes of an item within one step become one, or none."""
        count = len(self._steps)
        steps = np.array(self._steps, dtype=np.int64)
        items = np.array(self._items, dtype=np.int64)
        old = np.array(self._old, dtype=self._initial.dtype)
        by_item = np.lexsort((np.arange(count), steps, items))
        steps, items, old = steps[by_item], items[by_item], old[by_item]
        same_item = items[1:] == items[:-1]
        # What a change sets is what the item's next change replaces, or what it holds at the end.
        now = np.array(self.now, dtype=self._initial.dtype)
        new = np.where(np.append(same_item, False), np.append(old[1:], old[:1]), now[items]) if count else old
        repeats = same_item & (steps[1:] == steps[:-1])
        first, last = np.insert(~repeats, 0, True), np.append(~repeats, True)
        if not count:
            first = last = np.zeros(0, dtype=bool)
        steps, items, old, new = steps[first], items[first], old[first], new[last]
        kept = np.flatnonzero(old != new)
        kept = kept[np.argsort(steps[kept], kind="stable")]
        return Track(self._initial, steps[kept], items[kept], old[kept], new[kept])
