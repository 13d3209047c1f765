"""Softmax and its relatives.

Derivatives: tools/autograd/derivatives.yaml of PyTorch 2.13 (``_softmax``, ``_log_softmax`` and their
``_backward_data`` kernels, ``softmax_double_backward`` in torch/csrc/autograd/FunctionsManual.cpp).
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from gradviz_engine.ops.elementwise import Array, as_tensor_argument
from gradviz_engine.ops.registry import Operator, Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.sampling import _exponential_array
from gradviz_engine.ops.shapes import wrap_dim
from gradviz_engine.tensor import Tensor, wrap


def softmax_array(x: Array, dim: int) -> Array:
    """exp(x) / Σ exp(x) along ``dim``, shifted by the maximum so that nothing overflows."""
    if x.ndim == 0:
        return np.ones_like(x)
    if x.size == 0:
        return x.copy()
    result = np.subtract(x, x.max(axis=dim, keepdims=True))
    np.exp(result, out=result)
    result /= result.sum(axis=dim, keepdims=True)
    return result


def log_softmax_array(x: Array, dim: int) -> Array:
    """x - log Σ exp(x) along ``dim``, shifted by the maximum."""
    if x.ndim == 0:
        return np.zeros_like(x)
    if x.size == 0:
        return x.copy()
    result = np.subtract(x, x.max(axis=dim, keepdims=True))
    result -= np.log(np.exp(result).sum(axis=dim, keepdims=True))
    return result


def _softmax_slope(g: Array, y: Array, dim: int) -> Array:
    if y.ndim == 0:
        return np.zeros_like(y)
    result = g * y
    result -= y * result.sum(axis=dim, keepdims=True)
    return result


def _log_softmax_slope(g: Array, y: Array, dim: int) -> Array:
    if y.ndim == 0:
        return np.zeros_like(y)
    result = np.exp(y)
    result *= g.sum(axis=dim, keepdims=True)
    return np.subtract(g, result, out=result)


def _softmax_double_backward(grad: Tensor, saved: Any) -> Tensor:
    """With respect to softmax's output; FunctionsManual.cpp, ``softmax_double_backward``."""
    g, y, dim = saved.grad_output, saved.output, saved.dim
    return grad * g - (y * grad).sum(dim, keepdim=True) * g - grad * (y * g).sum(dim, keepdim=True)


_softmax_backward: Operator = operator(
    "_softmax_backward_data(grad_output, output, *, dim)",
    node="SoftmaxBackwardDataBackward0",
    forward=_softmax_slope,
    gradients={
        "grad_output": Rule(
            lambda grad, saved: _softmax_backward(grad, saved.output, saved.dim),
            "(grad - Σ grad · output) · output",
        ),
        "output": Rule(
            _softmax_double_backward,
            "grad · grad_output - grad_output · Σ grad · output - grad · Σ grad_output · output",
            ("grad_output", "output", "dim"),
        ),
    },
)
_log_softmax_backward = operator(
    "_log_softmax_backward_data(grad_output, output, *, dim)",
    node="LogSoftmaxBackwardDataBackward0",
    forward=_log_softmax_slope,
    gradients={
        "grad_output": Rule(
            lambda grad, saved: grad - (grad * saved.output.exp()).sum(saved.dim, True),
            "grad - Σ grad · exp(output)",
        ),
        "output": Rule(
            lambda grad, saved: -saved.grad_output.sum(saved.dim, True) * saved.output.exp() * grad,
            "-(Σ grad_output) · exp(output) · grad",
        ),
    },
)
_softmax = operator(
    "softmax(self, *, dim)",
    node="SoftmaxBackward0",
    forward=softmax_array,
    gradients={
        "self": Rule(
            lambda grad, saved: _softmax_backward(grad, saved.result, saved.dim), "(grad - Σ grad · result) · result"
        )
    },
)
_log_softmax = operator(
    "log_softmax(self, *, dim)",
    node="LogSoftmaxBackward0",
    forward=log_softmax_array,
    gradients={
        "self": Rule(
            lambda grad, saved: _log_softmax_backward(grad, saved.result, saved.dim),
            "grad - exp(result) · Σ grad",
        )
    },
)


def _safe_softmax_array(x: Array, dim: int) -> Array:
    """Softmax whose rows of nothing but -inf are 0 instead of nan."""
    result = softmax_array(x, dim)
    result[np.broadcast_to(np.all(x == -np.inf, axis=dim, keepdims=True), x.shape)] = 0
    return result


safe_softmax = operator(
    "_safe_softmax(self, *, dim)",
    node="SafeSoftmaxBackward0",
    forward=_safe_softmax_array,
    gradients={
        "self": Rule(
            lambda grad, saved: _softmax_backward(grad, saved.result, saved.dim), "(grad - Σ grad · result) · result"
        )
    },
)


def _default_dim(name: str, rank: int) -> int:
    """The dimension old programs mean when they give none (torch/nn/functional.py, ``_get_softmax_dim``)."""
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an argument.",
        stacklevel=5,
    )
    return 0 if rank in (0, 1, 3) else 1


def _prepared(name: str, input: Tensor, dim: int | None, dtype: Any) -> tuple[Tensor, int]:
    """The input in the wanted dtype, and the dimension as a non-negative number."""
    input = as_tensor_argument(input, name)
    rank = input.ndim
    dim = wrap_dim(_default_dim(name, rank) if dim is None else dim, rank)
    return (input if dtype is None else input.to(dtype)), dim


@composite
def softmax(input: Tensor, dim: int | None = None, dtype: Any = None, *, _stacklevel: int = 3) -> Tensor:
    """Positive numbers along ``dim`` that sum to 1, in proportion to ``exp(input)``."""
    result: Tensor = _softmax(*_prepared("softmax", input, dim, dtype))
    return result


@composite
def log_softmax(input: Tensor, dim: int | None = None, dtype: Any = None, *, _stacklevel: int = 3) -> Tensor:
    """``log(softmax(input))`` without its rounding errors."""
    result: Tensor = _log_softmax(*_prepared("log_softmax", input, dim, dtype))
    return result


@composite
def softmin(input: Tensor, dim: int | None = None, dtype: Any = None, *, _stacklevel: int = 3) -> Tensor:
    """``softmax(-input)``."""
    dim = _default_dim("softmin", input.ndim) if dim is None else dim
    return softmax(-input, dim, dtype)


def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """Softmax of the logits plus Gumbel noise; ``hard`` gives one-hot values with the soft ones' gradient."""
    if eps != 1e-10:
        warnings.warn("`eps` parameter is deprecated and has no effect.", stacklevel=2)
    noise = -wrap(_exponential_array(logits._data, 1.0, None)).log()
    soft = softmax((logits + noise) / tau, dim)
    if not hard:
        return soft
    best = np.expand_dims(soft._data.argmax(axis=dim), dim)
    one_hot = np.zeros_like(soft._data)
    np.put_along_axis(one_hot, best, 1, axis=dim)
    return wrap(one_hot) - soft.detach() + soft


__all__ = ["log_softmax", "softmax"]
METHODS = ("log_softmax", "softmax")
INPLACE = ()
