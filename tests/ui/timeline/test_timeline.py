"""The timeline in use: dragging, clicking, zooming, keys, tips, and what is painted where."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gradviz.trace.events import Accumulate, Error, Mark
from gradviz.trace.memory import MemoryTrace, TraceBuilder
from gradviz_ui import theme
from gradviz_ui.session import Selection, Session
from gradviz_ui.timeline import painting
from gradviz_ui.timeline.panel import TimelinePanel
from gradviz_ui.timeline.view import TimelineView
from recorded import recorded
from synthetic import Scribe, training

SPAN_MIDDLE = round(painting.SPAN_TOP + painting.SPAN_HEIGHT / 2)
LANES = 120


@pytest.fixture
def panel(session: Session, basics: MemoryTrace, qtbot: QtBot) -> TimelinePanel:
    made = TimelinePanel(session.debugging)
    qtbot.addWidget(made)
    made.resize(1000, 220)
    session.show_trace(basics)
    made.show()
    return made


def at(view: TimelineView, step: float, y: int = LANES) -> QPoint:
    return QPoint(round(view.axis.x(step)), y)


def test_a_click_seeks_to_the_nearest_step(panel: TimelinePanel, session: Session, qtbot: QtBot) -> None:
    qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=at(panel.view, 41.3))
    assert session.debugging.step == 41


def test_dragging_scrubs_and_drops_what_is_out_of_date(panel: TimelinePanel, session: Session, qtbot: QtBot) -> None:
    viewport, seen = panel.view.viewport(), []
    session.debugging.step_changed.connect(lambda change: seen.append(change.new))
    qtbot.mousePress(viewport, Qt.MouseButton.LeftButton, pos=at(panel.view, 5))
    for step in range(6, 71):
        qtbot.mouseMove(viewport, at(panel.view, step))
    QApplication.processEvents()
    qtbot.waitUntil(lambda: session.debugging.step == 70)
    assert len(seen) < 40, "every place of the pointer was sought"
    qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=at(panel.view, 70))
    assert session.debugging.step == 70


def test_dragging_past_the_ends_stays_in_the_trace(panel: TimelinePanel, session: Session, qtbot: QtBot) -> None:
    viewport = panel.view.viewport()
    qtbot.mousePress(viewport, Qt.MouseButton.LeftButton, pos=at(panel.view, 60))
    qtbot.mouseMove(viewport, QPoint(5000, LANES))
    qtbot.waitUntil(lambda: session.debugging.step == session.debugging.last_step)
    qtbot.mouseMove(viewport, QPoint(-5000, LANES))
    qtbot.waitUntil(lambda: session.debugging.step == 0)
    qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton)


def test_a_click_on_a_span_goes_to_its_first_step(panel: TimelinePanel, session: Session, qtbot: QtBot) -> None:
    strip = panel.view.strip
    assert strip is not None
    span = next(span for span in strip.spans.spans if span.call == 3)
    place = at(panel.view, (span.start + span.end) / 2, SPAN_MIDDLE)
    qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert session.debugging.step == span.start


def test_a_drag_that_begins_on_a_span_scrubs(panel: TimelinePanel, session: Session, qtbot: QtBot) -> None:
    viewport = panel.view.viewport()
    qtbot.mousePress(viewport, Qt.MouseButton.LeftButton, pos=at(panel.view, 10, SPAN_MIDDLE))
    qtbot.mouseMove(viewport, at(panel.view, 20, SPAN_MIDDLE))
    qtbot.waitUntil(lambda: session.debugging.step == 20)
    qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=at(panel.view, 20, SPAN_MIDDLE))
    assert session.debugging.step == 20


def test_a_double_click_on_a_span_fills_the_width_with_it(panel: TimelinePanel, qtbot: QtBot) -> None:
    viewport = panel.view.viewport()
    qtbot.mouseDClick(viewport, Qt.MouseButton.LeftButton, pos=at(panel.view, 50, SPAN_MIDDLE))
    assert (panel.view.axis.first, panel.view.axis.last) == (46, 60)
    qtbot.mouseDClick(viewport, Qt.MouseButton.LeftButton, pos=QPoint(400, LANES))
    assert (panel.view.axis.first, panel.view.axis.last) == (0, 77)


def wheel(view: TimelineView, place: QPoint, turned: QPoint) -> None:
    viewport = view.viewport()
    event = QWheelEvent(
        QPointF(place), QPointF(viewport.mapToGlobal(place)), QPoint(), turned, Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(viewport, event)


def test_a_double_click_leaves_the_playhead_where_it_was(panel: TimelinePanel, session: Session, qtbot: QtBot) -> None:
    """As the mouse sends it: press, release, double click, release; on a span and between the lanes."""
    session.debugging.seek(12)
    viewport, left = panel.view.viewport(), Qt.MouseButton.LeftButton
    for place in (at(panel.view, 50, SPAN_MIDDLE), at(panel.view, 50)):
        qtbot.mouseClick(viewport, left, pos=place)
        assert session.debugging.step != 12
        qtbot.mouseDClick(viewport, left, pos=place)
        qtbot.mouseRelease(viewport, left, pos=place)
        qtbot.wait(40)
        assert session.debugging.step == 12


def test_keys_step_through_the_session_and_zoom(panel: TimelinePanel, session: Session, qtbot: QtBot) -> None:
    session.debugging.seek(10)
    for key, step in (
        (Qt.Key.Key_Right, 11), (Qt.Key.Key_Left, 10), (Qt.Key.Key_End, 77), (Qt.Key.Key_Home, 0),
    ):  # fmt: skip
        qtbot.keyClick(panel.view, key)
        assert session.debugging.step == step
    qtbot.keyClick(panel.view, Qt.Key.Key_Plus)
    assert panel.view.axis.steps_shown < 77
    qtbot.keyClick(panel.view, Qt.Key.Key_0)
    assert panel.view.axis.steps_shown == 77


def test_zoomed_in_the_view_follows_the_playhead(panel: TimelinePanel, session: Session) -> None:
    session.debugging.seek(5)
    panel.view.zoom(6)
    assert panel.view.axis.last < 40
    session.debugging.seek(60)
    assert panel.view.axis.first < 60 < panel.view.axis.last


def test_a_click_on_a_leafs_name_selects_it(
    panel: TimelinePanel, session: Session, basics: MemoryTrace, qtbot: QtBot
) -> None:
    y = round(painting.HEAD_HEIGHT + painting.LANE_HEIGHT * 2.5)
    qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(30, y))
    assert session.debugging.selection == Selection(node=basics.leaves[2])


def test_tips_tell_the_event_and_the_span(panel: TimelinePanel) -> None:
    assert panel.view.tip_at(QPointF(at(panel.view, 58))) == (
        "b.grad  ‖g‖ 0.271\n58  inp.grad accumulates: "
        "‖\u00a011.31\u00a0‖ + ‖\u00a011.31\u00a0‖ gives (4, 5) ‖\u00a022.63\u00a0‖"
    )
    below = QPointF(at(panel.view, 3, 215))
    assert panel.view.tip_at(below).startswith("3  loss = ")
    assert panel.view.tip_at(QPointF(at(panel.view, 50, SPAN_MIDDLE))) == "out.backward() · call 3, steps 47 to 60"
    assert panel.view.tip_at(QPointF(3, LANES)) == ""


def test_a_screen_reader_hears_the_step_and_the_event(panel: TimelinePanel, session: Session) -> None:
    session.debugging.seek(62)
    assert panel.view.accessibleDescription() == "62 / 77: inp.grad: zero_, ‖\u00a022.63\u00a0‖ → ‖\u00a00\u00a0‖"


def colour_at(panel: TimelinePanel, x: float, y: float) -> str:
    return panel.view.viewport().grab().toImage().pixelColor(round(x), round(y)).name()


def test_the_span_under_the_playhead_stands_out(panel: TimelinePanel, session: Session) -> None:
    y = painting.SPAN_TOP + 3
    session.debugging.seek(3)
    x = panel.view.axis.x(58.5)
    ahead = colour_at(panel, x, y)
    session.debugging.seek(50)
    current = colour_at(panel, x, y)
    session.debugging.seek(77)
    past = colour_at(panel, x, y)
    assert len({ahead, current, past}) == 3


def test_a_lane_rises_where_the_gradient_does(panel: TimelinePanel, session: Session) -> None:
    session.debugging.seek(0)
    top = painting.HEAD_HEIGHT + 2 * painting.LANE_HEIGHT + painting.LANE_BASE - painting.LANE_RISE / 4
    background = theme.current().panel.name()
    axis = panel.view.axis
    assert colour_at(panel, axis.x(30), top) == background
    assert colour_at(panel, axis.x(50), top) != background
    assert colour_at(panel, axis.x(68), top) == background


def test_only_the_playheads_strip_is_painted_anew(panel: TimelinePanel, session: Session) -> None:
    session.debugging.seek(48)
    panel.view.viewport().grab()
    layer = panel.view._layer
    session.debugging.seek(49)
    panel.view.viewport().grab()
    assert panel.view._layer is layer


def troubled() -> MemoryTrace:
    """One leaf with a NaN gradient, a mark and an error."""
    builder = TraceBuilder()
    scribe = Scribe(builder, "p.py")
    leaf = scribe.parameter("x", (2,))
    builder.emit(Mark(step=0, name="epoch 1"))
    scribe.backward(leaf, np.array([np.nan, 1], np.float32), {}, line=1)
    builder.emit(Error(step=0, type="ValueError", message="no", file="p.py", line=3))
    return builder.finish()


def test_nan_and_errors_are_red(panel: TimelinePanel, session: Session) -> None:
    session.show_trace(troubled(), step=0)
    image = panel.view.viewport().grab().toImage()
    red, axis = theme.current().error.name(), panel.view.axis
    y = round(panel.view.head_height + painting.LANE_BASE - painting.LANE_RISE)
    near = {image.pixelColor(round(axis.x(4.5)), y + dy).name() for dy in (-1, 0, 1)}
    assert red in near
    column = round(axis.x(6))
    assert any(image.pixelColor(column + dx, y).name() == red for dx in (-1, 0, 1) for y in range(60, 200))


def test_no_trace_shows_an_empty_strip(session: Session, qtbot: QtBot) -> None:
    panel = TimelinePanel(session.debugging)
    qtbot.addWidget(panel)
    panel.resize(600, 200)
    panel.show()
    qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(300, LANES))
    assert not panel.grab().isNull()
    assert session.debugging.step == 0


def test_a_long_trace_is_read_aside(panel: TimelinePanel, session: Session, qtbot: QtBot) -> None:
    trace = training(nodes=20_000, calls=12, leaves=200)
    assert trace is not None
    session.show_trace(trace)
    assert panel.reading
    qtbot.waitUntil(lambda: not panel.reading, timeout=20_000)
    assert panel.view.verticalScrollBar().maximum() > 0


def test_many_leaves_scroll(panel: TimelinePanel, session: Session, qtbot: QtBot) -> None:
    trace = training(nodes=400, calls=2, leaves=60)
    assert trace is not None
    session.show_trace(trace)
    wheel(panel.view, QPoint(20, LANES), QPoint(0, -1200))
    assert panel.view.verticalScrollBar().value() > 0
    y = round(painting.HEAD_HEIGHT + 5)
    qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(30, y))
    assert session.debugging.selection.node in trace.leaves[5:]


def test_two_sums_of_a_leaf_are_marked_where_they_happen(panel: TimelinePanel, basics: MemoryTrace) -> None:
    strip = panel.view.strip
    assert strip is not None
    lane, highest = strip.lane(basics.leaves[2])
    expected = [(e.step, e.mode) for e in basics.events if isinstance(e, Accumulate) and e.leaf == basics.leaves[2]]
    assert [(mark.step, mark.kind) for mark in lane.marks if mark.kind != "zeroed"] == expected
    assert highest == pytest.approx(22.627, abs=1e-3)


def test_a_call_that_raised_is_red_wherever_the_playhead_is(
    panel: TimelinePanel, session: Session, tmp_path: Path
) -> None:
    text = "import torch\nw = torch.ones(2, requires_grad=True)\ny = w.exp()\ny.add_(1)\ny.sum().backward()\n"
    trace = recorded(tmp_path, text)
    session.show_trace(trace)
    view = panel.view
    assert view.strip is not None
    spans = view.strip.spans.spans
    assert [(span.kind, span.failed, span.title) for span in spans] == [
        ("forward", False, "forward"),
        ("backward", True, "backward()"),
        ("error", False, "RuntimeError"),
    ]
    red, panel_colour = theme.current().error, theme.current().panel
    strong = 0.34
    middle = view.axis.x((spans[1].start + spans[1].end) / 2)
    for step in (spans[1].start, spans[1].end + 1):
        session.debugging.seek(step)
        assert colour_at(panel, middle, painting.SPAN_TOP + 17) == theme.mix(panel_colour, red, strong).name()


def test_a_zeroing_has_its_name_below_where_its_span_is_too_small(panel: TimelinePanel, session: Session) -> None:
    """The words stand in the ruler, in the zeroing's colour, and no number is written over them."""
    session.debugging.seek(0)
    view, image = panel.view, panel.view.viewport().grab().toImage()
    assert view.strip is not None
    zero = next(i for i, span in enumerate(view.strip.spans.spans) if span.kind == "zero")
    assert view.strip.texts(zero) == ("zero_",)
    x, red = view.axis.x(view.strip.spans.spans[zero].start - 0.5), theme.current().zero
    top = round(painting.RULER_TOP + 5)
    shades = [image.pixelColor(round(x) + dx, top + dy) for dx in range(-14, 14) for dy in range(12)]
    assert sum(shade.red() > shade.blue() + 60 and shade.red() > red.red() * 0.6 for shade in shades) > 8
    numbers = theme.current().faint
    assert not any(shade == numbers for shade in shades)
