"""Programs recorded from the window, in the real child process."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from gradviz.trace.events import Accumulate, Error
from gradviz_ui.main_window import MainWindow

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
SILENT_LOOP = "while True:\n    pass\n"
NOISY_LOOP = "while True:\n    print('x' * 1000)\n"
SUICIDE = "import os, signal\nprint('bye', flush=True)\nos.kill(os.getpid(), getattr(signal, 'SIGKILL', 9))\n"


def write(window: MainWindow, program: str) -> None:
    """Begin a program in the editor."""
    window.session.new_program(program, "test.py")


def record(qtbot: QtBot, window: MainWindow) -> None:
    """Press Ctrl+R in the editor and wait for the recording to be shown."""
    window.code.editor.setFocus()
    with qtbot.waitSignal(window.session.trace_changed, timeout=SECONDS):
        qtbot.keyClick(window.code.editor, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)


def test_what_stands_in_the_editor_is_recorded_and_can_be_stepped(window: MainWindow, qtbot: QtBot) -> None:
    write(window, GOOD)
    window.code.editor.go_to_line(8)
    qtbot.keyClicks(window.code.editor, "# typed just now")
    record(qtbot, window)
    session = window.session
    assert session.trace.sources[0].text == window.code.editor.toPlainText()
    assert sum(isinstance(event, Accumulate) for event in session.trace.events) == 2
    assert session.playhead.location == ("test.py", 6)
    assert window.focusWidget() is not window.code.editor
    assert not session.trace_saved
    for _ in range(3):
        qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Right)
    assert session.step == window.session.trace.at(session.step).step
    session.seek(session.last_step)
    assert window.console.text.toPlainText() == "turn 0\nturn 1\n"


def test_a_program_that_raises_shows_the_message_the_line_and_what_was_recorded(
    window: MainWindow, qtbot: QtBot
) -> None:
    write(window, BAD)
    record(qtbot, window)
    session = window.session
    assert isinstance(session.current_event, Error)
    assert session.current_event.line == 6
    assert len(session.trace.nodes) >= 3
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


@pytest.mark.parametrize("program", [ENDLESS, SILENT_LOOP, NOISY_LOOP], ids=["backward", "silent", "noisy"])
def test_a_program_without_end_leaves_the_window_alive_and_can_be_stopped(
    window: MainWindow, qtbot: QtBot, program: str
) -> None:
    write(window, program)
    # On a machine that is busy with other things the clock says little: the best of three counts.
    times = []
    while not times or (len(times) < 3 and not any(stop < 0.3 and gap < 0.5 for stop, gap in times)):
        times.append(run_and_stop(window, qtbot, wait_for_events=program is ENDLESS))
    assert any(stop < 0.3 and gap < 0.5 for stop, gap in times), times
    if program is ENDLESS:
        assert len(window.session.trace.nodes) > 2
        assert window.session.last_step > 10


def run_and_stop(window: MainWindow, qtbot: QtBot, wait_for_events: bool) -> tuple[float, float]:
    """Seconds from the click on Stop to the end of the program, and for which the window stood still at most."""
    session = window.session
    gaps = Gaps(window)
    window.record()
    qtbot.waitUntil(lambda: session.recording)
    if wait_for_events:
        qtbot.waitUntil(lambda: session.recorded_events > 0, timeout=SECONDS)
    folder = session.settings.recordings_folder
    # On a busy machine the child process may take its time to come up.
    qtbot.waitUntil(lambda: any(folder.glob("*.gradviz")), timeout=SECONDS)
    qtbot.wait(1000)
    assert session.recording
    assert window.top_bar.record.text() == "Stop"
    began = time.perf_counter()
    qtbot.mouseClick(window.top_bar.record, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not session.recording, timeout=SECONDS)
    stopping = time.perf_counter() - began
    qtbot.waitUntil(lambda: session.trace is not None and not session.loading, timeout=SECONDS)
    gaps.stop()
    return stopping, gaps.seconds


def test_a_process_that_dies_is_told(window: MainWindow, qtbot: QtBot) -> None:
    write(window, SUICIDE)
    window.record()
    qtbot.waitUntil(lambda: window.banner.isVisible(), timeout=SECONDS)
    assert "SIGKILL" in window.banner.text.text()
    assert not window.session.recording


def test_another_program_can_be_opened_while_one_runs(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QMessageBox, "exec", lambda box: QMessageBox.StandardButton.Discard)
    write(window, ENDLESS)
    window.record()
    other = tmp_path / "other.py"
    other.write_text("print('other')\n")
    qtbot.wait(300)
    window.open_file(other)
    qtbot.waitUntil(lambda: not window.session.recording and not window.session.loading, timeout=SECONDS)
    qtbot.wait(200)
    assert window.session.document.path == other
    assert window.session.trace is None
    record(qtbot, window)
    assert window.session.trace.program == "other.py"


def test_a_recording_is_saved_and_opens_again(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    write(window, GOOD)
    record(qtbot, window)
    session, path = window.session, tmp_path / "kept.gradviz"
    events = session.last_step
    session.save_trace(path)
    qtbot.waitUntil(lambda: session.trace_saved, timeout=SECONDS)
    with qtbot.waitSignal(session.trace_changed, timeout=SECONDS):
        window.open_file(path)
    assert session.last_step == events
    assert session.document.name == "test.py"
    assert session.document.text == GOOD


class Gaps:
    """The longest time for which the event loop did not turn."""

    def __init__(self, window: MainWindow) -> None:
        self.seconds = 0.0
        self._last = time.perf_counter()
        self._timer = QTimer(window)
        self._timer.timeout.connect(self._tick)
        self._timer.start(5)

    def stop(self) -> None:
        """Look no longer."""
        self._timer.stop()

    def _tick(self) -> None:
        now = time.perf_counter()
        self.seconds = max(self.seconds, now - self._last)
        self._last = now
