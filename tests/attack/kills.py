"""Attack: the recorder is killed at a random moment; what it had committed must be there."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gradviz.trace.errors import TraceError
from gradviz.trace.events import Output
from gradviz.trace.reader import Trace
from tests.attack.found import Finding

NAME = "kills"
PROGRAM = """\
import torch
w = torch.ones(50, 50, requires_grad=True)
n = 0
while True:
    (w * n).sum().backward()
    print(n, flush=True)
    n += 1
"""
FIRST = 120
"""Seconds to wait for the first line on a busy machine."""
OLD = "old"


class Kills:
    """Kills one recorder for each seed."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="gradviz-kills-")
        self.folder = Path(self._folder.name)
        self.kept: list[int] = []

    def attack(self, seed: int) -> Finding | None:
        """Kill a recorder and look at its trace."""
        choose = random.Random(seed)
        program, path = self.folder / "p.py", self.folder / f"t{seed}.gradviz"
        program.write_text(PROGRAM)
        backend = "pytorch" if seed % 10 == 0 else "numpy"
        command = [sys.executable, "-m", "gradviz", "record", str(program), "-o", str(path), "--backend", backend]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            before = choose.random() < 0.2
            if not before:
                child.stdout.readline()
            time.sleep(choose.uniform(0, 1.5))
            child.send_signal(signal.SIGKILL)
            printed = child.communicate()[0].split() if before else ["0", *child.communicate()[0].split()]
        wrong = self._look(path, printed, before)
        return None if wrong is None else Finding(NAME, seed, f"{backend}: {wrong}")

    def _look(self, path: Path, printed: list[str], early: bool) -> str | None:
        if not path.exists():
            return None if early or len(printed) < 3 else f"there is no trace after {len(printed)} lines"
        try:
            with Trace.open(path) as trace:
                kept = [event.text.strip() for event in trace.events if isinstance(event, Output)]
                if trace.complete:
                    return "the trace says that it is complete"
        except TraceError as error:
            return f"the trace does not open: {error}"
        kept = [text for text in kept if text]
        self.kept.append(len(kept))
        if kept != [str(number) for number in range(len(kept))]:
            return f"what it holds is not what was printed first: {kept[:5]} ... {kept[-5:]}"
        return None

    def close(self) -> None:
        """Remove what was made."""
        self._folder.cleanup()
