"""Finding things by a few letters of their name: "accinp" finds "AccumulateGrad inp"."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")

CONSECUTIVE, WORD_START, START, GAP = 6, 8, 4, -1


def search(query: str, items: Iterable[Item], name: Callable[[Item], str], limit: int) -> list[Item]:
    """The ``limit`` items whose names match best, best first; those equally good stay in their order.

    A name matches that holds the query's letters in this order, case and spaces aside.
    """
    letters = [letter for letter in query.lower() if not letter.isspace()]
    if not letters:
        return [item for _, item in zip(range(limit), items, strict=False)]
    # The regular expression passes over what cannot match at C's speed: there may be thousands of nodes.
    pattern = re.compile(".*?".join(map(re.escape, letters)), re.DOTALL)
    found = [(score(letters, text), item) for item in items if pattern.search((text := name(item)).lower())]
    found.sort(key=lambda pair: -pair[0])
    return [item for _, item in found[:limit]]


def score(letters: list[str], text: str) -> int:
    """How well ``letters`` (in lower case) fit ``text``, which must hold them in order; more is better.

    Letters that follow one another, begin words (``AccumulateGrad``: A and G), or begin the text count more;
    skipped letters and long texts count less.
    """
    folded = text.lower()
    best = -(10**9)
    start = folded.find(letters[0])
    while start >= 0:
        total = _score_from(letters, text, folded, start)
        if total is None:
            break
        best = max(best, total)
        start = folded.find(letters[0], start + 1)
    return best - len(text) // 8


def _score_from(letters: list[str], text: str, folded: str, start: int) -> int | None:
    total, at = (START if start == 0 else 0), start
    for number, letter in enumerate(letters):
        found = folded.find(letter, at)
        if found < 0:
            return None
        if number and found == at:
            total += CONSECUTIVE
        elif number:
            total += GAP * min(found - at, 10)
        if _begins_word(text, found):
            total += WORD_START
        at = found + 1
    return total


def _begins_word(text: str, at: int) -> bool:
    if at == 0 or at >= len(text):
        return at == 0
    before, letter = text[at - 1], text[at]
    return not before.isalnum() or (letter.isupper() and before.islower())
