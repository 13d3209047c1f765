"""The window: which parts there are, how they are put together, and what follows the session."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QCoreApplication, QEvent, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QApplication, QMainWindow, QMenu, QToolBar, QVBoxLayout, QWidget

from gradviz_ui import theme
from gradviz_ui.canvas.panel import CanvasPanel
from gradviz_ui.code.console import ConsolePanel
from gradviz_ui.code.panel import CodePanel
from gradviz_ui.code.problems import ProblemsPanel
from gradviz_ui.dropping import FileDrops
from gradviz_ui.events.panel import EventsPanel
from gradviz_ui.inspector.gradients import GradientsPanel
from gradviz_ui.inspector.panel import InspectorPanel
from gradviz_ui.plain import window_title
from gradviz_ui.session import Session
from gradviz_ui.timeline.panel import TimelinePanel
from gradviz_ui.window import menus
from gradviz_ui.window.actions import Action
from gradviz_ui.window.appearance import Appearance
from gradviz_ui.window.arrangement import Arrangement
from gradviz_ui.window.banner import Banner
from gradviz_ui.window.desk import Desk
from gradviz_ui.window.examples import ExamplesPanel
from gradviz_ui.window.files import FileQuestions
from gradviz_ui.window.keys import KeyKeeper
from gradviz_ui.window.palette import CommandPalette, Entry
from gradviz_ui.window.recordings_menu import RecordingsMenu
from gradviz_ui.window.status import StatusBar
from gradviz_ui.window.top_bar import TopBar


class MainWindow(QMainWindow):
    """Puts the parts together; `actions.py` says what can be done with them, and knows them by the `Desk`."""

    rewritten = Signal()
    """Everything in the window was made anew."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.setObjectName("main_window")
        self.setWindowTitle("gradviz")
        self.session = session
        self._may_close = self._closing = False
        self._performing = 0
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
        self._make_panels()
        self.palette_box = CommandPalette(self.session.debugging, self._commands, self)
        self.palette_box.closed.connect(self.canvas.setFocus)
        self._desk = Desk(
            self, self.session, self.files, self.canvas, self.code, self.arrangement, self.palette_box, self.rewritten
        )
        self._actions = menus.make_actions(self, self._perform)
        self.actions_by_id = {row.id: action for row, action in self._actions.items()}
        self._make_bars()
        self.banner = Banner(self.session, self.canvas)
        self._drops = FileDrops(self, self.docks.values(), self.files.open_dropped)
        self.problems.count_changed.connect(self._count_problems)
        self.code.editor.cursorPositionChanged.connect(self.refresh_actions)
        self._restyle()

    def _take_apart(self) -> None:
        """Undo `_assemble`, at once: what is only about to go would answer the session's signals."""
        self.session.closing.emit()
        actions, self._actions = self._actions, {}
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
        made = menus.make_menus(self, self._actions)
        self._fill_view_menu(made["view"])
        self.recent_menu = QMenu(self.tr("Recent &files"), self)
        self.recent_menu.setObjectName("recent_menu")
        made["file"].insertMenu(self.actions_by_id["file.save"], self.recent_menu)
        made["file"].aboutToShow.connect(self._fill_recent)
        self.recordings_menu = RecordingsMenu(self.session, self.files.open, self)
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
            session.debugging.trace_changed,
            session.debugging.selection_changed,
            session.program_changed,
            session.recording_changed,
            session.debugging.breakpoints_changed,
            session.debugging.view_changed,
            session.debugging.playing_changed,
        ):
            signal.connect(self.refresh_actions)
        session.debugging.step_changed.connect(self.refresh_actions)
        session.debugging.trace_changed.connect(self._trace_changed)
        session.program_changed.connect(self._name_window)
        session.program_edited.connect(self._name_window)
        theme.themes().changed.connect(self._restyle)
        session.open_requested.connect(self.files.open)
        session.settings.changed.connect(self._setting_changed)
        session.recording_changed.connect(self._recording_changed)

    @Slot()
    def _recording_changed(self) -> None:
        if self._rewrite_later and not self.session.recording:
            self.rewrite()

    # What follows the session

    @Slot()
    def refresh_actions(self) -> None:
        """Enable and check the actions as the session stands; while one is performed, once it is done."""
        if not self._performing:
            menus.refresh(self._actions, self._desk)

    def _perform(self, row: Action) -> None:
        self._performing += 1
        try:
            row.run(self._desk)
        finally:
            self._performing -= 1
        self.refresh_actions()  # in any case: a choice that was in force already has just been unchecked by Qt

    @Slot()
    def open_menu(self) -> None:
        """Open the menu with the keyboard."""
        self.top_bar.menu_button.showMenu()

    def _commands(self) -> list[Entry]:
        return [*menus.entries(self._actions), *self.arrangement.entries()]

    @Slot()
    def _trace_changed(self) -> None:
        # A fresh recording is to be stepped through, unless the person types on.
        if self.session.debugging.trace is not None and not (self.code.has_focus and self.code.outdated):
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
        menus.set_icons(self._actions)
        self.arrangement.restyle()

    @Slot(str)
    def _setting_changed(self, key: str) -> None:
        if key == "menu_bar":
            self._show_menu_bar()
            self.refresh_actions()

    def _show_menu_bar(self) -> None:
        native = self.menuBar().isNativeMenuBar()
        self.menuBar().setVisible(native or self.session.settings.menu_bar)

    def _fill_recent(self) -> None:
        menus.fill_recent(self.recent_menu, self.session.settings.recent_files, self.files.open)

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
