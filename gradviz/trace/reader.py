"""Opens a trace file. Whatever is wrong with it becomes a ``TraceError``; nothing in it is ever run."""

from __future__ import annotations

import errno
import math
import os
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gradviz.files import open_regular
from gradviz.plain import clipped
from gradviz.trace import checks, chunks
from gradviz.trace.base import TraceBase
from gradviz.trace.chunks import Chunk
from gradviz.trace.errors import TraceError
from gradviz.trace.format import (
    APPLICATION_ID,
    HEADER_SIZE,
    SIDE_FILES,
    SQLITE_MAGIC,
    VERSION,
    Row,
    content_sum,
    expected_objects,
    schema_objects,
)
from gradviz.trace.model import Storage, TensorId
from gradviz.trace.tensors import DTYPES, THUMBNAIL_SIDE, thumbnail

CACHE_BYTES = 128 << 20
"""Contents of tensors kept in memory, the least recently used going first."""


class Trace(TraceBase):
    """A recorded trace: everything but the contents of tensors is read when it is opened.

    A trace that is still being written opens as it was at its last commit.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__()
        self.path = Path(path)
        self.complete = False
        self._lock = threading.Lock()
        self._cache: OrderedDict[TensorId, NDArray[Any]] = OrderedDict()
        self._cached_bytes = 0
        self._closed = False
        self._connection: sqlite3.Connection | None = None
        _check_header(self.path)
        with _reasons(self.path):
            connection = connect(self.path)
        with ExitStack() as unless_complete:
            unless_complete.callback(connection.close)
            with _reasons(self.path):
                self._read(connection)
            if self.complete:  # a growing file is let go: its writer could not tidy up otherwise
                unless_complete.pop_all()
                self._connection = connection

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Open the file; raises ``TraceError``, with the reason, for any that is not a sound trace."""
        return cls(path)

    def _read(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN")  # one moment of a trace that may be growing
        _check_identity(connection)
        found = connection.execute(f"SELECT {chunks.COLUMNS} FROM chunk ORDER BY id").fetchall()
        totals = dict(connection.execute("SELECT stream, count FROM total").fetchall())
        connection.execute("COMMIT")
        streams = chunks.put_together([Chunk(*row) for row in found], totals)
        self.held.texts.extend(streams.pop(chunks.TEXT, []))
        self.held.extend(streams)
        checks.check(self.held)
        self.complete = self.meta.get("complete") is True

    def array(self, tensor: TensorId) -> NDArray[Any] | None:
        """The whole content, read-only; None where the trace keeps only its summary."""
        info = self.tensor(tensor)
        return self._content(tensor) if info.storage is Storage.FULL else None

    def thumbnail(self, tensor: TensorId) -> NDArray[np.float32] | None:
        """The content as a matrix of at most 64 x 64 block means; None where only numbers are kept."""
        info = self.tensor(tensor)
        if info.storage is Storage.SUMMARY:
            return None
        content = self._content(tensor)
        return thumbnail(content) if info.storage is Storage.FULL else content

    def _content(self, tensor: TensorId) -> NDArray[Any]:
        with self._lock:
            known = self._cache.get(tensor)
            if known is not None:
                self._cache.move_to_end(tensor)
                return known
            with _reasons(self.path):
                content = self._load(tensor)
            self._cache[tensor] = content
            self._cached_bytes += content.nbytes
            while self._cached_bytes > CACHE_BYTES and len(self._cache) > 1:
                self._cached_bytes -= self._cache.popitem(last=False)[1].nbytes
            return content

    def _load(self, tensor: TensorId) -> NDArray[Any]:
        info = self.tensor(tensor)
        shape, dtype = info.shape, DTYPES[info.dtype]
        if info.storage is Storage.THUMBNAIL:
            shape, dtype = thumbnail_shape(info.shape), np.dtype("<f4")
        row = self._row_of(tensor)
        if row is None or type(row[0]) is not bytes:
            raise TraceError(f"the content of tensor {tensor} is missing")
        if len(row[0]) != math.prod(shape) * dtype.itemsize:
            raise TraceError(f"the content of tensor {tensor} has not the size of its shape {list(shape)}")
        if content_sum(row[0]) != row[1]:
            raise TraceError(f"the content of tensor {tensor} is damaged")
        return np.frombuffer(row[0], dtype).reshape(shape)

    def _row_of(self, tensor: TensorId) -> Row | None:
        if self._closed:
            raise TraceError("the trace is closed")
        with ExitStack() as stack:
            connection = self._connection or stack.enter_context(closing(connect(self.path)))
            found = connection.execute("SELECT data, digest FROM content WHERE tensor = ?", (tensor,))
            row: Row | None = found.fetchone()
            return row

    def close(self) -> None:
        """Let go of the file; what was read stays readable, contents of tensors do not."""
        self._closed = True
        if self._connection is not None:
            self._connection.close()


def check(path: str | os.PathLike[str]) -> None:
    """Raise ``TraceError`` if the file is plainly no trace that can be read, without reading all of it."""
    path = Path(path)
    _check_header(path)
    with _reasons(path):
        connection = connect(path)
        try:
            _check_identity(connection)
        finally:
            connection.close()


def thumbnail_shape(shape: Sequence[int]) -> tuple[int, int]:
    """The size of the matrix that ``tensors.thumbnail`` makes of a tensor of this shape."""
    across = shape[-1] if shape else 1
    down = math.prod(shape[:-1])
    return (min(down, THUMBNAIL_SIDE), min(across, THUMBNAIL_SIDE)) if across * down else (0, 0)


def _check_header(path: Path) -> None:
    """The plainest mistakes get the plainest words, before SQLite is asked."""
    try:
        with open_regular(path) as file:
            header = file.read(HEADER_SIZE)
        for suffix in SIDE_FILES:  # SQLite opens them too, and would wait for a pipe
            beside = path.with_name(path.name + suffix)
            if beside.exists() and not beside.is_file():
                raise OSError(errno.EINVAL, f"{beside.name} beside it is not a regular file")
    except OSError as error:
        raise TraceError(f"cannot open {path}: {error.strerror or error}") from None
    if not header:
        raise TraceError(f"{path} is empty")
    if header[:16] != SQLITE_MAGIC:
        raise TraceError(f"{path} is not a gradviz trace")
    if len(header) < HEADER_SIZE:
        raise TraceError(f"{path} is truncated")
    if header[68:72] != APPLICATION_ID.to_bytes(4, "big"):
        raise TraceError(f"{path} is a database, but not a gradviz trace")


def connect(path: Path) -> sqlite3.Connection:
    """A read-only connection that trusts nothing in the file."""
    uri = path.absolute().as_uri() + "?mode=ro"
    try:
        return _probe(uri)
    except sqlite3.OperationalError:
        # In a folder that cannot be written to, a file that a reader kept in WAL mode opens only this way.
        if os.access(path.parent, os.W_OK) or path.with_name(path.name + "-wal").exists():
            raise
        return _probe(uri + "&immutable=1")


def _probe(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, check_same_thread=False, isolation_level=None)
    try:
        _harden(connection)
        connection.execute("SELECT 1 FROM sqlite_schema").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _harden(connection: sqlite3.Connection) -> None:
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    for pragma in ("trusted_schema = OFF", "query_only = ON", "cell_size_check = ON", "mmap_size = 0"):
        connection.execute(f"PRAGMA {pragma}")


@contextmanager
def _reasons(path: Path) -> Iterator[None]:
    """Whatever goes wrong inside is the file's fault and says so."""
    try:
        yield
    except TraceError as error:
        raise TraceError(f"{path}: {error}") from None
    except (sqlite3.Error, OSError, ValueError, OverflowError, RecursionError, MemoryError) as error:
        raise TraceError(f"{path} is damaged: {clipped(str(error), 200) or type(error).__name__}") from None


def _check_identity(connection: sqlite3.Connection) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise TraceError(f"made by a newer gradviz (trace version {version}; this one reads up to {VERSION})")
    if version < 1:
        raise TraceError(f"trace version {version} was never in use")
    if schema_objects(connection) != expected_objects():
        raise TraceError("its tables are not those of a gradviz trace")
