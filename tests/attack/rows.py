"""A trace file as rows that can be changed and written again with digests that fit: what a forger would do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gradviz.trace.format import APPLICATION_ID, ROW_TABLES, VERSION, RowDigest, content_sum, schema

TENSOR_SUM = 11
"""The column of ``tensor`` with the digest of its content."""


@dataclass(frozen=True)
class Raw:
    """Bytes that are written as text, whether they are UTF-8 or not."""

    data: bytes


@dataclass
class Rows:
    """All rows of a trace, and the contents of its tensors by id."""

    tables: dict[str, list[list[Any]]] = field(default_factory=dict)
    contents: dict[int, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Rows:
        """The rows of a trace file."""
        with closing(sqlite3.connect(path)) as database:
            tables = {
                name: [list(row) for row in database.execute(f"SELECT * FROM {name} ORDER BY 1")] for name in ROW_TABLES
            }
            return cls(tables, dict(database.execute("SELECT tensor, data FROM content")))

    def copy(self) -> Rows:
        """Rows that can be changed without changing these."""
        return Rows({name: [row[:] for row in rows] for name, rows in self.tables.items()}, dict(self.contents))

    def seal(self, tensor: int) -> None:
        """Make the digest of a tensor fit its content."""
        data = self.contents.get(tensor)
        if isinstance(data, bytes):
            self.tables["tensor"][tensor][TENSOR_SUM] = content_sum(data)

    def write(self, path: Path) -> None:
        """Write a file that only looking at what the rows say can tell from a recorded one."""
        with _database(path) as database:
            for name, rows in self.tables.items():
                for row in rows:
                    _insert(database, name, row)
            for tensor, data in self.contents.items():
                _insert(database, "content", [tensor, data])
            for name in self.tables:
                digest = RowDigest()
                digest.add(_written(database, name))
                _insert(database, "digest", [name, digest.rows, digest.sum()])


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


def _insert(database: sqlite3.Connection, table: str, row: list[Any]) -> None:
    """Insert a row; one that SQLite itself refuses cannot be in any file, and is left out."""
    places = ", ".join("CAST(? AS TEXT)" if isinstance(value, Raw) else "?" for value in row)
    values = [value.data if isinstance(value, Raw) else value for value in row]
    try:
        database.execute(f"INSERT INTO {table} VALUES ({places})", values)
    except (sqlite3.Error, OverflowError, UnicodeEncodeError):
        return


def _written(database: sqlite3.Connection, table: str) -> list[Any]:
    """The rows as a reader gets them; none where a text is no text, for then no digest fits."""
    try:
        return database.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
    except sqlite3.Error:
        return []
