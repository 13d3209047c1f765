"""Heat maps: what is painted, and choosing an element with pointer and keys."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from gradviz_ui import theme
from gradviz_ui.inspector.maps import HeatMaps, Term

PLANE = np.array([[2.0, 1.0, 0.0], [0.0, -2.0, float("nan")]])


@pytest.fixture
def maps(qtbot: QtBot) -> HeatMaps:
    made = HeatMaps()
    qtbot.addWidget(made)
    made.resize(340, 200)
    made.show_terms([Term("before", PLANE, ("norm 3",)), Term("after", PLANE * 2, sign="=", emphasised=True)], 4.0)
    made.show()
    return made


def middle(maps: HeatMaps, term: int, row: int, column: int) -> QPoint:
    cells = maps.arrangement.places[term].cells
    return QPoint(round(cells.x + (column + 0.5) * cells.width), round(cells.y + (row + 0.5) * cells.height))


def painted(maps: HeatMaps, term: int, row: int, column: int) -> QColor:
    """The colour near a cell's corner, beside its text."""
    cells = maps.arrangement.places[term].cells
    x, y = cells.x + column * cells.width + 4, cells.y + row * cells.height + 3
    return maps.grab().toImage().pixelColor(round(x), round(y))


def test_cells_have_the_colours_of_their_numbers(maps: HeatMaps) -> None:
    colours = theme.current()
    maps.choose((0, 1))
    assert painted(maps, 1, 0, 0) == colours.heat_high
    assert painted(maps, 1, 1, 1) == colours.heat_negative
    assert painted(maps, 1, 0, 2) == colours.heat_low
    assert painted(maps, 1, 1, 2) == colours.error
    assert painted(maps, 0, 0, 0) == theme.mix(colours.heat_low, colours.heat_high, 0.5)


def test_the_element_asked_about_first_is_the_one_that_is_not_finite(maps: HeatMaps) -> None:
    assert maps.element == (1, 2)
    maps.show_terms([Term("x", np.array([[1.0, -3.0], [2.0, 0.0]]))], 3.0)
    assert maps.element == (0, 1)


def test_a_click_chooses_and_the_pointer_only_looks(maps: HeatMaps, qtbot: QtBot) -> None:
    qtbot.mouseClick(maps, Qt.MouseButton.LeftButton, pos=middle(maps, 0, 1, 0))
    assert maps.element == (1, 0)
    qtbot.mouseMove(maps, middle(maps, 1, 0, 1))
    qtbot.waitUntil(lambda: maps.element == (0, 1))
    qtbot.mouseMove(maps, QPoint(2, maps.height() - 2))
    qtbot.waitUntil(lambda: maps.element == (1, 0))


def test_arrow_keys_move_the_element_and_stop_at_the_border(maps: HeatMaps, qtbot: QtBot) -> None:
    maps.choose((0, 0))
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Left):
        qtbot.keyClick(maps, key)
    assert maps.element == (1, 1)


def test_a_click_does_not_take_the_keyboard_from_the_window(maps: HeatMaps) -> None:
    assert maps.focusPolicy() == Qt.FocusPolicy.TabFocus


def test_the_numbers_of_an_element_in_words(maps: HeatMaps) -> None:
    assert maps.describe((0, 1)) == "before[0, 1] = 1\nafter[0, 1] = 2"


def test_the_map_under_a_point(maps: HeatMaps) -> None:
    assert maps.term_at(QPointF(middle(maps, 1, 0, 0))) == 1
    assert maps.term_at(QPointF(0, 0)) is None


@pytest.mark.parametrize("shape", [(1, 1), (0, 0), (3, 0), (1, 3000), (3000, 1), (90, 90), (512, 512)])
def test_maps_of_any_size_can_be_painted(qtbot: QtBot, shape: tuple[int, int]) -> None:
    maps = HeatMaps()
    qtbot.addWidget(maps)
    plane = np.linspace(-1, 1, shape[0] * shape[1]).reshape(shape)
    maps.show_terms([Term("before", None, gap="None"), Term("after", plane, ("norm 1",), "2 nan", "=")], 1.0)
    for width in (60, 200, 400):
        maps.resize(width, maps.heightForWidth(width))
        assert not maps.grab().isNull()


def test_a_theme_change_repaints(maps: HeatMaps) -> None:
    try:
        theme.themes().choose("light")
        assert painted(maps, 1, 0, 2) == theme.load("light").heat_low
    finally:
        theme.themes().choose("dark")
