"""Numbers in columns that grow, and what a trace hands out of them: one array for each field of all rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradviz.trace.fields import Layout

Array = NDArray[Any]


class Growing:
    """An array that grows at its end. What was handed out before keeps its length."""

    __slots__ = ("_data", "_used")

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._data: Array = np.empty(0, dtype)
        self._used = 0

    def __len__(self) -> int:
        return self._used

    def extend(self, numbers: Array) -> None:
        """Append the numbers."""
        needed = self._used + len(numbers)
        if needed > len(self._data):
            # A first piece fits exactly: most traces are read once and never grow.
            room = needed if not self._used else max(needed, self._used * 3 // 2)
            data = np.empty(room, self._data.dtype)
            data[: self._used] = self._data[: self._used]
            self._data = data
        self._data[self._used : needed] = numbers
        self._used = needed

    def put(self, at: Array, numbers: Array) -> None:
        """Write over some of them."""
        self._data[: self._used][at] = numbers

    @property
    def numbers(self) -> Array:
        """All of them, read-only."""
        view = self._data[: self._used]
        view.flags.writeable = False
        return view


class Ragged:
    """A list for each row: the entries of row i are ``starts[i]`` to ``starts[i + 1]`` of each part.

    ``values`` are the entries of a list of plain numbers; the parts of one of records are attributes, by their
    names (``columns.roots.node``).
    """

    __slots__ = ("_parts", "starts")

    def __init__(self, starts: Array, parts: Mapping[str, Array]) -> None:
        self.starts = starts
        self._parts = parts

    @property
    def values(self) -> Array:
        """The entries of all rows."""
        return self._parts[""]

    @property
    def parts(self) -> list[Array]:
        """All parts, in order."""
        return list(self._parts.values())

    @property
    def owners(self) -> NDArray[np.int64]:
        """For each entry the row it belongs to."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))

    def __getattr__(self, part: str) -> Array:
        try:
            return self._parts[part]
        except KeyError:
            raise AttributeError(part) from None


class Columns:
    """The fields of all rows of one class, by name: ``trace.columns(Flow).source``.

    int32 unless the field is declared wider: widen before multiplying. -1 stands for None, nan in floats; a word
    is its place in `words`; a text is an id in ``trace.texts``; a list is a `Ragged`. Of a list that is stored by
    its changes ``<name>_came`` and ``<name>_went`` are what is there (see ``changes``).
    """

    __slots__ = ("_arrays", "_layout", "_ragged")

    def __init__(self, layout: Layout, arrays: Mapping[str, Array]) -> None:
        self._layout = layout
        self._arrays = arrays
        self._ragged: dict[str, Ragged] = {}

    def __len__(self) -> int:
        return len(next(iter(self._arrays.values())))

    def words(self, field: str) -> tuple[Any, ...]:
        """The words that the numbers of a field stand for."""
        return next(column.words for column in self._layout.columns if column.name == field)

    def __getattr__(self, field: str) -> Any:
        name = field.removesuffix("_came") + "+" if field.endswith("_came") else field
        name = name.removesuffix("_went") + "-" if name.endswith("_went") else name
        if f"{name}#" in self._arrays:
            return self.list(name)
        try:
            return self._arrays[name]
        except KeyError:
            raise AttributeError(field) from None

    def array(self, column: str) -> Array:
        """A column by its own name (see ``fields``)."""
        return self._arrays[column]

    def list(self, name: str) -> Ragged:
        """A list by its own name."""
        found = self._ragged.get(name)
        if found is None:
            counts = self._arrays[f"{name}#"]
            starts = np.zeros(len(counts) + 1, np.int64)
            np.cumsum(np.maximum(counts, 0), out=starts[1:])
            parts = {
                column.name[len(name) :].removeprefix("."): self._arrays[column.name]
                for column in self._layout.columns
                if column.of == name
            }
            found = self._ragged[name] = Ragged(starts, parts)
        return found
