"""The console's text: bounded lines, and taken back as it was added."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from gradviz_ui.code import console_text
from gradviz_ui.code.console_text import ConsoleText, Run
from gradviz_ui.session import Session

PLAIN = QColor("white")
PIECE = st.lists(
    st.builds(Run, st.text("ab\n\r\0\U0001f600", max_size=12), st.sampled_from([PLAIN, QColor("red")])),
    min_size=1,
    max_size=3,
)


@pytest.fixture
def console(session: Session, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> ConsoleText:
    monkeypatch.setattr(console_text, "LINE_CHARACTERS", 10)
    made = ConsoleText(session)
    qtbot.addWidget(made)
    return made


def as_terminals_wrap(text: str) -> str:
    """Letter by letter."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    shown, column = "", 0
    for letter in text:
        if letter != "\n" and column == 10:
            shown, column = shown + "\n", 0
        shown, column = shown + letter, 0 if letter == "\n" else column + 1
    return shown


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(PIECE, max_size=8), st.integers(1, 8))
def test_pieces_are_added_with_no_line_too_long_and_taken_back_exactly(
    console: ConsoleText, pieces: list[list[Run]], at_once: int
) -> None:
    console.empty()
    seen = []
    for start in range(0, len(pieces), at_once):
        seen.append(console.toPlainText())
        console.append(pieces[start : start + at_once])
    text = "".join(run.text.replace("\r\n", "\n").replace("\r", "\n") for piece in pieces for run in piece)
    assert console.toPlainText() == as_terminals_wrap(text)
    for start in reversed(range(0, len(pieces), at_once)):
        assert console.take_back(len(pieces[start : start + at_once]))
        assert console.toPlainText() == seen.pop()


def test_a_line_that_never_ends_is_broken(console: ConsoleText) -> None:
    for _ in range(7):
        console.append([[Run("x" * 4, PLAIN)]])
    assert console.toPlainText() == "xxxxxxxxxx\nxxxxxxxxxx\nxxxxxxxx"


def test_no_more_lines_are_laid_out_than_are_kept(console: ConsoleText) -> None:
    inserted: list[int] = []
    console.document().contentsChange.connect(lambda position, removed, added: inserted.append(added))
    console.append([[Run("x\n" * 100_000, PLAIN)]])
    assert max(inserted) <= 2 * console_text.MAX_LINES + 1
    assert console.blockCount() == console_text.MAX_LINES


def test_what_is_no_longer_held_cannot_be_taken_back(console: ConsoleText) -> None:
    console.append([[Run("a\n", PLAIN)]])
    assert not console.take_back(2)
    assert console.toPlainText() == "a\n"
