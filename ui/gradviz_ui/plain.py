"""Plain text where Qt guesses: what a trace or a file is called is never read as HTML, a mnemonic or a mark.

Qt's labels, tooltips and message boxes take text that looks like HTML for HTML, and load the pictures it names.
Every tooltip goes through ``tip``, every label is made by ``plain_label`` or one of its kind, every message box
by ``plain_box``; a test of the house looks for others.
"""

from __future__ import annotations

from html import escape

from PySide6.QtGui import Qt
from PySide6.QtWidgets import QLabel, QMessageBox, QWidget

from gradviz.plain import clipped, harmless_lines

LONGEST_TIP = 1200
"""Characters of a tooltip; a printed text may have millions."""
MOST_LINES = 30
LONGEST_TITLE = 200


def tip(text: str) -> str:
    """``text`` for a tooltip or a ``ToolTipRole``: shown as it is written, lines kept, and not without end."""
    lines = harmless_lines(text[: LONGEST_TIP + 1]).split("\n")
    shown = "\n".join(lines[:MOST_LINES])
    if len(text) > LONGEST_TIP or len(lines) > MOST_LINES:
        shown = f"{shown[:LONGEST_TIP]}…"
    if Qt.mightBeRichText(shown):
        return f"<p style='white-space: pre-wrap'>{escape(shown)}</p>"
    return shown


def unmarked(text: str) -> str:
    """``text`` for an action, a button or a tab, where a single ``&`` would underline a letter."""
    return text.replace("&", "&&")


def window_title(text: str) -> str:
    """``text`` for a window's title, where ``[*]`` would stand for unsaved edits."""
    return clipped(text, LONGEST_TITLE).replace("[*]", "[*][*]")


def plain_label(text: str = "", parent: QWidget | None = None) -> QLabel:
    """A label that shows its text as it is."""
    label = QLabel(parent)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setText(text)
    return label


def plain_box(parent: QWidget | None) -> QMessageBox:
    """A message box that shows its texts as they are."""
    box = QMessageBox(parent)
    box.setTextFormat(Qt.TextFormat.PlainText)
    return box
