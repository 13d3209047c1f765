"""File > Recent recordings: what was recorded and never saved."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QDate, QDateTime, QLocale, Slot
from PySide6.QtWidgets import QMenu, QMessageBox, QWidget

from gradviz.plain import clipped
from gradviz_ui.counting import counted
from gradviz_ui.plain import plain_box, unmarked
from gradviz_ui.session import Session
from gradviz_ui.session.recordings import Kept

NAME = 40
"""Characters of a program's name that are shown."""


class RecordingsMenu(QMenu):
    """One line for each recording that is kept, the newest first; the number keys open them."""

    def __init__(self, session: Session, opened: Callable[[Path], None], parent: QWidget) -> None:
        super().__init__(parent)
        self.setTitle(self.tr("Recent r&ecordings"))
        self.setObjectName("recordings_menu")
        self._session = session
        self._opened = opened
        session.recent.changed.connect(self.fill)
        session.debugging.trace_changed.connect(self.fill)
        self.fill()

    @Slot()
    def fill(self) -> None:
        """List what is kept now."""
        self.clear()
        kept, trace = self._session.recent.kept, self._session.debugging.trace
        shown = None if trace is None else trace.path
        for number, recording in enumerate(kept, 1):
            action = self.addAction(f"&{number % 10}  {self._text(recording)}")
            action.setCheckable(recording.path == shown)
            action.setChecked(recording.path == shown)
            action.triggered.connect(partial(self._open, recording.path))
        if kept:
            self.addSeparator()
            remove = self.addAction(self.tr("&Remove all…"))
            remove.setObjectName("remove_recordings")
            remove.triggered.connect(self.ask_to_remove)
        self.setEnabled(bool(kept))

    def _text(self, recording: Kept) -> str:
        text = self.tr("{name} · {when} · {events}")
        for key, value in {
            "name": unmarked(clipped(recording.program, NAME)),
            "when": when(recording.facts.created),
            "events": counted(recording.facts.events, "event"),
        }.items():
            text = text.replace("{" + key + "}", value)
        return text

    def _open(self, path: Path, checked: bool = False) -> None:
        self.fill()  # Qt has just changed the check mark
        self._opened(path)

    @Slot()
    def ask_to_remove(self) -> None:
        """Remove all recordings that no window shows, if the person means it."""
        box = plain_box(self.parentWidget())
        box.setObjectName("remove_box")
        box.setIcon(QMessageBox.Icon.Warning)
        box.setWindowTitle(self.tr("Remove recordings"))
        box.setText(self.tr("Remove the recordings that were never saved?"))
        box.setInformativeText(self.tr("They cannot be brought back. A recording that a window shows stays."))
        buttons = QMessageBox.StandardButton
        box.setStandardButtons(buttons.Yes | buttons.Cancel)
        box.setDefaultButton(buttons.Cancel)
        box.button(buttons.Yes).setText(self.tr("&Remove all"))
        box.button(buttons.Cancel).setText(self.tr("Cancel"))
        answer = box.exec()
        box.deleteLater()
        if answer == buttons.Yes:
            self._session.recent.clear()


def when(seconds: float) -> str:
    """A time of today, else a date and time, as the person's country writes them."""
    moment = QDateTime.fromSecsSinceEpoch(max(min(int(seconds), 2**40), 0))
    short = QLocale.FormatType.ShortFormat
    today = moment.date() == QDate.currentDate()
    return QLocale().toString(moment.time() if today else moment, short)
