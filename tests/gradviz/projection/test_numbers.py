"""Numbers as people read them in a small box."""

from __future__ import annotations

import numpy as np
import pytest

from gradviz.projection.numbers import index_text, norm_text, number_text, shape_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (22.627417, "22.63"), (4.472136, "4.47"), (1.0, "1.00"), (0.23124, "0.231"), (0.0, "0"), (None, "–"),
        (1234.5678, "1235"), (3.14e-5, "3.1e-5"), (1.2e6, "1.2e6"),
        (float("nan"), "nan"), (float("inf"), "inf"), (float("-inf"), "-inf"),
    ],
)  # fmt: skip
def test_norms_have_about_four_characters(value: float | None, text: str) -> None:
    assert norm_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (4.0, "4"), (-0.07692, "-0.07692"), (1e-7, "1e-7"), (1e10, "1e10"), (True, "True"),
        (np.int64(3), "3"),
        (np.float32(0.1), "0.1"), (float("nan"), "nan"), (float("-inf"), "-inf"), (1 - 2j, "1-2j"),
    ],
)  # fmt: skip
def test_a_number_is_written_without_idle_zeros(value: complex, text: str) -> None:
    assert number_text(value) == text


def test_fewer_digits_on_demand() -> None:
    assert [number_text(0.0336895, digits) for digits in (4, 3, 2)] == ["0.03369", "0.0337", "0.034"]


def test_shapes_and_places() -> None:
    assert [shape_text(shape) for shape in ((), (3,), (5, 4), None)] == ["()", "(3,)", "(5, 4)", "?"]
    assert [index_text(index) for index in ((), (2,), (0, 2))] == ["", "[2]", "[0, 2]"]
