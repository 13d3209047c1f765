"""Where the window and its docks stand after a restart: where they were, and always in sight."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from gradviz_ui import app
from gradviz_ui.window.arrangement import in_sight
from gradviz_ui.window.main_window import MainWindow

Restart = Callable[[MainWindow], MainWindow]


@pytest.fixture
def restart(qtbot: QtBot) -> Restart:
    """Closes a window and opens the next one with its settings, a moment after it was shown."""

    def go(window: MainWindow) -> MainWindow:
        window.close()
        again = app.make_window(window.session.settings)
        qtbot.addWidget(again)
        again.show()
        qtbot.waitExposed(again)
        qtbot.wait(1)
        return again

    return go


def screen() -> QRect:
    """The room there is."""
    return QGuiApplication.primaryScreen().availableGeometry()


@pytest.mark.parametrize("place", [(5000, 200), (-5000, -5000), (-200, 100), (700, -150), (700, 790)])
def test_a_dock_afloat_comes_back_in_sight(window: MainWindow, restart: Restart, place: tuple[int, int]) -> None:
    window.docks["inspector"].setFloating(True)
    window.docks["inspector"].move(*place)
    dock = restart(window).docks["inspector"]
    assert dock.isFloating()
    assert dock.isVisible()
    assert screen().contains(dock.frameGeometry())


def test_a_dock_afloat_that_was_in_sight_stays_where_it_was(window: MainWindow, restart: Restart) -> None:
    window.docks["gradients"].setFloating(True)
    window.docks["gradients"].setGeometry(120, 90, 300, 200)
    assert restart(window).docks["gradients"].geometry() == QRect(120, 90, 300, 200)


def test_a_dock_afloat_is_shown_again_after_the_window_it_lies_over(window: MainWindow, qtbot: QtBot) -> None:
    """A system's window manager keeps it above only if it knew the window when the dock came."""
    window.docks["inspector"].setFloating(True)
    window.close()
    again = app.make_window(window.session.settings)
    qtbot.addWidget(again)
    again.show()
    with qtbot.waitSignals([again.docks["inspector"].visibilityChanged] * 2):
        pass
    assert again.isVisible()
    assert again.docks["inspector"].isVisible()


def test_quitting_the_program_does_not_hide_what_is_afloat(window: MainWindow, restart: Restart) -> None:
    window.docks["inspector"].setFloating(True)
    window.docks["console"].close()
    window.docks["inspector"].close()  # as QApplication.quit does, before or after it closes the window
    again = restart(window)
    assert again.docks["inspector"].isVisible()


def test_a_dock_that_the_person_closed_stays_closed(window: MainWindow, restart: Restart, qtbot: QtBot) -> None:
    window.docks["inspector"].setFloating(True)
    window.docks["inspector"].close()
    qtbot.wait(1)
    assert restart(window).docks["inspector"].isHidden()


@pytest.mark.parametrize("place", [(4000, 30), (-900, -700), (100, 700)])
def test_the_window_comes_back_in_sight(window: MainWindow, restart: Restart, place: tuple[int, int]) -> None:
    window.resize(700, 500)
    window.move(*place)
    frame = restart(window).frameGeometry()  # it cannot be as narrow as this screen is
    assert screen().contains(frame.topLeft())
    assert screen().contains(frame.bottomLeft())


def test_a_window_that_was_minimised_opens(window: MainWindow, restart: Restart) -> None:
    window.showMinimized()
    again = restart(window)
    assert not again.windowState() & Qt.WindowState.WindowMinimized
    assert screen().intersects(again.frameGeometry())


rectangles = st.builds(
    QRect,
    st.builds(QPoint, st.integers(-4000, 4000), st.integers(-4000, 4000)),
    st.builds(QSize, st.integers(1, 3000), st.integers(1, 3000)),
)


@given(frame=rectangles, screens=st.lists(rectangles, min_size=1, max_size=3))
def test_what_is_brought_into_sight_is_on_a_screen_as_large_as_fits(frame: QRect, screens: list[QRect]) -> None:
    found = in_sight(frame, screens)
    assert found == frame or any(each.contains(found) for each in screens)
    assert found.width() <= frame.width()
    assert found.height() <= frame.height()
    assert in_sight(found, screens) == found


def test_a_window_over_two_screens_stays() -> None:
    screens = [QRect(0, 0, 1000, 800), QRect(1000, 0, 1000, 800)]
    assert in_sight(QRect(700, 100, 600, 400), screens) == QRect(700, 100, 600, 400)
    assert in_sight(QRect(1900, 100, 600, 400), screens) == QRect(1400, 100, 600, 400)
