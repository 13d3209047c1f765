"""What it costs to start gradviz until the example's graph is on the screen, beside a bare PySide6 window.

    python benchmarks/first_window.py [ROUNDS]

Both are started as processes of their own, in turns. ``bare`` imports numpy and PySide6 and shows an empty
window; ``gradviz`` is the command without arguments. Once its paint event has been handled each tells the CPU
time of all its threads so far, and when that was, on the clock all processes share. CPU time decides: a busy
machine makes it longer as well, but both alike. numpy's BLAS starts no threads in either: they would wait for work
at full speed for up to 0.1 s, as it happens, and make the two look more alike than they are. Settings are those of
the first day. Without a display, both run on Qt's offscreen platform.

Python compiles what it finds no bytecode of, which takes longer than all else; the output says where that is so.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time

BARE = """
import numpy, time
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMainWindow

class Window(QMainWindow):
    def paintEvent(self, event):
        QTimer.singleShot(0, done)

def done():
    print(time.process_time(), time.time(), 0, flush=True)
    app.quit()

app = QApplication([])
window = Window()
window.resize(1600, 1000)
window.show()
app.exec()
"""

GRADVIZ = """
import gc, os, sys, time
from gradviz import cli, startup

def watch():
    # When the command has made sure that a window can open, and not before: its order of imports is part of it.
    asked()
    gc.disable()  # as the command does next
    from gradviz_ui.canvas.item import GraphItem

    paint = GraphItem.paint

    def watched(item, *arguments):
        paint(item, *arguments)
        if item.painter is not None:
            GraphItem.paint = paint
            from PySide6.QtCore import QTimer
            QTimer.singleShot(0, done)

    GraphItem.paint = watched

def done():
    print(time.process_time(), time.time(), compiled(), flush=True)
    from PySide6.QtWidgets import QApplication
    QApplication.instance().closeAllWindows()

def compiled():
    # how many of the files that were loaded have no bytecode even now
    files = [getattr(module, "__cached__", None) for module in sys.modules.values()]
    return sum(file is not None and not os.path.exists(file) for file in files)

asked, startup.require_window = startup.require_window, watch
sys.argv = ["gradviz"]
sys.exit(cli.main([]))
"""

TARGET = 2.5


def start(code: str, folder: str) -> tuple[float, float, int]:
    """Seconds of CPU and of the clock from starting a process that runs ``code`` to the moment it prints, and how
    many files were compiled for it."""
    begin = time.time()
    kept = dict.fromkeys(("XDG_CONFIG_HOME", "XDG_DATA_HOME"), folder)
    kept["OPENBLAS_NUM_THREADS"] = "1"
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | kept, capture_output=True, text=True, timeout=120
    )
    if done.returncode or not done.stdout:
        raise SystemExit(f"a window did not open:\n{done.stderr}")
    cpu, clock, compiled = done.stdout.split()[:3]
    return float(cpu), float(clock) - begin, int(compiled)


def main(rounds: int) -> None:
    """Start both in turns and print medians and their ratio."""
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or sys.platform in ("win32", "darwin")):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    candidates = {"gradviz": GRADVIZ, "bare": BARE}
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in candidates}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(rounds + 1):
            for name, code in candidates.items():
                seconds = start(code, folder)
                if turn:  # the first round fills the disk's cache, and writes bytecode where it may
                    spent[name].append(seconds)
    platform = os.environ.get("QT_QPA_PLATFORM", "the system's display")
    cpu = {name: [seconds[0] for seconds in values] for name, values in spent.items()}
    medians = {name: statistics.median(values) for name, values in cpu.items()}
    print(f"process start to first paint, median of {rounds}, on {platform}")
    for name, values in cpu.items():
        wall = statistics.median(seconds[1] for seconds in spent[name])
        between = f"from {min(values):.3f} to {max(values):.3f}"
        print(f"  {name:8} {medians[name]:6.3f} s of CPU ({between}), {wall:.3f} s on the clock")
    ratio = medians["gradviz"] / medians["bare"]
    print(f"  ratio    {ratio:6.2f}                (target: at most {TARGET:g})")
    compiled = max(seconds[2] for seconds in spent["gradviz"])
    if compiled:
        why = " (PYTHONDONTWRITEBYTECODE is set)" if sys.dont_write_bytecode else ""
        print(f"  {compiled} files have no bytecode{why}: Python compiled them at each start")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
