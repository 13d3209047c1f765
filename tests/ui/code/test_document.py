"""The program's text while it is edited."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PySide6.QtGui import QTextCursor
from pytestqt.qtbot import QtBot

from gradviz.record.program import Program
from gradviz.trace.model import Cell
from gradviz_ui.code.document import Document
from gradviz_ui.code.notebook import new_notebook

CELLS = (Cell("In [1]", 1), Cell("In [2]", 4), Cell("In [3]", 6))
TEXT = "import torch\nx = 1\n\ny = 2\n\nz = 3\n"


@pytest.fixture
def document(qtbot: QtBot) -> Document:
    """A notebook's program in three cells."""
    return Document(TEXT, "three.ipynb", CELLS)


def insert(document: Document, line: int, text: str) -> None:
    """Type ``text`` at the start of a line."""
    cursor = QTextCursor(document.text_document.findBlockByNumber(line - 1))
    cursor.insertText(text)


def delete_lines(document: Document, first: int, last: int) -> None:
    """Remove lines ``first`` to ``last`` with their line ends."""
    text = document.text_document
    cursor = QTextCursor(text.findBlockByNumber(first - 1))
    cursor.setPosition(text.findBlockByNumber(last).position(), QTextCursor.MoveMode.KeepAnchor)
    cursor.removeSelectedText()


def test_a_document_is_clean_until_it_is_edited(document: Document) -> None:
    assert not document.modified
    insert(document, 1, "# new\n")
    assert document.modified


def test_cells_move_with_the_text(document: Document) -> None:
    insert(document, 2, "a = 0\nb = 0\n")
    assert [cell.first_line for cell in document.cells] == [1, 6, 8]
    assert document.sources() == ["import torch\na = 0\nb = 0\nx = 1", "y = 2", "z = 3"]


def test_typing_at_the_start_of_a_cell_stays_in_the_cell(document: Document) -> None:
    insert(document, 4, "first = 1\n")
    assert document.sources()[1] == "first = 1\ny = 2"


def test_undo_brings_back_cells_that_were_deleted(document: Document) -> None:
    cursor = QTextCursor(document.text_document)
    cursor.select(QTextCursor.SelectionType.Document)
    cursor.insertText("gone")
    assert [cell.first_line for cell in document.cells] == [1, 1, 1]
    document.undo(cursor)
    assert document.text == TEXT
    assert document.cells == CELLS
    document.redo(cursor)
    assert document.text == "gone"


def test_lines_that_come_and_go_are_told(document: Document, qtbot: QtBot) -> None:
    told: list[tuple[int, int]] = []
    document.lines_moved.connect(lambda after, count: told.append((after, count)))
    insert(document, 4, "a = 0\n")
    delete_lines(document, 1, 2)
    insert(document, 1, "no line end")
    assert told == [(3, 1), (0, -2)]


def test_the_program_to_record_is_what_stands_in_the_editor(document: Document) -> None:
    insert(document, 2, "a = 0\n")
    program = document.program()
    assert program.text == document.text
    assert [unit.text.strip() for unit in program.units()] == ["import torch\na = 0\nx = 1", "y = 2", "z = 3"]


def test_a_notebook_is_saved_into_its_cells(tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "n.ipynb"
    path.write_text(new_notebook(["import torch\nx = 1", "y = 2", "z = 3"]), encoding="utf-8")
    document = Document.from_program(Program.load(path), path)
    insert(document, 2, "a = 0\n")
    document.save()
    assert not document.modified
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert [cell["source"] for cell in cells] == [
        ["import torch\n", "a = 0\n", "x = 1"],
        ["y = 2"],
        ["z = 3"],
    ]


def test_a_notebook_that_changed_on_disk_is_saved_as_it_stands_here(tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "n.ipynb"
    path.write_text(new_notebook(["x = 1", "y = 2"]), encoding="utf-8")
    document = Document.from_program(Program.load(path), path)
    path.write_text(new_notebook(["only one"]), encoding="utf-8")
    insert(document, 1, "a = 0\n")
    document.save()
    assert Program.load(path).text == document.text


def test_a_script_ends_with_a_line_end(tmp_path: Path, qtbot: QtBot) -> None:
    document = Document("x = 1", "x.py")
    document.save(tmp_path / "y.py")
    assert (tmp_path / "y.py").read_bytes() == b"x = 1\n"
    assert document.name == "y.py"
    with pytest.raises(ValueError, match="no file"):
        Document("", "z.py").save()
