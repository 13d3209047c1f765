"""The error function and its relatives in numpy: erf, erfc, erfcx, erfinv, ndtr, ndtri, log_ndtr.

erf and erfc: the rational approximations of W. J. Cody's kind in Sun's fdlibm (s_erf.c), below 1 unit in the
last place. ndtri: algorithm AS 241 (Wichura 1988), which Python's ``statistics`` uses too.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

# Coefficients in rising powers, fdlibm's names. erf(x) = x + x · pp(x²) / qq(x²) below 0.84375;
# erx + pa(|x| - 1) / qa(|x| - 1) below 1.25; above, erfc(x) = exp(-x² - 0.5625 + r(1/x²) / s(1/x²)) / x
# with (ra, sa) below 1 / 0.35 and (rb, sb) beyond.
_ERX = 8.45062911510467529297e-01
_PP = (
    1.28379167095512558561e-01, -3.25042107247001499370e-01, -2.84817495755985104766e-02, -5.77027029648944159157e-03,
    -2.37630166566501626084e-05,
)  # fmt: skip
_QQ = (
    1.0, 3.97917223959155352819e-01, 6.50222499887672944485e-02, 5.08130628187576562776e-03, 1.32494738004321644526e-04,
    -3.96022827877536812320e-06,
)  # fmt: skip
_PA = (
    -2.36211856075265944077e-03, 4.14856118683748331666e-01, -3.72207876035701323847e-01, 3.18346619901161753674e-01,
    -1.10894694282396677476e-01, 3.54783043256182359371e-02, -2.16637559486879084300e-03,
)  # fmt: skip
_QA = (
    1.0, 1.06420880400844228286e-01, 5.40397917702171048937e-01, 7.18286544141962662868e-02, 1.26171219808761642112e-01,
    1.36370839120290507362e-02, 1.19844998467991074170e-02,
)  # fmt: skip
_RA = (
    -9.86494403484714822705e-03, -6.93858572707181764372e-01, -1.05586262253232909814e01, -6.23753324503260060396e01,
    -1.62396669462573470355e02, -1.84605092906711035994e02, -8.12874355063065934246e01, -9.81432934416914548592e00,
)  # fmt: skip
_SA = (
    1.0, 1.96512716674392571292e01, 1.37657754143519042600e02, 4.34565877475229228821e02, 6.45387271733267880336e02,
    4.29008140027567833386e02, 1.08635005541779435134e02, 6.57024977031928170135e00, -6.04244152148580987438e-02,
)  # fmt: skip
_RB = (
    -9.86494292470009928597e-03, -7.99283237680523006574e-01, -1.77579549177547519889e01, -1.60636384855821916062e02,
    -6.37566443368389627722e02, -1.02509513161107724954e03, -4.83519191608651397019e02,
)  # fmt: skip
_SB = (
    1.0, 3.03380607434824582924e01, 3.25792512996573918826e02, 1.53672958608443695994e03, 3.19985821950859553908e03,
    2.55305040643316442583e03, 4.74528541206955367215e02, -2.24409524465858183362e01,
)  # fmt: skip


def polynomial(x: Array, coefficients: tuple[float, ...]) -> Array:
    """Horner's rule, coefficients in rising powers."""
    result = np.full_like(x, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        result *= x
        result += c
    return result


def _piecewise(x: Array, small: Any, middle: Any, large: Any) -> Array:
    """Three formulas for |x| below 0.84375, below 1.25, and above, each computed where it applies; in float64."""
    flat = np.atleast_1d(x).astype(np.float64).reshape(-1)
    size = np.abs(flat)
    result = np.full_like(flat, np.nan)
    for inside, formula in (
        (size < 0.84375, small), ((size >= 0.84375) & (size < 1.25), middle), (size >= 1.25, large),
    ):  # fmt: skip
        if inside.any():
            result[inside] = formula(flat[inside])
    return result.reshape(x.shape).astype(x.dtype, copy=False)


def _log_tail(size: Array) -> Array:
    """``log(x · erfc(x)) + x²`` for x >= 1.25."""
    s = 1 / (size * size)
    near = size < 1 / 0.35
    result = np.empty_like(size)
    result[near] = polynomial(s[near], _RA) / polynomial(s[near], _SA)
    result[~near] = polynomial(s[~near], _RB) / polynomial(s[~near], _SB)
    return result - 0.5625


def _tail(size: Array) -> Array:
    """``erfc(x)`` for x >= 1.25; the square is split so that its rounding does not reach the exponential."""
    size = np.minimum(size, 40.0)
    high = size.astype(np.float32).astype(np.float64)
    return np.exp(-high * high) * np.exp((high - size) * (high + size) + _log_tail(size)) / size


def _shifted(x: Array) -> Array:
    s = np.abs(x) - 1
    return polynomial(s, _PA) / polynomial(s, _QA)


def _ratio(x: Array) -> Array:
    z = x * x
    return polynomial(z, _PP) / polynomial(z, _QQ)


def erf(x: Array) -> Array:
    return _piecewise(
        x,
        lambda v: v + v * _ratio(v),
        lambda v: np.sign(v) * (_ERX + _shifted(v)),
        lambda v: np.sign(v) * (1 - _tail(np.abs(v))),
    )


def erfc(x: Array) -> Array:
    return _piecewise(
        x,
        lambda v: np.where(v < 0.25, 1 - (v + v * _ratio(v)), 0.5 - (v - 0.5 + v * _ratio(v))),
        lambda v: np.where(v > 0, 1 - _ERX - _shifted(v), 1 + (_ERX + _shifted(v))),
        lambda v: np.where(v > 0, _tail(np.abs(v)), 2 - _tail(np.abs(v))),
    )


def erfcx(x: Array) -> Array:
    """``exp(x²) · erfc(x)``, without overflow for large x."""

    def scaled_tail(v: Array) -> Array:
        size = np.abs(v)
        far = np.ones_like(size)
        for k in range(8, 0, -1):
            far = 1 - (2 * k - 1) / (2 * size * size) * far
        far = far / (size * math.sqrt(math.pi))
        positive = np.where(size > 28, far, np.exp(_log_tail(size)) / size)
        return np.where(v > 0, positive, 2 * np.exp(v * v) - positive)

    return _piecewise(x, lambda v: np.exp(v * v) * erfc(v), lambda v: np.exp(v * v) * erfc(v), scaled_tail)


# First guesses of the inverse, improved by two Newton steps: ``calc_erfinv`` in aten/src/ATen/native/Math.h.
_CENTRE = ((0.886226899, -1.645349621, 0.914624893, -0.140543331),
           (1.0, -2.118377725, 1.442710462, -0.329097515, 0.012229801))  # fmt: skip
_EDGE = ((-1.970840454, -1.624906493, 3.429567803, 1.641345311), (1.0, 3.543889200, 1.637067800))


def erfinv(y: Array) -> Array:
    flat = np.atleast_1d(y).astype(np.float64)
    square = flat * flat
    centre = flat * polynomial(square, _CENTRE[0]) / polynomial(square, _CENTRE[1])
    z = np.sqrt(-np.log((1 - np.abs(flat)) / 2))
    edge = np.sign(flat) * polynomial(z, _EDGE[0]) / polynomial(z, _EDGE[1])
    x = np.where(np.abs(flat) <= 0.7, centre, edge)
    for _ in range(2):
        x = x - (erf(x) - flat) / (2 / math.sqrt(math.pi) * np.exp(-x * x))
    x = np.where(np.abs(flat) == 1, np.copysign(np.inf, flat), np.where(np.abs(flat) > 1, np.nan, x))
    return x.reshape(y.shape).astype(y.dtype, copy=False)


def ndtr(x: Array) -> Array:
    """The normal distribution function."""
    return (0.5 * erfc(-x / math.sqrt(2))).astype(x.dtype, copy=False)


def log_ndtr(x: Array) -> Array:
    """Its logarithm, accurate far below 0."""
    flat = np.atleast_1d(x).astype(np.float64)
    low = np.log(erfcx(-flat / math.sqrt(2)) / 2) - flat * flat / 2
    high = np.log1p(-erfc(flat / math.sqrt(2)) / 2)
    return np.where(flat < -1, low, high).reshape(x.shape).astype(x.dtype, copy=False)


# Wichura's rational functions of r: for |p - 1/2| <= 0.425, for the nearer tails, for the far tails.
_WICHURA = (
    ((3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
      4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3),
     (1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3, 2.1213794301586595867e4,
      3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3)),
    ((1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
      1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4),
     (1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1, 1.48103976427480074590e-1,
      1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9)),
    ((6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
      2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7),
     (1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2, 7.86869131145613259100e-4,
      1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15)),
)  # fmt: skip


def ndtri(p: Array) -> Array:
    """The inverse of the normal distribution function."""
    flat = np.atleast_1d(p).astype(np.float64)
    q = flat - 0.5
    r = np.sqrt(-np.log(np.where(q < 0, flat, 1 - flat)))
    parts = [
        q * polynomial(0.180625 - q * q, _WICHURA[0][0]) / polynomial(0.180625 - q * q, _WICHURA[0][1]),
        np.sign(q) * polynomial(r - 1.6, _WICHURA[1][0]) / polynomial(r - 1.6, _WICHURA[1][1]),
        np.sign(q) * polynomial(r - 5.0, _WICHURA[2][0]) / polynomial(r - 5.0, _WICHURA[2][1]),
    ]
    x = np.where(np.abs(q) <= 0.425, parts[0], np.where(r <= 5, parts[1], parts[2]))
    x = np.where(flat == 0, -np.inf, np.where(flat == 1, np.inf, np.where((flat < 0) | (flat > 1), np.nan, x)))
    return x.reshape(p.shape).astype(p.dtype, copy=False)
