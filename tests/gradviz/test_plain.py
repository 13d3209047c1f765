"""Texts that are shown to a person: what could act is written out, all else is as it was."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradviz.plain import clipped, harmless, harmless_lines

ANY = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("loss = (x @ w).sum()  # 损失 é 😀 e\u0301 a\u00a0b\u3000c", None),
        ("👩\u200d🔬", None),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x1b]0;title\x07\x9b1m", r"\x1b]0;title\x07\x9b1m"),
        ("safe\u202etxt.exe\u2066", r"safe\u202etxt.exe\u2066"),
        ("two\nlines\r\t\0\x7f\u2028", r"two\nlines\r\t\x00\x7f\u2028"),
        ("\ud800\uffff\U0010ffff\ufeff", r"\ud800\uffff\U0010ffff\ufeff"),
    ],
)
def test_what_a_terminal_may_act_on_is_written_out(text: str, shown: str | None) -> None:
    assert harmless(text) == (text if shown is None else shown)


@given(ANY)
def test_no_text_keeps_anything_that_acts(text: str) -> None:
    categories = {unicodedata.category(character) for character in harmless(text) if character not in "\u200c\u200d"}
    assert not categories & {"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"}
    assert harmless(harmless(text)) == harmless(text)


@given(ANY)
def test_lines_stay_lines(text: str) -> None:
    assert harmless_lines(text).count("\n") == text.count("\n")


@given(ANY, st.integers(1, 50))
def test_a_clipped_text_is_as_long_as_it_may_be(text: str, most: int) -> None:
    found = clipped(text, most)
    assert len(found) <= most
    assert found == harmless(text) or found.endswith("…")


def test_a_very_long_name_takes_no_time_to_clip() -> None:
    assert clipped("\x1b" * 10_000_000, 9) == "\\x1b\\x1b…"
