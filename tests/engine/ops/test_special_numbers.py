"""Special functions against known values and identities, to nearly the last digit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gradviz_engine as torch

special = torch.special
REALS = st.floats(-20, 20)
POSITIVE = st.floats(0.05, 50)


def at(function: Any, *values: float) -> float:
    return float(function(*(torch.tensor(v, dtype=torch.float64) for v in values)))


@given(REALS)
def test_error_functions_agree_with_the_standard_librarys(x: float) -> None:
    assert at(special.erf, x) == pytest.approx(math.erf(x), rel=1e-15, abs=1e-300)
    assert at(special.erfc, x) == pytest.approx(math.erfc(x), rel=1e-13, abs=1e-300)


@given(POSITIVE)
def test_lgamma_agrees_with_the_standard_librarys(x: float) -> None:
    assert at(torch.lgamma, x) == pytest.approx(math.lgamma(x), rel=1e-13, abs=1e-14)


@given(POSITIVE)
def test_gamma_functions_keep_their_recurrences(x: float) -> None:
    assert at(torch.digamma, x + 1) == pytest.approx(at(torch.digamma, x) + 1 / x, rel=1e-12, abs=1e-12)
    step = at(lambda v: torch.polygamma(1, v), x) - 1 / x**2
    assert at(lambda v: torch.polygamma(1, v), x + 1) == pytest.approx(step, rel=1e-9, abs=1e-12)


@given(st.floats(-0.999, 0.999))
def test_erfinv_undoes_erf(y: float) -> None:
    assert at(special.erf, at(special.erfinv, y)) == pytest.approx(y, rel=1e-14, abs=1e-300)


@given(st.floats(1e-3, 1 - 1e-3))
def test_ndtri_undoes_ndtr(p: float) -> None:
    assert at(special.ndtr, at(special.ndtri, p)) == pytest.approx(p, rel=1e-12)


@pytest.mark.parametrize(
    ("function", "value", "want"),
    [
        (special.i0, 1.0, 1.2660658777520084), (special.i0, 40.0, 1.4894774793419903e16),
        (special.i1, 1.0, 0.5651591039924851), (special.i1e, -40.0, -0.06248222907444206),
        (special.erfcx, 10.0, 0.05614099274382259), (special.erfcx, 50.0, 0.011281536265323773),
        (special.log_ndtr, -30.0, -454.3212439955366), (torch.digamma, 1.0, -0.5772156649015329),
    ],
)  # fmt: skip
def test_values_from_tables(function: Any, value: float, want: float) -> None:
    """Sources: Abramowitz and Stegun, tables 6.1, 7.1 and 9.8; SciPy 1.16 where they end."""
    assert at(function, value) == pytest.approx(want, rel=1e-9)


def test_ends_and_poles() -> None:
    x = torch.tensor([-np.inf, np.inf, np.nan, 0.0, -1.0])
    assert special.erf(x).tolist()[:2] == [-1.0, 1.0]
    assert torch.lgamma(x).tolist()[:2] == [math.inf, math.inf]
    assert torch.lgamma(x).tolist()[3:] == [math.inf, math.inf]
    assert torch.digamma(x).tolist()[3] == -math.inf
    assert math.isnan(torch.digamma(x).tolist()[4])
    assert special.ndtri(torch.tensor([0.0, 1.0])).tolist() == [-math.inf, math.inf]
