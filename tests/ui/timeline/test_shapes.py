"""Lanes and spans as pixels: exact while there is room, and never more than the pixels there are."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from gradviz.replay.timeline import Lane, Span
from gradviz_ui.timeline.axis import Axis
from gradviz_ui.timeline.shapes import Spans, spaced, step_line


def lane(*changes: tuple[int, float]) -> Lane:
    steps, norms = zip((0, 0.0), *changes, strict=True)
    return Lane(np.array(steps, np.int64), np.array(norms), ())


def spans(*parts: tuple[int, int, str]) -> Spans:
    return Spans.of([Span(start, end, kind, kind) for start, end, kind in parts])  # type: ignore[arg-type]


def test_a_lane_is_level_and_then_steps() -> None:
    xs, norms = step_line(lane((20, 2.0), (60, 4.0)), Axis.whole(100, 0, 100))
    assert list(zip(xs, norms, strict=True)) == [(0, 0), (20, 0), (20, 2), (60, 2), (60, 4), (100, 4)]


def test_a_lane_in_a_zoomed_view_begins_with_what_holds_there() -> None:
    axis = Axis.whole(100, 0, 100).showing(30, 50)
    xs, norms = step_line(lane((20, 2.0), (60, 4.0)), axis)
    assert norms.tolist() == [2, 2]
    assert xs.tolist() == [0, 100]


def test_a_long_lane_has_few_points_and_keeps_its_peaks() -> None:
    count = 200_000
    norms = np.zeros(count)
    norms[123_456], norms[777] = 9.0, -1.0
    long = Lane(np.arange(count), norms, ())
    xs, ys = step_line(long, Axis.whole(count, 0, 500))
    assert len(xs) <= 8 * 501
    assert (ys.max(), ys.min()) == (9.0, -1.0)
    assert np.all(np.diff(xs) >= 0)


def test_nan_survives_the_thinning() -> None:
    norms = np.ones(50_000)
    norms[25_000] = np.nan
    _, ys = step_line(Lane(np.arange(50_000), norms, ()), Axis.whole(50_000, 0, 300))
    assert np.isnan(ys).any()


def test_which_span_a_step_is_in() -> None:
    found = spans((1, 4, "forward"), (5, 9, "backward"), (12, 12, "zero"))
    assert [found.at(step) for step in (0, 1, 4, 5, 9, 10, 12, 13)] == [None, 0, 0, 1, 1, None, 2, None]
    assert [found.at_place(place) for place in (0.2, 3.9, 4.1, 10.5, 11.5)] == [0, 0, 1, None, 2]


def test_spans_with_room_are_drawn_one_by_one() -> None:
    found = spans((1, 4, "forward"), (5, 9, "backward"), (12, 12, "zero"))
    assert found.in_sight(Axis.whole(12, 0, 600)) == ([0, 1, 2], [])
    assert found.in_sight(Axis.whole(100, 0, 1000).showing(0, 8))[0] == [0, 1]


def test_tiny_spans_become_runs_of_pixels() -> None:
    kinds = ("forward", "backward")
    found = spans(*((step, step, kinds[step % 2 if step > 5000 else 0]) for step in range(1, 10_001)))
    wide, runs = found.in_sight(Axis.whole(10_000, 20, 500))
    assert wide == []
    assert len(runs) <= 500
    first = runs[0]
    assert (first[0], first[2]) == (20, 0)
    assert first[1] > 200
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(runs))


def test_no_spans_at_all() -> None:
    assert Spans.of([]).in_sight(Axis.whole(10, 0, 100)) == ([], [])
    assert Spans.of([]).at(3) is None


def test_marks_keep_their_distance() -> None:
    assert spaced(np.array([0.0, 3, 8, 12, 19]), 8).tolist() == [True, False, True, False, True]
    assert spaced(np.zeros(0), 8).tolist() == []
