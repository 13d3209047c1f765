"""What the program printed, up to the step shown; while it runs, what it prints."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import deque

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QColor, QMouseEvent, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QVBoxLayout, QWidget

from gradviz.replay.index import index_of
from gradviz.trace.events import Error, Output
from gradviz_ui import theme
from gradviz_ui.session import Session

MAX_LINES = 5_000
"""Lines kept; a program that prints for ever must not fill the memory."""
MAX_PIECES = 1_000
"""Printed pieces laid out again after a jump."""
MAX_TEXT = 200_000
"""Characters shown of one piece."""

_PLACE = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')


class ConsoleText(QPlainTextEdit):
    """Read-only text whose "file, line" places are links."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setReadOnly(True)
        self.setUndoRedoEnabled(False)
        self.setMaximumBlockCount(MAX_LINES)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.viewport().setMouseTracking(True)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """A hand over links."""
        super().mouseMoveEvent(event)
        link = self.anchorAt(event.position().toPoint())
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor if link else Qt.CursorShape.IBeamCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A click on a link shows that line."""
        super().mouseReleaseEvent(event)
        link = self.anchorAt(event.position().toPoint())
        if link and not self.textCursor().hasSelection():
            file, _, line = link.rpartition(":")
            self._session.show_line(file, int(line))


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
        self._lengths: deque[int] = deque(maxlen=MAX_PIECES)
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
        session.trace_changed.connect(self._show_all)
        session.step_changed.connect(self._show_step)
        session.theme_changed.connect(self._restyle)
        self._restyle()

    @Slot(str, str)
    def _print_live(self, text: str, stream: str) -> None:
        self._begin()
        piece = text[-MAX_TEXT:], stream
        self._printed.append(piece)
        self._print_piece(*piece)

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
            for text, stream in printed:
                self._print_piece(text, stream)
            self._words_below = bool(printed)

    @Slot()
    def _show_all(self) -> None:
        self._clear()
        self._printed.clear()
        self._begun = self._words_below = False
        trace = self.session.trace
        kinds = index_of(trace).kinds if trace is not None else {}
        self._steps = sorted([*kinds.get(Output.kind, ()), *kinds.get(Error.kind, ())])
        self._show_step()

    @Slot()
    def _show_step(self) -> None:
        trace = self.session.trace
        if trace is None or self._begun:
            return
        if self._words_below:
            self._show_all()
            return
        steps = self._steps
        wanted = bisect_right(steps, self.session.step)
        if wanted < self._shown:
            self._take_back(self._shown - wanted)
        if wanted - self._shown > MAX_PIECES:
            self._clear()
            self._shown = wanted - MAX_PIECES
        for step in steps[self._shown : wanted]:
            event = trace.events[step - 1]
            if isinstance(event, Output):
                self._print_piece(event.text[-MAX_TEXT:], event.stream)
            elif isinstance(event, Error):
                self._print_error(event)
        self._shown = wanted

    def _print_error(self, event: Error) -> None:
        colors = theme.current()
        lines = list(event.traceback) or [f"{event.type}: {event.message}" if event.message else event.type]
        text = "\n".join(line.rstrip("\n") for line in lines) + "\n"
        position = 0
        length = 0
        if event.line is not None and not event.traceback:
            place = self.tr("line {line}").replace("{line}", str(event.line))
            length += self._insert(place, colors.link, f"{event.file}:{event.line}") + self._insert(": ", colors.error)
        for match in _PLACE.finditer(text):
            length += self._insert(text[position : match.start()], colors.error)
            length += self._insert(match.group(), colors.link, f"{match['file']}:{match['line']}")
            position = match.end()
        length += self._insert(text[position:], colors.error)
        self._lengths.append(length)

    def _print_piece(self, text: str, stream: str) -> None:
        colors = theme.current()
        self._lengths.append(self._insert(text, colors.error if stream == "stderr" else colors.text))

    def _insert(self, text: str, color: QColor, link: str | None = None) -> int:
        """Append text and stay at the bottom if the view was there; how many positions it took."""
        bar = self.text.verticalScrollBar()
        at_bottom = bar.value() >= bar.maximum() - 1
        text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
        style = QTextCharFormat()
        style.setForeground(color)
        if link is not None:
            style.setAnchor(True)
            style.setAnchorHref(link)
            style.setFontUnderline(True)
        cursor = QTextCursor(self.text.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText(text, style)
        if at_bottom:
            bar.setValue(bar.maximum())
        return len(text.encode("utf-16-le")) // 2

    def _take_back(self, pieces: int) -> None:
        """Remove the last printed pieces; all of them if some are no longer held."""
        if pieces > len(self._lengths):
            self._clear()
            return
        length = sum(self._lengths.pop() for _ in range(pieces))
        self._shown -= pieces
        cursor = QTextCursor(self.text.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.setPosition(max(0, cursor.position() - length), QTextCursor.MoveMode.KeepAnchor)
        cursor.removeSelectedText()
        self.text.verticalScrollBar().setValue(self.text.verticalScrollBar().maximum())

    def _clear(self) -> None:
        self.text.clear()
        self._lengths.clear()
        self._shown = 0

    @Slot()
    def _restyle(self) -> None:
        self.text.setFont(theme.mono_font())
        if self.session.trace is not None and not self._live:
            self._show_all()
