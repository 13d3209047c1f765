"""The child process that runs one program: ``python -P -m gradviz.recording.worker``.

It is started before it is needed, loads everything slow, says ``Ready`` and waits. One program is run by
each process, so that no module, thread or setting of one run can reach the next; ``client`` starts the
next process at once.

In, on stdin, comes one line of JSON, what to run; the end of stdin means that the window is gone, and so are
the worker and the processes it started. Out, on what was stdout, go ``messages``. The program's own stdin is
empty. What it writes to ``sys.stdout`` and ``sys.stderr`` becomes ``Output``; what is written to file
descriptors 1 and 2 (C code, child processes) goes to the stderr pipe as it is. The process ends with the
program's exit code.
"""

from __future__ import annotations

import atexit
import faulthandler
import importlib
import json
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from gradviz.recording import processes
from gradviz.recording.channel import Channel, forwarded, out_of_the_way
from gradviz.recording.messages import Finished, Progress, Refused, shortened

if TYPE_CHECKING:
    from gradviz.recording.recorder import Recorder

FORWARD_SECONDS = 0.05


def main() -> int:
    """Say ``Ready``, run the one program asked for, and report on it."""
    mark = os.environ.get(processes.MARK, "")
    requests, channel = _take_over_descriptors()
    _warm_up()
    sys.stdout = forwarded(channel, "stdout", 1)
    sys.stderr = forwarded(channel, "stderr", 2)
    channel.ready()
    line = requests.readline()
    if not line:
        return 0
    threading.Thread(target=_die_with_client, args=(requests, mark), daemon=True).start()
    teller = _Teller(channel)
    atexit.register(teller.stop)  # the first to be registered is the last to be called
    return _run(json.loads(line), channel, teller)


def _take_over_descriptors() -> tuple[TextIO, Channel]:
    """Keep stdin and stdout for messages and give the program others."""
    requests = os.fdopen(out_of_the_way(0), encoding="utf-8")
    channel = Channel(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    faulthandler.enable(2)  # a crash of the interpreter tells where it was
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    return requests, channel


def _warm_up() -> None:
    """Load what every run needs."""
    for module in ("gradviz.recording.run", "gradviz.recording.engine_backend"):
        importlib.import_module(module)


def _die_with_client(requests: TextIO, mark: str) -> None:
    requests.read()
    processes.end_family(mark)


def _run(request: dict[str, Any], channel: Channel, teller: _Teller) -> int:
    from gradviz.recording.program import Program
    from gradviz.recording.run import run
    from gradviz.recording.session import RecordError
    from gradviz.trace.errors import TraceError
    from gradviz.trace.model import Cell

    asked = request["program"]
    program = Program(
        asked["text"],
        asked["name"],
        tuple(Cell(title, line) for title, line in asked["cells"]),
        None if asked["file"] is None else Path(asked["file"]),
    )
    try:
        if request["folder"] is not None:
            os.chdir(request["folder"])
        result = run(
            program,
            request["trace"],
            backend=request["backend"],
            values=request["values"],
            arguments=request["arguments"],
            started=teller.follow,
        )
    except (RecordError, TraceError, OSError) as error:
        channel.send(Refused(shortened(str(error))))
        return 0
    failure = result.failure
    channel.send(
        Finished(
            result.events,
            None if failure is None else shortened(failure.type),
            None if failure is None else shortened(failure.message),
            None if result.trouble is None else shortened(result.trouble),
        )
    )
    return result.exit_code


class _Teller:
    """Sends what was printed and how many events there are, again and again, until the process ends."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._recorder: Recorder | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tell, name="gradviz worker", daemon=True)
        self._process = os.getpid()
        self._thread.start()

    def follow(self, recorder: Recorder) -> None:
        """Its events count."""
        self._recorder = recorder

    def stop(self) -> None:
        """All that was printed is sent, also by exit handlers."""
        if os.getpid() != self._process:
            return
        self._over.set()
        self._thread.join()
        self._channel.close()

    def _tell(self) -> None:
        told = 0
        while not self._over.wait(FORWARD_SECONDS):
            self._channel.flush()
            if self._recorder is not None and self._recorder.events != told:
                told = self._recorder.events
                self._channel.send(Progress(told))


if __name__ == "__main__":
    sys.exit(main())
