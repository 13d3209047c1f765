"""The console while programs are recorded, in the real child process, and fail to be."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from gradviz_ui.window.main_window import MainWindow

SECONDS = 20_000
PRINTED = "before 0\nbefore 1\n"


@pytest.fixture
def folder(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> Path:
    """The folder of a program that was recorded and has printed; the window shows its end."""
    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / "p.py"
    path.write_text("import torch\nw = torch.ones(1, requires_grad=True)\nfor i in range(2):\n    print('before', i)\n")
    with qtbot.waitSignal(window.session.debugging.trace_changed):
        window.files.open(path)
    record(window, qtbot)
    window.session.debugging.seek(window.session.debugging.last_step)
    assert window.console.text.toPlainText() == PRINTED
    return folder


def record(window: MainWindow, qtbot: QtBot) -> None:
    """Record and wait until the recording, if there is one, is shown."""
    session = window.session
    qtbot.keyClick(window.canvas.view, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    assert session.recording
    qtbot.waitUntil(lambda: not session.recording and not session.loading, timeout=SECONDS)
    qtbot.wait(50)  # what an attempt without a recording leaves is put in order once it is over


def test_an_attempt_that_is_refused_leaves_what_was_printed(window: MainWindow, qtbot: QtBot, folder: Path) -> None:
    changes: list[str] = []
    window.console.text.textChanged.connect(lambda: changes.append(window.console.text.toPlainText()))
    shutil.rmtree(folder)  # where it would run
    record(window, qtbot)
    assert window.banner.isVisible()
    assert changes == []
    assert window.console.text.toPlainText() == PRINTED
    window.session.debugging.seek(0)
    assert window.console.text.toPlainText() == ""


def test_words_of_an_attempt_without_a_recording_stand_below(window: MainWindow, qtbot: QtBot, folder: Path) -> None:
    session = window.session
    session._recording.running = True
    session.recording_changed.emit()
    session.console_text.emit("Fatal Python error\n", "stderr")
    assert window.console.text.toPlainText() == "Fatal Python error\n"
    session._recording.running = False
    session.recording_changed.emit()
    qtbot.waitUntil(lambda: window.console.text.toPlainText() == PRINTED + "Fatal Python error\n")
    session.debugging.seek(session.debugging.last_step - 1)
    assert window.console.text.toPlainText() == PRINTED.partition("\n")[0] + "\n"


def test_a_program_that_does_not_compile_shows_its_error(window: MainWindow, qtbot: QtBot, folder: Path) -> None:
    window.code.editor.go_to_line(1)
    window.code.editor.insertPlainText("(\n")
    record(window, qtbot)
    text = window.console.text.toPlainText()
    assert "SyntaxError" in text
