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
from gradviz.replay.worked import Operands, agrees, work_out
from gradviz_engine.ops.registry import OPERATORS, Operator
from samples import Problem, drawn, plain, sample_of

Array = np.ndarray[Any, Any]

_PROSE = {
    "where each element goes, not what it is multiplied with": (
        "grad, put back where the elements came from", "grad at the maxima",
        "grad at each window's maximum, 0 elsewhere", "grad at the indices",
        "grad at each part's maximum, 0 elsewhere", "Σ of grad where mask", "zeros with grad where mask",
        "grad where mask", "grad[index]", "zeros with grad at index", "zeros with grad at start:end:step",
        "grad's diagonal", "zeros with grad on the diagonal", "grad's windows", "zeros with grad added at index",
        "grad, 0 at index", "grad at index", "grad at index · alpha", "sum of grad at index",
        "grad, 0 where source was put", "zeros with grad at indices", "grad without the border", "grad with a border",
        "-weight · grad at each target's class, 0 elsewhere; divided by the sum of weights for the mean",
        "zeros with grad added at indices", "grad[indices]", "zeros with grad added to the rows in indices",
        "zeros with each bag's grad added to its rows", "grad, 0 at indices", "grad at indices",
        "grad, 0 in the part", "the part of grad", "grad on the diagonal",
        "the part of grad that the element has in its result",
    ),
    "grad in another shape or order": (
        "grad, reshaped like self", "grad, the dimensions swapped back", "grad, permuted back",
        "grad without the new dimension", "grad, unsqueezed", "grad, in self's dtype", "grad as complex numbers",
        "grad as pairs", "the tensor's part of grad", "the tensor's slice of grad", "the tensor's block of grad",
        "grad unshuffled", "grad shuffled", "grad shuffled back", "grad's columns added back to their places",
        "grad's patches as columns", "grad, flipped back", "grad, rolled back", "grad, turned back",
        "the pieces' gradients, joined", "the slices' gradients, stacked", "grad, put back in the old order",
        "Re(inverse transform of grad)", "the opposite transform of grad", "transform of grad, the inner half twice",
    ),
    "sums over windows, places or groups that have no names here": (
        "average of grad", "grad / window size, summed over the windows an element is in",
        "grad / part size, summed over parts", "grad, summed where self repeats", "grad, repeated, 0 for nan",
        "grad, the windows added up", "grad, shared by the equals",
        "grad, the border added to the elements it repeats",
        "convolution(grad₀, weight) + convolution(input, grad₁) + grad₂", "grad convolved with the turned weight",
        "input correlated with grad", "Σ of grad over places", "grad, summed from each place on",
        "(grad · result, summed from each place on) / self", "grad · exp(self - result), summed from each place on",
        "row · grad of its bag", "sum of grad", "grad spread over the taps", "gradᵀ @ the places of the pixels",
        "A^-ᵀ grad", "grad contracted with the other two inputs", "Σ grad", "grad, the copies summed",
        "grad where self is finite", "grad resampled",
        "grad spread over the elements each output was made of, by their weights",
        "grad / classes for every right and wrong class closer than 1, negative for the right one",
    ),
    "the slope of another row's function": (
        "grad · slope(self)", "grad · grad_output · slope'(self)", "grad · slope(self - target)",
        "grad · grad_output · slope'(self - target)", "-grad · grad_output · slope'(self - target)",
        "nll_loss(grad, target)", "Σ input · grad · slope of the weights", "Σ grad · slope of the distance",
        "Σ gradᵀ · slope of the distance",
    ),
    "matrix calculus with names of its own (triangles, gaps, pseudo-inverses)": (
        "the triangle of -(A^-ᵀ @ grad) @ resultᵀ", "L^-ᵀ Φ(Lᵀ grad) L⁻¹, symmetric",
        "(gQ + Q · sym(gR Rᵀ - Qᵀ gQ)) R^-ᵀ", "V (skew(Vᵀ gV) / gaps + diag(gL)) Vᵀ",
        "U (diag(gS) + skew terms of gU, gV over gaps of S²) Vᵀ", "-(A⁺ gradᵀ A⁺)ᵀ and what A does not reach",
        "as of the pseudo-inverse", "(A⁺)ᵀ grad", "P L^-ᵀ (triangles of grad) U^-ᵀ",
        "P L^-ᵀ (triangles of Lᵀ gL and gU Uᵀ) U^-ᵀ", "tril(gL, -1) + triu(gU)", "the triangles of Pᵀ gA", "A⁻¹ grad",
        "-(gB Xᵀ + X gBᵀ) L, gB = A⁻¹ grad", "-inverse (grad + gradᵀ) inverse L",
        "the triangle of -gb xᵀ, gb = A^-ᵀ grad", "∫ e^(sAᵀ) grad e^((1-s)Aᵀ) ds", "grad's lower triangle",
        "grad's upper triangle", "A^-ᵀ @ grad, A the triangle", "V^-ᴴ (diag(gL) + turn of gV / gaps) Vᴴ",
    ),
    "several steps with names of their own": (
        "Re(conj(grad) · direction)", "(grad · σ(b), grad · a · σ'(b)) for self = (a, b)",
        "grad · (exp(log_probs) - share of the alignments that emit the class)",
        "maxnorm / norm · (grad - direction · Σ self · grad / norm) where a slice was scaled",
        "grad · sign(d) · (|d| / result)^(p - 1) of each pair's difference d",
        "rstd · (h - mean(h) - x̂ · mean(h · x̂)), h = grad · weight", "Σ grad · x̂",
        "rstd · (h - mean(h) - x̂ · mean(h · x̂)), h = grad · weight, over each group",
        "x1 Σ ratio - ratio @ x2, ratio = grad / result", "x2 Σ ratioᵀ - ratioᵀ @ x1, ratio = grad / result",
        "grad · Σ digamma(self - j / 2)", "s @ key, s = p · (grad @ valueᵀ - Σ grad · output) · scale, p the weights",
        "sᵀ @ query, s = p · (grad @ valueᵀ - Σ grad · output) · scale, p the weights", "pᵀ @ grad, p the weights",
        "grad · p · (margin - self[target] + self)^(p - 1) / classes, its negative sum at the target",
        "g / |v| · (grad - v · Σ grad · v / |v|²)", "Σ grad · v / |v|",
        "gates @ weight0, gates: their gradients, found back through time", "gatesᵀ @ input", "gatesᵀ @ h",
        "Σ of gates", "the first step's gates @ weight1", "the first cell state's gradient · forget",
    ),
    "nothing to work out": (
        "0 where self is real", "see double_backward", "not implemented in PyTorch",
        "-grad · self · zeta(self + 1, other)",
    ),
}  # fmt: skip
PROSE = {formula: reason for reason, formulas in _PROSE.items() for formula in formulas}
"""Formulas that are no arithmetic over what the node knows, and why; a new one is worked out, or named here."""

UNTRIED = {
    **dict.fromkeys(
        ("BernoulliBackward1", "BernoulliBackward2", "CauchyBackward0", "ExponentialBackward0", "GeometricBackward0",
         "LogNormalBackward0", "NormalBackward1", "NormalBackward2", "NormalBackward3", "RandomBackward0",
         "RandomBackward2"),
        "draws new numbers at each call: its derivative is 0",
    ),
}  # fmt: skip
"""Nodes that no sample reaches."""

NO_SAMPLE = ("LinalgEigBackward0", "MkldnnRnnLayerBackward0", "SpecialZetaBackward0", "Unique2Backward0")
"""Nodes whose formulas are prose and whose backward pass needs more than a sample."""

PARTLY = ("ConvolutionBackward0", "EmbeddingBagBackward0", "NativeBatchNormBackward0", "NativeGroupNormBackward0",
          "NativeLayerNormBackward0", "NativeLayerNormBackwardBackward0",
          "NativeBatchNormBackwardBackward0")  # fmt: skip
"""Nodes whose sample leaves out an optional input."""


# Reading a formula --------------------------------------------------------------------------------------

_CHOICE = re.compile(r"(.+?) where (.+?), else (.+)")
_MEAN = ", / n for the mean"
_SPREAD = re.compile(r", repeated$")
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
    "Re": np.real, "Im": np.imag, "ln": np.log, "clip": np.clip, "inverse": np.linalg.inv,
    "turned": lambda a: np.conj(np.swapaxes(a, -1, -2)),  # of complex numbers the adjoint is meant
    "σ": lambda x: 1 / (1 + np.exp(-x)), "softplus": lambda x: np.log1p(np.exp(x)),
    "Φ": lambda x: plain(torch.special.ndtr(torch.as_tensor(x))),
    "φ": lambda x: np.exp(-x * x / 2) / math.sqrt(2 * math.pi),
    "digamma": engine_function(torch.digamma), "i0": engine_function(torch.special.i0),
    "i1": engine_function(torch.special.i1), "i0e": engine_function(torch.special.i0e),
    "i1e": engine_function(torch.special.i1e), "zeta": engine_function(torch.special.zeta),
    "polygamma": lambda n, x: plain(torch.polygamma(int(n), torch.as_tensor(x))),
}  # fmt: skip


ABSENT = {"weight": 1.0, "correction": 1.0, "min": -math.inf, "max": math.inf}
"""What None means for the names that may be None."""


def _number(name: str, value: Any) -> Any:
    """Whole numbers as floating-point ones, since 2 to the power of -1 is meant as a number."""
    if value is None:
        return ABSENT.get(name)
    return value.astype(np.float64) if isinstance(value, np.ndarray) and value.dtype.kind == "i" else value


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
        self.values: dict[str, Any] = {"π": math.pi, "i": 1j, "grad": cotangents[0]}
        self.values |= {f"grad{number}": value for number, value in enumerate(cotangents)}
        if not self.op.variadic:
            self.values |= dict(zip(self.op.inputs, map(plain, problem.inputs), strict=True))
        self.values |= dict(zip(self.op.attributes, problem.attributes, strict=True))
        self.values |= dict(zip(self.op.outputs, map(plain, made), strict=False))
        self.recorded = dict(self.values)
        self.values = {name: _number(name, value) for name, value in self.values.items()}
        self.dims = self._dims()

    def _dims(self) -> Any:
        dim = self.values.get("dim")
        return tuple(dim) if isinstance(dim, (tuple, list)) else dim

    def worked_out(self, formula: str, place: int) -> Array:
        """The formula's value in the shape of the input at ``place``."""
        like = plain(self.problem.inputs[place])
        values = {name: self._restored(name, value, like.ndim) for name, value in self.values.items()}
        values["n"] = like.size / values["grad"].size
        functions = FUNCTIONS | {
            "total": lambda a: a.sum(axis=self.dims, keepdims=True),
            "cross": lambda a, b: np.cross(a, b, axis=self.dims),
            "averaged": lambda a: a / np.size(a) if values["reduction"] == 1 else a,
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
        if op.node_type is None or op.node_type.__name__ in ("NotImplemented", *UNTRIED):
            continue
        for place, formula in zip(op.differentiable, op.formulas, strict=True):
            yield pytest.param(key, place, formula, id=f"{key}, by {op.inputs[place]}")


@pytest.mark.parametrize(("key", "place", "formula"), [row for row in rows() if row.values[2] not in PROSE])
def test_a_formula_gives_the_numbers_of_its_rule(key: str, place: int, formula: str) -> None:
    situation = Situation(key)
    index = situation.problem.places.index(place)
    np.testing.assert_allclose(
        situation.worked_out(formula, place), plain(situation.gradients[index]), rtol=1e-6, atol=1e-9
    )


def test_no_excuse_outlives_what_it_excuses() -> None:
    nodes = {op.node_type.__name__ for op in OPERATORS.values() if op.node_type is not None}
    assert PROSE.keys() <= {row.values[2] for row in rows()}
    assert UNTRIED.keys() <= nodes


def tried() -> Iterator[Any]:
    """The rows that have a sample with numbers in the place of the input."""
    for row in rows():
        node = OPERATORS[row.values[0]].node_type.__name__
        if node not in NO_SAMPLE and not (row.values[2] in PROSE and node in PARTLY):
            yield row


@pytest.mark.parametrize(("key", "place", "formula"), list(tried()))
def test_the_inspector_works_out_the_number_or_none(key: str, place: int, formula: str) -> None:
    """Never another one, whatever the formula: it is shown as the reason of the number that was recorded."""
    situation = Situation(key)
    gradient = plain(situation.gradients[situation.problem.places.index(place)])
    arrays = {name: value for name, value in situation.recorded.items() if isinstance(value, np.ndarray)}
    numbers = {name: float(v) for name, v in situation.recorded.items() if isinstance(v, (int, float))}
    absent = frozenset(name for name, value in situation.recorded.items() if value is None)
    operands = Operands(arrays, numbers, absent, 2.0**-52)
    for index in list(np.ndindex(gradient.shape))[:20]:
        worked = work_out(formula, operands, gradient.shape, index)
        assert worked is None or agrees(worked, float(gradient[index]))
