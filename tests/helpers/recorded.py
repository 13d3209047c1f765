"""Programs that were really run, by the built-in engine, as traces."""

from __future__ import annotations

from pathlib import Path

import gradviz
from gradviz.recording.program import Program
from gradviz.recording.run import run
from gradviz.trace.protocol import TraceLike


def recorded(folder: Path, text: str, name: str = "p.py") -> TraceLike:
    """The trace of a program, whether or not it raises."""
    run(Program(text, name), folder / f"{name}.gradviz")
    return gradviz.load(folder / f"{name}.gradviz")
