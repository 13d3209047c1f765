"""Events in words."""

from __future__ import annotations

import pytest

from gradviz.trace.events import EVENT_TYPES, BackwardEnd, Error, Event, Mark, Output, Warned
from gradviz.trace.memory import MemoryTrace
from gradviz_ui.counting import FORMS, counted
from gradviz_ui.translation import load
from gradviz_ui.wording import KINDS, edge_text, event_text, kind_text, leaf_text, node_text


def test_every_kind_has_a_name() -> None:
    assert KINDS.keys() == EVENT_TYPES.keys()
    assert kind_text("from_the_future") == "from_the_future"


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (BackwardEnd(step=1, call=2, error="no {graph}"), "out.backward() · call 2 raises: no {graph}"),
        (Output(step=1, text="\n\nFirst {x}\nsecond\n"), "prints First {x} …"),
        (Warned(step=1, message="%matplotlib was skipped"), "%matplotlib was skipped"),
        (Error(step=1, type="KeyError", message="'x'"), "KeyError: 'x'"),
        (Mark(step=1, name="epoch 3"), "epoch 3"),
    ],
)
def test_what_a_program_says_stays_as_it_is(basics: MemoryTrace, event: Event, text: str) -> None:
    assert event_text(basics, event) == text


def test_operations_name_what_goes_in_and_what_is_made(basics: MemoryTrace) -> None:
    assert event_text(basics, basics.events[0]) == "matmul(x, w) makes MmBackward0, SqueezeBackward4"
    assert event_text(basics, basics.events[1]) == "z = add((3,), b) makes AddBackward0"


def test_nodes_leaves_and_edges(basics: MemoryTrace) -> None:
    assert node_text(basics, basics.leaves[2]) == "AccumulateGrad inp"
    assert leaf_text(basics, basics.leaves[2]) == "inp"
    assert edge_text(basics, 0) == "MmBackward0 → AccumulateGrad w"


def test_long_output_is_cut(basics: MemoryTrace) -> None:
    assert len(event_text(basics, Output(step=1, text="x" * 10_000))) < 400


def test_one_is_counted_as_one() -> None:
    assert [counted(number, "event") for number in (0, 1, 2, 1204)] == [
        "0 events",
        "1 event",
        "2 events",
        "1,204 events",
    ]
    assert [counted(1, noun) for noun in FORMS] == ["1 event", "1 node", "1 leaf", "1 step", "1 sum", "1 gradient"]


def test_chinese_has_one_form() -> None:
    forms = load("zh_CN")["Count"]
    assert all(forms[one] == forms[many] for one, many in FORMS.values())
