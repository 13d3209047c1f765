"""Characters that Qt's text documents would change, and what stands for them there.

Qt ends a line of its own at U+2029, U+FDD0 and U+FDD1, breaks one at U+2028, and takes U+FEFF and U+FFFE at
the start of a text for byte order marks. Python does none of that. In a document another character, which the
program does not hold, stands for each of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

CHANGED = "\u2028\u2029\ufdd0\ufdd1\ufeff\ufffe"
LINE_END = "\u2029"
"""What ends a line inside of Qt's documents."""


def _spare() -> Iterator[str]:
    """Characters that mean nothing: those kept from interchange first, then the private ones."""
    return map(chr, itertools.chain(range(0xFDD2, 0xFDF0), range(0xF0000, 0xFFFFE), range(0x100000, 0x10FFFE)))


@dataclass(frozen=True, slots=True)
class StandIns:
    """Turns a program's text into a document's and back, for one program."""

    characters: str

    @classmethod
    def for_text(cls, text: str) -> StandIns:
        """Stand-ins that ``text`` does not hold."""
        free = (character for character in _spare() if character not in text)
        return cls("".join(itertools.islice(free, len(CHANGED))))

    def shown(self, text: str) -> str:
        """The text as the document has it. What no program can hold becomes U+FFFD."""
        for character in self.characters:  # only pasted text can hold one
            text = text.replace(character, "\ufffd")
        for character, stand_in in zip(CHANGED, self.characters, strict=True):
            text = text.replace(character, stand_in)
        text = text.replace("\0", "\ufffd")
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def written(self, shown: str) -> str:
        """A document's own text, or a part of it, as the program has it."""
        text = shown.replace(LINE_END, "\n")
        for character, stand_in in zip(CHANGED, self.characters, strict=True):
            text = text.replace(stand_in, character)
        return text
