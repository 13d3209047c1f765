"""What an attack found, and limits on what an attacked piece of code may take."""

from __future__ import annotations

import faulthandler
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

CPU_SECONDS = 30.0
"""Processor time that one attack may take before it counts as a hang; wall time would be the machine's."""


@dataclass(frozen=True)
class Finding:
    """Something that should not be: which attack, by which seed, and what was seen."""

    attack: str
    seed: int
    what: str
    count: int = 1

    def __str__(self) -> str:
        again = f"python -m tests.attack --only {self.attack} --seed {self.seed} --count {self.count}"
        return f"--- {again}\n{self.what.rstrip()}\n"


class Hang(BaseException):
    """More processor time went by than any attack needs. Nothing that guards against errors stops it."""


@contextmanager
def at_most(seconds: float = CPU_SECONDS) -> Iterator[None]:
    """Raise ``Hang`` in the block once this process has used so many seconds of processor time in it."""
    before = signal.signal(signal.SIGPROF, _hang)
    signal.setitimer(signal.ITIMER_PROF, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _hang(number: int, frame: FrameType | None) -> None:
    faulthandler.dump_traceback(sys.stderr)
    raise Hang("".join(traceback.format_stack(frame)[-6:]))


def told(error: BaseException) -> str:
    """An exception with the last few frames, which is enough to know what to mend."""
    lines = traceback.format_exception(error, limit=-8)
    text = "".join(lines)
    return text if len(text) < 6000 else text[:1500] + "\n...\n" + text[-4000:]
