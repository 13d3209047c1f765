"""Steps and pixels: zooming, scrolling and following never leave the trace."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradviz_ui.timeline.axis import LEAST_STEPS, Axis, tick_distance

WHOLE = Axis.whole(100, 50, 1000)


def test_the_whole_trace() -> None:
    assert (WHOLE.x(0), WHOLE.x(100), WHOLE.right) == (50, 1050, 1050)
    assert [WHOLE.step_at(x) for x in (-20, 50, 304, 306, 1050, 2000)] == [0, 0, 25, 26, 100, 100]
    assert WHOLE.xs(np.array([0, 50, 100])).tolist() == [50, 550, 1050]


def test_the_step_under_the_pointer_stays_while_zooming() -> None:
    zoomed = WHOLE.zoomed(4, WHOLE.x(30))
    assert zoomed.steps_shown == 25
    assert zoomed.x(30) == pytest.approx(WHOLE.x(30))


def test_following_moves_only_as_far_as_needed() -> None:
    near = WHOLE.zoomed(10, WHOLE.x(50))
    assert near.following(52) == near
    assert near.following(90).first < 90 < near.following(90).last
    assert near.following(90).steps_shown == pytest.approx(near.steps_shown)


@given(
    end=st.integers(0, 10**6),
    moves=st.lists(
        st.tuples(st.sampled_from(("zoom", "pan", "follow", "show")), st.floats(0, 1), st.floats(0.01, 100)),
        max_size=12,
    ),
)
def test_no_move_leaves_the_trace(end: int, moves: list[tuple[str, float, float]]) -> None:
    axis = Axis.whole(end, 10, 800)
    for move, place, size in moves:
        match move:
            case "zoom":
                axis = axis.zoomed(size, axis.left + place * axis.width)
            case "pan":
                axis = axis.panned((place - 0.5) * size * 1000)
            case "follow":
                axis = axis.following(round(place * end))
                assert axis.first - 1e-6 <= round(place * end) <= axis.last + 1e-6
            case "show":
                axis = axis.showing(place * end, min(place * end + size, end))
        whole = max(end, 1)
        assert -1e-6 <= axis.first < axis.last <= whole + 1e-6
        assert axis.steps_shown >= min(LEAST_STEPS, whole) - 1e-6


@pytest.mark.parametrize(("end", "least", "distance"), [(100, 5, 1), (100, 11, 2), (100, 60, 10), (10**6, 64, 10**5)])
def test_ticks_are_round_numbers_apart(end: int, least: float, distance: int) -> None:
    assert tick_distance(Axis.whole(end, 0, 1000), least) == distance
