"""Runs a program as Python would run it, and records it."""

from __future__ import annotations

import builtins
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from gradviz.recording.guard import text_of
from gradviz.recording.program import Program
from gradviz.recording.recorder import Recorder
from gradviz.recording.session import BackendName, open_session
from gradviz.trace.errors import TraceError
from gradviz.trace.writer import Values

INTERRUPTED = 130
"""The exit code of a program ended by Ctrl+C, as a shell counts it."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The exception that ended a program."""

    type: str
    message: str


@dataclass(frozen=True, slots=True)
class Result:
    """How a recorded program ended."""

    exit_code: int
    events: int
    failure: Failure | None = None
    trouble: str | None = None
    """Why what was recorded is not, or not all, in the trace."""


def run(
    program: Program,
    trace: str | Path,
    *,
    backend: BackendName = "numpy",
    values: Values = "auto",
    arguments: Sequence[str] = (),
    started: Callable[[Recorder], None] = lambda recorder: None,
) -> Result:
    """Run ``program`` in this process and record it to ``trace``.

    What it prints goes where it would go, an exception is shown as Python shows it, and its exit code is
    returned. Raises ``RecordError`` or ``TraceError`` if it cannot be recorded. Where the program has forked
    and this is the child, it ends here, by SystemExit.
    """
    troubles: list[str] = []

    def failed(error: TraceError) -> None:
        troubles.append(str(error))

    with open_session(trace, program=program, backend=backend, values=values, failed=failed) as recorder:
        started(recorder)
        plain_stderr = getattr(sys.stderr, "original", sys.stderr)
        with _as_main(program, arguments) as namespace:
            exit_code, failure = _supervised(program, namespace, recorder, plain_stderr)
        if not recorder.listening:
            sys.exit(exit_code)
    return Result(exit_code, recorder.events, failure, troubles[0] if troubles else None)


def _supervised(
    program: Program, namespace: dict[str, Any], recorder: Recorder, stderr: Any
) -> tuple[int, Failure | None]:
    """The exit code and the exception behind it, which the recorder hears of and ``stderr`` shows."""
    try:
        try:
            _execute(program, namespace, recorder)
        finally:
            _wait_for_threads()
            if recorder.listening:
                _wait_for_processes()
    except SystemExit as end:
        return _exit_code(end, stderr), None
    except _Refused as refused:
        raise refused.__cause__ or refused from None
    except BaseException as error:
        recorder.error(error)
        if not _hooked(error, recorder):
            stderr.write(recorder.traceback(error))
            stderr.flush()
        code = INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1
        return code, Failure(type(error).__name__, text_of(error))
    return 0, None


def _hooked(error: BaseException, recorder: Recorder) -> bool:
    """Hand the exception to the program's own ``sys.excepthook``, as Python does; False where it set none."""
    if sys.excepthook is sys.__excepthook__:
        return False
    where = error.__traceback__
    while where is not None and recorder.places.is_ours(where.tb_frame.f_code.co_filename):
        where = where.tb_next
    try:
        sys.excepthook(type(error), error, where)
    except Exception:  # the hook's own fault: the exception is shown in the usual way
        return False
    return True


def _execute(program: Program, namespace: dict[str, Any], recorder: Recorder) -> None:
    for unit in program.units():
        for line, text in unit.skipped:
            recorder.warned(f"passed over, not Python: {text}", program.name, line)
        statements, shown = program.compile(unit)
        _begin(recorder)
        exec(statements, namespace)
        if shown is not None:
            exec(shown, namespace)
    _begin(recorder)  # a notebook without code has run, too


class _Refused(Exception):
    """The trace cannot take its place; the cause says why. Told apart from what the program raises."""


def _begin(recorder: Recorder) -> None:
    try:
        recorder.begin()
    except TraceError as error:
        raise _Refused from error


@contextmanager
def _as_main(program: Program, arguments: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The surroundings a program expects: ``__main__``, ``sys.argv``, imports from its own folder."""
    main = ModuleType("__main__")
    main.__dict__["__builtins__"] = builtins
    if program.is_notebook:
        main.__dict__["display"] = _display
    else:
        main.__file__ = program.code_name
    program.show_to_tracebacks()
    before = sys.argv, sys.path[:], sys.modules["__main__"], sys.displayhook, sys.excepthook
    sys.excepthook = sys.__excepthook__
    sys.displayhook = _show
    sys.argv = [program.code_name, *arguments]
    sys.path.insert(0, str(program.file.parent) if program.file is not None else os.getcwd())
    sys.modules["__main__"] = main
    try:
        yield main.__dict__
    finally:
        sys.argv, sys.path[:], sys.modules["__main__"], sys.displayhook, sys.excepthook = before


def _show(value: Any) -> None:
    """A notebook shows the value of a cell's last expression."""
    if value is not None:
        print(repr(value))


def _display(*values: Any) -> None:
    """What notebooks call ``display``, in plain text."""
    for value in values:
        print(repr(value))


def _wait_for_threads() -> None:
    """As Python does before it exits: what the program's threads print is part of the recording."""
    for thread in threading.enumerate():
        if not thread.daemon and thread not in (threading.current_thread(), threading.main_thread()):
            thread.join()


def _wait_for_processes() -> None:
    """As ``multiprocessing`` does before Python exits."""
    multiprocessing = sys.modules.get("multiprocessing.process")
    for process in multiprocessing.active_children() if multiprocessing is not None else ():
        if not process.daemon:
            process.join()


def _exit_code(end: SystemExit, stderr: Any) -> int:
    """As Python has it: None is 0, a number itself, anything else is shown and is 1."""
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code
    stderr.write(f"{end.code}\n")
    stderr.flush()
    return 1
