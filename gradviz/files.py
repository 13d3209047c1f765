"""A person's files: written whole or not at all, read only where that comes to an end.

Whatever saves (programs, notebooks, recordings, pictures) saves through ``replacing``; whatever is opened by
name is opened through ``open_regular``.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Write to the path this gives, beside ``path``; in the end it takes the place of ``path`` in one move.

    Whatever goes wrong, on a full disk too, ``path`` is what it was before, and nothing is left beside it. A
    symbolic link stays one, and a file keeps its permissions; hard links to it keep the old content. Raises
    OSError, also for a ``path`` that is no regular file, or that is write-protected.
    """
    target = Path(os.path.realpath(path))
    old = _status(target)
    if old is not None:
        _check_regular(old, path)
        if not os.access(target, os.W_OK):  # the folder would allow it, but somebody has protected the file
            raise PermissionError(errno.EACCES, "the file is write-protected", str(path))
    temporary = target.with_name(f".{target.name[:80]}.{secrets.token_hex(4)}.tmp")
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        yield temporary
        if old is not None:
            _like(temporary, old)
        _to_disk(temporary)
        os.replace(temporary, target)
        _folder_to_disk(target.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write(path: str | os.PathLike[str], data: bytes) -> None:
    """Make ``data`` the content of ``path``, or leave it as it was and raise OSError."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a file to read; OSError for what may never end or never answer: pipes, devices, folders."""
    if "\0" in os.fspath(path):
        raise OSError(errno.EINVAL, "its name holds a NUL character", str(path))
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        _check_regular(os.fstat(descriptor), path)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read(path: str | os.PathLike[str], limit: int) -> bytes:
    """All of a regular file; OSError as ``open_regular``, and for one of more than ``limit`` bytes."""
    with open_regular(path) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise OSError(errno.EFBIG, f"it is larger than {limit >> 20} MiB", str(path))
    return data


def _check_regular(status: os.stat_result, path: str | os.PathLike[str]) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))


def _status(path: Path) -> os.stat_result | None:
    with suppress(FileNotFoundError):
        return path.stat()
    return None


def _like(path: Path, old: os.stat_result) -> None:
    """Give ``path`` the owner, as far as that is allowed, and the permissions that the old file had."""
    if hasattr(os, "chown"):
        with suppress(PermissionError):
            os.chown(path, old.st_uid, old.st_gid)
    os.chmod(path, stat.S_IMODE(old.st_mode))


def _to_disk(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _folder_to_disk(folder: Path) -> None:
    """A power cut must not undo the move; systems that cannot open folders see to it themselves."""
    if os.name != "posix":
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
