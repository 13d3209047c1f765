"""What a trace is about, without reading all of it: for lists of traces."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from gradviz.trace import decode
from gradviz.trace.errors import TraceError
from gradviz.trace.reader import check, connect


@dataclass(frozen=True, slots=True)
class Facts:
    """``created`` is in seconds since 1970, 0 where the trace does not say; ``program`` may be None."""

    program: str | None
    created: float
    events: int
    complete: bool


def facts(path: str | os.PathLike[str]) -> Facts:
    """Look into a trace; raises ``TraceError`` where it is plainly none that can be read."""
    path = Path(path)
    check(path)
    try:
        connection = connect(path)
        try:
            return facts_of(connection)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise TraceError(f"cannot read {path}: {error}") from None


def facts_of(connection: sqlite3.Connection) -> Facts:
    """The same, of a trace that is open."""
    meta = decode.meta(connection.execute("SELECT * FROM meta ORDER BY 1").fetchall())
    (events,) = connection.execute("SELECT max(step) FROM event").fetchone()
    program, created = meta.get("program"), meta.get("created")
    return Facts(
        program if isinstance(program, str) else None,
        created if isinstance(created, float) else 0.0,
        events if isinstance(events, int) else 0,
        meta.get("complete") is True,
    )
