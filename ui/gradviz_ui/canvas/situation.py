"""Why the canvas shows no graph, in words: one row for each state the session can be in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

from gradviz.replay.index import index_of
from gradviz.trace.events import Error
from gradviz.trace.protocol import TraceLike
from gradviz_ui.session import Session

LONGEST_REASON = 240
"""Characters of an error's message that are shown; all of it is in the console and under Problems."""


class Situation(Enum):
    """Where things stand while there is no graph to see."""

    OPENING = auto()
    NOTHING_OPEN = auto()
    NOT_RECORDED = auto()
    RECORDING = auto()
    REFUSED = auto()
    """The program was not run at all."""
    CRASHED = auto()
    """The process that ran it died."""
    SYNTAX = auto()
    RAISED = auto()
    STOPPED = auto()
    INCOMPLETE = auto()
    """A recording whose recorder was killed, or is still at work elsewhere."""
    NO_NODES = auto()
    NO_OPERATIONS = auto()


WORDS: dict[Situation, tuple[Any, Any]] = {
    Situation.OPENING: (QT_TRANSLATE_NOOP("Situation", "Opening…"), ""),
    Situation.NOTHING_OPEN: (
        QT_TRANSLATE_NOOP("Situation", "Nothing is open"),
        QT_TRANSLATE_NOOP("Situation", "Open a program or a recording, or drop one here."),
    ),
    Situation.NOT_RECORDED: (
        QT_TRANSLATE_NOOP("Situation", "Not recorded yet"),
        QT_TRANSLATE_NOOP("Situation", "Record (Ctrl+R) runs the program and shows its backward graph here."),
    ),
    Situation.RECORDING: (
        QT_TRANSLATE_NOOP("Situation", "Recording…"),
        QT_TRANSLATE_NOOP("Situation", "Events so far: {count}. The graph is shown once the program has ended."),
    ),
    Situation.REFUSED: (
        QT_TRANSLATE_NOOP("Situation", "The program was not recorded"),
        QT_TRANSLATE_NOOP("Situation", "{why}"),
    ),
    Situation.CRASHED: (
        QT_TRANSLATE_NOOP("Situation", "The program's process ended"),
        QT_TRANSLATE_NOOP("Situation", "{why} Until then {nothing}."),
    ),
    Situation.SYNTAX: (
        QT_TRANSLATE_NOOP("Situation", "The program did not run"),
        QT_TRANSLATE_NOOP("Situation", "{why}"),
    ),
    Situation.RAISED: (
        QT_TRANSLATE_NOOP("Situation", "The program raised an error"),
        QT_TRANSLATE_NOOP("Situation", "{why}\nUntil then {nothing}."),
    ),
    Situation.STOPPED: (
        QT_TRANSLATE_NOOP("Situation", "Stopped"),
        QT_TRANSLATE_NOOP("Situation", "Until the program was stopped, {nothing}."),
    ),
    Situation.INCOMPLETE: (
        QT_TRANSLATE_NOOP("Situation", "An incomplete recording"),
        QT_TRANSLATE_NOOP("Situation", "As far as it goes, {nothing}."),
    ),
    Situation.NO_NODES: (
        QT_TRANSLATE_NOOP("Situation", "No backward graph"),
        QT_TRANSLATE_NOOP(
            "Situation",
            "The program ran to its end, and no operation worked on a tensor that asks for gradients"
            " (requires_grad=True).",
        ),
    ),
    Situation.NO_OPERATIONS: (
        QT_TRANSLATE_NOOP("Situation", "No operations"),
        QT_TRANSLATE_NOOP("Situation", "The program ran to its end, and no operation on tensors was recorded."),
    ),
}

_NOTHING: dict[bool, Any] = {
    True: QT_TRANSLATE_NOOP("Situation", "no operation on tensors was recorded"),
    False: QT_TRANSLATE_NOOP("Situation", "no operation worked on a tensor that asks for gradients"),
}
"""What was not seen, in the forward view and in the others."""

SYNTAX_ERRORS = {"SyntaxError", "IndentationError", "TabError"}


@dataclass(frozen=True, slots=True)
class Explanation:
    """What to say; ``place``: the file and line of the program that it speaks of."""

    title: str
    text: str
    place: tuple[str, int] | None = None


def situation_of(session: Session) -> Situation:
    """Why there is no graph to see."""
    trace, outcome = session.debugging.trace, session.outcome
    if session.recording:
        return Situation.RECORDING
    if trace is None and session.loading:
        return Situation.OPENING
    if outcome is not None and outcome.trouble is not None:
        return Situation.REFUSED if trace is None else Situation.CRASHED
    if trace is None:
        return Situation.NOTHING_OPEN if session.document is None else Situation.NOT_RECORDED
    error = last_error(trace)
    if error is not None:
        early = error.type in SYNTAX_ERRORS and error.step == 1
        return Situation.SYNTAX if early else Situation.RAISED
    if outcome is not None and outcome.stopped:
        return Situation.STOPPED
    if not trace.complete:
        return Situation.INCOMPLETE
    return Situation.NO_OPERATIONS if session.debugging.view == "forward" else Situation.NO_NODES


def explain(session: Session) -> Explanation:
    """Why there is no graph to see, in the person's language."""
    translate = QCoreApplication.translate
    found = situation_of(session)
    title, text = (translate("Situation", words) if words else "" for words in WORDS[found])
    error = last_error(session.debugging.trace) if found in (Situation.SYNTAX, Situation.RAISED) else None
    why, place = "", None
    if error is not None:
        why = f"{error.type}: {error.message}" if error.message else error.type
        place = (error.file, error.line) if error.file is not None and error.line is not None else None
    elif session.outcome is not None:
        why = session.outcome.trouble or ""
    if len(why) > LONGEST_REASON:
        why = why[: LONGEST_REASON - 1] + "…"
    nothing = translate("Situation", _NOTHING[session.debugging.view == "forward"])
    # What a program says may hold braces of its own: it is put in last.
    text = text.replace("{count}", f"{session.recorded_events:,}").replace("{nothing}", nothing).replace("{why}", why)
    return Explanation(title, text, place)


def last_error(trace: TraceLike | None) -> Error | None:
    """The error that ended the program."""
    steps = index_of(trace).kinds.get(Error.kind, ()) if trace is not None else ()
    event = trace.events[steps[-1] - 1] if trace is not None and steps else None
    return event if isinstance(event, Error) else None
