"""What the program prints: passed on at once, and kept in the trace within limits."""

from __future__ import annotations

import codecs
import io
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, BinaryIO, Literal, TextIO

from gradviz.recording.places import Place

Stream = Literal["stdout", "stderr"]
STREAMS: tuple[Stream, ...] = ("stdout", "stderr")
Record = Callable[[str, Stream], None]

KEPT_CHARACTERS = 1 << 20
KEPT_EVENTS = 20_000
LINE_CHARACTERS = 8_192
"""A line is kept open for more writes up to this length."""


class OutputLimit:
    """Joins writes into lines and stops keeping them when there are too many."""

    def __init__(self) -> None:
        self._open: tuple[list[str], Place, Stream] | None = None
        self._open_size = 0
        self._characters = 0
        self._events = 0
        self._full = False
        self._warned = False

    def add(self, text: str, place: Place, stream: Stream) -> Iterator[tuple[str, Place, Stream]]:
        """Take a write; yields the lines that are now complete."""
        if self._full or not text:
            return
        text = text[: KEPT_CHARACTERS - self._characters]
        self._characters += len(text)
        if self._open is not None and self._open[1:] != (place, stream):
            yield from self.flush()
        if self._open is None:
            self._open = ([], place, stream)
        self._open[0].append(text)
        self._open_size += len(text)
        self._full = self._characters >= KEPT_CHARACTERS or self._events >= KEPT_EVENTS
        if text.endswith("\n") or self._open_size > LINE_CHARACTERS or self._full:
            yield from self.flush()

    def flush(self) -> Iterable[tuple[str, Place, Stream]]:
        """The line under way."""
        if self._open is None:
            return []
        pieces, place, stream = self._open
        self._open, self._open_size = None, 0
        self._events += 1
        return [("".join(pieces), place, stream)]

    def warning(self) -> str | None:
        """Said once, when the limit is reached."""
        if not self._full or self._warned:
            return None
        self._warned = True
        return "the program printed more than a trace keeps; the rest of its output is not recorded"


class RecordedStream:
    """Stands in for ``sys.stdout`` or ``sys.stderr``: passes everything on and tells the recorder.

    It is no ``io`` class itself: those close what they pass on to when they are collected.
    """

    def __init__(self, original: TextIO, stream: Stream, record: Record) -> None:
        self.original = original
        self._stream = stream
        self._record = record

    def write(self, text: str) -> int:
        written = self.original.write(text)
        self._record(text, self._stream)
        return written

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    @cached_property
    def buffer(self) -> RecordedBytes:
        """For programs that write bytes."""
        return RecordedBytes(self.original.buffer, self._tell, self.original.encoding)

    def detach(self) -> RecordedBytes:
        """The bytes below; the original is of no use afterwards."""
        encoding = self.original.encoding
        return RecordedBytes(self.original.detach(), self._tell, encoding)  # type: ignore[attr-defined]

    def _tell(self, text: str) -> None:
        self._record(text, self._stream)

    def let_go(self) -> None:
        """The recording is over: from now on this only passes on.

        It stays alive for a while: ``print`` in another thread may have looked up ``sys.stdout`` already,
        and holds no reference of its own to what it found.
        """
        self._record = _nobody
        _LET_GO.append(self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.original, name)

    def __enter__(self) -> RecordedStream:
        self.original.__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        self.original.__exit__(*raised)


class RecordedBytes:
    """``RecordedStream.buffer``: passes bytes on and tells the recorder the text they are."""

    def __init__(self, original: BinaryIO, tell: Callable[[str], None], encoding: str) -> None:
        self.original = original
        self._tell = tell
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")

    def write(self, data: Any) -> int:
        written = self.original.write(data)
        self._tell(self._decoder.decode(bytes(data)))
        return written

    def writelines(self, lines: Iterable[Any]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.original, name)


io.TextIOBase.register(RecordedStream)
io.BufferedIOBase.register(RecordedBytes)


def _nobody(text: str, stream: Stream) -> None:
    """The recorder of a stream whose recording is over."""


_LET_GO: deque[RecordedStream] = deque(maxlen=100)


@contextmanager
def recorded_streams(record: Record) -> Iterator[None]:
    """``sys.stdout`` and ``sys.stderr`` are recorded inside; what the program puts in their place stays there."""
    put: list[tuple[Stream, RecordedStream]] = []
    for name in STREAMS:
        original = getattr(sys, name)
        if original is not None:  # under pythonw there is none
            stream = RecordedStream(original, name, record)
            setattr(sys, name, stream)
            put.append((name, stream))
    try:
        yield
    finally:
        for name, stream in put:
            if getattr(sys, name) is stream:
                setattr(sys, name, stream.original)
            stream.let_go()
