"""Work that would hold up the window, done on other threads and delivered back on the window's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal, Slot

Done = Callable[[Any], None]
Failed = Callable[[Exception], None]


class _Work(QRunnable):
    def __init__(self, number: int, call: Callable[[], Any], report: Callable[[int, Any, object], None]) -> None:
        super().__init__()
        self._number, self._call, self._report = number, call, report

    def run(self) -> None:
        result: Any = None
        error: Exception | None = None
        try:
            result = self._call()
        except Exception as raised:  # handed to the caller's `failed`, whatever it is
            error = raised
        self._report(self._number, result, error)


class Background(QObject):
    """Runs callables on a small pool; `done` and `failed` are called on the thread that made this object."""

    _finished = Signal(int, object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(2)
        self._waiting: dict[int, tuple[Done, Failed]] = {}
        self._number = 0
        self._finished.connect(self._deliver)

    def run(self, call: Callable[[], Any], done: Done, failed: Failed) -> int:
        """Start ``call()``; its result goes to ``done``, an exception to ``failed``.

        The number returned is for `forget`.
        """
        self._number += 1
        self._waiting[self._number] = (done, failed)
        self._pool.start(_Work(self._number, call, self._finished.emit))
        return self._number

    def forget(self, number: int | None) -> None:
        """Deliver nothing for this piece of work (it still runs to its end)."""
        if number is not None:
            self._waiting.pop(number, None)

    def close(self) -> None:
        """Forget everything and wait for what runs."""
        self._waiting.clear()
        self._pool.clear()
        self._pool.waitForDone()

    @Slot(int, object, object)
    def _deliver(self, number: int, result: Any, error: Exception | None) -> None:
        callbacks = self._waiting.pop(number, None)
        if callbacks is None:
            return
        done, failed = callbacks
        if error is None:
            done(result)
        else:
            failed(error)
