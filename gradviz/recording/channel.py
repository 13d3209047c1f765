"""The child process's side of the messages, and the streams that its program prints to."""

from __future__ import annotations

import codecs
import errno
import io
import os
import secrets
import sys
import threading
import time
from contextlib import suppress

from gradviz.recording import messages
from gradviz.recording.messages import Message, Output

FORWARDED_CHARACTERS = 16 << 20
"""What a program prints beyond this is not sent to the window."""
NOT_SHOWN = f"\n... more than {FORWARDED_CHARACTERS >> 20} MiB of output: the rest is not shown\n"
FLUSH_SECONDS = 0.005
"""A flush of the program's is obeyed at once unless one was so shortly before; else the text goes with the next
batch."""


class Channel:
    """The way to the client: messages at once, printed text in batches.

    It takes over a descriptor. In a forked child it is closed: only the process that was asked speaks.
    """

    def __init__(self, descriptor: int) -> None:
        self.open = True
        self._descriptor = out_of_the_way(descriptor)
        self._file = os.fstat(self._descriptor)
        self._secret = ""
        self._lock = threading.RLock()
        self._printed: list[tuple[str, str]] = []
        self._size = 0
        self._left = FORWARDED_CHARACTERS
        self._flushed = 0.0
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._leave_to_parent)

    def ready(self) -> None:
        """Say so, and agree on the secret."""
        secret = secrets.token_hex(16)
        self.send(messages.Ready(secret))
        self._secret = secret

    def send(self, message: Message) -> None:
        """Send a message after all text printed before it."""
        with self._lock:
            self._send_printed()
            self._write(message)

    def print(self, stream: str, text: str) -> None:
        """Send text, soon."""
        with self._lock:
            if self._left <= 0:
                return
            text = text[: self._left]
            self._left -= len(text)
            if self._left <= 0:
                text += NOT_SHOWN
            self._printed.append((stream, text))
            self._size += len(text)
            if self._size > messages.OUTPUT_CHARACTERS:
                self._send_printed()

    def flush(self) -> None:
        """Send the text that waits."""
        with self._lock:
            if time.monotonic() - self._flushed > FLUSH_SECONDS:
                self._send_printed()

    def close(self) -> None:
        """The process ends. What its daemon threads still print goes to the descriptors: they may be stopped
        at any moment now, with the lock in their hands."""
        with self._lock:
            self._send_printed()
            self.open = False

    def _send_printed(self) -> None:
        """Neighbours of one stream together."""
        self._flushed = time.monotonic()
        printed, self._printed, self._size = self._printed, [], 0
        joined: list[tuple[str, list[str]]] = []
        for stream, text in printed:
            if joined and joined[-1][0] == stream:
                joined[-1][1].append(text)
            else:
                joined.append((stream, [text]))
        for stream, texts in joined:
            text = "".join(texts)
            for start in range(0, len(text), messages.OUTPUT_CHARACTERS):
                self._write(Output(stream, text[start : start + messages.OUTPUT_CHARACTERS]))

    def _write(self, message: Message) -> None:
        if not self.open:
            return
        try:
            if not os.path.samestat(self._file, os.fstat(self._descriptor)):
                raise OSError(errno.EBADF, "the number is another file's now")
            write_all(self._descriptor, messages.encode(message, self._secret))
        except OSError as error:
            if error.errno == errno.EBADF:  # the program closed what is not its own: it goes on unheard
                self.open = False
            else:  # the window is gone
                os._exit(1)

    def _leave_to_parent(self) -> None:
        if self.open:
            self.open = False
            os.close(self._descriptor)
        # Threads that the child does not have may have held it.
        self._lock, self._printed = threading.RLock(), []


class ForwardedBytes(io.BufferedIOBase):
    """What is under ``sys.stdout`` or ``sys.stderr`` of the program: bytes become text for the channel.

    In a forked child, and after the end, they go to the descriptor as they are.
    """

    def __init__(self, channel: Channel, stream: str, descriptor: int) -> None:
        self.name = f"<{stream}>"
        self.mode = "wb"
        self._channel = channel
        self._stream = stream
        self._descriptor = descriptor
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def write(self, data: object) -> int:
        if self.closed:
            raise ValueError("write to closed file")
        taken = bytes(memoryview(data))  # type: ignore[arg-type]
        if self._channel.open:
            self._channel.print(self._stream, self._decoder.decode(taken))
        else:
            write_all(self._descriptor, taken)
        return len(taken)

    def flush(self) -> None:
        if self.closed:
            raise ValueError("flush of closed file")
        if self._channel.open:
            self._channel.flush()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor


def forwarded(channel: Channel, stream: str, descriptor: int) -> io.TextIOWrapper:
    """``sys.stdout`` or ``sys.stderr``, as Python would make it but for what is below."""
    errors = "strict" if stream == "stdout" else "backslashreplace"
    below = ForwardedBytes(channel, stream, descriptor)
    return io.TextIOWrapper(below, "utf-8", errors, newline="\n", write_through=True)


def out_of_the_way(descriptor: int) -> int:
    """A duplicate that no child process inherits, where the program does not come upon it by chance.

    Programs count on low numbers, and close or write to those that they think are theirs.
    """
    if sys.platform != "win32":
        import fcntl
        import resource

        limit = min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 4096)
        lowest = limit // 2 + secrets.randbelow(limit // 2)
        with suppress(OSError):
            return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, lowest)
    return os.dup(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """However much the system takes at once."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
