"""The editor beside the keyboard, and at any size."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gradviz_ui.code import editor as editor_module
from gradviz_ui.program.document import Document
from gradviz_ui.window.main_window import MainWindow

KEY, SHIFT, CTRL = Qt.Key, Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


def lines_in_sight(window: MainWindow) -> set[int]:
    """The lines that can be read in whole."""
    editor = window.code.editor
    height = editor.viewport().height()
    return {
        block.blockNumber() + 1
        for block, top in editor.visible_blocks()
        if top >= 0 and editor.band(top, 1).bottom() <= height
    }


@pytest.mark.parametrize(("key", "modifier"), [(KEY.Key_Tab, Qt.KeyboardModifier.NoModifier), (KEY.Key_Backtab, SHIFT)])
def test_tab_travels_through_the_editor_and_edits_nothing(
    window: MainWindow, qtbot: QtBot, key: Qt.Key, modifier: Qt.KeyboardModifier
) -> None:
    editor, text = window.code.editor, window.session.document.text
    seen = set()
    for _ in range(60):
        qtbot.keyClick(QApplication.focusWidget(), key, modifier)
        seen.add(QApplication.focusWidget())
    assert editor in seen
    assert len(seen) > 5
    assert window.session.document.text == text
    assert not window.session.document.modified


def test_f6_and_tab_leave_the_editor_as_they_came(window: MainWindow, qtbot: QtBot) -> None:
    editor = window.code.editor
    for _ in range(20):
        qtbot.keyClick(QApplication.focusWidget(), KEY.Key_F6)
        if editor.hasFocus():
            break
    assert editor.hasFocus()
    qtbot.keyClick(editor, KEY.Key_Tab)
    assert not editor.hasFocus()
    assert not window.session.document.modified


@pytest.mark.parametrize("begin", ["type", "click"])
def test_tab_indents_for_those_who_type_or_have_clicked(window: MainWindow, qtbot: QtBot, begin: str) -> None:
    editor = window.code.editor
    window.session.show_document(Document("", "p.py"))
    editor.setFocus(Qt.FocusReason.TabFocusReason)
    if begin == "type":
        qtbot.keyClicks(editor, "x")
    else:
        qtbot.mouseClick(editor.viewport(), Qt.MouseButton.LeftButton)
    qtbot.keyClick(editor, KEY.Key_Tab)
    assert editor.hasFocus()
    assert window.session.document.text == ("x   " if begin == "type" else "    ")
    qtbot.keyClick(editor, KEY.Key_Backtab, SHIFT)
    assert window.session.document.text == ("x   " if begin == "type" else "")
    before = window.session.document.text
    qtbot.keyClick(editor, KEY.Key_Escape)
    qtbot.keyClick(editor, KEY.Key_Tab)
    assert not editor.hasFocus()
    assert window.session.document.text == before


def test_who_typed_and_comes_back_by_the_keyboard_travels_on(window: MainWindow, qtbot: QtBot) -> None:
    editor = window.code.editor
    editor.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.keyClicks(editor, "x")
    text = window.session.document.text
    qtbot.keyClick(editor, KEY.Key_F6)
    assert not editor.hasFocus()
    qtbot.keyClick(QApplication.focusWidget(), KEY.Key_F6, SHIFT)
    assert editor.hasFocus()
    qtbot.keyClick(editor, KEY.Key_Tab)
    assert not editor.hasFocus()
    assert window.session.document.text == text


def test_moving_the_caret_and_copying_is_not_typing(window: MainWindow, qtbot: QtBot) -> None:
    editor = window.code.editor
    editor.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.keyClick(editor, KEY.Key_Down)
    qtbot.keyClick(editor, KEY.Key_C, CTRL)
    qtbot.keyClick(editor, KEY.Key_Tab)
    assert not editor.hasFocus()


def test_a_new_program_is_there_to_be_typed(window: MainWindow, qtbot: QtBot) -> None:
    window.docks["code"].hide()
    qtbot.keyClick(window.canvas.view, KEY.Key_N, CTRL)
    assert window.code.editor.isVisible()
    qtbot.keyClicks(QApplication.focusWidget(), "x = 1")
    assert window.session.document.text == "import torch\n\nx = 1"


@pytest.mark.parametrize("height", [150, 300, 700])
def test_the_line_that_runs_stays_in_sight_at_any_size(window: MainWindow, qtbot: QtBot, height: int) -> None:
    editor = window.code.editor
    last = window.session.document.text.count("\n")
    editor.mark_current(last)
    for size in (height, 900, height, 90, height):
        editor.setFixedHeight(size)
        qtbot.waitUntil(lambda size=size: editor.height() == size)
        assert last in lines_in_sight(window)


def test_where_the_person_has_scrolled_to_stays_in_sight(window: MainWindow, qtbot: QtBot) -> None:
    editor = window.code.editor
    window.session.show_document(Document("\n" * 400, "long.py"))
    editor.mark_current(300)
    bar = editor.verticalScrollBar()
    bar.triggerAction(bar.SliderAction.SliderToMinimum)
    editor.setFixedHeight(200)
    qtbot.waitUntil(lambda: editor.height() == 200)
    assert bar.value() == 0


def test_long_programs_are_shown_in_one_colour(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editor_module, "COLOURED_LINES", 3)
    editor = window.code.editor
    for lines, coloured in ((3, True), (4, False)):
        window.session.show_document(Document("\n".join(["import torch"] * lines), "p.py"))
        QApplication.processEvents()
        formats = editor.document().firstBlock().layout().formats()
        assert bool(formats) is coloured
