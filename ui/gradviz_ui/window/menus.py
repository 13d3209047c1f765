"""QActions and menus from the table of actions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from gradviz.plain import harmless
from gradviz_ui import icons
from gradviz_ui.plain import tip, unmarked
from gradviz_ui.window.actions import ACTIONS, MENUS, Action
from gradviz_ui.window.desk import Desk
from gradviz_ui.window.palette import Entry


def make_actions(window: QWidget, perform: Callable[[Action], None]) -> dict[Action, QAction]:
    """A QAction for each row, with its keys, added to the window so that the keys work in all of it."""
    made = {}
    for row in ACTIONS:
        action = QAction(row.text, window)
        action.setObjectName(row.id)
        action.setShortcuts(row.sequences)
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        action.setToolTip(tip(tooltip(row)))
        action.setMenuRole(_role(row))
        action.setCheckable(row.checked is not None)
        action.triggered.connect(partial(_triggered, perform, row))
        window.addAction(action)
        made[row] = action
    return made


def make_menus(window: QWidget, actions: Mapping[Action, QAction]) -> dict[str, QMenu]:
    """A menu for each entry of `MENUS`, in order, filled with its rows."""
    menus = {}
    for id, title in MENUS.items():
        menu = QMenu(QCoreApplication.translate("Menu", title), window)
        menu.setObjectName(f"{id}_menu")
        menu.setToolTipsVisible(True)
        for row, action in actions.items():
            if row.menu == id:
                if row.separated:
                    menu.addSeparator()
                menu.addAction(action)
        menus[id] = menu
    return menus


def refresh(actions: Mapping[Action, QAction], desk: Desk) -> None:
    """Enable, disable and check the actions as the rows say."""
    for row, action in actions.items():
        action.setEnabled(row.when(desk))
        if row.checked is not None:
            action.setChecked(row.checked(desk))


def set_icons(actions: Mapping[Action, QAction]) -> None:
    """Draw the actions' icons in the theme's colours."""
    for row, action in actions.items():
        if row.icon is not None:
            action.setIcon(icons.icon(row.icon))


def entries(actions: Mapping[Action, QAction]) -> list[Entry]:
    """What can be done now, for the command palette."""
    found = []
    for row, action in actions.items():
        if action.isEnabled() and row.id != "edit.palette":
            found.append(Entry(row.plain_text.rstrip("…"), row.key_text, row.icon or "chevron-right", action.trigger))
    return found


def tooltip(row: Action) -> str:
    """The title and its key, as in "Next event (Right)"."""
    title = row.plain_text.rstrip("…")
    return f"{title} ({row.key_text})" if row.key_text else title


def _triggered(perform: Callable[[Action], None], row: Action, checked: bool = False) -> None:
    perform(row)


def _role(row: Action) -> QAction.MenuRole:
    """Where macOS wants it."""
    roles = {
        "file.quit": QAction.MenuRole.QuitRole,
        "edit.settings": QAction.MenuRole.PreferencesRole,
        "help.about": QAction.MenuRole.AboutRole,
    }
    return roles.get(row.id, QAction.MenuRole.NoRole)


def fill_recent(menu: QMenu, paths: list[Path], opened: Callable[[Path], None]) -> None:
    """Show the files opened lately; the number keys open them."""
    menu.clear()
    for number, path in enumerate(paths, 1):
        action = menu.addAction(f"&{number % 10}  {unmarked(harmless(str(path)))}")
        action.triggered.connect(partial(_open, opened, path))
    menu.setEnabled(bool(paths))


def _open(opened: Callable[[Path], None], path: Path, checked: bool = False) -> None:
    opened(path)
