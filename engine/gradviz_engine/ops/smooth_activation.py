"""Smooth activation functions: ELU and its kin, SiLU, softplus, Mish, the logarithm of the sigmoid, GLU.

Sources: tools/autograd/derivatives.yaml, torch/csrc/autograd/FunctionsManual.cpp and
aten/src/ATen/native/cpu/Activation.cpp of PyTorch 2.13.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine.autograd.grad_mode import mode
from gradviz_engine.ops.activation import _run, activation, backward_kernel
from gradviz_engine.ops.elementwise import Array
from gradviz_engine.ops.joining import cat
from gradviz_engine.ops.registry import Operator, operator
from gradviz_engine.ops.shapes import wrap_dim
from gradviz_engine.tensor import Tensor


def _elu_slope(g: Array, x: Array, alpha: float, scale: float, input_scale: float, is_result: bool) -> Array:
    """``x`` is the input, or the result, of which the input need not be known."""
    type_ = g.dtype.type
    if is_result:
        return np.where(x <= 0, g * type_(input_scale) * (x + type_(alpha * scale)), g * type_(scale))
    steep = type_(alpha * scale * input_scale)
    return np.where(x <= 0, g * steep * np.exp(np.minimum(x, 0) * type_(input_scale)), g * type_(scale))


def _elu_forward(x: Array, alpha: float, scale: float, input_scale: float) -> Array:
    type_ = x.dtype.type
    return np.where(x <= 0, np.expm1(np.minimum(x, 0) * type_(input_scale)) * type_(alpha * scale), x * type_(scale))


def _elu_curvature(g: Tensor, saved: Any) -> Tensor:
    """FunctionsManual.cpp, ``elu_double_backward``."""
    if saved.is_result:
        bent: Tensor = (saved.self <= 0) * g * saved.input_scale
        return bent
    slope = _elu_backward(g, saved.self, saved.alpha, saved.scale, saved.input_scale, False)
    return (saved.self <= 0) * slope * saved.input_scale


_elu_backward: Operator = backward_kernel(
    "elu_backward(grad_output, self, *, alpha, scale, input_scale, is_result)",
    _elu_slope,
    _elu_curvature,
)
_elu = activation(
    "elu(self, *, alpha, scale, input_scale)",
    _elu_forward,
    lambda grad, saved: _elu_backward(grad, saved.self, saved.alpha, saved.scale, saved.input_scale, False),
    "grad · scale where self > 0, else grad · alpha · scale · input_scale · exp(self · input_scale)",
)
_celu = activation(
    "celu(self, *, alpha)",
    lambda x, alpha: _elu_forward(x, alpha, 1.0, 1.0 / alpha),
    lambda grad, saved: _elu_backward(grad, saved.self, saved.alpha, 1.0, 1.0 / saved.alpha, False),
    "grad where self > 0, else grad · exp(self / alpha)",
)
_elu_in_place = activation(
    "elu(self, *, alpha, scale, input_scale)",
    _elu_forward,
    lambda grad, saved: _elu_of_result(grad, saved.result, saved.alpha, saved.scale, saved.input_scale),
    "grad · scale where result > 0, else grad · input_scale · (result + alpha · scale)",
    number=1,
)
_celu_in_place = activation(
    "celu(self, *, alpha)",
    _celu.forward,
    lambda grad, saved: _elu_of_result(grad, saved.result, saved.alpha, 1.0, 1.0 / saved.alpha),
    "grad where result > 0, else grad / alpha · (result + alpha)",
    number=1,
)


def _elu_of_result(grad: Tensor, result: Tensor, alpha: float, scale: float, input_scale: float) -> Tensor:
    if alpha < 0:
        raise RuntimeError(
            "In-place elu backward calculation is triggered with a negative slope which is not supported. This is "
            "caused by calling in-place forward function with a negative slope, please call out-of-place version "
            "instead."
        )
    gradient: Tensor = _elu_backward(grad, result, alpha, scale, input_scale, True)
    return gradient


def _sigmoid(x: Array) -> Array:
    """1 / (1 + e⁻ˣ); exp overflows to inf for large -x, which gives the right 0."""
    result = np.negative(x, out=np.empty_like(x))
    np.exp(result, out=result)
    result += 1
    return np.divide(1, result, out=result)


def _silu_slope(g: Array, x: Array) -> Array:
    s = _sigmoid(x)
    return g * (s * (1 + x * (1 - s)))


_silu = activation(
    "silu(self)",
    lambda x: x * _sigmoid(x),
    lambda grad, saved: _silu_gradient(grad, saved.self),
    "grad · σ(self) · (1 + self · (1 - σ(self)))",
)
_silu_backward = operator("silu_backward(grad_output, self)", forward=_silu_slope)


def _silu_gradient(grad: Tensor, x: Tensor) -> Any:
    """The kernel; under ``create_graph`` differentiable operations, as in PyTorch."""
    if not mode.enabled:
        return _silu_backward(grad, x)
    sigmoid = x.sigmoid()
    return grad * sigmoid * (1 + x * (1 - sigmoid))


def _softplus_forward(x: Array, beta: float, threshold: float) -> Array:
    scaled = x * x.dtype.type(beta)
    return np.where(scaled > threshold, x, np.log1p(np.exp(np.minimum(scaled, threshold))) / x.dtype.type(beta))


def _softplus_slope(g: Array, x: Array, beta: float, threshold: float) -> Array:
    scaled = x * x.dtype.type(beta)
    return np.where(scaled > threshold, g, g * _sigmoid(scaled))


_softplus_backward = backward_kernel(
    "softplus_backward(grad_output, self, *, beta, threshold)",
    _softplus_slope,
    lambda g, saved: (
        (saved.self * saved.beta <= saved.threshold)
        * (g * saved.beta * (saved.self * saved.beta).sigmoid() * (1 - (saved.self * saved.beta).sigmoid()))
    ),
)
_softplus = activation(
    "softplus(self, *, beta, threshold)",
    _softplus_forward,
    lambda grad, saved: _softplus_backward(grad, saved.self, saved.beta, saved.threshold),
    "grad · σ(beta · self) where beta · self ≤ threshold, else grad",
)


def _mish_slope(g: Array, x: Array) -> Array:
    s = _sigmoid(x)
    t = np.tanh(_softplus_forward(x, 1.0, 20.0))
    return g * (t + x * s * (1 - t * t))


_mish = activation(
    "mish(self)",
    lambda x: x * np.tanh(_softplus_forward(x, 1.0, 20.0)),
    lambda grad, saved: _mish_gradient(grad, saved.self),
    "grad · (tanh(softplus(self)) + self · σ(self) · (1 - tanh(softplus(self))²))",
)
_mish_backward = operator("mish_backward(grad_output, self)", forward=_mish_slope)


def _mish_gradient(grad: Tensor, x: Tensor) -> Any:
    if not mode.enabled:
        return _mish_backward(grad, x)
    sigmoid = x.sigmoid()
    tanh = softplus(x).tanh()
    return grad * (tanh + x * sigmoid * (1 - tanh * tanh))


def log_sigmoid_array(x: Array) -> Array:
    """min(x, 0) - log(1 + e^-|x|): neither end overflows."""
    result = np.abs(x, out=np.empty_like(x))
    np.negative(result, out=result)
    np.log1p(np.exp(result, out=result), out=result)
    return np.subtract(np.minimum(x, 0), result, out=result)


_log_sigmoid_backward = backward_kernel(
    "log_sigmoid_backward(grad_output, self)",
    lambda g, x: g * _sigmoid(-x),
    lambda g, saved: -g * saved.self.sigmoid() * (1 - saved.self.sigmoid()),
)
_log_sigmoid = activation(
    "log_sigmoid(self)",
    log_sigmoid_array,
    lambda grad, saved: _log_sigmoid_backward(grad, saved.self),
    "grad · (1 - σ(self))",
)


def _halves(x: Array, dim: int) -> tuple[Array, Array]:
    first, second = np.split(x, 2, axis=dim)
    return first, second


def _glu_forward(x: Array, dim: int) -> Array:
    value, gate = _halves(x, dim)
    return value * _sigmoid(gate)


def _glu_slope(g: Array, x: Array, dim: int) -> Array:
    value, gate = _halves(x, dim)
    s = _sigmoid(gate)
    return np.concatenate([g * s, g * value * s * (1 - s)], axis=dim)


def _glu_gradient(grad: Tensor, x: Tensor, dim: int) -> Any:
    """``glu_backward``; PyTorch differentiates it by formulas too long to gain anything from here."""
    if not mode.enabled:
        return _glu_backward(grad, x, dim)
    value, gate = x.chunk(2, dim)
    sigmoid = gate.sigmoid()
    return cat([grad * sigmoid, grad * value * sigmoid * (1 - sigmoid)], dim)


_glu_backward = operator("glu_backward(grad_output, self, *, dim)", forward=_glu_slope)
_glu = activation(
    "glu(self, *, dim)",
    _glu_forward,
    lambda grad, saved: _glu_gradient(grad, saved.self, saved.dim),
    "(grad · σ(b), grad · a · σ'(b)) for self = (a, b)",
)


# What users call ------------------------------------------------------------------------------------------


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """``input`` where positive, else ``alpha * (exp(input) - 1)``."""
    return _run(_elu_in_place if inplace else _elu, input, alpha, 1.0, 1.0, inplace=inplace)


def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    return elu(input, alpha, True)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """ELU with the constants that keep mean and variance (Klambauer et al. 2017), as in Activation.cpp."""
    return _run(_elu_in_place if inplace else _elu, input, 1.6732632423543772, 1.0507009873554805, 1.0, inplace=inplace)


def selu_(input: Tensor) -> Tensor:
    return selu(input, True)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """``max(0, x) + min(0, alpha * (exp(x / alpha) - 1))``."""
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return _run(_celu_in_place if inplace else _celu, input, alpha, inplace=inplace)


def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    return celu(input, alpha, True)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """``input * sigmoid(input)``."""
    return _run(_silu, input, inplace=inplace)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """``input * tanh(softplus(input))``."""
    return _run(_mish, input, inplace=inplace)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """``log(1 + exp(beta * input)) / beta``, the identity where ``beta * input`` is above the threshold."""
    return _run(_softplus, input, beta, threshold)


def logsigmoid(input: Tensor) -> Tensor:
    """``log(sigmoid(input))`` without overflow."""
    return _run(_log_sigmoid, input)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """The first half times the sigmoid of the second half."""
    if input.ndim == 0:
        raise RuntimeError("glu does not support 0-dimensional tensors")
    dim = wrap_dim(dim, input.ndim)
    size = input.shape[dim]
    if size % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {dim} is size {size}")
    return _run(_glu, input, dim)


__all__ = ["celu", "celu_", "selu", "selu_"]
METHODS: tuple[str, ...] = ()
INPLACE: tuple[str, ...] = ()
