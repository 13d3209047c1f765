"""Runs programs in child processes: what the window, which must survive anything, holds on to.

No Qt here. Callbacks come from reader threads, one at a time for each run.
"""

from __future__ import annotations

import codecs
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradviz.record.program import Program
from gradviz.record.worker import FORWARDED_CHARACTERS

if TYPE_CHECKING:  # the recorder itself is loaded in the child process only
    from gradviz.record.session import BackendName
    from gradviz.trace.writer import Values

EXIT_SECONDS = 0.5
"""How long a program that is over may take for its exit handlers."""


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
        self._warm: _Child | None = None
        self._running: _Child | None = None

    @property
    def running(self) -> bool:
        """Is a program running?"""
        return self._running is not None

    def start(self) -> None:
        """Start a process and let it warm up; ``run`` does so itself if need be."""
        with self._lock:
            if self._warm is None or self._warm.dead:
                self._warm = _Child(self)

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
        self.start()
        with self._lock:
            child, self._warm = self._warm, None
            assert child is not None, "start() has made one"
            self._running = child
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

    def _is_over(self, child: _Child) -> None:
        with self._lock:
            if self._running is child:
                self._running = None


class _Child:
    """One process, its pipes, and the threads that empty them."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._stopped = False
        self._trace: Path | None = None
        self._end: dict[str, Any] | None = None
        environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "gradviz.record.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=os.name == "posix",  # a Ctrl+C in the window's terminal is not for it
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self._raw = threading.Thread(target=self._read_raw, name="gradviz raw output", daemon=True)
        self._reader = threading.Thread(target=self._read, name="gradviz messages", daemon=True)
        self._raw.start()
        self._reader.start()

    @property
    def dead(self) -> bool:
        return self._process.poll() is not None

    def begin(self, request: dict[str, Any], trace: Path) -> None:
        self._trace = trace
        pipe = self._process.stdin
        assert pipe is not None
        try:
            pipe.write((json.dumps(request) + "\n").encode("utf-8"))
            pipe.flush()
        except OSError:  # it died while warm; the reader says so
            return

    def stop(self) -> None:
        self._stopped = True
        self._kill()

    def join(self) -> None:
        self._reader.join(2)

    def _kill(self) -> None:
        """With it go the processes it started, where the system can tell."""
        if os.name == "posix":
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()

    def _read(self) -> None:
        pipe = self._process.stdout
        assert pipe is not None
        for line in pipe:
            self._handle(json.loads(line))
            if self._end is not None:
                break
        self._finish()

    def _handle(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "output":
            self._worker.on_output(message["text"], message["stream"])
        elif kind == "progress":
            self._worker.on_event_count(message["events"])
        elif kind in ("finished", "refused"):
            self._end = message
            if kind == "finished":
                self._worker.on_event_count(message["events"])

    def _read_raw(self) -> None:
        """Descriptors 1 and 2 of the program: never let the pipe fill, whatever comes."""
        pipe = self._process.stderr
        assert pipe is not None
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        left = FORWARDED_CHARACTERS
        while data := os.read(pipe.fileno(), 1 << 16):
            if self._trace is not None and left > 0:
                text = decoder.decode(data)[:left]
                left -= len(text)
                self._worker.on_output(text, "stderr")

    def _finish(self) -> None:
        """The program is over: let the process end, start the next, and tell."""
        try:
            self._process.wait(EXIT_SECONDS if self._end is not None else None)
        except subprocess.TimeoutExpired:
            self._kill()
            self._process.wait()
        self._raw.join(EXIT_SECONDS)  # a process it left behind may hold the pipe open
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what is unsent has nobody to go to
                    pipe.close()
        worker, trace = self._worker, self._trace
        worker._is_over(self)
        if trace is None:  # it never had a program to run
            return
        outcome = self._outcome(trace)
        if isinstance(outcome, Finished):
            worker.on_finished(outcome)
        else:
            worker.on_crashed(outcome)

    def _outcome(self, trace: Path) -> Finished | str:
        if self._end is not None and self._end["type"] == "refused":
            return Finished(trace, None, refused=self._end["reason"])
        if self._end is not None:
            failure = self._end["failure"]
            return Finished(
                trace,
                self._end["exit_code"],
                failure=None if failure is None else tuple(failure),
                trouble=self._end["trouble"],
            )
        if self._stopped:
            return Finished(trace, None, stopped=True)
        code = self._process.returncode
        if 0 <= code < 1 << 16:  # the program called os._exit
            return Finished(trace, code)
        return _cause_of_death(code)


def _cause_of_death(code: int) -> str:
    if code < 0:
        try:
            return f"the interpreter was ended by {signal.Signals(-code).name}"
        except ValueError:
            return f"the interpreter was ended by signal {-code}"
    return f"the interpreter crashed with code {code:#x}"
