"""The real canvas, shown, with the autograd basics at the step of the second accumulation into ``inp``."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QRectF
from pytestqt.qtbot import QtBot

from gradviz.trace.events import Accumulate
from gradviz.trace.memory import MemoryTrace
from gradviz_ui.canvas.panel import CanvasPanel
from gradviz_ui.session import Session


@pytest.fixture
def empty(session: Session, qtbot: QtBot) -> CanvasPanel:
    """A canvas without a trace."""
    panel = CanvasPanel(session)
    qtbot.addWidget(panel)
    panel.resize(860, 700)
    panel.show()
    qtbot.waitExposed(panel)
    return panel


@pytest.fixture
def canvas(empty: CanvasPanel, basics: MemoryTrace) -> CanvasPanel:
    """A canvas that shows ``inp.grad`` being added to."""
    steps = [event.step for event in basics.events if isinstance(event, Accumulate)]
    empty.session.show_trace(basics, steps[3])
    return empty


def box_named(canvas: CanvasPanel, title: str, number: int = 0) -> int:
    """The box with this title."""
    assert canvas.frame is not None
    return [index for index, box in enumerate(canvas.frame.scene.boxes) if box.title == title][number]


def place_of(canvas: CanvasPanel, box: int) -> QPoint:
    """The middle of a box, in pixels of the viewport."""
    assert canvas.frame is not None
    return canvas.view.mapFromScene(QRectF(*canvas.frame.scene.box_bounds(box)).center())


def title_of(canvas: CanvasPanel, node: int | None) -> str | None:
    """The title of a node's box."""
    assert canvas.frame is not None
    return None if node is None else canvas.frame.scene.boxes[canvas.frame.scene.boxes_of_node[node][0]].title
