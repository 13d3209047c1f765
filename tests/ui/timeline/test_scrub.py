"""Scrub requests that are out of date are dropped."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from gradviz_ui.timeline.scrub import Scrubber


def test_the_first_goes_at_once_and_of_the_rest_only_the_newest(qtbot: QtBot) -> None:
    scrubber, passed = Scrubber(), []
    scrubber.step_wanted.connect(passed.append)
    for step in range(10):
        scrubber.want(step)
    assert passed == [0]
    qtbot.waitUntil(lambda: passed == [0, 9])


def test_after_a_pause_a_step_goes_at_once_again(qtbot: QtBot) -> None:
    scrubber, passed = Scrubber(), []
    scrubber.step_wanted.connect(passed.append)
    scrubber.want(1)
    qtbot.wait(60)
    scrubber.want(2)
    assert passed == [1, 2]
