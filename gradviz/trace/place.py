"""Where a trace lies: what may be replaced by one, and how one takes the place of another."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path

from gradviz import files
from gradviz.trace.format import APPLICATION_ID, HEADER_SIZE, SIDE_FILES, VERSION, schema


def leave_one_file(connection: sqlite3.Connection) -> None:
    """Leave the WAL. A reader that has the file open forbids it; then the WAL is emptied at least.

    A full disk may forbid both: the trace is whole even then, with its WAL beside it.
    """
    connection.execute("PRAGMA busy_timeout = 500")
    try:
        connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.OperationalError:
        with suppress(sqlite3.Error):
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def has_content(path: Path) -> bool:
    """Is there a file that holds anything?"""
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def may_replace(path: Path) -> bool:
    """True for no file, an empty one, and a trace; OSError for what is no regular file."""
    try:
        with files.open_regular(path) as file:
            header = file.read(HEADER_SIZE)
    except FileNotFoundError:
        return True
    return not header or header[68:72] == APPLICATION_ID.to_bytes(4, "big")


def settle(path: Path) -> None:
    """Bring the last commits of a trace that nobody writes into its main file, if that can be done."""
    if any(path.with_name(path.name + suffix).exists() for suffix in SIDE_FILES):
        with suppress(sqlite3.Error):
            connection = sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True)
            try:
                leave_one_file(connection)
            finally:
                connection.close()


def remove_side_files(path: Path) -> None:
    """Take away what SQLite left beside a database that is about to be replaced: it belongs to the old one."""
    for suffix in SIDE_FILES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def make_empty(path: Path) -> None:
    """Write the tables of a trace, without a row, into an empty file that nobody else knows."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")  # it is brought to the disk before it is used
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.executescript(schema())
    finally:
        connection.close()
