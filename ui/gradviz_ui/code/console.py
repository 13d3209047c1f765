"""What the program printed, up to the step shown; while it runs, what it prints."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import deque

from PySide6.QtCore import QTimer, Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from gradviz.replay.index import index_of
from gradviz.trace.events import Error, Event, Output
from gradviz_ui import theme
from gradviz_ui.code.console_text import MAX_LINES, MAX_PIECES, ConsoleText, Run
from gradviz_ui.session import Session

MAX_TEXT = 200_000
"""Characters laid out again after a jump, the last ones."""

_PLACE = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')


class ConsolePanel(QWidget):
    """The console: printed text and errors as they were at the step shown."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("console_panel")
        self.session = session
        self.text = ConsoleText(session, self)
        self.text.setObjectName("console_text")
        self.text.setAccessibleName(self.tr("Console"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 2, 0, 4)
        layout.addWidget(self.text)
        self._steps: list[int] = []
        self._shown = 0
        self._live = False
        self._begun = False
        """Does the console show what the program under record prints?"""
        self._printed: deque[tuple[str, str]] = deque(maxlen=MAX_PIECES)
        self._words_below = False
        """Do words of an attempt that left no recording stand below the recording's own?"""
        self._over = QTimer(self)
        self._over.setSingleShot(True)
        self._over.timeout.connect(self._recording_over)
        session.console_text.connect(self._print_live)
        session.recording_changed.connect(self._recording_changed)
        session.debugging.trace_changed.connect(self._show_all)
        session.debugging.step_changed.connect(self._show_step)
        theme.themes().changed.connect(self._restyle)
        self._restyle()

    @Slot(str, str)
    def _print_live(self, text: str, stream: str) -> None:
        self._begin()
        self._printed.append((text[-MAX_TEXT:], stream))
        self.text.append([[_printed(*self._printed[-1])]])

    @Slot()
    def _recording_changed(self) -> None:
        if self.session.recording and not self._live:
            self._printed.clear()
            self._begun = False
        if self.session.recording and self.session.recorded_events:
            self._begin()
        if self._live and not self.session.recording:
            self._over.start()
        self._live = self.session.recording

    def _begin(self) -> None:
        """The program that is recorded has done something: what stands here is another's."""
        if not self._begun:
            self._clear()
            self._begun = True

    @Slot()
    def _recording_over(self) -> None:
        """Where the attempt has left no recording, what stood here comes back, with the attempt's words below."""
        if self._begun and not self._live and not self.session.loading:
            printed = list(self._printed)
            self._show_all()
            self.text.append([_printed(text, stream)] for text, stream in printed)
            self._words_below = bool(printed)

    @Slot()
    def _show_all(self) -> None:
        self._clear()
        self._printed.clear()
        self._begun = self._words_below = False
        trace = self.session.debugging.trace
        kinds = index_of(trace).kinds if trace is not None else {}
        self._steps = sorted([*kinds.get(Output.kind, ()), *kinds.get(Error.kind, ())])
        self._show_step()

    @Slot()
    def _show_step(self) -> None:
        trace = self.session.debugging.trace
        if trace is None or self._begun:
            return
        if self._words_below:
            self._show_all()
            return
        steps = self._steps
        wanted = bisect_right(steps, self.session.debugging.step)
        if wanted < self._shown:
            if self.text.take_back(self._shown - wanted):
                self._shown = wanted
            else:
                self._clear()
        pieces: list[list[Run]] = []
        characters, lines, at = MAX_TEXT, MAX_LINES, wanted
        while at > self._shown and characters > 0 and lines > 0 and len(pieces) < MAX_PIECES:
            at -= 1
            pieces.append(self._piece(trace.events[steps[at] - 1]))
            characters -= sum(len(run.text) for run in pieces[-1])
            lines -= sum(run.text.count("\n") for run in pieces[-1])
        if at > self._shown:  # what is between is not shown, so neither is what was before
            self._clear()
        self.text.append(reversed(pieces))
        self._shown = wanted

    def _piece(self, event: Event) -> list[Run]:
        if isinstance(event, Output):
            return [_printed(event.text[-MAX_TEXT:], event.stream)]
        assert isinstance(event, Error), "the index gave no other kinds"
        return self._error(event)

    def _error(self, event: Error) -> list[Run]:
        colors = theme.current()
        lines = list(event.traceback) or [f"{event.type}: {event.message}" if event.message else event.type]
        text = "\n".join(line.rstrip("\n") for line in lines) + "\n"
        position = 0
        runs = []
        if event.line is not None and not event.traceback:
            place = self.tr("line {line}").replace("{line}", str(event.line))
            runs += [Run(place, colors.link, f"{event.file}:{event.line}"), Run(": ", colors.error)]
        for match in _PLACE.finditer(text):
            runs.append(Run(text[position : match.start()], colors.error))
            runs.append(Run(match.group(), colors.link, f"{match['file']}:{match['line']}"))
            position = match.end()
        return [*runs, Run(text[position:], colors.error)]

    def _clear(self) -> None:
        self.text.empty()
        self._shown = 0

    @Slot()
    def _restyle(self) -> None:
        self.text.setFont(theme.mono_font())
        if self.session.debugging.trace is not None and not self._live:
            self._show_all()


def _printed(text: str, stream: str) -> Run:
    return Run(text, theme.current().error if stream == "stderr" else theme.current().text)
