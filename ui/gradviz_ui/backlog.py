"""Printed text on its way from the threads that read it to the window, which takes it at its own pace."""

from __future__ import annotations

import threading
from collections import deque

Piece = tuple[str, str]
"""Text and its stream."""

GAP = "[...]\n"
"""Stands where text was left out."""


class Backlog:
    """Holds ``most`` characters; of more than that the oldest are left out. Safe to use from several threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._pieces: deque[Piece] = deque()
        self._size = 0
        self._gap = False

    def add(self, text: str, stream: str) -> None:
        """Take text."""
        with self._lock:
            if len(text) > self._most:
                text, self._gap = text[-self._most :], True
            self._pieces.append((text, stream))
            self._size += len(text)
            while self._size > self._most:
                self._size -= len(self._pieces.popleft()[0])
                self._gap = True

    def take(self, characters: int, lines: int) -> list[Piece]:
        """The oldest text that is held, no more of it than that, neighbours of one stream joined."""
        taken: list[tuple[list[str], str]] = []
        with self._lock:
            gap, self._gap = self._gap, False
            while self._pieces and characters > 0 and lines > 0:
                text, stream = self._pieces.popleft()
                end = _end_of(text, characters, lines)
                if end < len(text):
                    self._pieces.appendleft((text[end:], stream))
                part = text[:end]
                self._size -= end
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
            self._size, self._gap = 0, False

    def __bool__(self) -> bool:
        return bool(self._pieces)


def _end_of(text: str, characters: int, lines: int) -> int:
    """How many of its first characters are no more than ``characters`` and no more than ``lines`` lines."""
    text = text[:characters]
    if text.count("\n") <= lines:
        return len(text)
    end = 0
    for _ in range(lines):
        end = text.index("\n", end) + 1
    return end
