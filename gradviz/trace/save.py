"""Saving a trace under another name: all of it, or nothing."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from gradviz import files
from gradviz.trace.errors import TraceError
from gradviz.trace.facts import facts_of
from gradviz.trace.lock import TraceBusy, TraceLock
from gradviz.trace.place import leave_one_file, may_replace, remove_side_files
from gradviz.trace.protocol import TraceLike
from gradviz.trace.reader import connect

PAGES_AT_ONCE = 1000
"""Of 4 KiB; between them the caller hears of the progress, and may give up."""

Progress = Callable[[float], None]
Cancelled = Callable[[], bool]


class SaveCancelled(Exception):
    """The saving was given up; everything is as it was before."""


def save(
    trace: TraceLike, path: str | os.PathLike[str], *, progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> None:  # fmt: skip
    """Make ``path`` one plain file that holds what the file of ``trace`` holds at this moment.

    That is more than the main file of a recording that was cut off, whose last commits lie in a WAL beside it;
    saved, it is incomplete as it was, in one file. ``path`` may be the trace's own. Whatever goes wrong, what
    was at ``path`` is there still. Slow for large traces: ``progress`` is told the fraction done. Raises
    ``TraceError`` or ``SaveCancelled``.
    """
    target = Path(os.path.realpath(path))
    if trace.path is None:
        raise TraceError("this recording lies in no file")
    try:
        held = TraceLock(target)
        try:
            if not may_replace(target):
                raise TraceError(f"{path} is not a gradviz trace and will not be overwritten")
            with files.replacing(target) as temporary:
                _copy(trace, trace.path, temporary, progress, cancelled)
                remove_side_files(target)
        finally:
            held.release()
    except TraceBusy as error:
        raise TraceError(f"cannot write {path}: {error}") from None
    except (OSError, sqlite3.Error) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or error
        raise TraceError(f"cannot write {path}: {why}") from None


def _copy(trace: TraceLike, source: Path, target: Path, progress: Progress | None, cancelled: Cancelled | None) -> None:
    def report(status: int, left: int, total: int) -> None:
        if cancelled is not None and cancelled():
            raise SaveCancelled
        if progress is not None:
            progress(1 - left / max(total, 1))

    try:
        original = connect(source)
    except sqlite3.Error as error:
        raise TraceError(f"cannot read {source}: {error}") from None
    try:
        original.execute("BEGIN")  # one moment of a recording that may be going on: else the copy never ends
        if not _is_of(trace, original):
            raise TraceError(f"{source} is another recording by now")
        copy = sqlite3.connect(target, isolation_level=None)
        try:
            copy.execute("PRAGMA journal_mode = OFF")
            copy.execute("PRAGMA synchronous = OFF")  # it is brought to the disk as a whole
            original.backup(copy, pages=PAGES_AT_ONCE, progress=report)
        finally:
            copy.close()
    finally:
        original.close()
    copy = sqlite3.connect(target, isolation_level=None)
    try:
        leave_one_file(copy)  # the copy of a file with a WAL asks for one too
    finally:
        copy.close()


def _is_of(trace: TraceLike, connection: sqlite3.Connection) -> bool:
    """Is this still the file of the recording, or one recorded over it since it was opened?"""
    found = facts_of(connection)
    return found.created == trace.meta.get("created", 0.0) and found.events >= len(trace.events)
