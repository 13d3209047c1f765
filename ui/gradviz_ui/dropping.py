"""Files that are dropped on the window, wherever on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QObject, Qt, QTimer
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QGraphicsView, QLineEdit, QWidget


def local_files(data: QMimeData) -> list[Path]:
    """The files on this machine that are dragged."""
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]


class FileDrops(QObject):
    """Takes files dropped on the window or its docks, or on any widget in them.

    A drag goes from the widget under the pointer up to the first that takes it; a dock that floats is as far
    as it gets. ``opened`` is called with the files, once the drag is over.
    """

    def __init__(self, window: QWidget, docks: Iterable[QWidget], opened: Callable[[list[Path]], None]) -> None:
        super().__init__(window)
        self._opened = opened
        for place in (window, *docks):
            place.setAcceptDrops(True)
            place.installEventFilter(self)
        for widget in (*window.findChildren(QGraphicsView), *window.findChildren(QLineEdit)):
            widget.setAcceptDrops(False)  # they would take the address of a file as text, or hold up the drag
            if isinstance(widget, QGraphicsView):
                widget.viewport().setAcceptDrops(False)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Files are copied, never moved away from where they lie."""
        if event.type() not in (QEvent.Type.DragEnter, QEvent.Type.DragMove, QEvent.Type.Drop):
            return False
        files = local_files(event.mimeData()) if isinstance(event, QDropEvent) else []
        if not files or not isinstance(event, QDropEvent):
            return False
        if event.possibleActions() & Qt.DropAction.CopyAction:
            event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        if event.type() is QEvent.Type.Drop:
            QTimer.singleShot(0, partial(self._opened, files))  # questions must not hold up where it came from
        return True
