"""Processes of tests: ended with the test, however it ends."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

PATIENCE = 60.0
"""Seconds for another process on a busy machine."""


@contextmanager
def running(command: Sequence[Any], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A process that runs inside the block and is killed and waited for at its end, with its text on pipes."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    with subprocess.Popen([str(part) for part in command], **options) as process:
        try:
            yield process
        finally:
            process.kill()


def with_ctrl_c(arguments: Sequence[Any]) -> list[str]:
    """The command ``gradviz`` as a terminal starts it: what is started in the background ignores Ctrl+C."""
    code = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); from gradviz import cli; "
    return [sys.executable, "-c", code + "sys.exit(cli.main(sys.argv[1:]))", *map(str, arguments)]


def wait_until(condition: Callable[[], bool]) -> None:
    """For what other processes do; that it comes about is asserted, not when."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)
