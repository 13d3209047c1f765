"""What the actions of the table do in the window; what needs no window is the session's."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QMainWindow, QMessageBox

from gradviz.trace.model import NodeId
from gradviz_ui import theme
from gradviz_ui.canvas.panel import CanvasPanel
from gradviz_ui.code.panel import CodePanel
from gradviz_ui.session import Session
from gradviz_ui.session.opening import PROGRAM_SUFFIXES, TRACE_SUFFIX
from gradviz_ui.window.arrangement import Arrangement
from gradviz_ui.window.dock import Dock
from gradviz_ui.window.files import FileQuestions
from gradviz_ui.window.keys_dialog import KeysDialog
from gradviz_ui.window.palette import CommandPalette
from gradviz_ui.window.settings_dialog import SettingsDialog
from gradviz_ui.window.top_bar import TopBar


class Commands(QMainWindow):
    """The half of the window that answers actions; `MainWindow` makes the parts that they speak of."""

    session: Session
    files: FileQuestions
    arrangement: Arrangement
    docks: dict[str, Dock]
    canvas: CanvasPanel
    code: CodePanel
    top_bar: TopBar
    palette_box: CommandPalette

    rewritten = Signal()
    """Everything in the window was made anew."""

    def new_program(self) -> None:
        """Begin an empty program, to be typed into."""
        self.files.new(self._type_on)

    def _type_on(self) -> None:
        self.docks["code"].reveal()
        self.code.editor.moveCursor(QTextCursor.MoveOperation.End)

    def open_dialog(self) -> None:
        """Ask for a file and open it."""
        self.files.open()

    def open_file(self, path: Path | str) -> None:
        """Open a file, after asking about unsaved edits."""
        self.files.open(Path(path))

    def open_dropped(self, paths: list[Path]) -> None:
        """Open the first of the dropped files that can be opened; say so where there are several."""
        path = next((path for path in paths if path.suffix.lower() in (*PROGRAM_SUFFIXES, TRACE_SUFFIX)), paths[0])
        if len(paths) > 1:
            text = self.tr("One file is opened at a time: {name}, of the {count} that were dropped.")
            text = text.replace("{name}", path.name).replace("{count}", str(len(paths)))
            self.session.message.emit("info", text)
        self.open_file(path)

    def save_program(self) -> None:
        """Save the program to its file."""
        self.files.save_program()

    def save_program_as(self) -> None:
        """Save the program to another file."""
        self.files.save_program_as()

    def save_trace_as(self) -> None:
        """Save the recording."""
        self.files.save_trace_as()

    def export_dialog(self) -> None:
        """Ask how and where to export the picture."""
        self.canvas.export_dialog()

    def copy_picture(self) -> None:
        """Put the picture of this step on the clipboard."""
        self.canvas.copy_picture()

    def find_in_code(self) -> None:
        """Open the code pane's find bar."""
        self.docks["code"].show()
        self.docks["code"].raise_()
        self.code.open_find_bar()

    def record(self) -> None:
        """Record the program as it stands in the editor."""
        self.docks["console"].raise_()
        self.session.record()

    def selected_place(self) -> NodeId | tuple[str, int] | None:
        """What F9 and Ctrl+F10 speak of: the caret's line while the editor has the focus, else the node."""
        document = self.session.document
        if self.code.has_focus and document is not None:
            return document.file, self.code.editor.caret_line
        return self.session.debugging.selection.node

    def go_to_selection(self, forward: bool = True) -> None:
        """Go to where the selected node runs, or the caret's line is reached."""
        place = self.selected_place()
        if isinstance(place, tuple):
            self.session.debugging.go_to_line(*place, forward=forward)
        elif place is not None:
            self.session.debugging.go_to_node(place, forward)

    def toggle_breakpoint(self) -> None:
        """Set or clear a breakpoint on the caret's line or the selected node."""
        place = self.selected_place()
        if isinstance(place, tuple):
            self.session.toggle_breakpoint_line(*place)
        elif place is not None:
            self.session.debugging.toggle_breakpoint_node(place)

    def toggle_theme(self) -> None:
        """Change between dark and light."""
        self.session.settings.theme = "light" if theme.current().dark else "dark"

    def toggle_menu_bar(self) -> None:
        """Show or hide the menu bar."""
        self.session.settings.menu_bar = not self.session.settings.menu_bar

    def toggle_full_screen(self) -> None:
        """Fill the screen, or no longer."""
        self.showNormal() if self.isFullScreen() else self.showFullScreen()

    def focus_panel(self, direction: int) -> None:
        """Give the focus to the next panel that can be seen, or to the one before it."""
        self.arrangement.move_focus(direction)

    def restore_panels(self) -> None:
        """Show every panel, at the place it has at first."""
        self.arrangement.restore()

    @Slot()
    def open_menu(self) -> None:
        """Open the menu with the keyboard."""
        self.top_bar.menu_button.showMenu()

    def open_palette(self) -> None:
        """Find a node, a tensor or a command."""
        self.palette_box.enter()

    def show_keys(self) -> None:
        """Show all actions with their keys."""
        dialog = KeysDialog(self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()

    def show_settings(self) -> None:
        """Let the person choose what is remembered."""
        dialog = SettingsDialog(self.session.settings, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.rewritten.connect(dialog.fill_anew)
        dialog.show()

    def show_about(self) -> None:
        """Say what this is."""
        from importlib.metadata import version  # slow to load, and seldom asked for

        title = self.tr("About gradviz")
        text = self.tr("A desktop debugger for backpropagation: step through backward passes, in both directions.")
        QMessageBox.about(self, title, f"<h3>gradviz {version('gradviz')}</h3><p>{text}</p>")
