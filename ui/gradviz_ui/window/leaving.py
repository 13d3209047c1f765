"""Before another file is opened or the window closes: one question about all that is not saved."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtWidgets import QMessageBox, QWidget

from gradviz_ui.counting import counted
from gradviz_ui.plain import plain_box
from gradviz_ui.session import Session
from gradviz_ui.session.recordings import KEPT

if TYPE_CHECKING:
    from gradviz_ui.window.files import FileQuestions

Reason = Literal["quit", "open", "new"]
Buttons = QMessageBox.StandardButton

LOOK_MS = 30
"""How often to look whether a program that was stopped has left its recording."""


class Leaving(QObject):
    """Asks, saves what the person wants saved, then goes on with what was wanted; or stays."""

    def __init__(self, session: Session, files: FileQuestions, window: QWidget) -> None:
        super().__init__(window)
        self._session = session
        self._files = files
        self._window = window
        self._go: Callable[[], object] | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._save_recording)

    def ask(self, why: Reason, go: Callable[[], object]) -> None:
        """Call ``go`` once nothing that the person wants to keep is lost by it; not at all if they stay.

        At once where there is nothing to ask. What is being saved is waited for.
        """
        if self._go is not None:  # a question, or what it led to, is under way
            return
        self._go = go
        if self._session.saving is not None:
            self._session.saving.ended.connect(partial(self._was_saved_before, why))
            return
        at_stake = self._at_stake(why)
        answer = self._answer(why, at_stake) if at_stake else Buttons.Discard
        if answer == Buttons.Save:
            self._save()
        else:
            self._end(answer == Buttons.Discard)

    def _was_saved_before(self, why: Reason, saved: bool, trouble: str) -> None:
        go, self._go = self._go, None
        if saved and go is not None:
            self.ask(why, go)

    # The question

    def _at_stake(self, why: Reason) -> list[str]:
        """What is not saved, a line each.

        A finished recording that is kept in any case is a reason to ask only before the window closes.
        """
        session, lines = self._session, []
        document = session.document
        if document is not None and document.modified:
            lines.append(
                self.tr("{name} has unsaved edits. Without saving, they are lost.").replace("{name}", document.name)
            )
        if session.recording and document is not None:
            text = self.tr("{name} is running, and will be stopped.").replace("{name}", document.name)
            lines.append(f"{text} {self._what_becomes_of(session.recorded_path)}")
        unsaved = self._unsaved()
        if unsaved is not None and (why == "quit" or lines or not session.recent.outlasts(unsaved)):
            text = self.tr("The recording of {name} ({events}) is not saved.")
            text = text.replace("{name}", self._recorded_name()).replace(
                "{events}", counted(session.debugging.last_step, "event")
            )
            lines.append(f"{text} {self._what_becomes_of(unsaved)}")
        return lines

    def _unsaved(self) -> Path | None:
        """The recording that is shown, if it was never saved and holds anything."""
        session = self._session
        if session.debugging.trace is None or session.trace_saved or not session.debugging.last_step:
            return None
        return session.debugging.trace.path

    def _recorded_name(self) -> str:
        trace = self._session.debugging.trace
        return (trace.program if trace is not None else None) or self._session.trace_name

    def _what_becomes_of(self, recording: Path) -> str:
        if self._session.recent.outlasts(recording):
            text = self.tr("What was recorded stays among the last {kept}, under File > Recent recordings.")
            return text.replace("{kept}", str(KEPT))
        return self.tr("What was recorded is lost without saving.")

    def _answer(self, why: Reason, at_stake: list[str]) -> int:
        box = plain_box(self._window)
        box.setObjectName("unsaved_box")
        box.setIcon(QMessageBox.Icon.Question)
        titles = {
            "quit": self.tr("Quit gradviz"),
            "open": self.tr("Open another file"),
            "new": self.tr("New program"),
        }
        box.setWindowTitle(titles[why])
        box.setText(self.tr("Save before going on?") if why != "quit" else self.tr("Save before gradviz closes?"))
        box.setInformativeText("\n\n".join(at_stake))
        box.setStandardButtons(Buttons.Save | Buttons.Discard | Buttons.Cancel)
        box.setDefaultButton(Buttons.Save)
        box.setEscapeButton(Buttons.Cancel)
        several = len(at_stake) > 1
        box.button(Buttons.Save).setText(self.tr("&Save all") if several else self.tr("&Save"))
        go_on = self.tr("&Quit without saving") if why == "quit" else self.tr("&Go on without saving")
        box.button(Buttons.Discard).setText(go_on)
        box.button(Buttons.Cancel).setText(self.tr("Cancel"))
        answer = box.exec()
        box.deleteLater()
        return answer

    # What it leads to

    def _save(self) -> None:
        document = self._session.document
        if document is not None and document.modified and not self._files.save_program():
            self._end(False)
            return
        self._session.stop()
        self._timer.start()
        self._save_recording()

    @Slot()
    def _save_recording(self) -> None:
        """Once the program has stopped and its recording is there, save that."""
        if self._session.recording or self._session.loading:
            return
        self._timer.stop()
        if self._unsaved() is None:
            self._end(True)
            return
        saving = self._files.save_trace_as()
        if saving is None:
            self._end(False)
        else:
            saving.ended.connect(self._saved)

    @Slot(bool, str)
    def _saved(self, saved: bool, trouble: str) -> None:
        self._end(saved)

    def _end(self, going: bool) -> None:
        go, self._go = self._go, None
        if going and go is not None:
            go()
