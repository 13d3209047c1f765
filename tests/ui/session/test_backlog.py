"""Printed text waits for the window, within bounds, and comes out as it went in."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from gradviz_ui.session.backlog import GAP, Backlog

PIECES = st.lists(st.tuples(st.text("ab\n", max_size=30), st.sampled_from(["stdout", "stderr"])), max_size=20)


def drained(backlog: Backlog, characters: int, lines: int) -> list[tuple[str, str]]:
    taken = []
    while backlog:
        turn = backlog.take(characters, lines)
        text = "".join(text for text, _ in turn)
        assert len(text) <= characters
        assert text.count("\n") <= lines
        assert all(one[1] != other[1] for one, other in pairwise(turn))
        taken += turn
    return taken


@given(PIECES, st.integers(1, 50), st.integers(1, 5))
def test_all_text_comes_in_its_order_a_turn_at_a_time(
    pieces: list[tuple[str, str]], characters: int, lines: int
) -> None:
    backlog = Backlog(10_000, 10_000)
    for text, stream in pieces:
        backlog.add(text, stream)
    given_letters = [(letter, stream) for text, stream in pieces for letter in text]
    taken_letters = [(letter, stream) for text, stream in drained(backlog, characters, lines) for letter in text]
    assert taken_letters == given_letters


def test_of_more_than_it_holds_the_oldest_is_left_out_and_that_is_shown() -> None:
    backlog = Backlog(10, 10)
    for number in range(1000):
        backlog.add(f"{number:05}", "stdout")
    assert backlog.take(100, 100) == [(GAP + "0099800999", "stdout")]
    backlog.add("more", "stdout")
    assert backlog.take(100, 100) == [("more", "stdout")]


@given(PIECES, st.integers(0, 50), st.integers(0, 5))
@example([("a", "stdout"), ("", "stdout")], 0, 0)
def test_the_last_characters_and_lines_are_held(pieces: list[tuple[str, str]], characters: int, lines: int) -> None:
    everything = "".join(text for text, _ in pieces)
    last = everything[max(len(everything) - characters, 0) :]
    while last.count("\n") > lines:
        last = last.partition("\n")[2]
    at_once, later = Backlog(characters, lines), Backlog(10_000, 10_000)
    for text, stream in pieces:
        at_once.add(text, stream)
        later.add(text, stream)
    later.leave_out(characters, lines)
    for backlog in (at_once, later):
        held = "".join(text for text, _ in drained(backlog, 10_000, 10_000))
        assert held.removeprefix(GAP) == last
        assert held.startswith(GAP) == (bool(last) and last != everything)


def test_of_one_long_text_the_end_is_held() -> None:
    backlog = Backlog(10, 10)
    backlog.add("x" * 1_000_000 + "end", "stderr")
    assert backlog.take(100, 100) == [(GAP + "x" * 7 + "end", "stderr")]


def test_what_was_forgotten_does_not_come() -> None:
    backlog = Backlog(10, 10)
    backlog.add("x" * 20, "stdout")
    backlog.clear()
    assert backlog.take(100, 100) == []
