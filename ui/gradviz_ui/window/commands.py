"""What the actions of the table do where that takes more than one call of one part."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QDialog, QMessageBox

from gradviz_ui import theme
from gradviz_ui.window.desk import Desk


def new_program(desk: Desk) -> None:
    """Begin an empty program, to be typed into."""
    desk.files.new(partial(_type_on, desk))


def _type_on(desk: Desk) -> None:
    desk.arrangement.docks["code"].reveal()
    desk.code.editor.moveCursor(QTextCursor.MoveOperation.End)


def find_in_code(desk: Desk) -> None:
    """Open the code pane's find bar."""
    dock = desk.arrangement.docks["code"]
    dock.show()
    dock.raise_()
    desk.code.open_find_bar()


def record(desk: Desk) -> None:
    """Record the program as it stands in the editor."""
    desk.arrangement.docks["console"].raise_()
    desk.session.record()


def go_to_selection(desk: Desk, forward: bool = True) -> None:
    """Go to where the selected node runs, or the caret's line is reached."""
    place = desk.place
    if isinstance(place, tuple):
        desk.debugging.go_to_line(*place, forward=forward)
    elif place is not None:
        desk.debugging.go_to_node(place, forward)


def toggle_breakpoint(desk: Desk) -> None:
    """Set or clear a breakpoint on the caret's line or the selected node."""
    place = desk.place
    if isinstance(place, tuple):
        desk.session.toggle_breakpoint_line(*place)
    elif place is not None:
        desk.debugging.toggle_breakpoint_node(place)


def toggle_theme(desk: Desk) -> None:
    """Change between dark and light."""
    desk.session.settings.theme = "light" if theme.current().dark else "dark"


def toggle_menu_bar(desk: Desk) -> None:
    """Show or hide the menu bar."""
    desk.session.settings.menu_bar = not desk.session.settings.menu_bar


def toggle_full_screen(desk: Desk) -> None:
    """Fill the screen, or no longer."""
    desk.window.showNormal() if desk.window.isFullScreen() else desk.window.showFullScreen()


def show_keys(desk: Desk) -> None:
    """Show all actions with their keys."""
    from gradviz_ui.window.keys_dialog import KeysDialog  # it lists the actions, which know these commands

    _show(KeysDialog(desk.window))


def show_settings(desk: Desk) -> None:
    """Let the person choose what is remembered."""
    from gradviz_ui.window.settings_dialog import SettingsDialog  # not loaded before the window stands

    dialog = SettingsDialog(desk.session.settings, desk.window)
    desk.rewritten.connect(dialog.fill_anew)
    _show(dialog)


def show_about(desk: Desk) -> None:
    """Say what this is."""
    from importlib.metadata import version  # slow to load, and seldom asked for

    title = QCoreApplication.translate("Commands", "About gradviz")
    text = QCoreApplication.translate(
        "Commands", "A desktop debugger for backpropagation: step through backward passes, in both directions."
    )
    QMessageBox.about(desk.window, title, f"<h3>gradviz {version('gradviz')}</h3><p>{text}</p>")


def _show(dialog: QDialog) -> None:
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.show()
