"""The program's text while it is edited."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PySide6.QtGui import QTextCursor
from pytestqt.qtbot import QtBot

from gradviz.recording.program import Program
from gradviz.trace.model import Cell
from gradviz_ui.program.document import Document
from gradviz_ui.program.notebook import new_notebook
from gradviz_ui.program.saving import ChangedOnDiskError, SaveError

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
    path.write_bytes(new_notebook(["import torch\nx = 1", "y = 2", "z = 3"]))
    document = Document.from_program(Program.load(path))
    insert(document, 2, "a = 0\n")
    document.save()
    assert not document.modified
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert [cell["source"] for cell in cells] == [
        ["import torch\n", "a = 0\n", "x = 1"],
        ["y = 2"],
        ["z = 3"],
    ]


def test_code_next_to_another_cell_stays_in_its_own(document: Document) -> None:
    delete_lines(document, 3, 3)  # the blank line that parts the cells
    assert document.sources() == ["import torch\nx = 1", "y = 2", "z = 3"]
    delete_lines(document, 3, 4)
    insert(document, 3, "\n\n")
    assert document.sources() == ["import torch\nx = 1", "", "\n\nz = 3"]


def opened(path: Path, data: bytes) -> Document:
    """A document of a file that holds ``data``."""
    path.write_bytes(data)
    return Document.from_program(Program.load(path))


def sources_in(path: Path) -> list[str]:
    """The sources of a notebook's cells, texts too."""
    return ["".join(cell["source"]) for cell in json.loads(path.read_bytes())["cells"]]


def test_a_script_is_saved_as_it_was_written(tmp_path: Path, qtbot: QtBot) -> None:
    document = Document("x = 1", "x.py")
    document.save(tmp_path / "y.py")
    assert (tmp_path / "y.py").read_bytes() == b"x = 1"
    assert document.name == "y.py"
    with pytest.raises(ValueError, match="no file"):
        Document("", "z.py").save()


def test_code_that_changed_on_disk_is_overwritten_only_when_asked(tmp_path: Path, qtbot: QtBot) -> None:
    for name, before, there in (
        ("p.py", b"x = 1\n", b"y = 1\n"),
        ("n.ipynb", new_notebook(["x = 1", "y = 2"]), new_notebook(["only one"])),
        ("broken.ipynb", new_notebook(["x = 1", "y = 2"]), b"{"),
    ):
        document = opened(tmp_path / name, before)
        assert not document.changed_on_disk
        (tmp_path / name).write_bytes(there)
        insert(document, 1, "a = 0\n")
        assert document.changed_on_disk
        with pytest.raises(ChangedOnDiskError):
            document.save()
        assert document.modified
        assert (tmp_path / name).read_bytes() == there
        document.save(overwrite=True)
        assert Program.load(tmp_path / name).text == document.text


def test_what_else_changed_on_disk_is_kept(tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "n.ipynb"
    document = opened(path, new_notebook(["x = 1", "y = 2"]))
    run = json.loads(path.read_bytes())
    run["cells"][0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["1"]}]
    path.write_text(json.dumps(run, indent=4))
    insert(document, 1, "a = 0\n")
    document.save()
    run["cells"][0]["source"] = ["a = 0\n", "x = 1"]
    assert path.read_text() == json.dumps(run, indent=4)


def test_a_file_that_is_gone_is_written_again_with_all_it_held(tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "n.ipynb"
    notebook = {"cells": [{"cell_type": "markdown", "source": "# text"}, {"cell_type": "code", "source": "x"}]}
    document = opened(path, json.dumps(notebook).encode())
    path.unlink()
    insert(document, 1, "y = ")
    document.save()
    assert sources_in(path) == ["# text", "y = x"]


def test_a_notebook_of_texts_keeps_them(tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "n.ipynb"
    document = opened(path, b'{"cells": [{"cell_type": "markdown", "source": "# text"}]}')
    assert (document.text, document.is_notebook) == ("", True)
    insert(document, 1, "x = 1\n")
    document.save()
    assert sources_in(path) == ["# text", "x = 1"]


def test_a_notebook_saved_as_a_script_is_one_and_the_other_way_round(tmp_path: Path, qtbot: QtBot) -> None:
    document = opened(tmp_path / "n.ipynb", new_notebook(["x = 1", "y = 2"]))
    document.save(tmp_path / "p.py")
    assert (tmp_path / "p.py").read_bytes() == b"x = 1\n\ny = 2\n"
    assert not document.is_notebook
    document.save(tmp_path / "m.ipynb")
    assert sources_in(tmp_path / "m.ipynb") == ["x = 1\n\ny = 2"]
    assert document.cells == (Cell("In [1]", 1),)
    assert sources_in(tmp_path / "n.ipynb") == ["x = 1", "y = 2"]


def test_a_new_notebook_never_takes_the_place_of_another(document: Document, tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    path.write_bytes(before := json.dumps({"cells": [{"cell_type": "markdown", "source": "# text"}]}).encode())
    with pytest.raises(SaveError, match="notebook with other cells"):
        document.save(path)
    path.write_bytes(b"not a notebook")
    with pytest.raises(SaveError):
        document.save(path)
    path.write_bytes(before)
    script = Document("x = 1\n", "p.py")
    script.save(path)
    assert sources_in(path) == ["# text", "x = 1"]


def test_text_that_does_not_go_into_the_file_says_why_and_leaves_it(tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "p.py"
    document = opened(path, b"# coding: latin-1\nx = '\xe9'\n")
    insert(document, 2, "y = 'ł'\n")
    with pytest.raises(SaveError, match="line 2 has 'ł', which iso-8859-1"):
        document.save()
    assert path.read_bytes() == b"# coding: latin-1\nx = '\xe9'\n"
    assert document.modified
