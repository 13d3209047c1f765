"""Formulas with the numbers of one element, as the built-in engine writes them."""

from __future__ import annotations

import numpy as np
import pytest

from gradviz.replay.worked import Operands, agrees, work_out

GRAD = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, -6.0]])
SELF = np.array([[0.5, -1.0, 2.0], [3.0, 0.0, 1.0]])


def worked(
    formula: str, shape: tuple[int, ...], index: tuple[int, ...], absent: str = "", **numbers: float
) -> tuple[str, float] | None:
    arrays = {"grad": GRAD, "self": SELF, "mat2": SELF}
    found = work_out(formula, Operands(arrays, numbers, frozenset(absent.split())), shape, index)
    return None if found is None else found[:2]


@pytest.mark.parametrize(
    ("formula", "numbers", "text", "value"),
    [
        ("grad · self", {}, "2 · (-1)", -2.0),
        ("grad · alpha", {"alpha": 1.0}, "2", 2.0),
        ("grad · alpha", {"alpha": 3.0}, "2 · 3", 6.0),
        ("grad / n", {}, "2 / 1", 2.0),
        ("grad · 2 (self - 1), / n for the mean", {"reduction": 1.0}, "2 · 2 · ((-1) - 1) / 6", -8 / 6),
        ("grad · 2 (self - 1), / n for the mean", {"reduction": 2.0}, "2 · 2 · ((-1) - 1)", -8.0),
        ("grad where self > 0, else 0", {}, "2 where (-1) > 0, else 0", 0.0),
    ],
)
def test_element_by_element(formula: str, numbers: dict[str, float], text: str, value: float) -> None:
    found = worked(formula, (2, 3), (0, 1), **numbers)
    assert found is not None
    assert found == (text, pytest.approx(value))


def test_factors_that_are_none_take_no_part() -> None:
    assert worked("grad · weight · self", (2, 3), (0, 0), absent="weight") == ("1 · 0.5", 0.5)
    assert worked("grad · weight · self", (2, 3), (0, 0)) is None


def test_a_matrix_product_is_a_sum_of_products() -> None:
    left = worked("selfᵀ @ grad", (3, 3), (1, 2))
    assert left == ("(-1) · 3 + 0 · (-6)", (SELF.T @ GRAD)[1, 2])
    right = worked("grad @ mat2ᵀ · alpha", (2, 2), (1, 0), alpha=1.0)
    assert right == ("4 · 0.5 + 5 · (-1) + (-6) · 2", (GRAD @ SELF.T)[1, 0])


def test_long_sums_are_cut() -> None:
    operands = Operands({"self": np.ones((26, 2)), "grad": np.full((26, 3), 0.5)}, {})
    found = work_out("selfᵀ @ grad", operands, (2, 3), (0, 0))
    assert found is not None
    assert found[:2] == ("1 · 0.5 + … + 1 · 0.5 (26 summands)", 13.0)


@pytest.mark.parametrize(
    ("shape", "index", "text"),
    [((3,), (2,), "3 + (-6)"), ((2, 1), (0, 0), "1 + 2 + 3"), ((), (), "1 + … + (-6) (6 summands)")],
)
def test_what_was_broadcast_gets_the_sum(shape: tuple[int, ...], index: tuple[int, ...], text: str) -> None:
    assert worked("grad · beta", shape, index, beta=1.0) == (text, pytest.approx(_total(shape, index)))


def _total(shape: tuple[int, ...], index: tuple[int, ...]) -> float:
    axes = tuple(range(GRAD.ndim - len(shape)))
    summed = GRAD.sum(axes) if axes else GRAD
    reduced = summed.sum(tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True)
    return float(np.broadcast_to(reduced, shape)[index]) if shape else float(GRAD.sum())


@pytest.mark.parametrize(
    ("formula", "shape", "index"),
    [
        ("grad", (4,), (0,)),
        ("self @ grad", (2, 3), (0, 0)),
        ("missing", (2, 3), (0, 0)),
        ("grad", (2, 3, 1), (0, 0, 0)),
    ],
)
def test_what_does_not_fit_gives_none(formula: str, shape: tuple[int, ...], index: tuple[int, ...]) -> None:
    assert worked(formula, shape, index) is None


def test_the_mean_divides_by_how_many_share_a_gradient() -> None:
    operands = Operands({"grad": np.array([[3.0], [6.0]])}, {})
    assert work_out("grad / n, repeated", operands, (2, 4), (1, 2)) == ("6 / 4", 1.5, pytest.approx(0, abs=1e-5))
    assert work_out("grad / n, repeated", Operands({"grad": np.array(3.0)}, {}), (2, 3), (1, 2)) is not None


def test_a_reduction_that_took_dimensions_away_is_not_guessed_at() -> None:
    """By rows or by columns? Over a square matrix both would give a number."""
    assert work_out("grad / n, repeated", Operands({"grad": np.array([3.0, 6.0])}, {}), (2, 2), (1, 0)) is None


def test_what_cancels_leaves_more_doubt_than_what_is_multiplied() -> None:
    operands = Operands({"grad": np.array([1000.0]), "result": np.array([1 - 2.0**-24])}, {})
    worked = work_out("grad · (1 - result²)", operands, (1,), (0,))
    assert worked is not None
    assert agrees(worked, 1000 * float(np.float32(1) - np.float32(1 - 2.0**-24) ** 2))
    assert not agrees(worked, 1.0)
    product = work_out("grad · result", operands, (1,), (0,))
    assert product is not None
    assert not agrees(product, 1001.0)
    assert agrees(product, float("nan"))
