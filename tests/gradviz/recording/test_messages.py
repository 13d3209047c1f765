"""What the child process says is believed only as far as it is declared, and nothing else is believed."""

from __future__ import annotations

import io
import json
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradviz.recording import messages
from gradviz.recording.messages import Fault, Finished, Message, Output, Progress, Ready, Refused

SECRET = "0123456789abcdef"

SOUND: list[Message] = [
    Ready(SECRET),
    Output("stdout", "text\n\x00\u2028\U0001f600"),
    Output("stderr", "\U0001f600" * messages.OUTPUT_CHARACTERS),
    Progress(0),
    Progress(messages.COUNT),
    Finished(7, None, None, None),
    Finished(7, "\U0001f600" * messages.TEXT_CHARACTERS, "\x00" * messages.TEXT_CHARACTERS, "no space"),
    Refused("why"),
]

FAULTY: dict[str, Any] = {
    "no object": [1],
    "null": None,
    "no type": {"events": 1},
    "an unknown type": {"type": "done", "events": 1},
    "a type that is no text": {"type": ["progress"], "events": 1},
    "a field too few": {"type": "output", "text": "x"},
    "a field too many": {"type": "progress", "events": 1, "more": 1},
    "text that is none": {"type": "output", "stream": "stdout", "text": 5},
    "text too long": {"type": "output", "stream": "stdout", "text": "x" * (messages.OUTPUT_CHARACTERS + 1)},
    "half a character": {"type": "output", "stream": "stdout", "text": "\ud800"},
    "another stream": {"type": "output", "stream": "stdin", "text": "x"},
    "a stream that is none": {"type": "output", "stream": ["stdout"], "text": "x"},
    "a negative count": {"type": "progress", "events": -1},
    "a count too large": {"type": "progress", "events": messages.COUNT + 1},
    "a count that is none": {"type": "progress", "events": True},
    "a broken count": {"type": "progress", "events": 1.0},
    "a failure that is none": {"type": "finished", "events": 1, "failure": 1, "message": None, "trouble": None},
}

NO_JSON = [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"type": "progress", "events": ' + b"9" * 10_000 + b"}"]


@pytest.mark.parametrize("message", SOUND, ids=lambda message: message.type)
def test_a_message_arrives_as_it_was_sent_in_one_bounded_line(message: Message) -> None:
    line = messages.encode(message, SECRET)
    assert line.count(b"\n") == 1
    assert len(line) <= messages.LINE_BYTES
    assert messages.read_line(io.BytesIO(line)) == line
    assert messages.decode(line, SECRET) == message


@pytest.mark.parametrize("name", FAULTY)
def test_what_breaks_its_declaration_is_a_fault(name: str) -> None:
    with pytest.raises(Fault):
        messages.decode(f"{SECRET} {json.dumps(FAULTY[name])}\n".encode(), SECRET)


@pytest.mark.parametrize("body", NO_JSON, ids=lambda body: repr(body[:12]))
def test_what_is_no_json_is_a_fault(body: bytes) -> None:
    with pytest.raises(Fault):
        messages.decode(SECRET.encode() + b" " + body + b"\n", SECRET)


@pytest.mark.parametrize("before", [b"", b" ", b"00000000 ", SECRET.encode(), SECRET.upper().encode() + b" "])
def test_without_the_secret_nothing_is_a_message(before: bytes) -> None:
    with pytest.raises(Fault, match="something else"):
        messages.decode(before + b'{"type": "progress", "events": 1}\n', SECRET)


def test_a_line_without_end_is_a_fault_and_is_not_held() -> None:
    endless = io.BytesIO(b"x" * (20 * messages.LINE_BYTES))
    with pytest.raises(Fault, match="longer"):
        messages.read_line(endless)
    assert endless.tell() == messages.LINE_BYTES + 1


@given(st.binary(max_size=300))
def test_no_line_does_anything_but_fail(line: bytes) -> None:
    with pytest.raises(Fault):
        messages.decode(SECRET.encode() + b" " + line, SECRET)


_PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
_VALUES = st.recursive(_PLAIN, st.lists, max_leaves=4)


@given(st.sampled_from([Output, Progress, Finished, Refused]), st.data())
def test_any_json_in_a_field_is_either_as_declared_or_a_fault(kind: type[Message], data: st.DataObject) -> None:
    values = {each.name: data.draw(_VALUES, each.name) for each in fields(kind)}  # type: ignore[arg-type]
    line = f"{SECRET} {json.dumps({'type': kind.type, **values})}\n".encode()
    try:
        message = messages.decode(line, SECRET)
    except Fault:
        return
    assert {each.name: getattr(message, each.name) for each in fields(kind)} == values  # type: ignore[arg-type]


def test_the_sender_is_held_to_the_declarations_too() -> None:
    with pytest.raises(ValueError, match="text"):
        messages.encode(Output("stdout", "x" * (messages.OUTPUT_CHARACTERS + 1)), SECRET)


@given(st.text())
def test_a_reason_is_cut_to_what_can_be_sent(text: str) -> None:
    assert messages.encode(Refused(messages.shortened(text + "\ud800")), SECRET)
