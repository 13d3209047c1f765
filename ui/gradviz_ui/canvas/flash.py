"""Draws the eye to boxes and links for a moment: what was looked for and found, a gradient that was zeroed."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, QVariantAnimation, Signal, Slot

from gradviz_ui.canvas.painter import NO_FLASH, Flashed

FADE_MS = 1400
STILL_MS = 1600
"""How long the mark stands where nothing is to move."""


class Flash(QObject):
    """Strong at first, then fading; with reduced motion it stands still and then is gone."""

    changed = Signal(object)
    """A `Flashed` to paint."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._what = NO_FLASH
        self._fade = QVariantAnimation(self)
        self._fade.setStartValue(1.0)
        self._fade.setEndValue(0.0)
        self._fade.setDuration(FADE_MS)
        self._fade.valueChanged.connect(self._faded)
        self._still = QTimer(self)
        self._still.setSingleShot(True)
        self._still.setInterval(STILL_MS)
        self._still.timeout.connect(self.stop)

    @property
    def now(self) -> Flashed:
        """What is marked now."""
        return self._what

    def start(self, boxes: frozenset[int], links: frozenset[int], role: str, still: bool) -> None:
        """Mark these, in the colour of a theme's role."""
        self.stop()
        self._show(Flashed(boxes, links, role, 1.0))
        if still:
            self._still.start()
        else:
            self._fade.start()

    @Slot()
    def stop(self) -> None:
        """Mark nothing."""
        self._fade.stop()
        self._still.stop()
        if self._what != NO_FLASH:
            self._show(NO_FLASH)

    @Slot(object)
    def _faded(self, strength: float) -> None:
        what = self._what
        self._show(NO_FLASH if strength <= 0 else Flashed(what.boxes, what.links, what.role, strength))

    def _show(self, what: Flashed) -> None:
        self._what = what
        self.changed.emit(what)
