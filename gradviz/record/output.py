"""What the program prints: passed on at once, and kept in the trace within limits."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, TextIO

from gradviz.record.places import Place

Stream = Literal["stdout", "stderr"]

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


class RecordedStream(io.TextIOBase):
    """Stands in for ``sys.stdout`` or ``sys.stderr``: passes everything on and tells the recorder."""

    def __init__(self, original: TextIO, stream: Stream, record: Callable[[str, Stream], None]) -> None:
        self.original = original
        self._stream = stream
        self._record = record

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        written = self.original.write(text)
        self._record(text, self._stream)
        return len(text) if written is None else written

    def flush(self) -> None:
        self.original.flush()

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self.original.isatty()

    def fileno(self) -> int:
        return self.original.fileno()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.original, name)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.original.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        return self.original.errors
