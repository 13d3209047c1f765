"""The numbers of ``arange`` and ``linspace``, rounded as PyTorch's CPU kernels round them.

Source: aten/src/ATen/native/cpu/RangeFactoriesKernel.cpp of PyTorch 2.13, AVX2: the compiler makes one fused
multiply-add, which rounds once, of each ``start + step * place``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

VECTOR = 32
"""Bytes of a vector register."""

_HALVES = 2.0**27 + 1
"""Multiplying by it splits a float64 into two halves of 26 bits (Dekker)."""


def multiplied_and_added(a: Array, b: Array, c: Any) -> Array:
    """``a * b + c`` in float64 with one rounding; with two where the numbers are too large to be split."""
    with np.errstate(over="ignore", invalid="ignore"):
        product = a * b
        total = product + c
        a_high, b_high = _upper(a), _upper(b)
        a_low, b_low = a - a_high, b - b_high
        lost = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
        taken = total - product
        lost_too = (product - (total - taken)) + (c - taken)
        exact = total + (lost + lost_too)
    return np.where(np.isfinite(exact), exact, total)


def _upper(a: Array) -> Array:
    shifted = a * _HALVES
    return np.asarray(shifted - (shifted - a))


def stepped(start: float, step: float, count: int, kind: np.dtype[Any]) -> Array:
    """``count`` numbers from ``start`` on.

    Pairs of whole vectors begin with a number that is rounded to ``kind``, and go on from that one; the rest are
    computed one by one.
    """
    places = np.arange(count, dtype=np.float64)
    result = _fused(start, step, places).astype(kind)
    lanes = VECTOR // kind.itemsize
    whole = count - count % (2 * lanes)
    if kind in (np.float32, np.float64) and whole:
        first = np.repeat(result[:whole:lanes].astype(np.float64), lanes)
        lane = np.tile(places[:lanes], whole // lanes)
        result[:whole] = multiplied_and_added(lane, np.full(whole, step), first)
    return result


def spaced(start: Any, end: Any, count: int, kind: np.dtype[Any]) -> Array:
    """``count`` numbers from ``start`` to ``end``; the second half counts back from the end."""
    if count == 1:
        return np.array([start], kind)
    work = kind if kind.kind in "fc" else np.dtype(np.float64)
    first, last = work.type(start), work.type(end)
    step = (last - first) / work.type(max(count - 1, 1))
    places = np.arange(count)
    ahead, back = _fused(first, step, places), _fused(last, -step, count - 1 - places)
    return np.where(places < count // 2, ahead, back).astype(kind)


def _fused(start: Any, step: Any, places: Array) -> Array:
    """Each place's number. A product of two float32 is exact in float64."""
    if isinstance(start, np.complexfloating) or isinstance(step, np.complexfloating):
        return np.asarray(start + step * places)
    return multiplied_and_added(np.full(places.shape, step, np.float64), places.astype(np.float64), np.float64(start))
