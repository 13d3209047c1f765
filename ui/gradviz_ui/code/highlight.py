"""Colours for the program's text, from the theme."""

from __future__ import annotations

from PySide6.QtGui import QColor, QFont, QSyntaxHighlighter, QTextCharFormat, QTextDocument

from gradviz_ui import theme
from gradviz_ui.code.lexing import state_after, tokens


class Highlighter(QSyntaxHighlighter):
    """Colours one line at a time as Qt asks for it."""

    def __init__(self, document: QTextDocument) -> None:
        super().__init__(document)
        self._formats = _formats()

    def restyle(self) -> None:
        """Take the colours of the current theme."""
        self._formats = _formats()
        self.rehighlight()

    def highlightBlock(self, text: str) -> None:
        """Called by Qt for each line that needs it."""
        state = max(self.previousBlockState(), 0)
        for start, end, kind in tokens(text, state):
            self.setFormat(start, end - start, self._formats[kind])
        self.setCurrentBlockState(int(state_after(text, state)))


def _formats() -> dict[str, QTextCharFormat]:
    colors = theme.current()
    roles: dict[str, QColor] = {
        "keyword": colors.syntax_keyword,
        "builtin": colors.syntax_builtin,
        "function": colors.syntax_function,
        "string": colors.syntax_string,
        "number": colors.syntax_number,
        "comment": colors.syntax_comment,
        "operator": colors.syntax_operator,
        "decorator": colors.syntax_decorator,
    }
    result = {}
    for kind, color in roles.items():
        result[kind] = QTextCharFormat()
        result[kind].setForeground(color)
    result["comment"].setFontItalic(True)
    result["keyword"].setFontWeight(QFont.Weight.Normal)
    return result
