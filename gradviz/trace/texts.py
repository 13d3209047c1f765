"""The texts of a trace: each different one once, told apart by the number of its place."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from gradviz.trace.format import LONGEST_NAME

VALUES = 4096
"""Values read from JSON that are kept at hand; a trace has few different ones."""


class Texts(Sequence[str]):
    """Texts by number. JSON, of equal values equal, is among them."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._numbers: dict[str, int] = {}
        self.value = lru_cache(VALUES)(self._value)
        """(number, maker) -> the value whose JSON a text is, made into what the field declares: ``tuple``."""

    def __len__(self) -> int:
        return len(self._texts)

    def __getitem__(self, number: Any) -> Any:
        return self._texts[number]

    def number(self, text: str) -> int:
        """The number of a text as a file can hold it: lone surrogates (odd file names) are written out."""
        found = self._numbers.get(text)
        if found is None:
            plain = text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")
            found = self._numbers.setdefault(plain, len(self._texts))
            if found == len(self._texts):
                self._texts.append(plain)
        return found

    def of_name(self, name: str) -> int:
        """As ``number``; cut where it is longer than any name a person gives."""
        return self.number(name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…")

    def of_value(self, value: Any) -> int:
        """The number of a value's JSON; what JSON cannot hold is written as its ``repr``."""
        return self.number(to_json(value))

    def extend(self, texts: Iterable[str]) -> None:
        """Append what a file holds, also where it holds one twice."""
        self._texts.extend(texts)

    def _value(self, number: int, make: Any) -> Any:
        text = self._texts[number]
        value = json.loads(text)
        if "\\u" in text:  # an escape may stand for half a character, which nothing can print
            value = _printable(value)
        return value if make is None else make(value)


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, list):
        return [_printable(entry) for entry in value]
    if isinstance(value, dict):
        return {_printable(key): _printable(entry) for key, entry in value.items()}
    return value


_encoder = json.JSONEncoder(separators=(",", ":"), default=repr)


def to_json(value: Any) -> str:
    """Compact JSON; what JSON cannot hold is written as its ``repr``."""
    return _encoder.encode(value)
