from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QGuiApplication, QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from gradviz.replay.moves import Move
from gradviz.trace.events import Accumulate
from gradviz.trace.memory import MemoryTrace
from gradviz_ui import theme
from gradviz_ui.canvas.panel import CanvasPanel
from gradviz_ui.session import Selection, Session
from synthetic import training

from .conftest import box_named, place_of, title_of

LEFT_BUTTON = Qt.MouseButton.LeftButton
ALT = Qt.KeyboardModifier.AltModifier


def wheel(canvas: CanvasPanel, turn: QPoint, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """Turn the wheel over the middle of the view."""
    middle = QPointF(canvas.view.viewport().rect().center())
    event = QWheelEvent(
        middle, canvas.view.viewport().mapToGlobal(middle), QPoint(), turn, Qt.MouseButton.NoButton, modifiers,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(canvas.view.viewport(), event)


def test_without_a_trace_it_says_what_to_do(empty: CanvasPanel) -> None:
    assert empty.notice.isVisible()
    assert "drop one here" in empty.notice.text.text()
    assert not empty.legend.isVisible()
    assert not empty.minimap.isVisible()
    assert not empty.controls.isEnabled()


def test_the_whole_graph_is_in_sight_at_first(canvas: CanvasPanel) -> None:
    assert canvas.frame is not None
    assert not canvas.notice.isVisible()
    assert canvas.legend.isVisible()
    assert canvas.minimap.isVisible()
    for box in range(len(canvas.frame.scene.boxes)):
        assert canvas.view.viewport().rect().contains(place_of(canvas, box))


def test_a_graph_opened_before_the_window_is_shown_starts_in_its_final_size(
    session: Session, basics: MemoryTrace, qtbot: QtBot
) -> None:
    panel = CanvasPanel(session)
    qtbot.addWidget(panel)
    session.show_trace(basics)
    panel.resize(860, 700)
    panel.show()
    qtbot.waitExposed(panel)
    assert panel.view.scale_now > 0.5
    assert panel.view.fitted


def test_a_graph_too_large_to_read_is_shown_in_part(empty: CanvasPanel, qtbot: QtBot) -> None:
    trace = training(nodes=600, calls=1)
    assert trace is not None
    empty.session.show_trace(trace)
    qtbot.waitUntil(lambda: empty.frame is not None, timeout=15000)
    assert empty.view.scale_now == pytest.approx(0.85)
    assert not empty.view.fitted
    empty.fit()
    assert empty.view.scale_now < 0.2


def test_a_program_without_gradients_is_told(empty: CanvasPanel) -> None:
    empty.session.show_trace(MemoryTrace())
    assert empty.notice.title.text() == "No backward graph"
    empty.session.debugging.set_view("forward")
    assert empty.notice.title.text() == "No operations"


def test_a_click_selects_a_node_and_one_beside_it_lets_go(canvas: CanvasPanel) -> None:
    box = box_named(canvas, "PowBackward0")
    QTest.mouseClick(canvas.view.viewport(), LEFT_BUTTON, pos=place_of(canvas, box))
    assert title_of(canvas, canvas.session.debugging.selection.node) == "PowBackward0"
    assert canvas.view.item.marks.selected == {box}
    assert "PowBackward0" in canvas.view.accessibleDescription()
    QTest.mouseClick(canvas.view.viewport(), LEFT_BUTTON, pos=QPoint(5, 350))
    assert canvas.session.debugging.selection == Selection()
    assert not canvas.view.item.marks.selected


def test_a_click_on_a_link_selects_its_edge(canvas: CanvasPanel, basics: MemoryTrace) -> None:
    assert canvas.frame is not None
    link = next(iter(canvas.frame.active))
    x, y = canvas.frame.scene.middle(link)
    QTest.mouseClick(canvas.view.viewport(), LEFT_BUTTON, pos=canvas.view.mapFromScene(QPointF(x, y)))
    edge = canvas.session.debugging.selection.edge
    assert edge is not None
    assert basics.nodes[basics.edges[edge].target].label == "inp"
    assert canvas.view.item.marks.selected_link == link


def test_a_double_click_runs_to_the_node(canvas: CanvasPanel) -> None:
    box = box_named(canvas, "PowBackward0")
    before = canvas.session.debugging.step
    QTest.mouseDClick(canvas.view.viewport(), LEFT_BUTTON, pos=place_of(canvas, box))
    assert canvas.session.debugging.step != before
    assert canvas.frame is not None
    assert canvas.frame.running == {box}


def test_hovering_marks_what_is_under_the_mouse(canvas: CanvasPanel) -> None:
    box = box_named(canvas, "w")
    QTest.mouseMove(canvas.view.viewport(), place_of(canvas, box))
    assert canvas.pointer.hovered == box
    assert canvas.view.item.marks.hovered == {box}
    QTest.mouseMove(canvas.view.viewport(), QPoint(5, 350))
    assert canvas.pointer.hovered is None


def test_dragging_pans(canvas: CanvasPanel) -> None:
    box = box_named(canvas, "w")
    start = place_of(canvas, box)
    viewport = canvas.view.viewport()
    QTest.mousePress(viewport, LEFT_BUTTON, pos=QPoint(300, 350))
    QTest.mouseMove(viewport, QPoint(330, 350))
    QTest.mouseMove(viewport, QPoint(360, 310))
    QTest.mouseRelease(viewport, LEFT_BUTTON, pos=QPoint(360, 310))
    assert place_of(canvas, box) == start + QPoint(60, -40)
    assert canvas.session.debugging.selection == Selection()


def test_the_wheel_pans_and_with_ctrl_it_zooms_about_the_mouse(canvas: CanvasPanel) -> None:
    box = box_named(canvas, "w")
    start, scale = place_of(canvas, box), canvas.view.scale_now
    wheel(canvas, QPoint(0, -120))
    assert place_of(canvas, box) == start - QPoint(0, 90)
    middle = canvas.view.viewport().rect().center()
    under_mouse = canvas.view.mapToScene(middle)
    wheel(canvas, QPoint(0, 120), Qt.KeyboardModifier.ControlModifier)
    assert canvas.view.scale_now == pytest.approx(scale * 1.25)
    assert (canvas.view.mapToScene(middle) - under_mouse).manhattanLength() < 2


def test_zoom_has_limits_and_fit_comes_back(canvas: CanvasPanel) -> None:
    fitted = canvas.view.scale_now
    for _ in range(30):
        canvas.zoom_in()
    assert canvas.view.scale_now <= 6.0
    for _ in range(60):
        canvas.zoom_out()
    assert canvas.view.scale_now >= fitted / 4
    canvas.fit()
    assert canvas.view.scale_now == pytest.approx(fitted)


def test_a_fitted_graph_stays_fitted_when_the_canvas_grows(canvas: CanvasPanel) -> None:
    before = canvas.view.scale_now
    canvas.resize(500, 420)
    assert canvas.view.scale_now < before
    assert canvas.frame is not None
    for box in range(len(canvas.frame.scene.boxes)):
        assert canvas.view.viewport().rect().contains(place_of(canvas, box))


def test_the_keyboard_walks_the_graph(canvas: CanvasPanel) -> None:
    canvas.view.setFocus()

    def press(key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> str | None:
        QTest.keyClick(canvas.view, key, modifiers)
        return title_of(canvas, canvas.session.debugging.selection.node)

    assert press(Qt.Key.Key_Return) == "inp"  # what runs
    assert press(Qt.Key.Key_Up, ALT) == "AddBackward0"
    assert press(Qt.Key.Key_Up, ALT) == "PowBackward0"
    assert press(Qt.Key.Key_Down, ALT) == "AddBackward0"
    assert press(Qt.Key.Key_Left, ALT) in {"SqueezeBackward4", "MmBackward0", "AddBackward0"}
    assert press(Qt.Key.Key_Escape) is None


def test_tab_goes_from_box_to_box_and_leaves_after_escape(qtbot: QtBot, session: Session, basics: MemoryTrace) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    canvas, field = CanvasPanel(session), QLineEdit()
    column = QVBoxLayout(window)
    column.addWidget(canvas)
    column.addWidget(field)
    window.resize(800, 700)
    window.show()
    qtbot.waitExposed(window)
    session.show_trace(basics)
    canvas.setFocus()
    QTest.keyClick(canvas.view, Qt.Key.Key_Return)
    seen = []
    for _ in range(4):
        QTest.keyClick(canvas.view, Qt.Key.Key_Tab)
        seen.append(session.debugging.selection.node)
    assert len(set(seen)) == 4
    QTest.keyClick(canvas.view, Qt.Key.Key_Backtab)
    assert session.debugging.selection.node == seen[2]
    QTest.keyClick(canvas.view, Qt.Key.Key_Escape)
    assert window.focusWidget() is canvas.view
    QTest.keyClick(canvas.view, Qt.Key.Key_Tab)
    assert window.focusWidget() is not canvas.view


def test_arrows_alone_are_left_to_stepping(canvas: CanvasPanel) -> None:
    place = canvas.view.shown
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down):
        QTest.keyClick(canvas.view, key)
    assert canvas.view.shown == place
    assert canvas.session.debugging.selection == Selection()


def test_a_step_paints_only_what_it_changed(canvas: CanvasPanel, qtbot: QtBot) -> None:
    """The left part of the screen, which the step does not concern, keeps what was painted on it."""
    canvas.session.debugging.move(Move.PREVIOUS_EVENT)
    qtbot.wait(100)  # until the whole graph is on the screen
    areas: list[tuple[float, float]] = []
    painter = canvas.view.item.painter
    assert painter is not None
    real = painter.paint

    def noting(p: object, area: tuple[float, float, float, float], *rest: object) -> None:
        areas.append((area[0], area[0] + area[2]))
        real(p, area, *rest)  # type: ignore[arg-type]

    painter.paint = noting  # type: ignore[method-assign]
    canvas.session.debugging.move(Move.PREVIOUS_EVENT)
    qtbot.waitUntil(lambda: bool(areas))
    assert canvas.frame is not None
    left_part = canvas.frame.scene.box_bounds(box_named(canvas, "b"))
    assert min(low for low, _ in areas) > left_part[0] + left_part[2]


def test_the_view_switch_and_the_layout_menu(canvas: CanvasPanel) -> None:
    QTest.mouseClick(canvas.controls.buttons["forward"], LEFT_BUTTON)
    assert canvas.session.debugging.view == "forward"
    assert canvas.frame is not None
    assert {box.title for box in canvas.frame.scene.boxes} >= {"matmul", "pow"}
    canvas.controls.menu.aboutToShow.emit()
    names = {action.data(): action for action in canvas.controls.menu.actions() if action.data()}
    assert list(names)[:3] == ["layered", "multipartite", "breadth-first"]
    assert names["layered"].isChecked()
    names["circular"].trigger()
    assert canvas.session.debugging.layout_name == "circular"
    assert canvas.controls.layout_button.text().startswith("Circular")
    assert canvas.frame is not None
    assert not canvas.frame.scene.curved


def test_going_back_to_a_view_seen_before_costs_no_new_layout(canvas: CanvasPanel) -> None:
    assert canvas.frame is not None
    scene = canvas.frame.scene
    canvas.session.debugging.set_view("both")
    assert canvas.frame.scene is not scene
    canvas.session.debugging.set_view("backward")
    assert canvas.frame.scene is scene


def test_breakpoints_are_marked(canvas: CanvasPanel) -> None:
    box = box_named(canvas, "PowBackward0")
    assert canvas.frame is not None
    node = canvas.frame.scene.boxes[box].nodes[0]
    menu = canvas.menu_for(box)
    next(action for action in menu.actions() if action.text() == "Set breakpoint").trigger()
    assert canvas.session.debugging.breakpoints.nodes == {node}
    assert canvas.view.item.marks.breakpoints == {box}
    assert "Clear breakpoint" in {action.text() for action in canvas.menu_for(box).actions()}


def test_the_menu_of_the_empty_canvas_has_no_node_in_it(canvas: CanvasPanel) -> None:
    texts = [action.text() for action in canvas.menu_for(None).actions()]
    assert "Set breakpoint" not in texts
    assert "Fit graph" in texts


def test_copying_puts_a_picture_on_the_clipboard(canvas: CanvasPanel) -> None:
    canvas.copy_picture()
    image: QImage = QGuiApplication.clipboard().image()
    assert image.width() > 1000
    assert image.pixelColor(2, 2) == theme.current().canvas


def test_a_slow_layout_is_asked_for_first_and_can_be_declined(canvas: CanvasPanel, qtbot: QtBot) -> None:
    trace = training(nodes=2600, calls=1, leaves=20)
    assert trace is not None
    canvas.session.show_trace(trace)
    qtbot.waitUntil(lambda: canvas.frame is not None and not canvas.job.busy, timeout=15000)
    canvas.session.debugging.set_layout("spring")
    assert canvas.notice.isVisible()
    assert "Spring takes about" in canvas.notice.text.text()
    assert not canvas.job.busy
    QTest.mouseClick(canvas.notice.cancel_button, LEFT_BUTTON)
    assert canvas.session.debugging.layout_name == "layered"
    assert not canvas.notice.isVisible()
    assert canvas.frame is not None


def test_a_layout_under_way_shows_progress_and_can_be_cancelled(canvas: CanvasPanel, qtbot: QtBot) -> None:
    trace = training(nodes=2600, calls=1, leaves=20)
    assert trace is not None
    canvas.session.show_trace(trace)
    qtbot.waitUntil(lambda: canvas.frame is not None and not canvas.job.busy, timeout=15000)
    canvas.session.debugging.set_layout("spring")
    QTest.mouseClick(canvas.notice.accept_button, LEFT_BUTTON)
    assert canvas.job.busy
    qtbot.waitUntil(lambda: canvas.notice.bar.value() > 0, timeout=15000)
    QTest.mouseClick(canvas.notice.cancel_button, LEFT_BUTTON)
    assert not canvas.job.busy
    assert canvas.session.debugging.layout_name == "layered"


def test_a_layout_that_cannot_draw_the_graph_leaves_the_old_one(canvas: CanvasPanel) -> None:
    told: list[str] = []
    canvas.session.message.connect(lambda level, text: told.append(f"{level} {text}"))
    canvas.job.failed.emit("it is not planar")
    assert told == ["error The graph was not arranged: it is not planar"]
    assert canvas.session.debugging.layout_name == "layered"
    assert canvas.frame is not None


def test_it_follows_what_runs_out_of_sight(canvas: CanvasPanel, qtbot: QtBot) -> None:
    canvas.view.set_scale(3.0)
    canvas.view.look_at(QPointF(0, 0))
    canvas.session.debugging.move(Move.PREVIOUS_NODE)
    assert canvas.frame is not None
    box = next(iter(canvas.frame.running))
    qtbot.waitUntil(lambda: canvas.view.viewport().rect().contains(place_of(canvas, box)))


def test_it_stays_where_it_is_if_told_so(canvas: CanvasPanel, qtbot: QtBot) -> None:
    canvas.session.settings.follow = False
    canvas.view.set_scale(3.0)
    canvas.view.look_at(QPointF(0, 0))
    place = canvas.view.shown
    canvas.session.debugging.move(Move.PREVIOUS_NODE)
    qtbot.wait(250)
    assert canvas.view.shown == place


def test_revealing_a_node_brings_it_into_sight(canvas: CanvasPanel) -> None:
    canvas.view.set_scale(3.0)
    canvas.view.look_at(QPointF(0, 0))
    box = box_named(canvas, "inp")
    assert canvas.frame is not None
    canvas.session.debugging.select(Selection(canvas.frame.scene.boxes[box].nodes[0]), reveal=True)
    assert canvas.view.viewport().rect().contains(place_of(canvas, box))


def test_the_minimap_shows_what_runs_and_leads_there(canvas: CanvasPanel, basics: MemoryTrace, qtbot: QtBot) -> None:
    """What runs is the one thing of its colour: a click on it brings that box to the middle, at any step."""
    steps = [event.step for event in basics.events if isinstance(event, Accumulate)]
    canvas.session.settings.follow = False
    for step, title in ((steps[3], "inp"), (steps[0], "b"), (steps[1], "w")):
        canvas.session.debugging.seek(step)
        canvas.view.set_scale(3.0)
        box = box_named(canvas, title)
        assert canvas.frame is not None
        assert canvas.frame.running == {box}
        bounds = QRectF(*canvas.frame.scene.box_bounds(box))
        qtbot.waitUntil(partial(_leads_to, canvas, bounds))


def _leads_to(canvas: CanvasPanel, bounds: QRectF) -> bool:
    """Click on the middle of what has the colour of running: is the view's middle in these bounds then?"""
    image = canvas.minimap.grab().toImage()
    running = theme.current().running.name()
    places = [
        (x, y) for x in range(image.width()) for y in range(image.height()) if image.pixelColor(x, y).name() == running
    ]
    middle = np.array(places or [(0, 0)]).mean(0) / image.devicePixelRatio()
    QTest.mouseClick(canvas.minimap, LEFT_BUTTON, pos=QPoint(*(round(float(part)) for part in middle)))
    return bool(places) and bounds.contains(canvas.view.shown.center())


def test_a_new_theme_is_painted_at_once(canvas: CanvasPanel) -> None:
    dark = canvas.view.grab().toImage().pixelColor(3, 300)
    theme.themes().choose("light")
    try:
        light = canvas.view.grab().toImage().pixelColor(3, 300)
        assert canvas.view.item.painter is not None
        assert canvas.view.item.painter.ink.colors.name == "light"
    finally:
        theme.themes().choose("dark")
    assert dark.lightness() < 60
    assert light.lightness() > 200


def test_tooltips_tell_where_a_node_comes_from(canvas: CanvasPanel) -> None:
    from gradviz_ui.canvas import tips

    assert canvas.frame is not None
    told = tips.box_tip(canvas.frame, box_named(canvas, "inp"))
    assert told.startswith("AccumulateGrad inp · running")
    assert "×2 sums" in told
    assert "line" in told
    link = next(iter(canvas.frame.active))
    assert tips.link_tip(canvas.frame, link) == "AddBackward0 → AccumulateGrad inp\n(4, 5)  ‖g‖ 11.31"
