"""Whatever a person does in whatever order, the window stays sound: random sequences of actions."""

from __future__ import annotations

import gc
import os
import random
import threading

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt, QThreadPool
from PySide6.QtWidgets import QApplication, QDialog, QMessageBox
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from gradviz.trace.memory import MemoryTrace
from gradviz_ui import app, theme
from gradviz_ui.program.document import Document
from gradviz_ui.session import Selection
from gradviz_ui.settings import Settings
from gradviz_ui.window.actions import ACTIONS
from gradviz_ui.window.main_window import MainWindow

SEED = int(os.environ.get("GRADVIZ_SEED", random.randrange(10**6)))
"""Set GRADVIZ_SEED to run a failing sequence again; pytest prints the seed of a failing test."""

NOT_AT_RANDOM = {"file.quit", "file.open", "file.save", "file.save_program_as", "file.save_trace", "file.export"}
"""These open the system's dialogs, which tests must not."""
PRESSED = (
    Qt.Key.Key_Right,
    Qt.Key.Key_Left,
    Qt.Key.Key_Down,
    Qt.Key.Key_Up,
    Qt.Key.Key_Home,
    Qt.Key.Key_End,
    Qt.Key.Key_Tab,
    Qt.Key.Key_Escape,
    Qt.Key.Key_Return,
    Qt.Key.Key_A,
)


class Person:
    """Does things at random, and checks after each that what is shown hangs together."""

    def __init__(self, window: MainWindow, qtbot: QtBot, seed: int) -> None:
        self.window, self.qtbot, self.random = window, qtbot, random.Random(seed)
        self.done: list[str] = []

    def act(self) -> None:
        """One thing at random."""
        getattr(self, self.random.choice(["action", "action", "key", "seek", "select", "tab", "resize"]))()
        QApplication.processEvents()
        self.close_dialogs()
        self.check()

    def action(self) -> None:
        """An action of the table that can be done now."""
        rows = [row for row in ACTIONS if row.id not in NOT_AT_RANDOM]
        row = self.random.choice(rows)
        self.done.append(row.id)
        if row.id not in ("record.start", "record.pytorch"):
            self.window.actions_by_id[row.id].trigger()

    def key(self) -> None:
        """A key where the focus is."""
        key = self.random.choice(PRESSED)
        self.done.append(f"key {key.name}")
        self.qtbot.keyClick(QApplication.focusWidget() or self.window, key)

    def seek(self) -> None:
        """A jump in time."""
        step = self.random.randint(-2, self.window.session.debugging.last_step + 2)
        self.done.append(f"seek {step}")
        self.window.session.debugging.seek(step)

    def select(self) -> None:
        """A click on a node or an edge, or beside them."""
        trace = self.window.session.debugging.trace
        node = self.random.choice([None, *range(len(trace.nodes))]) if trace is not None else None
        self.done.append(f"select {node}")
        self.window.session.debugging.select(Selection(node=node), reveal=self.random.random() < 0.3)

    def tab(self) -> None:
        """Another panel to the front, shown, hidden or detached."""
        dock = self.random.choice(list(self.window.docks.values()))
        what = self.random.choice(["reveal", "close", "toggle_floating"])
        self.done.append(f"{what} {dock.objectName()}")
        getattr(dock, what)()

    def resize(self) -> None:
        """Another size of the window."""
        size = self.random.randint(900, 1900), self.random.randint(560, 1100)
        self.done.append(f"resize {size}")
        self.window.resize(*size)

    def close_dialogs(self) -> None:
        """Whatever opened is closed again."""
        for widget in QApplication.topLevelWidgets():
            if isinstance(widget, QDialog) and widget.isVisible():
                widget.reject()
        popup = QApplication.activePopupWidget()
        if popup is not None:
            popup.close()

    def check(self) -> None:
        """The bar, the code pane and the console agree with the session."""
        window, session = self.window, self.window.session
        assert 0 <= session.debugging.step <= session.debugging.last_step
        assert window.actions_by_id["step.next_event"].isEnabled() == (
            session.debugging.step < session.debugging.last_step
        )
        if session.debugging.trace is not None and session.debugging.playhead is not None:
            assert f"{session.debugging.step} / {session.debugging.last_step}" in window.top_bar.step.text()
            printed = "".join(text for text, _ in session.debugging.playhead.output())
            assert window.console.text.toPlainText() == printed
        assert window.isWindowModified() == (session.document is not None and session.document.modified)


@pytest.fixture(autouse=True)
def _nobody_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unsaved edits are discarded, and boxes that wait for an answer get one."""
    monkeypatch.setattr(QMessageBox, "exec", lambda box: QMessageBox.StandardButton.Discard)
    monkeypatch.setattr(QMessageBox, "about", lambda *arguments: None)


@pytest.mark.parametrize("round", range(3))
def test_random_actions_leave_the_window_sound(window: MainWindow, qtbot: QtBot, round: int) -> None:
    seed = SEED + round
    print(f"GRADVIZ_SEED={seed}")
    person = Person(window, qtbot, seed)
    try:
        for _ in range(150):
            person.act()
    except BaseException:
        print("\n".join(person.done[-25:]))
        raise
    finally:
        window.session.settings.theme = "dark"
    assert theme.current().dark


def test_a_closed_window_leaves_nothing_behind(settings: Settings, basics: MemoryTrace, qtbot: QtBot) -> None:
    def once() -> MainWindow:
        window = app.make_window(settings)
        window.session.show_document(Document.from_source(basics.sources[0]))
        window.session.show_trace(basics)
        window.show()
        qtbot.wait(50)
        window.palette_box.enter()
        window.actions_by_id["help.keys"].trigger()
        window.session.debugging.toggle_playing()
        window.close()
        window.deleteLater()
        return window

    once()
    _collect()
    widgets, threads = len(QApplication.allWidgets()), threading.active_count()
    for _ in range(3):
        window = once()
        _collect()
        assert not isValid(window)
        del window
    _collect()
    assert len(QApplication.allWidgets()) <= widgets
    assert threading.active_count() <= threads
    assert QThreadPool.globalInstance().activeThreadCount() == 0


def _collect() -> None:
    for _ in range(3):
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        QApplication.processEvents()
        gc.collect()
