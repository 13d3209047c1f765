"""Tables as sequences of objects, which are made when they are asked for."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

import numpy as np

from gradviz.trace.events import Event
from gradviz.trace.tables import EVENT_KINDS, Tables

Item = TypeVar("Item")

BLOCK = 1024
"""Objects made at a time for who walks over all of them."""


class _View(Sequence[Item], Generic[Item]):
    @abstractmethod
    def _block(self, first: int, last: int) -> list[Item]:
        """Items ``first`` to ``last - 1``."""

    @overload
    def __getitem__(self, at: int) -> Item: ...
    @overload
    def __getitem__(self, at: slice) -> list[Item]: ...
    def __getitem__(self, at: int | slice) -> Item | list[Item]:
        places = range(len(self))[at]
        if isinstance(places, int):
            return self._block(places, places + 1)[0]
        if not places:
            return []
        low, high = sorted((places[0], places[-1]))
        return self._block(low, high + 1)[:: places.step]

    def __eq__(self, other: object) -> bool:
        """As lists are equal: the same objects in the same order."""
        return isinstance(other, Sequence) and len(self) == len(other) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __iter__(self) -> Iterator[Item]:
        for first in range(0, len(self), BLOCK):
            yield from self._block(first, min(first + BLOCK, len(self)))


class Rows(_View[Item]):
    """The objects of one class, in the order of their ids."""

    def __init__(self, tables: Tables, kind: type[Item]) -> None:
        self._table = tables.table(kind)
        self._texts = tables.texts

    def __len__(self) -> int:
        return len(self._table)

    def _block(self, first: int, last: int) -> list[Item]:
        return self._table.objects(first, last, self._texts)


class Events(_View[Event]):
    """The events in the order in which they happened: ``events[n - 1].step == n``."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def __len__(self) -> int:
        return self._tables.steps

    def _block(self, first: int, last: int) -> list[Event]:
        tables = self._tables
        kinds, rows = tables.kinds[first:last], tables.rows[first:last]
        found: list[Any] = [None] * (last - first)
        for code in np.unique(kinds).tolist():
            places = np.flatnonzero(kinds == code).tolist()
            low, high = int(rows[places[0]]), int(rows[places[-1]])
            objects = tables.table(EVENT_KINDS[code]).objects(low, high + 1, tables.texts)
            for place, event in zip(places, objects, strict=True):
                found[place] = event
        return found
