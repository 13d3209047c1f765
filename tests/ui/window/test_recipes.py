"""The recipes for an action and for a panel, followed as they are written."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from gradviz.trace.memory import MemoryTrace
from gradviz_ui import app
from gradviz_ui.plain import plain_label
from gradviz_ui.session import Debugging
from gradviz_ui.settings import Settings
from gradviz_ui.sight import DrawnInSight
from gradviz_ui.window import actions, arrangement, keys_dialog, menus
from gradviz_ui.window.actions import Action
from gradviz_ui.window.arrangement import Panel
from gradviz_ui.window.main_window import MainWindow
from recipes import code_of

Opened = Callable[[], MainWindow]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, settings: Settings, basics: MemoryTrace, qtbot: QtBot) -> Opened:
    """Opens the real window on the basics trace: call it once the recipe has been followed.

    The window goes before what was put into the tables for it does.
    """

    def open_window() -> MainWindow:
        made = app.make_window(settings)
        qtbot.addWidget(made)
        made.session.show_trace(basics)
        with qtbot.waitActive(made):
            made.show()
            made.activateWindow()
        made.canvas.setFocus()
        return made

    return open_window


def find(qtbot: QtBot, window: MainWindow, text: str) -> None:
    """Choose what the command palette finds first."""
    window.actions_by_id["edit.palette"].trigger()
    qtbot.keyClicks(window.palette_box.field, text)
    qtbot.keyClick(window.palette_box.field, Qt.Key.Key_Return)


def test_an_action_is_in_menu_shortcuts_palette_and_help(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    (code,) = code_of("Add an action")
    row: Action = eval(code, dict(vars(actions)))
    rows = (*actions.ACTIONS, row)
    for module in (actions, menus, keys_dialog):
        monkeypatch.setattr(module, "ACTIONS", rows)
    window = opened()
    debugging = window.session.debugging
    middle = debugging.last_step // 2

    assert window.actions_by_id[row.id] in window.menus[row.menu].actions()
    assert row.key_text in window.actions_by_id[row.id].toolTip()
    debugging.seek(0)
    qtbot.keyClick(window.canvas, Qt.Key.Key_M, Qt.KeyboardModifier.ControlModifier)
    assert debugging.step == middle
    debugging.seek(0)
    find(qtbot, window, "Middle")
    assert debugging.step == middle
    help_dialog = keys_dialog.KeysDialog(window)
    qtbot.addWidget(help_dialog)
    assert help_dialog.tree.findItems("Middle", Qt.MatchFlag.MatchRecursive)


def test_a_panel_is_docked_and_in_menu_palette_and_reach_of_f6(
    opened: Opened, settings: Settings, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    panel, row = code_of("Add a panel")
    names = {"DrawnInSight": DrawnInSight, "Debugging": Debugging, "Panel": Panel, "Qt": Qt, "plain_label": plain_label}
    exec(panel, names)
    monkeypatch.setattr(arrangement, "PANELS", (*arrangement.PANELS, eval(row, names)))
    window = opened()
    dock = window.docks["step"]
    assert dock.windowTitle() == "Step"
    assert dock in window.tabifiedDockWidgets(window.docks["timeline"])
    panels = window.menus["view"].findChild(QWidget, "panels_menu")
    assert panels is not None
    assert dock.toggleViewAction() in panels.actions()

    find(qtbot, window, "Show panel: Step")
    number = dock.findChild(QLabel, "step_number")
    assert number is not None
    assert number.text() == str(window.session.debugging.step)
    window.actions_by_id["step.next_event"].trigger()
    assert number.text() == str(window.session.debugging.step)

    assert QApplication.focusWidget() is dock.widget()
    reached = set()
    for _ in window.docks:
        qtbot.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_F6)
        reached.add(QApplication.focusWidget())
    assert dock.widget() in reached

    dock.close()
    window.actions_by_id["view.restore_panels"].trigger()
    assert not dock.isHidden()
