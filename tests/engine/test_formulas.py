"""The formula in words of every derivative says what its rule computes.

The table ``OPERATORS`` is walked. A formula is read as an expression over what its node knows (``grad``, inputs,
outputs, attributes) and worked out with numpy for a whole tensor; the rule has to give the same numbers. One that is
no such expression must stand in ``PROSE``, with the reason.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import gradviz_engine as torch
from gradviz_engine.ops.registry import OPERATORS, Operator
from samples import Problem, drawn, plain, sample_of

Array = np.ndarray[Any, Any]

PROSE: dict[str, str] = {}


# Reading a formula --------------------------------------------------------------------------------------

_CHOICE = re.compile(r"(.+?) where (.+?), else (.+)")
_MEAN = ", / n for the mean"
_SPREAD = re.compile(r", (repeated|unsqueezed)$")
_SUMMED = re.compile(r"Σ ((?:[^+\-()]|\([^()]*\))+)")
_REWRITTEN = (
    (r"([²³])", lambda m: "**" + {"²": "2", "³": "3"}[m[1]]),
    (r"([₀₁₂])", lambda m: str("₀₁₂".index(m[1]))),
    (r"½", "0.5"),
    (r"√(\w+)", r"sqrt(\1)"),
    (r"√", "sqrt"),
    (r"\bln (\d+)", r"ln(\1)"),
    (r"⌊([^⌋]+)⌋", r"floor(\1)"),
    (r"\|([^|]+)\|", r"abs(\1)"),
    (r"(\w+)\^-ᵀ", r"turned(inverse(\1))"),
    (r"(\w+)ᵀ", r"turned(\1)"),
    (r"(\w+) ⊗ (\w+)", r"outer(\1, \2)"),
    (r"(\w+) × (\w+)", r"cross(\1, \2)"),
    (r"(\d) \(", r"\1 * ("),
    (r" = ", " == "),
    (r"≤", "<="),
    (r"≥", ">="),
    (r"·", "*"),
    (r"\^", "**"),
)


def as_python(formula: str) -> str:
    """The formula as an expression that Python can parse, over arrays."""
    if choice := _CHOICE.fullmatch(formula):
        then, test, otherwise = choice.groups()
        return f"where({_condition(test)}, {as_python(then)}, {as_python(otherwise)})"
    if formula.endswith(_MEAN):
        return f"averaged({as_python(formula.removesuffix(_MEAN))})"
    formula = _SUMMED.sub(r"total(\1)", _SPREAD.sub("", formula))
    for pattern, replacement in _REWRITTEN:
        formula = re.sub(pattern, replacement, formula)
    return formula


def _condition(test: str) -> str:
    """Chains of comparisons are pairs of them for arrays."""
    parts = re.split(r" (<|>|≤|≥|=) ", test)
    pairs = [f"({as_python(' '.join(parts[i : i + 3]))})" for i in range(0, len(parts) - 2, 2)]
    return " & ".join(pairs) if pairs else as_python(test)


def engine_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """A special function that numpy lacks, forward only; its values are compared with PyTorch elsewhere."""
    return lambda *arguments: plain(function(*(torch.as_tensor(np.asarray(a, np.float64)) for a in arguments)))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(np, name) for name in ("abs", "cos", "cosh", "exp", "floor", "log", "log1p", "sign", "sin", "sinh",
                                            "sqrt", "tanh", "trunc", "where", "outer", "conj")},
    "ln": np.log, "clip": np.clip, "inverse": np.linalg.inv, "turned": lambda a: np.swapaxes(a, -1, -2),
    "σ": lambda x: 1 / (1 + np.exp(-x)), "softplus": lambda x: np.log1p(np.exp(x)),
    "Φ": lambda x: plain(torch.special.ndtr(torch.as_tensor(x))),
    "φ": lambda x: np.exp(-x * x / 2) / math.sqrt(2 * math.pi),
    "digamma": engine_function(torch.digamma), "i0": engine_function(torch.special.i0),
    "i1": engine_function(torch.special.i1), "i0e": engine_function(torch.special.i0e),
    "i1e": engine_function(torch.special.i1e), "zeta": engine_function(torch.special.zeta),
    "polygamma": lambda n, x: plain(torch.polygamma(int(n), torch.as_tensor(x))),
}  # fmt: skip


class Situation:
    """One call of an operator with its backward pass: what a formula may speak of, and what the rules gave."""

    def __init__(self, key: str) -> None:
        call = sample_of(key)
        assert call is not None
        self.problem = problem = Problem(key, call)
        self.op: Operator = problem.op
        leaves = problem.leaves(problem.start)
        made = problem.made(leaves)
        linked = [m for m in made if m.requires_grad]
        cotangents = drawn(linked, np.random.default_rng(7))
        given = [torch.tensor(c) for c in cotangents]
        self.gradients = torch.autograd.grad(linked, leaves, given, allow_unused=True, materialize_grads=True)
        self.values: dict[str, Any] = {"π": math.pi, "grad": cotangents[0]}
        self.values |= {f"grad{number}": value for number, value in enumerate(cotangents)}
        if not self.op.variadic:
            self.values |= dict(zip(self.op.inputs, map(plain, problem.inputs), strict=True))
        self.values |= dict(zip(self.op.attributes, problem.attributes, strict=True))
        self.values |= dict(zip(self.op.outputs, map(plain, made), strict=False))
        self.dims = self._dims()

    def _dims(self) -> Any:
        dim = self.values.get("dim")
        return tuple(dim) if isinstance(dim, (tuple, list)) else dim

    def worked_out(self, formula: str, place: int) -> Array:
        """The formula's value in the shape of the input at ``place``."""
        like = plain(self.problem.inputs[place])
        values = {name: self._restored(name, value, like.ndim) for name, value in self.values.items()}
        values["n"] = like.size / values["grad"].size
        values["x"] = like
        functions = FUNCTIONS | {
            "total": lambda a: a.sum(axis=self.dims, keepdims=True),
            "cross": lambda a, b: np.cross(a, b, axis=self.dims),
            "averaged": lambda a: a / like.size if values["reduction"] == 1 else a,
            "mean": lambda a: a.mean(axis=self.dims, keepdims=True),
        }
        result = np.asarray(eval(as_python(formula), functions, values))
        return fitted(result, like.shape)

    def _restored(self, name: str, value: Any, ndim: int) -> Any:
        """What a reduction gave, with the dimensions it took put back as 1."""
        if (
            isinstance(value, np.ndarray)
            and name.startswith(("grad", "result"))
            and self.values.get("keepdim") is False
        ):
            dims = range(ndim) if self.dims is None else np.atleast_1d(self.dims) % max(ndim, 1)
            for dim in sorted(dims):
                value = np.expand_dims(value, dim)
        return value


def fitted(value: Array, shape: tuple[int, ...]) -> Array:
    """Summed where the input was spread in the forward pass, spread where it was reduced."""
    if value.ndim > len(shape):
        value = value.sum(axis=tuple(range(value.ndim - len(shape))))
    axes = tuple(i for i, (a, b) in enumerate(zip(value.shape, shape, strict=False)) if b == 1 and a != 1)
    return np.broadcast_to(value.sum(axis=axes, keepdims=True) if axes and value.ndim == len(shape) else value, shape)


# The walk -----------------------------------------------------------------------------------------------


def rows() -> Iterator[Any]:
    """Every operator, input and formula that may be shown."""
    for key, op in OPERATORS.items():
        if op.node_type is None or op.node_type.__name__ == "NotImplemented":
            continue
        for place, formula in zip(op.differentiable, op.formulas, strict=True):
            yield pytest.param(key, place, formula, id=f"{key}, by {op.inputs[place]}")


def is_prose(formula: str) -> bool:
    return formula in PROSE


@pytest.mark.parametrize(("key", "place", "formula"), [row for row in rows() if not is_prose(row.values[2])])
def test_a_formula_gives_the_numbers_of_its_rule(key: str, place: int, formula: str) -> None:
    situation = Situation(key)
    index = situation.problem.places.index(place)
    np.testing.assert_allclose(
        situation.worked_out(formula, place), plain(situation.gradients[index]), rtol=1e-6, atol=1e-9
    )


def test_what_is_excused_is_there() -> None:
    """A formula that was reworded leaves no excuse behind."""
    assert PROSE.keys() <= {row.values[2] for row in rows()}
