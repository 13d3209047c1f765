"""One writer for each trace: a lock that the system lets go of when its holder ends, however it ends.

It lies in a file of its own beside the trace, ``.NAME.lock``: SQLite locks ranges of the trace itself, some
systems let the two kinds of locks interfere, and a reader must not be hindered. The file goes when the lock is
released; after a holder was killed it is left, unlocked, and the next one takes it over.
"""

from __future__ import annotations

import os
import sys
import time
import weakref
from contextlib import suppress
from pathlib import Path

from gradviz.trace.errors import TraceError

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        """True also where the file system knows no locks: better a recording without one than none."""
        try:
            # Of the open file, not of the process: closing another descriptor of the file does not release
            # it, as it would fcntl's locks, and a second recording in the same process is refused.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True


_LOCKED_BYTE = 1 << 20
"""Windows lets nobody read a locked byte; the holder's number at the start of the file stays readable."""

PATIENCE = 0.2
"""Seconds to wait for those who hold a trace for a moment: to look whether its holder was killed, to save."""


class TraceBusy(TraceError):
    """Somebody else holds the trace."""


class TraceLock:
    """Held from the moment it is made until `release`, or until the process ends. Raises ``TraceBusy``.

    OSError where the lock file cannot be made. A forked child does not hold it, whatever it does.
    """

    def __init__(self, trace: str | os.PathLike[str], patience: float = PATIENCE) -> None:
        self.path = lock_path(trace)
        self._descriptor: int | None = self._acquire(patience)
        with suppress(OSError):
            os.ftruncate(self._descriptor, 0)
            os.write(self._descriptor, str(os.getpid()).encode("ascii"))
        _held.add(self)

    def _acquire(self, patience: float) -> int:
        deadline = time.monotonic() + patience
        while True:
            descriptor = _open(self.path)
            try:
                locked = _try_lock(descriptor)
                if locked and _is(self.path, descriptor):
                    return descriptor  # else its last holder removed it in between: a lock on nothing
                if not locked and time.monotonic() > deadline:
                    raise TraceBusy(f"another recording is being written to it{_whose(descriptor)}")
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)
            if not locked:
                time.sleep(0.02)

    def release(self) -> None:
        """Let go, and leave nothing behind. Doing it again does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        _held.discard(self)
        if descriptor is None:
            return
        if sys.platform == "win32":  # which removes no open file
            os.close(descriptor)
            with suppress(OSError):
                self.path.unlink()
            return
        with suppress(OSError):
            if _is(self.path, descriptor):
                self.path.unlink()
        with suppress(OSError):  # a program may have closed all files there were
            os.close(descriptor)

    def _forget(self) -> None:
        """In a forked child: the lock is the parent's alone, or it would outlive the parent with the child."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with suppress(OSError):
                os.close(descriptor)


def lock_path(trace: str | os.PathLike[str]) -> Path:
    """The lock file of a trace; the same one through every symbolic link to it."""
    target = Path(os.path.realpath(trace))
    return target.with_name(f".{target.name}.lock")


def _open(path: Path) -> int:
    flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | flags, 0o666)
    except PermissionError:  # left by another user of the folder: it can be locked without being written
        return os.open(path, os.O_RDONLY | flags)


def _is(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _whose(descriptor: int) -> str:
    with suppress(OSError):
        os.lseek(descriptor, 0, os.SEEK_SET)
        number = os.read(descriptor, 20)
        if number.isdigit():
            return f" by process {int(number)}"
    return ""


_held: weakref.WeakSet[TraceLock] = weakref.WeakSet()


def _forget_all() -> None:
    for lock in list(_held):
        lock._forget()
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
