"""Files dropped anywhere on the window are opened; text dropped on the editor is typed there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from gradviz_ui.window.main_window import MainWindow

COPY, MOVE = Qt.DropAction.CopyAction, Qt.DropAction.MoveAction
LEFT, PLAIN = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
SAME = QEvent.Type.DragMove

PLACES: dict[str, Callable[[MainWindow], QWidget]] = {
    "editor": lambda window: window.code.editor.viewport(),
    "line numbers": lambda window: window.code.editor.margin,
    "canvas": lambda window: window.canvas.view.viewport(),
    "console": lambda window: window.console.text.viewport(),
    "inspector": lambda window: window.inspector,
    "timeline": lambda window: window.timeline,
    "title bar": lambda window: window.docks["inspector"].titleBarWidget(),
    "top bar": lambda window: window.top_bar,
    "status bar": lambda window: window.statusBar(),
    "find bar": lambda window: window.code.find_bar.field,
    "events": lambda window: window.events,
    "window": lambda window: window,
}


def drop(widget: QWidget, data: QMimeData, actions: Qt.DropAction = COPY | MOVE) -> Qt.DropAction:
    """Drag over a widget and let go, as the system tells Qt; what was done, IgnoreAction if it was refused."""
    at = QPointF(5, 5)
    enter = QDragEnterEvent(at.toPoint(), actions, data, LEFT, PLAIN)
    QApplication.sendEvent(widget, enter)
    if not enter.isAccepted():
        return Qt.DropAction.IgnoreAction
    move = QDragMoveEvent(at.toPoint(), actions, data, LEFT, PLAIN, SAME)
    QApplication.sendEvent(widget, move)
    if not move.isAccepted():
        return Qt.DropAction.IgnoreAction
    event = QDropEvent(at, actions, data, LEFT, PLAIN)
    event.setDropAction(MOVE)
    QApplication.sendEvent(widget, event)
    return event.dropAction() if event.isAccepted() else Qt.DropAction.IgnoreAction


def files(*paths: Path) -> QMimeData:
    """Files as a file manager drags them: addresses, and the same as text."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    data.setText("\n".join(path.as_uri() for path in paths))
    return data


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program that must not run."""
    path = tmp_path / "drop.py"
    path.write_text("raise SystemExit('must not run')\n")
    return path


@pytest.mark.parametrize("place", PLACES)
def test_a_file_dropped_anywhere_is_shown_and_not_run(
    window: MainWindow, qtbot: QtBot, program: Path, place: str
) -> None:
    with qtbot.waitSignal(window.session.debugging.trace_changed):
        assert drop(PLACES[place](window), files(program)) == COPY
    assert window.session.document.path == program
    assert window.code.editor.toPlainText() == program.read_text()
    assert window.session.debugging.trace is None
    assert window.session.settings.recent_files == [program]


def test_a_file_dropped_on_a_dock_afloat_is_shown(window: MainWindow, qtbot: QtBot, program: Path) -> None:
    window.docks["inspector"].setFloating(True)
    with qtbot.waitSignal(window.session.debugging.trace_changed):
        assert drop(window.inspector, files(program)) == COPY
    assert window.session.document.path == program


def test_of_several_files_the_first_that_can_be_opened_is_and_the_window_says_so(
    window: MainWindow, qtbot: QtBot, program: Path, tmp_path: Path
) -> None:
    with qtbot.waitSignal(window.session.debugging.trace_changed):
        drop(window.canvas, files(tmp_path / "a.txt", program, tmp_path / "b.py"))
    assert window.session.document.path == program
    assert window.banner.text.text() == "One file is opened at a time: drop.py, of the 3 that were dropped."


def test_a_file_that_is_none_of_ours_is_refused_in_words(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    with qtbot.waitSignal(window.session.message):
        drop(window.code.editor.viewport(), files(tmp_path / "a.txt"))
    assert "a.txt is not a .py" in window.banner.text.text()


def test_text_dropped_on_the_editor_is_inserted(window: MainWindow) -> None:
    editor = window.code.editor
    before = window.session.document.text
    data = QMimeData()
    data.setText("dropped = 1\n")
    at = editor.cursorRect(editor.textCursor()).center()
    enter = QDragEnterEvent(at, COPY, data, LEFT, PLAIN)
    QApplication.sendEvent(editor.viewport(), enter)
    QApplication.sendEvent(editor.viewport(), QDragMoveEvent(at, COPY, data, LEFT, PLAIN, SAME))
    QApplication.sendEvent(editor.viewport(), QDropEvent(QPointF(at), COPY, data, LEFT, PLAIN))
    assert window.session.document.text == "dropped = 1\n" + before


def test_text_and_addresses_of_the_web_are_not_for_the_rest_of_the_window(window: MainWindow) -> None:
    text, web = QMimeData(), QMimeData()
    text.setText("x")
    web.setUrls([QUrl("https://example.org/a.py")])
    for data in (text, web):
        assert drop(window.canvas.view.viewport(), data) == Qt.DropAction.IgnoreAction
        assert drop(window.inspector, data) == Qt.DropAction.IgnoreAction
