"""Many small chunks made few: a slow program commits a handful of rows at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import numpy as np

from gradviz.trace import chunks
from gradviz.trace.chunks import Chunk

ROWS = 1 << 16
"""Rows of a chunk that is large enough."""
MANY = 4
"""Chunks of a stream that may stay as they are."""


def merge(connection: sqlite3.Connection) -> None:
    """Put the chunks of each stream together, in one transaction: it is done, or nothing is."""
    many = connection.execute("SELECT stream FROM chunk GROUP BY stream HAVING count(*) > ?", (MANY,)).fetchall()
    connection.execute("BEGIN")
    try:
        for (stream,) in many:
            rows = connection.execute(
                f"SELECT {chunks.COLUMNS} FROM chunk WHERE stream = ? ORDER BY first",
                (stream,),
            ).fetchall()
            connection.execute("DELETE FROM chunk WHERE stream = ?", (stream,))
            connection.executemany(
                chunks.INSERT,
                [_one(group) for group in _groups([Chunk(*row) for row in rows])],
            )
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _groups(found: list[Chunk]) -> Iterator[list[Chunk]]:
    group: list[Chunk] = []
    for chunk in found:
        group.append(chunk)
        if sum(each.rows for each in group) >= ROWS:
            yield group
            group = []
    if group:
        yield group


def _one(group: list[Chunk]) -> Chunk:
    if len(group) == 1:
        return group[0]
    arrays = [chunks.unpack(chunk) for chunk in group]
    return chunks.pack(
        group[0].stream,
        group[0].first,
        sum(chunk.rows for chunk in group),
        {name: np.concatenate([each[name] for each in arrays]) for name in arrays[0]},
    )
