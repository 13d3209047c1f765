"""Runs programs in child processes: what the window, which must survive anything, holds on to.

No Qt here. Callbacks come from reader threads, one at a time for each run.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradviz.recording import messages
from gradviz.recording.child import Child, cause_of_death
from gradviz.recording.program import Program

if TYPE_CHECKING:  # the recorder itself is loaded in the child process only
    from gradviz.recording.session import BackendName
    from gradviz.trace.writer import Values


@dataclass(frozen=True, slots=True)
class Finished:
    """How a run ended. ``failure`` is the exception's type and message; ``exit_code`` None if stopped.

    ``refused`` says why a program could not be recorded at all; there is no trace then. ``trouble`` says why
    the trace does not hold all that was recorded.
    """

    trace: Path
    exit_code: int | None
    stopped: bool = False
    failure: tuple[str, str] | None = None
    refused: str | None = None
    trouble: str | None = None


def _nothing(*_: Any) -> None:
    """A callback nobody needs."""


class Worker:
    """Runs one program at a time; the process for the next one is always warm.

    ``on_output(text, stream)``, ``on_event_count(events)`` while it runs; then once either
    ``on_finished(Finished)`` or ``on_crashed(reason)``, if the interpreter itself died. In every case the
    trace holds what was recorded. Not for use from several threads.
    """

    def __init__(
        self,
        *,
        on_output: Callable[[str, str], None] = _nothing,
        on_event_count: Callable[[int], None] = _nothing,
        on_finished: Callable[[Finished], None] = _nothing,
        on_crashed: Callable[[str], None] = _nothing,
    ) -> None:
        self.on_output = on_output
        self.on_event_count = on_event_count
        self.on_finished = on_finished
        self.on_crashed = on_crashed
        self._lock = threading.Lock()
        self._warm: Child | None = None
        self._running: Child | None = None

    @property
    def running(self) -> bool:
        """Is a program running?"""
        return self._running is not None

    def start(self) -> None:
        """Start a process and let it warm up; ``run`` does so itself if need be, and tells if it cannot."""
        with self._lock, suppress(OSError):
            self._take_warm(keep=True)

    def _take_warm(self, *, keep: bool = False) -> Child:
        child, self._warm = self._warm, None
        if child is None or child.dead:
            child = Child(self)
        if keep:
            self._warm = child
        return child

    def run(
        self,
        program: Program,
        trace: str | Path,
        *,
        backend: BackendName = "numpy",
        values: Values = "auto",
        arguments: Sequence[str] = (),
        folder: str | Path | None = None,
    ) -> None:
        """Run ``program`` and record it to ``trace``; returns at once.

        ``folder`` is where it runs, by default its file's own. RuntimeError if one is running already.
        """
        if self.running:
            raise RuntimeError("a program is running already")
        try:
            with self._lock:
                child = self._running = self._take_warm()
        except OSError as error:
            reason = f"the process that records cannot start: {error}"
            threading.Thread(target=self.on_crashed, args=(reason,), name="gradviz child", daemon=True).start()
            return
        if folder is None and program.file is not None:
            folder = program.file.parent
        request = {
            "type": "run",
            "program": {
                "text": program.text,
                "name": program.name,
                "cells": [[cell.title, cell.first_line] for cell in program.cells],
                "file": None if program.file is None else str(program.file),
            },
            "trace": str(Path(trace).absolute()),
            "backend": backend,
            "values": values,
            "arguments": list(arguments),
            "folder": None if folder is None else str(folder),
        }
        child.begin(request, Path(trace))

    def stop(self) -> None:
        """End the running program at once; ``on_finished`` follows. Nothing if none runs."""
        child = self._running
        if child is not None:
            child.stop()

    def close(self) -> None:
        """End every process; no callback comes after it."""
        self.on_output = self.on_event_count = self.on_finished = self.on_crashed = _nothing
        with self._lock:
            children = [child for child in (self._warm, self._running) if child is not None]
            self._warm = None
        for child in children:
            child.stop()
            child.join()

    def is_over(self, child: Child) -> None:
        """The child tells how it ended."""
        with self._lock:
            if self._running is child:
                self._running = None
        if child.trace is None:  # it never had a program to run
            return
        outcome = _outcome(child, child.trace)
        if isinstance(outcome, Finished):
            self.on_finished(outcome)
        else:
            self.on_crashed(outcome)


def _outcome(child: Child, trace: Path) -> Finished | str:
    """How the run ended: what the child said counts only as far as the system bears it out."""
    if child.stopped:
        return Finished(trace, None, stopped=True)
    if child.fault is not None:
        return f"the recording was ended: {child.fault}"
    if not child.ready.is_set():
        return f"the process that records cannot start: {child.last_words or cause_of_death(child.code)}"
    if not 0 <= child.code < 1 << 16:
        return cause_of_death(child.code)
    end = child.end
    if isinstance(end, messages.Refused):
        return Finished(trace, None, refused=end.reason)
    if end is None:  # the program called os._exit
        return Finished(trace, child.code)
    failure = None if end.failure is None else (end.failure, end.message or "")
    return Finished(trace, child.code, failure=failure, trouble=end.trouble)
