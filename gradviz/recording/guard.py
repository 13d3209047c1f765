"""The one door between a program and its recorder: what goes wrong behind it never reaches the program.

Whatever a program can run into while it is recorded (a hook, a function mode, a print) is an ``entry``, a
method declared as such below. A fault behind an entry is gradviz's own: it is told once, as a warning in the
trace, and the program goes on as if nothing were there. When the file itself cannot be written any more, the
recording is over. What the program itself raises passes through: Ctrl+C, ``SystemExit``, and whatever a
signal handler of its own raises while the recorder happens to run.
"""

from __future__ import annotations

import functools
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, TypeVar, cast

from gradviz.trace.errors import TraceError

REASON_LIMIT = 2_000
"""Characters of a fault's message that are kept."""

F = TypeVar("F", bound=Callable[..., Any])


class Guard:
    """How the faults of one recording end.

    ``tell`` puts a warning into the trace, ``faulted`` hears of each fault. ``aside`` is where the recorder
    works: a context in which the program's modes do not see it.
    """

    def __init__(
        self,
        tell: Callable[[str], None],
        faulted: Callable[[], None] = lambda: None,
        aside: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> None:
        self.closed = False
        """True once the file failed: nothing more is recorded. Whoever finishes the file tells why."""
        self.aside = aside
        self._tell = tell
        self._faulted = faulted
        self._told: set[tuple[str, object]] = set()

    def fault(self, what: str, error: Exception) -> None:
        """``error`` kept ``what`` from being recorded."""
        if isinstance(error, TraceError):
            self.closed = True
        else:
            self._faulted()
            self.warn_once(
                (what, type(error)),
                f"gradviz could not record {what}: {type(error).__name__}: {text_of(error)[:REASON_LIMIT]}. "
                "The program is not affected.",
            )

    def warn_once(self, key: tuple[str, object], message: str) -> None:
        """Put a warning into the trace, the first time; where not even that is possible, nothing."""
        if self.closed or key in self._told:
            return
        self._told.add(key)
        try:
            self._tell(message)
        except TraceError:
            self.closed = True
        except Exception:
            return


class Guarded(Protocol):
    """What has entries."""

    guard: Guard


class Entry:
    """One way in. ``run`` is what is done there, ``what`` the words for what is lost if that fails."""

    def __init__(self, what: str, run: Callable[..., Any]) -> None:
        self.what = what
        self.name = run.__qualname__
        self.run = run


ENTRIES: list[Entry] = []
"""Every entry of the recorder and of the backends that are loaded."""


def entry(what: str) -> Callable[[F], F]:
    """Declare a method as an entry; after a fault it returns None."""

    def declare(method: F) -> F:
        declared = Entry(what, method)
        ENTRIES.append(declared)

        @functools.wraps(method)
        def guarded(self: Guarded, *args: Any, **kwargs: Any) -> Any:
            guard = self.guard
            if guard.closed:
                return None
            try:
                with guard.aside():
                    return declared.run(self, *args, **kwargs)
            except Exception as error:
                if is_the_programs(error):
                    raise
                guard.fault(what, error)
                return None

        return cast(F, guarded)

    return declare


def is_the_programs(error: BaseException) -> bool:
    """Did a signal handler of the program raise it, which happened to run while the recorder did?"""
    handlers: set[Any] = set()
    for number in signal.valid_signals():
        handler: Any = signal.getsignal(number)
        handlers.add(getattr(getattr(handler, "__func__", handler), "__code__", None))
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code in handlers:
            return True
        trace = trace.tb_next
    return False


def text_of(error: BaseException) -> str:
    """The exception's message, whatever its ``__str__`` does; the words are Python's own."""
    try:
        return str(error)
    except Exception:
        return "<exception str() failed>"
