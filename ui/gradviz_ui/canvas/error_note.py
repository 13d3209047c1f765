"""What the program raised, over the canvas, at the step at which it did; an operation that raised has no node."""

from __future__ import annotations

from PySide6.QtCore import QSize, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QWidget

from gradviz.trace.events import Error
from gradviz_ui import icons, theme
from gradviz_ui.elided import ElidedLabel
from gradviz_ui.plain import plain_label

LEAST_WIDTH = 280
"""Pixels below which too little of a message can be read."""


class ErrorNote(QFrame):
    """One line with the error, and a button that leads to where the program raised it."""

    line_asked = Signal(str, int)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("canvas_error")
        self._icon = plain_label(parent=self)
        self._icon.setObjectName("canvas_error_icon")
        self.text = ElidedLabel(parent=self)
        self.text.setObjectName("canvas_error_text")
        self.line_button = QPushButton(self)
        self.line_button.setObjectName("canvas_error_line")
        self.line_button.setAccessibleName(self.tr("Go to the line that raised"))
        self.line_button.clicked.connect(self._ask)
        self._place: tuple[str, int] | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 3, 4, 3)
        row.setSpacing(8)
        row.addWidget(self._icon)
        row.addWidget(self.text, 1)
        row.addWidget(self.line_button)
        self.restyle()
        self.hide()

    @property
    def least_width(self) -> int:
        """The room it needs, as the size of text is."""
        return theme.px(LEAST_WIDTH)

    def show_error(self, error: Error | None) -> None:
        """Tell of an error, or of none."""
        self._place = None
        if error is not None:
            self.text.setText(f"{error.type}: {error.message}" if error.message else error.type)
            if error.file is not None and error.line is not None:
                self._place = error.file, error.line
                self.line_button.setText(self.tr("Go to line {line}").replace("{line}", str(error.line)))
            self.setAccessibleName(self.tr("The program raised {error}").replace("{error}", self.text.text()))
            self.line_button.setVisible(self._place is not None)
        self.setVisible(error is not None)

    def sizeHint(self) -> QSize:
        """Room for the whole text, and for what the style sheet adds."""
        hint = super().sizeHint()
        return QSize(hint.width() + 4, hint.height())

    @Slot()
    def _ask(self) -> None:
        if self._place is not None:
            self.line_asked.emit(*self._place)

    def restyle(self) -> None:
        """Take the colours of the theme."""
        colors = theme.current()
        self._icon.setPixmap(icons.pixmap("error", colors.error, 16, self.devicePixelRatioF()))
        background = theme.mix(colors.panel, colors.error, 0.12).name()
        self.setStyleSheet(
            f"""
            #canvas_error {{ background: {background}; border: 1px solid {colors.error.name()}; border-radius: 8px; }}
            #canvas_error_text {{ color: {colors.text.name()}; font-size: {theme.px(12)}px; }}
            #canvas_error_line {{ background: transparent; border: 1px solid transparent; border-radius: 6px;
                color: {colors.link.name()}; padding: 3px 8px; font-size: {theme.px(12)}px; }}
            #canvas_error_line:hover {{ border-color: {colors.border.name()}; }}
            #canvas_error_line:focus {{ border-color: {colors.accent.name()}; }}
            """
        )
