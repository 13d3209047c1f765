"""A node's formula with the numbers of one element in it: ``selfᵀ @ grad`` becomes ``1 · 0.27 + 2 · 0.03``.

What cannot be worked out gives None; whoever shows the result asks first whether it ``agrees`` with the recorded
gradient.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradviz.replay.formula import TRANSPOSED, evaluate, names_in, substitute
from gradviz.trace.numbers import number_text

Array = NDArray[Any]
Index = tuple[int, ...]

CLOSE = 1e-4
"""Relative difference to the recorded number that a formula may have in any case, ..."""

ROUNDINGS = 16
"""... and how many roundings of its numbers."""

MOST_SUMMANDS = 3
"""Summands that are written out; of more, the first and the last."""

_PRODUCT = re.compile(rf"(\w+{TRANSPOSED}?) @ (\w+{TRANSPOSED}?)")
_FOR_THE_MEAN = ", / n for the mean"
_SPREAD = re.compile(r", (repeated|unsqueezed)$")
_SIDE_BY_SIDE = re.compile(r"(\d) \(")
MEAN = 1
"""What a loss saves as ``reduction`` where it takes the mean (torch/nn/_reduction.py)."""


@dataclass(frozen=True, slots=True)
class Operands:
    """What the names of a formula stand for. ``absent`` ones were None and take no part (``weight``).

    ``precision`` is the relative rounding of the numbers that were computed with.
    """

    arrays: Mapping[str, Array]
    numbers: Mapping[str, float]
    absent: frozenset[str] = field(default_factory=frozenset)
    precision: float = 2.0**-23


class Worked(NamedTuple):
    """A formula with numbers, its value, and how far rounding may have led the recorded number away from it."""

    text: str
    value: float
    doubt: float


def agrees(worked: Worked, recorded: float) -> bool:
    """Is the recorded number what the formula says? One that is not finite tells nothing against it."""
    if not (math.isfinite(worked.value) and math.isfinite(recorded)):
        return True
    return abs(worked.value - recorded) <= CLOSE * abs(recorded) + ROUNDINGS * worked.doubt


def work_out(formula: str, operands: Operands, shape: Index, index: Index) -> Worked | None:
    """The formula with numbers for the element at ``index`` of a result of ``shape``."""
    formula = _simplified(formula, operands, shape)
    product = _PRODUCT.fullmatch(formula)
    if product is not None:
        return _matrix_product(product.group(1), product.group(2), operands, shape, index)
    grad = operands.arrays.get("grad")
    if formula == "grad" and grad is not None and grad.shape != shape:
        return _spread_back(operands, shape, index)
    if grad is not None and 0 < grad.ndim < len(shape):
        return None  # a reduction took dimensions away: which, a formula does not say
    numbers = {"n": math.prod(shape) / grad.size} if grad is not None and grad.size else {}
    for name in names_in(formula) - numbers.keys():
        number = _number(name, operands, shape, index)
        if number is None:
            return None
        numbers[name] = number
    value = evaluate(formula, numbers)
    if value is None:
        return None
    return Worked(substitute(formula, numbers), value, _doubt(formula, numbers, value, operands.precision))


def _doubt(formula: str, numbers: Mapping[str, float], value: float, precision: float) -> float:
    """How much the value moves when its numbers move by one rounding: much where large ones cancel."""
    moved = [evaluate(formula, {**numbers, name: number * (1 + precision)}) for name, number in numbers.items()]
    return abs(value) * precision + sum(abs(other - value) for other in moved if other is not None)


def _simplified(formula: str, operands: Operands, shape: Index) -> str:
    """Without factors that are not there, and with what a comment after a comma means."""
    if formula.endswith(_FOR_THE_MEAN):
        formula = formula.removesuffix(_FOR_THE_MEAN)
        formula += f" / {math.prod(shape)}" if operands.numbers.get("reduction") == MEAN else ""
    formula = _SIDE_BY_SIDE.sub(r"\1 · (", _SPREAD.sub("", formula))
    for name in operands.absent | {name for name, number in operands.numbers.items() if _is_factor_one(name, number)}:
        word = re.escape(name)  # a trace may call what it saved anything
        formula = re.sub(rf" · {word}\b|\b{word} · ", "", formula)
    return formula


def _is_factor_one(name: str, number: float) -> bool:
    """``alpha`` and ``beta`` are 1 nearly always, and then only in the way."""
    return name in ("alpha", "beta") and number == 1


def _number(name: str, operands: Operands, shape: Index, index: Index) -> float | None:
    if name in operands.numbers:
        return operands.numbers[name]
    array = operands.arrays.get(name.removesuffix(TRANSPOSED))
    order = -1 if name.endswith(TRANSPOSED) else 1
    return None if array is None else element(array, index[::order], shape[::order])


def _matrix_product(left: str, right: str, operands: Operands, shape: Index, index: Index) -> Worked | None:
    rows, columns = _matrix(left, operands), _matrix(right, operands)
    if rows is None or columns is None or len(shape) != 2 or rows.shape[1] != columns.shape[0]:
        return None
    if (rows.shape[0], columns.shape[1]) != shape:
        return None
    row, column = rows[index[0]].astype(np.float64), columns[:, index[1]].astype(np.float64)
    texts = [f"{operand(a)} · {operand(b)}" for a, b in zip(rows[index[0]], columns[:, index[1]], strict=True)]
    return Worked(sum_text(texts), float(np.dot(row, column)), _doubt_of_sum(row * column, operands))


def _doubt_of_sum(parts: Array, operands: Operands) -> float:
    return float(np.abs(parts).sum()) * operands.precision


def _spread_back(operands: Operands, shape: Index, index: Index) -> Worked | None:
    """What was spread over several places in the forward pass gets the sum of their gradients."""
    grad = operands.arrays["grad"]
    added = grad.ndim - len(shape)
    if added < 0 or grad.dtype.kind == "c":
        return None
    place: list[int | slice] = [slice(None)] * added
    for size, whole, at in zip(shape, grad.shape[added:], index, strict=True):
        if size not in (1, whole):
            return None
        place.append(slice(None) if size != whole else at)
    parts = grad[tuple(place)].ravel().astype(np.float64)
    text = sum_text([number_text(parts[0]), *map(operand, parts[1:])])
    return Worked(text, float(parts.sum()), _doubt_of_sum(parts, operands))


def _matrix(name: str, operands: Operands) -> Array | None:
    array = operands.arrays.get(name.removesuffix(TRANSPOSED))
    if array is None or array.ndim != 2 or array.dtype.kind == "c":
        return None
    return array.T if name.endswith(TRANSPOSED) else array


def element(array: Array, index: Index, shape: Index | None = None) -> float | None:
    """One number of an array, which is spread to ``shape`` first; None where there is no such number."""
    if array.dtype.kind == "c":
        return None
    try:
        return float((array if shape is None else np.broadcast_to(array, shape))[index])
    except (ValueError, IndexError, TypeError):
        return None


def operand(number: Any) -> str:
    """A number as it stands after a sign: a negative one in parentheses."""
    return f"({number_text(number)})" if number < 0 else number_text(number)


def sum_text(parts: list[str]) -> str:
    """``a + b + c``, or ``a + … + z (26 summands)`` where there are many."""
    if len(parts) <= MOST_SUMMANDS:
        return " + ".join(parts)
    return f"{parts[0]} + … + {parts[-1]} ({len(parts)} summands)"
