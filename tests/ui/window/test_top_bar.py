"""The top bar, with real clicks: what stands where, playing, and how fast."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from gradviz_ui.session.player import Player
from gradviz_ui.window.main_window import MainWindow

LEFT = Qt.MouseButton.LeftButton


def places(window: MainWindow) -> list[QPoint]:
    """Where the buttons are that are clicked again and again."""
    bar = window.top_bar
    buttons: list[QWidget] = [bar.record, *bar.steps, bar.play.play, bar.play.speed]
    return [button.mapTo(window, button.rect().topLeft()) for button in buttons]


def show_at(window: MainWindow, width: int, qtbot: QtBot) -> None:
    """The window, so wide, laid out."""
    window.resize(width, 800)
    qtbot.waitUntil(lambda: window.top_bar.width() == width)
    QApplication.processEvents()


@pytest.mark.parametrize("width", [1700, 1600, 1440, 1280])
def test_the_buttons_stay_under_the_mouse(window: MainWindow, width: int, tmp_path: Path, qtbot: QtBot) -> None:
    """Whatever step, file, backend and speed: neither the label beside a button nor its own changes its place."""
    session, bar = window.session, window.top_bar
    show_at(window, width, qtbot)
    session.debugging.seek(0)
    before = places(window)
    for _ in range(12):
        qtbot.mouseClick(bar.steps[3], LEFT)
        assert places(window) == before
    assert session.debugging.step == 12
    qtbot.mouseClick(bar.steps[-1], LEFT)
    assert session.debugging.step == session.debugging.last_step
    assert places(window) == before
    session.settings.play_speed = 25
    session.set_backend("pytorch")
    assert places(window) == before
    path = tmp_path / "a_program_with_a_name_of_more_letters_than_any_bar_has_room_for.py"
    path.write_text("import torch\ntorch.ones(2, requires_grad=True).sum().backward()\n", encoding="utf-8")
    with qtbot.waitSignal(session.program_changed):
        window.files.open(path)
    QApplication.processEvents()
    assert places(window) == before


def test_record_becomes_stop_where_it_is(window: MainWindow, qtbot: QtBot) -> None:
    show_at(window, 1440, qtbot)
    window.session.new_program("import time\nfor _ in range(600): time.sleep(0.1)\n")
    before = places(window), window.top_bar.record.width()
    qtbot.mouseClick(window.top_bar.record, LEFT)
    assert window.session.recording
    assert window.top_bar.record.text() == "Stop"
    QApplication.processEvents()
    assert (places(window), window.top_bar.record.width()) == before
    with qtbot.waitSignal(window.session.recording_changed, timeout=30_000):
        qtbot.mouseClick(window.top_bar.record, LEFT)
    qtbot.waitUntil(lambda: window.top_bar.record.text() == "Record")


def test_play_plays_and_becomes_pause(window: MainWindow, qtbot: QtBot) -> None:
    session, button = window.session, window.top_bar.play.play
    session.debugging.seek(0)
    assert button.accessibleName() == "Play"
    shown = button.icon().pixmap(18, 18).toImage()
    qtbot.mouseClick(button, LEFT)
    assert session.debugging.playing
    assert button.accessibleName() == "Pause"
    assert button.toolTip() == "Pause (Space)"
    assert button.icon().pixmap(18, 18).toImage() != shown
    qtbot.waitUntil(lambda: session.debugging.step >= 2)
    qtbot.mouseClick(button, LEFT)
    assert not session.debugging.playing
    assert button.accessibleName() == "Play"
    assert button.icon().pixmap(18, 18).toImage() == shown
    session.debugging.seek(session.debugging.last_step - 1)
    qtbot.mouseClick(button, LEFT)
    qtbot.waitUntil(lambda: not session.debugging.playing)
    assert session.debugging.step == session.debugging.last_step
    assert button.accessibleName() == "Play"


def test_the_speed_is_chosen_from_its_menu(window: MainWindow, qtbot: QtBot) -> None:
    session, button = window.session, window.top_bar.play.speed
    show_at(window, 1440, qtbot)
    player = session.findChild(Player)
    usual = player.interval
    menu = button.menu()
    assert [action.text() for action in menu.actions() if action.isChecked()] == ["1×"]
    menu.actions()[-1].trigger()
    assert session.settings.play_speed == 400
    assert button.text() == "4×"
    assert player.interval == usual / 4


def test_the_event_has_room_on_a_common_screen(window: MainWindow, qtbot: QtBot) -> None:
    label = window.top_bar.what
    for width in (1440, 1600, 1920):
        show_at(window, width, qtbot)
        assert label.width() >= QFontMetrics(label.font()).horizontalAdvance("out.backward() · call 4 · AddBackward0")


@pytest.mark.parametrize("width", [900, 1000, 1200, 1300, 1440, 1500, 1600, 1700, 1920])
def test_nothing_lies_over_anything_at_any_width(window: MainWindow, width: int, qtbot: QtBot) -> None:
    show_at(window, width, qtbot)
    bar = window.top_bar
    parts = [part for part in bar.children() if isinstance(part, QWidget) and part.isVisible()]
    parts.sort(key=lambda part: part.x())
    assert parts[0].x() >= 0
    assert parts[-1].geometry().right() < bar.width()
    for one, other in pairwise(parts):
        assert one.geometry().right() < other.x(), (one.objectName(), other.objectName())
