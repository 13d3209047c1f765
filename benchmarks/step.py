"""How long one step takes in the window: from the press of the Right key to the canvas painted.

    python benchmarks/step.py [STEPS]

Real key events go to the real window, first with the example, then with a synthetic training run of 10,000
nodes, which is looked at as it opens and with the whole graph in sight. ``painted`` is when the paint event
that shows the step has been handled; ``settled`` when nothing is left to paint in any panel. Without a
display it runs on Qt's offscreen platform.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable

if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or sys.platform in ("win32", "darwin")):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import measure  # noqa: F401  (makes the helpers of the tests importable)
from PySide6.QtCore import QEvent, QObject, QSettings, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from gradviz import resources
from gradviz_ui import app
from gradviz_ui.canvas.item import GraphItem
from gradviz_ui.settings import Settings
from gradviz_ui.window.main_window import MainWindow
from synthetic import training

TARGET_MS = 16.0
PATIENCE = 120.0
QUIET = 0.05
"""Seconds without a paint event after which the window counts as settled."""


class Paints(QObject):
    """Counts paint events, those of the canvas apart."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.canvas = 0
        self.last = 0.0
        self._viewport = window.canvas.view.viewport()
        for widget in window.findChildren(QWidget):
            widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Paint:
            self.last = time.perf_counter()
            self.canvas += watched is self._viewport
        return False


def wait_until(application: QApplication, condition: Callable[[], bool]) -> None:
    """Let the window work until the condition holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise SystemExit("the window did not get there in time")
        application.processEvents()


def settle(application: QApplication, paints: Paints) -> float:
    """Wait until nothing is painted any more; the moment the last paint event was handled."""
    while time.perf_counter() - paints.last < QUIET:
        application.processEvents()
    return paints.last


def median_step(application: QApplication, window: MainWindow, paints: Paints, steps: int) -> tuple[float, float]:
    """Median seconds to painted and to settled over ``steps`` presses of Right, spread over the trace."""
    painted, settled = [], []
    spread = max(1, window.session.debugging.last_step // (steps + 1))
    for number in range(steps):
        window.session.debugging.seek(number * spread)
        application.processEvents()
        paints.last = time.perf_counter()
        settle(application, paints)
        before, step = paints.canvas, window.session.debugging.step
        begin = time.perf_counter()
        QTest.keyClick(window.canvas.view, Qt.Key.Key_Right)
        assert window.session.debugging.step == step + 1, "the key did not arrive"
        # A step that changes nothing in the graph (a print) paints nothing there.
        while paints.canvas == before and time.perf_counter() - begin < QUIET:
            application.processEvents()
        if paints.canvas == before:
            continue
        painted.append(time.perf_counter() - begin)
        settled.append(settle(application, paints) - begin)
    return statistics.median(painted), statistics.median(settled)


def report(name: str, times: tuple[float, float]) -> None:
    """One line for a trace."""
    painted, settled = (1e3 * seconds for seconds in times)
    print(f"  {name:34} painted {painted:6.2f} ms   settled {settled:6.2f} ms   (target < {TARGET_MS:g} ms)")


def main(steps: int) -> None:
    """Measure the example and the large trace."""
    application = app.make_application()
    with tempfile.TemporaryDirectory() as folder:
        window = app.make_window(Settings(QSettings(f"{folder}/settings.ini", QSettings.Format.IniFormat)))
        window.resize(1600, 1000)
        window.show()
        window.activateWindow()  # shortcuts work in the active window only
        QTest.qWaitForWindowActive(window)
        print(f"key press to painted, median of {steps} steps, on Qt's {application.platformName()} platform")
        window.session.open(resources.path(*app.EXAMPLE))
        show(application, window)
        paints = Paints(window)
        report("the example", median_step(application, window, paints, steps))

        trace = training(10_000)
        assert trace is not None
        window.session.show_trace(trace)
        show(application, window)
        title = f"{len(trace.nodes):,} nodes, {len(trace.events):,} events"
        report(f"{title}, as opened", median_step(application, window, paints, steps))
        window.canvas.fit()
        report(f"{title}, all in sight", median_step(application, window, paints, steps))
        window.close()


def show(application: QApplication, window: MainWindow) -> None:
    """Wait until the graph of the trace just opened has been laid out and painted."""
    item: GraphItem = window.canvas.view.item
    wait_until(application, lambda: window.session.debugging.trace is not None and item.painter is not None)
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        application.processEvents()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
