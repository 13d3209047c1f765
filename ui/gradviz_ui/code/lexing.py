"""Python's tokens one line at a time, for colouring while somebody types.

A lexer of whole programs would have to read all of it again at each key press. Here a line costs its own
length, and one number carries what a line leaves open (a triple-quoted string) to the next.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterator
from enum import IntEnum

KEYWORDS = frozenset(keyword.kwlist) | {"match", "case"}
BUILTINS = frozenset(name for name in dir(builtins) if not name.startswith("_")) | {"self", "cls"}


class State(IntEnum):
    """What a line leaves open for the next one."""

    PLAIN = 0
    SINGLE = 1
    DOUBLE = 2


_QUOTES = {State.SINGLE: "'''", State.DOUBLE: '"""'}
_STATES = {quotes: state for state, quotes in _QUOTES.items()}

_UP_TO = {quotes: re.compile(rf"(?:\\.|(?!{quotes}).)*?{quotes}") for quotes in _STATES}
"""Text up to and with closing quotes that no backslash makes harmless."""

_TOKEN = re.compile(
    r"""
    (?P<comment>\#.*)
  | (?P<open>\b[rbfuRBFU]{0,2}(?:'''|\"\"\")|'''|\"\"\")
  | (?P<string>(?:\b[rbfuRBFU]{1,2})?(?:'(?:\\.|[^'\\])*(?:'|$)|"(?:\\.|[^"\\])*(?:"|$)))
  | (?P<decorator>^\s*@[\w.]+)
  | (?P<number>\b(?:0[xXbBoO][\da-fA-F_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?[jJ]?))
  | (?P<magic>^\s*[%!].*)
  | (?P<word>[^\W\d]\w*)
  | (?P<operator>[-+*/@%&|^~<>=!]+)
    """,
    re.VERBOSE,
)


def tokens(line: str, state: int) -> Iterator[tuple[int, int, str]]:
    """The coloured parts of a line as (start, end, kind), after a line that left ``state`` open.

    Kinds: comment, string, decorator, number, keyword, builtin, function (a name after def or class, or one
    that is called), operator. `state_after` tells what this line leaves open.
    """
    position = 0
    if state in _QUOTES:
        position = _end_of_string(line, 0, _QUOTES[State(state)])
        yield 0, position, "string"
    defines = False
    while match := _TOKEN.search(line, position):
        start, position = match.span()
        kind = match.lastgroup or ""
        if kind == "open":
            position = _end_of_string(line, position, match.group()[-3:])
            yield start, position, "string"
        elif kind == "word":
            word = match.group()
            named = "function" if defines else _kind_of(word, line, start, position)
            defines = word in ("def", "class")
            if named:
                yield start, position, named
        else:
            yield start, position, "comment" if kind == "magic" else kind


def state_after(line: str, state: int) -> State:
    """What a line leaves open that began with ``state`` open."""
    position = 0
    if state in _QUOTES:
        quotes = _QUOTES[State(state)]
        position = _end_of_string(line, 0, quotes)
        if not _closes(line, 0, quotes):
            return State(state)
    while match := _TOKEN.search(line, position):
        position = match.end()
        if match.lastgroup == "open":
            quotes = match.group()[-3:]
            if not _closes(line, position, quotes):
                return _STATES[quotes]
            position = _end_of_string(line, position, quotes)
    return State.PLAIN


def _kind_of(word: str, line: str, start: int, end: int) -> str | None:
    attribute = start > 0 and line[start - 1] == "."
    if word in KEYWORDS and not attribute:
        # "match" and "case" are keywords only where a statement begins.
        if word not in ("match", "case") or (not line[:start].strip() and line.rstrip().endswith(":")):
            return "keyword"
        return None
    if word in BUILTINS and not attribute:
        return "builtin"
    return "function" if line[end : end + 1] == "(" else None


def _closes(line: str, start: int, quotes: str) -> bool:
    return _search_quotes(line, start, quotes) is not None


def _end_of_string(line: str, start: int, quotes: str) -> int:
    found = _search_quotes(line, start, quotes)
    return len(line) if found is None else found


def _search_quotes(line: str, start: int, quotes: str) -> int | None:
    match = _UP_TO[quotes].match(line, start)
    return match.end() if match else None
