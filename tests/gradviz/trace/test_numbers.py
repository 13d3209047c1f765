"""Numbers as people read them in a small box."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradviz.trace.numbers import (
    EXACT,
    NumberFormat,
    index_text,
    norm_text,
    number_text,
    shape_text,
    write_as,
)


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


@pytest.fixture
def written() -> Iterator[None]:
    """Afterwards numbers are written as usual."""
    yield
    write_as(NumberFormat())


@pytest.mark.parametrize(
    ("format", "norms", "number"),
    [
        (NumberFormat(0), ["23", "0.2", "4e-5", "1e6"], "0.23"),
        (NumberFormat(4), ["22.6274", "0.23124", "4.000e-5", "1.235e6"], "0.23124"),
        (NumberFormat(2, -5, 7), ["22.63", "0.231", "0.000", "1234567"], "0.2312"),
        (NumberFormat(2, 0, 2), ["22.63", "2.3e-1", "4.0e-5", "1.2e6"], "2.312e-1"),
    ],
)
@pytest.mark.usefixtures("written")
def test_decimals_and_exponents_as_chosen(format: NumberFormat, norms: list[str], number: str) -> None:
    write_as(format)
    assert [norm_text(value) for value in (22.627417, 0.23124, 0.00004, 1234567.0)] == norms
    assert number_text(0.23124) == number


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(1, 17))
def test_a_number_reads_back_as_near_as_its_digits_say(value: float, digits: int) -> None:
    """Python's own ``g`` is the oracle, wherever the ends of the exponents are."""
    kept = digits if digits > EXACT else min(digits, 4)
    text = number_text(value, digits)
    whole = abs(value) >= 10.0**kept and "e" not in text
    assert float(text) == (float(f"{value:.0f}") if whole else float(f"{value:.{kept}g}"))
