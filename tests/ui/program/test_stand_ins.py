"""What the editor holds is what the person wrote, to the character."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QMimeData, Qt
from PySide6.QtGui import QTextCursor, QTextDocument
from pytestqt.qtbot import QtBot

from gradviz.recording.program import Program
from gradviz_ui.code.editor import Editor
from gradviz_ui.program.document import Document
from gradviz_ui.program.stand_ins import CHANGED, StandIns

STRANGE = "a\xa0b\u2028c\u2029d\ufdd0e\ufdd1f\x0bg\x0ch\x85i\x1cj\ufeffk\ufffel\ufdd2m\ufffcn"
characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0\r")
texts = st.text(st.one_of(st.sampled_from(CHANGED + "\xa0\ufdd2\ufdd3\n"), characters), max_size=30)


@given(texts)
@example("\ufeff\ufffe")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_document_holds_any_text_line_by_line(qtbot: QtBot, text: str) -> None:
    document = Document(text, "p.py")
    assert document.text == text
    assert [document.line(number) for number in range(1, text.count("\n") + 2)] == text.split("\n")
    assert document.text_document.blockCount() == text.count("\n") + 1


@given(texts)
def test_a_text_document_of_qt_keeps_what_stands_in(qapp: object, text: str) -> None:
    qt = QTextDocument()
    stand_ins = StandIns.for_text(text)
    qt.setPlainText(stand_ins.shown(text))
    assert stand_ins.written(qt.toRawText()) == text


def test_what_is_saved_opened_and_recorded_is_the_same(tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "p.py"
    path.write_bytes(f"x = '{STRANGE}'\n".encode())
    document = Document.from_program(Program.load(path))
    QTextCursor(document.text_document).insertText("# edited\n")
    document.save()
    assert path.read_bytes() == f"# edited\nx = '{STRANGE}'\n".encode()
    assert document.program().text == f"# edited\nx = '{STRANGE}'\n"


@pytest.fixture
def document(qtbot: QtBot) -> Document:
    """A program with strange characters in it."""
    return Document(f"{STRANGE}\nend", "p.py")


@pytest.fixture
def editor(document: Document, qtbot: QtBot) -> Editor:
    """An editor that shows it."""
    made = Editor()
    qtbot.addWidget(made)
    made.show_document(document)
    made.show()
    return made


def test_copy_and_paste_keep_every_character(editor: Editor, document: Document) -> None:
    editor.selectAll()
    copied = editor.createMimeDataFromSelection()
    assert copied.text() == f"{STRANGE}\nend"
    editor.moveCursor(QTextCursor.MoveOperation.End)
    editor.insertFromMimeData(copied)
    assert document.text == f"{STRANGE}\nend{STRANGE}\nend"


def test_pasted_text_that_no_program_can_hold_is_marked(editor: Editor, document: Document) -> None:
    pasted = QMimeData()
    pasted.setText(f"x\0y{document.stand_ins.characters[0]}")
    editor.selectAll()
    editor.insertFromMimeData(pasted)
    assert document.text == "x\ufffdy\ufffd"


def test_shift_and_enter_begin_a_line_of_the_program(editor: Editor, document: Document, qtbot: QtBot) -> None:
    editor.moveCursor(QTextCursor.MoveOperation.End)
    qtbot.keyClick(editor, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert document.text == f"{STRANGE}\nend\n"
