"""Which panels the window has, and where they stand: one row each.

To add a panel, add a row; the View menu, F6, the command palette and "Restore all panels" follow. Titles are
translated under the context "Panel".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from PySide6.QtCore import QByteArray, QCoreApplication, QRect, QSize, Qt
from PySide6.QtGui import QGuiApplication, QRegion
from PySide6.QtWidgets import QApplication, QMainWindow, QTabBar, QTabWidget, QWidget

from gradviz_ui.code.console import ConsolePanel
from gradviz_ui.code.panel import CodePanel
from gradviz_ui.code.problems import ProblemsPanel
from gradviz_ui.events.panel import EventsPanel
from gradviz_ui.inspector.gradients import GradientsPanel
from gradviz_ui.inspector.panel import InspectorPanel
from gradviz_ui.session import Session
from gradviz_ui.timeline.panel import TimelinePanel
from gradviz_ui.window.dock import Dock, focus_in
from gradviz_ui.window.examples import ExamplesPanel
from gradviz_ui.window.palette import Entry

SIZE = (1440, 900)
"""The window's own size, for which the sizes of the panels are meant."""
FRAME = QSize(8, 40)
"""Room left on small screens for the frame and title bar that the system puts around the window."""

LEFT, RIGHT = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
BOTTOM = Qt.DockWidgetArea.BottomDockWidgetArea
ACROSS, DOWN = Qt.Orientation.Horizontal, Qt.Orientation.Vertical

P = TypeVar("P", bound=QWidget)


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: it has an ``area`` to itself, or stands ``below`` another one, or ``behind`` it as a tab.

    ``size`` is its width at the sides and its height elsewhere, in a window of `SIZE`; what is behind another
    panel has none.
    """

    id: str
    title: str
    make: Callable[[Session], QWidget]
    area: Qt.DockWidgetArea | None = None
    below: str | None = None
    behind: str | None = None
    size: int = 0

    @property
    def text(self) -> str:
        """The title in the person's language."""
        return QCoreApplication.translate("Panel", self.title)


PANELS: tuple[Panel, ...] = (
    Panel("code", "Code", CodePanel, area=LEFT, size=376),
    Panel("examples", "Examples", ExamplesPanel, behind="code"),
    Panel("console", "Console", ConsolePanel, below="code", size=150),
    Panel("problems", "Problems", lambda session: ProblemsPanel(session.debugging), behind="console"),
    Panel("inspector", "Inspector", lambda session: InspectorPanel(session.debugging), area=RIGHT, size=372),
    Panel("gradients", "Gradients", lambda session: GradientsPanel(session.debugging), below="inspector", size=170),
    Panel("timeline", "Timeline", lambda session: TimelinePanel(session.debugging), area=BOTTOM, size=226),
    Panel("events", "Events", lambda session: EventsPanel(session.debugging), behind="timeline"),
)


class Arrangement:
    """The window's docks, one for each row of `PANELS`."""

    def __init__(self, window: QMainWindow, session: Session) -> None:
        self._window = window
        self.docks = {row.id: Dock(f"{row.id}_dock", row.text, row.make(session), window) for row in PANELS}
        for dock in self.docks.values():
            dock.rearranged.connect(self.update_title_bars)

    def panel(self, kind: type[P]) -> P:
        """The one panel of this class."""
        return next(widget for dock in self.docks.values() if isinstance(widget := dock.widget(), kind))

    def begin(self) -> None:
        """Size the window and stand the panels in it as the last run left them, else as they are at first."""
        window = self._window
        window.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        options = QMainWindow.DockOption
        window.setDockOptions(options.AnimatedDocks | options.AllowTabbedDocks | options.AllowNestedDocks)
        window.setCorner(Qt.Corner.BottomLeftCorner, BOTTOM)
        window.setCorner(Qt.Corner.BottomRightCorner, BOTTOM)
        window.resize(QSize(*SIZE).boundedTo(window.screen().availableGeometry().size() - FRAME))
        self.restore()

    def resume(self, geometry: QByteArray, state: QByteArray) -> None:
        """Stand everything as it was, but for what would be out of sight (see `bring_into_sight`)."""
        window = self._window
        window.restoreGeometry(geometry)
        window.restoreState(state)
        self.update_title_bars()

    def state(self) -> tuple[QByteArray, QByteArray]:
        """The window's geometry and the docks' state, for `resume`.

        When the whole program is told to quit, Qt closes the docks afloat as it closes the window, one after
        another; who quits has not hidden them.
        """
        for dock in self.docks.values():
            if dock.isFloating() and dock.just_closed:
                dock.show()
        return self._window.saveGeometry(), self._window.saveState()

    def bring_into_sight(self) -> None:
        """Move the window and the docks afloat to where all of them can be seen; call it once the window is shown.

        A screen may be gone since last time, or smaller; and a dock that came before the window does not count
        as belonging to it and lies behind it.
        """
        screens = [screen.availableGeometry() for screen in QGuiApplication.screens()]
        if not self._window.isMaximized() and not self._window.isFullScreen():
            _move_into_sight(self._window, screens)
        for dock in self.docks.values():
            if dock.isFloating() and not dock.isHidden():
                dock.hide()
                _move_into_sight(dock, screens)
                dock.show()
                dock.raise_()

    def restore(self) -> None:
        """Show every panel, at the place it has at first."""
        window, docks = self._window, self.docks
        for dock in docks.values():
            dock.setFloating(False)
            window.removeDockWidget(dock)
        for row in PANELS:
            if row.area is not None:
                window.addDockWidget(row.area, docks[row.id])
            elif row.below is not None:
                window.splitDockWidget(docks[row.below], docks[row.id], DOWN)
        for row in PANELS:  # what is stacked cannot be split any more
            if row.behind is not None:
                window.tabifyDockWidget(docks[row.behind], docks[row.id])
        for dock in docks.values():
            dock.show()
        for row in PANELS:
            if row.behind is not None:
                docks[row.behind].raise_()
        self._size_docks()
        self.update_title_bars()
        self._name_tab_bars()

    def _size_docks(self) -> None:
        window, docks = self._window, self.docks
        wide, high = min(1.0, window.width() / SIZE[0]), window.height() / SIZE[1]
        sides = [row for row in PANELS if row.area in (LEFT, RIGHT)]
        window.resizeDocks([docks[row.id] for row in sides], [round(row.size * wide) for row in sides], ACROSS)
        bottoms = [row for row in PANELS if row.area == BOTTOM]
        window.resizeDocks([docks[row.id] for row in bottoms], [round(row.size * high) for row in bottoms], DOWN)
        rest = round((SIZE[1] - sum(row.size for row in bottoms)) * high)
        for row in PANELS:
            if row.below is not None:
                window.resizeDocks([docks[row.below], docks[row.id]], [rest - row.size, row.size], DOWN)

    def move_focus(self, direction: int) -> None:
        """Give the focus to the next panel that can be seen, or to the one before it; the canvas is the first."""
        shown = [dock.widget() for dock in self.docks.values() if dock.in_sight]
        panels = [panel for panel in (self._window.centralWidget(), *shown) if panel is not None]
        focused = QApplication.focusWidget()
        here = [at for at, panel in enumerate(panels) if focused and (panel is focused or panel.isAncestorOf(focused))]
        focus_in(panels[((here[0] if here else 0) + direction) % len(panels)])

    def entries(self) -> list[Entry]:
        """The panels to go to, for the command palette."""
        text = QCoreApplication.translate("Panel", "Show panel: {name}")
        return [
            Entry(text.replace("{name}", dock.title), "", "chevron-right", dock.reveal) for dock in self.docks.values()
        ]

    def restyle(self) -> None:
        """Take the theme's colours."""
        for dock in self.docks.values():
            dock.restyle()

    def update_title_bars(self) -> None:
        """Show the title bars of the docks that no tab names."""
        for dock in self.docks.values():
            dock.update_title_bar()

    def _name_tab_bars(self) -> None:
        for number, bar in enumerate(self._window.findChildren(QTabBar)):
            if not bar.objectName():
                bar.setObjectName(f"dock_tabs_{number}")
                bar.setAccessibleName(QCoreApplication.translate("Panel", "Panels"))
                bar.setExpanding(False)
                bar.setDrawBase(False)


def in_sight(frame: QRect, screens: list[QRect]) -> QRect:
    """``frame`` where all of it lies on ``screens``; else on the one that has most of it, or is nearest."""
    if not screens or (QRegion(frame) - _together(screens)).isEmpty():
        return frame

    def nearness(screen: QRect) -> tuple[int, int]:
        shared = screen.intersected(frame).size()
        return max(shared.width(), 0) * max(shared.height(), 0), -(screen.center() - frame.center()).manhattanLength()

    screen = max(screens, key=nearness)
    found = QRect(frame.topLeft(), frame.size().boundedTo(screen.size()))
    found.moveLeft(min(max(found.left(), screen.left()), screen.right() - found.width() + 1))
    found.moveTop(min(max(found.top(), screen.top()), screen.bottom() - found.height() + 1))
    return found


def _together(screens: list[QRect]) -> QRegion:
    region = QRegion()
    for screen in screens:
        region += screen
    return region


def _move_into_sight(widget: QWidget, screens: list[QRect]) -> None:
    frame, inner = widget.frameGeometry(), widget.geometry()
    wanted = in_sight(frame, screens)
    if wanted != frame:
        widget.resize(wanted.size() - (frame.size() - inner.size()))
        widget.move(wanted.topLeft())
