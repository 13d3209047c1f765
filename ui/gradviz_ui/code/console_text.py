"""The console's text: read-only, with links, and cheap to fill however much a program prints."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QMouseEvent, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QWidget

from gradviz_ui.session import Session

MAX_LINES = 5_000
"""Lines kept; a program that prints for ever must not fill the memory."""
MAX_PIECES = 1_000
"""Pieces that can be taken back one by one."""
LINE_CHARACTERS = 1_000
"""A longer line is broken: it would be laid out anew from its start whenever something is added to it."""


@dataclass(frozen=True, slots=True)
class Run:
    """Text of one colour; ``link`` is the "file:line" it leads to."""

    text: str
    color: QColor
    link: str | None = None


class ConsoleText(QPlainTextEdit):
    """Pieces, each of some runs, that are added at the end and taken back from there."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._lengths: deque[int] = deque(maxlen=MAX_PIECES)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setReadOnly(True)
        self.setUndoRedoEnabled(False)
        self.setMaximumBlockCount(MAX_LINES)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.viewport().setMouseTracking(True)

    def append(self, pieces: Iterable[Sequence[Run]]) -> None:
        """Add the pieces in one go, and stay at the bottom if the view was there."""
        bar = self.verticalScrollBar()
        at_bottom = bar.value() >= bar.maximum() - 1
        column = len(self.document().lastBlock().text())
        joined: list[tuple[list[str], Run]] = []
        for piece in pieces:
            length = 0
            for run in piece:
                text, column = _broken(_shown(run.text), column)
                length += len(text.encode("utf-16-le", "surrogatepass")) // 2
                if joined and run.link is None and joined[-1][1].link is None and joined[-1][1].color == run.color:
                    joined[-1][0].append(text)
                else:
                    joined.append(([text], run))
            self._lengths.append(length)
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        for texts, run in joined:
            cursor.movePosition(QTextCursor.MoveOperation.End)
            cursor.insertText("".join(texts), _style(run))
        cursor.endEditBlock()
        if at_bottom:
            bar.setValue(bar.maximum())

    def take_back(self, pieces: int) -> bool:
        """Remove the last pieces; False if some of them are no longer held."""
        if pieces > len(self._lengths):
            return False
        length = sum(self._lengths.pop() for _ in range(pieces))
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.setPosition(max(0, cursor.position() - length), QTextCursor.MoveMode.KeepAnchor)
        cursor.removeSelectedText()
        self.verticalScrollBar().setValue(self.verticalScrollBar().maximum())
        return True

    def empty(self) -> None:
        """Remove everything."""
        self.clear()
        self._lengths.clear()

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
            self._session.debugging.show_line(file, int(line))


def _shown(text: str) -> str:
    """As the widget takes it, and no more lines than it keeps: it would lay them out to let them go."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    return text if text.count("\n") < MAX_LINES else "\n".join(text.rsplit("\n", MAX_LINES)[1:])


def _broken(text: str, column: int) -> tuple[str, int]:
    """The text with no line longer than ``LINE_CHARACTERS``, after ``column`` characters, and the column it ends in."""
    if column + len(text) > LINE_CHARACTERS:
        lines = text.split("\n")
        lines[0] = _in_parts(lines[0], column)
        lines[1:] = [_in_parts(line, 0) if len(line) > LINE_CHARACTERS else line for line in lines[1:]]
        text = "\n".join(lines)
    end = text.rfind("\n")
    return text, column + len(text) if end < 0 else len(text) - end - 1


def _in_parts(line: str, column: int) -> str:
    first = max(LINE_CHARACTERS - column, 0)
    parts = [line[:first], *(line[at : at + LINE_CHARACTERS] for at in range(first, len(line), LINE_CHARACTERS))]
    return "\n".join(parts)


def _style(run: Run) -> QTextCharFormat:
    style = QTextCharFormat()
    style.setForeground(run.color)
    if run.link is not None:
        style.setAnchor(True)
        style.setAnchorHref(run.link)
        style.setFontUnderline(True)
    return style
