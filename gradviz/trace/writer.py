"""Writes a trace to its file while the program runs.

Rows collect in memory and are committed every ``FLUSH_SECONDS``, so that a recorder that is killed loses
little more than that, and whoever opens the file meanwhile sees all but the last moments. Whoever adds rows
commits them: beside a thread that computes without pause, another one would get the interpreter back only
every few milliseconds, after each statement, and never come to the end. A thread looks after programs that
have stopped adding.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from gradviz.trace import encode
from gradviz.trace.errors import TraceError
from gradviz.trace.events import Event
from gradviz.trace.format import (
    APPLICATION_ID,
    HEADER_SIZE,
    ROW_TABLES,
    VERSION,
    Row,
    RowDigest,
    content_sum,
    schema,
)
from gradviz.trace.model import Edge, GraphNode, NodeId, Source, Storage, TensorId, Value, ValueId
from gradviz.trace.tensors import DTYPES, dtype_name, summarize, thumbnail

FLUSH_SECONDS = 0.08
ROWS_AT_ONCE = 500
"""Rows of one INSERT."""
PENDING_BYTES = 64 << 20
"""When this much waits to be written, the program waits too."""
AUTO_EACH = 1 << 20
AUTO_TOTAL = 2 << 30
SQLITE_BLOB = 900_000_000
"""SQLite holds no blob beyond 10^9 bytes; such a tensor keeps its thumbnail even under ``full``."""

Values = Literal["full", "summary", "auto"]


class TraceWriter:
    """A ``TraceSink`` that ends up in a file.

    ``values`` says what is kept of tensors: ``full`` all of it; ``summary`` the numbers; ``auto`` whole
    tensors up to 1 MiB each and 2 GiB in all, beyond that numbers and a thumbnail of at most 64 x 64.
    Safe to call from several threads. Raises ``TraceError`` when the file cannot be written.
    """

    def __init__(self, path: str | Path, *, values: Values = "auto", **meta: Any) -> None:
        if values not in ("full", "summary", "auto"):
            raise TraceError(f"values is full, summary or auto, not {values!r}")
        self.path = Path(path)
        self._values = values
        self._kept_bytes = 0
        self._lock = threading.RLock()
        self._pending: dict[str, list[Row]] = {table: [] for table in (*ROW_TABLES, "content")}
        self._pending_bytes = 0
        self._counts = dict.fromkeys(ROW_TABLES, 0)
        self._digests = {table: RowDigest() for table in ROW_TABLES}
        self._known: dict[tuple[str, tuple[int, ...], bytes], TensorId] = {}
        self._write_lock = threading.Lock()
        self._process = os.getpid()
        self._failure: TraceError | None = None
        self._closing = threading.Event()
        self._flushed = time.monotonic()
        self._connection = self._create()
        for key, value in {"backend": "numpy", "created": time.time(), "complete": False, **meta}.items():
            self.set_meta(key, value)
        self.flush()
        self._flusher = threading.Thread(target=self._flush_often, name="gradviz trace writer", daemon=True)
        self._flusher.start()

    def _create(self) -> sqlite3.Connection:
        """An empty trace in place of whatever trace was there; nothing else is ever overwritten."""
        try:
            if self.path.exists() and not _may_replace(self.path):
                raise TraceError(f"{self.path} is not a gradviz trace and will not be overwritten")
            for suffix in ("", "-wal", "-shm", "-journal"):
                self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
            connection = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
            connection.executescript(schema())
            # From here on: the schema is in the main file, so even a copy of it alone can be opened.
            connection.execute("PRAGMA journal_mode = WAL")
            # Survives a killed process at every commit; a power cut may cost the last moments.
            connection.execute("PRAGMA synchronous = NORMAL")
            return connection
        except (OSError, sqlite3.Error) as error:
            raise TraceError(f"cannot write {self.path}: {error}") from None

    @property
    def steps(self) -> int:
        """How many events there are so far."""
        return self._counts["event"]

    def _append(self, table: str, row: Row) -> None:
        self._pending[table].append(row)
        self._counts[table] += 1

    def add_node(self, node: GraphNode) -> NodeId:
        """Append the node under the next free id, whatever id it carries."""
        with self._lock:
            index = self._counts["node"]
            self._append("node", encode.node_row(index, node))
            return index

    def add_edge(self, edge: Edge) -> int:
        """Append the edge; its index is returned."""
        with self._lock:
            index = self._counts["edge"]
            self._append("edge", encode.edge_row(index, edge))
            return index

    def add_value(self, value: Value) -> ValueId:
        """Append the value under the next free id, whatever id it carries."""
        with self._lock:
            index = self._counts["value"]
            self._append("value", encode.value_row(index, value))
            return index

    def add_source(self, source: Source) -> None:
        """Keep a program's text."""
        with self._lock:
            self._append("source", encode.source_row(self._counts["source"], source))

    def label_node(self, node: NodeId, label: str) -> None:
        """Name a leaf whose variable was bound only after the node was seen."""
        self._label("node", node, label)

    def label_value(self, value: ValueId, label: str) -> None:
        """Name a value whose variable was bound only after the operation returned."""
        self._label("value", value, label)

    def _label(self, item: str, index: int, label: str) -> None:
        with self._lock:
            self._append("label", (self._counts["label"], item, index, encode.text(label)))

    def set_meta(self, key: str, value: Any) -> None:
        """Note a fact about the recording; a later one of the same key replaces it."""
        with self._lock:
            self._append("meta", (self._counts["meta"], encode.text(key), encode.to_json(value)))

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
            index = self._counts["tensor"]
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
            self._append("tensor", encode.tensor_row(info, digest))
            if digest is not None:
                self._pending["content"].append((index, kept))
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
            step = self._counts["event"] + 1
            row = encode.event_row(step, event)
            self._append("event", row)
            self._pending_bytes += len(row[4])
        self._wait_for_disk()
        return step

    def _wait_for_disk(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._pending_bytes > PENDING_BYTES or time.monotonic() - self._flushed > FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Commit what waits."""
        with self._write_lock:
            with self._lock:
                batch = {table: rows for table, rows in self._pending.items() if rows}
                self._pending = {table: [] for table in self._pending}
                self._pending_bytes = 0
            self._flushed = time.monotonic()
            if not batch or os.getpid() != self._process:
                return  # SQLite forbids a forked child to touch the file; what it records is let go
            try:
                self._commit(batch)
            except sqlite3.Error as error:
                self._failure = TraceError(f"cannot write {self.path}: {error}")
                raise self._failure from None

    def _commit(self, batch: dict[str, list[Row]]) -> None:
        connection = self._connection
        connection.execute("BEGIN")
        for table, rows in batch.items():
            for start in range(0, len(rows), ROWS_AT_ONCE):
                some = rows[start : start + ROWS_AT_ONCE]
                marks = ",".join([f"({','.join('?' * len(some[0]))})"] * len(some))
                connection.execute(f"INSERT INTO {table} VALUES {marks}", list(chain.from_iterable(some)))
            digest = self._digests.get(table)
            if digest is not None:
                digest.add(rows)
                connection.execute("INSERT OR REPLACE INTO digest VALUES (?, ?, ?)", (table, digest.rows, digest.sum()))
        connection.execute("COMMIT")

    def _flush_often(self) -> None:
        while not self._closing.wait(FLUSH_SECONDS):
            try:
                if time.monotonic() - self._flushed > 1.5 * FLUSH_SECONDS:
                    self.flush()
            except TraceError:
                return  # kept in _failure: whoever records next hears of it

    def finish(self) -> None:
        """Mark the trace complete and leave one plain file; calling it again does nothing."""
        if self._closing.is_set() or os.getpid() != self._process:
            return
        self.set_meta("complete", True)
        self._close(tidy=True)

    def abandon(self) -> None:
        """Close the file as it is, incomplete."""
        if not self._closing.is_set():
            self._close(tidy=False)

    def _close(self, *, tidy: bool) -> None:
        self._closing.set()
        self._flusher.join()
        try:
            if self._failure is not None:
                raise self._failure
            self.flush()
            if tidy:
                self._leave_one_file()
        finally:
            self._connection.close()

    def _leave_one_file(self) -> None:
        """Leave the WAL. A reader that has the file open forbids it; then the WAL is emptied at least."""
        try:
            self._connection.execute("PRAGMA busy_timeout = 500")
            self._connection.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.OperationalError:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.finish()


def _may_replace(path: Path) -> bool:
    """True for an empty file and for a trace."""
    with path.open("rb") as file:
        header = file.read(HEADER_SIZE)
    return not header or header[68:72] == APPLICATION_ID.to_bytes(4, "big")
