"""Attack: Stop, as the window's client does it, at a random moment of a program that does anything."""

from __future__ import annotations

import random
import tempfile
import threading
import time
from pathlib import Path

from gradviz.recording.client import Finished, Worker
from gradviz.recording.program import Program
from gradviz.trace.errors import TraceError
from gradviz.trace.reader import Trace
from tests.attack.found import Finding

NAME = "stops"
PROGRAMS = (
    "import torch\nw = torch.ones(9, requires_grad=True)\nwhile True: (w * 2).sum().backward()\n",
    "while True: pass\n",
    "while True: print('on' * 100)\n",
    "import time\ntime.sleep(1000)\n",
    "import threading, time\nfor _ in range(4): threading.Thread(target=time.sleep, args=[1000]).start()\n",
    "import signal\nfor s in (signal.SIGINT, signal.SIGTERM): signal.signal(s, signal.SIG_IGN)\nwhile True: pass\n",
    "while True:\n    try:\n        while True: pass\n    except BaseException: pass\n",
    "import os, time\nif os.fork() == 0:\n    time.sleep(30)\nwhile True: pass\n",
    "import torch\nx = torch.ones(500, 500, requires_grad=True)\nwhile True: x = x @ x * 0.001\n",
    "print('short')\n",
    "raise ValueError('soon')\n",
    "import os\nos._exit(3)\n",
    "input('never? ')\n",
)
PATIENCE = 120.0


class Stops:
    """Stops one program for each seed; the worker goes on to the next."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="gradviz-stops-")
        self._over = threading.Event()
        self._endings: list[Finished | str] = []
        self._worker = Worker(on_finished=self._ended, on_crashed=self._ended)

    def _ended(self, ending: Finished | str) -> None:
        self._endings.append(ending)
        self._over.set()

    def attack(self, seed: int) -> Finding | None:
        """Stop a program; it must end, once, and its trace must open."""
        choose = random.Random(seed)
        text = choose.choice(PROGRAMS)
        path = Path(self._folder.name) / f"t{seed}.gradviz"
        self._over.clear()
        self._endings.clear()
        self._worker.run(Program(text, "p.py"), path)
        time.sleep(choose.choice((0, 0.02, 0.2, 0.5, 1.0)) * choose.random())
        self._worker.stop()
        if not self._over.wait(PATIENCE):
            return Finding(NAME, seed, f"nothing came after Stop within {PATIENCE:.0f} s:\n{text}")
        time.sleep(0.05)
        wrong = self._look(path)
        return None if wrong is None else Finding(NAME, seed, f"{wrong}\n{text}")

    def _look(self, path: Path) -> str | None:
        if len(self._endings) != 1:
            return f"it ended {len(self._endings)} times: {self._endings}"
        if self._worker.running:
            return "the worker says that it still runs"
        if path.exists():
            try:
                Trace.open(path).close()
            except TraceError as error:
                return f"the trace does not open: {error}"
        return None

    def close(self) -> None:
        """End the worker and remove what was made."""
        self._worker.close()
        self._folder.cleanup()
