"""The child process that runs one program: ``python -P -m gradviz.record.worker``.

It is started before it is needed, loads everything slow, says ``ready`` and waits. One program is run by
each process, so that no module, thread or setting of one run can reach the next; ``client`` starts the
next process at once.

Messages are JSON objects, one a line. In, on stdin: ``run``; the end of stdin means that the window is
gone, and so is the worker. Out, on what was stdout: ``ready``, ``output``, ``progress``, ``finished``.
The program's own stdin is empty. What it writes to ``sys.stdout`` and ``sys.stderr`` becomes ``output``;
what is written to file descriptors 1 and 2 (C code, child processes) goes to the stderr pipe as it is.
"""

from __future__ import annotations

import faulthandler
import importlib
import io
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any, TextIO

FORWARD_SECONDS = 0.05
FORWARDED_CHARACTERS = 16 << 20
"""What a program prints beyond this is not sent to the window."""
BATCH_CHARACTERS = 64 << 10


class Channel:
    """The way to the client: messages at once, printed text in batches."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.RLock()
        self._printed: list[tuple[str, str]] = []
        self._size = 0
        self._left = FORWARDED_CHARACTERS

    def send(self, **message: Any) -> None:
        """Send a message after all text printed before it."""
        with self._lock:
            self.flush()
            self._write(message)

    def print(self, stream: str, text: str) -> None:
        """Send text, soon."""
        with self._lock:
            if self._left <= 0:
                return
            text = text[: self._left]
            self._left -= len(text)
            if self._left <= 0:
                text += f"\n... more than {FORWARDED_CHARACTERS >> 20} MiB of output: the rest is not shown\n"
            self._printed.append((stream, text))
            self._size += len(text)
            if self._size > BATCH_CHARACTERS:
                self.flush()

    def flush(self) -> None:
        """Send the text that waits, neighbours of one stream together."""
        with self._lock:
            printed, self._printed, self._size = self._printed, [], 0
            joined: list[tuple[str, list[str]]] = []
            for stream, text in printed:
                if joined and joined[-1][0] == stream:
                    joined[-1][1].append(text)
                else:
                    joined.append((stream, [text]))
            for stream, texts in joined:
                self._write({"type": "output", "stream": stream, "text": "".join(texts)})

    def _write(self, message: dict[str, Any]) -> None:
        try:
            self._stream.write(json.dumps(message) + "\n")
            self._stream.flush()
        except OSError:  # the window is gone
            os._exit(1)


class ForwardedStream(io.TextIOBase):
    """``sys.stdout`` or ``sys.stderr`` of the program."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, channel: Channel, name: str, descriptor: int) -> None:
        self._channel = channel
        self._name = name
        self._descriptor = descriptor

    def write(self, text: str) -> int:
        self._channel.print(self._name, text)
        return len(text)

    def flush(self) -> None:
        self._channel.flush()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    @property
    def buffer(self) -> io.BufferedWriter:
        """For programs that write bytes: straight to the descriptor."""
        return io.BufferedWriter(io.FileIO(self._descriptor, "w", closefd=False), 1)


def main() -> int:
    """Say ``ready``, run the one program asked for, and report on it."""
    requests, channel = _take_over_streams()
    _warm_up()
    channel.send(type="ready")
    line = requests.readline()
    if not line:
        return 0
    threading.Thread(target=_die_with_client, args=(requests,), daemon=True).start()
    _run(json.loads(line), channel)
    return 0


def _take_over_streams() -> tuple[TextIO, Channel]:
    """Keep stdin and stdout for messages and give the program others."""
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    channel = Channel(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    faulthandler.enable(2)  # a crash of the interpreter tells where it was
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = ForwardedStream(channel, "stdout", 1)
    sys.stderr = ForwardedStream(channel, "stderr", 2)
    return requests, channel


def _warm_up() -> None:
    """Load what every run needs."""
    for module in ("gradviz.record.run", "gradviz.record.engine_backend"):
        importlib.import_module(module)


def _die_with_client(requests: TextIO) -> None:
    requests.read()
    os._exit(1)


def _run(request: dict[str, Any], channel: Channel) -> None:
    from gradviz.record.program import Program
    from gradviz.record.run import run
    from gradviz.record.session import RecordError
    from gradviz.trace.errors import TraceError
    from gradviz.trace.model import Cell

    asked = request["program"]
    program = Program(
        asked["text"],
        asked["name"],
        tuple(Cell(title, line) for title, line in asked["cells"]),
        None if asked["file"] is None else Path(asked["file"]),
    )
    over = threading.Event()
    try:
        if request["folder"] is not None:
            os.chdir(request["folder"])
        result = run(
            program,
            request["trace"],
            backend=request["backend"],
            values=request["values"],
            arguments=request["arguments"],
            started=lambda recorder: _keep_telling(recorder, channel, over),
        )
    except (RecordError, TraceError, OSError) as error:
        channel.send(type="refused", reason=str(error))
        return
    finally:
        over.set()
    failure = None if result.failure is None else [result.failure.type, result.failure.message]
    channel.send(
        type="finished",
        exit_code=result.exit_code,
        events=result.events,
        failure=failure,
        trouble=result.trouble,
    )


def _keep_telling(recorder: Any, channel: Channel, over: threading.Event) -> None:
    """Send what was printed and how many events there are, again and again."""

    def tell() -> None:
        told = 0
        while not over.wait(FORWARD_SECONDS):
            channel.flush()
            if recorder.events != told:
                told = recorder.events
                channel.send(type="progress", events=told)

    threading.Thread(target=tell, name="gradviz worker", daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
