"""One program run in the child process, as the window follows it.

The client's callbacks come from its reader threads. Printed text and counts are gathered and handed to the
window at its own pace, so that a program that prints in a loop cannot flood the event loop.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from gradviz.recording.program import Program
from gradviz_ui.session.backlog import Backlog

if TYPE_CHECKING:
    from gradviz.recording.client import Finished, Worker
    from gradviz.recording.session import BackendName

BATCH_MS = 50
"""How often printed text and the count of events reach the window."""
BATCH_TEXT = 10_000
BATCH_LINES = 300
"""What is handed over at once: laying out more would hold up the window."""
BACKLOG_TEXT = 10 * BATCH_TEXT
BACKLOG_LINES = 10 * BATCH_LINES
"""What waits for its turn."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a recording ended: where the trace is, and a line for the person if something is amiss."""

    path: Path
    stopped: bool = False
    trouble: str | None = None


def load() -> None:
    """Load what runs programs: some 20 ms, for another thread than the window's."""
    import gradviz.recording.client  # noqa: F401


class Recording(QObject):
    """Runs programs one at a time; the child process for the next one is warm already."""

    output = Signal(str, str)
    """Printed text and its stream."""
    progressed = Signal()
    """A program began to run, or `events` grew."""
    ended = Signal(object)
    """An `Outcome`."""
    _over = Signal(object)

    path: Path
    """Where the last program is, or was, recorded to."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.running = False
        self.events = 0
        self.path = Path()
        self._printed = Backlog(BACKLOG_TEXT, BACKLOG_LINES)
        self._count = 0
        self._worker: Worker | None = None
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._deliver)
        self._over.connect(self._end)

    def warm_up(self) -> None:
        """Start the child process, so that the first recording need not wait for it."""
        self._child().start()

    def _child(self) -> Worker:
        if self._worker is None:
            from gradviz.recording.client import Worker  # the window stands before this is loaded

            self._worker = Worker(
                on_output=self._on_output,
                on_event_count=self._on_count,
                on_finished=self._on_finished,
                on_crashed=self._on_crashed,
            )
        return self._worker

    def start(self, program: Program, path: Path, backend: str) -> None:
        """Run ``program`` and record it to ``path``."""
        self.running, self.events, self._count, self.path = True, 0, 0, path
        self._printed.clear()
        self.progressed.emit()
        self._timer.start(BATCH_MS)
        self._child().run(program, path, backend=cast("BackendName", backend))

    def stop(self) -> None:
        """End the run at once; `ended` follows."""
        if self._worker is not None:
            self._worker.stop()

    def close(self) -> None:
        """End the child processes; no signal comes after it."""
        self._timer.stop()
        self.running = False
        if self._worker is not None:
            self._worker.close()

    # On the client's threads

    def _on_output(self, text: str, stream: str) -> None:
        self._printed.add(text, stream)

    def _on_count(self, events: int) -> None:
        self._count = events

    def _on_finished(self, finished: Finished) -> None:
        self._over.emit(Outcome(finished.trace, finished.stopped, finished.refused or finished.trouble))

    def _on_crashed(self, reason: str) -> None:
        sentence = reason[:1].upper() + reason[1:].rstrip(".") + "."
        self._over.emit(Outcome(self.path, trouble=sentence))

    # On the window's thread

    @Slot()
    def _deliver(self) -> None:
        for text, stream in self._printed.take(BATCH_TEXT, BATCH_LINES):
            self.output.emit(text, stream)
        if self._count != self.events:
            self.events = self._count
            self.progressed.emit()

    @Slot(object)
    def _end(self, outcome: Outcome) -> None:
        """The last that was printed is shown at once; the trace is about to be."""
        if not self.running:
            return
        self._timer.stop()
        self._printed.leave_out(BATCH_TEXT, BATCH_LINES)
        self._deliver()
        self.running = False
        if outcome.trouble is None and self.events and not outcome.path.exists():
            trouble = self.tr("The recording was deleted, or moved away, while it was being written.")
            outcome = replace(outcome, trouble=trouble)
        self.ended.emit(outcome)
        self._child().start()
