"""Play, pause, and how fast: two buttons of the top bar."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSizePolicy, QToolButton, QWidget

from gradviz_ui import icons
from gradviz_ui.plain import tip
from gradviz_ui.session import Session
from gradviz_ui.settings import Settings


class PlayControls(QWidget):
    """Follows the session's player and the speed in the settings."""

    def __init__(self, session: Session, action: QAction, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("play_controls")
        self._session = session
        self._action = action
        self.play = self._button("play_button")
        self.play.setIconSize(QSize(18, 18))
        self.play.clicked.connect(action.trigger)
        self.speed = self._button("speed_button")
        self.speed.setAccessibleName(self.tr("Speed of playing"))
        self.speed.setToolTip(tip(self.tr("Speed of playing")))
        self.speed.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.speed.setMenu(self._speeds())
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.play)
        layout.addWidget(self.speed)
        action.changed.connect(self.refresh)
        session.debugging.playing_changed.connect(self.refresh)
        session.settings.changed.connect(self.refresh)
        self.speed.setFixedWidth(self._speed_width())
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Show what a click does now, and the speed."""
        playing = self._session.debugging.playing
        self.play.setIcon(icons.icon("pause" if playing else "play"))
        self.play.setEnabled(self._action.isEnabled())
        name = self.tr("Pause") if playing else self.tr("Play")
        self.play.setAccessibleName(name)
        self.play.setToolTip(tip(f"{name} ({self._action.shortcut().toString()})"))
        chosen = self._session.settings.play_speed
        self.speed.setText(speed_text(chosen))
        for percent, choice in self._choices.items():
            choice.setChecked(percent == chosen)

    def _button(self, name: str) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName(name)
        button.setProperty("framed", True)
        button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    def _speeds(self) -> QMenu:
        menu = QMenu(self)
        menu.setObjectName("speed_menu")
        group = QActionGroup(menu)
        self._choices = {percent: QAction(speed_text(percent), group) for percent in Settings.play_speed.allowed}
        for percent, choice in self._choices.items():
            choice.setCheckable(True)
            choice.triggered.connect(partial(self._choose, percent))
            menu.addAction(choice)
        return menu

    def _speed_width(self) -> int:
        """As wide as the longest of the speeds, so that nothing moves when another is chosen."""
        metrics = self.speed.fontMetrics()
        return max(metrics.horizontalAdvance(speed_text(each)) for each in Settings.play_speed.allowed) + 18

    def _choose(self, percent: int, checked: bool = False) -> None:
        self._session.settings.play_speed = percent


def speed_text(percent: int) -> str:
    """``0.25×``, ``1×``, ``4×``"""
    return f"{percent / 100:g}×"
