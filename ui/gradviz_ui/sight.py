"""Panels that stand behind others for most of the time."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QWidget


class DrawnInSight(QWidget):
    """A panel that follows what it shows only while it can be seen, and catches up when it comes into sight."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stale = True

    def draw(self) -> None:
        """Show the present state."""
        raise NotImplementedError

    @Slot()
    def refresh(self) -> None:
        """Show the present state, now or when the panel comes into sight."""
        self._stale = not self.isVisible()
        if not self._stale:
            self.draw()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            self.refresh()
