"""What stands in the middle of the canvas when there is no graph to see: why, and what to do."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from gradviz_ui import theme
from gradviz_ui.plain import plain_label


class Notice(QFrame):
    """A title, a sentence, and where needed a progress bar and buttons."""

    accepted = Signal()
    cancelled = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._canvas = parent
        self.setObjectName("canvas_notice")
        self.title = plain_label(parent=self)
        self.title.setObjectName("canvas_notice_title")
        self.text = plain_label(parent=self)
        self.text.setObjectName("canvas_notice_text")
        self.text.setWordWrap(True)
        for label in (self.title, self.text):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.bar = QProgressBar(self)
        self.bar.setObjectName("layout_progress")
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(self.tr("Progress of the layout"))
        self.accept_button = QPushButton(self.tr("Go on"), self)
        self.accept_button.setObjectName("layout_accept")
        self.accept_button.setProperty("primary", True)
        self.accept_button.clicked.connect(self.accepted)
        self.cancel_button = QPushButton(self.tr("Cancel"), self)
        self.cancel_button.setObjectName("layout_cancel")
        self.cancel_button.clicked.connect(self.cancelled)
        buttons = QHBoxLayout()
        buttons.addStretch()
        buttons.addWidget(self.accept_button)
        buttons.addWidget(self.cancel_button)
        buttons.addStretch()
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 18, 24, 18)
        column.setSpacing(10)
        for part in (self.title, self.text, self.bar):
            column.addWidget(part)
        column.addLayout(buttons)
        self.restyle()
        self.hide()

    def tell(self, title: str, text: str, *, progress: bool = False, accept: str = "", cancel: bool = False) -> None:
        """Show this; ``accept`` names a button. Text alone lets the mouse through to the canvas."""
        self.title.setText(title)
        self.text.setText(text)
        self.bar.setVisible(progress)
        self.bar.setValue(0)
        self.accept_button.setText(accept or self.accept_button.text())
        self.accept_button.setVisible(bool(accept))
        self.cancel_button.setVisible(cancel)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents, not accept and not cancel)
        self.setProperty("framed", progress or bool(accept) or cancel)
        self.restyle()
        self.place()
        self.show()
        self.raise_()

    def show_progress(self, fraction: float) -> None:
        """How much of the layout is done, 0 to 1."""
        self.bar.setValue(round(fraction * 1000))

    def place(self) -> None:
        """In the middle of the canvas."""
        parent = self._canvas
        width = min(380, max(parent.width() - 40, 120))
        self.setFixedWidth(width)
        self.resize(width, self.heightForWidth(width) if self.hasHeightForWidth() else self.sizeHint().height())
        self.move((parent.width() - width) // 2, max((parent.height() - self.height()) // 2, 60))

    def restyle(self) -> None:
        """Take the colours of the theme."""
        colors = theme.current()
        framed = f"background: {colors.panel.name()}; border: 1px solid {colors.border.name()}"
        look = framed if self.property("framed") else "background: transparent; border: none"
        self.setStyleSheet(
            f"""
            #canvas_notice {{ {look}; border-radius: 10px; }}
            #canvas_notice_title {{ color: {colors.text.name()}; font-size: {theme.px(15)}px; font-weight: 600; }}
            #canvas_notice_text {{ color: {colors.muted.name()}; }}
            """
        )
