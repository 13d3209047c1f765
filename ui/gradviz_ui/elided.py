"""A label that cuts its text with an ellipsis instead of asking for more room."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from gradviz.plain import clipped
from gradviz_ui.plain import tip

LONGEST = 500
"""Characters that are kept of a text; a name in a trace may have many more than any label has room for."""


class ElidedLabel(QLabel):
    """One line of plain text; the whole of it is in the tooltip while it is cut."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)
        self.setForegroundRole(QPalette.ColorRole.WindowText)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)

    def setText(self, text: str) -> None:
        """Show the text in one line, whatever it holds."""
        super().setText(clipped(text, LONGEST))

    def minimumSizeHint(self) -> QSize:
        """Room for a few characters."""
        metrics = QFontMetrics(self.font())
        return QSize(min(metrics.horizontalAdvance("…") * 2, self.sizeHint().width()), metrics.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """The text, cut where it has to be."""
        rect = self.contentsRect()
        shown = QFontMetrics(self.font()).elidedText(self.text(), Qt.TextElideMode.ElideRight, rect.width())
        self.setToolTip(tip(self.text()) if shown != self.text() else "")
        painter = QPainter(self)
        painter.setFont(self.font())
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(rect, self.alignment() | Qt.AlignmentFlag.AlignVCenter, shown)
        painter.end()
