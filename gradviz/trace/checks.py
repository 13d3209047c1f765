"""Checks of single fields of a row: what is wrong is said in words, and nothing is believed."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from gradviz.plain import clipped
from gradviz.trace.errors import TraceError
from gradviz.trace.format import LONGEST_NAME, Row
from gradviz.trace.tensors import DTYPES

MAX_DIMENSIONS = 32
"""numpy 1.26's limit; PyTorch's own is 64, but nobody has met such a tensor."""
INT32_END = 2**31
"""Lines and slots lie below this: the window counts them in 32 bits, as Qt does."""
LONGEST_ESCAPE = 6
"""Characters of a lone surrogate that is written out."""
MAX_DEPTH = 32
"""How deep lists may lie in lists where any JSON may stand."""


class Malformed(Exception):
    """A row does not hold what it should; ``rows_of`` turns it into a ``TraceError``."""


def need(condition: bool, what: str) -> None:
    """Malformed unless the condition holds."""
    if not condition:
        raise Malformed(what)


def text(value: Any) -> str:
    """Text. A lone surrogate, which JSON can hold and nothing can print, is written out."""
    need(type(value) is str, "a text is not a text")
    if value.isascii():
        return str(value)
    return str(value.encode("utf-8", "backslashreplace").decode("utf-8"))


def name(value: Any) -> str:
    """Text that is shown in one line: no writer of ours makes it longer than this."""
    found = text(value)
    need(len(found) <= LONGEST_NAME * LONGEST_ESCAPE, f"a name has {len(found):,} characters")
    return found


def maybe_name(value: Any) -> str | None:
    """A name, or none."""
    return None if value is None else name(value)


def maybe_text(value: Any) -> str | None:
    """Text, or none."""
    return None if value is None else text(value)


def count(value: Any) -> int:
    """A whole number from 0 that fits 63 bits."""
    if type(value) is int and 0 <= value < 2**63:
        return value
    raise Malformed("a count is not a whole number from 0 up")


def maybe_count(value: Any) -> int | None:
    """A count, or none."""
    return None if value is None else count(value)


def small(value: Any) -> int:
    """A whole number from 0 that fits 31 bits: a slot, the line of a cell."""
    if type(value) is int and 0 <= value < INT32_END:
        return value
    raise Malformed(f"{clipped(str(value), 40)} is not a whole number from 0 to {INT32_END - 1}")


def maybe_line(value: Any) -> int | None:
    """The number of a line, or none."""
    return None if value is None else small(value)


def ident(value: Any, end: int, what: str) -> int:
    """An id below ``end``."""
    if type(value) is int and 0 <= value < end:
        return value
    raise Malformed(f"there is no {what} {clipped(str(value), 40)}")


def idents(values: Any, end: int, what: str) -> tuple[int, ...]:
    """A list of ids, checked together: ready queues can be long."""
    need(type(values) is list, "a list is not a list")
    if values and not (set(map(type, values)) == {int} and min(values) >= 0 and max(values) < end):
        raise Malformed(f"there is no such {what} as one of {clipped(str(values[:20]), 80)}")
    return tuple(values)


def maybe_ident(value: Any, end: int, what: str) -> int | None:
    """An id, or none."""
    return None if value is None else ident(value, end, what)


def listed(value: Any) -> list[Any]:
    """A list."""
    need(type(value) is list, "a list is not a list")
    return list(value)


def flag(value: Any) -> bool:
    """True or false."""
    need(type(value) is bool, "a flag is neither true nor false")
    return bool(value)


def one_of(*words: str) -> Callable[[Any], str]:
    """A check for one of the words."""

    def check(value: Any) -> str:
        need(type(value) is str and value in words, f"it is none of {', '.join(words)}")
        return str(value)

    return check


def load(value: Any) -> Any:
    """Parse a json column."""
    need(type(value) is str, "a text is not a text")
    return json.loads(value)


def anything(value: Any, depth: int = MAX_DEPTH) -> Any:
    """Any JSON that is not nested beyond what can be walked; its texts are those of ``text``."""
    need(depth > 0, "lists lie too deep in lists")
    if isinstance(value, str):
        return text(value)
    if isinstance(value, list):
        return [anything(entry, depth - 1) for entry in value]
    if isinstance(value, dict):
        return {text(key): anything(entry, depth - 1) for key, entry in value.items()}
    return value


@lru_cache(4096)  # a trace has many tensors of few shapes
def shape(column: Any) -> tuple[int, ...]:
    """Parse a json column that holds a shape."""
    sizes = tuple(count(size) for size in listed(load(column)))
    need(len(sizes) <= MAX_DIMENSIONS, f"a tensor has {len(sizes)} dimensions")
    need(math.prod(size or 1 for size in sizes) < 2**59, "a tensor is larger than any memory")
    return sizes


def dtype(value: Any) -> str:
    """The name of a dtype."""
    need(type(value) is str and value in DTYPES, f"there is no dtype {clipped(repr(value), 40)}")
    return str(value)


def rows_of(table: str, rows: Sequence[Row], decode: Callable[[Row], Any], first: int = 0) -> list[Any]:
    """Every row decoded; the ids must be ``first``, ``first + 1`` ..."""
    decoded = []
    for index, row in enumerate(rows, first):
        try:
            need(row[0] == index and type(row[0]) is int, f"the row after it is {clipped(str(row[0]), 40)}")
            decoded.append(decode(row))
        except (Malformed, ValueError, RecursionError) as error:
            raise TraceError(f"{table} {index} is malformed: {clipped(str(error), 200)}") from None
    return decoded
