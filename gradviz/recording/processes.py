"""Ends a recorded program with all the processes it has started, as far as the system can tell which those are.

They share its process group; those that left it (``os.setsid``, daemons) are known on Linux by a variable that
the program got with its environment.
"""

from __future__ import annotations

import os
import secrets
import signal
from contextlib import suppress
from pathlib import Path

MARK = "GRADVIZ_RUN"
ROUNDS = 5
"""A process may be starting another one while it is ended."""


def new_mark() -> str:
    """A value of ``MARK`` that nothing else has."""
    return secrets.token_hex(8)


def end_group(leader: int) -> None:
    """Kill a process group, at once."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def end_marked(mark: str) -> None:
    """Kill every process with this mark but the one that asks, on Linux; this takes some milliseconds."""
    if not mark:
        return
    wanted = f"{MARK}={mark}".encode()
    for _ in range(ROUNDS):
        found = [process for process in _others() if wanted in _environment(process)]
        if not found:
            return
        for process in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)


def end_family(mark: str) -> None:
    """Kill what this process, which got this mark, has started, and this process."""
    if os.name == "posix":
        end_marked(mark)
        if os.getpgrp() == os.getpid():
            end_group(os.getpid())
    os._exit(1)


def _others() -> list[int]:
    with suppress(OSError):
        return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]
    return []


def _environment(process: int) -> list[bytes]:
    """Empty for a process that is gone, a dead one not waited for, or another user's."""
    with suppress(OSError):
        return Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
    return []
