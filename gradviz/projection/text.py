"""How wide text is, without Qt: boxes have one size on the screen, in a file and in a test.

The widths are those of the fonts that ship with gradviz (Inter SemiBold and Regular, DejaVu Sans Mono),
in thousandths of the font size.
"""

from __future__ import annotations

from functools import lru_cache

from gradviz.plain import harmless

TITLE_SIZE = 13
NAME_SIZE = 15
SMALL_SIZE = 12
MONO_SIZE = 11
BADGE_SIZE = 11

# fmt: off
_SEMIBOLD = (
    248, 309, 396, 643, 649, 844, 663, 213, 393, 393, 543, 673, 295, 466, 290, 379,  # space to /
    667, 481, 621, 652, 666, 632, 648, 587, 646, 648, 290, 295, 673, 673, 673, 544,  # 0 to ?
    999, 724, 657, 744, 724, 608, 586, 755, 744, 275, 561, 677, 566, 906, 741, 775,  # @ to O
    643, 776, 651, 649, 660, 734, 724, 1007, 690, 705, 653, 393, 379, 393, 481, 468,  # P to _
    497, 575, 630, 577, 630, 593, 377, 625, 613, 261, 261, 569, 261, 898, 610, 608,  # ` to o
    625, 625, 397, 549, 380, 608, 576, 837, 562, 576, 562, 393, 358, 393, 673,  # p to ~
)
# fmt: on
_WIDE = 1000
"""Any character that is not ASCII: as wide as a Chinese one."""
_REGULAR_SHARE = 0.97
_MONO = 602.05
_KEPT = 4096
"""So many texts' widths are remembered: the names of operations come again and again."""


@lru_cache(_KEPT)
def title_width(text: str, size: float = TITLE_SIZE) -> float:
    """The width of text in the bold interface font, in pixels."""
    widths = (_SEMIBOLD[ord(c) - 32] if " " <= c <= "~" else _WIDE for c in text)
    return sum(widths) * size / 1000


def small_width(text: str) -> float:
    """The width of text in the small interface font."""
    return title_width(text, SMALL_SIZE) * _REGULAR_SHARE


def mono_width(text: str) -> float:
    """The width of text in the monospaced font; East Asian characters are twice as wide."""
    if text.isascii():
        return len(text) * _MONO * MONO_SIZE / 1000
    cells = sum(2 if ord(c) >= 0x1100 and not 0x2000 <= ord(c) < 0x2600 else 1 for c in text)
    return cells * _MONO * MONO_SIZE / 1000


def shortened(text: str, length: int) -> str:
    """At most ``length`` characters, the middle left out: both ends of a path or name tell it apart.

    One line, and nothing that XML, and so an SVG file, cannot hold.
    """
    text = harmless(text if len(text) <= 2 * length else text[:length] + text[-length:])
    if len(text) <= length:
        return text
    head = (length - 1) // 2
    return f"{text[:head]}…{text[len(text) - (length - 1 - head) :]}"
