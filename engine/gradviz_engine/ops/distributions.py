"""Arrays of random numbers from a generator's bits, by PyTorch's own transforms on the CPU.

Integers and uniforms come out bit for bit; normals of float32 too, since the polynomials of PyTorch's AVX2 code
are evaluated here step by step with the same fused rounding.
Sources: ATen/core/TransformationHelper.h, ATen/native/cpu/DistributionTemplates.h and avx_mathfun.h (Cephes, by
J. Pommier and G. Garberoglio) of PyTorch 2.13.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz_engine.generator import Generator

Array = np.ndarray[Any, Any]
_F32 = np.float32


# Uniform --------------------------------------------------------------------------------------------------


def unit(generator: Generator, count: int, dtype: np.dtype[Any]) -> Array:
    """``count`` numbers in [0, 1): 24 random bits for float32 (and float16), 53 for float64."""
    if dtype == np.float64:
        bits = generator.double_words(count) & np.uint64((1 << 53) - 1)
        return bits.astype(np.float64) * 2.0**-53
    bits = generator.words(count) & np.uint64((1 << 24) - 1)
    return bits.astype(_F32) * _F32(2.0**-24)


def uniform(generator: Generator, count: int, dtype: np.dtype[Any], low: float, high: float) -> Array:
    """``count`` numbers in [low, high)."""
    values = unit(generator, count, dtype)
    if (low, high) != (0.0, 1.0):
        kind = values.dtype.type
        values = fused(values, kind(kind(high) - kind(low)), kind(low))
    result = values.astype(dtype, copy=False)
    if dtype.itemsize < 4 or (low, high) != (0.0, 1.0):
        result = np.where(result == dtype.type(high), dtype.type(low), result)
    return result


def fused(a: Array, b: Any, c: Any) -> Array:
    """``a * b + c`` rounded once, as a fused multiply-add does it.

    A float32 product is exact in float64. In float64 the rounding error of the product is found by Dekker's
    splitting and added at the end.
    """
    if a.dtype == _F32:
        return (a.astype(np.float64) * b + c).astype(_F32)
    product = a * b
    high_a, high_b = _upper_half(a), _upper_half(np.asarray(b))
    low_a, low_b = a - high_a, b - high_b
    error = ((high_a * high_b - product) + high_a * low_b + low_a * high_b) + low_a * low_b
    total = product + c
    back = total - product
    lost = (product - (total - back)) + (c - back)
    fixed: Array = total + (lost + error)
    return fixed


def libm(function: Callable[[float], float], x: Array) -> Array:
    """``function`` of the C library for every float64: numpy's vectorized one differs in the last place."""
    return np.fromiter(map(function, x.ravel().tolist()), np.float64, x.size).reshape(x.shape)


def _upper_half(x: Array) -> Array:
    scaled = x * 134217729.0  # 2**27 + 1
    half: Array = scaled - (scaled - x)
    return half


# Integers -------------------------------------------------------------------------------------------------


def integers(generator: Generator, count: int, low: int, high: int) -> Array:
    """``count`` int64 in [low, high); ranges from 2**28 on take two words a number."""
    span = high - low
    words = generator.double_words(count) if span >= 1 << 28 else generator.words(count)
    return (words % np.uint64(span)).astype(np.int64) + np.int64(low)


def any_integers(generator: Generator, count: int, dtype: np.dtype[Any]) -> Array:
    """``random_()``: all the numbers from 0 that the dtype holds (floats: that it holds exactly)."""
    if dtype.kind == "b":
        return (generator.words(count) & np.uint64(1)).astype(dtype)
    top = (1 << np.finfo(dtype).nmant + 1) + 1 if dtype.kind == "f" else int(np.iinfo(dtype).max) + 1
    words = generator.double_words(count) if dtype in (np.float64, np.int64) else generator.words(count)
    return (words % np.uint64(top)).astype(dtype)


def permutation(generator: Generator, count: int) -> Array:
    """The numbers below ``count`` in random order: one swap for each place, from the front."""
    order = list(range(count))
    draws = generator.words(max(count - 1, 0)) % np.arange(count, 1, -1, dtype=np.uint64)
    for place, draw in enumerate(draws.tolist()):
        other = place + draw
        order[place], order[other] = order[other], order[place]
    return np.array(order, np.int64)


# Normal ---------------------------------------------------------------------------------------------------


def normal(
    generator: Generator, count: int, dtype: np.dtype[Any], mean: float, std: float, dense: bool = True
) -> Array:
    """``count`` numbers of the normal distribution, by Box and Muller.

    From 16 numbers on PyTorch fills blocks of 16 in the dtype itself; fewer (or a target that is not dense)
    are made one by one in float64, and of each pair the second waits for the next call.
    """
    if count < 16 or not dense:
        return _normal_by_pairs(generator, count, mean, std).astype(dtype)
    working = dtype if dtype == np.float64 else np.dtype(_F32)
    if dtype == working:
        values = unit(generator, count, working)
        whole = count - count % 16
        values[:whole] = _blocks(values[:whole], mean, std)
        if count % 16:
            values[-16:] = _blocks(unit(generator, 16, working), mean, std)
        return values
    whole = count - count % 16
    values = np.empty(count, dtype)
    values[:whole] = _blocks(unit(generator, whole, working), mean, std)
    if count % 16:
        values[-16:] = _blocks(unit(generator, 16, working), mean, std)
    return values


def _normal_by_pairs(generator: Generator, count: int, mean: float, std: float) -> Array:
    waiting = [] if generator.cached_normal is None or count == 0 else [generator.cached_normal]
    missing = count - len(waiting)
    if waiting:
        generator.cached_normal = None
    pairs = (missing + 1) // 2
    uniforms = unit(generator, 2 * pairs, np.dtype(np.float64)).reshape(pairs, 2)
    radius = np.sqrt(-2 * libm(math.log1p, -uniforms[:, 1]))
    angle = 2 * np.pi * uniforms[:, 0]
    both = np.empty((pairs, 2))
    both[:, 0] = radius * libm(math.cos, angle)
    both[:, 1] = radius * libm(math.sin, angle)
    if missing % 2:
        generator.cached_normal = float(both[-1, 1])
    values = np.concatenate([waiting, both.ravel()[:missing]])
    return fused(values, np.float64(std), np.float64(mean))


def _blocks(uniforms: Array, mean: float, std: float) -> Array:
    """Blocks of 16 uniforms to blocks of 16 normals: the first eight are radii, the last eight angles."""
    pairs = uniforms.reshape(-1, 2, 8)
    radii, angles = 1 - pairs[:, 0], pairs[:, 1]
    kind = uniforms.dtype.type
    if kind is _F32:
        radius = np.sqrt(_F32(-2) * _log(radii))
        sine, cosine = _sine_and_cosine(_F32(2 * np.pi) * angles)
    else:
        radius = np.sqrt(-2 * libm(math.log, radii))
        theta = 2 * np.pi * angles
        sine, cosine = libm(math.sin, theta), libm(math.cos, theta)
    result = np.stack([fused(radius * cosine, kind(std), kind(mean)), fused(radius * sine, kind(std), kind(mean))], 1)
    return result.reshape(uniforms.shape)


_LOG = (7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
        -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1)  # fmt: skip
_SIN = (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
_COS = (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
_PI_QUARTERS = (-0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8)


def _polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
    """Horner's rule with fused steps, in float32."""
    value = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value = fused(value, x, _F32(coefficient))
    return value


def _log(x: Array) -> Array:
    """The natural logarithm of positive float32 (Cephes ``logf``)."""
    bits = np.ascontiguousarray(x).view(np.int32)
    exponent = ((bits >> 23) - 126).astype(_F32)
    mantissa = ((bits & 0x007FFFFF) | 0x3F000000).view(_F32)
    small = mantissa < _F32(0.707106781186547524)
    exponent -= small
    part = np.where(small, (mantissa - _F32(1)) + mantissa, mantissa - _F32(1))
    square = part * part
    value = _polynomial(_LOG, part) * part
    value = fused(value, square, exponent * _F32(-2.12194440e-4))
    value = fused(square, _F32(-0.5), value)
    return fused(exponent, _F32(0.693359375), part + value)


def _sine_and_cosine(angle: Array) -> tuple[Array, Array]:
    """Sine and cosine of float32 angles from 0 to 2π (Cephes ``sinf``, ``cosf``)."""
    octant = ((angle * _F32(1.27323954473516)).astype(np.int32) + 1) & ~1
    quarters = octant.astype(_F32)
    for part in _PI_QUARTERS:
        angle = fused(quarters, _F32(part), angle)
    square = angle * angle
    cosine = fused(_polynomial(_COS, square) * square, square, -(square * _F32(0.5))) + _F32(1)
    sine = fused(_polynomial(_SIN, square) * square, angle, angle)
    straight = (octant & 2) == 0
    sine, cosine = np.where(straight, sine, cosine), np.where(straight, cosine, sine)
    return np.where(octant & 4, -sine, sine), np.where((octant - 2) & 4, cosine, -cosine)


# Others ---------------------------------------------------------------------------------------------------
#
# Each takes one float64 uniform a number, whatever the dtype. PyTorch on Intel processors draws bernoulli_(p) and
# exponential_ from a stream of MKL's instead, so that there the numbers of a seed differ from those elsewhere.


def bernoulli(generator: Generator, count: int, p: Any) -> Array:
    """True with probability ``p``: a number, or float64 or float32 probabilities, one for each."""
    single = isinstance(p, np.ndarray) and p.dtype != np.float64
    chosen: Array = unit(generator, count, np.dtype(_F32 if single else np.float64)) < p
    return chosen


def exponential(generator: Generator, count: int, rate: float) -> Array:
    """Waiting times of mean ``1 / rate``, in float64."""
    return (-1.0 / rate) * libm(math.log1p, -unit(generator, count, np.dtype(np.float64)))


def geometric(generator: Generator, count: int, p: float) -> Array:
    """How many trials until the first success, in float64."""
    logarithms = libm(_log_or_minus_infinity, unit(generator, count, np.dtype(np.float64)))
    trials: Array = np.ceil(logarithms / math.log1p(-p))
    return trials


def _log_or_minus_infinity(x: float) -> float:
    return math.log(x) if x else -math.inf


def cauchy(generator: Generator, count: int, median: float, sigma: float) -> Array:
    """The Cauchy distribution, in float64."""
    uniforms = unit(generator, count, np.dtype(np.float64))
    return median + sigma * libm(math.tan, np.pi * (uniforms - 0.5))


def log_normal(generator: Generator, count: int, mean: float, std: float) -> Array:
    """The exponential of a normal distribution, in float64; pairs wait for each other as in ``normal``."""
    return libm(math.exp, _normal_by_pairs(generator, count, mean, std))


def choices(generator: Generator, weights: Array, count: int, replacement: bool) -> Array:
    """``count`` indices a row of ``weights`` (rows, n), each as likely as its weight; int64 (rows, count)."""
    if replacement and count > 1:
        sums = np.cumsum(weights, axis=1, dtype=weights.dtype)
        sums /= sums[:, -1:]
        sums[:, -1] = 1
        draws = unit(generator, len(weights) * count, np.dtype(np.float64)).reshape(len(weights), count)
        return np.stack([np.searchsorted(row, draw) for row, draw in zip(sums, draws, strict=True)])
    # The smallest of exponential waiting times wins in proportion to its weight.
    waits = exponential(generator, weights.size, 1.0).astype(weights.dtype).reshape(weights.shape)
    order = np.argsort(-(weights / waits), axis=1, kind="stable")
    return order[:, :count].astype(np.int64)
