"""The window driven by keys and mouse, as a person would."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QLineEdit, QMessageBox
from pytestqt.qtbot import QtBot

from gradviz.trace.events import Accumulate, BackwardBegin, NodeBegin
from gradviz.trace.memory import MemoryTrace
from gradviz_ui.window.main_window import MainWindow

KEY, SHIFT, ALT, CTRL, PLAIN = (
    Qt.Key,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.NoModifier,
)


def press(qtbot: QtBot, window: MainWindow, key: Qt.Key, modifier: Qt.KeyboardModifier = PLAIN) -> None:
    """Press a key where the focus is."""
    qtbot.keyClick(window.focusWidget() or window, key, modifier)


def test_arrow_keys_step_by_events_nodes_and_calls(window: MainWindow, basics: MemoryTrace, qtbot: QtBot) -> None:
    session = window.session
    press(qtbot, window, KEY.Key_Home)
    assert session.debugging.step == 0
    press(qtbot, window, KEY.Key_Right)
    assert session.debugging.step == 1
    press(qtbot, window, KEY.Key_Down)
    assert isinstance(session.debugging.current_event, NodeBegin)
    press(qtbot, window, KEY.Key_Right, SHIFT)
    assert isinstance(session.debugging.current_event, BackwardBegin)
    press(qtbot, window, KEY.Key_Right, CTRL)
    assert isinstance(session.debugging.current_event, Accumulate)
    press(qtbot, window, KEY.Key_End)
    assert session.debugging.step == len(basics.events)
    press(qtbot, window, KEY.Key_Left)
    press(qtbot, window, KEY.Key_Up)
    assert isinstance(session.debugging.current_event, NodeBegin)
    press(qtbot, window, KEY.Key_Left, SHIFT)
    assert isinstance(session.debugging.current_event, BackwardBegin)


def test_in_the_editor_arrows_move_the_caret_and_alt_arrows_step(window: MainWindow, qtbot: QtBot) -> None:
    editor, session = window.code.editor, window.session
    editor.setFocus()
    editor.go_to_line(3)
    step = session.debugging.step
    for key in (KEY.Key_Right, KEY.Key_Down, KEY.Key_Left, KEY.Key_End, KEY.Key_Home, KEY.Key_Space):
        qtbot.keyClick(editor, key)
    qtbot.keyClicks(editor, "f")
    assert session.debugging.step == step
    assert not session.debugging.playing
    assert editor.caret_line == 4
    assert editor.document().findBlockByNumber(3).text().startswith(" fy")
    qtbot.keyClick(editor, KEY.Key_Right, ALT)
    assert session.debugging.step == step + 1
    qtbot.keyClick(editor, KEY.Key_Left, ALT)
    assert session.debugging.step == step


def test_a_table_keeps_its_own_arrow_keys(window: MainWindow, qtbot: QtBot) -> None:
    window.docks["examples"].raise_()
    examples = window.examples.list
    examples.setFocus()
    qtbot.waitUntil(examples.hasFocus)
    step = window.session.debugging.step
    qtbot.keyClick(examples, KEY.Key_Down)
    assert window.session.debugging.step == step
    qtbot.keyClick(examples, KEY.Key_Right, SHIFT)
    assert window.session.debugging.step != step


def test_f6_goes_round_the_panels(window: MainWindow, qtbot: QtBot) -> None:
    panels = [window.canvas, window.code, window.console, window.inspector, window.gradients, window.timeline]
    seen = []
    for _ in panels:
        press(qtbot, window, KEY.Key_F6)
        focused = QApplication.focusWidget()
        seen += [panel for panel in panels if panel is focused or panel.isAncestorOf(focused)]
    assert seen == [*panels[1:], panels[0]]
    press(qtbot, window, KEY.Key_F6, SHIFT)
    assert window.timeline.isAncestorOf(QApplication.focusWidget()) or window.timeline.hasFocus()


def test_space_plays_and_stops(window: MainWindow, qtbot: QtBot) -> None:
    session = window.session
    press(qtbot, window, KEY.Key_Home)
    press(qtbot, window, KEY.Key_Space)
    assert session.debugging.playing
    qtbot.waitUntil(lambda: session.debugging.step >= 2)
    press(qtbot, window, KEY.Key_Space)
    assert not session.debugging.playing
    session.debugging.seek(session.debugging.last_step - 1)
    press(qtbot, window, KEY.Key_Space)
    qtbot.waitUntil(lambda: not session.debugging.playing)
    assert session.debugging.step == session.debugging.last_step


def test_a_click_in_the_margin_sets_a_breakpoint_where_f5_stops(window: MainWindow, qtbot: QtBot) -> None:
    session = window.session
    line = next(
        event.line for event in session.debugging.trace.events if isinstance(event, BackwardBegin) and event.call == 3
    )
    click_margin(qtbot, window, line)
    assert session.debugging.breakpoints.lines == {(session.document.file, line)}
    press(qtbot, window, KEY.Key_Home)
    press(qtbot, window, KEY.Key_F5)
    assert session.debugging.playhead.location == (session.document.file, line)
    press(qtbot, window, KEY.Key_F5)
    assert session.debugging.step == session.debugging.last_step
    press(qtbot, window, KEY.Key_F5, SHIFT)
    assert session.debugging.playhead.location == (session.document.file, line)
    click_margin(qtbot, window, line)
    assert session.debugging.breakpoints.lines == set()


def click_margin(qtbot: QtBot, window: MainWindow, line: int) -> None:
    """Click beside a line, scrolled into sight."""
    editor = window.code.editor
    editor.reveal_line(line)
    y = next(y for y in range(editor.margin.height()) if editor.line_at(y) == line) + 4
    qtbot.mouseClick(editor.margin, Qt.MouseButton.LeftButton, pos=QPoint(8, y))


def test_a_breakpoint_on_a_line_without_code_goes_to_the_next_that_has_some(window: MainWindow, qtbot: QtBot) -> None:
    window.session.new_program("x = 1\n\n# why\ny = 2\n\n", "p.py")
    editor, session = window.code.editor, window.session
    editor.go_to_line(2)
    editor.setFocus()
    press(qtbot, window, KEY.Key_F9)
    assert session.debugging.breakpoints.lines == {("p.py", 4)}
    press(qtbot, window, KEY.Key_F9)
    assert session.debugging.breakpoints.lines == {("p.py", 4)}
    editor.go_to_line(5)
    press(qtbot, window, KEY.Key_F9)
    assert session.debugging.breakpoints.lines == {("p.py", 4)}
    assert window.banner.text.text() == "No code from line 5 on, so there is nothing to stop at."
    editor.go_to_line(4)
    press(qtbot, window, KEY.Key_F9)
    assert session.debugging.breakpoints.lines == set()


def test_breakpoints_move_with_the_lines_they_are_on(window: MainWindow, qtbot: QtBot) -> None:
    session, editor = window.session, window.code.editor
    file = session.document.file
    editor.setFocus()
    editor.go_to_line(5)
    qtbot.keyClick(editor, KEY.Key_F9)
    editor.go_to_line(2)
    qtbot.keyClick(editor, KEY.Key_Return)
    assert session.debugging.breakpoints.lines == {(file, 6)}
    qtbot.keyClick(editor, KEY.Key_Backspace)
    assert session.debugging.breakpoints.lines == {(file, 5)}
    editor.go_to_line(5)
    qtbot.keyClick(editor, KEY.Key_F9)
    assert session.debugging.breakpoints.lines == set()


def test_f9_and_ctrl_f10_work_on_the_selected_node(window: MainWindow, qtbot: QtBot) -> None:
    session = window.session
    leaf = next(node for node in session.debugging.trace.leaves if session.debugging.trace.nodes[node].label == "inp")
    search(qtbot, window, "inp")
    qtbot.keyClick(window.palette_box.field, KEY.Key_Return)
    assert session.debugging.selection.node == leaf
    press(qtbot, window, KEY.Key_Home)
    press(qtbot, window, KEY.Key_F10, CTRL)
    assert session.debugging.current_event.node == leaf
    press(qtbot, window, KEY.Key_F9)
    assert session.debugging.breakpoints.nodes == {leaf}
    first = session.debugging.step
    press(qtbot, window, KEY.Key_F5)
    assert session.debugging.step > first
    assert session.debugging.current_event.node == leaf


def search(qtbot: QtBot, window: MainWindow, text: str) -> None:
    """Open the palette and type."""
    press(qtbot, window, KEY.Key_K, CTRL)
    assert window.palette_box.isVisible()
    qtbot.keyClicks(window.palette_box.field, text)


def test_the_palette_finds_commands(window: MainWindow, qtbot: QtBot) -> None:
    search(qtbot, window, "next backw")
    step = window.session.debugging.step
    qtbot.keyClick(window.palette_box.field, KEY.Key_Return)
    assert not window.palette_box.isVisible()
    assert window.session.debugging.step > step
    assert window.canvas.isAncestorOf(window.focusWidget()) or window.focusWidget() is window.canvas


def test_the_palette_says_that_nothing_was_found(window: MainWindow, qtbot: QtBot) -> None:
    search(qtbot, window, "zzzqqq")
    assert window.palette_box.nothing.isVisible()
    assert window.palette_box.nothing.height() >= window.palette_box.nothing.sizeHint().height()
    qtbot.keyClick(window.palette_box.field, KEY.Key_Return)
    assert window.palette_box.isVisible()
    window.palette_box.field.clear()
    assert not window.palette_box.nothing.isVisible()
    assert window.palette_box.list.isVisible()


def test_escape_closes_the_palette_without_doing_anything(window: MainWindow, qtbot: QtBot) -> None:
    step = window.session.debugging.step
    search(qtbot, window, "end")
    qtbot.keyClick(window.palette_box.field, KEY.Key_Down)
    qtbot.keyClick(window.palette_box.field, KEY.Key_Escape)
    assert not window.palette_box.isVisible()
    assert window.session.debugging.step == step


def test_the_code_pane_marks_the_line_and_says_where_it_is(window: MainWindow, qtbot: QtBot) -> None:
    session = window.session
    press(qtbot, window, KEY.Key_Home)
    press(qtbot, window, KEY.Key_Right, SHIFT)
    line = session.debugging.playhead.location[1]
    assert window.code.editor.current == line
    assert f"line {line}" in window.code.note.text()
    assert "loss.backward() · call 1" in window.code.note.text()


def test_after_an_edit_the_code_pane_no_longer_points_at_lines(window: MainWindow, qtbot: QtBot) -> None:
    editor = window.code.editor
    qtbot.keyClicks(editor, "x")
    assert editor.current is None
    assert "Record again" in window.code.note.text()
    assert window.isWindowModified()
    qtbot.keyClick(editor, KEY.Key_Z, CTRL)
    assert editor.current is not None
    assert not window.isWindowModified()


def test_the_console_shows_what_was_printed_up_to_the_step(window: MainWindow, qtbot: QtBot) -> None:
    session, text = window.session, window.console.text
    press(qtbot, window, KEY.Key_Home)
    assert text.toPlainText() == ""
    press(qtbot, window, KEY.Key_End)
    everything = text.toPlainText()
    assert everything == "".join(piece for piece, _ in session.debugging.playhead.output())
    for step in (session.debugging.last_step // 2, 3, session.debugging.last_step - 1):
        session.debugging.seek(step)
        assert text.toPlainText() == "".join(piece for piece, _ in session.debugging.playhead.output())
    press(qtbot, window, KEY.Key_End)
    assert text.toPlainText() == everything


def test_panels_can_be_hidden_and_come_back(window: MainWindow, qtbot: QtBot) -> None:
    for dock in window.docks.values():
        dock.close()
    assert not any(dock.isVisible() for dock in window.docks.values())
    window.actions_by_id["view.restore_panels"].trigger()
    qtbot.waitUntil(lambda: all(not dock.isHidden() for dock in window.docks.values()))
    assert window.docks["code"].isVisible()
    assert window.docks["inspector"].isVisible()


def test_the_arrangement_is_remembered(window: MainWindow, qtbot: QtBot) -> None:
    from gradviz_ui import app

    window.docks["gradients"].close()
    window.close()
    again = app.make_window(window.session.settings)
    qtbot.addWidget(again)
    again.show()
    assert again.docks["gradients"].isHidden()
    assert not again.docks["inspector"].isHidden()


def test_closing_with_unsaved_edits_asks_first(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    qtbot.keyClicks(window.code.editor, "# mine")
    monkeypatch.setattr(QMessageBox, "exec", lambda box: QMessageBox.StandardButton.Cancel)
    window.close()
    assert window.isVisible()
    monkeypatch.setattr(QMessageBox, "exec", lambda box: QMessageBox.StandardButton.Discard)
    window.close()
    assert not window.isVisible()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("broken.gradviz", b"not a trace", "broken.gradviz cannot be opened"),
        ("broken.ipynb", b"{", "broken.ipynb cannot be opened"),
        ("picture.png", b"", "is not a .py, .ipynb or .gradviz file"),
        ("gone.py", None, "There is no file"),
        ("strange.py", b"# coding: klingon\n", "unknown encoding: klingon"),
        ("binary.py", b"a\0b", "line 1 holds a NUL character"),
    ],
)
def test_a_file_that_cannot_be_opened_is_told_and_leaves_everything(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, name: str, content: bytes | None, says: str
) -> None:
    trace = window.session.debugging.trace
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    window.files.open(path)
    qtbot.waitUntil(lambda: window.banner.isVisible())
    assert says in window.banner.text.text()
    assert "Traceback" not in window.banner.text.text()
    assert window.session.debugging.trace is trace
    qtbot.mouseClick(window.banner.close_button, Qt.MouseButton.LeftButton)
    assert not window.banner.isVisible()


def test_find_goes_from_place_to_place(window: MainWindow, qtbot: QtBot) -> None:
    editor = window.code.editor
    editor.setFocus()
    press(qtbot, window, KEY.Key_F, CTRL)
    field = window.findChild(QLineEdit, "find_field")
    assert field is QApplication.focusWidget()
    qtbot.keyClicks(field, "backward")
    lines = [editor.caret_line]
    for _ in range(4):
        qtbot.keyClick(field, KEY.Key_Return)
        lines.append(editor.caret_line)
    assert len(set(lines[:4])) == 4
    assert lines[4] == lines[0]
    qtbot.keyClick(field, KEY.Key_Escape)
    assert editor.hasFocus()


def test_the_theme_changes_at_once_and_is_remembered(window: MainWindow, qtbot: QtBot) -> None:
    from gradviz_ui import theme

    def brightness() -> list[int]:
        parts = (window, window.code.editor.viewport(), window.console.text.viewport(), window.code.editor.margin)
        return [part.grab().toImage().pixelColor(part.width() - 4, 3).lightness() for part in parts]

    assert max(brightness()) < 80
    qtbot.mouseClick(window.top_bar.theme_button, Qt.MouseButton.LeftButton)
    assert not theme.current().dark
    assert window.session.settings.theme == "light"
    bright = brightness()
    window.session.settings.theme = "dark"
    assert min(bright) > 180


def test_the_menu_bar_is_shown_and_put_away_wherever_the_choice_is_made(window: MainWindow) -> None:
    action = window.actions_by_id["view.menu_bar"]
    assert window.menuBar().isHidden()
    action.trigger()
    assert window.menuBar().isVisible()
    assert action.isChecked()
    window.session.settings.reset()
    assert window.menuBar().isHidden()
    assert not action.isChecked()
