"""What the canvas says while it shows no graph, in each state the session can be in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QColor, QPaintEvent, QRegion
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from gradviz.trace.events import Error, Op
from gradviz.trace.memory import MemoryTrace, TraceBuilder
from gradviz.trace.model import Source, Value
from gradviz_ui.canvas import situation
from gradviz_ui.canvas.panel import CanvasPanel
from gradviz_ui.canvas.situation import Situation
from gradviz_ui.program.document import Document
from gradviz_ui.session import Session
from gradviz_ui.session.recording import Outcome
from gradviz_ui.window.main_window import MainWindow

SECONDS = 20_000


def without_nodes(*, error: Error | None = None, complete: bool = True, operation: bool = True) -> MemoryTrace:
    """A recording of a program none of whose tensors asked for gradients."""
    builder = TraceBuilder()
    builder.add_source(Source("p.py", "x = torch.ones(2)\ny = x + 1\n"))
    if operation:
        x, y = (builder.add_value(Value(0, name, (2,), "float32")) for name in "xy")
        builder.emit(Op(step=0, name="add", inputs=(x,), outputs=(y,), file="p.py", line=2))
    if error is not None:
        builder.emit(error)
    builder.trace.complete = complete
    return builder.finish()


def raised(kind: str = "ValueError", message: str = "no {why}") -> Error:
    return Error(type=kind, message=message, file="p.py", line=2)


def ended(**how: object) -> Outcome:
    return Outcome(Path("p.gradviz"), **how)  # type: ignore[arg-type]


def state(
    trace: MemoryTrace | None = None, *, program: bool = True, outcome: Outcome | None = None, view: str = "backward"
) -> Callable[[Session], None]:
    """Puts a session into a state."""

    def put(session: Session) -> None:
        session.show_document(Document("x = 1\n\n", "p.py") if program else None)
        session.outcome = outcome
        if trace is not None:
            session.show_trace(trace)
        session.debugging.set_view(view)  # type: ignore[arg-type]
        session.recording_changed.emit()

    return put


TABLE: list[tuple[Callable[[Session], None], Situation, str, str]] = [
    (state(program=False), Situation.NOTHING_OPEN, "Nothing is open", "drop one here"),
    (state(), Situation.NOT_RECORDED, "Not recorded yet", "Ctrl+R"),
    (state(outcome=ended(stopped=True)), Situation.NOT_RECORDED, "Not recorded yet", "Ctrl+R"),
    (state(outcome=ended(trouble="No PyTorch here.")), Situation.REFUSED, "was not recorded", "No PyTorch here."),
    (
        state(without_nodes(complete=False), outcome=ended(trouble="Killed by signal 9.")),
        Situation.CRASHED, "process ended", "Killed by signal 9. Until then no operation worked on",
    ),
    (
        state(without_nodes(error=raised("SyntaxError", "invalid syntax"), operation=False)),
        Situation.SYNTAX, "did not run", "SyntaxError: invalid syntax",
    ),
    (
        state(without_nodes(error=raised("SyntaxError", "from eval"))),
        Situation.RAISED, "raised an error", "SyntaxError: from eval",
    ),
    (
        state(without_nodes(error=raised())),
        Situation.RAISED, "raised an error", "ValueError: no {why}\nUntil then no operation worked on a tensor",
    ),
    (
        state(without_nodes(error=raised(), operation=False), view="forward"),
        Situation.RAISED, "raised an error", "Until then no operation on tensors was recorded.",
    ),
    (
        state(without_nodes(complete=False), outcome=ended(stopped=True)),
        Situation.STOPPED, "Stopped", "Until the program was stopped, no operation worked on",
    ),
    (state(without_nodes(complete=False)), Situation.INCOMPLETE, "incomplete", "As far as it goes, no operation"),
    (state(without_nodes()), Situation.NO_NODES, "No backward graph", "ran to its end"),
    (state(without_nodes(), outcome=ended()), Situation.NO_NODES, "No backward graph", "requires_grad=True"),
    (
        state(without_nodes(operation=False), view="forward"),
        Situation.NO_OPERATIONS, "No operations", "no operation on tensors was recorded",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("put", "expected", "title", "text"), TABLE)
def test_each_state_says_what_is_so(
    empty: CanvasPanel, put: Callable[[Session], None], expected: Situation, title: str, text: str
) -> None:
    put(empty.session)
    assert situation.situation_of(empty.session) is expected
    assert empty.notice.isVisible()
    assert title in empty.notice.title.text()
    assert text in empty.notice.text.text()


def test_every_situation_has_its_words_and_is_in_the_table_or_below() -> None:
    assert situation.WORDS.keys() == set(Situation)
    below = {Situation.RECORDING, Situation.OPENING}
    assert {row[1] for row in TABLE} | below == set(Situation)


def test_the_button_goes_to_the_line_of_the_error(empty: CanvasPanel, qtbot: QtBot) -> None:
    state(without_nodes(error=raised()))(empty.session)
    assert empty.notice.accept_button.text() == "Go to line 2"
    with qtbot.waitSignal(empty.session.debugging.line_requested) as asked:
        QTest.mouseClick(empty.notice.accept_button, Qt.MouseButton.LeftButton)
    assert asked.args == ["p.py", 2]
    state(without_nodes())(empty.session)
    assert not empty.notice.accept_button.isVisible()


def test_a_forward_view_of_what_ran_is_a_picture_and_not_a_notice(empty: CanvasPanel) -> None:
    state(without_nodes(error=raised()), view="forward")(empty.session)
    assert empty.frame is not None
    assert not empty.notice.isVisible()
    empty.session.debugging.set_view("backward")
    assert empty.notice.isVisible()


@pytest.mark.parametrize("following", [None, without_nodes()])
def test_nothing_stays_of_the_graph_before(canvas: CanvasPanel, qtbot: QtBot, following: MemoryTrace | None) -> None:
    """All of the canvas is painted anew, and nothing of the graph is on the screen."""
    canvas.session.settings.follow = False
    canvas.view.zoom(0.6)
    qtbot.wait(50)
    canvas.view.pan(0, 150)
    qtbot.wait(50)
    canvas.view.pan(60, -40)
    qtbot.wait(50)
    assert canvas.view.item.painter is not None
    running = canvas.view.item.painter.ink.colors.running.name()
    handle = canvas.window().windowHandle()

    def colours() -> set[str]:
        image = handle.screen().grabWindow(canvas.winId()).toImage()
        return {image.pixelColor(x, y).name() for x in range(20, 840, 3) for y in range(60, 640)}

    assert running in colours()
    painted = Painted(canvas.view.viewport())
    if following is None:
        canvas.session.new_program("x = 1\n", "other.py")
    else:
        canvas.session.show_trace(following)
    qtbot.waitUntil(painted.whole)
    assert running not in colours()
    assert all(QColor(name).saturation() < 90 for name in colours()), "something of the graph is still there"


class Painted(QObject):
    """Gathers what is painted of a widget."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._widget = widget
        self.region = QRegion()
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QPaintEvent):
            self.region = self.region.united(event.region())
        return False

    def whole(self) -> bool:
        """Was every pixel painted? (`QRegion.contains` asks whether any was.)"""
        return QRegion(self._widget.rect()).subtracted(self.region).isEmpty()


SILENT = "import time\nprint('on')\nwhile True:\n    time.sleep(0.01)\n"
PROGRAMS = [
    ("x = (\n", Situation.SYNTAX),
    ("import torch\nx = torch.ones(2) + 1\nraise KeyError('gone')\n", Situation.RAISED),
    ("import torch\nprint(torch.ones(2) + 1)\n", Situation.NO_NODES),
    ("import os, signal\nos.kill(os.getpid(), getattr(signal, 'SIGKILL', 9))\n", Situation.CRASHED),
]


def test_programs_recorded_in_the_window_one_after_another(window: MainWindow, qtbot: QtBot) -> None:
    """Each of them after a graph that was there; the first words are those of a recording under way."""
    session, canvas = window.session, window.canvas
    graph = session.debugging.trace
    assert graph is not None
    for text, expected in PROGRAMS:
        session.new_program(text, "test.py")
        assert canvas.notice.title.text() == "Not recorded yet"
        session.record()
        assert canvas.notice.title.text() == "Recording…"
        qtbot.waitUntil(lambda: not session.recording and not session.loading, timeout=SECONDS)
        assert situation.situation_of(session) is expected, text
        assert canvas.notice.isVisible()
        assert canvas.notice.title.text() == situation.explain(session).title
        assert canvas.frame is None or not canvas.frame.scene.boxes
    session.new_program(SILENT, "test.py")
    session.record()
    qtbot.waitUntil(lambda: "on" in window.console.text.toPlainText(), timeout=SECONDS)
    qtbot.waitUntil(lambda: session.recorded_events > 0, timeout=SECONDS)
    assert "Events so far: 1." in canvas.notice.text.text()
    session.stop()
    qtbot.waitUntil(lambda: not session.recording and not session.loading, timeout=SECONDS)
    assert situation.situation_of(session) is Situation.STOPPED
    assert canvas.notice.title.text() == "Stopped"
