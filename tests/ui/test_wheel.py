"""One gesture does the same on the canvas and on the timeline: mouse wheels and touchpads alike."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from gradviz.trace.memory import MemoryTrace
from gradviz_ui.canvas.panel import CanvasPanel
from gradviz_ui.session import Session
from gradviz_ui.timeline.panel import TimelinePanel
from gradviz_ui.wheel import turn_of
from synthetic import training

NONE, CTRL, SHIFT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
)
AT = QPoint(500, 150)


def turn(angle: tuple[int, int], pixels: tuple[int, int] = (0, 0), keys: Qt.KeyboardModifier = NONE) -> QWheelEvent:
    return QWheelEvent(
        QPointF(AT), QPointF(AT), QPoint(*pixels), QPoint(*angle), Qt.MouseButton.NoButton, keys,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("event", "zoom", "way"),
    [
        (turn((0, 120)), 1.0, (0, 90)),
        (turn((0, -240)), 1.0, (0, -180)),
        (turn((120, 0)), 1.0, (90, 0)),
        (turn((0, 120), keys=SHIFT), 1.0, (90, 0)),
        (turn((0, 120), keys=CTRL), 1.25, (0, 0)),
        (turn((0, -120), keys=CTRL), 0.8, (0, 0)),
        # a touchpad tells pixels, which count as they are
        (turn((24, 40), (3, 7)), 1.0, (3, 7)),
        (turn((0, 40), (0, 7), SHIFT), 1.0, (7, 0)),
        (turn((0, 60), (0, 7), CTRL), 1.25**0.5, (0, 0)),
    ],
)
def test_what_a_turn_means(event: QWheelEvent, zoom: float, way: tuple[float, float]) -> None:
    found = turn_of(event)
    assert found.zoom == pytest.approx(zoom)
    assert (found.way.x(), found.way.y()) == pytest.approx(way)


@pytest.fixture
def canvas(session: Session, basics: MemoryTrace, qtbot: QtBot) -> CanvasPanel:
    made = CanvasPanel(session)
    qtbot.addWidget(made)
    made.resize(1000, 500)
    session.show_trace(basics)
    made.show()
    return made


@pytest.fixture
def timeline(session: Session, basics: MemoryTrace, qtbot: QtBot) -> TimelinePanel:
    made = TimelinePanel(session.debugging)
    qtbot.addWidget(made)
    made.resize(1000, 260)
    session.show_trace(basics)
    made.show()
    made.view.zoom(3, 500)
    return made


def send(widget: QWidget, event: QWheelEvent) -> None:
    QApplication.sendEvent(widget, event)


def test_with_ctrl_both_zoom_about_the_pointer(canvas: CanvasPanel, timeline: TimelinePanel) -> None:
    axis, scale = timeline.view.axis, canvas.view.scale_now
    step = axis.first + (AT.x() - axis.left) / axis.step_width
    point = canvas.view.mapToScene(AT)
    for widget in (canvas.view.viewport(), timeline.view.viewport()):
        send(widget, turn((0, 120), keys=CTRL))
    assert canvas.view.scale_now == pytest.approx(1.25 * scale)
    assert timeline.view.axis.step_width == pytest.approx(1.25 * axis.step_width)
    assert (canvas.view.mapFromScene(point) - AT).manhattanLength() <= 4  # whole pixels, twice
    assert timeline.view.axis.x(step) == pytest.approx(AT.x(), abs=0.01)


@pytest.mark.parametrize("event", [turn((120, 0)), turn((0, 120), keys=SHIFT), turn((20, 0), (90, 0))])
def test_sideways_both_move_by_as_many_pixels(canvas: CanvasPanel, timeline: TimelinePanel, event: QWheelEvent) -> None:
    axis, point = timeline.view.axis, canvas.view.mapToScene(AT)
    for widget in (canvas.view.viewport(), timeline.view.viewport()):
        send(widget, event)
    assert canvas.view.mapFromScene(point).x() == pytest.approx(AT.x() + 90, abs=1)
    assert timeline.view.axis.x(axis.first) == pytest.approx(axis.left + 90)
    assert timeline.view.axis.step_width == pytest.approx(axis.step_width)


def test_up_and_down_scroll_the_lanes_where_there_are_more_than_fit(session: Session, timeline: TimelinePanel) -> None:
    trace = training(nodes=400, calls=2, leaves=60)
    assert trace is not None
    session.show_trace(trace)
    axis, bar = timeline.view.axis, timeline.view.verticalScrollBar()
    send(timeline.view.viewport(), turn((0, -120)))
    assert bar.value() == 90
    assert timeline.view.axis == axis


def test_and_lead_through_time_where_all_of_them_fit(timeline: TimelinePanel) -> None:
    axis = timeline.view.axis
    send(timeline.view.viewport(), turn((0, -120)))
    assert timeline.view.axis.x(axis.first) == pytest.approx(axis.left - 90)
