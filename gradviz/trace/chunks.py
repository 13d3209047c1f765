"""Columns as bytes: pieces of a stream, each checked by a digest of its own, whole numbers as narrow as they fit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from gradviz.trace.columns import Array
from gradviz.trace.errors import TraceError
from gradviz.trace.fields import REQUIRED, Column, Field, Layout, layout_of
from gradviz.trace.tables import KINDS

TEXT = "text"
"""The stream of the texts."""
_NARROW = ("u1", "<u2", "<u4")
_DTYPES = {"u1", "<u2", "<u4", "<i8", "<f8"}

COLUMNS = "stream, first, count, layout, data, digest"
INSERT = f"INSERT INTO chunk ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"


class Chunk(NamedTuple):
    """A row of ``chunk`` but for its id."""

    stream: str
    first: int
    rows: int
    layout: str
    data: bytes
    digest: bytes


def pack(stream: str, first: int, count: int, arrays: Mapping[str, Array]) -> Chunk:
    """The chunk of ``count`` rows, an array for each column."""
    layout, pieces = [], []
    for name, array in arrays.items():
        stored, base = _narrowed(array)
        layout.append([name, stored.dtype.str.replace("|", ""), base, len(stored)])
        pieces.append(stored.tobytes())
    text, data = json.dumps(layout, separators=(",", ":")), b"".join(pieces)
    return Chunk(stream, first, count, text, data, _digest(stream, first, count, text, data))


def pack_texts(first: int, texts: Sequence[str]) -> Chunk:
    """The chunk of texts that follow those before ``first``."""
    encoded = [text.encode("utf-8") for text in texts]
    lengths = np.array([len(text) for text in encoded], np.int64)
    return pack(TEXT, first, len(texts), {"length": lengths, "utf8": np.frombuffer(b"".join(encoded), np.uint8)})


def _narrowed(array: Array) -> tuple[Array, int]:
    """The numbers as they are stored, and what was taken off them."""
    if array.dtype.kind == "f":
        return array.astype("<f8", copy=False), 0
    if array.dtype.itemsize == 1 or not len(array):
        return array.astype("u1", copy=False), 0
    low, high = int(array.min()), int(array.max())
    for dtype in _NARROW:
        if high - low <= np.iinfo(dtype).max:
            return (array.astype(np.int64) - low).astype(dtype), low
    return array.astype("<i8"), 0


def _digest(stream: str, first: int, count: int, layout: str, data: bytes) -> bytes:
    digest = hashlib.blake2b(json.dumps([stream, first, count, layout]).encode(), digest_size=16)
    digest.update(data)
    return digest.digest()


def unpack(chunk: Chunk) -> dict[str, Array]:
    """The arrays of all columns that are there. TraceError unless the chunk is as it was written."""
    types = (str, int, int, str, bytes, bytes)
    if not all(type(value) is kind for value, kind in zip(chunk, types, strict=True)):
        raise TraceError("a chunk of it is malformed")
    if chunk.digest != _digest(*chunk[:5]):
        raise TraceError(f"a chunk of {chunk.stream[:40]!r} is not the one that was written")
    found: dict[str, Array] = {}
    at = 0
    for entry in _layout(chunk):
        name, code, base, length = entry
        if code not in _DTYPES:
            raise TraceError(f"a column of {chunk.stream[:40]!r} is of no known type")
        dtype = np.dtype(code)
        end = at + length * dtype.itemsize
        if end > len(chunk.data):
            raise TraceError(f"a chunk of {chunk.stream[:40]!r} is cut")
        numbers = np.frombuffer(chunk.data, dtype, length, at)
        found[name] = numbers.astype(np.int64) + base if dtype.kind != "f" and base else numbers
        at = end
    if at != len(chunk.data):
        raise TraceError(f"a chunk of {chunk.stream[:40]!r} holds more than it tells of")
    return found


def _layout(chunk: Chunk) -> list[tuple[str, str, int, int]]:
    try:
        entries = json.loads(chunk.layout)
    except (ValueError, RecursionError):
        entries = None
    sound = type(entries) is list and all(
        type(entry) is list and list(map(type, entry)) == [str, str, int, int] for entry in entries
    )
    if not sound or any(abs(base) >= 2**63 or length < 0 for _, _, base, length in entries):
        raise TraceError(f"a chunk of {chunk.stream[:40]!r} has no layout")
    return [tuple(entry) for entry in entries]


def texts_of(chunk: Chunk) -> list[str]:
    """The texts of a chunk of them."""
    arrays = unpack(chunk)
    lengths, data = arrays.get("length"), arrays.get("utf8")
    if lengths is None or data is None or len(lengths) != chunk.rows or data.dtype != np.uint8:
        raise TraceError("its texts are malformed")
    ends = np.cumsum(lengths.astype(np.int64))
    if len(lengths) and not (int(lengths.min()) >= 0 and int(lengths.max()) <= len(data) and ends[-1] == len(data)):
        raise TraceError("its texts are malformed")
    whole = data.tobytes()
    try:
        return [whole[start:end].decode("utf-8") for start, end in pairwise([0, *ends.tolist()])]
    except UnicodeDecodeError:
        raise TraceError("its texts are no UTF-8") from None


def columns_of(chunk: Chunk, layout: Layout) -> dict[str, Array]:
    """The columns that the layout declares. What it does not know of is passed over; what was declared later than
    the file was written has its default. TraceError for what no column of that name can hold."""
    arrays = unpack(chunk)
    found: dict[str, Array] = {}
    missing = []
    for field in layout.fields:
        if any(column.name in arrays for column in field.columns):
            _take(field, chunk, arrays, found)
        elif field.default is REQUIRED:
            raise TraceError(f"{field.name} of {chunk.stream} is missing")
        else:
            missing.append(field)
    for field in missing:  # last, so that others have shown that there are so many rows
        _fill(field, chunk, found)
    return found


def _take(field: Field, chunk: Chunk, arrays: Mapping[str, Array], found: dict[str, Array]) -> None:
    for column in field.columns:
        numbers = arrays.get(column.name)
        rows = chunk.rows if column.of is None else int(np.maximum(found[f"{column.of}#"], 0).sum(dtype=np.int64))
        if numbers is None or len(numbers) != rows:
            raise TraceError(f"{column.name} of {chunk.stream} has not as many entries as there are rows")
        _check(column, numbers, chunk.stream)
        found[column.name] = numbers.astype(column.dtype)


def _check(column: Column, numbers: Array, stream: str) -> None:
    """Can the column hold these? What they refer to is looked at once all is there (``checks``)."""
    if (numbers.dtype.kind == "f") != (column.dtype.kind == "f"):
        raise TraceError(f"{column.name} of {stream} is of another type")
    if numbers.dtype.kind == "f" or not len(numbers):
        return
    highest = len(column.words) - 1 if column.words else 1 if column.dtype == np.bool_ else np.iinfo(column.dtype).max
    low, high = int(numbers.min()), int(numbers.max())
    if low < column.lowest or high > highest:
        raise TraceError(f"{column.name} of {stream} holds {low if low < column.lowest else high}")


def _fill(field: Field, chunk: Chunk, found: dict[str, Array]) -> None:
    for column in field.columns:
        if column.of is not None:
            found[column.name] = np.zeros(0, column.dtype)
        elif field.listed:
            found[column.name] = np.zeros(chunk.rows, column.dtype)
        else:
            found[column.name] = np.full(chunk.rows, _number(column, field.default), column.dtype)


def _number(column: Column, default: Any) -> Any:
    if column.words:
        return column.words.index(default)
    if default is None or column.text is not None:  # a text that is not there stands for the default
        return float("nan") if column.dtype.kind == "f" else -1
    return default


def put_together(found: Sequence[Chunk], totals: Mapping[Any, Any]) -> dict[str, Any]:
    """The columns of each stream, its chunks one after the other, and the texts. TraceError where any is missing."""
    streams: dict[str, list[Any]] = {}
    counts: dict[str, int] = {}
    for chunk in found:
        if chunk.stream != TEXT and chunk.stream not in KINDS:
            raise TraceError(f"it holds {str(chunk.stream)[:40]!r}, which this gradviz does not know")
        if type(chunk.rows) is not int or chunk.rows < 0 or chunk.first != counts.get(chunk.stream, 0):
            raise TraceError(f"a chunk of {chunk.stream!r} is missing")
        counts[chunk.stream] = chunk.first + chunk.rows
        read = texts_of(chunk) if chunk.stream == TEXT else columns_of(chunk, layout_of(KINDS[chunk.stream]))
        streams.setdefault(chunk.stream, []).append(read)
    if counts != totals:
        raise TraceError("damaged: its rows are not the ones that were written")
    return {
        stream: [text for piece in pieces for text in piece]
        if stream == TEXT
        else {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
        for stream, pieces in streams.items()
    }
