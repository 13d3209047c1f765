"""Another language, size of text or form of numbers: the window is made anew where it stands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import SIGNAL, QCoreApplication, QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gradviz.trace.numbers import norm_text
from gradviz_ui import theme
from gradviz_ui.settings import Settings
from gradviz_ui.window import appearance
from gradviz_ui.window.main_window import MainWindow


@pytest.fixture(autouse=True)
def usual_again(settings: Settings) -> Iterator[None]:
    """What is in force in the whole program is as it was, for the next test."""
    yield
    settings.reset()
    appearance.write(settings)


def test_another_language_at_once(window: MainWindow, qtbot: QtBot) -> None:
    step, trace = window.session.debugging.step, window.session.debugging.trace
    with qtbot.waitSignal(window.rewritten):
        window.session.settings.language = "zh_CN"
    assert window.docks["code"].windowTitle() == "代码"
    assert window.actions_by_id["record.start"].text() == "录制(&R)"
    assert (window.session.debugging.step, window.session.debugging.trace) == (step, trace)
    assert window.code.editor.toPlainText().startswith("import torch")
    window.actions_by_id["step.next_event"].trigger()
    assert window.session.debugging.step == step + 1
    with qtbot.waitSignal(window.rewritten):
        window.session.settings.language = "en"
    assert window.docks["code"].windowTitle() == "Code"


def test_larger_text_at_once_everywhere(window: MainWindow, qtbot: QtBot) -> None:
    def sizes() -> list[int]:
        window.docks["events"].raise_()
        parts = (window.code.editor, window.console.text, window.top_bar.step, window.statusBar(), window.events.table)
        return [part.font().pixelSize() for part in parts]

    usual, zoom = sizes(), window.canvas.view.scale_now
    with qtbot.waitSignal(window.rewritten):
        window.session.settings.text_scale = 150
    assert sizes() == [pytest.approx(size * 1.5, abs=0.5) for size in usual]
    qtbot.waitUntil(lambda: window.canvas.view.scale_now > zoom * 1.1)  # the panels beside it took some room
    assert window.canvas.isVisible()
    assert window.canvas.width() > 200


def test_the_timeline_has_room_for_larger_text(window: MainWindow, qtbot: QtBot) -> None:
    with qtbot.waitSignal(window.rewritten):
        window.session.settings.text_scale = 150
    view = window.timeline.view
    wanted: list[int] = []
    view.leaf_wanted.connect(wanted.append)
    places = range(0, view.viewport().height(), 3)
    for y in places:
        qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(30, y))
    first = wanted[0]
    assert wanted.count(first) * 3 == pytest.approx(38 * 1.5, abs=3)  # a row is taller by as much as the text
    name = QFontMetricsF(theme.mono_font(12)).horizontalAdvance("inp.grad")
    norm = QFontMetricsF(theme.ui_font(11)).horizontalAdvance("‖g‖")
    assert 20 + name + 6 + norm + 14 <= view.axis.left  # nothing is cut out of the name


def test_numbers_in_the_form_chosen_at_once(window: MainWindow, qtbot: QtBot) -> None:
    window.session.debugging.seek(window.session.debugging.last_step)
    inp = next(
        node
        for node in window.session.debugging.trace.leaves
        if window.session.debugging.trace.nodes[node].label == "inp"
    )
    row = list(window.session.debugging.trace.leaves).index(inp)

    def norm() -> str:
        return str(window.gradients.table.model().index(row, 2).data())

    before = norm()
    with qtbot.waitSignal(window.rewritten):
        window.session.settings.decimals = 4
        window.session.settings.exponent_from = 12
    assert norm() == norm_text(float(before)) or norm().startswith(before[:-1])
    assert len(norm()) == len(before) + 2
    assert norm_text(1234567.0) == "1234567"


def test_while_a_program_runs_the_window_stays(window: MainWindow, qtbot: QtBot) -> None:
    window.session.new_program("import time\nfor _ in range(600): time.sleep(0.1)\n")
    window.session.record()
    window.session.settings.language = "zh_CN"
    qtbot.wait(50)
    assert window.docks["code"].windowTitle() == "Code"
    with qtbot.waitSignal(window.rewritten, timeout=30_000):
        window.session.stop()
    assert window.docks["code"].windowTitle() == "代码"


def test_the_docks_stay_where_they_were(window: MainWindow, qtbot: QtBot) -> None:
    window.docks["gradients"].close()
    window.docks["inspector"].setFloating(True)
    with qtbot.waitSignal(window.rewritten):
        window.session.settings.language = "zh_CN"
    assert window.docks["gradients"].isHidden()
    assert window.docks["inspector"].isFloating()
    assert window.docks["inspector"].isVisible()


def test_nothing_of_what_was_there_before_stays(window: MainWindow, qtbot: QtBot) -> None:
    """Ten languages later there are as many widgets, actions and receivers as after the first change."""

    def counted() -> tuple[int, int, int]:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        session = window.session
        return (
            len(window.findChildren(QObject)),
            len(QApplication.allWidgets()),
            session.receivers(SIGNAL("trace_changed()")),
        )

    counts = []
    for language in ("zh_CN", "en") * 3:
        with qtbot.waitSignal(window.rewritten):
            window.session.settings.language = language
        qtbot.wait(150)
        counts.append(counted())
    assert counts[-1] == counts[1]
