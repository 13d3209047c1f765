"""Attack: programs that do odd things while they are recorded must do the same as when they are not."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from gradviz.cli import BAD
from gradviz.trace.errors import TraceError
from gradviz.trace.reader import Trace
from tests.attack.found import Finding
from tests.attack.programs import HOSTILE, random_program

NAME = "recordings"
PATIENCE = 180
"""Seconds of wall time until a program counts as hanging; plain Python must have ended in this time."""
RANDOM = 0.3
"""The share of random programs on tensors."""
AS_ENGINE = "import runpy, sys\nfrom gradviz.recording.alias import engine_as_torch\nsys.argv = sys.argv[1:]\n" \
    "with engine_as_torch():\n    runpy.run_path(sys.argv[0], run_name='__main__')\n"  # fmt: skip

_VARIES = re.compile(rb"(?<=\[Previous line repeated )\d+| at 0x[0-9a-f]+")
"""How deep a recursion goes depends on who calls it; where an object lies is no run's like another's."""

_TROUBLE = re.compile(rb"^gradviz: .*\n\Z", re.MULTILINE)

Ending = tuple[int | str, bytes, bytes]


class Recordings:
    """Runs a program plainly and recorded, one for each seed."""

    def __init__(self, keep: Path | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="gradviz-recordings-")
        self.folder = Path(self._folder.name)

    def attack(self, seed: int) -> Finding | None:
        """Compare the endings of one program; what differs is returned."""
        choose = random.Random(seed)
        names = sorted(HOSTILE)
        name = "random" if choose.random() < RANDOM else names[seed % len(names)]
        backend = choose.choice(("numpy", "pytorch")) if name == "random" or seed % 8 == 0 else "numpy"
        text = random_program(choose) if name == "random" else HOSTILE[name]
        wrong = self.compare(text, backend, with_engine=name == "random" and backend == "numpy")
        return Finding(NAME, seed, "\n".join([f"{name}, {backend}:", text[:1500], *wrong])) if wrong else None

    def compare(self, text: str, backend: str, *, with_engine: bool = False) -> list[str]:
        """Run a program plainly, with the engine as torch if so told, and recorded; what differs is returned."""
        program, trace = self.folder / "program.py", self.folder / "program.gradviz"
        program.write_bytes(text.encode("utf-8", "surrogatepass"))
        trace.unlink(missing_ok=True)
        plain = self._plain(program, with_engine)
        command = [sys.executable, "-m", "gradviz", "record", str(program), "-o", str(trace), "--backend", backend]
        return [*_differences(plain, self._run(command)), *_unreadable(trace)]

    def _plain(self, program: Path, with_engine: bool) -> Ending:
        if not with_engine:
            return self._run([sys.executable, str(program)])
        code, out, errors = self._run([sys.executable, "-c", AS_ENGINE, str(program)])
        return code, out, _from_program(errors)

    def _run(self, command: list[str]) -> Ending:
        environment = {**os.environ, "PYTHONPATH": str(Path.cwd()), "OMP_NUM_THREADS": "1"}
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
            cwd=self.folder, start_new_session=True,
        ) as process:  # fmt: skip
            try:
                out, errors = process.communicate(b"Ada\n", timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                return "it hangs", *process.communicate()
        code = 130 if process.returncode == -signal.SIGINT else process.returncode
        return code, out, _from_program(errors)

    def close(self) -> None:
        """Remove what was made."""
        self._folder.cleanup()


def _from_program(errors: bytes) -> bytes:
    """What was written to stderr, without the frames of tracebacks that lie outside of the program."""
    kept: list[bytes] = []
    skipping = False
    for line in errors.split(b"\n"):
        if line.lstrip(b" |").startswith(b'File "'):
            skipping = b"/program.py" not in line
        elif not line.startswith((b"    ", b"  |     ")):
            skipping = False
        if not skipping:
            kept.append(_VARIES.sub(b" ...", line))
    return b"\n".join(kept)


def _differences(plain: Ending, recorded: Ending) -> Iterator[str]:
    code, out, errors = recorded
    if (plain[0], code) == (0, BAD):
        # The trace could not be written, which the program had a hand in; that is said, and is no success.
        recorded = 0, out, _TROUBLE.sub(b"", errors)
    for what, before, now in zip(("exit code", "stdout", "stderr"), plain, recorded, strict=True):
        if before != now:
            yield f"{what} plain:    {_end(before)}\n{what} recorded: {_end(now)}"


def _end(value: int | str | bytes) -> str:
    return repr(value if not isinstance(value, bytes) else value[-900:])


def _unreadable(trace: Path) -> Iterator[str]:
    """A trace that is there opens."""
    if trace.exists():
        try:
            Trace.open(trace).close()
        except TraceError as error:
            yield f"the trace does not open: {error}"
