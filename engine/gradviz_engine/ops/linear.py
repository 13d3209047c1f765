"""``linear`` and ``bilinear``, composed of matrix products as PyTorch composes them.

Source: aten/src/ATen/native/Linear.cpp of PyTorch 2.13.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradviz_engine.ops.elementwise import Array
from gradviz_engine.ops.matmul import _addmm, matmul
from gradviz_engine.ops.pointwise import _add
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.shape import t
from gradviz_engine.tensor import Tensor


@composite
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``input @ weightᵀ + bias``.

    With a bias, a matrix takes one AddmmBackward0, and a contiguous input of another rank is viewed as a matrix;
    everything else is a matmul, and the bias is added in place.
    """
    rank = input._data.ndim
    if rank == 0 or weight._data.ndim == 0:
        raise RuntimeError(
            f"both arguments to linear need to be at least 1D, but they are {rank}D and {weight._data.ndim}D"
        )
    if bias is None:
        return matmul(input, t(weight))
    if rank == 2:
        result: Tensor = _addmm(bias, input, t(weight), 1, 1)
        return result
    if input._data.flags.c_contiguous:
        shape = input._data.shape
        flat = input.reshape(math.prod(shape[:-1]), shape[-1])
        product = _addmm(bias, flat, t(weight), 1, 1)
        return product.view(*shape[:-1], product.shape[1])
    return _add.inplace(matmul(input, t(weight)), bias, 1)


def _trilinear_forward(x: Array, weight: Array, y: Array) -> Array:
    """Σᵢⱼ x(b, i) · weight(o, i, j) · y(b, j), as one matrix product and a contraction."""
    outputs, inner, outer = weight.shape
    left = x @ weight.transpose(1, 0, 2).reshape(inner, outputs * outer)
    return np.matmul(left.reshape(len(x), outputs, outer), y[:, :, None])[:, :, 0]


def _trilinear_gradients(grad: Tensor, saved: Any, needed: tuple[bool, bool, bool]) -> tuple[Any, Any, Any]:
    """Each input's gradient: grad contracted with the other two."""
    x, weight, y = saved.i1, saved.i2, saved.i3
    batch = grad.shape[0]
    by_x = by_weight = by_y = None
    if needed[0]:
        by_x = (grad.unsqueeze(1) @ (y @ weight.transpose(1, 2)).transpose(0, 1)).squeeze(1)
    if needed[1]:
        pairs = (x.unsqueeze(2) * y.unsqueeze(1)).reshape(batch, x.shape[1] * y.shape[1])
        by_weight = (grad.t() @ pairs).reshape(weight.shape)
    if needed[2]:
        by_y = (grad.unsqueeze(1) @ (x @ weight).transpose(0, 1)).squeeze(1)
    return by_x, by_weight, by_y


_trilinear = operator(
    "_trilinear(i1, i2, i3)",
    node="TrilinearBackward0",
    forward=_trilinear_forward,
    gradients={("i1", "i2", "i3"): Rule(_trilinear_gradients, "grad contracted with the other two inputs")},
)


@composite
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``input1ᵀ weight[o] input2 + bias[o]`` for each output feature o."""
    if input1.ndim != input2.ndim:
        raise RuntimeError(f"bilinear(): input dimensions do not match: got {input1.ndim} and {input2.ndim}")
    for dim in range(input1.ndim - 1):
        if input1.shape[dim] != input2.shape[dim]:
            raise RuntimeError(
                f"bilinear(): input batch dimensions do not match at dim {dim}: got {input1.shape[dim]} and "
                f"{input2.shape[dim]}"
            )
    for number, (given, size) in enumerate(((input1, weight.shape[1]), (input2, weight.shape[2])), 1):
        if given.shape[-1] != size:
            raise RuntimeError(
                f"bilinear(): input{number} size does not match weight size: got {given.shape[-1]} but expected {size}"
            )
    if bias is not None and (bias.ndim != 1 or bias.shape[0] != weight.shape[0]):
        raise RuntimeError(
            f"bilinear(): bias size does not match weight size: got {bias.shape[0]} but expected {weight.shape[0]}"
        )
    rows = math.prod(input1.shape[:-1])
    flat = (input1.reshape(rows, input1.shape[-1]), weight, input2.reshape(rows, input2.shape[-1]))
    result: Tensor = _trilinear(*flat).reshape(*input1.shape[:-1], weight.shape[0])
    return result if bias is None else result + bias


__all__ = ["bilinear"]
METHODS: tuple[str, ...] = ()
INPLACE: tuple[str, ...] = ()
