"""How long from starting gradviz to the example's graph on the screen, beside a bare PySide6 window.

    python benchmarks/first_window.py [ROUNDS]

Both are started as processes of their own, in turns. ``bare`` imports numpy and PySide6 and shows an empty
window; ``gradviz`` is the command without arguments. Each says when its paint event has been handled, on the
clock all processes share. Without a display, both run on Qt's offscreen platform.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

BARE = """
import numpy, time
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMainWindow

class Window(QMainWindow):
    def paintEvent(self, event):
        QTimer.singleShot(0, done)

def done():
    print(time.time(), flush=True)
    app.quit()

app = QApplication([])
window = Window()
window.resize(1600, 1000)
window.show()
app.exec()
"""

GRADVIZ = """
import gc, sys, time
from gradviz import cli
from gradviz import startup
startup.require_window()
gc.disable()  # the command does these two before it loads the window, and so must this
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from gradviz_ui.canvas.item import GraphItem

paint = GraphItem.paint

def watched(item, *arguments):
    paint(item, *arguments)
    if item.painter is not None:
        GraphItem.paint = paint
        QTimer.singleShot(0, done)

def done():
    print(time.time(), flush=True)
    QApplication.instance().closeAllWindows()

GraphItem.paint = watched
sys.argv = ["gradviz"]
sys.exit(cli.main([]))
"""

TARGET = 3.0


def start(code: str) -> float:
    """Seconds from starting a process that runs ``code`` to the moment it prints."""
    begin = time.time()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    if done.returncode or not done.stdout:
        raise SystemExit(f"a window did not open:\n{done.stderr}")
    return float(done.stdout.split()[0]) - begin


def main(rounds: int) -> None:
    """Start both in turns and print medians and their ratio."""
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or sys.platform in ("win32", "darwin")):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    candidates = {"gradviz": GRADVIZ, "bare": BARE}
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for turn in range(rounds + 1):
        for name, code in candidates.items():
            seconds = start(code)
            if turn:  # the first round fills the disk's cache
                times[name].append(seconds)
    platform = os.environ.get("QT_QPA_PLATFORM", "the system's display")
    medians = {name: statistics.median(values) for name, values in times.items()}
    print(f"process start to first paint, median of {rounds}, on {platform}")
    for name, values in times.items():
        print(f"  {name:8} {medians[name]:6.3f} s   (from {min(values):.3f} to {max(values):.3f})")
    ratio = medians["gradviz"] / medians["bare"]
    print(f"  ratio    {ratio:6.2f}     (target: at most {TARGET:g})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
