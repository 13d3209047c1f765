"""The numpy side of ``matmul``: products of arrays, with PyTorch's checks and messages.

Everything here takes and returns arrays; integers are multiplied exactly, floats by the BLAS numpy uses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz_engine import dtypes
from gradviz_engine.ops.shapes import expanded_sizes

Array = np.ndarray[Any, Any]

_C_NAMES = {"float32": "float", "float64": "double", "float16": "c10::Half", "int64": "long int", "int32": "int",
            "int16": "short int", "int8": "signed char", "uint8": "unsigned char", "bool": "bool",
            "complex64": "c10::complex<float>", "complex128": "c10::complex<double>"}  # fmt: skip


def mm(a: Array, b: Array) -> Array:
    """(n, m) times (m, p)."""
    if a.ndim != 2 or b.ndim != 2:
        raise RuntimeError(f"{'self' if a.ndim != 2 else 'mat2'} must be a matrix")
    if a.shape[1] != b.shape[0]:
        raise _cannot_multiply(a, b)
    if a.dtype != b.dtype:
        raise RuntimeError(
            f"expected m1 and m2 to have the same dtype, but got: {_C_NAMES[a.dtype.name]} != {_C_NAMES[b.dtype.name]}"
        )
    return _multiplied(a, b, "addmm_impl_cpu_")


def mv(a: Array, v: Array) -> Array:
    """(n, m) times (m)."""
    _check_mv(a.shape[:1], a, v)
    if a.dtype != v.dtype:
        names = (_scalar_type(v), _scalar_type(a), _scalar_type(v))
        raise RuntimeError(
            f"addmv input tensors must have the same dtype, but got {names[0]}, {names[1]}, and {names[2]}"
        )
    return _multiplied(a, v, "addmv_impl_cpu")


def dot(x: Array, y: Array, name: str = "dot") -> Array:
    """(n) times (n), a 0-d result."""
    if x.ndim != 1 or y.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {x.ndim}D and {y.ndim}D tensors")
    if x.dtype != y.dtype:
        raise RuntimeError(
            f"{name} : expected both vectors to have same dtype, but found {_scalar_type(x)} and {_scalar_type(y)}"
        )
    if x.size != y.size:
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor [{x.size}] and src [{y.size}] to have the same number of "
            f"elements, but got {x.size} and {y.size} elements respectively"
        )
    return _multiplied(x, y, name)


def bmm(a: Array, b: Array) -> Array:
    """(k, n, m) times (k, m, p)."""
    _check_bmm(a, b)
    if a.dtype != b.dtype:
        raise RuntimeError(f"expected scalar type {_scalar_type(a)} but found {_scalar_type(b)}")
    return _multiplied(a, b, "bmm")


def addmm(bias: Array, a: Array, b: Array, beta: Any, alpha: Any) -> Array:
    for name, operand in (("mat1", a), ("mat2", b)):
        if operand.ndim != 2:
            raise RuntimeError(f"{name} must be a matrix, got {operand.ndim}-D tensor")
    if a.shape[1] != b.shape[0]:
        raise _cannot_multiply(a, b)
    if bias.dtype != b.dtype or a.dtype != b.dtype:
        name, other = ("self", bias) if bias.dtype != b.dtype else ("mat1", a)
        raise RuntimeError(
            f"{name} and mat2 must have the same dtype, but got {_scalar_type(other)} and {_scalar_type(b)}"
        )
    return _added(bias, a, b, beta, alpha, "addmm_impl_cpu_")


def addmv(bias: Array, a: Array, v: Array, beta: Any, alpha: Any) -> Array:
    _check_mv(bias.shape if bias.ndim else a.shape[:1], a, v)
    return _added(bias, a, v, beta, alpha, "addmv_impl_cpu")


def addr(bias: Array, x: Array, y: Array, beta: Any, alpha: Any) -> Array:
    if x.ndim != 1 or y.ndim != 1:
        name, operand = ("vec1", x) if x.ndim != 1 else ("vec2", y)
        raise RuntimeError(f"addr: Expected 1-D argument {name}, but got {operand.ndim}-D")
    return _combined(bias, np.multiply.outer(x, y), beta, alpha)


def baddbmm(bias: Array, a: Array, b: Array, beta: Any, alpha: Any) -> Array:
    _check_bmm(a, b)
    return _added(bias, a, b, beta, alpha, "baddbmm")


def addbmm(bias: Array, a: Array, b: Array, beta: Any, alpha: Any) -> Array:
    """The products of all batch entries, summed: one product of (n, k·m) and (k·m, p)."""
    for name, operand in (("batch1", a), ("batch2", b)):
        if operand.ndim != 3:
            raise RuntimeError(f"{name} must be a 3D tensor")
    if a.shape[0] != b.shape[0]:
        raise RuntimeError(f"batch1 and batch2 must have same number of batches, got {a.shape[0]} and {b.shape[0]}")
    if a.shape[2] != b.shape[1]:
        raise RuntimeError(
            f"Incompatible matrix sizes for bmm ({a.shape[1]}x{a.shape[2]} and {b.shape[1]}x{b.shape[2]})"
        )
    wide = a.transpose(1, 0, 2).reshape(a.shape[1], -1)
    return _added(bias, wide, b.reshape(-1, b.shape[2]), beta, alpha, "addbmm")


def _multiplied(a: Array, b: Array, kernel: str) -> Array:
    if a.dtype.kind == "b":
        raise NotImplementedError(f"\"{kernel}\" not implemented for 'Bool'")
    product: Array = np.matmul(a, b)
    return product


def _added(bias: Array, a: Array, b: Array, beta: Any, alpha: Any, kernel: str) -> Array:
    return _combined(bias, _multiplied(a, b, kernel), beta, alpha)


def _combined(bias: Array, product: Array, beta: Any, alpha: Any) -> Array:
    """``beta * bias + alpha * product``, in the product's memory; a bias times 0 is not read."""
    if bias.shape != product.shape:
        bias = np.broadcast_to(bias, expanded_sizes(product.shape, bias.shape))
    if alpha != 1:
        product = np.multiply(product, alpha, dtype=product.dtype, casting="unsafe")
    if beta == 1:
        return np.add(product, bias, out=product) if product.dtype == bias.dtype else product + bias
    if beta == 0:
        return product
    return np.add(product, np.multiply(bias, beta, dtype=product.dtype, casting="unsafe"))


def _check_mv(size: Sequence[int], a: Array, v: Array) -> None:
    if a.ndim != 2 or v.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got {len(size)}, {a.ndim}, {v.ndim}")
    if a.shape[1] != v.size or size[0] not in (1, a.shape[0]):
        raise RuntimeError(f"size mismatch, got input ({size[0]}), mat ({a.shape[0]}x{a.shape[1]}), vec ({v.size})")


def _check_bmm(a: Array, b: Array) -> None:
    for name, operand in (("batch1", a), ("batch2", b)):
        if operand.ndim != 3:
            raise RuntimeError(f"{name} must be a 3D tensor")
    if (a.shape[0], a.shape[2]) != b.shape[:2]:
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: [{a.shape[0]}, {a.shape[2]}] but got: "
            f"[{b.shape[0]}, {b.shape[1]}]."
        )


def _cannot_multiply(a: Array, b: Array) -> RuntimeError:
    return RuntimeError(
        f"mat1 and mat2 shapes cannot be multiplied ({a.shape[0]}x{a.shape[1]} and {b.shape[0]}x{b.shape[1]})"
    )


def _scalar_type(array: Array) -> str:
    return dtypes.of_numpy(array.dtype)._legacy_name
