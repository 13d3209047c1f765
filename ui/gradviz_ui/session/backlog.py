"""Printed text on its way from the threads that read it to the window, which takes it at its own pace."""

from __future__ import annotations

import threading
from collections import deque

Piece = tuple[str, str]
"""Text and its stream."""

GAP = "[...]\n"
"""Stands where text was left out."""


class Backlog:
    """Holds so many characters and lines; of more the oldest are left out. Safe to use from several threads."""

    def __init__(self, characters: int, lines: int) -> None:
        self._most = characters, lines
        self._lock = threading.Lock()
        self._pieces: deque[Piece] = deque()
        self._characters = self._lines = 0
        self._gap = False

    def add(self, text: str, stream: str) -> None:
        """Take text."""
        if not text:
            return
        with self._lock:
            self._pieces.append((text, stream))
            self._count(text, 1)
            self._trim(*self._most)

    def leave_out(self, characters: int, lines: int) -> None:
        """Hold no more than the last of them."""
        with self._lock:
            self._trim(characters, lines)

    def _trim(self, characters: int, lines: int) -> None:
        while self._characters > characters or self._lines > lines:
            text, stream = self._pieces.popleft()
            start = max(self._characters - characters, _end_of_lines(text, self._lines - lines))
            self._count(text[:start], -1)
            if start < len(text):
                self._pieces.appendleft((text[start:], stream))
            self._gap = True

    def _count(self, text: str, sign: int) -> None:
        self._characters += sign * len(text)
        self._lines += sign * text.count("\n")

    def take(self, characters: int, lines: int) -> list[Piece]:
        """The oldest text that is held, no more of it than that, neighbours of one stream joined."""
        taken: list[tuple[list[str], str]] = []
        with self._lock:
            gap, self._gap = self._gap, False
            while self._pieces and characters > 0 and lines > 0:
                text, stream = self._pieces.popleft()
                end = min(characters, _end_of_lines(text, lines))
                if end < len(text):
                    self._pieces.appendleft((text[end:], stream))
                part = text[:end]
                self._count(part, -1)
                characters -= end
                lines -= part.count("\n")
                if gap:
                    part, gap = GAP + part, False
                if taken and taken[-1][1] == stream:
                    taken[-1][0].append(part)
                else:
                    taken.append(([part], stream))
        return [("".join(parts), stream) for parts, stream in taken]

    def clear(self) -> None:
        """Forget it all."""
        with self._lock:
            self._pieces.clear()
            self._characters = self._lines = 0
            self._gap = False

    def __bool__(self) -> bool:
        return bool(self._pieces)


def _end_of_lines(text: str, lines: int) -> int:
    """Where its first so many lines end; all of it where it has fewer."""
    if text.count("\n") < lines:
        return len(text)
    end = 0
    for _ in range(lines):
        end = text.index("\n", end) + 1
    return end
