"""Dragging through time: the newest place counts, and at most one is sought a frame."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal, Slot

FRAME_MS = 16


class Scrubber(QObject):
    """Passes wanted steps on; those that come within a frame of the last one wait, and only the newest is kept."""

    step_wanted = Signal(int)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._waiting: int | None = None
        self._frame = QTimer(self)
        self._frame.setSingleShot(True)
        self._frame.setInterval(FRAME_MS)
        self._frame.timeout.connect(self._pass_on)

    def want(self, step: int) -> None:
        """Ask for ``step``, which takes the place of any step that still waits."""
        self._waiting = step
        if not self._frame.isActive():
            self._pass_on()

    def forget(self) -> None:
        """Ask for nothing any more."""
        self._waiting = None

    @Slot()
    def _pass_on(self) -> None:
        step, self._waiting = self._waiting, None
        if step is not None:
            self._frame.start()
            self.step_wanted.emit(step)
