"""Numbers and shapes as short text, the same on the canvas, in the panels and in exported pictures.

How they are written is one choice for the whole program, as its colours are: the window makes it from the
person's settings with `write_as`, everything that shows a number asks here. What programs read (``gradviz
events``, ``info --json``) and what is copied from a table does not depend on it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

LEAD = 2
"""Significant digits that `number_text` has over the decimals."""
EXACT = 8
"""More digits than these are not for looking at but for reading off."""


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """``decimals`` of a norm from 1 on (one more below 1; other numbers have as many significant digits as
    norms around 10). Numbers below ``10**exponent_below`` and from ``10**exponent_from`` have an exponent."""

    decimals: int = 2
    exponent_below: int = -3
    exponent_from: int = 5

    def has_exponent(self, size: float) -> bool:
        """Is a number of this size, not 0, written with an exponent?"""
        return size < 10.0**self.exponent_below or size >= 10.0**self.exponent_from


_format = NumberFormat()


def write_as(format: NumberFormat) -> None:
    """Write numbers so from now on; who shows some already has to ask again."""
    global _format
    _format = format


def norm_text(value: float | None) -> str:
    """A norm in few characters: ``22.63``, ``4.47``, ``0.231``, ``3.1e-5``, ``1.2e6``; ``–`` for none."""
    if value is None:
        return "–"
    if not math.isfinite(value):
        return number_text(value)
    size, decimals = abs(value), _format.decimals
    if size == 0:
        return "0"
    if _format.has_exponent(size):
        return _short_exponent(f"{value:.{max(decimals - 1, 0)}e}")
    if size < 1:
        return f"{value:.{decimals + 1}f}"
    return f"{value:.{decimals}f}" if size < 1000 else f"{value:.0f}"


def number_text(value: float | complex, digits: int | None = None) -> str:
    """One number without idle zeros: ``4``, ``-0.077``, ``1e-7``, ``nan``.

    It has as many significant digits as the person wants, at most ``digits`` where there is little room;
    more than `EXACT` are kept.
    """
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, complex | np.complexfloating):
        imaginary = number_text(abs(value.imag), digits)
        return f"{number_text(value.real, digits)}{'-' if value.imag < 0 else '+'}{imaginary}j"
    if isinstance(value, int | np.integer):
        return str(int(value))
    value = float(value)
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    wanted = _format.decimals + LEAD
    digits = wanted if digits is None else digits if digits > EXACT else min(digits, wanted)
    scientific = f"{value:.{digits - 1}e}"
    if _format.has_exponent(abs(value)):
        mantissa, _, power = scientific.partition("e")
        return _short_exponent(f"{_bare(mantissa)}e{power}")
    return _bare(f"{value:.{max(digits - 1 - int(scientific.partition('e')[2]), 0)}f}")


def shape_text(shape: tuple[int, ...] | None) -> str:
    """A shape as Python writes the tuple: ``()``, ``(3,)``, ``(5, 4)``; ``?`` where it is not known."""
    return "?" if shape is None else str(tuple(shape))


def index_text(index: tuple[int, ...]) -> str:
    """An element's place as a program would write it: ``[0, 2]``; nothing for a scalar."""
    return f"[{', '.join(map(str, index))}]" if index else ""


def _bare(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _short_exponent(text: str) -> str:
    return text.replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
