"""Messages to the person: one line over the canvas that does not stop anything.

How long each lives is decided here. Good news ("info") leaves by itself. A warning or an error stays until it is
dismissed, or until what it speaks of is over: another file is being opened, another program or view is shown, a
program begins to run. An offer stays until it is taken or dismissed. A new message takes the place of the old.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Slot
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QToolButton, QWidget

from gradviz_ui import icons, theme
from gradviz_ui.plain import plain_label
from gradviz_ui.session import Session

INFO_MS = 4000
MARGIN = 16
MAX_WIDTH = 560
MAX_TEXT = 400


class Banner(QFrame):
    """Shows the session's last message over ``host``."""

    def __init__(self, session: Session, host: QWidget) -> None:
        super().__init__(host)
        self.setObjectName("banner")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self._session = session
        self._host = host
        self._level = "info"
        self._icon = plain_label(parent=self)
        self._icon.setObjectName("banner_icon")
        self.text = plain_label(parent=self)
        self.text.setObjectName("banner_text")
        self.text.setWordWrap(True)
        flags = Qt.TextInteractionFlag
        self.text.setTextInteractionFlags(flags.TextSelectableByMouse | flags.TextSelectableByKeyboard)
        self.text.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.action_button = QPushButton(self)
        self.action_button.setObjectName("banner_action")
        self.action_button.setAccessibleName(self.tr("Accept the offer"))
        self.action_button.clicked.connect(self._accept)
        self._offered: Path | None = None
        self.close_button = QToolButton(self)
        self.close_button.setObjectName("banner_close")
        self.close_button.setAccessibleName(self.tr("Dismiss"))
        self.close_button.setProperty("flat", True)
        self.close_button.clicked.connect(self.hide)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 10, 8, 10)
        layout.setSpacing(10)
        layout.addWidget(self._icon)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.action_button)
        layout.addWidget(self.close_button)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.hide)
        session.message.connect(self.show_message)
        session.offered.connect(self.show_offer)
        theme.themes().changed.connect(self._restyle)
        self._busy = session.loading, session.recording
        session.loading_changed.connect(self._something_begins)
        session.recording_changed.connect(self._something_begins)
        session.program_changed.connect(self._end_trouble)
        session.debugging.view_changed.connect(self._end_trouble)
        host.installEventFilter(self)
        self.hide()

    @Slot(str, str)
    def show_message(self, level: str, text: str) -> None:
        """Show a line of text at a level of "info", "warning" or "error"."""
        self._show(level, text)
        if level == "info":
            self._timer.start(INFO_MS)

    @Slot(str, str, object)
    def show_offer(self, text: str, title: str, path: Path) -> None:
        """Offer to open a file, until the button is pressed or the offer is dismissed."""
        self._show("info", text, title, path)

    def _show(self, level: str, text: str, title: str = "", offered: Path | None = None) -> None:
        self._timer.stop()
        self._level = level
        self._offered = offered
        self.action_button.setText(title)
        self.action_button.setVisible(offered is not None)
        self.text.setText(text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…")
        self.setAccessibleName(text)
        self._restyle()
        self._place()
        self.show()
        self.raise_()

    @Slot()
    def _accept(self) -> None:
        offered, self._offered = self._offered, None
        self.hide()
        if offered is not None:
            self._session.open_requested.emit(offered)

    @Slot()
    def _something_begins(self) -> None:
        before, self._busy = self._busy, (self._session.loading, self._session.recording)
        if any(now and not then for then, now in zip(before, self._busy, strict=True)):
            self._end_trouble()

    @Slot()
    def _end_trouble(self) -> None:
        if self._level != "info":
            self.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay at the top of the host when its size changes."""
        if event.type() is QEvent.Type.Resize:
            self._place()
        return False

    def _place(self) -> None:
        host = self._host
        width = min(theme.px(MAX_WIDTH), host.width() - 2 * MARGIN)
        self.resize(width, max(self.heightForWidth(width), self.minimumSizeHint().height()))
        self.move((host.width() - width) // 2, MARGIN)

    @Slot()
    def _restyle(self) -> None:
        colors = theme.current()
        color = {"error": colors.error, "warning": colors.accent}.get(self._level, colors.link)
        name = self._level if self._level in ("error", "warning") else "info"
        self._icon.setPixmap(icons.pixmap(name, color, 18, self.devicePixelRatioF()))
        self.close_button.setIcon(icons.icon("close", colors.muted))
        background = theme.mix(colors.raised, color, 0.12).name()
        frame = f"background: {background}; border: 1px solid {color.name()}; border-radius: 8px;"
        self.setStyleSheet(f"QFrame#banner {{ {frame} }}")
        palette = self.text.palette()
        palette.setColor(QPalette.ColorRole.WindowText, colors.text)
        self.text.setPalette(palette)
