"""Garbage is collected on the window's thread alone.

Python collects wherever it happens to make objects. On a thread that reads a trace that may be the end of a
widget in a cycle of references (pyqtgraph's are), and Qt's objects must not end on another thread than theirs.
"""

from __future__ import annotations

import gc
import time

from PySide6.QtCore import QObject, QTimer, Slot

LOOK_MS = 200
SHARE = 20
"""A full collection waits until this many times the time that the last one took has gone by."""


class Collector(QObject):
    """Takes over from Python's own collection while it lives; to be made on the window's thread."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._was_enabled = gc.isenabled()
        self._rest_until = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self.collect)

    def start(self) -> None:
        """Begin: from now on Python collects nothing by itself."""
        gc.disable()
        self._timer.start()

    def stop(self) -> None:
        """Leave it to Python again."""
        self._timer.stop()
        if self._was_enabled:
            gc.enable()

    @Slot()
    def collect(self) -> None:
        """Collect the generations that are due by Python's own thresholds."""
        gc.disable()  # whoever pauses it for a while may have found it enabled
        young, middle, old = gc.get_count()
        due = gc.get_threshold()
        if old > due[2] and time.monotonic() > self._rest_until:
            begun = time.monotonic()
            gc.collect()
            self._rest_until = time.monotonic() + SHARE * (time.monotonic() - begun)
        elif middle > due[1]:
            gc.collect(1)
        elif young > due[0]:
            gc.collect(0)
