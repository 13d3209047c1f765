"""The trace file's fixed points: its identity, its schema, and the digest over its rows."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

APPLICATION_ID = 0x47524456  # "GRDV"
VERSION = 1
SQLITE_MAGIC = b"SQLite format 3\0"
HEADER_SIZE = 100
"""Bytes of the SQLite file header; the application id is the big-endian word at 68."""

SIDE_FILES = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database while it is written; the last commits may be in there."""

ROW_TABLES = ("meta", "source", "node", "edge", "value", "label", "tensor", "event")
"""The append-only tables that a digest covers; ``content`` is covered by ``tensor.sum``."""

LONGEST_NAME = 10_000
"""Characters of a name of a node, a variable, an operation or a mark; a longer one is cut when it is written."""

Row = tuple[Any, ...]


@cache
def schema() -> str:
    """The statements that make an empty trace."""
    return Path(__file__).with_name("schema.sql").read_text("utf-8")


def schema_objects(connection: sqlite3.Connection) -> list[Row]:
    """Every table, index, view and trigger of a database, in a fixed order."""
    return connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name").fetchall()


@cache
def expected_objects() -> list[Row]:
    """What ``schema_objects`` gives for a trace of this version."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(schema())
        return schema_objects(connection)
    finally:
        connection.close()


class RowDigest:
    """A running BLAKE2b-128 over rows in order; the same however they were grouped."""

    def __init__(self) -> None:
        self.rows = 0
        self._hash = hashlib.blake2b(digest_size=16)

    def add(self, rows: Iterable[Row]) -> None:
        """Take the rows in."""
        lines = list(map(repr, rows))
        if lines:
            self.rows += len(lines)
            self._hash.update(("\n".join(lines) + "\n").encode("utf-8"))

    def copy(self) -> RowDigest:
        """Another one that goes on from here."""
        other = RowDigest()
        other.rows, other._hash = self.rows, self._hash.copy()
        return other

    def sum(self) -> str:
        """The digest so far, in hex."""
        return self._hash.hexdigest()


def content_sum(data: bytes) -> bytes:
    """The BLAKE2b-128 of a tensor's stored bytes."""
    return hashlib.blake2b(data, digest_size=16).digest()
