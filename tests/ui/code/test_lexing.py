"""Colouring one line at a time."""

from __future__ import annotations

import pytest

from gradviz_ui.code.lexing import State, state_after, tokens


def kinds(line: str, state: int = State.PLAIN) -> list[tuple[str, str]]:
    """The coloured parts with their text."""
    return [(kind, line[start:end]) for start, end, kind in tokens(line, state)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("import torch", [("keyword", "import")]),
        ("def forward(self):", [("keyword", "def"), ("function", "forward"), ("builtin", "self")]),
        ("x = 1.5e-3  # small", [("operator", "="), ("number", "1.5e-3"), ("comment", "# small")]),
        ("print(w.grad)", [("builtin", "print")]),
        ("z.sum().backward()", [("function", "sum"), ("function", "backward")]),
        (
            "s = f'a \\' # b' + \"c\"",
            [("operator", "="), ("string", "f'a \\' # b'"), ("operator", "+"), ("string", '"c"')],
        ),
        ("@torch.no_grad()", [("decorator", "@torch.no_grad")]),
        ("a @ b", [("operator", "@")]),
        ("match = 3", [("operator", "="), ("number", "3")]),
        ("match command:", [("keyword", "match")]),
        ("%matplotlib inline", [("comment", "%matplotlib inline")]),
        ("x.print", []),
        ("x1 = 0xFF", [("operator", "="), ("number", "0xFF")]),
    ],
)
def test_a_line_is_coloured_by_what_its_parts_are(line: str, expected: list[tuple[str, str]]) -> None:
    assert kinds(line) == expected


def test_triple_quoted_strings_stay_open_until_they_are_closed() -> None:
    lines = ['text = """first', "it's # no comment", 'last""" + x  # but this']
    states = [State.PLAIN]
    for line in lines:
        states.append(state_after(line, states[-1]))
    assert states == [State.PLAIN, State.DOUBLE, State.DOUBLE, State.PLAIN]
    assert kinds(lines[1], State.DOUBLE) == [("string", lines[1])]
    assert kinds(lines[2], State.DOUBLE)[0] == ("string", 'last"""')
    assert kinds(lines[2], State.DOUBLE)[-1] == ("comment", "# but this")


@pytest.mark.parametrize("line", ["'''a''' + '''b", 'x = """', "r'''"])
def test_a_line_can_open_one(line: str) -> None:
    assert state_after(line, State.PLAIN) is not State.PLAIN


@pytest.mark.parametrize("line", ["'''a''' + '''b'''", "'it''s'", "# '''", "'unclosed", r"'''\'''' "])
def test_a_line_can_close_all_it_opens(line: str) -> None:
    assert state_after(line, State.PLAIN) is State.PLAIN
