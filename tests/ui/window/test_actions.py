"""The table of actions, and what is made from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from gradviz import resources
from gradviz_ui.session import Selection
from gradviz_ui.window import menus
from gradviz_ui.window.actions import ACTIONS, MENUS, Action
from gradviz_ui.window.desk import Desk
from gradviz_ui.window.keys_dialog import KeysDialog
from gradviz_ui.window.main_window import MainWindow

DESIGNED = {
    "Right": "step.next_event",
    "Left": "step.previous_event",
    "Down": "step.next_node",
    "Up": "step.previous_node",
    "Shift+Right": "step.next_call",
    "Shift+Left": "step.previous_call",
    "Home": "step.start",
    "End": "step.end",
    "F5": "step.resume",
    "Shift+F5": "step.resume_back",
    "F9": "step.breakpoint",
    "Ctrl+F10": "step.to_selection",
    "Space": "step.play",
    "Ctrl+K": "edit.palette",
    "Ctrl+Shift+E": "file.export",
    "F": "view.fit",
    "Ctrl+R": "record.start",
    "Ctrl+O": "file.open",
    "Ctrl+S": "file.save",
}


def keys(action: Action) -> list[str]:
    """The action's keys as portable text."""
    return [key.toString() for key in action.sequences]


def test_the_keys_of_the_design_do_what_it_says(window: MainWindow) -> None:
    found = {key: action.id for action in ACTIONS for key in keys(action)}
    assert {key: found.get(key) for key in DESIGNED} == DESIGNED


def test_no_key_means_two_things(window: MainWindow) -> None:
    counts = Counter(key for action in ACTIONS for key in keys(action))
    assert [key for key, count in counts.items() if count > 1] == []


def test_no_name_is_given_twice() -> None:
    assert max(Counter(action.id for action in ACTIONS).values()) == 1
    assert max(Counter(action.plain_text for action in ACTIONS).values()) == 1


@pytest.mark.parametrize("key", [Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_End, Qt.Key.Key_F9, Qt.Key.Key_A])
def test_a_key_has_the_actions_looked_through_once(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, key: Qt.Key
) -> None:
    looked: list[int] = []
    refresh = menus.refresh

    def counted(actions: Mapping[Action, QAction], desk: Desk) -> None:
        looked.append(desk.debugging.step)
        refresh(actions, desk)

    window.session.debugging.select(Selection(node=0))
    widget = window.code.editor if key == Qt.Key.Key_A else window.canvas
    widget.setFocus()
    monkeypatch.setattr(menus, "refresh", counted)
    qtbot.keyClick(widget, key)
    assert looked == [window.session.debugging.step]


@pytest.mark.parametrize("menu", MENUS)
def test_no_access_key_is_given_twice_in_a_menu(menu: str) -> None:
    titles = [action.title for action in ACTIONS if action.menu == menu]
    access = [title[title.index("&") + 1].lower() for title in titles if "&" in title]
    assert [key for key, count in Counter(access).items() if count > 1] == []


def test_every_action_is_in_its_menu_with_a_tooltip_that_names_its_key(window: MainWindow) -> None:
    for action in ACTIONS:
        made = window.actions_by_id[action.id]
        assert made in window.menus[action.menu].actions()
        assert action.key_text in made.toolTip()


def test_every_icon_exists() -> None:
    for action in ACTIONS:
        if action.icon is not None:
            assert resources.path("icons", f"{action.icon}.svg").is_file()


def test_the_palette_offers_whatever_can_be_done_now(window: MainWindow, qtbot: QtBot) -> None:
    window.palette_box.enter()
    names = {entry.name for entry in window.palette_box._entries}
    for action in ACTIONS:
        enabled = window.actions_by_id[action.id].isEnabled() and action.id != "edit.palette"
        assert (action.plain_text.rstrip("…") in names) is enabled


def test_the_help_lists_every_action_and_can_be_searched(window: MainWindow, qtbot: QtBot) -> None:
    dialog = KeysDialog(window)
    qtbot.addWidget(dialog)
    tops = [dialog.tree.topLevelItem(index) for index in range(dialog.tree.topLevelItemCount())]
    rows = [top.child(number) for top in tops for number in range(top.childCount())]
    assert {row.text(0) for row in rows} == {action.plain_text for action in ACTIONS}
    dialog.field.setText("ctrl+r")
    assert "Record" in {row.text(0) for row in rows if not row.isHidden()}
    assert sum(not row.isHidden() for row in rows) < 5


def test_the_menu_button_holds_all_menus(window: MainWindow) -> None:
    inside = [action.menu() for action in window.main_menu.actions()]
    assert inside == list(window.menus.values())
    assert all(isinstance(menu, QMenu) for menu in inside)
