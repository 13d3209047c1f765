"""Steps that follow one another by themselves."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal, Slot

INTERVAL_MS = 160
"""Between two steps, at a speed of 100 per cent."""


class Player(QObject):
    """Calls ``step`` again and again, until it returns False or somebody stops it."""

    changed = Signal()
    """It began or stopped."""

    def __init__(self, step: Callable[[], bool], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._step = step
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self._tick)

    def set_speed(self, percent: int) -> None:
        """Faster or slower from the next step on."""
        self._timer.setInterval(round(INTERVAL_MS * 100 / percent))

    @property
    def interval(self) -> int:
        """Milliseconds from one step to the next."""
        return self._timer.interval()

    @property
    def playing(self) -> bool:
        """Do steps follow one another?"""
        return self._timer.isActive()

    def start(self) -> None:
        """Begin."""
        if not self.playing:
            self._timer.start()
            self.changed.emit()

    def stop(self) -> None:
        """Stop."""
        if self.playing:
            self._timer.stop()
            self.changed.emit()

    @Slot()
    def _tick(self) -> None:
        if not self._step():
            self.stop()
