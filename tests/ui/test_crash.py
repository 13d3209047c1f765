"""A fault of gradviz itself becomes a report."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from gradviz_ui.crash import CrashReporter


@pytest.fixture
def reporter(qtbot: QtBot) -> Iterator[CrashReporter]:
    """A reporter that is installed for one test."""
    hooks = sys.excepthook, threading.excepthook
    made = CrashReporter()
    made.install()
    yield made
    sys.excepthook, threading.excepthook = hooks
    for box in boxes():
        box.done(0)


def boxes() -> list[QMessageBox]:
    """The reports on the screen."""
    return [box for box in QApplication.topLevelWidgets() if isinstance(box, QMessageBox) and box.isVisible()]


def fail() -> None:
    """Something that goes wrong."""
    raise RuntimeError("the sky fell")


def test_an_exception_is_told_in_words_and_can_be_copied(
    reporter: CrashReporter, qtbot: QtBot, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        fail()
    except RuntimeError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    qtbot.waitUntil(lambda: bool(boxes()))
    (box,) = boxes()
    assert "Traceback" not in box.text() + box.informativeText()
    assert box.informativeText() == "RuntimeError: the sky fell"
    copy = next(button for button in box.findChildren(QPushButton) if button.text() == "Copy report")
    copy.click()
    assert box.isVisible()
    report = QApplication.clipboard().text()
    assert "in fail" in report
    assert "gradviz" in report.splitlines()[0]
    assert "RuntimeError: the sky fell" in capsys.readouterr().err


def test_one_report_at_a_time_also_from_other_threads(reporter: CrashReporter, qtbot: QtBot) -> None:
    for _ in range(3):
        thread = threading.Thread(target=_reported_by_hook)
        thread.start()
        thread.join()
    qtbot.waitUntil(lambda: bool(boxes()))
    qtbot.wait(50)
    assert len(boxes()) == 1


def _reported_by_hook() -> None:
    try:
        fail()
    except RuntimeError as error:
        threading.excepthook(
            threading.ExceptHookArgs((type(error), error, error.__traceback__, threading.current_thread()))
        )
