"""What the child process tells the client: one line for each message, declared here once.

A line is the run's secret, a space and a JSON object. The secret comes with ``Ready``, before any of the
program runs, and is nowhere in the program's sight: what the program writes to the descriptor by itself is
not a message. Both sides check each field by its declaration, and no line is longer than ``LINE_BYTES``.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from typing import IO, Any, ClassVar

OUTPUT_CHARACTERS = 16 << 10
"""Of one message; longer text goes in several."""
TEXT_CHARACTERS = 20_000
"""Of an exception's message or a reason; what is longer is cut."""
LINE_BYTES = 512 << 10
"""A message fits: JSON needs at most 12 bytes for a character, and none has more than two texts."""
COUNT = 1 << 53

Check = Callable[[Any], bool]


class Fault(Exception):
    """A line that is not a message; says what is wrong with it."""


def _text(longest: int) -> Check:
    def check(value: Any) -> bool:
        return isinstance(value, str) and len(value) <= longest and _encodable(value)

    return check


def _encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _or_none(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _one_of(*choices: str) -> Check:
    return lambda value: isinstance(value, str) and value in choices


def _count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= COUNT


def _declared(check: Check) -> Any:
    return field(metadata={"check": check})


class Message:
    """One thing that the child process says."""

    type: ClassVar[str]


@dataclass(frozen=True, slots=True)
class Ready(Message):
    """Everything is loaded; from here on each line begins with the secret."""

    type = "ready"
    secret: str = _declared(_text(64))


@dataclass(frozen=True, slots=True)
class Output(Message):
    """The program printed."""

    type = "output"
    stream: str = _declared(_one_of("stdout", "stderr"))
    text: str = _declared(_text(OUTPUT_CHARACTERS))


@dataclass(frozen=True, slots=True)
class Progress(Message):
    """So many events were recorded so far."""

    type = "progress"
    events: int = _declared(_count)


@dataclass(frozen=True, slots=True)
class Finished(Message):
    """The program came to its end, by the exception ``failure`` with ``message`` if there was one.

    ``trouble`` says why not all of it is in the trace. The exit code is the one of the process.
    """

    type = "finished"
    events: int = _declared(_count)
    failure: str | None = _declared(_or_none(_text(TEXT_CHARACTERS)))
    message: str | None = _declared(_or_none(_text(TEXT_CHARACTERS)))
    trouble: str | None = _declared(_or_none(_text(TEXT_CHARACTERS)))


@dataclass(frozen=True, slots=True)
class Refused(Message):
    """The program cannot be recorded."""

    type = "refused"
    reason: str = _declared(_text(TEXT_CHARACTERS))


MESSAGES: dict[str, type[Message]] = {kind.type: kind for kind in (Ready, Output, Progress, Finished, Refused)}


def shortened(text: str) -> str:
    """The text as a field of ``TEXT_CHARACTERS`` takes it."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")[:TEXT_CHARACTERS]


def encode(message: Message, secret: str) -> bytes:
    """The line of a message. Raises ValueError if it breaks its declaration."""
    values = asdict(message)  # type: ignore[call-overload]
    wrong = _wrong_field(type(message), values)
    if wrong is not None:
        raise ValueError(f"{message.type}.{wrong} is not as declared")
    return f"{secret} {json.dumps({'type': message.type, **values})}\n".encode("ascii")


def decode(line: bytes, secret: str) -> Message:
    """The message in a line; raises ``Fault``."""
    given, _, body = line.partition(b" ")
    if not hmac.compare_digest(given, secret.encode("ascii")):
        raise Fault("something else than the recorder wrote to its channel")
    try:
        values = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Fault(f"a message is not JSON: {error}") from None
    if not isinstance(values, dict):
        raise Fault("a message is not an object")
    kind = MESSAGES.get(name) if isinstance(name := values.pop("type", None), str) else None
    if kind is None:
        raise Fault("a message is of no known type")
    if values.keys() != {each.name for each in fields(kind)}:  # type: ignore[arg-type]
        raise Fault(f"a message of type {kind.type} has other fields")
    wrong = _wrong_field(kind, values)
    if wrong is not None:
        raise Fault(f"{wrong} of a message of type {kind.type} is out of bounds")
    return kind(**values)


def read_line(pipe: IO[bytes]) -> bytes:
    """The next line, empty at the end; never more than ``LINE_BYTES`` are held. Raises ``Fault``."""
    line = pipe.readline(LINE_BYTES + 1)
    if len(line) > LINE_BYTES:
        raise Fault(f"a message is longer than {LINE_BYTES >> 10} KiB")
    return line


def _wrong_field(kind: type[Message], values: dict[str, Any]) -> str | None:
    for each in fields(kind):  # type: ignore[arg-type]
        if not each.metadata["check"](values[each.name]):
            return each.name
    return None
