"""The editor: program text with line numbers, cell headers, breakpoints and the line stepping has come to."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QMimeData, QRect, QRectF, Qt, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFont,
    QFontMetricsF,
    QInputMethodEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTextBlock,
    QTextCursor,
    QTextDocument,
)
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QWidget

from gradviz_ui import theme
from gradviz_ui.code.highlight import Highlighter
from gradviz_ui.code.margin import LineMargin
from gradviz_ui.dropping import local_files
from gradviz_ui.plain import plain_label
from gradviz_ui.program.document import Document
from gradviz_ui.program.text_layout import HEADER_HEIGHT, LINE_GAP

INDENT = 4
COLOURED_LINES = 20_000
"""Longer programs are shown in one colour: to read them through would hold up the window."""
NEIGHBOURS = 2
"""Lines kept in sight above and below the one that is shown."""

_Standard = QKeySequence.StandardKey
_TYPED = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Backspace, Qt.Key.Key_Delete)
_STAYS = (Qt.FocusReason.ActiveWindowFocusReason, Qt.FocusReason.PopupFocusReason, Qt.FocusReason.MenuBarFocusReason)
"""Reasons for which the focus comes back to where it was."""


class Editor(QPlainTextEdit):
    """Edits a `Document`. Lines count from 1."""

    breakpoint_clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setFont(theme.mono_font())
        self.setTabStopDistance(INDENT * QFontMetricsF(self.font()).horizontalAdvance(" "))
        self.setCursorWidth(2)
        self.document_shown: Document | None = None
        self._highlighter: Highlighter | None = None
        self.breakpoints: frozenset[int] = frozenset()
        self.current: int | None = None
        self.current_is_error = False
        self._line_shown: int | None = None
        self._scrolled = False
        """Did the person move away from that line?"""
        self.setAccessibleDescription(
            self.tr("Tab indents once you have typed or clicked here; Esc, then Tab, leaves.")
        )
        self.setTabChangesFocus(True)
        self.verticalScrollBar().actionTriggered.connect(self._on_scrolled)
        self.margin = LineMargin(self)
        self.margin.line_clicked.connect(self.breakpoint_clicked)
        self.cell_header = plain_label(parent=self)
        self.cell_header.setObjectName("cell_header")
        self.cell_header.setFont(theme.mono_font(weight=QFont.Weight.Bold))
        self.cell_header.setAutoFillBackground(True)
        self.updateRequest.connect(self._on_update)
        self.blockCountChanged.connect(self._place_margin)
        self.cursorPositionChanged.connect(self.margin.update)
        self.restyle()

    # What is shown

    def show_document(self, document: Document | None) -> None:
        """Edit this document; None shows an empty page that cannot be edited."""
        if self.document_shown is not None:
            self.document_shown.cells_changed.disconnect(self._cells_changed)
        shown = document or Document("", "")
        text = shown.text_document
        text.setDefaultFont(self.font())
        self._highlighter = Highlighter(text) if text.blockCount() <= COLOURED_LINES else None
        self.setDocument(text)
        self.document_shown = shown
        shown.cells_changed.connect(self._cells_changed)
        self.setReadOnly(document is None)
        self._set_typing(False)
        self.current = self._line_shown = None
        self.breakpoints = frozenset()
        self._cells_changed()

    def mark_current(self, line: int | None, error: bool = False, scroll: bool = True) -> None:
        """Put the arrow at ``line``; ``error`` colours it as the line that raised."""
        if (line, error) != (self.current, self.current_is_error):
            self.current, self.current_is_error = line, error
            self._repaint()
        if line is None:
            self._line_shown = None
        elif scroll:
            self.reveal_line(line)

    def mark_breakpoints(self, lines: frozenset[int]) -> None:
        """Put dots at these lines."""
        if lines != self.breakpoints:
            self.breakpoints = lines
            self._repaint()

    @property
    def caret_line(self) -> int:
        """The line the caret is in."""
        return self.textCursor().blockNumber() + 1

    @property
    def selected_text(self) -> str:
        """The selected text as the program has it."""
        selected = self.textCursor().selectedText()
        return self.document_shown.stand_ins.written(selected) if self.document_shown is not None else selected

    def find_text(self, text: str, flag: QTextDocument.FindFlag) -> bool:
        """Select the next (or last) place of this text of the program; True if there is one."""
        shown = self.document_shown.stand_ins.shown(text) if self.document_shown is not None else text
        return self.find(shown, flag)

    def go_to_line(self, line: int) -> None:
        """Put the caret at the start of a line and bring it into sight."""
        block = self.document().findBlockByNumber(line - 1)
        if block.isValid():
            self.setTextCursor(QTextCursor(block))
            self.reveal_line(line)

    def reveal_line(self, line: int) -> None:
        """Scroll as little as needed to have ``line`` and its neighbours in sight, and keep it so in other sizes."""
        self._line_shown, self._scrolled = line, False
        bar = self.verticalScrollBar()
        height = self.viewport().height()
        if line <= bar.value() + 1:
            bar.setValue(max(self._first_with(line, height), line - 1 - NEIGHBOURS, 0))
        else:
            bar.setValue(max(self._first_with(line, height - NEIGHBOURS * self._pitch()), bar.value()))

    def _first_with(self, line: int, room: float) -> int:
        """The first line (from 0) of those that go into so much room, ``line`` being the last of them."""
        # Cells leave room for their headers, so lines are not equally high: fill from below.
        block = self.document().findBlockByNumber(line - 1)
        while block.isValid() and room >= (height := self.blockBoundingRect(block).height()):
            room -= height
            block = block.previous()
        return min(block.blockNumber() + 1, line - 1)

    def restyle(self) -> None:
        """Take fonts and colours of the current theme."""
        colors = theme.current()
        palette = self.palette()
        palette.setColor(palette.ColorRole.WindowText, colors.link)
        palette.setColor(palette.ColorRole.Window, colors.editor)
        self.cell_header.setPalette(palette)
        if self._highlighter is not None:
            self._highlighter.restyle()
        self._repaint()

    # Editing

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Undo and redo go through the document, which keeps its cells; Enter and Tab know of indentation."""
        document = self.document_shown
        self._scrolled = True
        if event.key() == Qt.Key.Key_Escape:
            self._set_typing(False)
        elif _types(event):
            self._set_typing(True)
        if document is None or self.isReadOnly():
            super().keyPressEvent(event)
        elif event.matches(_Standard.Undo):
            self.undo_edit()
        elif event.matches(_Standard.Redo):
            self.redo_edit()
        elif event.matches(_Standard.InsertParagraphSeparator) or event.matches(_Standard.InsertLineSeparator):
            self._new_line()
        elif event.key() == Qt.Key.Key_Tab and not event.modifiers():
            self._indent()
        elif event.key() == Qt.Key.Key_Backtab:
            self._shift_lines(-INDENT)
        else:
            super().keyPressEvent(event)

    def undo_edit(self) -> None:
        """Take back the last edit."""
        if self.document_shown is not None:
            self.setTextCursor(self.document_shown.undo(self.textCursor()))

    def redo_edit(self) -> None:
        """Do again what was taken back."""
        if self.document_shown is not None:
            self.setTextCursor(self.document_shown.redo(self.textCursor()))

    def createMimeDataFromSelection(self) -> QMimeData:
        """What is copied: the selected text as the program has it."""
        copied = QMimeData()
        copied.setText(self.selected_text)
        return copied

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        """Text can be pasted and dropped; files are for the window to open."""
        return source.hasText() and not local_files(source)

    def insertFromMimeData(self, source: QMimeData) -> None:
        """Paste, or take dropped text."""
        self._set_typing(True)
        if self.document_shown is not None and not self.isReadOnly() and source.hasText():
            self.textCursor().insertText(self.document_shown.stand_ins.shown(source.text()))
            self.ensureCursorVisible()

    def _new_line(self) -> None:
        cursor = self.textCursor()
        before = cursor.block().text()[: cursor.positionInBlock()]
        indent = before[: len(before) - len(before.lstrip())]
        if before.rstrip().endswith(":"):
            indent += " " * INDENT
        cursor.insertText("\n" + indent)
        self.ensureCursorVisible()

    def _indent(self) -> None:
        cursor = self.textCursor()
        if cursor.hasSelection():
            self._shift_lines(INDENT)
        else:
            cursor.insertText(" " * (INDENT - cursor.positionInBlock() % INDENT))

    def _shift_lines(self, columns: int) -> None:
        cursor = self.textCursor()
        first = self.document().findBlock(cursor.selectionStart()).blockNumber()
        last = self.document().findBlock(cursor.selectionEnd()).blockNumber()
        cursor.beginEditBlock()
        for number in range(first, last + 1):
            block = self.document().findBlockByNumber(number)
            edit = QTextCursor(block)
            if columns > 0:
                edit.insertText(" " * columns)
            else:
                spaces = len(block.text()) - len(block.text().lstrip(" "))
                for _ in range(min(spaces, -columns)):
                    edit.deleteChar()
        cursor.endEditBlock()

    # Who gets the Tab key

    def _set_typing(self, typing: bool) -> None:
        """Tab is the text's while the person types or has clicked here, and travels on otherwise."""
        self.setTabChangesFocus(not typing)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Who comes by the keyboard goes on by it."""
        super().focusInEvent(event)
        if event.reason() not in _STAYS:
            self._set_typing(False)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click is meant for the text."""
        super().mousePressEvent(event)
        self._set_typing(True)

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        """Text that is composed is typed."""
        self._set_typing(True)
        super().inputMethodEvent(event)

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        """The bands behind marked lines, the text, the cell headers."""
        painter = QPainter(self.viewport())
        right = self.viewport().width()
        for block, top in self.visible_blocks():
            band = self.band_color(block.blockNumber() + 1)
            if band is not None:
                painter.fillRect(self.band(top, right), band)
        painter.end()
        super().paintEvent(event)
        self._paint_headers()

    def _paint_headers(self) -> None:
        titles = self._titles()
        if not titles:
            return
        painter = QPainter(self.viewport())
        painter.setFont(theme.mono_font(weight=QFont.Weight.Bold))
        painter.setPen(theme.current().link)
        for block, top in self.visible_blocks():
            title = titles.get(block.blockNumber() + 1)
            if title is not None and block.blockNumber() > 0:
                y = top - LINE_GAP / 2 - HEADER_HEIGHT
                rect = QRectF(0, y, self.viewport().width(), HEADER_HEIGHT)
                painter.drawText(rect.translated(2, 0), Qt.AlignmentFlag.AlignVCenter, title)
        painter.end()

    # Geometry

    def line_at(self, y: int) -> int | None:
        """The line at a height of the margin, None below the last one."""
        for block, top in self.visible_blocks():
            if self.band(top, 1).top() <= y < self.band(top, 1).bottom():
                return block.blockNumber() + 1
        return None

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The margin is as high as the editor; the line that was shown stays in sight."""
        line = self._line_shown
        keep = line is not None and (not self._scrolled or self._in_sight(line, event.oldSize().height()))
        super().resizeEvent(event)
        self._place_margin()
        if line is not None and keep:
            self.reveal_line(line)

    def _in_sight(self, line: int, height: int) -> bool:
        return any(block.blockNumber() + 1 == line for block, top in self.visible_blocks() if top < height)

    @Slot()
    def _on_scrolled(self) -> None:
        self._scrolled = True

    def changeEvent(self, event: QEvent) -> None:
        """Show as read-only or not."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.ReadOnlyChange:
            self._repaint()

    def visible_blocks(self) -> list[tuple[QTextBlock, float]]:
        """The lines in sight, and where their tops are in the viewport."""
        result = []
        block = self.firstVisibleBlock()
        top = self.blockBoundingGeometry(block).translated(self.contentOffset()).top()
        while block.isValid() and top <= self.viewport().height():
            result.append((block, top))
            top += self.blockBoundingRect(block).height()
            block = block.next()
        return result

    def _pitch(self) -> float:
        return QFontMetricsF(self.font()).lineSpacing() + LINE_GAP

    def band(self, top: float, width: int) -> QRectF:
        """The stripe of a line, ``width`` wide."""
        return QRectF(0, top - LINE_GAP / 2, width, self._pitch())

    def band_color(self, line: int) -> QColor | None:
        """What a marked line is set off with."""
        colors = theme.current()
        if line == self.current:
            return theme.mix(colors.editor, colors.error, 0.22) if self.current_is_error else colors.editor_current
        if line in self.breakpoints:
            return colors.editor_breakpoint
        return None

    def _titles(self) -> dict[int, str]:
        document = self.document_shown
        if document is None:
            return {}
        return {cell.first_line: cell.title for cell in document.cells}

    @Slot()
    def _cells_changed(self) -> None:
        self._place_margin()
        self._repaint()

    @Slot()
    def _place_margin(self) -> None:
        width = self.margin.sizeHint().width()
        top = HEADER_HEIGHT if self._titles() else LINE_GAP
        self.setViewportMargins(width, top, 0, 0)
        area = self.contentsRect()
        self.margin.setGeometry(QRect(area.left(), area.top() + top, width, area.height() - top))
        self.cell_header.setGeometry(QRect(area.left(), area.top(), area.width(), top))
        self.cell_header.setContentsMargins(width + 6, 0, 0, 0)
        self._show_cell_header()

    @Slot(QRect, int)
    def _on_update(self, rect: QRect, scrolled: int) -> None:
        if scrolled:
            self._show_cell_header()
            self.viewport().update()  # bands and headers reach beyond the lines that Qt repaints
        self.margin.update()

    def _show_cell_header(self) -> None:
        # The first cell's header has no line above it to lend it room. It stands at the top, and names the
        # cell in sight while the text scrolls.
        titles = self._titles()
        first = self.firstVisibleBlock().blockNumber() + 1
        above = [line for line in titles if line <= first]
        self.cell_header.setText(titles[max(above)] if above else "")

    def _repaint(self) -> None:
        self.viewport().update()
        self.margin.update()


def _types(event: QKeyEvent) -> bool:
    """Does the key write or delete?"""
    modifiers = event.modifiers()
    command = modifiers & Qt.KeyboardModifier.ControlModifier and not modifiers & Qt.KeyboardModifier.AltModifier
    return event.key() in _TYPED or bool(event.text() and event.text().isprintable() and not command)
