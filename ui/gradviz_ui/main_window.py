"""The window: which panels there are, where they stand, and what the actions of the table do in it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication, QMainWindow, QMenu, QMessageBox, QTabBar, QTabWidget, QToolBar, QWidget

from gradviz.trace.model import NodeId
from gradviz_ui import menus, theme
from gradviz_ui.actions import BY_ID
from gradviz_ui.canvas.panel import CanvasPanel
from gradviz_ui.code.console import ConsolePanel
from gradviz_ui.code.panel import CodePanel
from gradviz_ui.code.problems import ProblemsPanel
from gradviz_ui.files import FileQuestions
from gradviz_ui.inspector.gradients import GradientsPanel
from gradviz_ui.inspector.panel import InspectorPanel
from gradviz_ui.keys import KeyKeeper
from gradviz_ui.opening import PROGRAM_SUFFIXES, TRACE_SUFFIX
from gradviz_ui.panels.banner import Banner
from gradviz_ui.panels.dock import Dock, focus_in
from gradviz_ui.panels.events import EventsPanel
from gradviz_ui.panels.examples import ExamplesPanel
from gradviz_ui.panels.keys_dialog import KeysDialog
from gradviz_ui.panels.palette import CommandPalette, Entry
from gradviz_ui.panels.status import StatusBar
from gradviz_ui.panels.top_bar import TopBar
from gradviz_ui.session import Session
from gradviz_ui.theme import Choice
from gradviz_ui.timeline.panel import TimelinePanel

SIZE = (1440, 900)
FRAME = QSize(8, 40)
"""Room left on small screens for the frame and title bar that the system puts around the window."""
LEFT, RIGHT, BOTTOM, CONSOLE, GRADIENTS = 376, 372, 226, 150, 170
"""Widths of the side docks and heights of the lower ones, for a window of `SIZE`."""


class MainWindow(QMainWindow):
    """Puts the panels together; `actions.py` says what can be done, `Session` does most of it."""

    session: Session
    canvas: CanvasPanel
    code: CodePanel

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.setObjectName("main_window")
        self.setWindowTitle("gradviz")
        self.setAcceptDrops(True)
        self.session = session
        self.files = FileQuestions(session, self)
        self.actions_by_id = menus.make_actions(self)
        self._make_panels()
        self._make_bars()
        self._arrange()
        self.banner = Banner(session, self.canvas)
        self.palette_box = CommandPalette(session, self._commands, self)
        self.palette_box.closed.connect(self.canvas.setFocus)
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        self._keeper = KeyKeeper(app, self)
        self._connect()
        self._restyle()
        self.refresh_actions()
        self.canvas.setFocus()

    # Assembly

    def _make_panels(self) -> None:
        session = self.session
        self.canvas = CanvasPanel(session, self)
        self.code = CodePanel(session)
        self.console = ConsolePanel(session)
        self.problems = ProblemsPanel(session)
        self.inspector = InspectorPanel(session)
        self.gradients = GradientsPanel(session)
        self.timeline = TimelinePanel(session)
        self.events = EventsPanel(session)
        self.examples = ExamplesPanel(session)
        self.setCentralWidget(self.canvas)
        self.docks = {
            name: Dock(f"{name}_dock", title, panel, self)
            for name, title, panel in (
                ("code", self.tr("Code"), self.code),
                ("examples", self.tr("Examples"), self.examples),
                ("console", self.tr("Console"), self.console),
                ("problems", self.tr("Problems"), self.problems),
                ("inspector", self.tr("Inspector"), self.inspector),
                ("gradients", self.tr("Gradients"), self.gradients),
                ("timeline", self.tr("Timeline"), self.timeline),
                ("events", self.tr("Events"), self.events),
            )
        }

    def _make_bars(self) -> None:
        made = menus.make_menus(self, self.actions_by_id)
        self._fill_view_menu(made["view"])
        self.recent_menu = QMenu(self.tr("Recent &files"), self)
        self.recent_menu.setObjectName("recent_menu")
        made["file"].insertMenu(self.actions_by_id["file.save"], self.recent_menu)
        made["file"].aboutToShow.connect(self._fill_recent)
        self.menus = made
        self.main_menu = QMenu(self)
        self.main_menu.setObjectName("main_menu")
        for menu in made.values():
            self.main_menu.addMenu(menu)
            self.menuBar().addMenu(menu)
        self.menuBar().setObjectName("menu_bar")
        self.top_bar = TopBar(self.session, self.actions_by_id, self.main_menu)
        bar = QToolBar(self.tr("Top bar"), self)
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
        menu_key = QShortcut(QKeySequence("F10"), self)
        menu_key.activated.connect(self.open_menu)
        self._show_menu_bar()

    def _fill_view_menu(self, menu: QMenu) -> None:
        panels = QMenu(self.tr("&Panels"), self)
        panels.setObjectName("panels_menu")
        for dock in self.docks.values():
            panels.addAction(dock.toggleViewAction())
        menu.insertMenu(self.actions_by_id["view.restore_panels"], panels)

    def _arrange(self) -> None:
        self.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        options = QMainWindow.DockOption
        self.setDockOptions(options.AnimatedDocks | options.AllowTabbedDocks | options.AllowNestedDocks)
        corners, areas = Qt.Corner, Qt.DockWidgetArea
        self.setCorner(corners.BottomLeftCorner, areas.BottomDockWidgetArea)
        self.setCorner(corners.BottomRightCorner, areas.BottomDockWidgetArea)
        room = self.screen().availableGeometry().size() - FRAME
        self.resize(QSize(*SIZE).boundedTo(room))
        self.restore_panels()
        arrangement = self.session.settings.arrangement
        if arrangement is not None:
            self.restoreGeometry(arrangement[0])
            self.restoreState(arrangement[1])
            self._update_title_bars()

    def restore_panels(self) -> None:
        """Show every panel, at the place it has at first."""
        areas, docks = Qt.DockWidgetArea, self.docks
        for dock in docks.values():
            dock.setFloating(False)
            self.removeDockWidget(dock)
        self.addDockWidget(areas.LeftDockWidgetArea, docks["code"])
        self.splitDockWidget(docks["code"], docks["console"], Qt.Orientation.Vertical)
        self.tabifyDockWidget(docks["code"], docks["examples"])
        self.tabifyDockWidget(docks["console"], docks["problems"])
        self.addDockWidget(areas.RightDockWidgetArea, docks["inspector"])
        self.splitDockWidget(docks["inspector"], docks["gradients"], Qt.Orientation.Vertical)
        self.addDockWidget(areas.BottomDockWidgetArea, docks["timeline"])
        self.tabifyDockWidget(docks["timeline"], docks["events"])
        for dock in docks.values():
            dock.show()
        for name in ("code", "console", "timeline"):
            docks[name].raise_()
        scale = self.height() / SIZE[1]
        width = min(1.0, self.width() / SIZE[0])
        sides, heights = Qt.Orientation.Horizontal, Qt.Orientation.Vertical
        self.resizeDocks([docks["code"], docks["inspector"]], [round(LEFT * width), round(RIGHT * width)], sides)
        rest = round((SIZE[1] - BOTTOM) * scale)
        self.resizeDocks([docks["timeline"]], [round(BOTTOM * scale)], heights)
        self.resizeDocks([docks["code"], docks["console"]], [rest - CONSOLE, CONSOLE], heights)
        self.resizeDocks([docks["inspector"], docks["gradients"]], [rest - GRADIENTS, GRADIENTS], heights)
        self._update_title_bars()
        self._name_tab_bars()

    def _update_title_bars(self) -> None:
        for dock in self.docks.values():
            dock.update_title_bar()

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
        self.problems.count_changed.connect(self._count_problems)
        self.code.editor.cursorPositionChanged.connect(self.refresh_actions)

    # What the actions do

    def refresh_actions(self) -> None:
        """Enable and check the actions as the session stands."""
        menus.refresh(self, self.actions_by_id)

    def new_program(self) -> None:
        """Begin an empty program."""
        self.files.new()

    def open_dialog(self) -> None:
        """Ask for a file and open it."""
        self.files.open()

    def open_file(self, path: Path | str) -> None:
        """Open a file, after asking about unsaved edits."""
        self.files.open(Path(path))

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

    def choose_theme(self, choice: Choice) -> None:
        """Use these colours from now on."""
        self.session.settings.theme = choice
        theme.themes().choose(choice)

    def toggle_theme(self) -> None:
        """Change between dark and light."""
        self.choose_theme("light" if theme.current().dark else "dark")

    def choose_language(self, language: str) -> None:
        """Use this language from the next start on."""
        self.session.settings.language = language
        self.session.message.emit("info", self.tr("The language changes when gradviz is started again."))

    def toggle_menu_bar(self) -> None:
        """Show or hide the menu bar."""
        self.session.settings.menu_bar = not self.session.settings.menu_bar
        self._show_menu_bar()

    def toggle_full_screen(self) -> None:
        """Fill the screen, or no longer."""
        self.showNormal() if self.isFullScreen() else self.showFullScreen()

    def focus_panel(self, direction: int) -> None:
        """Give the focus to the next panel that can be seen, or to the one before it."""
        docks = [dock.widget() for dock in self.docks.values() if dock.in_sight]
        panels: list[QWidget] = [self.canvas, *(panel for panel in docks if panel is not None)]
        focused = QApplication.focusWidget()
        here = [
            index for index, panel in enumerate(panels) if focused and (panel is focused or panel.isAncestorOf(focused))
        ]
        focus_in(panels[((here[0] if here else 0) + direction) % len(panels)])

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

    def show_about(self) -> None:
        """Say what this is."""
        from importlib.metadata import version  # slow to load, and seldom asked for

        title = self.tr("About gradviz")
        text = self.tr("A desktop debugger for backpropagation: step through backward passes, in both directions.")
        QMessageBox.about(self, title, f"<h3>gradviz {version('gradviz')}</h3><p>{text}</p>")

    def _commands(self) -> list[Entry]:
        entries = []
        for id, action in self.actions_by_id.items():
            if action.isEnabled() and id != "edit.palette":
                row = BY_ID[id]
                name = row.plain_text.rstrip("…")
                entries.append(Entry(name, row.key_text, row.icon or "chevron-right", action.trigger))
        for dock in self.docks.values():
            name = self.tr("Show panel: {name}").replace("{name}", dock.windowTitle())
            entries.append(Entry(name, "", "chevron-right", dock.reveal))
        return entries

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
        self.setWindowTitle(f"{name}[*] – gradviz" if name else "gradviz")
        self.setWindowModified(document is not None and document.modified)

    @Slot(int)
    def _count_problems(self, count: int) -> None:
        title = self.tr("Problems") + (f" {count}" if count else "")
        self.docks["problems"].setWindowTitle(title)

    @Slot()
    def _restyle(self) -> None:
        menus.set_icons(self.actions_by_id)
        for dock in self.docks.values():
            dock.restyle()

    def _show_menu_bar(self) -> None:
        native = self.menuBar().isNativeMenuBar()
        self.menuBar().setVisible(native or self.session.settings.menu_bar)

    def _fill_recent(self) -> None:
        paths = [str(path) for path in self.session.settings.recent_files]
        menus.fill_recent(self.recent_menu, paths, self.open_file)

    def _name_tab_bars(self) -> None:
        for number, bar in enumerate(self.findChildren(QTabBar)):
            if not bar.objectName():
                bar.setObjectName(f"dock_tabs_{number}")
                bar.setAccessibleName(self.tr("Panels"))
                bar.setExpanding(False)
                bar.setDrawBase(False)

    # Events

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files that can be opened."""
        if _dropped(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open the dropped file."""
        path = _dropped(event)
        if path is not None:
            event.acceptProposedAction()
            self.open_file(path)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask about unsaved edits, remember the arrangement, end what runs."""
        if not self.files.may_leave_program():
            event.ignore()
            return
        self.session.settings.arrangement = (self.saveGeometry(), self.saveState())
        self.session.settings.sync()
        self.session.close()
        event.accept()


def _dropped(event: QDropEvent) -> Path | None:
    """The first dropped file that can be opened."""
    for url in event.mimeData().urls():
        path = Path(url.toLocalFile())
        if url.isLocalFile() and path.suffix.lower() in (*PROGRAM_SUFFIXES, TRACE_SUFFIX):
            return path
    return None
