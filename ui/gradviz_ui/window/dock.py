"""A dock with a slim title bar that makes way for the tabs where docks are stacked."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QCloseEvent, QFont, QPalette
from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QMainWindow, QToolButton, QWidget
from shiboken6 import isValid

from gradviz_ui import icons, theme
from gradviz_ui.plain import plain_label, tip

TITLE_HEIGHT = 36
SMALLEST = 150, 70


def focus_in(panel: QWidget) -> None:
    """Give the focus to a panel, or to the first part of it that takes it."""
    for widget in (panel, *panel.findChildren(QWidget)):
        if widget.isVisibleTo(panel) and widget.isEnabled() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            widget.setFocus(Qt.FocusReason.TabFocusReason)
            return


class TitleBar(QWidget):
    """Title, float and close. Dragging it moves the dock: the mouse is the dock's, not the title's."""

    def __init__(self, dock: Dock) -> None:
        super().__init__(dock)
        self._dock = dock
        self.setObjectName(f"{dock.objectName()}_title_bar")
        self.setFixedHeight(TITLE_HEIGHT)
        self.setAutoFillBackground(True)
        self.label = plain_label(parent=self)
        self.label.setObjectName(f"{dock.objectName()}_title")
        self.label.setFont(theme.ui_font(weight=QFont.Weight.DemiBold))
        self.label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._float = self._tool("float", self.tr("Detach"))
        self._float.clicked.connect(dock.toggle_floating)
        self._close = self._tool("close", self.tr("Hide"))
        self._close.clicked.connect(dock.close)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(20, 0, 8, 0)
        layout.setSpacing(2)
        layout.addWidget(self.label, 1)
        layout.addWidget(self._float)
        layout.addWidget(self._close)
        self._hover(False)
        self.restyle()

    def sizeHint(self) -> QSize:
        """The dock asks this for the bar's height."""
        return QSize(super().sizeHint().width(), TITLE_HEIGHT)

    def minimumSizeHint(self) -> QSize:
        """As `sizeHint`: a fixed height alone does not count for a dock."""
        return QSize(0, TITLE_HEIGHT)

    def restyle(self) -> None:
        """Take the theme's colours."""
        colors = theme.current()
        self._float.setIcon(icons.icon("float", colors.muted, 12))
        self._close.setIcon(icons.icon("close", colors.muted, 12))
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.Window, colors.panel)
        self.setPalette(palette)

    def event(self, event: QEvent) -> bool:
        """The buttons show while the mouse is over the bar, or one of them has the focus."""
        if event.type() is QEvent.Type.Enter:
            self._hover(True)
        elif event.type() is QEvent.Type.Leave:
            self._hover(False)
        return super().event(event)

    def _tool(self, icon: str, name: str) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName(f"{self._dock.objectName()}_{icon}")
        button.setProperty("flat", True)
        button.setAccessibleName(f"{name}: {self._dock.windowTitle()}")
        button.setToolTip(tip(name))
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        return button

    def _hover(self, over: bool) -> None:
        self._float.setVisible(over)
        self._close.setVisible(over)


class Dock(QDockWidget):
    """Holds one panel under ``name``, which also names its place in what the window remembers."""

    rearranged = Signal()
    """It came, went or moved, and with it the title bars of those that it is or was stacked with."""

    def __init__(self, name: str, title: str, panel: QWidget, window: QMainWindow) -> None:
        super().__init__(title, window)
        self.setObjectName(name)
        self.title = title
        """The panel's name, without what its tab says beside it (a count of problems)."""
        self._window = window
        self._bar = TitleBar(self)
        self._nothing = QWidget(self)
        self._nothing.setObjectName(f"{name}_no_title")
        self._nothing.hide()
        self.setTitleBarWidget(self._bar)
        self.setWidget(panel)
        self.setMinimumSize(*SMALLEST)
        self.setWindowTitle(title)
        self.windowTitleChanged.connect(self._bar.label.setText)
        self._bar.label.setText(title)
        self.dockLocationChanged.connect(self._window_changed)
        self.visibilityChanged.connect(self._window_changed)
        self.visibilityChanged.connect(self._seen)
        self.in_sight = False
        """Is it shown, and in front of those it is stacked with?"""
        self.just_closed = False
        """Was it closed in this round of the event loop?"""
        self.topLevelChanged.connect(self._window_changed)

    def restyle(self) -> None:
        """Take the theme's colours."""
        self._bar.restyle()

    def reveal(self) -> None:
        """Show the dock, in front of those it is stacked with, and give its panel the focus."""
        self.show()
        self.raise_()
        panel = self.widget()
        if panel is not None:
            focus_in(panel)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Remember for a moment that this happened, for those who ask whether the whole program is being closed."""
        super().closeEvent(event)
        self.just_closed = True
        QTimer.singleShot(0, self, self._forget_close)

    @Slot()
    def _forget_close(self) -> None:
        self.just_closed = False

    @Slot(bool)
    def _seen(self, visible: bool) -> None:
        self.in_sight = visible

    @Slot()
    def toggle_floating(self) -> None:
        """Make a window of its own of this dock, or put it back."""
        self.setFloating(not self.isFloating())

    @Slot()
    def _window_changed(self) -> None:
        # Before the window stands, it looks after all of them at once; when it goes, nobody needs to.
        if isValid(self._window) and self._window.isVisible():
            self.rearranged.emit()

    def update_title_bar(self) -> None:
        """Show the title bar unless tabs name the dock already."""
        stacked = not self.isFloating() and bool(self._window.tabifiedDockWidgets(self))
        wanted = self._nothing if stacked else self._bar
        if self.titleBarWidget() is not wanted:
            self.setTitleBarWidget(wanted)
            self._bar.setVisible(not stacked)
            self._nothing.setVisible(stacked)
