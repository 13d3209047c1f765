"""The list of problems: what it says, and where a click on it leads."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from gradviz.replay import NodeState
from gradviz.trace.memory import MemoryTrace
from gradviz_ui.code.problems import ProblemsPanel
from gradviz_ui.session import Session
from gradviz_ui.window.main_window import MainWindow
from recorded import recorded
from synthetic import training

SQRT = "import torch\nx = torch.zeros(2, requires_grad=True)\ny = (x * 1).sqrt().sum()\ny.backward()\n"
IN_PLACE = """\
import torch
w = torch.ones(2, requires_grad=True)
y = w.exp()
y.add_(1)
y.sum().backward()
"""


@pytest.fixture
def panel(session: Session, qtbot: QtBot) -> ProblemsPanel:
    made = ProblemsPanel(session.debugging)
    qtbot.addWidget(made)
    made.show()
    return made


def rows(panel: ProblemsPanel) -> list[str]:
    return [panel.list.item(row).text() for row in range(panel.list.count())]


def test_infinities_are_listed_and_lead_to_the_step_and_the_place(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    session, panel = window.session, window.problems
    trace = recorded(tmp_path, SQRT)
    session.show_trace(trace)
    assert rows(panel) == [
        "line 3: the gradient SqrtBackward0 → MulBackward0 holds 2 inf",
        "line 4: x.grad holds 2 inf",
    ]
    assert panel.count == 2
    window.docks["problems"].raise_()
    for row, step in enumerate(problem.step for problem in panel._found):
        item = panel.list.item(row)
        qtbot.mouseClick(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=panel.list.visualItemRect(item).center())
        assert session.debugging.step == step
    assert session.debugging.selection.node == trace.leaves[0]
    panel.list.itemActivated.emit(panel.list.item(0))
    edge = session.debugging.selection.edge
    assert edge is not None
    assert trace.nodes[trace.edges[edge].source].name == "SqrtBackward0"


def test_a_node_that_raised_is_marked_until_it_runs_again(window: MainWindow, tmp_path: Path) -> None:
    session = window.session
    trace = recorded(tmp_path, IN_PLACE)
    session.show_trace(trace, len(trace.events))
    frame = window.canvas.frame
    assert frame is not None
    raised = {frame.scene.boxes[box].title for box in range(len(frame.states)) if frame.states[box] == NodeState.RAISED}
    assert raised == {"ExpBackward0"}
    assert NodeState.RAISED in window.canvas.legend.states
    assert "raised" in next(frame.card(i).detail for i, box in enumerate(frame.scene.boxes) if box.title in raised)
    session.debugging.seek(len(trace.events) - 2)
    assert NodeState.RAISED not in frame.states


def test_a_long_recording_is_searched_aside(session: Session, panel: ProblemsPanel, qtbot: QtBot) -> None:
    trace = training(nodes=3000, calls=2)
    assert trace is not None
    session.show_trace(trace)
    assert rows(panel) == ["Looking for problems…"]
    qtbot.waitUntil(lambda: rows(panel) == ["No problems"], timeout=20_000)


def test_another_trace_takes_its_place_while_it_is_searched(
    session: Session, panel: ProblemsPanel, basics: MemoryTrace, qtbot: QtBot
) -> None:
    trace = training(nodes=3000, calls=2)
    assert trace is not None
    session.show_trace(trace)
    session.show_trace(basics)
    assert rows(panel) == ["No problems"]
