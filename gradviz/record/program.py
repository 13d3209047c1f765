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
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

from gradviz.record.magics import to_python
from gradviz.trace.model import Cell, Source


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
    """``name`` is what events call the file; ``cells`` is empty for a script; ``file`` is where it lies."""

    text: str
    name: str
    cells: tuple[Cell, ...] = ()
    file: Path | None = None

    @classmethod
    def load(cls, path: str | Path) -> Program:
        """Read a ``.py`` or ``.ipynb`` file; raises ``ProgramError``."""
        path = Path(path)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ProgramError(f"cannot open {path}: {error.strerror or error}") from None
        try:
            if path.suffix.lower() == ".ipynb":
                text, cells = notebook_text(json.loads(data.decode("utf-8-sig")))
            else:
                text, cells = _decoded(data), ()
        except (ValueError, SyntaxError, RecursionError) as error:
            raise ProgramError(f"cannot read {path}: {' '.join(str(error).split())}") from None
        return cls(text, path.name, cells, path.absolute())

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
        tree = ast.parse(padded, self.code_name)
        last = None
        if self.cells and tree.body and isinstance(tree.body[-1], ast.Expr) and not _silenced(unit.text):
            shown = ast.Interactive([tree.body.pop()])
            last = compile(shown, self.code_name, "single", dont_inherit=True)
        return compile(tree, self.code_name, "exec", dont_inherit=True), last

    def show_to_tracebacks(self) -> None:
        """Let tracebacks quote the text, which may be a notebook's, or differ from the file on disk."""
        lines = [line + "\n" for line in self.text.split("\n")]
        linecache.cache[self.code_name] = (len(self.text), None, lines, self.code_name)


def _decoded(data: bytes) -> str:
    """A script's text by its coding line or byte order mark, with plain line ends."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return _plain(data.decode(encoding))


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _silenced(text: str) -> bool:
    """Does the cell end with a semicolon, which keeps a notebook from showing its last value?"""
    code = [
        token.string
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.OP or (token.string.strip() and token.type != tokenize.COMMENT)
    ]
    return bool(code) and code[-1] == ";"


def notebook_text(notebook: Any) -> tuple[str, tuple[Cell, ...]]:
    """The code cells' text one after another, and where each begins; ValueError for no notebook."""
    if not isinstance(notebook, dict):
        raise ValueError("this is not a notebook")
    raw = notebook.get("cells")
    if raw is None and isinstance(notebook.get("worksheets"), list):  # nbformat 3
        raw = [cell for sheet in notebook["worksheets"] for cell in sheet.get("cells", ())]
    if not isinstance(raw, list):
        raise ValueError("this is not a notebook: it has no list of cells")
    texts = []
    for cell in raw:
        if not isinstance(cell, dict):
            raise ValueError("this is not a notebook: a cell is not an object")
        if cell.get("cell_type") != "code":
            continue
        text = cell.get("source", cell.get("input", ""))
        if isinstance(text, list) and all(isinstance(line, str) for line in text):
            text = "".join(text)
        if not isinstance(text, str):
            raise ValueError("this is not a notebook: a cell's source is not text")
        texts.append(_plain(text).rstrip("\n"))
    cells, line = [], 1
    for number, text in enumerate(texts, 1):
        cells.append(Cell(f"In [{number}]", line))
        line += text.count("\n") + 2
    return "\n\n".join(texts) + "\n" if texts else "", tuple(cells)
