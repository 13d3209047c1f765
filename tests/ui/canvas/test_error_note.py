"""What the program raised is told over the canvas, at the step at which it did, with a way to its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtTest import QTest

from gradviz.replay import NodeState
from gradviz_ui import theme
from gradviz_ui.canvas.panel import CanvasPanel
from recorded import recorded

START = "import torch\nw = torch.ones(3, 4, requires_grad=True)\nh = w * 2\n"
FORWARD = START + "out = h @ torch.ones(3)\n"
"""The operation that raises leaves no node."""
BACKWARD = START + "y = h.exp()\ny.add_(1)\ny.sum().backward()\n"
EARLY = "import torch\ntorch.ones(2, 3) @ torch.ones(2)\n"
WIDE, NARROW = (1100, 640), (460, 560)


def shown(canvas: CanvasPanel, text: str, folder: Path, size: tuple[int, int] = WIDE) -> CanvasPanel:
    """The canvas at the last step of a program."""
    canvas.resize(*size)
    trace = recorded(folder, text)
    canvas.session.show_trace(trace, len(trace.events))
    return canvas


def boxes(canvas: CanvasPanel) -> list[QRect]:
    """Where the boxes are, in pixels."""
    assert canvas.frame is not None
    scene = canvas.frame.scene
    return [canvas.view.mapFromScene(QRectF(*scene.box_bounds(box))).boundingRect() for box in range(len(scene.boxes))]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [(FORWARD, 4, "RuntimeError: size mismatch"), (BACKWARD, 6, "RuntimeError: one of the variables needed")],
    ids=["forward", "backward"],
)
def test_the_error_is_told_and_leads_to_its_line(
    empty: CanvasPanel, tmp_path: Path, text: str, line: int, words: str
) -> None:
    canvas = shown(empty, text, tmp_path)
    asked: list[tuple[str, int]] = []
    canvas.session.debugging.line_requested.connect(lambda *place: asked.append(place))
    note = canvas.floating.error
    assert note.isVisible()
    assert note.text.text().startswith(words)
    assert words in note.accessibleName()
    assert note.line_button.text() == f"Go to line {line}"
    QTest.mouseClick(note.line_button, Qt.MouseButton.LeftButton)
    assert asked == [("p.py", line)]


def test_it_is_there_at_the_step_of_the_error_only(empty: CanvasPanel, tmp_path: Path) -> None:
    canvas = shown(empty, FORWARD, tmp_path)
    for step, there in (
        (canvas.session.debugging.last_step - 1, False),
        (canvas.session.debugging.last_step, True),
        (0, False),
    ):
        canvas.session.debugging.seek(step)
        assert canvas.floating.error.isVisible() is there
    canvas.session.debugging.seek(canvas.session.debugging.last_step)
    canvas.session.new_program("x = 1\n", "other.py")
    assert not canvas.floating.error.isVisible()


@pytest.mark.parametrize("size", [WIDE, NARROW])
@pytest.mark.parametrize("text", [FORWARD, BACKWARD], ids=["forward", "backward"])
def test_it_covers_neither_the_graph_nor_what_floats_there(
    empty: CanvasPanel, tmp_path: Path, text: str, size: tuple[int, int]
) -> None:
    """Also after steps to it and away from it, which leave the graph where it was at first."""
    canvas = shown(empty, text, tmp_path, size)
    for _ in range(2):
        note = canvas.floating.error.geometry()
        assert canvas.rect().contains(note)
        assert note.width() >= canvas.floating.error.least_width
        for other in (canvas.controls, canvas.legend, canvas.minimap):
            assert not note.intersects(other.geometry())
        assert not any(note.intersects(box) for box in boxes(canvas))
        canvas.session.debugging.seek(0)
        canvas.session.debugging.seek(canvas.session.debugging.last_step)


def test_without_a_graph_the_notice_tells_it_alone(empty: CanvasPanel, tmp_path: Path) -> None:
    canvas = shown(empty, EARLY, tmp_path)
    assert canvas.notice.isVisible()
    assert "RuntimeError" in canvas.notice.text.text()
    assert not canvas.floating.error.isVisible()


@pytest.mark.parametrize("name", ["dark", "light"])
def test_it_wears_the_colour_of_errors(empty: CanvasPanel, tmp_path: Path, name: str) -> None:
    canvas = shown(empty, FORWARD, tmp_path)
    theme.themes().choose(name)
    try:
        image = canvas.floating.error.grab().toImage()
        assert image.pixelColor(0, image.height() // 2).name() == theme.current().error.name()
        assert theme.current().name == name
    finally:
        theme.themes().choose("dark")


def test_a_legend_of_all_states_fits_where_the_node_raised(empty: CanvasPanel, tmp_path: Path) -> None:
    """As wide as the canvas is in a window of 1280 pixels."""
    canvas = shown(empty, BACKWARD, tmp_path, (531, 504))
    assert NodeState.RAISED in canvas.legend.states
    assert canvas.legend.isVisible()
    assert canvas.rect().contains(canvas.legend.geometry())
