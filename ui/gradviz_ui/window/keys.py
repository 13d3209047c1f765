"""Who gets a key that is a shortcut of the window and means something to the widget with the focus too.

Arrow keys step the trace, but in a table they move from row to row and in a combo box from choice to choice.
Qt asks the focused widget first (``ShortcutOverride``); editors answer, item views do not, and a text field
lets go of Up and Down. This answers for them. It watches only the widget that has the focus, so that no other
event passes through Python.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QTabBar,
    QWidget,
)
from shiboken6 import isValid

_MOVING = {
    Qt.Key.Key_Up,
    Qt.Key.Key_Down,
    Qt.Key.Key_Left,
    Qt.Key.Key_Right,
    Qt.Key.Key_Home,
    Qt.Key.Key_End,
}

KEPT: tuple[tuple[type[QWidget], set[Qt.Key]], ...] = (
    (QAbstractItemView, {Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_Space}),
    (QComboBox, {*_MOVING, Qt.Key.Key_Space}),
    (QLineEdit, _MOVING),
    (QAbstractSlider, _MOVING),
    (QAbstractSpinBox, _MOVING),
    (QTabBar, {Qt.Key.Key_Left, Qt.Key.Key_Right}),
    (QAbstractButton, {Qt.Key.Key_Space}),
)
"""The keys, pressed alone or with Shift, that widgets of each kind keep for themselves."""


class KeyKeeper(QObject):
    """Lets the focused widget keep its own keys."""

    def __init__(self, app: QApplication, parent: QObject) -> None:
        super().__init__(parent)
        self._watched: QWidget | None = None
        app.focusChanged.connect(self._focus_changed)

    @Slot(QWidget, QWidget)
    def _focus_changed(self, old: QWidget | None, new: QWidget | None) -> None:
        if self._watched is not None and isValid(self._watched):
            self._watched.removeEventFilter(self)
        self._watched = new if new is not None and keeps(new) else None
        if self._watched is not None:
            self._watched.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Answer Qt's question whether the key is the widget's own."""
        if event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            plain = not event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier)
            if plain and isinstance(watched, QWidget) and event.key() in keeps(watched):
                event.accept()
                return True
        return False


def keeps(widget: QWidget) -> set[Qt.Key]:
    """The keys that a widget keeps for itself."""
    return set().union(*(keys for kind, keys in KEPT if isinstance(widget, kind)))
