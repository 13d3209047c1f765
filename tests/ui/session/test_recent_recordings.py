"""No recording is lost: saved ones are whole, the others are kept, and the window asks once before it goes."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QMessageBox, QProgressDialog
from pytestqt.qtbot import QtBot

from gradviz.trace.events import Mark
from gradviz.trace.facts import facts
from gradviz.trace.lock import TraceLock, lock_path
from gradviz.trace.reader import Trace
from gradviz.trace.writer import TraceWriter
from gradviz_ui import app
from gradviz_ui.session.recordings import KEPT, Kept, Recordings
from gradviz_ui.settings import Settings
from gradviz_ui.window.main_window import MainWindow

SECONDS = 20_000
"""Milliseconds to wait for a child process on a busy machine."""
BUTTONS = QMessageBox.StandardButton

GOOD = "import torch\n\nw = torch.ones(3, requires_grad=True)\n(w * w).sum().backward()\nprint('good')\n"
ENDLESS = "import torch\n\nw = torch.ones(3, requires_grad=True)\nwhile True:\n    (w * w).sum().backward()\n"


def record(qtbot: QtBot, window: MainWindow, program: str = GOOD, name: str = "test.py") -> Path:
    """Record a program and wait until it is shown; where it lies is returned."""
    window.session.new_program(program, name)
    with qtbot.waitSignal(window.session.debugging.trace_changed, timeout=SECONDS):
        window.actions_by_id["record.start"].trigger()
    path = window.session.debugging.trace.path
    assert path is not None
    return path


def begin_endless(qtbot: QtBot, window: MainWindow) -> Path:
    """Record a program without end; it runs and has brought events."""
    window.session.new_program(ENDLESS, "endless.py")
    window.actions_by_id["record.start"].trigger()
    path = window.session.recorded_path
    qtbot.waitUntil(lambda: path.exists() and facts(path).events > 50, timeout=SECONDS)
    return path


def stop(qtbot: QtBot, window: MainWindow) -> None:
    """Stop the program and wait until its recording is shown."""
    with qtbot.waitSignal(window.session.debugging.trace_changed, timeout=SECONDS):
        window.session.stop()


class Questions:
    """Answers the window's questions, and remembers them."""

    def __init__(self) -> None:
        self.answer = BUTTONS.Discard
        self.asked: list[str] = []

    def reply(self, box: QMessageBox) -> QMessageBox.StandardButton:
        """Instead of a person."""
        self.asked.append(f"{box.text()}\n{box.informativeText()}")
        return self.answer


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> Questions:
    made = Questions()
    monkeypatch.setattr(QMessageBox, "exec", lambda box: made.reply(box))
    return made


def kept(window: MainWindow) -> list[str]:
    """The programs whose recordings are listed."""
    return [recording.program for recording in window.session.recent.kept]


# Saving


def test_a_stopped_recording_is_saved_with_all_its_events(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    begin_endless(qtbot, window)
    stop(qtbot, window)
    session, path = window.session, tmp_path / "saved" / "kept.gradviz"
    path.parent.mkdir()
    events = session.debugging.last_step
    assert events > 50
    session.save_trace(path)
    assert not session.trace_saved  # not before it is so
    assert "Saved" not in window.banner.text.text()
    qtbot.waitUntil(lambda: session.trace_saved, timeout=SECONDS)
    assert window.banner.text.text() == "Saved kept.gradviz."
    assert "kept.gradviz (saved)" in window.statusBar().facts.text()
    assert [file.name for file in path.parent.iterdir()] == ["kept.gradviz"]
    with Trace.open(path) as trace:
        assert len(trace.events) == events
        assert not trace.complete


def test_what_cannot_be_saved_is_told_and_still_not_saved(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    record(qtbot, window)
    window.session.save_trace(tmp_path / "no such folder" / "t.gradviz")
    qtbot.waitUntil(lambda: "was not saved" in window.banner.text.text(), timeout=SECONDS)
    assert not window.session.trace_saved


def test_saving_a_large_recording_can_be_given_up(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    path, target = tmp_path / "large.gradviz", tmp_path / "target.gradviz"
    with TraceWriter(path) as writer:
        for number in range(200):
            writer.add_tensor(number + np.zeros(100_000))
        writer.emit(Mark(name="end"))
    with qtbot.waitSignal(window.session.debugging.trace_changed, timeout=SECONDS):
        window.files.open(path)
    saving = window.session.save_trace(target)
    assert saving is not None
    with qtbot.waitSignal(saving.ended, timeout=SECONDS) as ended:
        window.findChild(QProgressDialog, "saving_dialog").canceled.emit()
    assert ended.args == [False, ""]
    assert not target.exists()
    assert window.session.saving is None


def test_a_recording_that_was_saved_is_no_longer_among_the_unsaved(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    session = window.session
    path = record(qtbot, window)
    session.save_trace(tmp_path / "saved.gradviz")
    qtbot.waitUntil(lambda: session.trace_saved, timeout=SECONDS)
    assert session.debugging.trace.array(0) is not None  # what is shown is still read from where it was recorded to
    record(qtbot, window, name="other.py")
    qtbot.waitUntil(lambda: kept(window) == ["other.py"], timeout=SECONDS)
    assert not path.exists()


# What is kept


def test_record_and_new_and_open_keep_what_was_recorded(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, questions: Questions
) -> None:
    first = record(qtbot, window, name="first.py")
    second = record(qtbot, window, name="second.py")
    program = tmp_path / "program.py"
    program.write_text("print('other')\n")
    with qtbot.waitSignal(window.session.program_changed, timeout=SECONDS):
        window.files.open(program)
    assert questions.asked == []  # nothing is lost by it
    qtbot.waitUntil(lambda: kept(window) == ["second.py", "first.py"], timeout=SECONDS)
    folder = first.parent
    if os.name == "posix":
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert sorted(file.name for file in folder.iterdir()) == sorted([first.name, second.name])


def test_recent_recordings_are_listed_opened_and_removed(
    window: MainWindow, qtbot: QtBot, questions: Questions
) -> None:
    menu, session = window.recordings_menu, window.session
    assert not menu.isEnabled()
    first = record(qtbot, window, name="first & foremost.py")
    events = session.debugging.last_step
    record(qtbot, window, name="second.py")
    qtbot.waitUntil(lambda: len(menu.actions()) == 4, timeout=SECONDS)
    shown, other, *_ = menu.actions()
    assert shown.text().startswith("&1  second.py · ")
    assert shown.isChecked()
    assert other.text().startswith("&2  first && foremost.py · ")
    assert other.text().endswith(f" · {events} events")
    with qtbot.waitSignal(session.debugging.trace_changed, timeout=SECONDS):
        other.trigger()
    assert session.debugging.trace.path == first
    assert not session.trace_saved
    assert session.document.text == GOOD
    assert session.settings.recent_files == []
    questions.answer = BUTTONS.Yes
    menu.actions()[-1].trigger()
    qtbot.waitUntil(lambda: kept(window) == ["first & foremost.py"], timeout=SECONDS)  # it is shown
    assert first.exists()


def test_of_looks_that_overlap_the_last_one_tells_what_there_is(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    recent = window.session.recent
    make_recordings(recent.recordings, 2)
    may_go_on, listed = threading.Event(), Recordings.listed

    def slowly(recordings: Recordings) -> list[Kept]:
        found = listed(recordings)
        assert may_go_on.wait(SECONDS)
        return found

    monkeypatch.setattr(Recordings, "listed", slowly)
    recent.refresh()
    qtbot.wait(100)
    monkeypatch.setattr(Recordings, "listed", listed)
    recent.clear()
    qtbot.waitUntil(lambda: not list(recent.recordings.folder.glob("*.gradviz")), timeout=SECONDS)
    qtbot.wait(100)
    may_go_on.set()
    qtbot.wait(200)
    assert recent.kept == []


def make_recordings(folder: Recordings, count: int) -> list[Path]:
    """The oldest first."""
    paths = []
    for number in range(count):
        path = folder.new_path(f"{number}.py")
        with TraceWriter(path, program=f"{number}.py", created=float(number)) as writer:
            writer.emit(Mark(name="x" * 1000))
        os.utime(path, (number + 1000, number + 1000))
        paths.append(path)
    return paths


def test_the_last_ten_are_kept_and_none_that_is_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Recordings(tmp_path / "recordings")
    paths = make_recordings(folder, KEPT + 4)
    shown = TraceLock(paths[1])  # by another window
    running = TraceWriter(paths[2])
    os.utime(paths[2], (1002, 1002))
    os.utime(paths[2].with_name(paths[2].name + "-wal"), (1002, 1002))
    folder.prune()
    assert sorted(paths.index(path) for path in folder._paths()) == [1, 2, *range(4, KEPT + 4)]
    shown.release()
    running.emit(Mark(name="one"))
    running.finish()
    folder.prune()
    assert [paths.index(path) for path in folder._paths()] == [2, *range(KEPT + 3, 4, -1)]
    monkeypatch.setattr("gradviz_ui.session.recordings.KEPT_BYTES", 1)
    folder.prune()
    assert len(folder.listed()) == 1
    assert len(list(folder.folder.iterdir())) == 1


def test_a_folder_that_cannot_be_used_is_told_and_the_question_says_so(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, questions: Questions
) -> None:
    (tmp_path / "file").write_text("in the way")
    window.session.settings.recordings_folder = tmp_path / "file" / "recordings"
    path = record(qtbot, window)
    assert "are lost when gradviz closes" in window.banner.text.text()
    window.close()
    assert "lost without saving" in questions.asked[0]
    assert not path.exists()


@pytest.mark.skipif(os.name != "posix", reason="elsewhere open files cannot be deleted")
def test_a_recording_that_is_deleted_while_it_is_written_is_told(window: MainWindow, qtbot: QtBot) -> None:
    path = begin_endless(qtbot, window)
    path.unlink()
    window.session.stop()
    qtbot.waitUntil(lambda: window.banner.isVisible(), timeout=SECONDS)
    assert "was deleted, or moved away" in window.banner.text.text()
    assert window.session.debugging.trace is None


# A window that was killed

WINDOW = """
import sys
from pathlib import Path
from PySide6.QtCore import QSettings, QTimer
from gradviz_ui import app
from gradviz_ui.settings import Settings
application = app.make_application()
settings = Settings(QSettings(sys.argv[1] + ".ini", QSettings.Format.IniFormat))
settings.recordings_folder = Path(sys.argv[1])
window = app.make_window(settings)
window.session.new_program(sys.argv[2], "endless.py")
window.actions_by_id["record.start"].trigger()
timer = QTimer()
timer.timeout.connect(lambda: window.session.recorded_events > 100 and print("recorded", flush=True))
timer.start(20)
application.exec()
"""


def is_left(lock: Path) -> bool:
    """Does nobody hold the lock file?"""
    import fcntl

    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL, and a look at locks, as POSIX has them")
def test_a_recording_whose_window_was_killed_is_offered_once(settings: Settings, qtbot: QtBot) -> None:
    folder = settings.recordings_folder
    killed = subprocess.Popen([sys.executable, "-c", WINDOW, str(folder), ENDLESS], stdout=subprocess.PIPE, text=True)
    try:
        assert killed.stdout is not None
        assert killed.stdout.readline() == "recorded\n"
        other = app.make_window(settings)
        qtbot.addWidget(other)
        with qtbot.assertNotEmitted(other.session.offered, wait=500):
            other.session.recent.look_back()  # that window lives
    finally:
        killed.kill()
        killed.communicate()
    (path,) = folder.glob("*.gradviz")
    qtbot.waitUntil(lambda: is_left(lock_path(path)), timeout=SECONDS)  # its child process ends with it
    window = app.make_window(settings)
    qtbot.addWidget(window)
    window.show()
    with qtbot.waitSignal(window.session.offered, timeout=SECONDS):
        window.session.recent.look_back()
    assert "endless.py" in window.banner.text.text()
    assert window.banner.action_button.isVisible()
    with qtbot.assertNotEmitted(other.session.offered, wait=500):
        other.session.recent.look_back()
    with qtbot.waitSignal(window.session.debugging.trace_changed, timeout=SECONDS):
        qtbot.mouseClick(window.banner.action_button, Qt.MouseButton.LeftButton)
    assert not window.banner.isVisible()
    assert window.session.debugging.trace.path == path
    assert window.session.debugging.last_step >= 50
    assert window.session.document.text == ENDLESS
    window._may_close = True


def test_an_orderly_end_is_not_taken_for_a_crash(
    window: MainWindow, qtbot: QtBot, settings: Settings, questions: Questions
) -> None:
    running = begin_endless(qtbot, window)
    window.close()
    assert not window.session.recording
    assert len(questions.asked) == 1
    assert [file.name for file in running.parent.iterdir() if file.name.startswith(".")] == []
    (found,) = Recordings(running.parent).listed()
    assert (found.path, found.program) == (running, "endless.py")
    assert Recordings(running.parent).fallen() is None


# The question


def test_closing_asks_once_about_all_that_is_not_saved(window: MainWindow, qtbot: QtBot, questions: Questions) -> None:
    record(qtbot, window)
    qtbot.keyClicks(window.code.editor, "# mine")
    questions.answer = BUTTONS.Cancel
    window.close()
    assert window.isVisible()
    (question,) = questions.asked
    assert "test.py has unsaved edits" in question
    assert f"The recording of test.py ({window.session.debugging.last_step} events) is not saved" in question
    assert f"stays among the last {KEPT}" in question
    questions.answer = BUTTONS.Discard
    window.close()
    assert not window.isVisible()
    assert len(questions.asked) == 2


def test_what_is_saved_or_only_looked_at_is_no_question(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, questions: Questions
) -> None:
    record(qtbot, window)
    window.session.save_trace(tmp_path / "t.gradviz")
    qtbot.waitUntil(lambda: window.session.trace_saved, timeout=SECONDS)
    window.close()
    assert not window.isVisible()
    assert questions.asked == []


def test_save_all_saves_the_program_and_the_recording_of_one_that_runs_and_then_closes(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, questions: Questions, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_endless(qtbot, window)
    window.code.editor.go_to_line(1)
    qtbot.keyClicks(window.code.editor, "# mine")
    targets = iter([str(tmp_path / "mine.py"), str(tmp_path / "mine.gradviz")])
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *arguments: (next(targets), ""))
    questions.answer = BUTTONS.Save
    window.close()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=SECONDS)
    (question,) = questions.asked
    assert "endless.py is running, and will be stopped" in question
    assert (tmp_path / "mine.py").read_text().startswith("# mine")
    with Trace.open(tmp_path / "mine.gradviz") as trace:
        assert len(trace.events) > 50
    assert list(window.session.settings.recordings_folder.iterdir()) == []


def test_not_picking_a_file_keeps_the_window(
    window: MainWindow, qtbot: QtBot, questions: Questions, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(qtbot, window)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *arguments: ("", ""))
    questions.answer = BUTTONS.Save
    window.close()
    assert window.isVisible()
    questions.answer = BUTTONS.Discard
    window.close()
    assert not window.isVisible()


def test_opening_another_file_asks_once_about_edits_and_what_runs(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, questions: Questions
) -> None:
    running = begin_endless(qtbot, window)
    qtbot.keyClicks(window.code.editor, "# mine")
    other = tmp_path / "other.py"
    other.write_text("print('other')\n")
    questions.answer = BUTTONS.Cancel
    window.files.open(other)
    assert window.session.recording
    questions.answer = BUTTONS.Discard
    with qtbot.waitSignal(window.session.program_changed, timeout=SECONDS):
        window.files.open(other)
    assert window.session.document.name == "other.py"
    qtbot.waitUntil(lambda: kept(window) == ["endless.py"], timeout=SECONDS)
    assert running.exists()
    assert len(questions.asked) == 2
    assert "unsaved edits" in questions.asked[0]
    assert "is running" in questions.asked[0]


SHOW = """
import gradviz, gradviz_engine as engine
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from gradviz_ui import app
from gradviz_ui.window.main_window import MainWindow
application = app.make_application()
def look():
    (window,) = [each for each in QApplication.topLevelWidgets() if isinstance(each, MainWindow)]
    print(window.statusBar().facts.text())
    window._may_close = True
    window.close()
QTimer.singleShot(1000, look)
gradviz.show((engine.ones(3, requires_grad=True) * 2).sum())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a home of its own, as XDG has it")
def test_what_gradviz_show_records_is_kept_and_not_called_saved(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data"), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    done = subprocess.run([sys.executable, "-c", SHOW], env={**os.environ, **home}, capture_output=True, text=True)
    assert "(not saved)" in done.stdout, done.stderr
    folder = tmp_path / "data" / "gradviz" / "recordings"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (recording,) = folder.iterdir()
    assert facts(recording).complete
