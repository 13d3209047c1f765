"""GELU, exact and by the tanh approximation (Hendrycks and Gimpel 2016); and the randomized RReLU.

Sources: tools/autograd/derivatives.yaml, ``gelu_double_backward`` in torch/csrc/autograd/FunctionsManual.cpp and
aten/src/ATen/native/Activation.cpp of PyTorch 2.13.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradviz_engine.generator import default_generator
from gradviz_engine.ops.activation import _run, activation, backward_kernel
from gradviz_engine.ops.distributions import uniform
from gradviz_engine.ops.elementwise import Array
from gradviz_engine.ops.error_functions import erf
from gradviz_engine.ops.registry import Operator, Rule, operator
from gradviz_engine.tensor import Tensor, wrap

_ROOT_HALF = math.sqrt(0.5)
_DENSITY = 1 / math.sqrt(2 * math.pi)
_SLOPE, _CUBE = math.sqrt(2 / math.pi), 0.044715  # tanh's argument: _SLOPE · (x + _CUBE · x³)


def _below(x: Array) -> Array:
    """Φ(x), the share of a normal distribution below x."""
    result = np.asarray(erf(x * x.dtype.type(_ROOT_HALF)))
    result += 1
    result *= x.dtype.type(0.5)
    return result


def _tanh(x: Array) -> Array:
    type_ = x.dtype.type
    return np.tanh(type_(_SLOPE) * (x + type_(_CUBE) * x * x * x))


def _forward(x: Array, approximate: str) -> Array:
    if approximate == "tanh":
        return x * (x.dtype.type(0.5) * (1 + _tanh(x)))
    return x * _below(x)


def _slope(g: Array, x: Array, approximate: str) -> Array:
    type_ = x.dtype.type
    if approximate == "tanh":
        t = _tanh(x)
        inner = type_(_SLOPE) * (1 + type_(3 * _CUBE) * x * x)
        return g * (type_(0.5) * (1 + t) + type_(0.5) * x * (1 - t * t) * inner)
    density = np.exp(x * x * type_(-0.5)) * type_(_DENSITY)
    return g * (_below(x) + x * density)


def _curvature(g: Tensor, saved: Any) -> Tensor:
    """g times the second derivative, in the engine's own operations."""
    x = saved.self
    if saved.approximate == "tanh":
        t = ((x + x * x * x * _CUBE) * _SLOPE).tanh()
        steep = 1 - t * t
        inner = (x * x * (3 * _CUBE) + 1) * _SLOPE
        return g * steep * (inner + x * (3 * _CUBE * _SLOPE) * x - x * t * inner * inner)
    return g * (x * x * -0.5).exp() * _DENSITY * (2 - x * x)


_gelu_backward = backward_kernel("gelu_backward(grad_output, self, *, approximate)", _slope, _curvature)
_gelu = activation(
    "gelu(self, *, approximate)",
    _forward,
    lambda grad, saved: _gelu_backward(grad, saved.self, saved.approximate),
    "grad · (Φ(self) + self · φ(self))",
)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """``input`` times the share of a normal distribution below it."""
    if approximate not in ("none", "tanh"):
        raise RuntimeError("approximate argument must be either none or tanh.")
    return _run(_gelu, input, approximate)


# Randomized leaky ReLU --------------------------------------------------------------------------------------

_rrelu_backward: Operator = operator(
    "rrelu_with_noise_backward(grad_output, self, noise)",
    node="RreluWithNoiseBackwardBackward0",
    forward=lambda g, x, noise: g * noise,
    gradients={
        "grad_output": Rule(lambda grad, saved: _rrelu_backward(grad, saved.self, saved.noise), "grad · noise"),
        "self": Rule(lambda grad, saved: None, "0"),
    },
)


def _rrelu_operator(node: str, kept: str) -> Operator:
    """``kept``: the node saves its input, or its result where that took the input's place."""
    return operator(
        "rrelu_with_noise(self, noise, *, lower, upper, training)",
        node=node,
        forward=lambda x, noise, lower, upper, training: x * noise,
        gradients={
            "self": Rule(
                lambda grad, saved: _rrelu_backward(grad, getattr(saved, kept), saved.noise),
                "grad · noise",
                (kept, "noise", "lower", "upper", "training"),
            )
        },
    )


_rrelu = _rrelu_operator("RreluWithNoiseBackward0", "self")
_rrelu_in_place = _rrelu_operator("RreluWithNoiseBackward1", "result")


def rrelu(
    input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False, inplace: bool = False
) -> Tensor:
    """Negative elements times a slope: drawn from [lower, upper) when training, their mean otherwise."""
    if lower > upper:
        raise RuntimeError("Lower bound should be less than or equal to the upper bound")
    x = input._data
    negative = x <= 0 if training else x < 0
    noise = np.ones_like(x)
    if training:
        count = int(np.count_nonzero(negative))
        noise[negative] = uniform(default_generator, count, np.dtype(np.float64), lower, upper)
    else:
        noise[negative] = (lower + upper) / 2
    op = _rrelu_in_place if inplace else _rrelu
    return _run(op, input, wrap(noise), lower, upper, training, inplace=inplace)


def rrelu_(input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False) -> Tensor:
    return rrelu(input, lower, upper, training, True)


__all__ = ["rrelu", "rrelu_"]
METHODS: tuple[str, ...] = ()
INPLACE: tuple[str, ...] = ()
