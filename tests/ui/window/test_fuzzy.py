"""Finding by a few letters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradviz_ui.window.fuzzy import score, search

NAMES = [
    "AccumulateGrad",
    "inp · AccumulateGrad",
    "AddBackward0",
    "Next accumulation",
    "MmBackward0",
    "Continue forwards",
]


def found(query: str, names: list[str] = NAMES, limit: int = 10) -> list[str]:
    """The names a query finds."""
    return search(query, names, str, limit)


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("acc", "AccumulateGrad"),
        ("accinp", None),
        ("inpacc", "inp · AccumulateGrad"),
        ("AG", "AccumulateGrad"),
        ("mm", "MmBackward0"),
        ("cf", "Continue forwards"),
        ("next acc", "Next accumulation"),
        ("zzz", None),
    ],
)
def test_the_best_match_comes_first(query: str, first: str | None) -> None:
    assert next(iter(found(query)), None) == first


def test_nothing_typed_shows_everything_in_order() -> None:
    assert found(" ") == NAMES
    assert found("", limit=2) == NAMES[:2]


@given(st.text(min_size=1, max_size=30), st.data())
def test_any_part_of_a_name_finds_it(name: str, data: st.DataObject) -> None:
    places = data.draw(st.sets(st.integers(0, len(name) - 1), min_size=1))
    query = "".join(name[place] for place in sorted(places))
    if query.strip() and query.lower() in name.lower():
        assert found(query, [name]) == [name]


def test_letters_together_count_more_than_letters_apart() -> None:
    assert score(["a", "d", "d"], "Added") > score(["a", "d", "d"], "Abdbd")
