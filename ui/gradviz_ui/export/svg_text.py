"""Text in SVG files: drawn as outlines, the same in every viewer, and once more as text that can be found.

Not every viewer has gradviz's fonts, and not all that lack them keep to ``textLength`` (librsvg does not).
"""

from __future__ import annotations

import re
from html import unescape

from PySide6.QtGui import QFont, QFontMetricsF, QPainterPath

_TEXT = re.compile(
    r'<text (?P<attributes>[^>]*font-family="(?P<families>[^"]*)" font-size="(?P<size>[\d.]+)" '
    r'font-weight="(?P<weight>\d+)"[^>]*)>(?P<text>[^<]*)</text>'
)
_NUMBER = {name: re.compile(rf'\b{name}="(-?[\d.]+)"') for name in ("x", "y")}
_FILL = re.compile(r'fill="(?P<color>[^"]*)" fill-opacity="(?P<opacity>[^"]*)"')


def draw_texts(svg: str) -> str:
    """Put outlines before every text of Qt's SVG, and leave the text, unseen and as wide, for searching."""
    return _TEXT.sub(_drawn, svg)


def _drawn(match: re.Match[str]) -> str:
    families, attributes, text = match["families"], match["attributes"], unescape(match["text"])
    font = QFont(families.split(","))
    font.setPixelSize(round(float(match["size"])))
    font.setWeight(QFont.Weight(int(match["weight"])))
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    width = QFontMetricsF(font).horizontalAdvance(text)
    outlines = QPainterPath()
    outlines.addText(_number("x", attributes), _number("y", attributes), font, text)
    fill = _FILL.search(attributes)
    color = f' fill="{fill["color"]}" fill-opacity="{fill["opacity"]}"' if fill else ""
    if not families.endswith(("serif", "monospace")):
        attributes = attributes.replace(families, f"{families},sans-serif", 1)
    attributes = _FILL.sub('fill="none"', attributes)
    length = f'textLength="{width:.2f}" lengthAdjust="spacingAndGlyphs" ' if width else ""
    path = f'<path{color} stroke="none" fill-rule="nonzero" d="{_path_data(outlines)}"/>'
    return f"{path}\n<text {length}{attributes}>{match['text']}</text>"


def _number(name: str, attributes: str) -> float:
    found = _NUMBER[name].search(attributes)
    return float(found[1]) if found else 0.0


def _path_data(path: QPainterPath) -> str:
    """A path in SVG's letters."""
    letters = {
        QPainterPath.ElementType.MoveToElement: "M",
        QPainterPath.ElementType.LineToElement: "L",
        QPainterPath.ElementType.CurveToElement: "C",
        QPainterPath.ElementType.CurveToDataElement: "",
    }
    elements = (path.elementAt(at) for at in range(path.elementCount()))
    return " ".join(f"{letters[each.type]}{each.x:.2f} {each.y:.2f}" for each in elements)
