"""Colours of cells: size towards full colour, sign by hue, NaN and infinities by a colour of their own."""

from __future__ import annotations

import numpy as np
import pytest

from gradviz.projection import heat

LOW, HIGH, NEGATIVE, BAD = (0, 0, 0), (200, 100, 0), (0, 100, 200), (255, 0, 255)


def colours_of(*numbers: float, scale: float = 1.0) -> list[tuple[int, ...]]:
    found = heat.colours(np.array(numbers), scale, LOW, HIGH, NEGATIVE, BAD)
    return [tuple(map(int, colour)) for colour in found]


def test_zero_is_low_and_the_scale_is_full_colour() -> None:
    assert colours_of(0.0, 4.0, -4.0, scale=4.0) == [LOW, HIGH, NEGATIVE]


def test_half_of_the_scale_is_half_way() -> None:
    assert colours_of(2.0, -2.0, scale=4.0) == [(100, 50, 0), (0, 50, 100)]


def test_numbers_beyond_the_scale_stay_at_full_colour() -> None:
    assert colours_of(9.0, -9.0) == [HIGH, NEGATIVE]


def test_nan_and_infinities_are_named_by_colour() -> None:
    assert colours_of(float("nan"), float("inf"), float("-inf")) == [BAD, BAD, BAD]


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int64", "float16", "complex64"])
def test_every_dtype_has_colours(dtype: str) -> None:
    values = np.array([0, 1], dtype)
    assert heat.colours(values, heat.scale_of(values), LOW, HIGH, NEGATIVE, BAD).tolist() == [
        list(LOW),
        list(HIGH),
    ]


def test_the_smallest_integer_does_not_overflow() -> None:
    assert heat.scale_of(np.array([-128], np.int8)) == 128


def test_several_arrays_share_the_largest_finite_number() -> None:
    assert heat.scale_of(np.array([1.0, -3.0]), None, np.array([np.inf, 2.0]), np.zeros(0)) == 3.0
    assert heat.scale_of(None) == 1.0


def test_a_plane_of_any_tensor() -> None:
    cube = np.arange(24).reshape(2, 3, 4)
    assert heat.plane(np.array(5.0)).tolist() == [[5.0]]
    assert heat.plane(np.array([1, 2])).tolist() == [[1, 2]]
    assert heat.plane(cube, (1,)).tolist() == cube[1].tolist()
    assert heat.plane(cube).tolist() == cube[0].tolist()
    with pytest.raises(IndexError):
        heat.plane(cube, (2,))
