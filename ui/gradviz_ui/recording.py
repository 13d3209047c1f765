"""One program run in the child process, as the window follows it.

The client's callbacks come from its reader thread; they cross to the window's thread as one queued signal
for each batch, so that a program that prints in a loop cannot flood the event loop.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

if TYPE_CHECKING:
    from gradviz.record.client import Worker
    from gradviz.record.program import Program

BATCH_MS = 50
"""How often printed text and the count of events reach the window."""
KEPT_OUTPUT = 200_000
"""Characters of a batch that are kept, the last ones; what came before them is in the trace."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a recording ended: where the trace is, and why the child process died if it did."""

    path: Path
    crash: str | None = None


class Recording(QObject):
    """Runs programs one at a time in a child process that stays warm between them."""

    started = Signal()
    output = Signal(str, str)
    """Printed text and its stream."""
    progressed = Signal()
    """`events` grew."""
    ended = Signal(object)
    """An `Outcome`."""
    _over = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.running = False
        self.events = 0
        self._worker: Worker | None = None
        self._lock = threading.Lock()
        self._printed: list[tuple[str, str]] = []
        self._count = 0
        self._path = Path()
        self._timer = QTimer(self)
        self._timer.setInterval(BATCH_MS)
        self._timer.timeout.connect(self._deliver)
        self._over.connect(self._end)

    def start(self, program: Program, path: Path, backend: str) -> None:
        """Run ``program`` and record it to ``path``."""
        raise NotImplementedError

    def stop(self) -> None:
        """End the run at once."""

    def close(self) -> None:
        """End the child process."""

    @Slot()
    def _deliver(self) -> None:
        with self._lock:
            printed, self._printed = self._printed, []
            count = self._count
        for text, stream in printed:
            self.output.emit(text, stream)
        if count != self.events:
            self.events = count
            self.progressed.emit()

    @Slot(object)
    def _end(self, outcome: Outcome) -> None:
        self._timer.stop()
        self._deliver()
        self.running = False
        self.ended.emit(outcome)
