"""The trace file's fixed points: its identity, its schema, and the digest of a tensor's bytes."""

from __future__ import annotations

import hashlib
import sqlite3
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


def content_sum(data: bytes) -> bytes:
    """The BLAKE2b-128 of a tensor's stored bytes."""
    return hashlib.blake2b(data, digest_size=16).digest()
