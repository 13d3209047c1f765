"""What search and lists find on the canvas: in sight, readable, with nothing over it, and marked for a moment."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPointF, QRectF, Qt
from pytestqt.qtbot import QtBot

from gradviz.replay.index import index_of
from gradviz.trace.events import BackwardBegin
from gradviz.trace.memory import MemoryTrace
from gradviz_ui import theme
from gradviz_ui.canvas.panel import CanvasPanel
from gradviz_ui.canvas.view import BOTTOM_ROOM, FIRST_SCALE, READABLE, TOP_ROOM
from gradviz_ui.session import Selection
from gradviz_ui.window.main_window import MainWindow
from recorded import recorded
from synthetic import training

from .conftest import box_named

LOOP = """\
import torch
w = torch.ones(2, requires_grad=True)
for i in range(60):
    (w * i).exp().sum().backward()
"""


@pytest.fixture
def large(empty: CanvasPanel, qtbot: QtBot) -> CanvasPanel:
    """A graph far too large to be read as a whole, at its second call."""
    trace = training(nodes=900, calls=2, leaves=6)
    assert trace is not None
    second = [event.step for event in trace.events if isinstance(event, BackwardBegin)][1]
    empty.session.show_trace(trace, second)
    qtbot.waitUntil(lambda: empty.frame is not None, timeout=15000)
    return empty


def seen(canvas: CanvasPanel, area: QRectF) -> QRectF:
    return QRectF(canvas.view.mapFromScene(area).boundingRect())


def assert_in_the_open(canvas: CanvasPanel, area: QRectF) -> None:
    """All of it is in sight, readable, and neither under the controls, the legend nor the minimap."""
    place = seen(canvas, area)
    assert canvas.view.scale_now >= READABLE
    assert QRectF(canvas.view.viewport().rect()).contains(place)
    for floating in (canvas.controls, canvas.legend, canvas.minimap):
        assert floating.isVisible()
        assert not place.intersects(QRectF(floating.geometry())), floating.objectName()


def box_rect(canvas: CanvasPanel, node: int) -> QRectF:
    assert canvas.frame is not None
    return QRectF(*canvas.frame.scene.box_bounds(canvas.frame.scene.boxes_of_node[node][0]))


@pytest.mark.parametrize("scale", [0.01, 0.3, 1.0, 6.0])
def test_any_node_is_brought_into_the_open_from_anywhere(large: CanvasPanel, scale: float) -> None:
    trace = large.session.debugging.trace
    assert trace is not None
    for node in range(0, len(trace.nodes), 97):
        large.view.set_scale(scale)
        large.view.look_at(QPointF(0, 0))
        large.session.debugging.select(Selection(node=node), reveal=True)
        assert_in_the_open(large, box_rect(large, node))


def test_what_is_in_the_open_already_stays_where_it_is(large: CanvasPanel) -> None:
    large.session.debugging.select(Selection(node=40), reveal=True)
    shown = large.view.shown
    large.session.debugging.select(Selection(node=40), reveal=True)
    assert large.view.shown == shown


def test_what_lies_under_the_minimap_is_moved_out_from_there(large: CanvasPanel) -> None:
    large.view.set_scale(1.0)
    area = box_rect(large, 40)
    corner = QRectF(large.minimap.geometry()).center() - QRectF(large.view.viewport().rect()).center()
    large.view.look_at(area.center() - corner)
    assert seen(large, area).intersects(large.view.corner)
    large.session.debugging.select(Selection(node=40), reveal=True)
    assert_in_the_open(large, area)


def test_an_edge_is_revealed_at_its_middle(large: CanvasPanel) -> None:
    assert large.frame is not None
    edge = max(large.frame.scene.link_of_edge, key=lambda each: large.frame.scene.link_of_edge[each])  # type: ignore[union-attr]
    large.view.set_scale(0.01)
    large.session.debugging.select(Selection(edge=edge), reveal=True)
    link = large.frame.scene.link_of_edge[edge]
    middle = QPointF(*large.frame.scene.middle(link))
    assert_in_the_open(large, QRectF(middle, middle).adjusted(-5, -5, 5, 5))
    assert large.flash.now.links == {link}


def test_it_is_marked_for_a_moment_and_the_mark_fades(canvas: CanvasPanel, qtbot: QtBot) -> None:
    canvas.session.settings.motion = "full"
    box = box_named(canvas, "PowBackward0")
    assert canvas.frame is not None
    canvas.session.debugging.select(Selection(node=canvas.frame.scene.boxes[box].nodes[0]), reveal=True)
    assert canvas.flash.now.boxes == {box}
    strengths: list[float] = []
    canvas.flash.changed.connect(lambda flash: strengths.append(flash.strength))
    ring = seen(canvas, QRectF(*canvas.frame.scene.box_bounds(box))).left() - 3
    middle = seen(canvas, QRectF(*canvas.frame.scene.box_bounds(box))).center().y()
    blue = theme.current().link
    pixel = canvas.view.viewport().grab().toImage().pixelColor(round(ring), round(middle))
    assert abs(pixel.blue() - blue.blue()) < 90
    assert pixel.blue() > pixel.red()
    qtbot.waitUntil(lambda: not canvas.flash.now.boxes, timeout=10_000)
    assert len(set(strengths)) > 3
    assert strengths == sorted(strengths, reverse=True)


def test_with_reduced_motion_the_mark_stands_still_and_then_is_gone(canvas: CanvasPanel, qtbot: QtBot) -> None:
    canvas.session.settings.motion = "reduced"
    strengths: list[float] = []
    canvas.flash.changed.connect(lambda flash: strengths.append(flash.strength))
    canvas.session.debugging.select(Selection(node=2), reveal=True)
    qtbot.waitUntil(lambda: not canvas.flash.now.boxes, timeout=10_000)
    assert strengths == [1.0, 0.0]


def test_zeroing_flashes_in_the_colour_of_zeroing(canvas: CanvasPanel) -> None:
    canvas.session.settings.motion = "full"
    trace = canvas.session.debugging.trace
    assert trace is not None
    inp = box_named(canvas, "inp")
    zeroed = index_of(trace).kinds["grad_write"][0]
    canvas.session.debugging.seek(zeroed)
    assert (canvas.flash.now.boxes, canvas.flash.now.role) == ({inp}, "zero")
    canvas.flash.stop()
    canvas.session.settings.motion = "reduced"
    canvas.session.debugging.seek(zeroed - 1)
    canvas.session.debugging.seek(zeroed)
    assert not canvas.flash.now.boxes


def test_search_leads_into_the_open(window: MainWindow, qtbot: QtBot) -> None:
    trace = training(nodes=900, calls=2, leaves=6)
    assert trace is not None
    window.resize(1440, 900)
    window.session.show_trace(trace)
    qtbot.waitUntil(lambda: window.canvas.frame is not None, timeout=15000)
    window.canvas.fit()
    window.palette_box.enter()
    name = trace.nodes[trace.leaves[-1]].label or ""
    qtbot.keyClicks(window.palette_box.field, name)
    qtbot.keyClick(window.palette_box.field, Qt.Key.Key_Return)
    found = window.session.debugging.selection.node
    assert found is not None
    assert_in_the_open(window.canvas, box_rect(window.canvas, found))
    assert window.canvas.flash.now.boxes


@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_large_graph_starts_at_the_call_that_begins(empty: CanvasPanel, qtbot: QtBot, call: int) -> None:
    """With the call's own first node in the open, be it the first call, one in between or the last."""
    trace = training(nodes=900, calls=3, leaves=6)
    assert trace is not None
    begin = next(event for event in trace.events if isinstance(event, BackwardBegin) and event.call == call)
    empty.session.show_trace(trace, begin.step)
    qtbot.waitUntil(lambda: empty.frame is not None, timeout=15000)
    assert not empty.view.fitted
    assert_in_the_open(empty, box_rect(empty, begin.roots[0].node))


def test_a_long_training_loop_opens_at_its_first_call(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    """Canvas, inspector and step speak of the same call."""
    text = (
        "import torch\nw = torch.ones(2, requires_grad=True)\nfor i in range(60):\n    (w * i).exp().sum().backward()\n"
    )
    recorded(tmp_path, text)
    window.session.open(tmp_path / "p.py.gradviz")
    session, canvas = window.session, window.canvas
    qtbot.waitUntil(
        lambda: session.debugging.trace is not None and len(session.debugging.trace.nodes) > 150, timeout=15000
    )
    qtbot.waitUntil(lambda: canvas.frame is not None and canvas.frame.trace is session.debugging.trace, timeout=15000)
    assert session.debugging.playhead is not None
    begin = session.debugging.playhead.event
    assert isinstance(begin, BackwardBegin)
    assert begin.call == 1
    assert canvas.view.sees(box_rect(canvas, begin.roots[0].node))
    assert session.debugging.selection.node in (None, begin.roots[0].node)


@pytest.mark.parametrize("size", [(520, 470), (860, 700), (1200, 500), (600, 900)])
def test_a_small_graph_is_fitted_beside_what_floats_over_it(
    canvas: CanvasPanel, basics: MemoryTrace, size: tuple[int, int]
) -> None:
    canvas.resize(*size)
    canvas.fit()
    assert canvas.frame is not None
    for box in range(len(canvas.frame.scene.boxes)):
        place = seen(canvas, QRectF(*canvas.frame.scene.box_bounds(box)))
        assert place.top() >= TOP_ROOM - 1
        assert place.bottom() <= canvas.height() - BOTTOM_ROOM + 1
        assert canvas.minimap.isVisible()
        assert not place.intersects(QRectF(canvas.minimap.geometry())), canvas.frame.scene.boxes[box].title


def test_a_view_that_starts_with_a_part_does_so_at_each_size_until_it_is_moved(large: CanvasPanel) -> None:
    """As a window gets its size only after it is shown, and its panels theirs even later."""
    view, frame = large.view, large.frame
    assert frame is not None
    first = QRectF(*frame.scene.box_bounds(0))
    view.start(first)
    for size in ((500, 400), (1200, 900), (900, 600)):
        large.resize(*size)
        place = view.mapFromScene(first.center())
        room = view.viewport().rect()
        assert abs(place.x() - room.center().x()) <= 2
        assert 0 < place.y() < room.height() / 2
        assert view.scale_now == pytest.approx(FIRST_SCALE)
    view.pan(40, 0)
    moved = view.mapFromScene(first.center())
    large.resize(1000, 700)
    assert view.mapFromScene(first.center()) == moved
