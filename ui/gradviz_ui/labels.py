"""Text labels, lines and links that take their colour and font from the theme by role."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Slot
from PySide6.QtGui import QFont, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from gradviz_ui import theme

MOST_SHOWN = 2_000
"""Characters of a text; a label of more is laid out for so long that the window stands still."""


class RoleLabel(QLabel):
    """A label in the colour of a theme role (``muted``, ``error`` ...); its text can be selected and copied.

    ``text`` is shown as it is, its first ``MOST_SHOWN`` characters: what a trace says is never read as HTML.
    """

    def __init__(self, role: str = "text", font: QFont | None = None, *, wraps: bool = True) -> None:
        super().__init__()
        self.setObjectName("label")
        self._role = role
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(wraps)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setFont(font or theme.ui_font())
        # A long name must not widen the panel: it wraps or is cut.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self._recolour()
        theme.themes().changed.connect(self._recolour)

    def set_role(self, role: str) -> None:
        """Take the colour of another role."""
        if role != self._role:
            self._role = role
            self._recolour()

    def setText(self, text: str) -> None:
        """Show the text; what is HTML is of a length of its own."""
        if len(text) > MOST_SHOWN and self.textFormat() is Qt.TextFormat.PlainText:
            text = text[: MOST_SHOWN - 1] + "…"
        super().setText(text)

    def show_text(self, text: str) -> None:
        """Show ``text``, and take no room where it is empty."""
        self.setText(text)
        self.setVisible(bool(text))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:
            self._recolour()  # a new style sheet puts the palette back that was there before

    @Slot()
    def _recolour(self) -> None:
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.WindowText, getattr(theme.current(), self._role))
        palette.setColor(QPalette.ColorRole.Link, theme.current().link)
        self.setPalette(palette)


class Rule(QWidget):
    """A thin line between two sections."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("rule")
        self.setFixedHeight(1)
        theme.themes().changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.current().border)
        painter.end()
