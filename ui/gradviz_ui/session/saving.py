"""Saving a recording while the window goes on."""

from __future__ import annotations

from pathlib import Path
from threading import Event

from PySide6.QtCore import QObject, Signal

from gradviz.trace.protocol import TraceLike
from gradviz.trace.save import SaveCancelled, save
from gradviz_ui.session.background import Background
from gradviz_ui.session.opening import FAILURES, reason


class Saving(QObject):
    """One recording on its way to a file."""

    progressed = Signal(float)
    """The fraction done."""
    ended = Signal(bool, str)
    """Is it saved? And if not, why; "" where it was given up."""

    def __init__(self, trace: TraceLike, path: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.trace = trace
        self.path = path
        self._given_up = Event()

    def start(self, background: Background) -> None:
        """Begin; `ended` follows."""
        background.run(self._work, self._done, self._failed)

    def give_up(self) -> None:
        """Leave the file as it was; `ended` follows."""
        self._given_up.set()

    def _work(self) -> None:
        save(self.trace, self.path, progress=self.progressed.emit, cancelled=self._given_up.is_set)

    def _done(self, nothing: None) -> None:
        self.ended.emit(True, "")

    def _failed(self, error: Exception) -> None:
        if not isinstance(error, (*FAILURES, SaveCancelled)):
            raise error
        self.ended.emit(False, "" if isinstance(error, SaveCancelled) else reason(error))
