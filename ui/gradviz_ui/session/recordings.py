"""The recordings that nobody saved: the last ones are kept in a private folder, whatever becomes of the window.

A recording is *in use* while somebody holds its lock (``gradviz.trace.lock``): the child process that writes it,
then the window that shows it. What is in use is never removed. A lock file that nobody holds tells that its holder
was killed: an orderly end takes it away.
"""

from __future__ import annotations

import os
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gradviz.trace.errors import TraceError
from gradviz.trace.facts import Facts, facts
from gradviz.trace.lock import TraceBusy, TraceLock
from gradviz.trace.place import remove_side_files
from gradviz_ui.session.opening import TRACE_SUFFIX

KEPT = 10
KEPT_BYTES = 2 << 30
"""Together; the newest is kept however large it is."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A recording that is kept, and what it is about."""

    path: Path
    facts: Facts

    @property
    def program(self) -> str:
        """The name of the recorded program."""
        return self.facts.program or self.path.stem


class Recordings:
    """The folder. Nothing here is kept in memory: any window may change the folder at any time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def new_path(self, program: str) -> Path:
        """Where to record a program to. Makes the folder, for this person's eyes only; OSError if it cannot."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        when = time.strftime("%Y%m%d-%H%M%S")
        return self.folder / f"{Path(program).stem[:60]}-{when}-{secrets.token_hex(3)}{TRACE_SUFFIX}"

    def holds(self, path: Path) -> bool:
        """Does the recording lie in the folder?"""
        return path.suffix == TRACE_SUFFIX and path.absolute().parent == self.folder.absolute()

    def listed(self) -> list[Kept]:
        """All that hold something, the newest first. Slow: looks into each."""
        found = []
        for path in self._paths():
            with suppress(TraceError, OSError):
                about = facts(path)
                if about.events:
                    found.append(Kept(path, about))
        return sorted(found, key=lambda kept: kept.facts.created, reverse=True)

    def prune(self) -> None:
        """Remove the oldest ones beyond `KEPT` and `KEPT_BYTES`, but none that is in use."""
        size = 0
        for number, path in enumerate(self._paths()):
            size += _size(path)
            if number >= KEPT or (number > 0 and size > KEPT_BYTES):
                self.remove(path)

    def remove(self, path: Path) -> bool:
        """Remove a recording, unless it is in use."""
        try:
            held = TraceLock(path, 0)
        except (TraceBusy, OSError):
            return False
        try:
            with suppress(OSError):
                path.unlink(missing_ok=True)
                remove_side_files(path)
        finally:
            held.release()
        return not path.exists()

    def clear(self) -> None:
        """Remove all that are not in use."""
        for path in self._paths():
            self.remove(path)

    def fallen(self) -> Kept | None:
        """The newest recording whose holder was killed; told once, to one window."""
        found = []
        for lock in self._files(f".*{TRACE_SUFFIX}.lock"):
            path = lock.with_name(lock.name[1 : -len(".lock")])
            with suppress(TraceError, OSError):
                TraceLock(path, 0).release()
                about = facts(path)
                if about.events:
                    found.append(Kept(path, about))
        return max(found, key=lambda kept: kept.facts.created, default=None)

    def _paths(self) -> list[Path]:
        """The recordings, the one written to last first."""
        return sorted(self._files(f"*{TRACE_SUFFIX}"), key=_written, reverse=True)

    def _files(self, pattern: str) -> list[Path]:
        try:
            return [path for path in self.folder.glob(pattern) if path.is_file()]
        except OSError:
            return []


def claim(path: Path) -> TraceLock | None:
    """Have a recording in use, until the lock is released; None where another window has."""
    try:
        return TraceLock(path, 0)
    except (TraceBusy, OSError):
        return None


def _with_wal(path: Path) -> list[os.stat_result]:
    found = []
    for each in (path, path.with_name(path.name + "-wal")):
        with suppress(OSError):
            found.append(each.stat())
    return found


def _written(path: Path) -> float:
    return max((status.st_mtime for status in _with_wal(path)), default=0.0)


def _size(path: Path) -> int:
    return sum(status.st_size for status in _with_wal(path))
