"""How long messages stay: none outlives what it speaks of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from gradviz_ui.window import banner
from gradviz_ui.window.main_window import MainWindow


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program that can be opened."""
    path = tmp_path / "good.py"
    path.write_text("print(1)\n")
    return path


def test_an_error_about_a_file_goes_when_another_opens(window: MainWindow, program: Path, qtbot: QtBot) -> None:
    window.files.open(program.with_name("gone.py"))
    assert window.banner.isVisible()
    with qtbot.waitSignal(window.session.program_changed):
        window.files.open(program)
    assert not window.banner.isVisible()


@pytest.mark.parametrize(
    "act",
    [
        lambda window: window.session.new_program("print(1)"),
        lambda window: window.session.debugging.set_view("forward"),
    ],
    ids=["another program", "another view"],
)
@pytest.mark.parametrize("level", ["warning", "error"])
def test_trouble_goes_with_what_it_was_about(
    window: MainWindow, level: str, act: Callable[[MainWindow], object]
) -> None:
    window.session.message.emit(level, "trouble")
    assert window.banner.isVisible()
    act(window)
    assert not window.banner.isVisible()


def test_trouble_goes_when_a_program_begins_to_run_and_that_of_the_run_stays(window: MainWindow, qtbot: QtBot) -> None:
    window.session.new_program("import os\nos.abort()\n")
    window.session.message.emit("error", "trouble")
    window.session.record()
    assert not window.banner.isVisible()
    qtbot.waitUntil(lambda: not window.session.recording, timeout=30_000)
    qtbot.waitUntil(lambda: not window.session.loading, timeout=30_000)
    assert window.banner.isVisible()
    assert window.banner.text.text() != "trouble"


def test_stepping_and_selecting_leave_trouble_in_sight(window: MainWindow) -> None:
    window.session.message.emit("error", "trouble")
    window.session.debugging.seek(3)
    window.session.toggle_breakpoint_line("x.py", 3)
    assert window.banner.isVisible()


def test_good_news_leaves_by_itself(window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(banner, "INFO_MS", 20)
    window.session.message.emit("info", "Saved x.gradviz.")
    assert window.banner.isVisible()
    qtbot.waitUntil(lambda: not window.banner.isVisible())


def test_a_long_message_wraps_and_can_be_copied(window: MainWindow, qtbot: QtBot) -> None:
    text = "The graph was not arranged: " + "there is no room " * 12
    window.session.message.emit("error", "short")
    low = window.banner.height()
    window.session.message.emit("error", text)
    assert window.banner.height() > low
    window.banner.text.setFocus()
    qtbot.keyClick(window.banner.text, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(window.banner.text, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == text


@pytest.mark.parametrize("name", ["dark", "light"])
def test_the_levels_look_different(window: MainWindow, name: str) -> None:
    window.session.settings.theme = name
    looks = set()
    for level in ("info", "warning", "error"):
        window.session.message.emit(level, "the same")
        picture = window.banner.grab().toImage()
        looks.add(picture.pixelColor(60, 4).name())
    window.session.settings.theme = "dark"
    assert len(looks) == 3


def test_without_pytorch_the_window_says_it_in_its_own_words(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gradviz_ui.session.session.find_spec", lambda name: None)
    window.session.set_backend("pytorch")
    window.console.text.setPlainText("what was printed")
    window.session.record()
    assert not window.session.recording
    assert "PyTorch is not installed" in window.banner.text.text()
    assert "--" not in window.banner.text.text()
    assert window.console.text.toPlainText() == "what was printed"
