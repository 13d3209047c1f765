"""Reading files for the window. Slow, and free of widgets: these functions run on other threads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gradviz.recording.program import Program, ProgramError
from gradviz.replay.index import index_of
from gradviz.replay.playhead import Playhead
from gradviz.trace.errors import TraceError
from gradviz.trace.events import BackwardBegin, Error
from gradviz.trace.protocol import TraceLike
from gradviz.trace.reader import Trace

PROGRAM_SUFFIXES = (".py", ".ipynb")
TRACE_SUFFIX = ".gradviz"

FAILURES = (TraceError, ProgramError, OSError)
"""What a file can do to whoever opens it; anything else is a fault of gradviz."""


@dataclass(frozen=True, slots=True)
class OpenTrace:
    """A trace, a playhead at the step to show first, and the program's file if it lies there unchanged."""

    trace: TraceLike
    playhead: Playhead
    program: Program | None = None


def open_trace(path: Path, step: int | None = None) -> OpenTrace:
    """Open the file and build its index; raises TraceError."""
    trace = Trace.open(path)
    return OpenTrace(trace, playhead_at(trace, step), _program_beside(path, trace))


def playhead_at(trace: TraceLike, step: int | None) -> Playhead:
    """A playhead at ``step``, or where a trace is shown first."""
    return Playhead(trace, first_step(trace) if step is None else step)


def first_step(trace: TraceLike) -> int:
    """Where a trace is shown first: the error it ends in, else the first backward call, else its end."""
    kinds, count = index_of(trace).kinds, len(trace.events)
    errors, calls = kinds.get(Error.kind, ()), kinds.get(BackwardBegin.kind, ())
    if errors and errors[-1] == count:
        return count
    return calls[0] if calls else count


def reason(error: Exception) -> str:
    """An error in words, without what only programmers read."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _program_beside(path: Path, trace: TraceLike) -> Program | None:
    if not trace.sources:
        return None
    source = trace.sources[0]
    file = path.parent / Path(source.file).name
    try:
        program = Program.load(file)
    except ProgramError:
        return None
    return program if (program.text, program.cells) == (source.text, source.cells) else None
