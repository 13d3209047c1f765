"""Texts of traces, programs and file names as they may be shown to a person: nothing in them acts.

A trace may come from anyone, and a terminal obeys escape sequences: such characters are written out.
"""

from __future__ import annotations

import unicodedata

_JOINERS = "\u200c\u200d"
"""Written in words of some scripts, and in emoji."""


def harmless(text: str) -> str:
    """``text`` in one line, with what a terminal may act on or that hides what is there written out.

    These are control characters, new lines too, direction marks and overrides, lone surrogates, and what is no
    character: ``\\x1b``, ``\\u202e``.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or _is_harmless(c) else _written_out(c) for c in text)


def harmless_lines(text: str) -> str:
    """As ``harmless``, line by line."""
    return "\n".join(map(harmless, text.replace("\r\n", "\n").split("\n")))


def clipped(text: str, most: int) -> str:
    """``harmless`` text of at most ``most`` characters, with an ellipsis where it was longer."""
    found = harmless(text[: most + 1])
    return found if len(found) <= most else found[: most - 1] + "…"


def _is_harmless(character: str) -> bool:
    return character in _JOINERS or unicodedata.category(character) == "Zs"


def _written_out(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
