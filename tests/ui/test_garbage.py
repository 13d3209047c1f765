"""Garbage ends on the window's thread, whichever thread made Python look for it."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from gradviz_ui.garbage import Collector


class Held(QObject):
    """Refers to itself, as pyqtgraph's items do, and notes on which thread it ends."""

    def __init__(self, ended: list[str]) -> None:
        super().__init__()
        self.me = self
        weakref.finalize(self, lambda: ended.append(threading.current_thread().name)).atexit = False


@pytest.fixture
def collector(qtbot: QtBot) -> Iterator[Collector]:
    enabled = gc.isenabled()
    gc.enable()
    made = Collector()
    yield made
    made.stop()
    KEPT.clear()
    assert gc.isenabled()
    if not enabled:
        gc.disable()


def make_much(kept: list[object]) -> None:
    """What makes Python look for garbage, if it looks by itself."""
    kept += [[number] for number in range(200_000)]


def end_one_beside_a_worker() -> list[str]:
    """The names of the threads on which a widget in a cycle has ended once a worker has made much."""
    ended: list[str] = []
    gc.collect()
    Held(ended)
    worker = threading.Thread(target=make_much, args=[KEPT], name="worker")
    worker.start()
    worker.join()
    return ended


KEPT: list[object] = []


def test_python_alone_ends_them_wherever_it_is(collector: Collector) -> None:
    assert end_one_beside_a_worker() == ["worker"]


def test_widgets_in_cycles_end_on_the_windows_thread(collector: Collector, qtbot: QtBot) -> None:
    collector.start()
    ended = end_one_beside_a_worker()
    assert ended == []
    qtbot.waitUntil(lambda: ended == [threading.current_thread().name])
