"""Programs recorded from the window, in the real child process."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from gradviz.trace.events import Accumulate, Error
from gradviz_ui.session import Session, recording
from gradviz_ui.session.backlog import GAP
from gradviz_ui.session.recording import BATCH_LINES, BATCH_TEXT
from gradviz_ui.window.main_window import MainWindow

SECONDS = 20_000
"""Milliseconds to wait for a child process on a busy machine."""

GOOD = """\
import torch

w = torch.ones(3, requires_grad=True)
for turn in range(2):
    loss = (w * w).sum()
    loss.backward()
    print("turn", turn)
"""
BAD = """\
import torch

w = torch.ones(3, requires_grad=True)
(w * w).sum().backward()
print("before")
w.nonsense()
"""
ENDLESS = """\
import torch

w = torch.ones(3, requires_grad=True)
while True:
    (w * w).sum().backward()
"""
ENDLESS_PROGRAMS = {
    "backward": (ENDLESS, False),
    "silent": ("while True:\n    pass\n", False),
    "noisy": ("while True:\n    print('x' * 1000)\n", True),
    "empty lines": ("while True:\n    print('\\n' * 1000)\n", True),
    "one line": ("while True:\n    print('x' * 100, end='')\n", True),
    "flushed": ("while True:\n    print('x', flush=True)\n", True),
    "descriptor": ("import os\nwhile True:\n    os.write(1, b'x' * 1000)\n", True),
}
"""Each, and whether it prints."""
SUICIDE = "import os, signal\nprint('bye', flush=True)\nos.kill(os.getpid(), getattr(signal, 'SIGKILL', 9))\n"


def write(window: MainWindow, program: str) -> None:
    """Begin a program in the editor."""
    window.session.new_program(program, "test.py")


def record(qtbot: QtBot, window: MainWindow) -> None:
    """Press Ctrl+R in the editor and wait for the recording to be shown."""
    window.code.editor.setFocus()
    with qtbot.waitSignal(window.session.debugging.trace_changed, timeout=SECONDS):
        qtbot.keyClick(window.code.editor, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)


def test_what_stands_in_the_editor_is_recorded_and_can_be_stepped(window: MainWindow, qtbot: QtBot) -> None:
    write(window, GOOD)
    window.code.editor.go_to_line(8)
    qtbot.keyClicks(window.code.editor, "# typed just now")
    record(qtbot, window)
    session = window.session
    assert session.debugging.trace.sources[0].text == window.code.editor.toPlainText()
    assert sum(isinstance(event, Accumulate) for event in session.debugging.trace.events) == 2
    assert session.debugging.playhead.location == ("test.py", 6)
    assert window.focusWidget() is not window.code.editor
    assert not session.trace_saved
    before = session.debugging.step
    for _ in range(3):
        qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Right)
    assert session.debugging.step == before + 3
    session.debugging.seek(session.debugging.last_step)
    assert window.console.text.toPlainText() == "turn 0\nturn 1\n"


def test_a_program_that_raises_shows_the_message_the_line_and_what_was_recorded(
    window: MainWindow, qtbot: QtBot
) -> None:
    write(window, BAD)
    record(qtbot, window)
    session = window.session
    assert isinstance(session.debugging.current_event, Error)
    assert session.debugging.current_event.line == 6
    assert len(session.debugging.trace.nodes) >= 3
    console = window.console.text.toPlainText()
    assert console.startswith("before\n")
    assert "nonsense" in console
    assert window.code.editor.current == 6
    assert window.problems.count == 1
    assert window.docks["problems"].windowTitle() == "Problems 1"


def test_the_line_of_an_error_is_a_link(window: MainWindow, qtbot: QtBot) -> None:
    write(window, BAD)
    record(qtbot, window)
    window.code.editor.go_to_line(1)
    text = window.console.text

    def links() -> list[QPoint]:
        places = (
            QPoint(x, y) for y in range(0, text.viewport().height(), 4) for x in range(0, text.viewport().width(), 8)
        )
        return [place for place in places if text.anchorAt(place)]

    bar = text.verticalScrollBar()
    bar.setValue(bar.minimum())

    while not links() and bar.value() < bar.maximum():
        bar.setValue(bar.value() + 1)
    qtbot.waitUntil(lambda: bool(links()))  # the console gathers text before it shows it
    qtbot.mouseClick(text.viewport(), Qt.MouseButton.LeftButton, pos=links()[0])
    assert window.code.editor.caret_line == 6


@pytest.mark.parametrize("name", ENDLESS_PROGRAMS)
def test_a_program_without_end_leaves_the_window_alive_and_can_be_stopped(
    window: MainWindow, qtbot: QtBot, name: str
) -> None:
    """What each turn of the event loop costs measures ``benchmarks/flood.py``; here it is what there is of it."""
    session = window.session
    program, prints = ENDLESS_PROGRAMS[name]
    write(window, program)
    turns: list[str] = []
    session.console_text.connect(lambda text, stream: turns.append(text))
    counts: list[int] = []
    session.recording_changed.connect(lambda: counts.append(session.recorded_events))
    window.actions_by_id["record.start"].trigger()
    worker = session._recording._child()
    qtbot.waitUntil(lambda: worker._running is not None and worker._running.ready.is_set(), timeout=SECONDS)
    child = worker._running
    wanted = 5 if prints else 0
    qtbot.waitUntil(lambda: len(turns) >= wanted and (name != "backward" or counts[-1] > 10), timeout=SECONDS)
    assert session.recording
    assert window.top_bar.record.text() == "Stop"
    qtbot.mouseClick(window.top_bar.record, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not session.recording and not session.loading, timeout=SECONDS)
    assert child.dead
    assert bool(turns) == prints
    assert max((len(text) for text in turns), default=0) <= BATCH_TEXT + len(GAP)
    assert max((text.count("\n") for text in turns), default=0) <= BATCH_LINES + GAP.count("\n")
    write(window, GOOD)
    record(qtbot, window)
    assert session.debugging.trace.complete


FORGED = """\
import gc, os
channel = next(o for o in gc.get_objects() if type(o).__name__ == "Channel")
os.write(channel._descriptor, MESSAGE)
while True:
    pass
"""
SECRET = "channel._secret.encode() + "


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("b'nonsense\\n'", "something else than the recorder"),
        ('b\'{"type": "finished", "events": 3}\\n\'', "something else than the recorder"),
        (SECRET + 'b\' {"type": "output", "stream": "stdout", "text": 5}\\n\'', "out of bounds"),
        (SECRET + "b' [' * 300_000 + b'\\n'", "longer than"),
    ],
    ids=["nonsense", "forged", "malformed", "long"],
)
def test_a_faulty_message_is_told_and_the_next_recording_works(
    window: MainWindow, qtbot: QtBot, message: str, reason: str
) -> None:
    write(window, FORGED.replace("MESSAGE", message))
    window.actions_by_id["record.start"].trigger()
    qtbot.waitUntil(lambda: window.banner.isVisible(), timeout=SECONDS)
    assert reason in window.banner.text.text()
    qtbot.waitUntil(lambda: not window.session.recording and not window.session.loading, timeout=SECONDS)
    write(window, GOOD)
    record(qtbot, window)
    assert window.session.debugging.trace.complete


def test_a_recorder_that_cannot_load_says_why(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "numpy.py").write_text("raise ImportError('numpy is broken')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    write(window, GOOD)
    window.actions_by_id["record.start"].trigger()
    qtbot.waitUntil(lambda: window.banner.isVisible(), timeout=SECONDS)
    assert "cannot start: ImportError: numpy is broken" in window.banner.text.text()
    monkeypatch.delenv("PYTHONPATH")
    qtbot.waitUntil(lambda: not window.session.recording)


def test_a_program_that_forks_is_recorded_to_its_end(window: MainWindow, qtbot: QtBot) -> None:
    if not hasattr(os, "fork"):
        pytest.skip("fork")
    write(window, GOOD + "import os\npid = os.fork()\nif pid: os.waitpid(pid, 0)\nprint('end', pid == 0)\n")
    record(qtbot, window)
    assert window.session.debugging.trace.complete
    window.session.debugging.seek(window.session.debugging.last_step)
    assert window.console.text.toPlainText() == "turn 0\nturn 1\nend False\n"


def test_a_process_that_dies_is_told(window: MainWindow, qtbot: QtBot) -> None:
    write(window, SUICIDE)
    window.actions_by_id["record.start"].trigger()
    qtbot.waitUntil(lambda: window.banner.isVisible(), timeout=SECONDS)
    assert "SIGKILL" in window.banner.text.text()
    assert not window.session.recording


def test_another_program_can_be_opened_while_one_runs(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QMessageBox, "exec", lambda box: QMessageBox.StandardButton.Discard)
    write(window, ENDLESS)
    window.actions_by_id["record.start"].trigger()
    other = tmp_path / "other.py"
    other.write_text("print('other')\n")
    qtbot.wait(300)
    window.files.open(other)
    qtbot.waitUntil(lambda: not window.session.recording and not window.session.loading, timeout=SECONDS)
    qtbot.wait(200)
    assert window.session.document.path == other
    assert window.session.debugging.trace is None
    record(qtbot, window)
    assert window.session.debugging.trace.program == "other.py"


def test_a_recording_is_saved_and_opens_again(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    write(window, GOOD)
    record(qtbot, window)
    session, path = window.session, tmp_path / "kept.gradviz"
    events = session.debugging.last_step
    session.save_trace(path)
    qtbot.waitUntil(lambda: session.trace_saved, timeout=SECONDS)
    with qtbot.waitSignal(session.debugging.trace_changed, timeout=SECONDS):
        window.files.open(path)
    assert session.debugging.last_step == events
    assert session.document.name == "test.py"
    assert session.document.text == GOOD


def test_what_runs_programs_is_loaded_on_another_thread(
    session: Session, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    load, threads = recording.load, []

    def watched() -> None:
        threads.append(threading.current_thread())
        load()

    monkeypatch.setattr(recording, "load", watched)
    session.warm_up()
    assert session._recording._worker is None
    qtbot.waitUntil(lambda: session._recording._worker is not None)
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()
