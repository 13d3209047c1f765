"""A program as it is shown and run: the text of a script, or of a notebook's code cells.

Line numbers are those of the text on the screen. A notebook's text is its code cells with one blank line
between them, lines counted on from cell to cell, so that an event's line needs no cell beside it.
"""

from __future__ import annotations

import ast
import io
import json
import linecache
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType
from typing import Any

from gradviz import files
from gradviz.recording import script
from gradviz.recording.magics import to_python
from gradviz.trace.model import Cell, Source

NOTEBOOK_SUFFIX = ".ipynb"
LIMIT = 16 << 20
"""Bytes of a script, and of the code of a notebook."""
NOTEBOOK_LIMIT = 256 << 20
"""Bytes of a notebook's file, which may hold many pictures."""


class ProgramError(Exception):
    """A program cannot be read; the message is one line that says why."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What is run in one go: a script, or a cell. ``skipped`` holds (line, text) of what is not Python."""

    title: str
    first_line: int
    text: str
    skipped: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Program:
    """``name`` is what events call the file; ``cells`` is empty for a script; ``file`` is where it lies.

    ``data`` is what the file held when it was read.
    """

    text: str
    name: str
    cells: tuple[Cell, ...] = ()
    file: Path | None = None
    data: bytes | None = field(default=None, compare=False, repr=False)

    @classmethod
    def load(cls, path: str | Path) -> Program:
        """Read a ``.py`` or ``.ipynb`` file; raises ``ProgramError``."""
        path = Path(path)
        try:
            data = files.read(path, NOTEBOOK_LIMIT if _is_notebook(path) else LIMIT)
        except OSError as error:
            raise ProgramError(f"cannot open {path}: {error.strerror or error}") from None
        return cls.from_bytes(data, path)

    @classmethod
    def from_bytes(cls, data: bytes, path: Path) -> Program:
        """The program that a file of this name holds; raises ``ProgramError``."""
        try:
            if _is_notebook(path):
                text, cells = notebook_text(json.loads(data.decode("utf-8-sig")))
                if len(text) > LIMIT:
                    raise ValueError(f"its code is larger than {LIMIT >> 20} MiB")
            else:
                text, cells = script.text_of(data), ()
        except (ValueError, RecursionError) as error:
            raise ProgramError(f"cannot read {path}: {' '.join(str(error).split())}") from None
        return cls(text, path.name, cells, path.absolute(), data)

    @classmethod
    def from_text(cls, text: str, name: str = "program.py") -> Program:
        """A script that lies in no file."""
        return cls(text, name)

    @property
    def is_notebook(self) -> bool:
        """Is the text made of cells?"""
        return bool(self.cells)

    @property
    def code_name(self) -> str:
        """What Python calls the file: in code objects, tracebacks and ``__file__``."""
        return str(self.file) if self.file is not None else f"<{self.name}>"

    @property
    def source(self) -> Source:
        """The text as a trace keeps it."""
        return Source(self.name, self.text, self.cells)

    def units(self) -> Iterator[Unit]:
        """The pieces to run, in order."""
        if not self.cells:
            yield Unit(self.name, 1, self.text)
            return
        lines = self.text.split("\n")
        ends = [cell.first_line - 1 for cell in self.cells[1:]] + [len(lines)]
        for cell, end in zip(self.cells, ends, strict=True):
            first = cell.first_line
            text, skipped = to_python("\n".join(lines[first - 1 : end]))
            yield Unit(cell.title, first, text, tuple((first + s.line, s.text) for s in skipped))

    def compile(self, unit: Unit) -> tuple[CodeType, CodeType | None]:
        """The unit's statements, and for a cell that ends in an expression code that shows its value.

        It is shown through ``sys.displayhook``. Raises SyntaxError, with the line of the displayed text.
        """
        padded = "\n" * (unit.first_line - 1) + unit.text
        # Not ast.parse: its frame would stand in the traceback of a syntax error, where Python shows none.
        tree = compile(padded, self.code_name, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
        assert isinstance(tree, ast.Module)
        last = None
        if self.cells and tree.body and isinstance(tree.body[-1], ast.Expr) and not _silenced(unit.text):
            shown = ast.Interactive([tree.body.pop()])
            last = compile(shown, self.code_name, "single", dont_inherit=True)
        return compile(tree, self.code_name, "exec", dont_inherit=True), last

    def show_to_tracebacks(self) -> None:
        """Let tracebacks quote the text, which may be a notebook's, or differ from the file on disk."""
        lines = [line + "\n" for line in self.text.split("\n")]
        linecache.cache[self.code_name] = (len(self.text), None, lines, self.code_name)


def _is_notebook(path: Path) -> bool:
    return path.suffix.lower() == NOTEBOOK_SUFFIX


def _silenced(text: str) -> bool:
    """Does the cell end with a semicolon, which keeps a notebook from showing its last value?"""
    code = [
        token.string
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.OP or (token.string.strip() and token.type != tokenize.COMMENT)
    ]
    return bool(code) and code[-1] == ";"


def notebook_text(notebook: Any) -> tuple[str, tuple[Cell, ...]]:
    """The code cells' text one after another, and where each begins; ValueError for no notebook.

    A notebook without code cells is read as one that has an empty one.
    """
    if not isinstance(notebook, dict):
        raise ValueError("this is not a notebook")
    raw = notebook.get("cells")
    if raw is None and isinstance(notebook.get("worksheets"), list):  # nbformat 3
        raw = [cell for sheet in notebook["worksheets"] for cell in _cells_of(sheet)]
    if not isinstance(raw, list):
        raise ValueError("this is not a notebook: it has no list of cells")
    texts = [cell_text(source_of(cell)) for cell in raw if is_code(cell)] or [""]
    cells, line = [], 1
    for number, text in enumerate(texts, 1):
        cells.append(Cell(f"In [{number}]", line))
        line += text.count("\n") + 2
    text = "\n\n".join(texts)
    script.check_characters(text)
    return text + "\n" if text else "", tuple(cells)


def is_code(cell: Any) -> bool:
    """Does this cell of a notebook hold code?"""
    if not isinstance(cell, dict):
        raise ValueError("this is not a notebook: a cell is not an object")
    return cell.get("cell_type") == "code"


def source_of(cell: dict[str, Any]) -> str:
    """The text of a cell as its file has it, which is a string or a list of pieces."""
    text = cell.get("source", cell.get("input", ""))
    if isinstance(text, list) and all(isinstance(line, str) for line in text):
        text = "".join(text)
    if not isinstance(text, str):
        raise ValueError("this is not a notebook: a cell's source is not text")
    return text


def cell_text(source: str) -> str:
    """A cell's text as it is shown: blank lines at its end make room for the next cell's header."""
    return script.plain(source).rstrip("\n")


def _cells_of(sheet: Any) -> list[Any]:
    cells = sheet.get("cells", []) if isinstance(sheet, dict) else None
    if not isinstance(cells, list):
        raise ValueError("this is not a notebook: a worksheet has no list of cells")
    return cells
