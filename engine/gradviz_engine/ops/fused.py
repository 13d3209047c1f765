"""A product, a quotient or a weighted difference added to a third operand.

Derivatives: tools/autograd/derivatives.yaml of PyTorch 2.13.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine.ops.elementwise import promoting, promoting_floats, to_common
from gradviz_engine.ops.pointwise import mul_scalar
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.tensor import Tensor


def _fused(combine: Any) -> Any:
    def forward(x: Any, first: Any, second: Any, value: Any) -> Any:
        x, first, second = to_common(x, first, second)
        product = combine(first, second)
        return np.add(x, product if value == 1 else product * np.asarray(value, product.dtype))

    return forward


_addcmul = operator(
    "addcmul(self, tensor1, tensor2, *, value)",
    node="AddcmulBackward0",
    forward=_fused(promoting(np.multiply)),
    gradients={
        "self": Rule(lambda grad, saved: grad, "grad"),
        "tensor1": Rule(lambda grad, saved: grad * mul_scalar(saved.tensor2, saved.value), "grad · tensor2 · value"),
        "tensor2": Rule(lambda grad, saved: grad * mul_scalar(saved.tensor1, saved.value), "grad · tensor1 · value"),
    },
)
_addcdiv = operator(
    "addcdiv(self, tensor1, tensor2, *, value)",
    node="AddcdivBackward0",
    forward=_fused(promoting_floats(np.true_divide)),
    gradients={
        "self": Rule(lambda grad, saved: grad, "grad"),
        "tensor1": Rule(lambda grad, saved: grad * (saved.value / saved.tensor2), "grad · value / tensor2"),
        "tensor2": Rule(
            lambda grad, saved: -grad * (mul_scalar(saved.tensor1, saved.value) / (saved.tensor2 * saved.tensor2)),
            "-grad · value · tensor1 / tensor2²",
        ),
    },
)
_lerp_scalar = operator(
    "lerp(self, end, *, weight)",
    node="LerpBackward0",
    forward=lambda x, end, weight: _interpolated(x, end, np.asarray(weight, x.dtype)),
    gradients={
        "self": Rule(lambda grad, saved: mul_scalar(grad, 1 - saved.weight), "grad · (1 - weight)"),
        "end": Rule(lambda grad, saved: mul_scalar(grad, saved.weight), "grad · weight"),
    },
)
_lerp = operator(
    "lerp(self, end, weight)",
    node="LerpBackward1",
    forward=lambda x, end, weight: _interpolated(x, end, weight),
    gradients={
        "self": Rule(lambda grad, saved: grad * (1 - saved.weight), "grad · (1 - weight)"),
        "end": Rule(lambda grad, saved: grad * saved.weight, "grad · weight"),
        "weight": Rule(lambda grad, saved: grad * (saved.end - saved.self), "grad · (end - self)"),
    },
)


def _interpolated(x: Any, end: Any, weight: Any) -> Any:
    """ATen's ``lerp``: from the nearer end, so that weight 1 gives ``end`` exactly."""
    return np.where(np.abs(weight) < 0.5, x + weight * (end - x), end - (end - x) * (1 - weight)).astype(x.dtype)


def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """``input + value * tensor1 * tensor2``."""
    return _addcmul(input, tensor1, tensor2, value)


def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """``input + value * tensor1 / tensor2``."""
    if all(x._data.dtype.kind in "iub" for x in (tensor1, tensor2)):
        raise RuntimeError(
            "Integer division with addcdiv is no longer supported, and in a future  release addcdiv will perform a "
            "true division of tensor1 and tensor2. The historic addcdiv behavior can be implemented as (input + "
            "value * torch.trunc(tensor1 / tensor2)).to(input.dtype) for integer inputs and as (input + value * "
            "tensor1 / tensor2) for float inputs. The future addcdiv behavior is just the latter implementation: "
            "(input + value * tensor1 / tensor2), for all dtypes."
        )
    return _addcdiv(input, tensor1, tensor2, value)


def lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    """From ``input`` (weight 0) to ``end`` (weight 1) on a straight line."""
    if input._data.dtype != end._data.dtype:
        raise RuntimeError(f"expected dtype {_c_type(input)} for `end` but got dtype {_c_type(end)}")
    return (_lerp if isinstance(weight, Tensor) else _lerp_scalar)(input, end, weight)


def _c_type(tensor: Tensor) -> str:
    return {"float64": "double", "float32": "float", "int64": "long int"}.get(tensor.dtype._name, tensor.dtype._name)


def addcmul_(self: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    return _addcmul.inplace(self, tensor1, tensor2, value)


def addcdiv_(self: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    return _addcdiv.inplace(self, tensor1, tensor2, value)


def lerp_(self: Tensor, end: Tensor, weight: Any) -> Tensor:
    return (_lerp if isinstance(weight, Tensor) else _lerp_scalar).inplace(self, end, weight)


__all__ = ["addcdiv", "addcmul", "lerp"]
METHODS = (*__all__, "addcdiv_", "addcmul_", "lerp_")
INPLACE = ()
