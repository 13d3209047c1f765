"""The inspector on the autograd basics: what it says at a step, and what can be done in it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QSpinBox
from pytestqt.qtbot import QtBot

from gradviz.trace.events import Accumulate, BackwardBegin, GradWrite, NodeBegin, ValueWrite
from gradviz.trace.memory import MemoryTrace, TraceBuilder
from gradviz.trace.reader import Trace
from gradviz.trace.writer import TraceWriter
from gradviz_ui import style, theme
from gradviz_ui.inspector.panel import InspectorPanel
from gradviz_ui.session import Selection, Session
from synthetic import Scribe, training


@pytest.fixture
def panel(session: Session, basics: MemoryTrace, qtbot: QtBot) -> InspectorPanel:
    made = InspectorPanel(session.debugging)
    qtbot.addWidget(made)
    made.resize(372, 700)
    session.show_trace(basics)
    made.show()
    return made


def node(trace: MemoryTrace, name: str) -> int:
    return next(node.id for node in trace.nodes if name in (node.name, node.label))


def second_sum(trace: MemoryTrace) -> Accumulate:
    return [event for event in trace.events if isinstance(event, Accumulate)][3]


def test_without_a_trace_it_says_what_will_be_here(session: Session, qtbot: QtBot) -> None:
    panel = InspectorPanel(session.debugging)
    qtbot.addWidget(panel)
    panel.show()
    assert panel.hint.isVisible()
    assert not panel.heading.isVisible()


def test_the_second_sum_of_inp(panel: InspectorPanel, session: Session, basics: MemoryTrace) -> None:
    session.debugging.seek(second_sum(basics).step)
    assert panel.heading.title.text() == "AccumulateGrad"
    assert "inp · leaf (4, 5) float32" in panel.heading.facts.text()
    assert panel.heading.facts.text().endswith(">running</span>")
    page = panel.leaf_page
    assert page.isVisible()
    assert page.formula.text() == "inp.grad  ←  inp.grad + incoming"
    before, incoming, after = page.maps.maps.terms
    assert [term.notes[0] for term in (before, incoming, after)] == ["norm 11.31", "norm 11.31", "norm 22.63"]
    assert [term.sign for term in (before, incoming, after)] == ["", "+", "="]
    assert before.plane is not None
    assert incoming.plane is not None
    assert after.plane is not None
    assert np.array_equal(before.plane + incoming.plane, after.plane)
    assert page.why.title.text() == "Why is after[0, 0] = 8?"
    assert page.why.text.splitlines()[1] == "= 4 + 4"
    assert page.distribution.histogram is not None
    assert page.distribution.histogram.counts.sum() == 20


def test_pointing_at_another_element_asks_about_it(
    panel: InspectorPanel, session: Session, basics: MemoryTrace
) -> None:
    session.debugging.seek(second_sum(basics).step)
    panel.leaf_page.maps.maps.choose((2, 3))
    assert panel.leaf_page.why.title.text() == "Why is after[2, 3] = 4?"
    assert panel.leaf_page.why.text.splitlines()[-1] == "= 1 · 2 · 1^(2 - 1) = 2"


def test_the_first_sum_has_nothing_before_it(panel: InspectorPanel, session: Session, basics: MemoryTrace) -> None:
    session.debugging.seek(next(event.step for event in basics.events if isinstance(event, Accumulate)))
    assert panel.leaf_page.formula.text() == "b.grad  ←  incoming"
    assert panel.leaf_page.maps.maps.terms[0].plane is None
    assert panel.leaf_page.maps.maps.terms[0].gap == "None"


def test_zeroing_shows_before_and_after_and_explains_nothing(
    panel: InspectorPanel, session: Session, basics: MemoryTrace
) -> None:
    session.debugging.seek(next(event.step for event in basics.events if isinstance(event, GradWrite)))
    assert panel.leaf_page.formula.text() == "inp.grad  ←  zero_"
    assert [term.title for term in panel.leaf_page.maps.maps.terms] == ["before", "after"]
    assert not panel.leaf_page.why.isVisible()


def test_a_leaf_before_its_first_gradient(panel: InspectorPanel, session: Session, basics: MemoryTrace) -> None:
    session.debugging.select(Selection(node=node(basics, "w")))
    session.debugging.seek(0)
    assert panel.leaf_page.formula.text() == "w.grad  =  None"
    assert not panel.leaf_page.maps.isVisible()
    assert "not made yet" in panel.heading.facts.text()


def test_a_node_shows_formula_saved_tensors_and_gradients(
    panel: InspectorPanel, session: Session, basics: MemoryTrace
) -> None:
    power = node(basics, "PowBackward0")
    runs = [event.step for event in basics.events if isinstance(event, NodeBegin) and event.node == power]
    session.debugging.select(Selection(node=power))
    session.debugging.seek(runs[0] + 1)
    page = panel.node_page
    assert page.isVisible()
    assert page.formula.text() == "AddBackward0  ←  grad · exponent · self^(exponent - 1)"
    assert [row.button.accessibleName() for row in page.saved.rows] == ["self (4, 5) ‖\u00a05.66\u00a0‖", "exponent 2"]
    assert [row.button.accessibleName() for row in page.received.rows] == ["grad (4, 5) ‖\u00a04.47\u00a0‖"]
    assert [row.button.accessibleName() for row in page.sent.rows] == ["→ AddBackward0 (4, 5) ‖\u00a011.31\u00a0‖"]
    assert list(page.history.steps) == runs


def test_it_follows_what_the_program_makes_and_where_a_call_starts(
    panel: InspectorPanel, session: Session, basics: MemoryTrace
) -> None:
    session.debugging.seek(1)
    assert panel.heading.title.text() == "SqueezeBackward4"
    session.debugging.seek(next(event.step for event in basics.events if isinstance(event, BackwardBegin)))
    assert panel.heading.title.text() == "BinaryCrossEntropyWithLogitsBackward0"
    assert panel.heading.facts.text().endswith("ready · number 1 in the queue</span>")


def test_the_gradient_out_is_not_there_before_it_flowed(
    panel: InspectorPanel, session: Session, basics: MemoryTrace
) -> None:
    power = node(basics, "PowBackward0")
    session.debugging.select(Selection(node=power))
    session.debugging.seek(next(e.step for e in basics.events if isinstance(e, NodeBegin) and e.node == power))
    (row,) = panel.node_page.sent.rows
    assert not row.button.isEnabled()
    assert row.button.accessibleName() == "→ AddBackward0 not yet"


def test_a_row_opens_to_its_heat_map(
    panel: InspectorPanel, session: Session, basics: MemoryTrace, qtbot: QtBot
) -> None:
    session.debugging.select(Selection(node=node(basics, "PowBackward0")))
    row = panel.node_page.saved.rows[0]
    assert row.maps is None
    qtbot.mouseClick(row.button, Qt.MouseButton.LeftButton)
    assert row.maps is not None
    plane = row.maps.maps.terms[0].plane
    assert plane is not None
    assert np.array_equal(plane, np.eye(4, 5) + 1)
    qtbot.keyClick(row.button, Qt.Key.Key_Space)
    assert not row.maps.isVisible()


def test_an_edge_shows_its_gradient_and_the_buffer(
    panel: InspectorPanel, session: Session, basics: MemoryTrace
) -> None:
    edge = next(i for i, e in enumerate(basics.edges) if e.target == node(basics, "inp"))
    session.debugging.select(Selection(edge=edge))
    session.debugging.seek(second_sum(basics).step - 3)
    assert panel.heading.title.text() == "AddBackward0 → AccumulateGrad inp"
    assert [term.title for term in panel.edge_page.maps.maps.terms] == ["gradient", "sum in the buffer"]
    assert len(panel.edge_page.history.steps) == 3


def test_the_history_goes_to_a_step(panel: InspectorPanel, session: Session, basics: MemoryTrace, qtbot: QtBot) -> None:
    session.debugging.select(Selection(node=node(basics, "inp")))
    history = panel.leaf_page.history
    steps = list(history.steps)
    assert len(steps) == 4
    row = history.model().index(2, 2)
    qtbot.mouseClick(history.viewport(), Qt.MouseButton.LeftButton, pos=history.visualRect(row).center())
    assert session.debugging.step == steps[2]


def test_the_line_is_a_link_to_the_code(
    panel: InspectorPanel, session: Session, basics: MemoryTrace, qtbot: QtBot
) -> None:
    session.debugging.select(Selection(node=node(basics, "inp")))
    with qtbot.waitSignal(session.debugging.line_requested) as asked:
        panel.heading.facts.linkActivated.emit("#line")
    assert asked.args == ["autograd_basics.py", 18]


def test_hidden_it_does_nothing_and_catches_up_when_shown(
    panel: InspectorPanel, session: Session, basics: MemoryTrace
) -> None:
    panel.hide()
    session.debugging.seek(second_sum(basics).step)
    assert panel.heading.title.text() != "AccumulateGrad"
    panel.show()
    assert panel.heading.title.text() == "AccumulateGrad"


def hostile(array: np.ndarray) -> MemoryTrace:  # type: ignore[type-arg]
    """One leaf whose gradient is ``array``."""
    builder = TraceBuilder()
    scribe = Scribe(builder, "p.py")
    leaf = scribe.parameter("<b>x</b>", array.shape, line=1)
    scribe.backward(leaf, array, {}, line=1)
    return builder.finish()


def test_nan_and_inf_are_named(panel: InspectorPanel, session: Session) -> None:
    session.show_trace(hostile(np.array([[np.nan, 1, np.inf], [np.nan, 0, 2]], np.float32)), step=3)
    assert [term.alert for term in panel.leaf_page.maps.maps.terms] == ["", "2 nan, 1 inf", "2 nan, 1 inf"]
    assert panel.leaf_page.why.title.text() == "Why is after[0, 0] = nan?"


def test_names_from_a_trace_are_never_read_as_html(panel: InspectorPanel, session: Session) -> None:
    session.show_trace(hostile(np.zeros(2, np.float32)), step=3)
    assert "&lt;b&gt;x&lt;/b&gt;" in panel.heading.facts.text()
    assert panel.leaf_page.formula.textFormat() == Qt.TextFormat.PlainText


@pytest.mark.parametrize("shape", [(), (1,), (7,), (0, 3), (2, 3, 4), (2, 1, 3, 2), (300, 300)])
def test_tensors_of_any_rank(panel: InspectorPanel, session: Session, shape: tuple[int, ...]) -> None:
    numbers = np.arange(int(np.prod(shape)), dtype=np.float32).reshape(shape)
    session.show_trace(hostile(numbers), step=3)
    boxes = [box for box in panel.leaf_page.maps.findChildren(QSpinBox) if box.isVisible()]
    assert len(boxes) == max(len(shape) - 2, 0)
    assert not panel.grab().isNull()


def test_slices_of_a_deep_tensor(panel: InspectorPanel, session: Session) -> None:
    numbers = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    session.show_trace(hostile(numbers), step=3)
    (box,) = panel.leaf_page.maps.findChildren(QSpinBox)
    box.setValue(1)
    plane = panel.leaf_page.maps.maps.terms[-1].plane
    assert plane is not None
    assert np.array_equal(plane, numbers[1])
    panel.leaf_page.maps.maps.choose((2, 3))
    assert panel.leaf_page.maps.index == (1, 2, 3)
    assert panel.leaf_page.why.title.text() == "Why is after[1, 2, 3] = 23?"


def test_a_tensor_in_a_window_of_its_own(panel: InspectorPanel, session: Session, qtbot: QtBot) -> None:
    from gradviz_ui.inspector.enlarged import TensorWindow

    session.show_trace(hostile(np.arange(24, dtype=np.float32).reshape(2, 3, 4)), step=3)
    maps = panel.leaf_page.maps.maps
    cells = maps.arrangement.places[-1].cells
    qtbot.mouseDClick(maps, Qt.MouseButton.LeftButton, pos=QPoint(round(cells.x) + 3, round(cells.y) + 3))
    (window,) = panel.findChildren(TensorWindow)
    assert window.isVisible()
    assert window.windowTitle() == "(2, 3, 4) float32 · norm 65.76"
    window.findChild(QSpinBox).setValue(1)
    assert not window.grab().isNull()
    window.close()


def test_an_optimizer_step_shows_the_value_before_and_after(panel: InspectorPanel, session: Session) -> None:
    trace = training(nodes=60, calls=1, leaves=2)
    assert trace is not None
    step = next(event.step for event in trace.events if isinstance(event, ValueWrite))
    session.show_trace(trace, step=step)
    assert panel.leaf_page.formula.text() == "layers.0.weight  ←  SGD.step"
    before, after = (term.plane for term in panel.leaf_page.maps.maps.terms)
    assert before is not None
    assert after is not None
    assert not np.array_equal(before, after)
    assert not panel.leaf_page.why.isVisible()


def test_an_element_chosen_by_hand_stays_while_stepping_and_not_longer(
    panel: InspectorPanel, session: Session, basics: MemoryTrace
) -> None:
    maps = panel.leaf_page.maps.maps
    session.debugging.select(Selection(node=node(basics, "inp")))
    session.debugging.seek(second_sum(basics).step)
    maps.choose((3, 4))
    session.debugging.seek(session.debugging.last_step)
    assert maps.element == (3, 4)
    session.debugging.select(Selection(node=node(basics, "w")))
    session.debugging.select(Selection(node=node(basics, "inp")))
    assert maps.element == (0, 0)


def test_another_trace_with_the_same_ids_is_read_anew(panel: InspectorPanel, session: Session) -> None:
    for number in (3.0, 5.0):
        session.show_trace(hostile(np.full((2, 2), number, np.float32)), step=3)
        plane = panel.leaf_page.maps.maps.terms[-1].plane
        assert plane is not None
        assert plane[0, 0] == number


@pytest.mark.parametrize(("values", "note"), [("summary", "-1 … 1"), ("auto", "means of (600, 600)")])
def test_what_is_not_kept_whole_is_said(
    panel: InspectorPanel, session: Session, tmp_path: Path, values: Literal["summary", "auto"], note: str
) -> None:
    with TraceWriter(tmp_path / "t.gradviz", values=values) as writer:
        scribe = Scribe(writer, "p.py")
        leaf = scribe.parameter("x", (600, 600), line=1)
        scribe.backward(leaf, np.linspace(-1, 1, 360_000, dtype=np.float32).reshape(600, 600), {}, line=1)
    session.show_trace(Trace.open(tmp_path / "t.gradviz"), step=3)
    after = panel.leaf_page.maps.maps.terms[-1]
    assert after.notes[1] == note
    assert (after.plane is None) == (values == "summary")
    assert not panel.leaf_page.why.isVisible()
    assert panel.leaf_page.distribution.histogram is None
    assert not panel.grab().isNull()


def test_numbers_go_to_the_clipboard(panel: InspectorPanel, session: Session, basics: MemoryTrace) -> None:
    event = second_sum(basics)
    session.debugging.seek(event.step)
    panel.leaf_page.maps.copy(event.after)
    assert QGuiApplication.clipboard().text().splitlines()[0] == "8\t4\t4\t4\t4"


def test_a_window_of_its_own_marks_what_is_not_finite(panel: InspectorPanel, session: Session) -> None:
    from gradviz_ui.inspector.enlarged import TensorWindow

    session.show_trace(hostile(np.array([[1, np.nan], [np.inf, 2]], np.float32)), step=3)
    panel.leaf_page.enlarge_requested.emit(0)
    (window,) = panel.findChildren(TensorWindow)
    image, red = window.grab().toImage(), theme.current().error
    middle = window.rect().center()
    columns = (middle.x() - 60, middle.x() + 60)
    found = {image.pixelColor(x, y).name() for x in columns for y in range(60, 440, 20)}
    assert red.name() in found
    window.close()


def test_labels_keep_to_the_theme_whoever_hears_of_it_first(
    panel: InspectorPanel, session: Session, qapp: QApplication
) -> None:
    session.debugging.seek(session.debugging.last_step)
    try:
        theme.themes().choose("light")
        style.apply(qapp)
        colour = panel.heading.title.palette().color(QPalette.ColorRole.WindowText)
        assert colour == theme.load("light").text
        assert panel.palette().color(QPalette.ColorRole.Window) == theme.load("light").panel
    finally:
        theme.themes().choose("dark")


def test_a_new_selection_is_read_from_the_top(session: Session, basics: MemoryTrace, qtbot: QtBot) -> None:
    panel = InspectorPanel(session.debugging)
    qtbot.addWidget(panel)
    panel.resize(340, 200)
    session.show_trace(basics)
    panel.show()
    session.debugging.select(Selection(node=2))
    bar = panel._scroll.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 50)
    bar.setValue(bar.maximum())
    session.debugging.seek(session.debugging.step + 1)
    assert bar.value() > 0, "stepping on leaves the reader where he is"
    session.debugging.select(Selection(node=3))
    assert bar.value() == 0
