"""Writes a trace to its file while the program runs.

What is added waits in memory as it is and is made columns of (``tables``), and committed, every
``FLUSH_SECONDS``, so that a recorder that is killed loses
little more than that, and whoever opens the file meanwhile sees all but the last moments. Whoever adds rows
commits them: beside a thread that computes without pause, another one would get the interpreter back only
every few milliseconds, after each statement, and never come to the end. A thread looks after programs that
have stopped adding.

Nothing is written before `begin`: until then the trace that was there stays as it was. One writer holds a trace
at a time (``lock``).
"""

from __future__ import annotations

import ctypes
import os
import sqlite3
import threading
import time
import weakref
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from gradviz import files
from gradviz.trace import chunks, merge
from gradviz.trace.chunks import Chunk
from gradviz.trace.errors import TraceError
from gradviz.trace.events import Event
from gradviz.trace.format import Row, content_sum
from gradviz.trace.lock import TraceBusy, TraceLock
from gradviz.trace.model import Edge, Fact, GraphNode, Label, NodeId, Source, Storage, TensorId, Value, ValueId
from gradviz.trace.place import has_content, leave_one_file, make_empty, may_replace, remove_side_files, settle
from gradviz.trace.tables import Appender
from gradviz.trace.tensors import DTYPES, dtype_name, summarize, thumbnail
from gradviz.trace.texts import Texts

FLUSH_SECONDS = 0.08
PENDING_BYTES = 64 << 20
"""When this much waits to be written, the program waits too."""
AUTO_EACH = 1 << 20
AUTO_TOTAL = 2 << 30
SQLITE_BLOB = 900_000_000
"""SQLite holds no blob beyond 10^9 bytes; such a tensor keeps its thumbnail even under ``full``."""

Values = Literal["full", "summary", "auto"]


class Batch(NamedTuple):
    """What is committed together."""

    chunks: list[Chunk]
    contents: list[Row]


class TraceWriter:
    """A ``TraceSink`` that ends up in a file.

    ``values`` says what is kept of tensors: ``full`` all of it; ``summary`` the numbers; ``auto`` whole
    tensors up to 1 MiB each and 2 GiB in all, beyond that numbers and a thumbnail of at most 64 x 64.
    With ``begin=False`` what is at ``path`` stays until `begin` is called. Safe to call from several threads.
    Raises ``TraceError`` when the file cannot be written, or another recording is being written to it.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, values: Values = "auto", begin: bool = True, **meta: Any
    ) -> None:
        if values not in ("full", "summary", "auto"):
            raise TraceError(f"values is full, summary or auto, not {values!r}")
        self.path = Path(path)
        self._target = Path(os.path.realpath(path))
        self._values = values
        self._kept_bytes = 0
        self._lock = threading.RLock()
        self._texts = Texts()
        self._appender = Appender(self._texts)
        self._contents: list[Row] = []
        self._batch = Batch([], [])
        self._rows: Counter[str] = Counter()
        """Rows of each stream that are in chunks."""
        self._pending_bytes = 0
        self._known: dict[tuple[str, tuple[int, ...], bytes], TensorId] = {}
        self._write_lock = threading.RLock()
        self._forked = False
        self._failure: TraceError | None = None
        self._closing = threading.Event()
        self._flushed = time.monotonic()
        self._connection: sqlite3.Connection | None = None
        self._file: os.stat_result | None = None
        self._flusher = threading.Thread(target=self._flush_often, name="gradviz trace writer", daemon=True)
        self._held = self._hold()
        _writers.add(self)
        for key, value in {"backend": "numpy", "created": time.time(), "complete": False, **meta}.items():
            self.set_meta(key, value)
        if begin:
            self.begin()

    def _hold(self) -> TraceLock:
        """The lock; nothing but a trace is ever overwritten, and only by one writer at a time."""
        try:
            held = TraceLock(self._target)
            try:
                if not may_replace(self._target):
                    raise TraceError(f"{self.path} is not a gradviz trace and will not be overwritten")
            except BaseException:
                held.release()
                raise
            return held
        except TraceBusy as error:
            raise TraceError(f"cannot write {self.path}: {error}") from None
        except OSError as error:
            raise TraceError(f"cannot write {self.path}: {error.strerror or error}") from None

    def begin(self) -> None:
        """Put an empty trace in the place of the one that was there, in one move; once."""
        with self._write_lock:
            if self._connection is not None or self._closing.is_set() or self._forked:
                return
            try:
                self._connection = self._create()
            except (OSError, sqlite3.Error) as error:
                self._closing.set()
                self._held.release()
                why = (error.strerror if isinstance(error, OSError) else None) or error
                raise TraceError(f"cannot write {self.path}: {why}") from None
            self._flusher.start()
        self.flush()

    def _create(self) -> sqlite3.Connection:
        with files.replacing(self._target) as temporary:
            make_empty(temporary)
            settle(self._target)
            remove_side_files(self._target)
        connection = sqlite3.connect(self._target, check_same_thread=False, isolation_level=None)
        try:
            # From here on: the schema is in the main file, so even a copy of it alone can be opened.
            connection.execute("PRAGMA journal_mode = WAL")
            # Survives a killed process at every commit; a power cut may cost the last moments.
            connection.execute("PRAGMA synchronous = NORMAL")
            self._file = self._target.stat()
        except BaseException:
            connection.close()
            raise
        return connection

    @property
    def steps(self) -> int:
        """How many events there are so far."""
        return self._appender.steps

    def _add(self, item: Any) -> int:
        with self._lock:
            if self._failure is not None:
                raise self._failure  # else what can never be written would fill the memory
            return self._appender.add(item)

    def add_node(self, node: GraphNode) -> NodeId:
        """Append the node under the next free id, whatever id it carries."""
        return self._add(node)

    def add_edge(self, edge: Edge) -> int:
        """Append the edge; its index is returned."""
        return self._add(edge)

    def add_value(self, value: Value) -> ValueId:
        """Append the value under the next free id, whatever id it carries."""
        return self._add(value)

    def add_source(self, source: Source) -> None:
        """Keep a program's text."""
        self._add(source)

    def label_node(self, node: NodeId, label: str) -> None:
        """Name a leaf whose variable was bound only after the node was seen."""
        self._add(Label("node", node, label))

    def label_value(self, value: ValueId, label: str) -> None:
        """Name a value whose variable was bound only after the operation returned."""
        self._add(Label("value", value, label))

    def set_meta(self, key: str, value: Any) -> None:
        """Note a fact about the recording; a later one of the same key replaces it."""
        self._add(Fact(key, value))

    def add_tensor(self, array: NDArray[Any], dtype: str | None = None) -> TensorId:
        """Copy the content in; equal contents get one id. Large ones shrink as ``values`` says."""
        name = dtype or dtype_name(array.dtype)
        content = np.asarray(array, dtype=DTYPES[name], order="C")
        shape = content.shape
        data = content.tobytes()
        key = (name, shape, content_sum(data))
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                return known
            index = self._appender.count("tensor")
            storage = self._storage(len(data))
            info = summarize(index, content, name, storage)
            if storage is Storage.SUMMARY:
                kept, digest = b"", None
            elif storage is Storage.THUMBNAIL:
                kept = thumbnail(content).astype("<f4").tobytes()
                digest = content_sum(kept)
            else:
                kept, digest = data, key[2]
                self._kept_bytes += len(data)
            self._known[key] = index
            self._add(info)
            if digest is not None:
                self._contents.append((index, kept, digest))
                self._pending_bytes += len(kept)
        self._wait_for_disk()
        return index

    def _storage(self, size: int) -> Storage:
        if self._values == "summary":
            return Storage.SUMMARY
        if self._values == "auto" and (size > AUTO_EACH or self._kept_bytes + size > AUTO_TOTAL):
            return Storage.THUMBNAIL
        return Storage.FULL if size <= SQLITE_BLOB else Storage.THUMBNAIL

    def emit(self, event: Event) -> int:
        """Append the event under the next step."""
        with self._lock:
            step = self._appender.steps + 1
            self._add(replace(event, step=step))
        self._wait_for_disk()
        return step

    def _wait_for_disk(self) -> None:
        if self._pending_bytes > PENDING_BYTES or time.monotonic() - self._flushed > FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Commit what waits, once `begin` was called."""
        if self._forked:  # SQLite forbids a forked child to touch the file; what it records is let go
            self._appender, self._contents = Appender(Texts()), []
            return
        with self._write_lock:
            self._flushed = time.monotonic()
            if self._connection is None:
                return
            if self._failure is not None:
                raise self._failure
            try:
                with self._lock:
                    self._chunk()
                    batch, self._batch = self._batch, Batch([], [])
                if batch.chunks or batch.contents:
                    self._commit(self._connection, batch)
            except Exception as error:
                # These rows are lost, and later ones speak of them: nothing more can be written.
                self._failure = TraceError(f"cannot write {self.path}: {' '.join(str(error).split())}")
                raise self._failure from None

    def _chunk(self) -> None:
        """Make chunks of what was added."""
        found = self._appender.take()  # first, as it finds the texts
        batch = self._batch
        batch.contents.extend(self._contents)
        self._contents, self._pending_bytes = [], 0
        if len(self._texts) > self._rows[chunks.TEXT]:
            batch.chunks.append(chunks.pack_texts(self._rows[chunks.TEXT], self._texts[self._rows[chunks.TEXT] :]))
            self._rows[chunks.TEXT] = len(self._texts)
        for stream, arrays in found.items():
            count = len(next(iter(arrays.values())))
            batch.chunks.append(chunks.pack(stream, self._rows[stream], count, arrays))
            self._rows[stream] += count

    def _commit(self, connection: sqlite3.Connection, batch: Batch) -> None:
        """All of the batch, or nothing of it; after Ctrl+C what was not written waits again."""
        totals = {chunk.stream: chunk.first + chunk.rows for chunk in batch.chunks}
        try:
            connection.execute("BEGIN")
            connection.executemany(chunks.INSERT, batch.chunks)
            connection.executemany("INSERT INTO content VALUES (?, ?, ?)", batch.contents)
            connection.executemany("INSERT OR REPLACE INTO total VALUES (?, ?)", totals.items())
            connection.execute("COMMIT")
        except BaseException as error:
            if connection.in_transaction:  # else SQLite has rolled back by itself, or all is written
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            if not isinstance(error, Exception) and not _holds(connection, totals):
                with self._lock:
                    self._batch = Batch(batch.chunks + self._batch.chunks, batch.contents + self._batch.contents)
            raise

    def _flush_often(self) -> None:
        while not self._closing.wait(FLUSH_SECONDS):
            try:
                if time.monotonic() - self._flushed > 1.5 * FLUSH_SECONDS:
                    self.flush()
            except TraceError:
                return  # kept in _failure: whoever records next hears of it

    def finish(self) -> None:
        """Mark the trace complete and leave one plain file; calling it again does nothing.

        Where `begin` was never called, a trace that was there stays and ``TraceError`` says so. It is raised
        as well where what was recorded is not all at ``path``; the file is closed and let go in any case.
        """
        if self._closing.is_set() or self._forked:
            return
        try:
            if self._connection is None:
                if has_content(self._target):
                    raise TraceError(f"the program did not begin to run; {self.path} is left as it was")
                self.begin()
            if self._failure is None:
                self.set_meta("complete", True)
        finally:
            self._close(tidy=True)

    def abandon(self) -> None:
        """Close the file as it is, incomplete."""
        if not self._closing.is_set() and not self._forked:
            self._close(tidy=False)

    def _close(self, *, tidy: bool) -> None:
        self._closing.set()
        try:
            if self._connection is not None:
                self._flusher.join()
                self._end(self._connection, tidy)
        finally:
            self._held.release()

    def _end(self, connection: sqlite3.Connection, tidy: bool) -> None:
        try:
            self.flush()
            if tidy:
                with suppress(sqlite3.Error):  # it is whole without that, too
                    merge.merge(connection)
        finally:
            if tidy:
                leave_one_file(connection)
            gone = self._is_gone()
            with suppress(sqlite3.Error):
                connection.close()
        if gone:
            raise TraceError(f"{self.path} was deleted, moved or replaced while the recording was being written to it")

    def _is_gone(self) -> bool:
        """Is another file, or none, at the path? SQLite would not notice."""
        try:
            return self._file is not None and not os.path.samestat(self._target.stat(), self._file)
        except FileNotFoundError:
            return True
        except OSError:  # a network that is away for a moment
            return False

    def leave_to_parent(self) -> None:
        """In a forked child: the file is the parent's. The connection is not even closed here, at no time.

        Closing a connection that came through a fork deletes, once the parent has let go, the WAL of
        whatever is recorded to that file then (sqlite.org/howtocorrupt.html, 2.6).
        """
        if not self._forked:
            self._forked = True
            # The parent's other threads, which may have held the locks, are not there.
            self._lock, self._write_lock = threading.RLock(), threading.RLock()
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._connection))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.finish()


def _holds(connection: sqlite3.Connection, totals: dict[str, int]) -> bool:
    """Are these the totals in the file?"""
    stated = dict(connection.execute("SELECT * FROM total"))
    return all(stated.get(stream) == count for stream, count in totals.items())


_writers: weakref.WeakSet[TraceWriter] = weakref.WeakSet()


def _leave_all_to_parent() -> None:
    for writer in list(_writers):
        writer.leave_to_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all_to_parent)
