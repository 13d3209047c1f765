"""One child process as the client holds it: its pipes, and the threads that empty them."""

from __future__ import annotations

import codecs
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Protocol

from gradviz.recording import messages, processes
from gradviz.recording.channel import FORWARDED_CHARACTERS, NOT_SHOWN
from gradviz.recording.messages import Fault, Message

if sys.platform == "linux":
    import fcntl

READY_SECONDS = 120
"""A process that has to load everything takes a second or two, on a busy machine some more."""
EXIT_SECONDS = 0.5
"""How long to wait for what is still in the pipes: a process that was left behind may hold them open."""
PIPE_BYTES = 1 << 20
"""Of a pipe, where the system lets us choose."""
REST_SECONDS = 0.002
"""Between two reads of what is let go: enough for gigabytes, without keeping Python busy with it."""
EARLY_BYTES = 8 << 10
"""What is kept of what a process writes before it is ready, which is why it never is."""


class Listener(Protocol):
    """Who is told what a child does, on its threads."""

    def on_output(self, text: str, stream: str) -> None:
        """The program printed."""

    def on_event_count(self, events: int) -> None:
        """So many events were recorded."""

    def is_over(self, child: Child) -> None:
        """The process is gone, and everything it said was told."""


class Child:
    """A process that is warm, runs one program, and is over: then the outcome is in its attributes.

    ``end`` is its last word, ``fault`` why it was ended if it broke the rules, ``code`` its exit code.
    Raises OSError if no process can be started.
    """

    def __init__(self, listener: Listener) -> None:
        self.trace: Path | None = None
        self.stopped = False
        self.ready = threading.Event()
        self.end: messages.Finished | messages.Refused | None = None
        self.fault: str | None = None
        self.code = 0
        self._listener = listener
        self._secret: str | None = None
        self._events = 0
        self._early = b""
        self._heard = True
        self._over = False
        self._lock = threading.Lock()
        self._mark = processes.new_mark()
        environment = {**os.environ, "PYTHONIOENCODING": "utf-8", processes.MARK: self._mark}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "gradviz.recording.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=os.name == "posix",  # a Ctrl+C in the window's terminal is not for it
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self._raw = threading.Thread(target=self._read_raw, name="gradviz raw output", daemon=True)
        self._reader = threading.Thread(target=self._read, name="gradviz messages", daemon=True)
        self._waiter = threading.Thread(target=self._wait, name="gradviz child", daemon=True)
        for thread in (self._raw, self._reader, self._waiter):
            thread.start()

    @property
    def dead(self) -> bool:
        return self._process.poll() is not None

    @property
    def last_words(self) -> str:
        """The last line that a process wrote which was never ready: the error that kept it from loading."""
        lines = self._early.decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""

    def begin(self, request: dict[str, Any], trace: Path) -> None:
        with self._lock:
            self.trace = trace
            too_late = self._over
        if too_late:  # it died while warm
            threading.Thread(target=self._listener.is_over, args=(self,), name="gradviz child", daemon=True).start()
            return
        pipe = self._process.stdin
        assert pipe is not None
        # A pipe takes no more than it holds while nobody reads, and the process may still be loading.
        threading.Thread(target=self._send, args=(pipe, request), name="gradviz request", daemon=True).start()
        threading.Thread(target=self._expect_ready, name="gradviz patience", daemon=True).start()

    def stop(self) -> None:
        self.stopped = True
        self._kill()

    def join(self) -> None:
        self._waiter.join(2)

    def _send(self, pipe: Any, request: dict[str, Any]) -> None:
        with suppress(OSError, ValueError):  # it dies meanwhile; that is told when it is over
            pipe.write((json.dumps(request) + "\n").encode("utf-8"))
            pipe.flush()

    def _expect_ready(self) -> None:
        if not self.ready.wait(READY_SECONDS) and not self.dead:
            self._end_for(f"the process that records did not get ready within {READY_SECONDS} seconds")

    def _end_for(self, fault: str) -> None:
        if self.fault is None:
            self.fault = fault
        self._kill()

    def _kill(self) -> None:
        """With it go the processes it started, where the system can tell."""
        if self.dead:
            return
        if os.name == "posix":
            processes.end_group(self._process.pid)
        self._process.kill()

    # On its threads

    def _read(self) -> None:
        pipe = self._process.stdout
        assert pipe is not None
        with pipe:
            try:
                while line := messages.read_line(pipe):
                    if self._secret is None:
                        self._greet(line)
                    else:
                        self._take(messages.decode(line, self._secret))
            except Fault as fault:
                self._end_for(str(fault))

    def _greet(self, line: bytes) -> None:
        """Nothing of the program runs before ``Ready``; what Python's own start-up files print is no message."""
        with suppress(Fault):
            message = messages.decode(line, "")
            if isinstance(message, messages.Ready):
                self._secret = message.secret
                self.ready.set()

    def _take(self, message: Message) -> None:
        if isinstance(message, messages.Ready):
            raise Fault("it said twice that it is ready")
        if isinstance(message, messages.Output):
            if self._heard:
                self._listener.on_output(message.text, message.stream)
            return
        if isinstance(message, messages.Refused | messages.Finished):
            if self.end is not None:
                raise Fault("it said twice that the program is over")
            self.end = message
        if isinstance(message, messages.Progress | messages.Finished):
            if message.events < self._events:
                raise Fault("the number of events went down")
            self._events = message.events
            if self._heard:
                self._listener.on_event_count(message.events)

    def _read_raw(self) -> None:
        """Descriptors 1 and 2 of the program: never let the pipe fill, whatever comes."""
        pipe = self._process.stderr
        assert pipe is not None
        _enlarge(pipe)
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        left = FORWARDED_CHARACTERS
        with pipe:
            while data := os.read(pipe.fileno(), messages.OUTPUT_CHARACTERS if left > 0 else PIPE_BYTES):
                if not self.ready.is_set():
                    self._early = (self._early + data)[-EARLY_BYTES:]
                if left > 0 and self._heard and self.trace is not None:
                    text = decoder.decode(data)[:left]
                    left -= len(text)
                    self._listener.on_output(text if left > 0 else text + NOT_SHOWN, "stderr")
                else:
                    time.sleep(REST_SECONDS)

    def _wait(self) -> None:
        self.code = self._process.wait()
        self._reader.join(EXIT_SECONDS)
        self._raw.join(EXIT_SECONDS)
        self._heard = False
        if self.stopped or self.fault is not None:
            processes.end_marked(self._mark)
        if self._process.stdin is not None:
            with suppress(OSError):  # what is unsent has nobody to go to
                self._process.stdin.close()
        with self._lock:
            self._over = True
        self._listener.is_over(self)


def cause_of_death(code: int) -> str:
    """Of an interpreter that was ended."""
    if code < 0:
        try:
            return f"the interpreter was ended by {signal.Signals(-code).name}"
        except ValueError:
            return f"the interpreter was ended by signal {-code}"
    return f"the interpreter crashed with code {code:#x}"


def _enlarge(pipe: IO[bytes]) -> None:
    """The less often it is emptied, the less Python there is beside the window."""
    if sys.platform == "linux":
        with suppress(OSError):
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
