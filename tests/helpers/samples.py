"""One call of each operator of the table: inputs and attributes that its derivative can be tried on.

A sample is the declaration's ``samples=``, else a call that one of the recorded expressions (or of ``MORE``) leads to,
in backward passes too, else numbers drawn by its signature.
"""

from __future__ import annotations

import functools
import importlib.util
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import gradviz_engine as torch
from gradviz.recording.alias import engine_as_torch
from gradviz_engine.ops.registry import OPERATORS, Operator

MORE = (
    "x.lerp(y, 0.3)", "torch.logaddexp2(x, y)", "torch.special.i0e(x)", "torch.special.i1(x)",
    "torch.special.i1e(x)", "torch.special.zeta(x + 1, y)", "torch.special.entr(x)", "torch.special.erfcx(x)",
    "torch.special.ndtri(x * 0.5)", "torch.special.log_ndtr(x)", "torch.special.xlog1py(x, y)",
    "torch.special.xlog1py(x, 2.)", "torch.xlogy(x, 2.)", "torch.special.xlog1py(2., x)", "torch.xlogy(2., x)",
    "torch.mvlgamma(x + 3, 2)", "(x * 0.5).erfinv()", "(x * 0.5).asin()", "(x * 0.5).acos()", "(x * 0.5).atanh()",
    "(x * 0.5 + 0.1).logit()", "(x + 1).acosh()", "torch.copysign(x, -1.)", "x.round(decimals=1)", "x.rad2deg()",
    "torch.frexp(x)[0]", "torch.nextafter(x, y)", "x.clamp_min(0.5)", "x.clamp_max(0.5)", "x.clamp_min(y)",
    "x.clamp_max(y)", "torch.polar(x, y)", "torch.complex(x, y).abs()",
    "torch.view_as_complex(m.reshape(6, 2)).angle()", "torch.complex(x, y).sgn()",
    "torch.view_as_real(torch.complex(x, y))", "torch.complex(x, y).conj_physical()", "torch.complex(x, y).conj()",
    "x.index_fill(0, i2, s)", "x.put(i2, y[0, :2])", "torch.fill(x, 2.)", "torch.fill(x, s)", "torch.std_mean(x)[0]",
    "x.sort(stable=True)[0]", "x.nanmedian()", "x.nanmedian(0)[0]", "x.unsqueeze(0).squeeze((0,))",
    "torch.narrow_copy(x, 0, 0, 2)", "torch.as_strided_scatter(x, y[0], (3,), (1,), 1)",
    "torch.aminmax(x, dim=0)[0]", "torch.unbind_copy(x)[0]", "torch.split_with_sizes_copy(x, [1, 2])[1]",
    "torch.view_copy(x, (9,))", "torch.expand_copy(v3, (2, 3))", "torch.transpose_copy(x, 0, 1)",
    "torch.permute_copy(x, (1, 0))", "torch.unsqueeze_copy(x, 0)", "torch.squeeze_copy(x[None])",
    "torch.squeeze_copy(x[None], 0)", "torch.alias_copy(x)", "torch.squeeze_copy(x[None], (0,))", "torch.t_copy(x)",
    "torch.unfold_copy(x, 0, 2, 1)", "x[...]", "torch.as_strided_copy(x, (2, 2), (1, 2))",
    "x.index_reduce(0, i2, y[:2], 'prod')", "x.index_reduce(0, i2, y[:2], 'mean')",
    "x.index_reduce(0, i2, y[:2], 'amax')", "(x * 1).unsqueeze_(0)", "(x * 1)[None].clone().squeeze_()",
    "(x * 1)[None].clone().squeeze_((0,))", "(x * 1).transpose_(0, 1)", "x.quantile(torch.tensor([0.2, 0.7]))",
    "x.masked_fill(mask, s)", "torch.unsafe_split(x, 1)[0]", "m.t().contiguous().view(12)", "torch.block_diag(x, y)",
    "x.scatter(0, g, y, reduce='add')", "x.scatter(0, g, 2., reduce='add')", "torch.fft.fft2(x).abs()",
    "F.max_unpool2d(*F.max_pool2d(b4, 2, return_indices=True), 2)", "F.adaptive_avg_pool3d(b5, 2)",
    "F.max_unpool3d(*F.max_pool3d(b5, 2, return_indices=True), 2)", "F.adaptive_max_pool3d(b5, 2)",
    "F.pad(b3, (1, 1), mode='reflect')", "F.pad(b5, (1,) * 6, mode='reflect')",
    "F.pad(b3, (1, 1), mode='replicate')", "F.pad(b5, (1,) * 6, mode='replicate')",
    "F.ctc_loss(ctc_in.log_softmax(2), t3[None, 1:], (5,), (2,))", "F.pdist(x)",
    "F.grid_sample(b5, torch.rand(1, 2, 2, 2, 3), align_corners=False)", "F.pixel_unshuffle(b4, 2)",
    "F.channel_shuffle(q4, 2)", "torch.linalg.lu_factor_ex(spd)[0]", "torch.linalg.lu(spd)[1]",
    "torch.linalg.lu_solve(*torch.linalg.lu_factor(spd), x)", "torch.cholesky_solve(x, spd.tril())",
    "torch.cholesky(spd)", "torch.triangular_solve(x, spd)[0]", "torch.linalg.eigvals(spd)",
    "torch.cholesky_inverse(spd.tril())", "F.interpolate(b3, scale_factor=2)", "F.interpolate(b5, scale_factor=2)",
    "F.interpolate(b3, scale_factor=2, mode='linear')", "F.interpolate(b5, scale_factor=2, mode='trilinear')",
    "F.interpolate(b3, scale_factor=2, mode='nearest-exact')",
    "F.interpolate(b4, scale_factor=2, mode='nearest-exact')",
    "F.interpolate(b5, scale_factor=2, mode='nearest-exact')", "torch.rsub(x, y)", "x.prod(0)", "s.prod(0)",
    "F.leaky_relu_(x * 1)", "F.elu_(x * 1, 2.)", "F.celu_(x * 1, 2.)", "F.threshold_(x * 1, 0.5, 0.1)",
    "F.rrelu_(x * 1)",
    "(x * 1).fill_(s)", "torch.trapz(x)", "torch.trapz(x, y)",
)  # fmt: skip
"""Expressions for operators that the recorded ones do not reach."""


# Samples ------------------------------------------------------------------------------------------------


def _recorded_expressions() -> Any:
    """The module that knows the recorded expressions and the names they use."""
    path = Path(__file__).parents[1] / "engine" / "test_grad_fn_names.py"
    spec = importlib.util.spec_from_file_location("recorded_expressions", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


Call = tuple[tuple[Any, ...], tuple[Any, ...]]


def plain(value: Any) -> Any:
    """A tensor as the numbers it holds now; anything else as it is."""
    return np.array(value._data) if isinstance(value, torch.Tensor) else value


def _usable(inputs: Any, outputs: Any) -> bool:
    """Finite numbers in double precision, small enough to be quick."""
    arrays = [a for a in (plain(v) for v in (*inputs, *outputs)) if isinstance(a, np.ndarray)]
    floats = [a for a in arrays if a.dtype.kind in "fc"]
    double = all(a.dtype in (np.float64, np.complex128) for a in floats)
    return double and all(np.isfinite(a).all() for a in floats) and sum(a.size for a in arrays) < 5000


@functools.cache
def captured_calls() -> dict[str, Call]:
    """One call of each operator, by its key in the table: what the expressions and their derivatives do."""
    keys = {id(op): key for key, op in OPERATORS.items()}
    found: dict[str, Call] = {}
    original = Operator.record

    def record(op: Operator, inputs: Any, attributes: Any, outputs: Any, **options: Any) -> Any:
        key = keys.get(id(op))
        if key is not None and key not in found and _usable(inputs, outputs[: op.linked]):
            found[key] = (tuple(plain(v) for v in inputs), tuple(attributes))
        return original(op, inputs, attributes, outputs, **options)

    Operator.record = record  # type: ignore[method-assign]
    torch.set_default_dtype(torch.float64)
    try:
        with engine_as_torch(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            recorded = _recorded_expressions()
            for expression in (*MORE, *recorded.EXPRESSIONS):
                _differentiate_twice(expression, recorded)
    finally:
        Operator.record = original  # type: ignore[method-assign]
        torch.set_default_dtype(torch.float32)
    return found


def _differentiate_twice(expression: str, recorded: Any) -> None:
    """Run the expression and two backward passes; what the engine has not, other tests complain about."""
    try:
        names, _ = recorded.names_for_expressions()
        result = eval(expression, names)
        leaves = [v for v in names.values() if isinstance(v, torch.Tensor) and v.requires_grad]
        for _ in range(2):
            if not result.requires_grad:
                return
            cotangent = torch.rand(result.shape, dtype=result.dtype).requires_grad_()
            gradients = torch.autograd.grad(result, leaves, cotangent, create_graph=True, allow_unused=True)
            parts = [g.abs().sum() for g in gradients if g is not None and g.requires_grad]
            if not parts:
                return
            result = functools.reduce(lambda a, b: a + b, parts)
    except (AttributeError, NotImplementedError, RuntimeError, TypeError, ValueError):
        return


def sample_of(key: str) -> Call | None:
    """Inputs and attributes for one operator."""
    op = OPERATORS[key]
    if op.samples is not None:
        inputs, attributes = op.samples()
        return tuple(plain(v) for v in inputs), tuple(attributes)
    if key in captured_calls():
        return captured_calls()[key]
    if op.attributes:
        return None
    numbers = np.random.default_rng(len(key))
    return tuple(numbers.uniform(0.2, 0.9, (3, 4)) for _ in range(2 if op.variadic else op.arity)), ()


class Problem:
    """An operator as a function of its differentiable inputs."""

    def __init__(self, key: str, call: Call) -> None:
        self.op, (self.inputs, self.attributes) = OPERATORS[key], call
        positions = range(len(self.inputs)) if self.op.variadic else self.op.differentiable
        self.places = [
            i for i in positions if isinstance(self.inputs[i], np.ndarray) and self.inputs[i].dtype.kind in "fc"
        ]
        self.start = [self.inputs[i] for i in self.places]

    def made(self, values: list[Any]) -> list[Any]:
        """All outputs, for these values of the inputs."""
        arguments = [torch.as_tensor(v) if isinstance(v, np.ndarray) else v for v in self.inputs]
        for place, value in zip(self.places, values, strict=True):
            arguments[place] = value
        made = self.op(arguments, *self.attributes) if self.op.variadic else self.op(*arguments, *self.attributes)
        return list(made) if isinstance(made, (tuple, list)) else [made]

    def outputs(self, values: list[Any]) -> list[Any]:
        """The outputs that take part in the graph."""
        return [r for r in self.made(values) if r.requires_grad]

    def leaves(self, values: list[np.ndarray[Any, Any]]) -> list[Any]:
        return [torch.tensor(v, requires_grad=True) for v in values]

    def gradients(self, values: list[Any], cotangents: list[Any]) -> list[Any]:
        """Differentiable gradients; what is unused has gradient 0."""
        found = torch.autograd.grad(
            self.outputs(values), values, cotangents, create_graph=True, allow_unused=True, materialize_grads=True
        )
        return list(found)


def drawn(like: list[Any], numbers: np.random.Generator) -> list[np.ndarray[Any, Any]]:
    """Random numbers of the shapes and kinds of ``like``."""
    return [_draw(plain(v), numbers) for v in like]


def _draw(like: Any, numbers: np.random.Generator) -> Any:
    real = numbers.normal(size=like.shape)
    return real + 1j * numbers.normal(size=like.shape) if like.dtype.kind == "c" else np.asarray(real)
