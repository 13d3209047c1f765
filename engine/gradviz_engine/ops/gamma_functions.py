"""The gamma function's relatives and Bessel functions in numpy: lgamma, digamma, polygamma, zeta, i0, i1.

Asymptotic series after shifting the argument upwards: DLMF 5.11.1 (lgamma), 5.11.2 (digamma), 25.11.43 with
Euler-Maclaurin (zeta); reflection: DLMF 5.5.3 and 5.5.4. Bessel functions: the power series 10.25.2 and, for
large arguments, 10.40.1.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330)
"""B₂, B₄ ... B₂₀."""

_SHIFT = 12


def _in_float64(x: Array, function: Any) -> Array:
    result = function(np.atleast_1d(x).astype(np.float64))
    return result.reshape(x.shape).astype(x.dtype if x.dtype.kind == "f" else np.float64, copy=False)


def _lgamma_positive(x: Array) -> Array:
    """``log Γ(x)`` for x > 0."""
    low = x < _SHIFT
    factor = np.ones_like(x)
    shifted = x.copy()
    for _ in range(_SHIFT):
        factor = np.where(shifted < _SHIFT, factor * shifted, factor)
        shifted = np.where(shifted < _SHIFT, shifted + 1, shifted)
    result = (shifted - 0.5) * np.log(shifted) - shifted + 0.5 * math.log(2 * math.pi)
    for k, b in enumerate(_BERNOULLI[:8], start=1):
        result += b / (2 * k * (2 * k - 1) * shifted ** (2 * k - 1))
    return np.where(low, result - np.log(factor), result)


def _lgamma(x: Array) -> Array:
    result = np.empty_like(x)
    positive = x > 0
    result[positive] = _lgamma_positive(x[positive])
    below = x[~positive]
    reflected = math.log(math.pi) - np.log(np.abs(np.sin(math.pi * (below - np.floor(below)))))
    result[~positive] = np.where(below == np.floor(below), np.inf, reflected - _lgamma_positive(1 - below))
    return np.where(np.isinf(x), np.inf, result)


def _digamma_positive(x: Array) -> Array:
    total = np.zeros_like(x)
    shifted = x.copy()
    for _ in range(_SHIFT):
        small = shifted < _SHIFT
        total = np.where(small, total - 1 / shifted, total)
        shifted = np.where(small, shifted + 1, shifted)
    total += np.log(shifted) - 0.5 / shifted
    for k, b in enumerate(_BERNOULLI[:8], start=1):
        total -= b / (2 * k * shifted ** (2 * k))
    return total


def _digamma(x: Array) -> Array:
    result = np.empty_like(x)
    positive = x > 0
    result[positive] = _digamma_positive(x[positive])
    below = x[~positive]
    fraction = below - np.floor(below)
    reflected = _digamma_positive(1 - below) - math.pi / np.tan(math.pi * fraction)
    poles = np.where(below == 0, np.copysign(np.inf, -below), np.nan)
    result[~positive] = np.where(fraction == 0, poles, reflected)
    return result


def _zeta(s: Array, q: Array) -> Array:
    """Hurwitz zeta: at least nine terms one by one, the rest by Euler-Maclaurin (Cephes' zeta.c has the plan)."""
    s, q = np.broadcast_arrays(s, q)
    total = q ** (-s)
    a = q.copy()
    count = 0
    while count < _SHIFT or (np.isfinite(a) & (a <= _SHIFT)).any():
        count += 1
        open_ = (a <= _SHIFT) | (count <= _SHIFT)
        a = np.where(open_, a + 1, a)
        total = np.where(open_, total + a ** (-s), total)
    total += a ** (1 - s) / (s - 1) - 0.5 * a ** (-s)
    rising, power = s.copy(), a ** (-s - 1)
    factorial = 2.0
    for k, b in enumerate(_BERNOULLI, start=1):
        total += b / factorial * rising * power
        rising = rising * (s + 2 * k - 1) * (s + 2 * k)
        power = power / (a * a)
        factorial *= (2 * k + 1) * (2 * k + 2)
    pole = (q <= 0) & (q == np.floor(q))
    undefined = (s < 1) | ((q <= 0) & (s != np.floor(s)))
    return np.where(s == 1, np.inf, np.where(undefined, np.nan, np.where(pole, np.inf, total)))


def lgamma(x: Array) -> Array:
    return _in_float64(x, _lgamma)


def digamma(x: Array) -> Array:
    return _in_float64(x, _digamma)


def zeta(s: Array, q: Array) -> Array:
    kind = np.result_type(s, q)
    return np.asarray(_zeta(np.asarray(s, np.float64), np.asarray(q, np.float64)), kind)


def polygamma(x: Array, n: int) -> Array:
    """The ``n``-th derivative of digamma."""
    if n == 0:
        return digamma(x)
    if n == 1:
        return _in_float64(x, _trigamma)
    factor = (-1.0) ** (n + 1) * math.factorial(n)
    return _in_float64(x, lambda v: factor * _zeta(np.full_like(v, n + 1.0), v))


def _trigamma(x: Array) -> Array:
    low = x < 0.5
    value = _zeta(np.full_like(x, 2.0), np.where(low, 1 - x, x))
    return np.where(low, (math.pi / np.sin(math.pi * x)) ** 2 - value, value)


def _bessel_scaled(x: Array, order: int) -> Array:
    """``exp(-|x|) · I_order(x)``."""
    size = np.abs(x)
    result = np.empty_like(size)
    near = ~(size > 30)
    result[near] = _bessel_series(size[near], order) * np.exp(-size[near])
    result[~near] = _bessel_asymptotic(size[~near], order)
    return np.where(x < 0, -result, result) if order % 2 else result


def _bessel_series(x: Array, order: int) -> Array:
    """Positive terms only, so nothing cancels; 80 of them suffice up to 30."""
    quarter = x * x / 4
    term = (x / 2) ** order / math.factorial(order)
    total = term.copy()
    for k in range(1, 81):
        term = term * quarter / (k * (k + order))
        total += term
    return total


def _bessel_asymptotic(x: Array, order: int) -> Array:
    term = np.ones_like(x)
    total = term.copy()
    for k in range(1, 21):
        term = -term * (4 * order * order - (2 * k - 1) ** 2) / (8 * k * x)
        total += term
    return np.where(np.isinf(x), 0.0, total / np.sqrt(2 * math.pi * x))


def i0e(x: Array) -> Array:
    return _in_float64(x, lambda v: _bessel_scaled(v, 0))


def i1e(x: Array) -> Array:
    return _in_float64(x, lambda v: _bessel_scaled(v, 1))


def i0(x: Array) -> Array:
    return _in_float64(x, lambda v: np.exp(np.abs(v)) * _bessel_scaled(v, 0))


def i1(x: Array) -> Array:
    return _in_float64(x, lambda v: np.exp(np.abs(v)) * _bessel_scaled(v, 1))
