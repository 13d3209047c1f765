"""A watchdog for the window's thread: how long its event loop stood still, and where.

A timer of the window beats; a thread looks whether it does. Wall time alone says little on a busy machine, so
the processor time that the window's thread took meanwhile is told with it.
"""

from __future__ import annotations

import faulthandler
import tempfile
import threading
import time
from dataclasses import dataclass

from PySide6.QtCore import QObject, QTimer, Slot

BEAT_MS = 10
LOOK_SECONDS = 0.02
STALL = 0.3
"""Seconds without a beat that are a stall."""
FRAMES = 14


@dataclass(frozen=True)
class Stall:
    """How long the window stood still, the processor time its thread took in that time, and its stack then."""

    wall: float
    cpu: float
    stack: str

    @property
    def certain(self) -> bool:
        """Was it the window's own work, and not a machine that did something else?"""
        return self.cpu > STALL

    def __str__(self) -> str:
        wall, cpu = f"{self.wall * 1000:.0f} ms", f"{self.cpu * 1000:.0f} ms"
        return f"the window stood still for {wall}, {cpu} of its own work:\n{self.stack}"


class Watch(QObject):
    """Collects the stalls between ``start`` and ``stop``. Made on the window's thread."""

    def __init__(self) -> None:
        super().__init__()
        self.stalls: list[Stall] = []
        self._window = threading.get_ident()
        self._beat = self._cpu = 0.0
        self._stack: str | None = None
        self._watching = False
        self._timer = QTimer(self)
        self._timer.setInterval(BEAT_MS)
        self._timer.timeout.connect(self._beats)
        self._file = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in close
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watchdog", daemon=True)
        self._thread.start()

    def start(self) -> None:
        """Begin to watch."""
        self._beat, self._cpu, self._stack = time.monotonic(), time.thread_time(), None
        self._watching = True
        self._timer.start()

    def stop(self) -> None:
        """Watch no longer."""
        self._beats()
        self._watching = False
        self._timer.stop()

    def taken(self) -> list[Stall]:
        """The stalls since this was last asked."""
        found, self.stalls = self.stalls, []
        return found

    def close(self) -> None:
        """End the watching thread."""
        self.stop()
        self._over.set()
        self._thread.join()
        self._file.close()

    @Slot()
    def _beats(self) -> None:
        now, cpu = time.monotonic(), time.thread_time()
        if self._watching and now - self._beat > STALL:
            self.stalls.append(Stall(now - self._beat, cpu - self._cpu, self._stack or "(not seen)"))
        self._beat, self._cpu, self._stack = now, cpu, None

    def _look(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            beat = self._beat
            if self._watching and self._stack is None and time.monotonic() - beat > STALL * 0.9:
                stack = self._stack_of_window()
                if self._beat == beat:
                    self._stack = stack

    def _stack_of_window(self) -> str:
        """The lines where the window's thread is. No frame is held: what ends with one would end on this thread."""
        self._file.seek(0)
        self._file.truncate()
        faulthandler.dump_traceback(self._file)
        self._file.seek(0)
        for part in self._file.read().split("\n\n"):
            if f"{self._window:x} " in part.splitlines()[0]:
                return "\n".join(part.splitlines()[1 : FRAMES + 1])
        return ""
