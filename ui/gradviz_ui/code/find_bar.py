"""Find in the program's text."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QTextCursor, QTextDocument
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QToolButton, QWidget

from gradviz_ui import icons
from gradviz_ui.code.editor import Editor
from gradviz_ui.plain import plain_label, tip


class FindBar(QWidget):
    """A line to type into: Enter finds on, Shift+Enter back, Escape closes."""

    closed = Signal()

    def __init__(self, editor: Editor, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("find_bar")
        self._editor = editor
        self.field = QLineEdit(self)
        self.field.setObjectName("find_field")
        self.field.setAccessibleName(self.tr("Find in code"))
        self.field.setPlaceholderText(self.tr("Find in code"))
        self.field.textEdited.connect(self._typed)
        self._note = plain_label(parent=self)
        self._note.setObjectName("find_note")
        self._close = QToolButton(self)
        self._close.setObjectName("find_close")
        self._close.setAccessibleName(self.tr("Close"))
        self._close.setToolTip(tip(self.tr("Close (Esc)")))
        self._close.setProperty("flat", True)
        self._close.setIcon(icons.icon("close"))
        self._close.clicked.connect(self.leave)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 6, 8, 6)
        layout.addWidget(self.field, 1)
        layout.addWidget(self._note)
        layout.addWidget(self._close)
        self.hide()

    def enter(self) -> None:
        """Show the bar with the selected text in it."""
        selected = self._editor.selected_text
        if selected and "\n" not in selected:
            self.field.setText(selected)
        self.show()
        self.field.selectAll()
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)

    @Slot()
    def leave(self) -> None:
        """Hide the bar and go back to the text."""
        self.hide()
        self.closed.emit()
        self._editor.setFocus(Qt.FocusReason.OtherFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter, Shift+Enter and Escape."""
        if event.key() == Qt.Key.Key_Escape:
            self.leave()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.search(forward=not event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        else:
            super().keyPressEvent(event)

    def search(self, forward: bool = True) -> bool:
        """Select the next (or last) place of the text, around the end if need be; True if there is one."""
        text = self.field.text()
        found = bool(text) and (self._search(text, forward) or self._search_from_end(text, forward))
        self._note.setText("" if found or not text else self.tr("not found"))
        return found

    def _search(self, text: str, forward: bool) -> bool:
        flag = QTextDocument.FindFlag(0) if forward else QTextDocument.FindFlag.FindBackward
        return self._editor.find_text(text, flag)

    def _search_from_end(self, text: str, forward: bool) -> bool:
        before = self._editor.textCursor()
        end = QTextCursor.MoveOperation.Start if forward else QTextCursor.MoveOperation.End
        self._editor.moveCursor(end)
        if self._search(text, forward):
            return True
        self._editor.setTextCursor(before)
        return False

    @Slot()
    def _typed(self) -> None:
        cursor = self._editor.textCursor()
        cursor.setPosition(cursor.selectionStart())
        self._editor.setTextCursor(cursor)
        self.search()
