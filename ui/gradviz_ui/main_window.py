"""The window: which panels there are, where they stand, and what the actions of the table do in it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut, QShowEvent, QTextCursor
from PySide6.QtWidgets import QApplication, QMainWindow, QMenu, QMessageBox, QToolBar, QVBoxLayout, QWidget

from gradviz.trace.model import NodeId
from gradviz_ui import menus, theme
from gradviz_ui.appearance import Appearance
from gradviz_ui.arrangement import Arrangement
from gradviz_ui.canvas.panel import CanvasPanel
from gradviz_ui.code.console import ConsolePanel
from gradviz_ui.code.panel import CodePanel
from gradviz_ui.code.problems import ProblemsPanel
from gradviz_ui.dropping import FileDrops
from gradviz_ui.files import FileQuestions
from gradviz_ui.inspector.gradients import GradientsPanel
from gradviz_ui.inspector.panel import InspectorPanel
from gradviz_ui.keys import KeyKeeper
from gradviz_ui.opening import PROGRAM_SUFFIXES, TRACE_SUFFIX
from gradviz_ui.panels.banner import Banner
from gradviz_ui.panels.events import EventsPanel
from gradviz_ui.panels.examples import ExamplesPanel
from gradviz_ui.panels.keys_dialog import KeysDialog
from gradviz_ui.panels.palette import CommandPalette, Entry
from gradviz_ui.panels.recordings_menu import RecordingsMenu
from gradviz_ui.panels.settings_dialog import SettingsDialog
from gradviz_ui.panels.status import StatusBar
from gradviz_ui.panels.top_bar import TopBar
from gradviz_ui.plain import window_title
from gradviz_ui.session import Session
from gradviz_ui.timeline.panel import TimelinePanel


class MainWindow(QMainWindow):
    """Puts the panels together; `actions.py` says what can be done, `Session` does most of it."""

    session: Session
    canvas: CanvasPanel
    code: CodePanel

    rewritten = Signal()
    """Everything in the window was made anew."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.setObjectName("main_window")
        self.setWindowTitle("gradviz")
        self.session = session
        self._may_close = self._closing = False
        self.files = FileQuestions(session, self)
        self._appearance = Appearance(session.settings, self)
        self._appearance.rewrite.connect(self.rewrite)
        self._rewrite_later = False
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        self._keeper = KeyKeeper(app, self)
        app.focusChanged.connect(self.refresh_actions)  # some are for what has the focus
        self._centre = QWidget(self)  # stays: Qt's layout of docks does not take another central widget later
        self._centre.setObjectName("centre")
        self._centre_layout = QVBoxLayout(self._centre)
        self._centre_layout.setContentsMargins(0, 0, 0, 0)
        self.setCentralWidget(self._centre)
        QShortcut(QKeySequence("F10"), self).activated.connect(self.open_menu)
        self._assemble()
        self._arrange()
        self._connect()
        self.refresh_actions()
        self.canvas.setFocus()

    # Assembly

    def _assemble(self) -> None:
        """Make everything in which something is written."""
        self.actions_by_id = menus.make_actions(self)
        self._make_panels()
        self._make_bars()
        self.banner = Banner(self.session, self.canvas)
        self.palette_box = CommandPalette(self.session, self._commands, self)
        self.palette_box.closed.connect(self.canvas.setFocus)
        self._drops = FileDrops((self, *self.docks.values()), self.open_dropped, self)
        self.problems.count_changed.connect(self._count_problems)
        self.code.editor.cursorPositionChanged.connect(self.refresh_actions)
        self._restyle()

    def _take_apart(self) -> None:
        """Undo `_assemble`, at once: what is only about to go would answer the session's signals."""
        self.session.closing.emit()
        actions, self.actions_by_id = self.actions_by_id, {}
        self.removeToolBar(self._bar)
        for dock in self.docks.values():
            self.removeDockWidget(dock)
        for part in (
            self.palette_box,
            *self.docks.values(),
            self.canvas,
            self._bar,
            self.statusBar(),
            self.main_menu,
            self.recent_menu,
            self.recordings_menu,
            *self.menus.values(),
            self.menuBar(),
            self._drops,
            *actions.values(),
        ):
            part.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    @Slot()
    def rewrite(self) -> None:
        """Make everything anew, in the language and the size of text in force; once no program runs."""
        self._rewrite_later = self.session.recording
        if self._rewrite_later:
            return
        caret = self.code.editor.caret_line
        state = self.saveState()
        self.setUpdatesEnabled(False)
        self._take_apart()
        self._assemble()
        self.arrangement.restore()
        self.restoreState(state)
        self.arrangement.update_title_bars()
        QTimer.singleShot(0, self, partial(self._show_anew, caret))  # once everything has its size

    def _show_anew(self, caret: int) -> None:
        self.arrangement.bring_into_sight()
        self.session.announce()
        self.code.editor.go_to_line(caret)
        self.refresh_actions()
        self.setUpdatesEnabled(True)
        self.rewritten.emit()

    def _make_panels(self) -> None:
        self.canvas = CanvasPanel(self.session, self._centre)
        self._centre_layout.addWidget(self.canvas)
        self.arrangement = Arrangement(self, self.session)
        self.docks = self.arrangement.docks
        self.code = self.arrangement.panel(CodePanel)
        self.console = self.arrangement.panel(ConsolePanel)
        self.problems = self.arrangement.panel(ProblemsPanel)
        self.inspector = self.arrangement.panel(InspectorPanel)
        self.gradients = self.arrangement.panel(GradientsPanel)
        self.timeline = self.arrangement.panel(TimelinePanel)
        self.events = self.arrangement.panel(EventsPanel)
        self.examples = self.arrangement.panel(ExamplesPanel)

    def _make_bars(self) -> None:
        made = menus.make_menus(self, self.actions_by_id)
        self._fill_view_menu(made["view"])
        self.recent_menu = QMenu(self.tr("Recent &files"), self)
        self.recent_menu.setObjectName("recent_menu")
        made["file"].insertMenu(self.actions_by_id["file.save"], self.recent_menu)
        made["file"].aboutToShow.connect(self._fill_recent)
        self.recordings_menu = RecordingsMenu(self.session, self.open_file, self)
        made["file"].insertMenu(self.actions_by_id["file.save"], self.recordings_menu)
        made["file"].insertSeparator(self.actions_by_id["file.save"])
        self.menus = made
        self.main_menu = QMenu(self)
        self.main_menu.setObjectName("main_menu")
        for menu in made.values():
            self.main_menu.addMenu(menu)
            self.menuBar().addMenu(menu)
        self.menuBar().setObjectName("menu_bar")
        self.top_bar = TopBar(self.session, self.actions_by_id, self.main_menu)
        bar = self._bar = QToolBar(self.tr("Top bar"), self)
        bar.setObjectName("top_bar")
        bar.setMovable(False)
        bar.setFloatable(False)
        bar.toggleViewAction().setEnabled(False)
        bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        bar.setContentsMargins(0, 0, 0, 0)
        if (layout := bar.layout()) is not None:
            layout.setContentsMargins(0, 0, 0, 0)
        bar.addWidget(self.top_bar)
        self.addToolBar(Qt.ToolBarArea.TopToolBarArea, bar)
        self.setStatusBar(StatusBar(self.session, self))
        self._show_menu_bar()

    def _fill_view_menu(self, menu: QMenu) -> None:
        panels = QMenu(self.tr("&Panels"), menu)
        panels.setObjectName("panels_menu")
        for dock in self.docks.values():
            panels.addAction(dock.toggleViewAction())
        menu.insertMenu(self.actions_by_id["view.restore_panels"], panels)

    def _arrange(self) -> None:
        self.arrangement.begin()
        saved = self.session.settings.arrangement
        if saved is not None:
            self.arrangement.resume(*saved)

    def _connect(self) -> None:
        session = self.session
        for signal in (
            session.trace_changed,
            session.selection_changed,
            session.program_changed,
            session.recording_changed,
            session.breakpoints_changed,
            session.view_changed,
            session.playing_changed,
        ):
            signal.connect(self.refresh_actions)
        session.step_changed.connect(self.refresh_actions)
        session.trace_changed.connect(self._trace_changed)
        session.program_changed.connect(self._name_window)
        session.program_edited.connect(self._name_window)
        session.theme_changed.connect(self._restyle)
        session.open_requested.connect(self.open_file)
        session.recording_changed.connect(self._recording_changed)

    @Slot()
    def _recording_changed(self) -> None:
        if self._rewrite_later and not self.session.recording:
            self.rewrite()

    # What the actions do

    def refresh_actions(self) -> None:
        """Enable and check the actions as the session stands."""
        menus.refresh(self, self.actions_by_id)

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
        return self.session.selection.node

    def go_to_selection(self, forward: bool = True) -> None:
        """Go to where the selected node runs, or the caret's line is reached."""
        place = self.selected_place()
        if isinstance(place, tuple):
            self.session.go_to_line(*place, forward=forward)
        elif place is not None:
            self.session.go_to_node(place, forward)

    def toggle_breakpoint(self) -> None:
        """Set or clear a breakpoint on the caret's line or the selected node."""
        place = self.selected_place()
        if isinstance(place, tuple):
            self.session.toggle_breakpoint_line(*place)
        elif place is not None:
            self.session.toggle_breakpoint_node(place)

    def toggle_theme(self) -> None:
        """Change between dark and light."""
        self.session.settings.theme = "light" if theme.current().dark else "dark"

    def toggle_menu_bar(self) -> None:
        """Show or hide the menu bar."""
        self.session.settings.menu_bar = not self.session.settings.menu_bar
        self._show_menu_bar()

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

    def _commands(self) -> list[Entry]:
        return [*menus.entries(self.actions_by_id), *self.arrangement.entries()]

    # What follows the session

    @Slot()
    def _trace_changed(self) -> None:
        # A fresh recording is to be stepped through, unless the person types on.
        if self.session.trace is not None and not (self.code.has_focus and self.code.outdated):
            self.canvas.setFocus(Qt.FocusReason.OtherFocusReason)

    @Slot()
    def _name_window(self) -> None:
        document = self.session.document
        name = document.name if document is not None else ""
        self.setWindowTitle(f"{window_title(name)}[*] – gradviz" if name else "gradviz")
        self.setWindowModified(document is not None and document.modified)

    @Slot(int)
    def _count_problems(self, count: int) -> None:
        title = self.docks["problems"].title + (f" {count}" if count else "")
        self.docks["problems"].setWindowTitle(title)

    @Slot()
    def _restyle(self) -> None:
        menus.set_icons(self.actions_by_id)
        self.arrangement.restyle()

    def _show_menu_bar(self) -> None:
        native = self.menuBar().isNativeMenuBar()
        self.menuBar().setVisible(native or self.session.settings.menu_bar)

    def _fill_recent(self) -> None:
        paths = [str(path) for path in self.session.settings.recent_files]
        menus.fill_recent(self.recent_menu, paths, self.open_file)

    # Events

    def showEvent(self, event: QShowEvent) -> None:
        """See that everything can be seen."""
        super().showEvent(event)
        if not event.spontaneous():
            QTimer.singleShot(0, self, self.arrangement.bring_into_sight)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask about what is not saved, remember the arrangement, end what runs."""
        if not self._may_close:
            self._closing = True
            self.files.leaving.ask("quit", self._let_close)
            self._closing = False
        if not self._may_close:
            event.ignore()
            return
        self.session.settings.arrangement = self.arrangement.state()
        self.session.settings.sync()
        self.session.close()
        event.accept()

    def _let_close(self) -> None:
        """What was to be saved is saved: at once, or after the close that asked for it was put off."""
        self._may_close = True
        if not self._closing:
            self.close()
