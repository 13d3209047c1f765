"""Arithmetic and elementary functions, element by element.

Derivatives: tools/autograd/derivatives.yaml of PyTorch 2.13.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine.ops.elementwise import floating, promoting, promoting_floats, unary
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.tensor import Tensor

# Arithmetic ---------------------------------------------------------------------------------------------

_plus, _minus = promoting(np.add), promoting(np.subtract)

_add = operator(
    "add(self, other, *, alpha)",
    node="AddBackward0",
    forward=lambda x, y, alpha: _plus(x, y if alpha == 1 else y * alpha),
    gradients={
        "self": Rule(lambda grad, saved: grad, "grad"),
        "other": Rule(lambda grad, saved: scaled(grad, saved.alpha), "grad · alpha"),
    },
)
_sub = operator(
    "sub(self, other, *, alpha)",
    node="SubBackward0",
    forward=lambda x, y, alpha: _minus(x, y if alpha == 1 else y * alpha),
    gradients={
        "self": Rule(lambda grad, saved: grad, "grad"),
        "other": Rule(lambda grad, saved: scaled(-grad, saved.alpha), "-grad · alpha"),
    },
)
_mul = operator(
    "mul(self, other)",
    node="MulBackward0",
    forward=promoting(np.multiply),
    gradients={
        "self": Rule(lambda grad, saved: grad * saved.other, "grad · other"),
        "other": Rule(lambda grad, saved: grad * saved.self, "grad · self"),
    },
)
_div = operator(
    "div(self, other)",
    node="DivBackward0",
    forward=promoting_floats(np.true_divide),
    gradients={
        "self": Rule(lambda grad, saved: grad / saved.other, "grad / other"),
        "other": Rule(
            lambda grad, saved: -grad * ((saved.self / saved.other) / saved.other), "-grad · self / other²"
        ),
    },
)


def scaled(tensor: Tensor, factor: Any) -> Tensor:
    """``tensor * factor`` without a node where the factor is 1."""
    return tensor if factor == 1 else tensor * factor


def add(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """``input + alpha * other``."""
    return _add(input, other, alpha)  # type: ignore[no-any-return]


def sub(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """``input - alpha * other``."""
    return _sub(input, other, alpha)  # type: ignore[no-any-return]


def mul(input: Any, other: Any) -> Tensor:
    """``input * other``."""
    return _mul(input, other)  # type: ignore[no-any-return]


def div(input: Any, other: Any) -> Tensor:
    """``input / other``, as true division."""
    return _div(input, other)  # type: ignore[no-any-return]


# Elementary functions -----------------------------------------------------------------------------------

neg = unary("neg", np.negative, lambda grad, saved: -grad, "-grad")
exp = unary("exp", floating(np.exp), lambda grad, saved: grad * saved.result, "grad · result")
sin = unary("sin", floating(np.sin), lambda grad, saved: grad * saved.self.cos(), "grad · cos(self)")
cos = unary("cos", floating(np.cos), lambda grad, saved: grad * -saved.self.sin(), "-grad · sin(self)")

__all__ = ["add", "cos", "div", "exp", "mul", "neg", "sin", "sub"]
METHODS = tuple(__all__)
INPLACE = ("cos", "exp", "neg", "sin")
