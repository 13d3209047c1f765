"""Activation functions made of straight pieces: rectifiers, and those that cut pieces out.

Most have a backward kernel of their own, an operator too, so that second derivatives have PyTorch's graph:
``x.relu()`` is ReluBackward0, and under ``create_graph`` its gradient is ThresholdBackwardBackward0.
The smooth ones are in ``smooth_activation``, GELU in ``gelu``, softmax in ``softmax``.
Sources: tools/autograd/derivatives.yaml and aten/src/ATen/native/cpu/Activation.cpp of PyTorch 2.13.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz_engine.ops.copying import zeros_like
from gradviz_engine.ops.elementwise import Array, as_tensor_argument, camel
from gradviz_engine.ops.registry import Operator, Rule, operator
from gradviz_engine.ops.reporting import composite
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


def activation(
    signature: str, forward: Callable[..., Array], gradient: Callable[..., Any], formula: str, number: int = 0
) -> Operator:
    """Declare an activation of one tensor; its node is named after it.

    ``number`` 1 is that of an in-place form with a derivative of its own.
    """
    return operator(
        signature,
        node=f"{camel(signature.partition('(')[0])}Backward{number}",
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
_threshold_in_place = activation(
    "threshold(self, *, threshold, value)",
    _threshold.forward,
    lambda grad, saved: _threshold_backward(grad, saved.self, saved.threshold),
    "grad where self > threshold, else 0",
    number=1,
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
_leaky_relu_in_place = activation(
    "leaky_relu(self, *, negative_slope)",
    _leaky_relu.forward,
    lambda grad, saved: _leaky_relu_of_result(grad, saved.result, saved.negative_slope),
    "grad where result > 0, else grad · negative_slope",
    number=1,
)


def _leaky_relu_of_result(grad: Tensor, result: Tensor, negative_slope: float) -> Tensor:
    """The sign of the result is that of the input only where the slope is not negative."""
    if negative_slope < 0:
        raise RuntimeError(
            "In-place leakyReLu backward calculation is triggered with a negative slope which is not supported. This "
            "is caused by calling in-place forward function with a negative slope, please call out-of-place version "
            "instead. File an issue at https://github.com/pytorch/pytorch if you do require supporting in-place "
            "leakRelu backward calculation with negative slope"
        )
    gradient: Tensor = _leaky_relu_backward(grad, result, negative_slope)
    return gradient


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
    "grad · (self / 3 + 0.5) where |self| < 3, else grad where self > 0, else 0",
)

# PReLU's weight is brought to the input's rank by ``prelu``, so that the kernel is element by element.

_prelu_kernel_backward = operator(
    "_prelu_kernel_backward(grad_output, self, weight) -> result0, result1",
    node="PreluKernelBackwardBackward0",
    forward=lambda g, x, w: (np.where(x > 0, g, w * g), np.where(x > 0, _zero(g), x * g)),
    gradients={
        "grad_output": Rule(
            lambda grad, saved: _sum(
                _masked(grad[0], saved.self > 0),
                _masked(grad[0], saved.self <= 0, saved.weight),
                _masked(grad[1], saved.self <= 0, saved.self),
            ),
            "grad₀ where self > 0, else grad₀ · weight + grad₁ · self",
        ),
        "self": Rule(
            lambda grad, saved: _masked(grad[1], saved.self <= 0, saved.grad_output),
            "0 where self > 0, else grad_output · grad₁",
        ),
        "weight": Rule(
            lambda grad, saved: _masked(grad[0], saved.self <= 0, saved.grad_output),
            "0 where self > 0, else grad_output · grad₀",
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
            "grad where self > 0, else grad · weight; 0 where self > 0, else grad · self",
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
    return _run(_threshold_in_place if inplace else _threshold, input, threshold, value, inplace=inplace)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """``input`` where positive, else ``input * negative_slope``."""
    return _run(_leaky_relu_in_place if inplace else _leaky_relu, input, negative_slope, inplace=inplace)


def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    return leaky_relu(input, negative_slope, True)


def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    return hardtanh(input, min_val, max_val, True)


def threshold_(input: Tensor, threshold: float, value: float) -> Tensor:
    return _run(_threshold_in_place, input, threshold, value, inplace=True)


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
        raise RuntimeError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}")
    if rank != weight.ndim:
        weight = weight.reshape([weight.numel() if d == 1 else 1 for d in range(rank)])
    result: Tensor = _prelu_kernel(input, weight)
    return result


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


__all__ = ["hardshrink", "prelu", "relu", "relu_", "threshold", "threshold_"]
METHODS = ("hardshrink", "prelu", "relu", "relu_")
INPLACE = ()
