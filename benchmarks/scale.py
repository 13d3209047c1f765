"""What large traces cost, in one run: opening, steps, jumps, the filter, the palette, panning, file and memory.

    python benchmarks/scale.py [ROW ...] [--traces FOLDER] [--list]

Each row is measured in a process of its own, so that peak memory is that of the row. ``cpu`` is the time of the
processor: of the window's thread for what a person waits for, of all threads and children for opening and the
filter. ``wall`` is by the clock, which on a busy machine tells of the machine. Traces are made anew in a temporary
folder, or kept in FOLDER, where a later run finds them. Layout and the first window have commands of their own
(``layout.py``, ``networks.py``, ``first_window.py``). Without a display it runs on Qt's offscreen platform.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or sys.platform in ("win32", "darwin")):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import measure  # noqa: F401  (makes the helpers of the tests importable)
from PySide6.QtCore import QEvent, QObject, QSettings, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from gradviz import resources
from gradviz.trace.reader import Trace
from gradviz.trace.writer import TraceWriter
from gradviz_ui import app
from gradviz_ui.events.panel import EventsPanel
from gradviz_ui.settings import Settings
from gradviz_ui.timeline.panel import TimelinePanel
from gradviz_ui.window.main_window import MainWindow
from synthetic import training

PATIENCE = 900.0
TURNS = 40
"""Steps, jumps or pans of one row."""
NEEDLE = "tanhbackward0 runs"
TRACES: dict[str, dict[str, int]] = {
    "10k": {"nodes": 10_000},
    "100k": {"nodes": 100_000},
    "1M": {"nodes": 235_000},
    "calls": {"nodes": 24_000, "calls": 2_000, "leaves": 4},
}
"""What ``training`` is given for each trace; ``calls`` are 2,000 backward calls of twelve nodes."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a row. ``least``: the number is to be at most ``target``; None where there is no goal."""

    title: str
    value: float
    unit: str
    target: float | None = None

    def line(self) -> str:
        """The number, and beside it the target and whether it is met."""
        if self.target is None:
            return f"    {self.title:34} {self.value:10.1f} {self.unit}"
        verdict = "met" if self.value <= self.target else "MISSED"
        return f"    {self.title:34} {self.value:10.1f} {self.unit:6} (target: {self.target:g} {self.unit}) {verdict}"


def peak_mb() -> float:
    """The most memory this process has held, in MB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def all_cpu() -> float:
    """Processor seconds of all threads, and of children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


class Desk:
    """A window of 1600 x 1000 with every panel in sight, and what a row does with it."""

    def __init__(self, folder: str) -> None:
        self.application = app.make_application()
        settings = Settings(QSettings(f"{folder}/settings.ini", QSettings.Format.IniFormat))
        settings.motion = "reduced"  # nothing glides or fades between what is measured
        self.window: MainWindow = app.make_window(settings)
        self.window.resize(1600, 1000)
        self.window.show()
        self.window.activateWindow()  # shortcuts work in the active window only
        QTest.qWaitForWindowActive(self.window)
        self.window.arrangement.restore()
        self._split_tabs()
        self.window.resize(1600, 1000)  # restoring the panels has fitted the window to the screen
        self.canvas = self.window.canvas
        self.debugging = self.window.session.debugging
        QTest.qWait(300)

    def _split_tabs(self) -> None:
        """A panel behind a tab draws nothing: put them side by side."""
        for dock in self.window.docks.values():
            if self.window.tabifiedDockWidgets(dock):
                area = self.window.dockWidgetArea(dock)
                self.window.addDockWidget(area, dock)
            dock.show()

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Let the window work until the condition holds."""
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                raise SystemExit("the window did not get there in time")
            QTest.qWait(5)

    def open(self, path: Path) -> None:
        """Open a trace; back when its graph has been painted."""
        painted = Painted(self.canvas.view.viewport())
        item = self.canvas.view.item
        self.window.session.open(path)
        self.wait_until(lambda: item.painter is not None)
        painted.count = 0
        self.canvas.view.viewport().update()
        self.wait_until(lambda: painted.count > 0)

    def settle(self) -> None:
        """Wait until timers and threads have done what they put off."""
        last = -1.0
        while time.process_time() - last > 0.03:
            last = time.process_time()
            QTest.qWait(250)

    def cost(self, act: Callable[[], object]) -> tuple[float, float]:
        """Processor ms of the window's thread, and wall ms, until what ``act`` changed has been painted."""
        cpu, wall = time.thread_time(), time.perf_counter()
        act()
        for _ in range(2):  # the second turn handles what the first has asked to be painted
            self.application.processEvents()
        return (time.thread_time() - cpu) * 1e3, (time.perf_counter() - wall) * 1e3


class Painted(QObject):
    """Counts the paint events of a widget."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.count = 0
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.count += event.type() is QEvent.Type.Paint
        return False


class Stalls(QObject):
    """The longest time for which the event loop did not turn: by the clock, and of the processor in its thread."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.wall = self.cpu = 0.0
        self._last, self._last_cpu = time.perf_counter(), time.thread_time()
        timer = QTimer(self)
        timer.timeout.connect(self._turn)
        timer.start(1)

    def _turn(self) -> None:
        now, cpu = time.perf_counter(), time.thread_time()
        self.wall, self.cpu = max(self.wall, now - self._last), max(self.cpu, cpu - self._last_cpu)
        self._last, self._last_cpu = now, cpu


def medians(costs: list[tuple[float, float]], target: float) -> list[Figure]:
    """Median and worst of many."""
    cpu, wall = (sorted(column) for column in zip(*costs, strict=True))
    return [
        Figure("cpu, median", statistics.median(cpu), "ms", target),
        Figure("cpu, 90th percentile", cpu[len(cpu) * 9 // 10], "ms"),
        Figure("cpu, worst", cpu[-1], "ms"),
        Figure("wall, median", statistics.median(wall), "ms"),
    ]


def opening(seconds: float, megabytes: float) -> Callable[[Desk, Path], list[Figure]]:
    """From asking for the file to its graph painted."""

    def row(desk: Desk, path: Path) -> list[Figure]:
        before = peak_mb()
        stalls = Stalls(desk.window)
        cpu, wall = all_cpu(), time.perf_counter()
        desk.open(path)
        cpu, wall = all_cpu() - cpu, time.perf_counter() - wall
        stalled = stalls.wall, stalls.cpu
        desk.settle()
        return [
            Figure("cpu, all threads", cpu, "s"),
            Figure("wall", wall, "s", seconds),
            Figure("longest stall until painted, wall", stalled[0] * 1e3, "ms", 50),
            Figure("longest stall until painted, cpu", stalled[1] * 1e3, "ms"),
            Figure("longest stall, settled, wall", stalls.wall * 1e3, "ms"),
            Figure("peak memory", peak_mb(), "MB", megabytes),
            Figure("  of it the empty window", before, "MB"),
        ]

    return row


def steps_from(share: float, whole_timeline: bool = False) -> Callable[[Desk, Path], list[Figure]]:
    """Presses of Right from a part of the trace on."""

    def row(desk: Desk, path: Path) -> list[Figure]:
        desk.open(path)
        desk.settle()
        first = round(share * max(desk.debugging.last_step - TURNS - 1, 0))
        desk.debugging.seek(first)
        if whole_timeline:
            timeline = desk.window.docks["timeline"].widget()
            assert isinstance(timeline, TimelinePanel)
            QTest.keyClick(timeline.view, Qt.Key.Key_0)
        desk.settle()
        costs = []
        for _ in range(min(TURNS, desk.debugging.last_step - first)):
            step = desk.debugging.step
            costs.append(desk.cost(lambda: QTest.keyClick(desk.canvas.view, Qt.Key.Key_Right)))
            assert desk.debugging.step == step + 1, "the key did not arrive"
        return medians(costs, 16)

    return row


def jumps(desk: Desk, path: Path) -> list[Figure]:
    """To steps chosen at random."""
    desk.open(path)
    desk.settle()
    choose = random.Random(0)
    costs = []
    for _ in range(TURNS):
        step = choose.randint(0, desk.debugging.last_step)
        costs.append(desk.cost(partial(desk.debugging.seek, step)))
        QTest.qWait(120)
    return medians(costs, 30)


def panning(desk: Desk, path: Path) -> list[Figure]:
    """All in sight, moved by a few pixels again and again."""
    desk.open(path)
    desk.canvas.fit()
    desk.settle()
    return medians([desk.cost(lambda: desk.canvas.view.pan(7, 3)) for _ in range(TURNS)], 16)


def filtering(desk: Desk, path: Path) -> list[Figure]:
    """A text in the event table's field: until its first rows show, and until all are found."""
    desk.open(path)
    desk.settle()
    panel = desk.window.docks["events"].widget()
    assert isinstance(panel, EventsPanel)
    cpu, wall = all_cpu(), time.perf_counter()
    panel.text.setText(NEEDLE)
    desk.wait_until(lambda: panel.model.rowCount() > 0)
    desk.application.processEvents()
    first = all_cpu() - cpu, time.perf_counter() - wall
    desk.wait_until(lambda: not panel.searching)
    whole = all_cpu() - cpu, time.perf_counter() - wall
    return [
        Figure("first rows, cpu", first[0] * 1e3, "ms", 50),
        Figure("first rows, wall", first[1] * 1e3, "ms"),
        Figure("whole, cpu", whole[0], "s", 0.5),
        Figure("whole, wall", whole[1], "s"),
        Figure("found", panel.model.rowCount(), "rows"),
    ]


def finding(desk: Desk, path: Path) -> list[Figure]:
    """The command palette: opened, and a name typed into it."""
    desk.open(path)
    desk.settle()
    palette = desk.window.palette_box
    opened = desk.cost(palette.enter)
    keys = [desk.cost(partial(QTest.keyClick, palette.field, key)) for key in "mulback"]
    return [
        Figure("open, cpu", opened[0], "ms", 50),
        Figure("open, wall", opened[1], "ms"),
        Figure("a key, cpu, worst", max(cpu for cpu, _ in keys), "ms", 30),
        Figure("a key, cpu, median", statistics.median(cpu for cpu, _ in keys), "ms"),
    ]


def weight(path: Path) -> list[Figure]:
    """The file, and the memory that opening it takes without a window."""
    before = peak_mb()
    with Trace.open(path) as trace:
        events = len(trace.events)
        return [
            Figure("events", events, ""),
            Figure("file, tensors included", path.stat().st_size / events, "bytes an event", 60),
            Figure("memory", (peak_mb() - before) * (1 << 20) / events, "bytes an event", 150),
        ]


WINDOW_ROWS: dict[str, tuple[str, str, Callable[[Desk, Path], list[Figure]]]] = {
    "open-1M": ("open 1M events (235k nodes)", "1M", opening(5, 600)),
    "open-100k": ("open 100k nodes", "100k", opening(2, 300)),
    "step-example": ("one step, the example", "example", steps_from(0)),
    "step-10k": ("one step, 10k nodes", "10k", steps_from(0.5)),
    "step-100k": ("one step, 100k nodes", "100k", steps_from(0.5)),
    "step-first-calls": ("one step, in the first of 2,000 backward calls", "calls", steps_from(0, True)),
    "step-calls": ("one step, after 2,000 backward calls, whole timeline", "calls", steps_from(0.999, True)),
    "jump": ("a random jump, 100k nodes", "100k", jumps),
    "filter": (f"filter for {NEEDLE!r}, 100k nodes", "100k", filtering),
    "palette": ("Ctrl+K, 100k nodes", "100k", finding),
    "pan": ("pan, all of 100k nodes in sight", "100k", panning),
}
"""Of each row its title, its trace, and what is measured."""
ROWS = [*WINDOW_ROWS, "weight"]


def child(row: str, path: Path) -> None:
    """Measure one row in this process and print its figures as JSON."""
    if row == "weight":
        figures = weight(path)
    else:
        with tempfile.TemporaryDirectory() as folder:
            desk = Desk(folder)
            figures = WINDOW_ROWS[row][2](desk, path)
            desk.window.close()
    print(json.dumps([(each.title, each.value, each.unit, each.target) for each in figures]), flush=True)
    os._exit(0)  # taking a million events down is nobody's wait


def make(name: str, path: Path) -> None:
    """Write a trace; whole, or not there."""
    half = path.with_suffix(".half")
    with TraceWriter(half) as writer:
        training(**TRACES[name], sink=writer)
    half.replace(path)


def here(*arguments: str) -> str:
    """Run this file in a process of its own; what it prints last."""
    done = subprocess.run(
        [sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True, check=True, env=os.environ
    )
    return done.stdout.strip().rpartition("\n")[2]


def main(rows: list[str], folder: Path) -> None:
    """Measure the rows and print them, each number beside its goal."""
    steps: dict[str, float] = {}
    for row in rows:
        title, name, _ = WINDOW_ROWS.get(row, ("file and memory, 100k nodes", "100k", None))
        path = resources.path(*app.EXAMPLE) if name == "example" else folder / f"{name}.gradviz"
        if not Path(path).exists():
            here("--make", name, str(path))
        print(f"{row}: {title}", flush=True)
        figures = [Figure(*each) for each in json.loads(here("--child", row, str(path)))]
        for figure in figures:
            print(figure.line(), flush=True)
        if row.startswith("step"):
            steps[row] = figures[0].value
    if {"step-calls", "step-example"} <= steps.keys():
        print(
            Figure("step after 2,000 calls / example", steps["step-calls"] / steps["step-example"], "times", 1.5).line()
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; all by default")
    parser.add_argument("--traces", type=Path, metavar="FOLDER", help="keep the traces here")
    parser.add_argument("--list", action="store_true", help="name the rows")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--make", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if unknown := set(asked.rows) - set(ROWS):
        parser.error(f"no row is called {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    if asked.list:
        print("\n".join(ROWS))
    elif asked.child:
        child(asked.child[0], Path(asked.child[1]))
    elif asked.make:
        make(asked.make[0], Path(asked.make[1]))
    elif asked.traces:
        asked.traces.mkdir(parents=True, exist_ok=True)
        main(asked.rows or ROWS, asked.traces)
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(asked.rows or ROWS, Path(temporary))
