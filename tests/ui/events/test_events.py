"""The event table: every event in words, filtered, followed, and a way to go there."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from gradviz.trace.events import EVENT_TYPES, Accumulate, Flow
from gradviz.trace.memory import MemoryTrace
from gradviz_ui.events.model import CURRENT_ROLE, Column
from gradviz_ui.events.panel import EventsPanel
from gradviz_ui.session import Session
from gradviz_ui.window.main_window import MainWindow
from synthetic import training


@pytest.fixture
def panel(session: Session, basics: MemoryTrace, qtbot: QtBot) -> EventsPanel:
    made = EventsPanel(session.debugging)
    qtbot.addWidget(made)
    made.resize(900, 260)
    session.show_trace(basics)
    made.show()
    return made


def words(panel: EventsPanel) -> list[str]:
    model = panel.model
    return [str(model.index(row, Column.DESCRIPTION).data()) for row in range(model.rowCount())]


def test_every_event_has_a_row(panel: EventsPanel, basics: MemoryTrace) -> None:
    assert panel.model.rowCount() == len(basics.events)
    assert all(words(panel))
    row = [panel.model.index(57, column).data() for column in Column]
    assert row == [
        "58",
        "accumulate",
        "inp.grad accumulates: ‖\u00a011.31\u00a0‖ + ‖\u00a011.31\u00a0‖ gives (4, 5) ‖\u00a022.63\u00a0‖",
        "21",
    ]


def test_the_current_step_is_marked_and_in_sight(panel: EventsPanel, session: Session) -> None:
    for step in (70, 1, 35):
        session.debugging.seek(step)
        index = panel.model.index(step - 1, Column.STEP)
        assert index.data(CURRENT_ROLE)
        assert panel.table.viewport().rect().contains(panel.table.visualRect(index).center())
        assert index.data(Qt.ItemDataRole.AccessibleTextRole) == f"{step}, current step"


def test_a_click_and_return_go_there(panel: EventsPanel, session: Session, qtbot: QtBot) -> None:
    session.debugging.seek(1)
    place = panel.table.visualRect(panel.model.index(4, Column.DESCRIPTION)).center()
    qtbot.mouseClick(panel.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert session.debugging.step == 5
    panel.table.setFocus()
    qtbot.keyClick(panel.table, Qt.Key.Key_Down)
    assert session.debugging.step == 5, "moving in the table must not move in time"
    qtbot.keyClick(panel.table, Qt.Key.Key_Return)
    assert session.debugging.step == 6


def test_only_one_kind(panel: EventsPanel, session: Session, basics: MemoryTrace) -> None:
    panel.kinds.setCurrentIndex(panel.kinds.findData(Accumulate.kind))
    assert len(words(panel)) == 5
    assert panel.count.text() == "5 of 77"
    session.debugging.seek(60)
    assert panel.table.currentIndex().row() == 3, "the last row before the step"


def test_only_a_text(panel: EventsPanel, qtbot: QtBot) -> None:
    qtbot.keyClicks(panel.text, "ZERO_")
    qtbot.waitUntil(lambda: not panel.searching)
    assert words(panel) == ["inp.grad: zero_, ‖\u00a022.63\u00a0‖ → ‖\u00a00\u00a0‖"]
    panel.text.setText(":23")
    qtbot.waitUntil(lambda: not panel.searching)
    assert panel.model.rowCount() == 1
    panel.text.clear()
    assert panel.model.rowCount() == 77


def test_kinds_offered_are_those_of_the_trace(panel: EventsPanel, basics: MemoryTrace) -> None:
    offered = {panel.kinds.itemData(row) for row in range(panel.kinds.count())} - {None}
    assert offered == {event.kind for event in basics.events}
    assert offered < EVENT_TYPES.keys()


def test_without_a_trace_it_is_empty(session: Session, qtbot: QtBot) -> None:
    panel = EventsPanel(session.debugging)
    qtbot.addWidget(panel)
    panel.show()
    assert panel.model.rowCount() == 0
    assert panel.count.text() == "0 events"


def test_a_hundred_thousand_rows_are_searched_in_slices(panel: EventsPanel, session: Session, qtbot: QtBot) -> None:
    trace = training(nodes=24_000, calls=6, leaves=40)
    assert trace is not None
    assert len(trace.events) > 100_000
    session.show_trace(trace)
    flows = len([event for event in trace.events if isinstance(event, Flow)])
    panel.kinds.setCurrentIndex(panel.kinds.findData(Flow.kind))
    assert panel.model.rowCount() == flows
    panel.text.setText("layers.3.weight")
    assert panel.searching, "the search must not hold up the window"
    qtbot.waitUntil(lambda: not panel.searching, timeout=20_000)
    assert 0 < panel.model.rowCount() < flows


def test_brought_to_the_front_it_shows_the_current_step(window: MainWindow, qtbot: QtBot) -> None:
    window.session.debugging.seek(66)
    events = window.events
    assert events.visibleRegion().isEmpty()
    window.docks["events"].reveal()
    index = events.model.index(65, Column.STEP)
    qtbot.waitUntil(lambda: events.table.viewport().rect().contains(events.table.visualRect(index).center()))
