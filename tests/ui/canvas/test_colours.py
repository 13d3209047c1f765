"""Which colour stands for which state: looked up in the theme's roles, pixel by pixel, near by and far away."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QApplication

from gradviz.projection.diagram import BoxKind
from gradviz.projection.frame import Frame, LinkState
from gradviz.projection.scene import build
from gradviz.replay import NodeState, Playhead
from gradviz.trace.events import Accumulate, GradWrite
from gradviz.trace.memory import MemoryTrace
from gradviz_ui import theme
from gradviz_ui.canvas.controls import Legend
from gradviz_ui.canvas.ink import GHOST_OPACITY, ink_of
from gradviz_ui.canvas.painter import FramePainter, Marks
from gradviz_ui.theme import mix

ROLES = {
    NodeState.IDLE: "outline",
    NodeState.READY: "ready",
    NodeState.RUNNING: "running",
    NodeState.DONE: "done",
    NodeState.FREED: "freed",
    NodeState.RAISED: "error",
}
LINK_ROLES = {LinkState.PAST: "edge", LinkState.CARRIED: "done", LinkState.ACTIVE: "running"}
SCALES = [0.1, 0.3, 2.0]
THEMES = ["dark", "light"]


@pytest.fixture
def frame(basics: MemoryTrace) -> Frame:
    """The end of the basics, of which the tests paint what they like."""
    return Frame(build(basics), Playhead(basics, len(basics.events)))


def part(frame: Frame, area: QRectF, scale: float, name: str, marks: Marks | None = None) -> list[QColor]:
    """All pixels of a part of the painted frame."""
    image = QImage(round(area.width() * scale) + 1, round(area.height() * scale) + 1, QImage.Format.Format_RGB32)
    ink = ink_of(name)
    image.fill(ink.colors.canvas)
    painter = QPainter(image)
    painter.scale(scale, scale)
    painter.translate(-area.topLeft())
    FramePainter(frame, ink).paint(painter, frame.scene.bounds, scale, marks or Marks())
    painter.end()
    return [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]


def most_like(pixels: list[QColor], name: str, roles: set[str]) -> str:
    """The role whose colour most pixels have, or nearly have."""
    colours = theme.load(name)

    def count(role: str) -> int:
        wanted = np.array(getattr(colours, role).getRgb()[:3])
        rgb = np.array([pixel.getRgb()[:3] for pixel in pixels])
        return int((np.abs(rgb - wanted).sum(axis=1) < 24).sum())

    return max(sorted(roles), key=count)


def nearest(pixels: list[QColor], name: str, roles: set[str]) -> str:
    """The role to whose colour some pixel comes nearest: for lines thinner than a pixel."""
    colours = theme.load(name)
    rgb = np.array([pixel.getRgb()[:3] for pixel in pixels])

    def distance(role: str) -> int:
        return int(np.abs(rgb - np.array(getattr(colours, role).getRgb()[:3])).sum(axis=1).min())

    return min(sorted(roles), key=distance)


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("state", list(NodeState))
def test_a_box_has_the_colour_of_its_state(frame: Frame, state: NodeState, scale: float, name: str) -> None:
    box = next(index for index, each in enumerate(frame.scene.boxes) if each.title == "MmBackward0")
    frame.states[:] = NodeState.IDLE
    frame.states[box] = state
    frame.links[:] = LinkState.EMPTY
    rect = QRectF(*frame.scene.box_bounds(box))
    border = QRectF(rect.left() - 1, rect.top() - 1, 9, rect.height() + 2)
    assert most_like(part(frame, border, scale, name), name, set(ROLES.values())) == ROLES[state]


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("state", list(LINK_ROLES))
def test_a_link_has_the_colour_of_what_it_carried(frame: Frame, state: LinkState, scale: float, name: str) -> None:
    link = next(
        index
        for index, each in enumerate(frame.scene.diagram.links)
        if frame.scene.boxes[each.target].title == "MmBackward0"
    )
    frame.states[:] = NodeState.IDLE
    frame.links[:] = LinkState.EMPTY
    frame.links[link] = state
    frame._active = frozenset({link} if state is LinkState.ACTIVE else ())
    x, y = frame.scene.middle(link)
    pixels = part(frame, QRectF(x - 4, y - 12, 8, 24), scale * 2, name)
    assert nearest(pixels, name, {*LINK_ROLES.values(), "error", "ready"}) == LINK_ROLES[state]


@pytest.mark.parametrize("scale", SCALES)
def test_what_is_not_made_yet_is_pale(frame: Frame, scale: float) -> None:
    colours = theme.load("dark")
    box = next(index for index, each in enumerate(frame.scene.boxes) if each.title == "MmBackward0")
    frame.states[:] = NodeState.DONE
    frame.links[:] = LinkState.EMPTY
    frame.present[box] = False
    rect = QRectF(*frame.scene.box_bounds(box))
    pixels = part(frame, QRectF(rect.left() - 1, rect.top() - 1, 9, rect.height() + 2), scale, "dark")
    assert not any(sum(abs(a - b) for a, b in zip(p.getRgb(), colours.done.getRgb(), strict=True)) < 24 for p in pixels)
    pale = mix(colours.canvas, colours.done, GHOST_OPACITY)
    assert any(sum(abs(a - b) for a, b in zip(p.getRgb(), pale.getRgb(), strict=True)) < 40 for p in pixels)


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize("scale", SCALES)
def test_a_zeroing_is_red_at_its_step_and_gone_at_the_next(basics: MemoryTrace, scale: float, name: str) -> None:
    step = next(event.step for event in basics.events if isinstance(event, GradWrite))
    seen = []
    for at in (step, step + 1):
        frame = Frame(build(basics), Playhead(basics, at))
        box = next(index for index, each in enumerate(frame.scene.boxes) if each.title == "inp")
        rect = QRectF(*frame.scene.box_bounds(box))
        pixels = part(frame, QRectF(rect.left() - 1, rect.top() - 1, 4, rect.height() + 2), scale, name)
        seen.append(most_like(pixels, name, {"zero", *ROLES.values()} - {"error"}))
    assert seen[0] == "zero"
    assert seen[1] != "zero"


def test_the_sum_is_brighter_than_what_was_there_before(basics: MemoryTrace) -> None:
    """The heat map of ``inp`` on the canvas alone, at the first and the second accumulation."""
    steps = [event.step for event in basics.events if isinstance(event, Accumulate)][2:4]
    heat = []
    for step in steps:
        frame = Frame(build(basics), Playhead(basics, step))
        box = next(index for index, each in enumerate(frame.scene.boxes) if each.title == "inp")
        rect = QRectF(*frame.scene.box_bounds(box))
        right = QRectF(rect.right() - 76, rect.top() + 10, 62, rect.height() - 20)
        heat.append(np.mean([pixel.red() for pixel in part(frame, right, 1.0, "dark")]))
    assert heat[1] > heat[0] + 15


def test_the_legend_shows_each_state_in_its_colour(qapp: QApplication, frame: Frame) -> None:
    legend = Legend(None)  # type: ignore[arg-type]
    for raised in (False, True):
        legend.show_states(raised)
        assert legend.states == tuple(state for state in NodeState if raised or state is not NodeState.RAISED)
        legend.resize(legend.sizeHint())
        image = legend.grab().toImage()
        x = legend.WIDE / 2
        for state in legend.states:
            side = range(round(x) - 1, round(x) + legend.SIDE + 1)
            pixels = [image.pixelColor(px, py) for px in side for py in range(image.height())]
            assert most_like(pixels, theme.current().name, set(ROLES.values())) == ROLES[state]
            x += legend.SIDE + 7 + legend.fontMetrics().horizontalAdvance(_text(state)) + legend.WIDE
    legend.deleteLater()


def _text(state: NodeState) -> str:
    from gradviz_ui.wording import state_text

    return state_text(state)


def test_a_breakpoint_and_a_selection_are_where_they_belong(frame: Frame) -> None:
    colours = theme.load("dark")
    box = next(index for index, each in enumerate(frame.scene.boxes) if each.title == "MmBackward0")
    assert frame.scene.kinds[box] == BoxKind.FUNCTION
    rect = QRectF(*frame.scene.box_bounds(box))
    dot = QRectF(rect.topLeft() + QPointF(1, 1), rect.topLeft() + QPointF(5, 5))
    marked = part(frame, dot, 2.0, "dark", Marks(breakpoints=frozenset({box})))
    assert colours.error in marked
    assert colours.error not in part(frame, dot, 2.0, "dark")
    ring = QRectF(rect.left() - 6, rect.top() + 10, 4, 20)
    assert colours.text in part(frame, ring, 2.0, "dark", Marks(selected=frozenset({box})))
    assert colours.text not in part(frame, ring, 2.0, "dark", Marks(hovered=frozenset({box})))
