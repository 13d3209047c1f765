"""A side of a debugger: what its panels look at is theirs alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from gradviz.replay.moves import Move
from gradviz.trace.memory import MemoryTrace
from gradviz_ui.events.panel import EventsPanel
from gradviz_ui.inspector.gradients import GradientsPanel
from gradviz_ui.session import NOTHING, Debugging, Selection
from gradviz_ui.session.background import Background
from gradviz_ui.session.opening import playhead_at
from gradviz_ui.timeline.panel import TimelinePanel


@pytest.fixture
def sides(basics: MemoryTrace, qtbot: QtBot) -> Iterator[tuple[Debugging, Debugging]]:
    """Two sides that look at the same trace, each at its start."""
    background = Background()
    made = Debugging(background), Debugging(background)
    for side in made:
        side.show(playhead_at(basics, 0))
    yield made
    background.close()


def test_two_sides_do_not_disturb_each_other(sides: tuple[Debugging, Debugging], qtbot: QtBot) -> None:
    one, other = sides
    timelines = [TimelinePanel(side) for side in sides]
    for panel in (*timelines, EventsPanel(one), EventsPanel(other), GradientsPanel(one), GradientsPanel(other)):
        qtbot.addWidget(panel)
        panel.show()
    leaf = one.trace.leaves[0] if one.trace is not None else -1
    one.move(Move.NEXT_CALL)
    one.select(Selection(node=leaf), reveal=True)
    one.toggle_breakpoint_node(leaf)
    one.set_view("forward")
    assert (one.step, one.selection.node, one.breakpoints.nodes, one.view) == (6, leaf, {leaf}, "forward")
    assert (other.step, other.selection, other.breakpoints.nodes, other.view) == (0, NOTHING, set(), "backward")
    assert timelines[0].view.accessibleDescription().startswith("6 / 77: loss.backward()")
    assert timelines[1].view.accessibleDescription() == ""


def test_another_trace_ends_what_spoke_of_the_one_before(
    sides: tuple[Debugging, Debugging], basics: MemoryTrace
) -> None:
    side, _ = sides
    told: list[str] = []
    side.trace_changed.connect(lambda: told.append("trace"))
    side.select(Selection(node=1))
    side.toggle_breakpoint_node(1)
    side.toggle_breakpoint_line("a.py", 3)
    side.toggle_playing()
    side.show(playhead_at(basics, 4))
    assert (side.step, side.selection, side.playing, told) == (4, NOTHING, False, ["trace"])
    assert (side.breakpoints.nodes, side.breakpoints.lines) == (set(), {("a.py", 3)})
    side.show(None)
    assert (side.trace, side.playhead, side.step, side.last_step) == (None, None, 0, 0)
