"""Room between the lines of the editor, and above each notebook cell for its header."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QRectF
from PySide6.QtGui import QTextBlock, QTextDocument
from PySide6.QtWidgets import QPlainTextDocumentLayout

LINE_GAP = 6
HEADER_HEIGHT = 24


class TextLayout(QPlainTextDocumentLayout):
    """Lays out plain text with a gap below each line, a larger one before a cell.

    Qt's plain text layout knows no line height and no space above a paragraph. It does ask this function for
    the height of each line, so the space is added there, below a line. What needs to look centred between
    the gaps is painted half a gap higher.
    """

    def __init__(self, document: QTextDocument) -> None:
        super().__init__(document)
        self._before_header: frozenset[int] = frozenset()

    def set_cell_lines(self, lines: Iterable[int]) -> None:
        """The lines (from 1) at which cells begin."""
        before = frozenset(line - 2 for line in lines if line > 1)
        if before != self._before_header:
            self._before_header = before
            self.requestUpdate()
            self.documentSizeChanged.emit(self.documentSize())

    def blockBoundingRect(self, block: QTextBlock) -> QRectF:
        """The line's rectangle with the gap below it."""
        rect = super().blockBoundingRect(block)
        if not block.isVisible():
            return rect
        gap = LINE_GAP + (HEADER_HEIGHT if block.blockNumber() in self._before_header else 0)
        return rect.adjusted(0, 0, 0, gap)
