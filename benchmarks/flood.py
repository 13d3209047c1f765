"""How the window fares while a program prints without end, and whether that is the flood or the machine.

    python benchmarks/flood.py [SECONDS [PART OF A PROGRAM'S TITLE]]

Each program is recorded in the real window for some seconds and stopped. A timer that is due at each turn of
the event loop tells how long it stood still: ``gap`` is by the clock and grows with the load of the machine;
``turn`` is the time that the processor spent in the window's thread between two turns, which does not.
``window`` and ``threads`` say how busy the window's thread, and the threads that read from the child, were.
Without a display it runs on Qt's offscreen platform.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable

if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or sys.platform in ("win32", "darwin")):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QObject, QSettings, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from gradviz_ui import app
from gradviz_ui.settings import Settings
from gradviz_ui.window.main_window import MainWindow

TARGET_MS = 10.0
PATIENCE = 120.0
PROGRAMS = {
    "idle": "import time\nwhile True: time.sleep(1)",
    "silent, computes": "while True: pass",
    "prints lines": "while True: print('x' * 1000)",
    "prints short lines": "while True: print('x')",
    "prints short lines, flushed": "while True: print('x', flush=True)",
    "prints one line": "while True: print('x' * 100, end='')",
    "prints empty lines": "while True: print('\\n' * 1000)",
    "writes to descriptor 1": "import os\nwhile True: os.write(1, b'x' * 99 + b'\\n')",
    "writes blocks to descriptor 1": "import os\nwhile True: os.write(1, (b'x' * 99 + b'\\n') * 1000)",
    "events": "import torch\nw = torch.ones(3, requires_grad=True)\nwhile True: (w * w).sum().backward()",
    "events and lines": "import torch\nw = torch.ones(3, requires_grad=True)\nn = 0\n"
    "while True:\n    (w * w).sum().backward()\n    n += 1\n    print('turn', n)",
}


class Turns(QObject):
    """What passes between two turns of the event loop: seconds by the clock, and of the processor."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._turn)
        self._timer.start(1)
        self.begin()

    def begin(self) -> None:
        """Count from here."""
        self.gaps: list[float] = []
        self.turns: list[float] = []
        self._last = self._began = time.perf_counter()
        self._cpu = self._cpu_began = time.thread_time()
        self._process_began = time.process_time()

    def _turn(self) -> None:
        now, cpu = time.perf_counter(), time.thread_time()
        self.gaps.append(now - self._last)
        self.turns.append(cpu - self._cpu)
        self._last, self._cpu = now, cpu

    def row(self, title: str) -> str:
        """Median, 99th percentile and maximum in ms; then percent of a processor."""
        self._turn()
        seconds = time.perf_counter() - self._began
        window = time.thread_time() - self._cpu_began
        threads = time.process_time() - self._process_began - window
        figures = "  ".join(
            f"{name} {_quantiles(values)}" for name, values in (("gap", self.gaps), ("turn", self.turns))
        )
        return f"{title:42} {figures}  window {window / seconds:4.0%}  threads {threads / seconds:4.0%}"


def _quantiles(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    chosen = (ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100], ordered[-1])
    return " ".join(f"{value * 1e3:6.1f}" for value in chosen)


def wait_until(condition: Callable[[], bool]) -> None:
    """Let the window work until the condition holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise SystemExit("the window did not get there in time")
        QTest.qWait(5)


def measure(window: MainWindow, turns: Turns, title: str, program: str, seconds: float) -> None:
    """Record it for so long, stop it, and wait until what was recorded is shown."""
    session = window.session
    session.new_program(program, "flood.py")
    QTest.qWait(200)
    window.actions_by_id["record.start"].trigger()
    QTest.qWait(1500)  # it has to come up
    turns.begin()
    QTest.qWait(int(seconds * 1e3))
    print(turns.row(title), flush=True)
    turns.begin()
    session.stop()
    wait_until(lambda: not session.recording and not session.loading)
    QTest.qWait(1000)
    print(turns.row("  stopped, and shown"), flush=True)


def main(seconds: float, wanted: str) -> None:
    """Measure each program whose title has ``wanted`` in it."""
    application: QApplication = app.make_application()
    with tempfile.TemporaryDirectory() as folder:
        sys.setswitchinterval(app.SWITCH_SECONDS)
        window = app.make_window(Settings(QSettings(f"{folder}/settings.ini", QSettings.Format.IniFormat)))
        window.resize(1600, 1000)
        window.show()
        window.session.warm_up()
        QTest.qWait(3000)
        print(f"median, 99th percentile, maximum in ms on Qt's {application.platformName()} platform")
        print(f"(target: no turn above {TARGET_MS:g} ms because of what a program prints)")
        turns = Turns(window)
        turns.begin()
        QTest.qWait(int(seconds * 1e3))
        print(turns.row("no program"), flush=True)
        for title, program in PROGRAMS.items():
            if wanted in title:
                measure(window, turns, title, program, seconds)
        document = window.session.document
        if document is not None:
            document.text_document.setModified(False)
        window.close()


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 5.0, " ".join(sys.argv[2:]))
