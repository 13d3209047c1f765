"""Activation functions: the rectifiers, the smooth ones, and those that cut pieces out.

Most have a backward kernel of their own, an operator too, so that second derivatives have PyTorch's graph:
``x.relu()`` is ReluBackward0, and under ``create_graph`` its gradient is ThresholdBackwardBackward0.
Sources: tools/autograd/derivatives.yaml and aten/src/ATen/native/cpu/Activation.cpp of PyTorch 2.13.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz_engine.autograd.grad_mode import mode
from gradviz_engine.ops.copying import zeros_like
from gradviz_engine.ops.elementwise import Array, as_tensor_argument, camel
from gradviz_engine.ops.joining import cat
from gradviz_engine.ops.registry import Operator, Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.shapes import wrap_dim
from gradviz_engine.tensor import Tensor


def backward_kernel(signature: str, forward: Callable[..., Array], curvature: Callable[..., Any] | None) -> Operator:
    """Declare ``name_backward(grad_output, self, *, ...)``: grad_output times the slope at self.

    ``curvature(g, saved)`` is g times the slope's derivative; None where the slope is constant by pieces.
    """
    name = signature.partition("(")[0]
    attributes = [a.strip() for a in signature.rstrip(")").partition("*,")[2].split(",") if a.strip()]

    def through_grad(grad: Tensor, saved: Any) -> Any:
        return kernel(grad, saved.self, *[getattr(saved, a) for a in attributes])

    def through_self(grad: Tensor, saved: Any) -> Any:
        return zeros_like(grad) if curvature is None else curvature(grad * saved.grad_output, saved)

    kernel = operator(
        signature,
        node=f"{camel(name)}Backward0",
        forward=forward,
        gradients={
            "grad_output": Rule(through_grad, "grad · slope(self)", ("self", *attributes)),
            "self": Rule(
                through_self,
                "grad · grad_output · slope'(self)" if curvature else "0",
                ("self", "grad_output", *attributes) if curvature else (),
            ),
        },
    )
    return kernel


def activation(signature: str, forward: Callable[..., Array], gradient: Callable[..., Any], formula: str) -> Operator:
    """Declare an activation of one tensor; its node is named after it."""
    return operator(
        signature,
        node=camel(signature.partition("(")[0]) + "Backward0",
        forward=forward,
        gradients={"self": Rule(gradient, formula)},
    )


def _run(op: Operator, input: Tensor, *attributes: Any, inplace: bool = False) -> Tensor:
    result: Tensor = op.inplace(input, *attributes) if inplace else op(as_tensor_argument(input, op.name), *attributes)
    return result


def _zero(array: Array) -> Any:
    """0 in the array's own dtype, so that ``np.where`` does not widen."""
    return array.dtype.type(0)


# Rectifiers -----------------------------------------------------------------------------------------------

_threshold_backward = backward_kernel(
    "threshold_backward(grad_output, self, *, threshold)",
    lambda g, x, threshold: np.where(x <= threshold, _zero(g), g),
    None,
)
_relu = activation(
    "relu(self)",
    lambda x: np.maximum(x, 0),
    lambda grad, saved: _threshold_backward(grad, saved.result, 0),
    "grad where result > 0, else 0",
)
_threshold = activation(
    "threshold(self, *, threshold, value)",
    lambda x, threshold, value: np.where(x <= threshold, x.dtype.type(value), x),
    lambda grad, saved: _threshold_backward(grad, saved.self, saved.threshold),
    "grad where self > threshold, else 0",
)
_leaky_relu_backward = backward_kernel(
    "leaky_relu_backward(grad_output, self, *, negative_slope)",
    lambda g, x, slope: np.where(x > 0, g, g * g.dtype.type(slope)),
    None,
)
_leaky_relu = activation(
    "leaky_relu(self, *, negative_slope)",
    lambda x, slope: np.where(x > 0, x, x * x.dtype.type(slope)),
    lambda grad, saved: _leaky_relu_backward(grad, saved.self, saved.negative_slope),
    "grad where self > 0, else grad · negative_slope",
)
_hardtanh_backward = backward_kernel(
    "hardtanh_backward(grad_output, self, *, min_val, max_val)",
    lambda g, x, low, high: np.where((x <= low) | (x >= high), _zero(g), g),
    None,
)
_hardtanh = activation(
    "hardtanh(self, *, min_val, max_val)",
    lambda x, low, high: np.minimum(np.maximum(x, x.dtype.type(low)), x.dtype.type(high)),
    lambda grad, saved: _hardtanh_backward(grad, saved.self, saved.min_val, saved.max_val),
    "grad where min_val < self < max_val, else 0",
)
_hardsigmoid_backward = backward_kernel(
    "hardsigmoid_backward(grad_output, self)",
    lambda g, x: np.where((x > -3) & (x < 3), g / 6, _zero(g)),
    None,
)
_hardsigmoid = activation(
    "hardsigmoid(self)",
    lambda x: np.clip(x + 3, 0, 6) / 6,
    lambda grad, saved: _hardsigmoid_backward(grad, saved.self),
    "grad / 6 where |self| < 3, else 0",
)
_hardswish_backward = backward_kernel(
    "hardswish_backward(grad_output, self)",
    lambda g, x: np.where(x <= -3, _zero(g), np.where(x < 3, g * (x / 3 + 0.5), g)),
    lambda g, saved: ((saved.self > -3) & (saved.self < 3)) * g / 3.0,
)
_hardswish = activation(
    "hardswish(self)",
    lambda x: x * np.clip(x + 3, 0, 6) / 6,
    lambda grad, saved: _hardswish_backward(grad, saved.self),
    "grad · (self / 3 + 1/2) where |self| < 3, grad above, 0 below",
)

# PReLU's weight is brought to the input's rank by ``prelu``, so that the kernel is element by element.

_prelu_kernel_backward = operator(
    "_prelu_kernel_backward(grad_output, self, weight) -> result0, result1",
    node="PreluKernelBackwardBackward0",
    forward=lambda g, x, w: (np.where(x > 0, g, w * g), np.where(x > 0, _zero(g), x * g)),
    gradients={
        "grad_output": Rule(
            lambda grad, saved: _sum(
                _masked(grad[0], saved.self > 0), _masked(grad[0], saved.self <= 0, saved.weight),
                _masked(grad[1], saved.self <= 0, saved.self),
            ),
            "grad₀ where self > 0, else grad₀ · weight + grad₁ · self",
        ),
        "self": Rule(
            lambda grad, saved: _masked(grad[1], saved.self <= 0, saved.grad_output),
            "grad_output · grad₁ where self ≤ 0",
        ),
        "weight": Rule(
            lambda grad, saved: _masked(grad[0], saved.self <= 0, saved.grad_output),
            "grad_output · grad₀ where self ≤ 0",
        ),
    },
)
_prelu_kernel = operator(
    "_prelu_kernel(self, weight)",
    node="PreluKernelBackward0",
    forward=lambda x, w: np.where(x > 0, x, w * x),
    gradients={
        ("self", "weight"): Rule(
            lambda grad, saved, needed: _prelu_kernel_backward(grad, saved.self, saved.weight),
            "grad where self > 0, else grad · weight; grad · self where self ≤ 0",
        )
    },
)


def _masked(gradient: Tensor | None, mask: Tensor, factor: Tensor | None = None) -> Tensor | None:
    """The gradient (times ``factor``) where ``mask``, else 0; None for an undefined gradient."""
    if gradient is None:
        return None
    return (gradient if factor is None else gradient * factor) * mask


def _sum(*terms: Tensor | None) -> Tensor | None:
    total: Tensor | None = None
    for term in terms:
        if term is not None:
            total = term if total is None else total + term
    return total


# Smooth ---------------------------------------------------------------------------------------------------


def _elu_slope(g: Array, x: Array, alpha: float, scale: float, input_scale: float) -> Array:
    steep = g.dtype.type(alpha * scale * input_scale)
    return np.where(x <= 0, g * steep * np.exp(np.minimum(x, 0) * g.dtype.type(input_scale)), g * g.dtype.type(scale))


def _elu_forward(x: Array, alpha: float, scale: float, input_scale: float) -> Array:
    type_ = x.dtype.type
    return np.where(
        x <= 0, np.expm1(np.minimum(x, 0) * type_(input_scale)) * type_(alpha * scale), x * type_(scale)
    )


_elu_backward = backward_kernel(
    "elu_backward(grad_output, self, *, alpha, scale, input_scale)",
    _elu_slope,
    lambda g, saved: (saved.self <= 0)
    * _elu_backward(g, saved.self, saved.alpha, saved.scale, saved.input_scale) * saved.input_scale,
)
_elu = activation(
    "elu(self, *, alpha, scale, input_scale)",
    _elu_forward,
    lambda grad, saved: _elu_backward(grad, saved.self, saved.alpha, saved.scale, saved.input_scale),
    "grad · scale where self > 0, else grad · alpha · scale · exp(self)",
)
_celu = activation(
    "celu(self, *, alpha)",
    lambda x, alpha: _elu_forward(x, alpha, 1.0, 1.0 / alpha),
    lambda grad, saved: _elu_backward(grad, saved.self, saved.alpha, 1.0, 1.0 / saved.alpha),
    "grad where self > 0, else grad · exp(self / alpha)",
)


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
    lambda g, saved: (saved.self * saved.beta <= saved.threshold)
    * (g * saved.beta * (saved.self * saved.beta).sigmoid() * (1 - (saved.self * saved.beta).sigmoid())),
)
_softplus = activation(
    "softplus(self, *, beta, threshold)",
    _softplus_forward,
    lambda grad, saved: _softplus_backward(grad, saved.self, saved.beta, saved.threshold),
    "grad · σ(beta · self), grad above the threshold",
)


def _mish_slope(g: Array, x: Array) -> Array:
    s = _sigmoid(x)
    t = np.tanh(_softplus_forward(x, 1.0, 20.0))
    return g * (t + x * s * (1 - t * t))


_mish = activation(
    "mish(self)",
    lambda x: x * np.tanh(_softplus_forward(x, 1.0, 20.0)),
    lambda grad, saved: _mish_gradient(grad, saved.self),
    "grad · (tanh(softplus(self)) + self · σ(self) · (1 - tanh²(softplus(self))))",
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

# Cutting --------------------------------------------------------------------------------------------------

_hardshrink_backward = backward_kernel(
    "hardshrink_backward(grad_output, self, *, lambd)",
    lambda g, x, lambd: np.where((x >= -lambd) & (x <= lambd), _zero(g), g),
    None,
)
_hardshrink = activation(
    "hardshrink(self, *, lambd)",
    lambda x, lambd: np.where((x >= -lambd) & (x <= lambd), _zero(x), x),
    lambda grad, saved: _hardshrink_backward(grad, saved.self, saved.lambd),
    "grad where |self| > lambd, else 0",
)
_softshrink_backward = backward_kernel(
    "softshrink_backward(grad_output, self, *, lambd)",
    lambda g, x, lambd: np.where((x >= -lambd) & (x <= lambd), _zero(g), g),
    None,
)
_softshrink = activation(
    "softshrink(self, *, lambd)",
    lambda x, lambd: np.where(x > lambd, x - lambd, np.where(x < -lambd, x + lambd, x * 0)),
    lambda grad, saved: _softshrink_backward(grad, saved.self, saved.lambd),
    "grad where |self| > lambd, else 0",
)

# What users call ------------------------------------------------------------------------------------------


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """``max(input, 0)``."""
    return _run(_relu, input, inplace=inplace)


def relu_(input: Tensor) -> Tensor:
    return _relu.inplace(input)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """``input`` where it is above the threshold, else ``value``."""
    return _run(_threshold, input, threshold, value, inplace=inplace)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """``input`` where positive, else ``input * negative_slope``."""
    return _run(_leaky_relu, input, negative_slope, inplace=inplace)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """``input`` cut off at both ends; ValueError for an empty range."""
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    return _run(_hardtanh, input, min_val, max_val, inplace=inplace)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """``min(max(input, 0), 6)``, in PyTorch a HardtanhBackward0."""
    return hardtanh(input, 0.0, 6.0, inplace)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """``relu6(input + 3) / 6``."""
    return _run(_hardsigmoid, input, inplace=inplace)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """``input * relu6(input + 3) / 6``."""
    return _run(_hardswish, input, inplace=inplace)


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """``input`` where positive, else times ``weight``: one number, or one a channel."""
    rank = input.ndim
    if weight.numel() != 1:
        if rank == 0:
            raise RuntimeError("Not allow zero-dim input tensor.")
        channels = input.shape[1] if rank > 1 else 1
        if channels != weight.numel():
            raise RuntimeError(
                "Mismatch of parameter numbers and input channel size. Found parameter numbers = "
                f"{weight.numel()} and channel size = {channels}."
            )
    if weight.ndim > 1:
        raise RuntimeError(
            f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}"
        )
    if rank != weight.ndim:
        weight = weight.reshape([weight.numel() if d == 1 else 1 for d in range(rank)])
    result: Tensor = _prelu_kernel(input, weight)
    return result


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """``input`` where positive, else ``alpha * (exp(input) - 1)``."""
    return _run(_elu, input, alpha, 1.0, 1.0, inplace=inplace)


def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    return elu(input, alpha, True)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """ELU with the constants that keep mean and variance (Klambauer et al. 2017), as in Activation.cpp."""
    return _run(_elu, input, 1.6732632423543772, 1.0507009873554805, 1.0, inplace=inplace)


def selu_(input: Tensor) -> Tensor:
    return selu(input, True)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """``max(0, x) + min(0, alpha * (exp(x / alpha) - 1))``."""
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return _run(_celu, input, alpha, inplace=inplace)


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


@composite
def softsign(input: Tensor) -> Tensor:
    """``input / (1 + |input|)``, composed as PyTorch does."""
    return input / (input.abs() + 1)


@composite
def tanhshrink(input: Tensor) -> Tensor:
    """``input - tanh(input)``, composed as PyTorch does."""
    return input - input.tanh()


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """``input`` outside of ``[-lambd, lambd]``, 0 inside."""
    return _run(_hardshrink, input, lambd)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """``input`` moved towards 0 by ``lambd``."""
    if lambd < 0:
        raise RuntimeError(f"lambda must be greater or equal to 0, but found to be {lambd}.")
    return _run(_softshrink, input, lambd)


__all__ = ["celu", "celu_", "hardshrink", "prelu", "relu", "relu_", "selu", "selu_", "threshold"]
METHODS = ("hardshrink", "prelu", "relu", "relu_")
INPLACE = ()
