from __future__ import annotations

import gc
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gradviz.projection import text
from gradviz.projection.frame import Frame, LinkState
from gradviz.projection.scene import build
from gradviz.replay import NodeState, Playhead
from gradviz.trace.memory import MemoryTrace
from gradviz_ui import theme
from gradviz_ui.canvas.ink import ink_of
from gradviz_ui.canvas.painter import FramePainter, Marks, draw_lines, draw_rects
from gradviz_ui.canvas.panel import CanvasPanel

from .conftest import box_named


def painted(frame: Frame, scale: float, marks: Marks | None = None, theme_name: str = "dark") -> QImage:
    """The whole frame as an image."""
    left, top, width, height = frame.scene.bounds
    image = QImage(max(round(width * scale), 1), max(round(height * scale), 1), QImage.Format.Format_RGB32)
    ink = ink_of(theme_name)
    image.fill(ink.colors.canvas)
    painter = QPainter(image)
    painter.scale(scale, scale)
    painter.translate(-left, -top)
    FramePainter(frame, ink).paint(painter, frame.scene.bounds, scale, marks or Marks())
    painter.end()
    return image


def color_at(image: QImage, frame: Frame, scale: float, point: QPointF) -> QColor:
    left, top, _, _ = frame.scene.bounds
    return image.pixelColor(round((point.x() - left) * scale), round((point.y() - top) * scale))


def near(a: QColor, b: QColor, by: int = 40) -> bool:
    return sum(abs(x - y) for x, y in zip(a.getRgb()[:3], b.getRgb()[:3], strict=True)) <= by


@pytest.mark.parametrize("scale", [0.05, 0.2, 0.3, 0.5, 1.0, 2.0])
def test_every_scale_shows_what_runs_in_its_colour(canvas: CanvasPanel, scale: float) -> None:
    frame = canvas.frame
    assert frame is not None
    left, top, width, height = frame.scene.box_bounds(next(iter(frame.running)))
    x0, y0, _, _ = frame.scene.bounds
    part = painted(frame, scale).copy(
        round((left - x0) * scale), round((top - y0) * scale), round(width * scale), round(height * scale)
    )
    colors = (part.pixelColor(x, y) for x in range(part.width()) for y in range(part.height()))
    assert sum(near(color, theme.current().running, 90) for color in colors) >= 20


def test_states_differ_without_colour(basics: MemoryTrace) -> None:
    """In grey, no two states of the same card look alike."""
    frame = Frame(build(basics), Playhead(basics, len(basics.events)))
    box = 1
    looks = {}
    for state in NodeState:
        frame.states[box] = state
        frame.links[:] = LinkState.EMPTY
        left, top, width, height = frame.scene.box_bounds(box)
        grey = painted(frame, 2.0).convertToFormat(QImage.Format.Format_Grayscale8)
        x0, y0, _, _ = frame.scene.bounds
        part = grey.copy(
            round((left - x0 - 12) * 2), round((top - y0 - 12) * 2), round((width + 24) * 2), round((height + 24) * 2)
        )
        bits = np.frombuffer(part.constBits(), np.uint8).reshape(part.height(), part.bytesPerLine())
        edges = np.abs(np.diff(bits[:, : part.width()].astype(int), axis=1)) > 25
        looks[state] = edges
    for state, look in looks.items():
        for other, other_look in looks.items():
            if state < other:
                assert np.count_nonzero(look != other_look) > 30, f"{state!r} looks like {other!r}"


def test_text_is_as_wide_as_boxes_were_sized_for() -> None:
    """The widths without Qt agree with the fonts that ship with gradviz."""
    ink = ink_of("dark")
    for words in ("BinaryCrossEntropyWithLogits", "AddBackward0", "×2 sums", "loss"):
        assert text.title_width(words) == pytest.approx(QFontMetricsF(ink.title_font).horizontalAdvance(words), abs=6)
    mono = "(4, 5) · ‖g‖ 11.31 · freed"
    assert text.mono_width(mono) == pytest.approx(QFontMetricsF(ink.mono_font).horizontalAdvance(mono), abs=2)


def test_arrays_are_drawn_as_they_are(qapp: QApplication) -> None:
    image = QImage(20, 20, QImage.Format.Format_RGB32)
    image.fill(QColor("black"))
    painter = QPainter(image)
    painter.setPen(QColor("white"))
    draw_lines(painter, np.array([[2, 3, 2, 10], [5, 3, 5, 10]]))
    painter.fillRect(0, 0, 0, 0, QColor("white"))
    painter.setBrush(QColor("white"))
    draw_rects(painter, np.array([[10.0, 10.0, 5.0, 5.0]]))
    draw_lines(painter, np.zeros((0, 4)))
    painter.end()
    assert [image.pixelColor(x, 5).value() for x in (1, 2, 3, 5)] == [0, 255, 0, 255]
    assert image.pixelColor(12, 12).value() == 255


def test_marks_are_drawn_over_the_graph(canvas: CanvasPanel) -> None:
    frame = canvas.frame
    assert frame is not None
    box = box_named(canvas, "PowBackward0")
    plain, marked = (
        painted(frame, 1.0),
        painted(frame, 1.0, Marks(selected=frozenset({box}), breakpoints=frozenset({box}))),
    )
    rect = QRectF(*frame.scene.box_bounds(box))
    ring = rect.topLeft() + QPointF(rect.width() / 2, -4)
    assert near(color_at(marked, frame, 1.0, ring), theme.current().text, 120)
    assert color_at(plain, frame, 1.0, ring) != color_at(marked, frame, 1.0, ring)
    assert near(color_at(marked, frame, 1.0, rect.topLeft() + QPointF(3, 3)), theme.current().error)


@pytest.mark.parametrize("view", ["backward", "forward", "both"])
@pytest.mark.parametrize("name", ["dark", "light"])
def test_every_step_of_every_view_is_painted_without_complaint(basics: MemoryTrace, view: str, name: str) -> None:
    playhead = Playhead(basics)
    frame = Frame(build(basics, view), playhead)
    looks = set()
    for step in range(0, len(basics.events) + 1, 3):
        frame.update(playhead.seek(step))
        looks.add(bytes(painted(frame, 0.5, theme_name=name).constBits()))
    assert len(looks) > 15


def on_screen(canvas: CanvasPanel, qtbot: QtBot) -> QImage:
    """What the window shows, once all is painted; nothing is painted again for it."""
    qtbot.wait(60)
    area = canvas.view.geometry()
    shown = canvas.window().screen().grabWindow(canvas.winId())
    return shown.copy(area.adjusted(0, 60, -160, -60)).toImage()


def differs(a: QImage, b: QImage) -> bool:
    """Is any pixel visibly different? Qt places the dashes of a clipped line a little differently."""
    return bool((np.abs(levels(a) - levels(b)) > 40).any())


def levels(image: QImage) -> np.ndarray:
    """The numbers of an image's pixels."""
    held = image.convertToFormat(QImage.Format.Format_RGB32)
    return np.frombuffer(held.constBits(), np.uint8).astype(int)


def test_what_a_move_paints_is_what_a_whole_paint_shows(canvas: CanvasPanel, qtbot: QtBot) -> None:
    """The screen after each small repaint equals the screen painted anew."""
    session = canvas.session
    session.settings.motion = "reduced"  # what fades differs from moment to moment
    qtbot.wait(100)
    differing = []
    for step in [*range(session.debugging.step - 8, session.debugging.step + 10), 20, 21, 22, 23, 22, 21]:
        session.debugging.seek(step)
        kept = on_screen(canvas, qtbot)
        canvas.view.viewport().update()
        if differs(kept, on_screen(canvas, qtbot)):
            differing.append(step)
    assert differing == []


def test_a_painter_that_fails_leaves_the_window_alive(canvas: CanvasPanel, qtbot: QtBot) -> None:
    item = canvas.view.item
    assert item.painter is not None
    item.painter.frame.states[:] = 99
    item.painter.frame._cards.clear()
    with qtbot.waitSignal(canvas.session.message) as told:
        canvas.view.viewport().repaint()
    assert told.args[0] == "error"
    assert "99 is not a valid NodeState" in told.args[1]
    assert item.failure is not None
    assert "Traceback" in item.failure
    canvas.session.show_trace(canvas.session.debugging.trace)  # type: ignore[arg-type]
    canvas.view.viewport().repaint()
    assert item.failure is None


def test_a_failing_paint_does_not_end_the_process() -> None:
    """Qt aborts when an exception leaves a paint call while a painter is active."""
    code = """
        from PySide6.QtWidgets import QApplication
        app = QApplication([])
        from synthetic import autograd_basics
        from gradviz_ui.canvas.panel import CanvasPanel
        from gradviz_ui.session import Session
        session = Session()
        canvas = CanvasPanel(session)
        canvas.show()
        session.show_trace(autograd_basics())
        def broken(painter, *rest):
            painter.save()
            painter.setOpacity(0.1)
            raise RuntimeError("broken on purpose")
        canvas.view.item.painter.paint = broken
        for _ in range(3):
            canvas.view.viewport().repaint()
            app.processEvents()
        assert "broken on purpose" in canvas.view.item.failure
        session.close()
        print("alive")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},  # the tests' helpers too
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "alive" in done.stdout


def test_painting_loses_no_references_to_none(canvas: CanvasPanel) -> None:
    """Some releases of PySide6 drop one for each paint call, until the interpreter aborts."""
    for _ in range(20):
        canvas.view.viewport().repaint()
    gc.collect()
    before = sys.getrefcount(None)
    for frame in range(500):
        if frame % 50 == 0:
            canvas.session.debugging.seek(canvas.session.debugging.last_step - frame // 50)
        canvas.view.viewport().repaint()
    gc.collect()
    assert sys.getrefcount(None) > before - 100
