"""From objects to columns, many at a time, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise
from operator import attrgetter, itemgetter
from typing import Any, Protocol

import numpy as np

from gradviz.trace.changes import Differ
from gradviz.trace.columns import Array, Columns
from gradviz.trace.fields import Column, Field, Layout
from gradviz.trace.texts import Texts


class Encoder:
    """Makes columns of objects of one class, which come in order."""

    def __init__(self, layout: Layout, texts: Texts) -> None:
        self._layout = layout
        self._texts = texts
        self._differs = {field.name: Differ(field.make is tuple) for field in layout.fields if field.changes}

    def columns(self, items: Sequence[Any]) -> dict[str, Array]:
        """The numbers of all columns, by name."""
        found: dict[str, Array] = {}
        for field in self._layout.fields:
            values = list(map(attrgetter(field.name), items))
            if field.changes:
                self._changes(field, items, values, found)
            elif field.listed:
                self._lists(field.columns, values, field.make, found)
            else:
                found[field.name] = self._numbers(field.columns[0], values)
        return found

    def end_call(self, call: int) -> None:
        """Lists of this call that are kept by their changes are over."""
        for differ in self._differs.values():
            differ.end(call)

    def forget(self) -> None:
        """Tell the next lists whole."""
        for differ in self._differs.values():
            differ.forget()

    def _changes(self, field: Field, items: Sequence[Any], values: list[Any], found: dict[str, Array]) -> None:
        differ = self._differs[field.name]
        changes = [differ.next(item.call, entries) for item, entries in zip(items, values, strict=True)]
        whole, *rest = field.columns
        went, came = rest[:2], rest[2:]
        found[whole.name] = np.array([change.whole for change in changes], np.bool_)
        self._lists(went, [change.went for change in changes], None, found)
        self._lists(came, [change.came for change in changes], tuple, found)

    def _lists(self, columns: Sequence[Column], values: list[Any], make: Any, found: dict[str, Array]) -> None:
        counts, *parts = columns
        found[counts.name] = np.array([-1 if entries is None else len(entries) for entries in values], counts.dtype)
        entries = list(chain.from_iterable(filter(None, values)))
        for place, column in enumerate(parts):
            if make is None:
                numbers = entries
            else:
                take: Any = itemgetter(place) if make is tuple else attrgetter(column.name.rpartition(".")[2])
                numbers = list(map(take, entries))
            found[column.name] = self._numbers(column, numbers)

    def _numbers(self, column: Column, values: list[Any]) -> Array:
        if column.text is not None:
            number = {"text": self._texts.number, "name": self._texts.of_name, "json": self._texts.of_value}[
                column.text
            ]
            values = [-1 if value is None and column.optional else number(value) for value in values]
        elif column.words:
            values = list(map(column.words.index, values))
        elif column.optional:
            nothing = float("nan") if column.dtype.kind == "f" else -1
            values = [nothing if value is None else value for value in values]
        return np.array(values, column.dtype)


class Lists(Protocol):
    """Finds lists that are stored by their changes."""

    def at(self, field: Field, row: int) -> list[Any]: ...


def decode(layout: Layout, columns: Columns, first: int, last: int, texts: Texts, lists: Lists) -> list[Any]:
    """The objects of rows ``first`` to ``last - 1``."""
    names = [field.name for field in layout.fields]
    values: list[Iterable[Any]] = [_values(field, columns, first, last, texts, lists) for field in layout.fields]
    if layout.position is not None:
        names.insert(0, layout.position)
        values.insert(0, range(first, last))
    return [layout.kind(**dict(zip(names, row, strict=True))) for row in zip(*values, strict=True)]


def _values(field: Field, columns: Columns, first: int, last: int, texts: Texts, lists: Lists) -> Iterable[Any]:
    if field.changes:
        return [tuple(lists.at(field, row)) for row in range(first, last)]
    if not field.listed:
        numbers = columns.array(field.name)[first:last]
        return _meanings(field.columns[0], numbers, texts, field.make, None if field.optional else field.default)
    starts = columns.list(field.name).starts[first : last + 1].tolist()
    parts = [
        iter(_meanings(column, columns.array(column.name)[starts[0] : starts[-1]], texts))
        for column in field.columns[1:]
    ]
    entries: Iterator[Any] = parts[0] if field.make is None else map(_maker(field.make), *parts)
    found = [tuple([next(entries) for _ in range(end - start)]) for start, end in pairwise(starts)]
    if not field.optional:
        return found
    counts = columns.array(f"{field.name}#")[first:last].tolist()
    return [None if count < 0 else entries for count, entries in zip(counts, found, strict=True)]


def _maker(make: Any) -> Any:
    return (lambda *parts: parts) if make is tuple else make


def _meanings(column: Column, numbers: Array, texts: Texts, make: Any = None, missing: Any = None) -> Sequence[Any]:
    """What the numbers stand for; ``missing``: a text that there is not, in a file from before there was the field."""
    values: list[Any] = numbers.tolist()
    if column.words:
        return [column.words[number] for number in values]
    if column.text == "json":
        return [missing if number < 0 else texts.value(number, make) for number in values]
    if column.text is not None:
        return [missing if number < 0 else texts[number] for number in values]
    if column.optional:
        if column.dtype.kind == "f":
            return [None if number != number else number for number in values]
        return [None if number < 0 else number for number in values]
    return values
