"""Where the parts of a JSON text stand in it, so that one can be changed and all others stay as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

_DECODER = json.JSONDecoder()
_SPACE = " \t\n\r"


def skip_space(text: str, at: int) -> int:
    """The place of the first character from ``at`` on that is no white space."""
    while text[at : at + 1] and text[at] in _SPACE:
        at += 1
    return at


def value_at(text: str, at: int) -> tuple[Any, int]:
    """The value that begins at ``at``, and where it ends."""
    return _DECODER.raw_decode(text, at)


def members(text: str, at: int) -> Iterator[tuple[str, int, int]]:
    """The members of the object that begins at ``at``: name, and where the value begins and ends."""
    at = skip_space(text, at + 1)
    while text[at] != "}":
        name, at = value_at(text, at)
        start = skip_space(text, skip_space(text, at) + 1)  # past the colon
        _, end = value_at(text, start)
        yield name, start, end
        at = _next(text, end)


def items(text: str, at: int) -> Iterator[tuple[int, int]]:
    """Where each item of the array that begins at ``at`` begins and ends."""
    at = skip_space(text, at + 1)
    while text[at] != "]":
        _, end = value_at(text, at)
        yield at, end
        at = _next(text, end)


def _next(text: str, at: int) -> int:
    at = skip_space(text, at)
    return skip_space(text, at + 1) if text[at] == "," else at
