"""Putting edited code back into the notebook it came from.

The notebook's JSON is changed as text, at the places where edited code stands in it. All the rest stays byte
for byte, whatever wrote it: outputs, texts, metadata, ids, the order of keys, indentation, line ends.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gradviz.recording.program import cell_text, is_code, source_of
from gradviz.recording.script import plain, with_line_ends_of
from gradviz_ui.program.json_spans import items, members, skip_space, value_at

_SOURCES = ("source", "input")
"""What formats 4 and 3 call the text of a cell."""
_SPACE = " \t\r\n"


@dataclass(frozen=True, slots=True)
class _CodeCell:
    """A code cell: the source as its file has it, and where that stands; ``start`` is the cell's own place."""

    source: str
    start: int
    span: tuple[int, int] | None


def write_back(notebook: bytes, sources: Sequence[str]) -> bytes:
    """The bytes of ``notebook`` with its code cells' sources replaced, in order; nothing else changes.

    A notebook without code cells gets one at its end for the one source there is. ValueError if the numbers
    of cells differ.
    """
    text = notebook.decode("utf-8-sig")
    where = _cells_array(text)
    cells = _code_cells(text)
    if not cells and len(sources) == 1:
        changed = _with_cell(text, where[-1], sources[0]) if sources[0] and where else text
    elif len(cells) != len(sources):
        raise ValueError(f"the notebook has {len(cells)} code cells, the program {len(sources)}")
    else:
        changed = text
        for cell, source in reversed(list(zip(cells, sources, strict=True))):
            if source not in (cell_text(cell.source), plain(cell.source)):
                changed = _with_source(changed, cell, source)
    mark = codecs.BOM_UTF8 if notebook.startswith(codecs.BOM_UTF8) else b""
    return mark + changed.encode("utf-8")


def new_notebook(sources: Sequence[str]) -> bytes:
    """A notebook with these code cells and nothing else (nbformat 4.5)."""
    cells = [_new_cell(source, f"cell-{number}") for number, source in enumerate(sources, 1)]
    metadata = {"language_info": {"name": "python"}}
    data = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode("utf-8")


def _new_cell(source: str, id: str) -> dict[str, Any]:
    empty: dict[str, Any] = {"metadata": {}, "execution_count": None, "outputs": []}
    return {"cell_type": "code", "id": id, **empty, "source": _pieces(source)}


def _pieces(source: str) -> list[str]:
    """The lines of a source, each with its end, as notebooks keep them."""
    return re.findall(r"[^\n]*\n|[^\n]+", source)


# Finding the cells


def _cells_array(text: str) -> list[int]:
    """Where the arrays of cells begin: one in format 4, one for each worksheet in format 3."""
    top = {name: start for name, start, _ in members(text, skip_space(text, 0))}
    if "cells" in top:
        return [top["cells"]]
    sheets = [start for start, _ in items(text, top["worksheets"])]
    found = [{name: start for name, start, _ in members(text, sheet)} for sheet in sheets]
    return [parts["cells"] for parts in found if "cells" in parts]


def _code_cells(text: str) -> list[_CodeCell]:
    cells = []
    for array in _cells_array(text):
        for start, _ in items(text, array):
            cell, _ = value_at(text, start)
            if is_code(cell):
                spans = {name: (first, last) for name, first, last in members(text, start)}
                span = next((spans[name] for name in _SOURCES if name in spans), None)
                cells.append(_CodeCell(source_of(cell), start, span))
    return cells


# Writing


def _with_source(text: str, cell: _CodeCell, source: str) -> str:
    old = cell.source
    blank = "" if source.endswith("\n") else old[len(old.rstrip("\r\n")) :]
    source = with_line_ends_of(source, old) + blank
    if cell.span is None:
        inner = skip_space(text, cell.start + 1)
        return f'{text[:inner]}"source": {_json(text, source)}, {text[inner:]}'
    start, end = cell.span
    if text[start] != "[":
        return text[:start] + _json(text, source) + text[end:]
    return text[:start] + _list(text, start, end, _pieces(source)) + text[end:]


def _list(text: str, start: int, end: int, pieces: list[str]) -> str:
    """An array of strings, spread over lines as the one that stands there, or as its surroundings are."""
    first = skip_space(text, start + 1)
    before, after = text[start + 1 : first], text[len(text[: end - 1].rstrip(_SPACE)) : end - 1]
    if text[first] == "]":
        before, after = _room(text, start)
    if not pieces:
        return "[]"
    between = "," + (before if "\n" in before else "" if _compact(text) else " ")
    return "[" + before + between.join(_json(text, piece) for piece in pieces) + after + "]"


def _room(text: str, start: int) -> tuple[str, str]:
    """The white space before the items and after the last, for an array that was empty."""
    line = re.search(r"(\r?\n[ \t]*)\"[^\r\n]*$", text[:start])
    return (line.group(1) + _unit(text), line.group(1)) if line is not None else ("", "")


def _with_cell(text: str, array: int, source: str) -> str:
    """The text with a code cell at the end of the array of cells that begins at ``array``."""
    spans = list(items(text, array))
    place = spans[-1][1] if spans else array + 1
    before = text[array + 1 : spans[0][0]] if spans else ""
    lines = "\n" in before
    body = json.dumps(_cell_like(text, spans, source), indent=_unit(text) if lines else None, ensure_ascii=_ascii(text))
    if lines:
        body = body.replace("\n", before)
    return text[:place] + ("," + (before or " ") if spans else "") + body + text[place:]


def _cell_like(text: str, spans: list[tuple[int, int]], source: str) -> dict[str, Any]:
    """A code cell of the notebook's format."""
    if "worksheets" in value_at(text, skip_space(text, 0))[0]:
        empty: dict[str, Any] = {"metadata": {}, "outputs": [], "prompt_number": None}
        return {"cell_type": "code", "collapsed": False, "input": _pieces(source), "language": "python"} | empty
    cell = _new_cell(source, "added-code")
    if not any("id" in value_at(text, start)[0] for start, _ in spans):
        del cell["id"]  # formats before 4.5 know none
    return cell


def _json(text: str, value: str) -> str:
    """A string as the notebook writes its own: other alphabets as they are, or escaped."""
    return json.dumps(value, ensure_ascii=_ascii(text))


def _ascii(text: str) -> bool:
    return text.isascii() and re.search(r"\\u(?!00[0-7])", text) is not None


def _compact(text: str) -> bool:
    return re.search(r'"cell_type":"', text) is not None


def _unit(text: str) -> str:
    """One level of indentation."""
    found = re.search(r"\n([ \t]+)", text)
    return found.group(1) if found else " "
