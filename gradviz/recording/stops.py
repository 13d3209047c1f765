"""The lines at which a program can be while it runs, where a breakpoint makes sense."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from types import CodeType

from gradviz.recording.program import Program, Unit

LIMIT = 1 << 20
"""Characters of a program that is compiled to know; of longer ones every line with code on it will do."""


def next_stop(program: Program, line: int) -> int | None:
    """The first line from ``line`` (from 1) on that holds code that runs; None if there is none."""
    lines = program.text.split("\n")
    by_look = {number for number, text in enumerate(lines, 1) if text.strip() and not text.lstrip().startswith("#")}
    found = by_look
    if len(program.text) <= LIMIT:
        found = by_look & {line for unit in program.units() for line in _lines(program, unit, by_look)}
    return min((number for number in found if number >= line), default=None)


def _lines(program: Program, unit: Unit, by_look: set[int]) -> set[int]:
    try:
        with warnings.catch_warnings(action="ignore"):
            codes = program.compile(unit)
    except (SyntaxError, ValueError, RecursionError):  # somebody is typing it
        return by_look
    found = {line for code in codes if code is not None for line in _lines_of(code)}
    return found - {line for line, _ in unit.skipped}


def _lines_of(code: CodeType) -> Iterator[int]:
    yield from (line for _, _, line in code.co_lines() if line)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _lines_of(constant)
