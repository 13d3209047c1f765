"""What a trace is about, without reading all of it: for lists of traces."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from gradviz.trace import checks, chunks
from gradviz.trace.chunks import Chunk
from gradviz.trace.errors import TraceError
from gradviz.trace.events import EVENT_TYPES
from gradviz.trace.model import Fact
from gradviz.trace.reader import check, connect
from gradviz.trace.tables import META, Tables
from gradviz.trace.views import Rows


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
            connection.execute("BEGIN")  # one moment of a trace that may be growing
            return facts_of(connection)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise TraceError(f"cannot read {path}: {error}") from None


def facts_of(connection: sqlite3.Connection) -> Facts:
    """The same, of a connection in a transaction."""
    rows = connection.execute(
        f"SELECT {chunks.COLUMNS} FROM chunk WHERE stream IN (?, ?) ORDER BY id",
        (chunks.TEXT, META),
    ).fetchall()
    totals = dict(connection.execute("SELECT stream, count FROM total").fetchall())
    streams = chunks.put_together(
        [Chunk(*row) for row in rows], {stream: totals[stream] for stream in (chunks.TEXT, META) if stream in totals}
    )
    tables = Tables()
    tables.texts.extend(streams.pop(chunks.TEXT, []))
    tables.extend(streams)
    checks.check_texts(tables)
    meta = {fact.key: fact.value for fact in Rows(tables, Fact)}
    program, created = meta.get("program"), meta.get("created")
    events = sum(totals.get(kind, 0) for kind in EVENT_TYPES)
    return Facts(
        program if isinstance(program, str) else None,
        created if isinstance(created, float) else 0.0,
        events,
        meta.get("complete") is True,
    )
