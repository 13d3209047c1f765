"""Where heat maps and their cells lie."""

from __future__ import annotations

import numpy as np
import pytest

from gradviz_ui.inspector.cells import (
    CELL_HEIGHT,
    IMAGE_HEIGHT,
    Arrangement,
    Cells,
    Outline,
    arrange,
    texts_of,
    widest,
)

SUM = [Outline((4, 5), 1)] * 3


def of_width(character: float, characters: dict[int, int]):  # type: ignore[no-untyped-def]
    """A font in which numbers of 3 and of 2 digits have so many characters."""
    return lambda digits: character * characters[digits]


def inside(arrangement: Arrangement, width: float) -> bool:
    return all(
        place.cells.x >= 0 and place.cells.right <= width and place.cells.bottom <= arrangement.height
        for place in arrangement.places
    )


def test_short_numbers_stand_side_by_side() -> None:
    found = arrange(SUM, 340, of_width(6, {3: 1, 2: 1}))
    assert (found.digits, found.stacked) == (3, False)
    assert inside(found, 340)
    first, second, third = (place.cells for place in found.places)
    assert first.right < second.x < second.right < third.x
    assert first.y == second.y == third.y


def test_fewer_digits_are_tried_before_maps_are_stacked() -> None:
    found = arrange(SUM, 340, of_width(6, {3: 6, 2: 1}))
    assert (found.digits, found.stacked) == (2, False)


def test_long_numbers_stand_one_map_above_the_other() -> None:
    found = arrange(SUM, 340, of_width(6, {3: 7, 2: 6}))
    assert (found.digits, found.stacked) == (3, True)
    assert inside(found, 340)
    first, second, _ = (place.cells for place in found.places)
    assert first.bottom < second.y


@pytest.mark.parametrize("size", [(100, 300), (1, 5000), (5000, 1), (64, 64), (33, 2), (2, 25)])
def test_large_maps_become_images_that_stay_inside(size: tuple[int, int]) -> None:
    for count in (1, 2, 3):
        found = arrange([Outline(size, 2)] * count, 340, of_width(6, {3: 4, 2: 3}))
        assert found.digits is None
        assert inside(found, 340)
        assert found.places[0].cells.bottom - found.places[0].cells.y <= max(IMAGE_HEIGHT, CELL_HEIGHT) + 0.01


def test_a_gap_leaves_its_room_to_the_others() -> None:
    narrow = arrange([Outline((5, 3), 1)] * 3, 330, of_width(6, {3: 6, 2: 4}))
    wide = arrange([Outline(None, 0), *[Outline((5, 3), 1)] * 2], 330, of_width(6, {3: 6, 2: 4}))
    assert narrow.stacked
    assert not wide.stacked
    assert inside(wide, 330)


def test_nothing_to_show_takes_no_room() -> None:
    assert arrange([], 300, of_width(6, {3: 1, 2: 1})).height == 0


def test_a_map_without_title_and_notes_is_lower() -> None:
    text_width = of_width(6, {3: 1, 2: 1})
    bare, full = (arrange([Outline((2, 2), n, titled=bool(n))], 300, text_width) for n in (0, 1))
    assert bare.height < full.height


def test_a_point_finds_its_cell() -> None:
    cells = Cells(10, 20, 2, 3, 5, 7)
    assert cells.at(10, 20) == (0, 0)
    assert cells.at(24.9, 33.9) == (1, 2)
    assert cells.at(9.9, 20) is None
    assert cells.at(25, 20) is None


def test_texts_of_cells() -> None:
    plane = np.array([[1.0, float("nan")], [-0.0336895, 2.0]])
    assert texts_of(plane, 3) == [["1", "nan"], ["-0.0337", "2"]]
    assert widest(plane, 3) == "-0.0337"
    assert widest(np.zeros((100, 100)), 3) == ""
