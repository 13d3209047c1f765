"""The program's text while it is edited: a QTextDocument that knows its file and its notebook cells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QTextCursor, QTextDocument

from gradviz.record.program import Program
from gradviz.trace.model import Cell, Source
from gradviz_ui.code.notebook import new_notebook, write_back
from gradviz_ui.code.text_layout import TextLayout

NOTEBOOK_SUFFIX = ".ipynb"


@dataclass(frozen=True, slots=True)
class _Mark:
    """Where a cell begins: a cursor, since cursors move with the text as it is edited."""

    title: str
    cursor: QTextCursor


class Document(QObject):
    """A program's text, where it came from, and whether it was edited since it was read or saved."""

    modified_changed = Signal()
    edited = Signal()
    """The text changed."""
    lines_moved = Signal(int, int)
    """Lines came, or went where the second number is negative, after the line of the first."""
    cells_changed = Signal()
    """A cell moved to another line, or came or went."""

    def __init__(
        self,
        text: str,
        name: str,
        cells: Iterable[Cell] = (),
        path: Path | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.name = name
        self.file = name
        """What events call this program: its name when it was read or recorded last."""
        self.path = path
        self.text_document = QTextDocument(self)
        self.layout = TextLayout(self.text_document)
        self.text_document.setDocumentLayout(self.layout)
        self.text_document.setPlainText(text)
        self._marks: list[_Mark] = []
        self._place_marks((cell.title, cell.first_line) for cell in cells)
        self.layout.set_cell_lines(cell.first_line for cell in self.cells)
        # Undo brings deleted text back but not the cursors in it: the cells of each undo position are kept.
        self._cells_at = {0: self.cells}
        self._travelling = False
        self._line_count = self.text_document.blockCount()
        self.text_document.setModified(False)
        self.text_document.modificationChanged.connect(self.modified_changed)
        self.text_document.contentsChange.connect(self._on_change)

    @classmethod
    def from_program(cls, program: Program, path: Path | None = None) -> Document:
        """A document of a program as read from ``path``, or made up."""
        return cls(program.text, program.name, program.cells, path)

    @classmethod
    def from_source(cls, source: Source, path: Path | None = None) -> Document:
        """A document of a program as a trace holds it; ``path`` if the file still says the same."""
        return cls(source.text, Path(source.file).name, source.cells, path)

    @property
    def modified(self) -> bool:
        """Was the text edited since it was read or saved?"""
        return self.text_document.isModified()

    @property
    def text(self) -> str:
        """The text as it stands, lines ended by a newline character."""
        return self.text_document.toPlainText()

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells and the lines they begin at now, in order; none for a plain script."""
        return tuple(Cell(mark.title, mark.cursor.blockNumber() + 1) for mark in self._marks)

    @property
    def is_notebook(self) -> bool:
        """Is the text made of cells?"""
        return bool(self._marks)

    def program(self) -> Program:
        """The program as it stands, to be recorded."""
        return Program(text=self.text, name=self.name, cells=self.cells, file=self.path)

    def sources(self) -> list[str]:
        """The text of each cell, without the blank line before the next; all of it where there are none."""
        lines = self.text.split("\n")
        starts = [cell.first_line - 1 for cell in self.cells] or [0]
        ends = [*starts[1:], len(lines) + 1]
        pieces = zip(starts, ends, strict=True)
        return ["\n".join(lines[start : max(start, end - 1)]).rstrip("\n") for start, end in pieces]

    def undo(self, cursor: QTextCursor) -> QTextCursor:
        """Take back the last edit, cells included; the cursor moved to where that happened."""
        self._travelling = True
        self.text_document.undo(cursor)
        self._restore_cells()
        return cursor

    def redo(self, cursor: QTextCursor) -> QTextCursor:
        """Do again what was taken back; the cursor moved to where that happened."""
        self._travelling = True
        self.text_document.redo(cursor)
        self._restore_cells()
        return cursor

    def save(self, path: Path | None = None) -> None:
        """Write to ``path`` or to the document's own file; OSError if that fails, ValueError without one."""
        target = path or self.path
        if target is None:
            raise ValueError("this program has no file yet")
        if target.suffix.lower() == NOTEBOOK_SUFFIX:
            text = self._notebook_text()
        else:
            text = self.text if self.text.endswith("\n") or not self.text else self.text + "\n"
        target.write_text(text, encoding="utf-8", newline="\n")
        self.path, self.name = target, target.name
        self.text_document.setModified(False)

    def _notebook_text(self) -> str:
        if self.path is not None and self.path.suffix.lower() == NOTEBOOK_SUFFIX and self.path.exists():
            try:
                return write_back(self.path.read_text(encoding="utf-8"), self.sources())
            except ValueError:
                pass  # another program changed the notebook's cells: what stands here is what the person sees
        return new_notebook(self.sources())

    @Slot(int, int, int)
    def _on_change(self, position: int, removed: int, added: int) -> None:
        count = self.text_document.blockCount()
        if count != self._line_count:
            block = self.text_document.findBlock(position)
            after = block.blockNumber() + (1 if position > block.position() else 0)
            self.lines_moved.emit(after, count - self._line_count)
            self._line_count = count
        steps = self.text_document.availableUndoSteps()
        cells = self.cells
        if not self._travelling and cells != self._cells_at.get(steps):
            self._cells_at[steps] = cells
            self._tell_cells()
        self.edited.emit()

    def _restore_cells(self) -> None:
        self._travelling = False
        cells = self._cells_at.get(self.text_document.availableUndoSteps())
        if cells is not None and cells != self.cells:
            self._marks.clear()
            self._place_marks((cell.title, cell.first_line) for cell in cells)
            self._tell_cells()

    def _tell_cells(self) -> None:
        self.layout.set_cell_lines(cell.first_line for cell in self.cells)
        self.cells_changed.emit()

    def _place_marks(self, cells: Iterable[tuple[str, int]]) -> None:
        for title, line in cells:
            cursor = QTextCursor(self.text_document.findBlockByNumber(line - 1))
            cursor.setKeepPositionOnInsert(True)
            self._marks.append(_Mark(title, cursor))
