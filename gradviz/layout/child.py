"""A slow layout in a process of its own, which can be ended at any moment and never holds up the window."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from typing import Any

import numpy as np

from gradviz.layout.drawing import Cancelled, Drawing, LayoutCancelled, LayoutError, Placement, Progress

POLL = 0.05
"""Seconds between two looks at the child and at ``cancelled``."""


def compute(
    drawing: Drawing, name: str, seconds: float, progress: Progress | None, cancelled: Cancelled | None
) -> Placement:
    """Place the boxes in a child process. Progress is the time gone by against the ``seconds`` estimated."""
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "gradviz.layout.child", name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
    question: bytes | None = _pack(sizes=drawing.sizes, edges=drawing.edges)
    try:
        while True:
            try:
                answer, complaint = process.communicate(question, timeout=POLL)
                break
            except subprocess.TimeoutExpired:
                question = None
            if cancelled is not None and cancelled():
                raise LayoutCancelled
            if progress is not None:
                progress(min((time.monotonic() - started) / seconds, 0.99))
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    if process.returncode:
        lines = complaint.decode(errors="replace").strip().splitlines()
        raise LayoutError(lines[-1] if lines else f"the layout ended with exit code {process.returncode}")
    with np.load(io.BytesIO(answer), allow_pickle=False) as found:
        return Placement(found["centres"], found["points"], found["offsets"], bool(found["curved"]))


def _pack(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def main() -> int:
    """The child: a drawing on stdin, its placement on stdout, a reason on stderr if there is none."""
    from gradviz.layout.classic import classic

    with np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False) as given:
        drawing = Drawing(given["sizes"], given["edges"])
    try:
        placed = classic(drawing, sys.argv[1])
    except LayoutError as error:
        print(error, file=sys.stderr)
        return 1
    sys.stdout.buffer.write(
        _pack(centres=placed.centres, points=placed.points, offsets=placed.offsets, curved=placed.curved)
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
