"""All that a trace holds but the contents of its tensors: a table of columns for each class, and its texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradviz.trace.changes import Change, apply
from gradviz.trace.columns import Array, Columns, Growing
from gradviz.trace.events import EVENT_TYPES, BackwardEnd, Event, NodeBegin
from gradviz.trace.fields import Field, layout_of
from gradviz.trace.model import Edge, Fact, GraphNode, Label, Source, TensorInfo, Value
from gradviz.trace.rows import Encoder, decode
from gradviz.trace.texts import Texts

META = "meta"
NOUNS: dict[str, type] = {
    META: Fact,
    "source": Source,
    "node": GraphNode,
    "edge": Edge,
    "value": Value,
    "label": Label,
    "tensor": TensorInfo,
}
KINDS: dict[str, type] = {**NOUNS, **EVENT_TYPES}
"""What there is a table of: nouns and kinds of events, by name."""
EVENT_KINDS: tuple[type[Event], ...] = tuple(EVENT_TYPES.values())


class Table:
    """The rows of one class."""

    def __init__(self, kind: type) -> None:
        self.layout = layout_of(kind)
        self._columns = {column.name: Growing(column.dtype) for column in self.layout.columns}
        self._seen: Columns | None = None
        self._before: NDArray[np.int64] | None = None
        self._last: dict[str, tuple[int, list[Any]]] = {}
        """The list found last, of each field that is stored by its changes: most often the next one is asked for."""

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    def extend(self, arrays: Mapping[str, Array]) -> None:
        """Append rows, an array for each column."""
        for name, column in self._columns.items():
            column.extend(arrays[name])
        self._seen = self._before = None

    def put(self, column: str, rows: Array, numbers: Array) -> None:
        """Write over a column of some rows."""
        self._columns[column].put(rows, numbers)

    @property
    def columns(self) -> Columns:
        """What is there now."""
        if self._seen is None:
            self._seen = Columns(self.layout, {name: column.numbers for name, column in self._columns.items()})
        return self._seen

    def objects(self, first: int, last: int, texts: Texts) -> list[Any]:
        """The objects of rows ``first`` to ``last - 1``."""
        return decode(self.layout, self.columns, first, last, texts, self)

    def at(self, field: Field, row: int) -> list[Any]:
        """The list of a row of those that are stored by their changes."""
        whole = self.columns.array(f"{field.name}!")
        known, entries = self._last.get(field.name, (-1, []))
        way = []
        while row >= 0 and row != known:
            way.append(row)
            row = -1 if whole[row] else self._row_before(row)
        if row < 0:
            entries = []
        for each in reversed(way):
            entries = apply(entries, self._change(field.name, each, bool(whole[each])), field.make is tuple)
        if way:
            self._last[field.name] = way[0], entries
        return entries

    def _change(self, name: str, row: int, whole: bool) -> Change:
        went, came = self.columns.list(f"{name}-"), self.columns.list(f"{name}+")
        first, last = came.starts[row], came.starts[row + 1]
        parts = [part[first:last].tolist() for part in came.parts]
        return Change(
            whole,
            went.values[went.starts[row] : went.starts[row + 1]].tolist(),
            list(zip(*parts, strict=True)),
        )

    def _row_before(self, row: int) -> int:
        """The row of the same call that comes before this one, -1 for the first."""
        if self._before is None:
            calls = self.columns.array("call")
            order = np.argsort(calls, kind="stable")
            before = np.full(len(calls), -1, np.int64)
            same = calls[order][1:] == calls[order][:-1]
            before[order[1:][same]] = order[:-1][same]
            self._before = before
        return int(self._before[row])


class Tables:
    """The tables of a trace, which only grow."""

    def __init__(self) -> None:
        self.texts = Texts()
        self.tables = {name: Table(kind) for name, kind in KINDS.items()}
        self._of = {kind: self.tables[name] for name, kind in KINDS.items()}
        self._kinds = Growing(np.dtype(np.uint8))
        self._rows = Growing(np.dtype(np.int32))

    def columns(self, kind: type) -> Columns:
        """The columns of a class: a noun's, or a kind of event's."""
        return self._of[kind].columns

    def table(self, kind: type) -> Table:
        """The table of a class."""
        return self._of[kind]

    @property
    def steps(self) -> int:
        """How many events there are."""
        return len(self._kinds)

    @property
    def kinds(self) -> Array:
        """For each event, in order, the place of its kind in `EVENT_KINDS`."""
        return self._kinds.numbers

    @property
    def rows(self) -> Array:
        """For each event, in order, its row in the table of its kind."""
        return self._rows.numbers

    def extend(self, found: Mapping[str, Mapping[str, Array]]) -> None:
        """Append rows to tables, an array for each column. ValueError where steps are not those that follow."""
        before = {name: len(table) for name, table in self.tables.items()}
        for name, arrays in found.items():
            self.tables[name].extend(arrays)
        self._order(before)
        self._put_labels(before["label"])

    def _order(self, before: Mapping[str, int]) -> None:
        """Take in the steps of events that were appended."""
        found = [self.tables[name].columns.array("step")[before[name] :] for name in EVENT_TYPES]
        count = sum(map(len, found))
        if not count:
            return
        kinds = np.full(count, len(EVENT_TYPES), np.uint8)
        rows = np.zeros(count, np.int32)
        for code, (name, steps) in enumerate(zip(EVENT_TYPES, found, strict=True)):
            places = steps.astype(np.int64) - self.steps - 1
            if len(places) and not (places[0] >= 0 and places[-1] < count and (np.diff(places) > 0).all()):
                raise ValueError(f"the steps of {name} are not in order")
            kinds[places] = code
            rows[places] = np.arange(before[name], before[name] + len(places))
        if (kinds == len(EVENT_TYPES)).any():
            raise ValueError("a step is missing")
        self._kinds.extend(kinds)
        self._rows.extend(rows)

    def _put_labels(self, first: int) -> None:
        """Write the names that were found later, from row ``first`` of ``label``, over those of their items."""
        labels = self.columns(Label)
        if len(labels) == first:
            return
        for code, item in enumerate(labels.words("item")):
            chosen = labels.item[first:] == code
            if chosen.any() and int(labels.index[first:][chosen].max()) >= len(self.tables[item]):
                raise ValueError(f"a name is of no {item} that there is")
            self.tables[item].put("label", labels.index[first:][chosen], labels.label[first:][chosen])


class Appender:
    """Takes objects that are to become rows. They wait as they are, and are made columns of many at a time."""

    def __init__(self, texts: Texts) -> None:
        self._encoders = {name: Encoder(layout_of(kind), texts) for name, kind in KINDS.items()}
        self._names = {kind: name for name, kind in KINDS.items()}
        self._waiting: dict[str, list[Any]] = {}
        self._counts = dict.fromkeys(KINDS, 0)
        self.steps = 0
        """How many events there are, those that wait among them."""

    def add(self, item: Any) -> int:
        """Take an object, an event with the step it has; the number of its row is returned."""
        name = self._names[type(item)]
        self._waiting.setdefault(name, []).append(item)
        row = self._counts[name]
        self._counts[name] = row + 1
        if name in EVENT_TYPES:
            self.steps += 1
        return row

    def count(self, name: str) -> int:
        """How many rows a table has, those that wait among them."""
        return self._counts[name]

    @property
    def waiting(self) -> bool:
        """Does anything wait?"""
        return bool(self._waiting)

    def take(self) -> dict[str, dict[str, Array]]:
        """The columns of what waits, by table; it waits no longer."""
        try:
            found = {name: self._encoders[name].columns(items) for name, items in self._waiting.items()}
        except BaseException:  # Ctrl+C: all of it waits on
            for encoder in self._encoders.values():
                encoder.forget()
            raise
        for end in self._waiting.get(BackwardEnd.kind, ()):
            self._encoders[NodeBegin.kind].end_call(end.call)
        self._waiting = {}
        return found
