"""Text in SVG files: as text, and as wide as it is here, whatever font the viewer has."""

from __future__ import annotations

import re
from html import unescape

from PySide6.QtGui import QFont, QFontMetricsF

_TEXT = re.compile(
    r'<text (?P<attributes>[^>]*font-family="(?P<families>[^"]*)" font-size="(?P<size>[\d.]+)" '
    r'font-weight="(?P<weight>\d+)"[^>]*)>(?P<text>[^<]*)</text>'
)


def fix_widths(svg: str) -> str:
    """Give every text of Qt's SVG the length it has in gradviz's own fonts, and every family a last resort.

    A viewer without these fonts then squeezes or stretches its own into the same place.
    """
    return _TEXT.sub(_fixed, svg)


def _fixed(match: re.Match[str]) -> str:
    families = match["families"]
    font = QFont(families.split(","))
    font.setPixelSize(round(float(match["size"])))
    font.setWeight(QFont.Weight(int(match["weight"])))
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    width = QFontMetricsF(font).horizontalAdvance(unescape(match["text"]))
    attributes = match["attributes"]
    if not families.endswith(("serif", "monospace")):
        attributes = attributes.replace(families, f"{families},sans-serif", 1)
    length = f'textLength="{width:.2f}" lengthAdjust="spacingAndGlyphs" ' if width else ""
    return f"<text {length}{attributes}>{match['text']}</text>"
