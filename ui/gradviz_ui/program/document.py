"""The program's text while it is edited: a QTextDocument that knows its file and its notebook cells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QTextCursor, QTextDocument

from gradviz import files
from gradviz.recording.program import Program
from gradviz.trace.model import Cell, Source
from gradviz_ui.program import saving
from gradviz_ui.program.stand_ins import StandIns
from gradviz_ui.program.text_layout import TextLayout


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
        original: saving.Original | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.name = name
        self.file = name
        """What events call this program: its name when it was read or recorded last."""
        self._original = original
        self.stand_ins = StandIns.for_text(text)
        self.text_document = QTextDocument(self)
        self.layout = TextLayout(self.text_document)
        self.text_document.setDocumentLayout(self.layout)
        self.text_document.setPlainText(self.stand_ins.shown(text))
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
    def from_program(cls, program: Program) -> Document:
        """A document of a program as read from its file, or made up."""
        return cls(program.text, program.name, program.cells, _original(program))

    @classmethod
    def from_source(cls, source: Source, program: Program | None = None) -> Document:
        """A document of a program as a trace holds it; ``program`` is its file's, if that still says the same."""
        return cls(source.text, Path(source.file).name, source.cells, _original(program))

    @property
    def path(self) -> Path | None:
        """The program's file; None if it has none yet."""
        return self._original.path if self._original is not None else None

    @property
    def changed_on_disk(self) -> bool:
        """Has another program changed the code in the file since it was read? Raises OSError."""
        return self._original is not None and self._original.changed_on_disk

    @property
    def modified(self) -> bool:
        """Was the text edited since it was read or saved?"""
        return self.text_document.isModified()

    @property
    def text(self) -> str:
        """The text as it stands, lines ended by a newline character."""
        return self.stand_ins.written(self.text_document.toRawText())

    def line(self, number: int) -> str:
        """The text of a line; "" if there is none of this number."""
        return self.stand_ins.written(self.text_document.findBlockByNumber(number - 1).text())

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
        if lines[-1]:
            lines.append("")
        starts = [cell.first_line - 1 for cell in self.cells] or [0]
        pieces = [lines[start:end] for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)]
        return ["\n".join(piece[:-1] if piece and not piece[-1] else piece) for piece in pieces]

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

    def save(self, path: Path | None = None, overwrite: bool = False) -> None:
        """Write to ``path`` or to the document's own file, all of it or nothing.

        ``overwrite`` also what another program wrote there meanwhile. Raises OSError, SaveError with the reason
        if the text does not go into the file, ValueError for a document without one.
        """
        target = path or self.path
        if target is None:
            raise ValueError("this program has no file yet")
        data = saving.content(target, self.text, self.sources(), self._original, overwrite)
        files.write(target, data)
        self._original, self.name = saving.Original(target, data), target.name
        self._become(saving.is_notebook(target))
        self.text_document.setModified(False)

    def _become(self, notebook: bool) -> None:
        """What was saved under the name of a script is one, and a notebook has cells."""
        if notebook is not self.is_notebook:
            self._marks.clear()
            self._place_marks([("In [1]", 1)] if notebook else [])
            self._cells_at = {self.text_document.availableUndoSteps(): self.cells}
            self._tell_cells()

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


def _original(program: Program | None) -> saving.Original | None:
    if program is None or program.file is None or program.data is None:
        return None
    return saving.Original(program.file, program.data)
