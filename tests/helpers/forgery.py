"""A trace file as rows that can be changed and written again with digests that fit: what a forger would do.

A row is a list: its number, then a value for each field as it is declared; lists and what is kept as JSON are JSON
text. All events stand in one table: step, kind, file, line, and the other fields as a JSON object.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradviz.trace import chunks
from gradviz.trace.events import EVENT_TYPES, Event
from gradviz.trace.fields import Column, Field, layout_of
from gradviz.trace.format import APPLICATION_ID, VERSION, content_sum, schema
from gradviz.trace.reader import Trace
from gradviz.trace.tables import NOUNS
from gradviz.trace.views import Rows as Objects

BASE = tuple(each.name for each in fields(Event))
NO_WORD, NO_LIST, NOT_THERE = 250, -5, -7
"""Numbers that stand for a word that is none of its column's, for what is no list, and for a field left out."""


@dataclass(frozen=True)
class Raw:
    """Bytes that are written as text, whether they are UTF-8 or not."""

    data: bytes


@dataclass
class Rows:
    """All rows of a trace, and the contents of its tensors by id: bytes, and their digest."""

    tables: dict[str, list[list[Any]]] = field(default_factory=dict)
    contents: dict[int, Any] = field(default_factory=dict)
    digests: dict[int, bytes] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Rows:
        """The rows of a trace file."""
        with Trace.open(path) as trace:
            tables = {
                name: [[index, *_values(item)] for index, item in enumerate(Objects(trace.held, kind))]
                for name, kind in NOUNS.items()
            }
            tables["event"] = [
                [event.step, event.kind, event.file, event.line, json.dumps(_body(event))] for event in trace.events
            ]
        with closing(sqlite3.connect(path)) as database:
            contents = database.execute("SELECT tensor, data, digest FROM content").fetchall()
        return cls(tables, {row[0]: row[1] for row in contents}, {row[0]: row[2] for row in contents})

    def copy(self) -> Rows:
        """Rows that can be changed without changing these."""
        tables = {name: [row[:] for row in rows] for name, rows in self.tables.items()}
        return Rows(tables, dict(self.contents), dict(self.digests))

    def seal(self, tensor: int) -> None:
        """Make the digest of a tensor fit its content."""
        data = self.contents.get(tensor)
        if isinstance(data, bytes):
            self.digests[tensor] = content_sum(data)

    def write(self, path: Path) -> None:
        """Write a file that only looking at what the rows say can tell from a recorded one."""
        texts = _Texts()
        found = [_noun(name, kind, self.tables[name], texts) for name, kind in NOUNS.items() if self.tables[name]]
        kinds = {str(row[1]): None for row in self.tables["event"]}
        found += [_events(kind, [row for row in self.tables["event"] if str(row[1]) == kind], texts) for kind in kinds]
        found.insert(0, texts.chunk())
        with _database(path) as database:
            database.executemany(chunks.INSERT, found)
            database.executemany("INSERT INTO total VALUES (?, ?)", [(chunk.stream, chunk.rows) for chunk in found])
            for tensor, data in self.contents.items():
                database.execute("INSERT INTO content VALUES (?, ?, ?)", (tensor, data, self.digests[tensor]))


def forge(path: Path, table: str, **columns: object) -> Path:
    """Change the last row of a table; of events it is appended where there is none such."""
    rows = Rows.read(path)
    path.unlink()
    row = rows.tables[table][-1]
    names = ("step", "kind", "file", "line", "body") if table == "event" else ("id", *_names(NOUNS[table]))
    for name, value in columns.items():
        row[names.index(name)] = value
    rows.write(path)
    return path


def _names(kind: type) -> tuple[str, ...]:
    return tuple(each.name for each in layout_of(kind).fields)


def _values(item: Any) -> Iterator[Any]:
    for each in layout_of(type(item)).fields:
        value = _plain(getattr(item, each.name))
        yield json.dumps(value) if each.listed or (each.columns[0].text == "json" and value is not None) else value


def _body(event: Event) -> dict[str, Any]:
    return {each.name: _plain(getattr(event, each.name)) for each in fields(event) if each.name not in BASE}


def _plain(value: Any) -> Any:
    """As JSON has it."""
    if is_dataclass(value):
        return [_plain(getattr(value, each.name)) for each in fields(value)]
    return [_plain(entry) for entry in value] if isinstance(value, tuple) else value


# From rows to chunks


class _Texts:
    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}

    def number(self, value: Any) -> int:
        data = value.data if isinstance(value, Raw) else value
        if not isinstance(data, bytes):
            data = str(data).encode("utf-8", "surrogatepass")
        return self._numbers.setdefault(data, len(self._numbers))

    def chunk(self) -> chunks.Chunk:
        lengths = np.array(list(map(len, self._numbers)), np.int64)
        data = np.frombuffer(b"".join(self._numbers), np.uint8)
        return chunks.pack(chunks.TEXT, 0, len(lengths), {"length": lengths, "utf8": data})


def _noun(name: str, kind: type, rows: list[list[Any]], texts: _Texts) -> chunks.Chunk:
    arrays: dict[str, NDArray[Any]] = {}
    for place, each in enumerate(layout_of(kind).fields, 1):
        values = [row[place] for row in rows]
        _field(each, [_parsed(value) for value in values] if each.listed else values, texts, arrays)
    return chunks.pack(name, rows[0][0] if isinstance(rows[0][0], int) else 0, len(rows), arrays)


def _events(kind: str, rows: list[list[Any]], texts: _Texts) -> chunks.Chunk:
    arrays: dict[str, NDArray[Any]] = {}
    bodies = [_parsed(row[4]) for row in rows]
    layout = layout_of(EVENT_TYPES.get(kind, Event))
    for each in layout.fields:
        if each.name in BASE:
            values = [row[("step", "kind", "file", "line").index(each.name)] for row in rows]
        else:
            values = [body.get(each.name, NOT_THERE) if isinstance(body, dict) else NOT_THERE for body in bodies]
            if each.columns[0].text == "json":
                values = [json.dumps(value) for value in values]
        _field(each, values, texts, arrays)
    return chunks.pack(kind, 0, len(rows), arrays)


def _parsed(value: Any) -> Any:
    try:
        return json.loads(value)
    except (ValueError, TypeError, RecursionError):
        return value


def _field(each: Field, values: list[Any], texts: _Texts, arrays: dict[str, NDArray[Any]]) -> None:
    if each.changes:  # told whole in every row
        whole, went, _, came, *parts = each.columns
        arrays[whole.name] = np.ones(len(values), np.uint8)
        arrays[went.name] = np.zeros(len(values), np.int64)
        arrays[each.columns[2].name] = np.zeros(0, np.int64)
        if each.make is not tuple:
            values = [list(enumerate(value)) if isinstance(value, list) else value for value in values]
        _lists((came, *parts), values, texts, arrays)
    elif each.listed:
        _lists(each.columns, values, texts, arrays)
    else:
        arrays[each.name] = _numbers(each.columns[0], values, texts)


def _lists(columns: Sequence[Column], values: list[Any], texts: _Texts, arrays: dict[str, NDArray[Any]]) -> None:
    counts, *parts = columns
    lengths = [len(value) if isinstance(value, list) else -1 if value is None else NO_LIST for value in values]
    arrays[counts.name] = np.array(lengths, np.int64)
    entries = [entry for value in values if isinstance(value, list) for entry in value]
    for place, column in enumerate(parts):
        if len(parts) == 1:
            chosen = entries
        else:
            chosen = [_part(entry, place) for entry in entries]
            if column.text == "json":
                chosen = [json.dumps(value) for value in chosen]
        arrays[column.name] = _numbers(column, chosen, texts)


def _part(entry: Any, place: int) -> Any:
    return entry[place] if isinstance(entry, list | tuple) and place < len(entry) else NOT_THERE


def _numbers(column: Column, values: list[Any], texts: _Texts) -> NDArray[Any]:
    """The numbers of a column; what does not fit it makes it a column of another type."""
    if column.text is not None:
        return np.array([-1 if value is None else texts.number(value) for value in values], np.int64)
    if column.words:
        values = [column.words.index(value) if value in column.words else NO_WORD for value in values]
    if column.dtype.kind == "f":
        values = [float("nan") if value is None else value for value in values]
        return np.array([value if isinstance(value, int | float) else -9.0 for value in values], np.float64)
    found = [-1 if value is None else value for value in values]
    if all(isinstance(value, int) and abs(value) < 2**63 for value in found):
        return np.array([int(value) for value in found], np.int64)
    return np.array([value if isinstance(value, float) else 0.5 for value in found], np.float64)


@contextmanager
def _database(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA synchronous = OFF")
        database.execute("PRAGMA journal_mode = MEMORY")
        database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        database.execute(f"PRAGMA user_version = {VERSION}")
        database.executescript(schema())
        database.execute("BEGIN")
        yield database
        database.execute("COMMIT")
