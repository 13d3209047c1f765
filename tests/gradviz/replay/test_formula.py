"""Formulas of derivatives are worked out as arithmetic, and nothing in them is ever executed."""

from __future__ import annotations

import math

import pytest

from gradviz.replay.formula import LONGEST, evaluate, names_in, substitute


@pytest.mark.parametrize(
    ("formula", "numbers", "value"),
    [
        ("grad", {"grad": 3.0}, 3.0),
        ("grad · exponent · self^(exponent - 1)", {"grad": 1.0, "exponent": 2.0, "self": 2.0}, 4.0),
        (
            "grad · (sigmoid(self) - target) / numel",
            {"grad": 1.0, "self": 0.0, "target": 0.0, "numel": 2.0},
            0.25,
        ),
        ("-grad / other", {"grad": 1.0, "other": 4.0}, -0.25),
        ("gradᵀ", {"gradᵀ": 7.0}, 7.0),
        ("grad · (1 - result²)", {"grad": 2.0, "result": 0.5}, 1.5),
        ("grad · σ(self) / ln(|self|)", {"grad": 1.0, "self": -math.e}, 1 / (1 + math.exp(math.e))),
        ("grad · 180 / π", {"grad": math.pi}, 180.0),
        ("grad where self > 0, else grad · slope", {"grad": 2.0, "self": -1.0, "slope": 0.5}, 1.0),
        ("grad where -1 < self ≤ 1, else 0", {"grad": 2.0, "self": 1.0}, 2.0),
        (
            "grad where self > other, else grad / 2 where self = other, else 0",
            {"grad": 2.0, "self": 1.0, "other": 1.0},
            1.0,
        ),
        ("0 where mask, else grad", {"grad": 2.0, "mask": 1.0}, 0.0),
        ("-½ · grad / √(1 - self²) · √π / ln 2", {"grad": 1.0, "self": 0.0}, -0.5 * math.sqrt(math.pi) / math.log(2)),
    ],
)
def test_arithmetic_with_the_signs_of_the_inspector(formula: str, numbers: dict[str, float], value: float) -> None:
    assert names_in(formula) == numbers.keys()
    result = evaluate(formula, numbers)
    assert result is not None
    assert math.isclose(result, value)


@pytest.mark.parametrize(
    "formula",
    [
        "selfᵀ @ grad", "self × grad", "sum(grad, dim)", "grad where mask, else 0", "grad[0]", "grad ·", "self.weight",
        "__import__('os').system('true')", "(lambda: 1)()", "grad / 0", "10^10^10", "missing",
        "(" * 90, "grad +" * LONGEST,
    ],
)  # fmt: skip
def test_whatever_is_not_arithmetic_gives_none(formula: str) -> None:
    assert evaluate(formula, {"grad": 1.0, "self": 2.0}) is None


def test_numbers_take_the_place_of_names() -> None:
    assert substitute("grad · exp(self) / n", {"grad": -1.0, "self": 0.5}) == "(-1) · exp(0.5) / n"
