"""Numbers and shapes as short text, the same on the canvas, in the panels and in exported pictures."""

from __future__ import annotations

import math

import numpy as np


def norm_text(value: float | None) -> str:
    """A norm in few characters: ``22.63``, ``4.47``, ``0.231``, ``3.1e-5``, ``1.2e6``; ``–`` for none."""
    if value is None:
        return "–"
    if not math.isfinite(value):
        return number_text(value)
    size = abs(value)
    if size == 0:
        return "0"
    if size < 0.001 or size >= 100_000:
        return _short_exponent(f"{value:.1e}")
    if size < 1:
        return f"{value:.3f}"
    return f"{value:.2f}" if size < 1000 else f"{value:.0f}"


def number_text(value: float | complex, digits: int = 4) -> str:
    """One number to ``digits`` significant digits and no idle zeros: ``4``, ``-0.077``, ``1e-7``, ``nan``."""
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
    return _short_exponent(f"{value:.{digits}g}")


def shape_text(shape: tuple[int, ...] | None) -> str:
    """A shape as Python writes the tuple: ``()``, ``(3,)``, ``(5, 4)``; ``?`` where it is not known."""
    return "?" if shape is None else str(tuple(shape))


def index_text(index: tuple[int, ...]) -> str:
    """An element's place as a program would write it: ``[0, 2]``; nothing for a scalar."""
    return f"[{', '.join(map(str, index))}]" if index else ""


def _short_exponent(text: str) -> str:
    return text.replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
