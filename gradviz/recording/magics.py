"""What a notebook cell holds that is not Python: magics, shell lines, help. They are passed over.

A line keeps its number: what is passed over becomes ``pass`` in its place.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from dataclasses import dataclass

PYTHON_CELLS = frozenset({"time", "timeit", "capture", "prun", "debug", "python", "python3", "pypy"})
"""Cell magics around ordinary Python: the body runs, the magic does not."""

_MAGIC_VALUE = re.compile(r"^(?P<indent>\s*)[\w.,\s\[\]]+?=\s*[%!]")
_HELP = re.compile(r"^\s*(\?{1,2}[\w.*%]+|[\w.*%]+\?{1,2})\s*$")


@dataclass(frozen=True, slots=True)
class Skipped:
    """A line of the cell, counted from 0, that is not run."""

    line: int
    text: str


def to_python(cell: str) -> tuple[str, list[Skipped]]:
    """The cell with everything but Python passed over, and what that was."""
    lines = cell.split("\n")
    first = next((index for index, line in enumerate(lines) if line.strip()), 0)
    if lines and lines[first].startswith("%%"):
        name = lines[first][2:].split(maxsplit=1)[0] if lines[first][2:].strip() else ""
        skipped = [Skipped(first, lines[first].strip())]
        if name not in PYTHON_CELLS:
            return "\n" * (len(lines) - 1), skipped
        lines[first] = ""
        body, more = to_python("\n".join(lines))
        return body, skipped + more
    if _is_python(cell):
        return cell, []
    return _without_magics(lines)


def _is_python(cell: str) -> bool:
    try:
        ast.parse(cell)
    except (SyntaxError, ValueError):
        return False
    return True


def _without_magics(lines: list[str]) -> tuple[str, list[Skipped]]:
    kept: list[str] = []
    skipped: list[Skipped] = []
    inside = False  # a bracket, a triple-quoted string or a backslash left open by the lines before
    started = 0
    for index, line in enumerate(lines):
        if not inside and _is_magic(line):
            skipped.append(Skipped(index, line.strip()))
            kept.append(line[: len(line) - len(line.lstrip())] + "pass")
            continue
        kept.append(line)
        if not inside:
            started = index
        inside = _left_open("\n".join(kept[started:]))
    return "\n".join(kept), skipped


def _is_magic(line: str) -> bool:
    return line.lstrip().startswith(("%", "!")) or bool(_MAGIC_VALUE.match(line) or _HELP.match(line))


def _left_open(statement: str) -> bool:
    """Does the next line belong to this one, as far as quotes, brackets and backslashes tell?"""
    if statement.endswith("\\"):
        return True
    try:
        for _ in tokenize.generate_tokens(io.StringIO(statement.lstrip() + "\n").readline):
            pass
    except tokenize.TokenError:
        return True  # the end of the text came inside a bracket or a string
    except (SyntaxError, IndentationError):
        return False
    return False
