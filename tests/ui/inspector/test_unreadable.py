"""Contents that cannot be read: the panel says so, with the reason, and everything else goes on."""

from __future__ import annotations

import sqlite3
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtWidgets import QSpinBox
from pytestqt.qtbot import QtBot

from gradviz.projection.frame import Frame
from gradviz.projection.scene import build
from gradviz.replay.playhead import Playhead
from gradviz.trace.events import Accumulate
from gradviz.trace.model import Saved, TensorInfo
from gradviz.trace.reader import Trace
from gradviz.trace.writer import TraceWriter
from gradviz_ui.inspector.content import Content
from gradviz_ui.inspector.enlarged import TensorWindow
from gradviz_ui.inspector.panel import InspectorPanel
from gradviz_ui.session import Selection, Session
from synthetic import Scribe


def delete_contents(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM content")


def change_contents(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("UPDATE content SET data = zeroblob(length(data))")


def shorten_contents(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("UPDATE content SET data = x'00'")


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:4096])


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "deleted": (delete_contents, "is missing"),
    "changed": (change_contents, "is damaged"),
    "shortened": (shorten_contents, "has not the size of its shape"),
    "truncated while open": (truncate, "is damaged"),
}


def two_sums(path: Path, gradient: np.ndarray[Any, np.dtype[np.float64]], saved: tuple[Saved, ...] = ()) -> Trace:
    """A leaf whose gradient is added to in a second call, then replaced by a tensor of another shape."""
    with TraceWriter(path) as writer:
        scribe = Scribe(writer, "p.py")
        leaf = scribe.parameter("w", gradient.shape)
        node = scribe.node("MulBackward0", [leaf], shape=gradient.shape, saved=saved, formula=("grad · n",))
        for line in (1, 2):
            scribe.backward(node, gradient, {node: [gradient * 2]}, line=line, retain_graph=True)
        scribe.write_grad(leaf, "assign", np.ones((2, 2, 2, 2)), 3)
    return Trace.open(path)


def last_sum(trace: Trace) -> Accumulate:
    return next(event for event in reversed(trace.events) if isinstance(event, Accumulate))


@pytest.fixture
def panel(session: Session, qtbot: QtBot) -> InspectorPanel:
    made = InspectorPanel(session.debugging)
    qtbot.addWidget(made)
    made.resize(372, 700)
    made.show()
    return made


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_tensor_that_cannot_be_read_is_shown_as_such(
    tmp_path: Path, session: Session, panel: InspectorPanel, damage: str
) -> None:
    spoil, reason = DAMAGES[damage]
    trace = two_sums(tmp_path / "t.gradviz", np.full((2, 3), 2.0))
    spoil(tmp_path / "t.gradviz")
    session.show_trace(trace)
    last = last_sum(trace)
    session.debugging.seek(last.step)
    session.debugging.select(Selection(node=last.leaf))
    maps = panel.leaf_page.maps
    assert [(term.plane, term.gap) for term in maps.maps.terms] == [(None, "cannot be read")] * 3
    assert [term.notes[0][:4] for term in maps.maps.terms] == ["norm"] * 3
    assert maps.problem.isVisible()
    assert reason in maps.problem.text()
    assert not panel.leaf_page.why.isVisible()
    window = TensorWindow(trace, last.after, panel)
    window.show()
    assert reason in window.readout.text()
    frame = Frame(build(trace), Playhead(trace, last.step))
    assert [frame.card(box).heat for box in range(len(frame.scene.boxes))] == [None] * len(frame.scene.boxes)


def test_tensors_of_different_shapes_in_one_sum(tmp_path: Path, session: Session, panel: InspectorPanel) -> None:
    trace = two_sums(tmp_path / "t.gradviz", np.ones((4, 2, 3)))
    session.show_trace(trace)
    session.debugging.seek(len(trace.events))
    session.debugging.select(Selection(node=last_sum(trace).leaf))
    panel.leaf_page.maps.findChildren(QSpinBox)[0].setValue(3)
    assert [term.plane.shape for term in panel.leaf_page.maps.maps.terms if term.plane is not None] == [(2, 3), (2, 2)]


def test_what_a_node_saved_may_be_called_anything(tmp_path: Path, session: Session, panel: InspectorPanel) -> None:
    saved = (Saved("(((", None, None), Saved("n", None, 10**400))
    trace = two_sums(tmp_path / "t.gradviz", np.ones(3), saved)
    session.show_trace(trace)
    last = last_sum(trace)
    session.debugging.seek(last.step)
    session.debugging.select(Selection(node=last.leaf))
    assert panel.leaf_page.why.text.splitlines()[0] == "after[0] = before[0] + incoming[0]"


def test_numbers_that_no_ten_bins_part_have_no_distribution(
    tmp_path: Path, session: Session, panel: InspectorPanel
) -> None:
    trace = two_sums(tmp_path / "t.gradviz", np.array([0.0, 5e-324]))
    session.show_trace(trace)
    last = last_sum(trace)
    session.debugging.seek(last.step)
    session.debugging.select(Selection(node=last.leaf))
    assert panel.leaf_page.distribution.histogram is None


def test_a_tensor_without_numbers_has_no_distribution_whatever_the_trace_says_of_them() -> None:
    said = TensorInfo(0, (0, 3), "float32", 0.0, -1.0, 1.0, 0.0, 0, 0, 0)
    assert Content(said, np.zeros((0, 3), np.float32), None).histogram(10) is None


def test_a_signalling_nan_is_shown_without_a_word_on_the_terminal(tmp_path: Path, qtbot: QtBot) -> None:
    odd = np.array([0x7F800001, 0], np.uint32).view(np.float32)
    with TraceWriter(tmp_path / "t.gradviz") as writer:
        tensor = writer.add_tensor(odd)
    with warnings.catch_warnings(), Trace.open(tmp_path / "t.gradviz") as trace:
        warnings.simplefilter("error")
        window = TensorWindow(trace, tensor)
        qtbot.addWidget(window)
        window.show()
        assert trace.tensor(tensor).nan == 1
