"""Lists that differ little from one event to the next: what a queue holds, which counts are open.

A change tells which entries went and which came. A list is told whole where that is shorter, and every so often,
so that no list takes long to find: at most after as many rows, or entries, as the list has.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

ROWS = 32
"""After this many rows a list is told whole again, unless it is longer than what changed since."""


class Change(NamedTuple):
    """Of a plain list ``came`` has (place, entry), of pairs the pairs themselves, known by their first part."""

    whole: bool
    went: Sequence[Any]
    came: Sequence[tuple[Any, Any]]


@dataclass(slots=True)
class _Kept:
    now: Sequence[Any]
    rows: int = 0
    changed: int = 0


@dataclass(slots=True)
class Differ:
    """Tells the changes of the lists of several calls, the first of each told whole."""

    pairs: bool
    _lists: dict[Hashable, _Kept] = field(default_factory=dict)

    def next(self, call: Hashable, entries: Sequence[Any]) -> Change:
        """What makes ``entries`` of the call's list before it."""
        kept = self._lists.get(call)
        if kept is None:
            self._lists[call] = _Kept(entries)
            return self._whole(entries)
        old, kept.now = kept.now, entries
        kept.rows += 1
        found = self._change(old, entries)
        if found is not None:
            kept.changed += len(found.went) + len(found.came)
            if kept.rows <= max(ROWS, len(entries)) or kept.changed <= len(entries):
                return found
        kept.rows = kept.changed = 0
        return self._whole(entries)

    def _whole(self, entries: Sequence[Any]) -> Change:
        return Change(True, (), list(entries) if self.pairs else list(enumerate(entries)))

    def end(self, call: Hashable) -> None:
        """Forget the call."""
        self._lists.pop(call, None)

    def forget(self) -> None:
        """Know no list any more: what comes next is told whole."""
        self._lists.clear()

    def _change(self, old: Sequence[Any], new: Sequence[Any]) -> Change | None:
        if old == new:
            return Change(False, (), ())
        if self.pairs:
            had, has = dict(old), dict(new)
            change = Change(
                False,
                [key for key in had if key not in has],
                [pair for pair in has.items() if had.get(pair[0]) != pair[1]],
            )
        else:
            before, after = set(old), set(new)
            change = Change(
                False,
                [entry for entry in old if entry not in after],
                [(place, entry) for place, entry in enumerate(new) if entry not in before],
            )
        return change if apply(list(old), change, self.pairs) == list(new) else None


def apply(entries: list[Any], change: Change, pairs: bool) -> list[Any]:
    """The list that a change makes of the one before it; pairs come out sorted. It takes whatever a file holds."""
    if pairs:
        counts = {} if change.whole else dict(entries)
        for key in change.went:
            counts.pop(key, None)
        counts.update(change.came)
        return sorted(counts.items())
    went = set(change.went)
    kept = [] if change.whole else [entry for entry in entries if entry not in went] if went else list(entries)
    for place, entry in change.came:
        kept.insert(place, entry)
    return kept
