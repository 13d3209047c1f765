"""One recording from its first event to its finished file, whoever runs the code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import metadata
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from gradviz.recording.output import recorded_streams
from gradviz.recording.places import Places
from gradviz.recording.program import Program
from gradviz.trace.errors import TraceError
from gradviz.trace.writer import TraceWriter, Values

if TYPE_CHECKING:
    from gradviz.recording.recorder import Recorder

BackendName = Literal["numpy", "pytorch"]

current: Recorder | None = None
"""The recording under way, for ``gradviz.mark``."""


class RecordError(Exception):
    """A recording cannot begin; the message is one line that says why."""


def default_backend() -> BackendName:
    """PyTorch if the process has imported it, else the built-in engine."""
    return "pytorch" if hasattr(sys.modules.get("torch"), "_C") else "numpy"


def _say(trouble: TraceError) -> None:
    if sys.stderr is not None:  # under pythonw there is none
        print(f"gradviz: {trouble}", file=sys.stderr)


@contextmanager
def open_session(
    path: str | os.PathLike[str],
    *,
    program: Program | None = None,
    backend: BackendName | None = None,
    values: Values = "auto",
    failed: Callable[[TraceError], None] = _say,
) -> Iterator[Recorder]:
    """Record what happens inside the block to ``path``; the trace is complete however the block ends.

    Raises ``RecordError`` if the backend is not there, ``TraceError`` if the file cannot be written. What goes
    wrong with the file after that is not the block's fault: ``failed`` is told at the end, by default it says so
    on stderr. With a ``program``, what is at ``path`` is replaced only by the recorder's `begin`.
    """
    global current
    chosen = backend or default_backend()
    enter = _backend(chosen)
    with ExitStack() as stack:
        writer = TraceWriter(
            path,
            values=values,
            begin=program is None,
            backend=chosen,
            program=None if program is None else program.name,
            versions=_versions(chosen),
        )
        stack.callback(_finish, writer, failed)
        recorder = stack.enter_context(enter(writer, Places(writer, program), program is not None))
        stack.enter_context(recorded_streams(recorder.output))
        stack.enter_context(_known_to_forks(recorder))
        previous, current = current, recorder
        try:
            yield recorder
        except BaseException as error:
            if not isinstance(error, SystemExit):
                recorder.error(error)
            raise
        finally:
            current = previous
            recorder.finish()


def _finish(writer: TraceWriter, failed: Callable[[TraceError], None]) -> None:
    try:
        writer.finish()
    except TraceError as error:
        failed(error)


_open: list[Recorder] = []


@contextmanager
def _known_to_forks(recorder: Recorder) -> Iterator[None]:
    _open.append(recorder)
    try:
        yield
    finally:
        _open.remove(recorder)


def _leave_to_parent() -> None:
    """In a forked child: the recordings are the parent's, and the child goes on as if there were none."""
    global current
    current = None
    for recorder in _open:
        recorder.leave_to_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)


def _backend(name: BackendName) -> Any:
    """What opens a recorder of this backend: (sink, places, as torch) -> context manager."""
    if name == "numpy":
        from gradviz.recording.engine_backend import recording

        return recording
    if find_spec("torch") is None:
        raise RecordError("PyTorch is not installed; use --backend numpy, or `pip install torch` first")
    try:
        from gradviz.recording.pytorch_backend import recording as recording_pytorch
    except OSError as error:  # one of its libraries cannot be loaded
        raise RecordError(f"PyTorch cannot be loaded: {' '.join(str(error).split())}") from None
    return recording_pytorch


def _versions(backend: BackendName) -> dict[str, str]:
    versions = {"python": sys.version.split()[0]}
    for package in ("gradviz", "numpy", *(["torch"] if backend == "pytorch" else [])):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:  # run from a source tree that is not installed
            continue
    return versions
