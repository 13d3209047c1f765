"""gradviz: a desktop debugger for backpropagation.

For scripts, notebooks and training code::

    import gradviz

    with gradviz.record("run.gradviz"):  # PyTorch if torch is imported, else the built-in engine
        loss = model(x).sum()
        loss.backward()

    trace = gradviz.load("run.gradviz")
    trace.graph, trace.events, gradviz.Playhead(trace, 12)
    gradviz.show(loss)

Nothing is imported before it is used.
"""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from gradviz.recording.recorder import Recorder
    from gradviz.replay.playhead import Playhead
    from gradviz.trace.reader import Trace

__all__ = ["Playhead", "Trace", "load", "mark", "record", "show"]


def record(path: str | PathLike[str], **options: Any) -> AbstractContextManager[Recorder]:
    """Record what happens inside the ``with`` block; see ``gradviz.recording.session.open_session``."""
    from gradviz.recording.session import open_session

    return open_session(path, **options)


def load(path: str | PathLike[str]) -> Trace:
    """Open a recorded trace; raises ``gradviz.trace.errors.TraceError`` if it is not a sound one."""
    from gradviz.trace.reader import Trace

    return Trace.open(path)


def mark(name: str) -> None:
    """Give this moment of the recording a name to jump to; without a recording, do nothing."""
    import sys

    session = sys.modules.get("gradviz.recording.session")
    recorder = None if session is None else session.current
    if recorder is not None:
        recorder.mark(str(name))


def show(loss: Any) -> None:
    """Record ``loss.backward(retain_graph=True)`` and open the window on it, until it is closed.

    The gradients that the call adds stay, as with any backward call. The recording is kept as one that the
    window makes: among the last ten, until it is saved.
    """
    from gradviz.recording.session import open_session
    from gradviz.startup import require_window

    require_window()
    from gradviz_ui import app

    path = app.place_for_recording("show")
    with open_session(path):
        loss.backward(retain_graph=True)
    with load(path) as trace:
        app.show(trace)


def __getattr__(name: str) -> Any:
    if name == "Playhead":
        from gradviz.replay.playhead import Playhead

        return Playhead
    if name == "Trace":
        from gradviz.trace.reader import Trace

        return Trace
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
