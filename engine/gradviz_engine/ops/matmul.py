"""Products of vectors and matrices; ``matmul`` chooses among them as PyTorch does.

The graph shows the choice: a vector times a matrix is SqueezeBackward4 of MmBackward0, a batch times a matrix
is folded into one MmBackward0 under an UnsafeViewBackward0, two batches meet in a BmmBackward0.
Sources: tools/autograd/derivatives.yaml, ``mm_mat1_grad`` and ``mm_mat2_grad`` in FunctionsManual.cpp,
``_matmul_impl`` and ``should_fold`` in aten/src/ATen/native/LinearAlgebra.cpp of PyTorch 2.13.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from gradviz_engine.ops import products
from gradviz_engine.ops.elementwise import as_tensor_argument, write_out
from gradviz_engine.ops.pointwise import scaled
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.restriding import squeeze_fresh
from gradviz_engine.ops.shape import _unsafe_view
from gradviz_engine.ops.shapes import broadcast_shapes
from gradviz_engine.tensor import Tensor


def conj(tensor: Tensor) -> Tensor:
    """The conjugate; a real tensor is its own, without a node."""
    return tensor if tensor._data.dtype.kind != "c" else tensor.conj()


def _column_major(sizes: Sequence[int], strides: Sequence[int]) -> bool:
    return strides[0] == 1 and strides[1] == sizes[0]


def _grad_of_left(grad: Tensor, right: Tensor, sizes: Any, strides: Any, alpha: Any = 1) -> Tensor:
    """``grad @ rightᴴ``, in the memory layout of the left operand."""
    if _column_major(sizes, strides):
        return scaled(conj(right).mm(grad.t()).t(), alpha)
    return scaled(grad.mm(conj(right.t())), alpha)


def _grad_of_right(grad: Tensor, left: Tensor, sizes: Any, strides: Any, alpha: Any = 1) -> Tensor:
    """``leftᴴ @ grad``, in the memory layout of the right operand."""
    if _column_major(sizes, strides):
        return scaled(grad.t().mm(conj(left)).t(), alpha)
    return scaled(conj(left.t()).mm(grad), alpha)


# The products ---------------------------------------------------------------------------------------------

_mm = operator(
    "mm(self, mat2)",
    node="MmBackward0",
    forward=products.mm,
    gradients={
        "self": Rule(
            lambda grad, saved: _grad_of_left(grad, saved.mat2, saved.self_sym_sizes, saved.self_sym_strides),
            "grad @ mat2ᵀ",
        ),
        "mat2": Rule(
            lambda grad, saved: _grad_of_right(grad, saved.self, saved.mat2_sym_sizes, saved.mat2_sym_strides),
            "selfᵀ @ grad",
        ),
    },
)
_mv = operator(
    "mv(self, vec)",
    node="MvBackward0",
    forward=products.mv,
    gradients={
        "self": Rule(lambda grad, saved: grad.outer(conj(saved.vec)), "grad ⊗ vec"),
        "vec": Rule(lambda grad, saved: conj(saved.self).t().mv(grad), "selfᵀ @ grad"),
    },
)
_dot = operator(
    "dot(self, tensor)",
    node="DotBackward0",
    forward=products.dot,
    gradients={
        "self": Rule(lambda grad, saved: conj(saved.tensor) * grad, "tensor · grad"),
        "tensor": Rule(lambda grad, saved: conj(saved.self) * grad, "self · grad"),
    },
)
_vdot = operator(
    "vdot(self, other)",
    node="VdotBackward0",
    forward=lambda x, y: products.dot(x.conj(), y, "vdot"),
    gradients={
        "self": Rule(lambda grad, saved: conj(grad) * saved.other, "grad · other"),
        "other": Rule(lambda grad, saved: grad * saved.self, "grad · self"),
    },
)
_bmm = operator(
    "bmm(self, mat2)",
    node="BmmBackward0",
    forward=products.bmm,
    gradients={
        "self": Rule(lambda grad, saved: grad.bmm(conj(saved.mat2.transpose(1, 2))), "grad @ mat2ᵀ"),
        "mat2": Rule(lambda grad, saved: conj(saved.self.transpose(1, 2)).bmm(grad), "selfᵀ @ grad"),
    },
)

# beta · self + alpha · product ----------------------------------------------------------------------------

_addmm = operator(
    "addmm(self, mat1, mat2, *, beta, alpha)",
    node="AddmmBackward0",
    forward=products.addmm,
    gradients={
        "self": Rule(lambda grad, saved: scaled(grad, saved.beta), "grad · beta"),
        "mat1": Rule(
            lambda grad, saved: _grad_of_left(
                grad, saved.mat2, saved.mat1_sym_sizes, saved.mat1_sym_strides, saved.alpha
            ),
            "grad @ mat2ᵀ · alpha",
        ),
        "mat2": Rule(
            lambda grad, saved: _grad_of_right(
                grad, saved.mat1, saved.mat2_sym_sizes, saved.mat2_sym_strides, saved.alpha
            ),
            "mat1ᵀ @ grad · alpha",
        ),
    },
)
_addmv = operator(
    "addmv(self, mat, vec, *, beta, alpha)",
    node="AddmvBackward0",
    forward=products.addmv,
    gradients={
        "self": Rule(lambda grad, saved: scaled(grad, saved.beta), "grad · beta"),
        "mat": Rule(lambda grad, saved: scaled(grad.outer(conj(saved.vec)), saved.alpha), "grad ⊗ vec · alpha"),
        "vec": Rule(lambda grad, saved: scaled(conj(saved.mat.t()).mv(grad), saved.alpha), "matᵀ @ grad · alpha"),
    },
)
_addr = operator(
    "addr(self, vec1, vec2, *, beta, alpha)",
    node="AddrBackward0",
    forward=products.addr,
    gradients={
        "self": Rule(lambda grad, saved: scaled(grad, saved.beta), "grad · beta"),
        "vec1": Rule(lambda grad, saved: scaled(grad.mv(conj(saved.vec2)), saved.alpha), "grad @ vec2 · alpha"),
        "vec2": Rule(lambda grad, saved: scaled(grad.t().mv(conj(saved.vec1)), saved.alpha), "gradᵀ @ vec1 · alpha"),
    },
)
_baddbmm = operator(
    "baddbmm(self, batch1, batch2, *, beta, alpha)",
    node="BaddbmmBackward0",
    forward=products.baddbmm,
    gradients={
        "self": Rule(lambda grad, saved: scaled(grad, saved.beta), "grad · beta"),
        "batch1": Rule(
            lambda grad, saved: scaled(grad.bmm(conj(saved.batch2.transpose(1, 2))), saved.alpha),
            "grad @ batch2ᵀ · alpha",
        ),
        "batch2": Rule(
            lambda grad, saved: scaled(conj(saved.batch1.transpose(1, 2)).bmm(grad), saved.alpha),
            "batch1ᵀ @ grad · alpha",
        ),
    },
)


def _expanded(grad: Tensor, batch1_sizes: Any, batch2_sizes: Any) -> Tensor:
    return grad.unsqueeze(0).expand(batch1_sizes[0], batch1_sizes[1], batch2_sizes[2])


_addbmm = operator(
    "addbmm(self, batch1, batch2, *, beta, alpha)",
    node="AddbmmBackward0",
    forward=products.addbmm,
    gradients={
        "self": Rule(lambda grad, saved: scaled(grad, saved.beta), "grad · beta"),
        "batch1": Rule(
            lambda grad, saved: scaled(
                _expanded(grad, saved.batch1_sym_sizes, saved.batch2_sym_sizes).bmm(conj(saved.batch2.transpose(1, 2))),
                saved.alpha,
            ),
            "grad @ batch2ᵀ · alpha",
        ),
        "batch2": Rule(
            lambda grad, saved: scaled(
                conj(saved.batch1.transpose(1, 2)).bmm(_expanded(grad, saved.batch1_sym_sizes, saved.batch2_sym_sizes)),
                saved.alpha,
            ),
            "batch1ᵀ @ grad · alpha",
        ),
    },
)


def mm(input: Tensor, mat2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The product of two matrices, (n, m) and (m, p)."""
    x, y = as_tensor_argument(input, "mm"), as_tensor_argument(mat2, "mm", 2, "mat2")
    return _mm(x, y) if out is None else write_out("mm", out, _mm, x, y)


def mv(input: Tensor, vec: Tensor) -> Tensor:
    """A matrix (n, m) times a vector (m)."""
    return _mv(as_tensor_argument(input, "mv"), as_tensor_argument(vec, "mv", 2, "vec"))


def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """The sum of the products of two vectors' elements."""
    return _dot(as_tensor_argument(input, "dot"), as_tensor_argument(tensor, "dot", 2, "tensor"))


def vdot(input: Tensor, other: Tensor) -> Tensor:
    """``dot`` with the first vector conjugated."""
    return _vdot(as_tensor_argument(input, "vdot"), as_tensor_argument(other, "vdot", 2, "other"))


def bmm(input: Tensor, mat2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Products of matrices by batch entry, (b, n, m) and (b, m, p)."""
    x, y = as_tensor_argument(input, "bmm"), as_tensor_argument(mat2, "bmm", 2, "mat2")
    return _bmm(x, y) if out is None else write_out("bmm", out, _bmm, x, y)


def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """``beta * input + alpha * (mat1 @ mat2)``; input broadcasts, and is not read where beta is 0."""
    return _addmm(input, mat1, mat2, beta, alpha)


def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """``beta * input + alpha * (mat @ vec)``."""
    return _addmv(input, mat, vec, beta, alpha)


def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """``beta * input + alpha * outer(vec1, vec2)``."""
    return _addr(input, vec1, vec2, beta, alpha)


def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """``beta * input + alpha * bmm(batch1, batch2)``."""
    return _baddbmm(input, batch1, batch2, beta, alpha)


def addbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """``beta * input + alpha * bmm(batch1, batch2).sum(0)``."""
    return _addbmm(input, batch1, batch2, beta, alpha)


def addmm_(self: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    return _addmm.inplace(self, mat1, mat2, beta, alpha)


def addmv_(self: Tensor, mat: Tensor, vec: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    return _addmv.inplace(self, mat, vec, beta, alpha)


def addr_(self: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    return _addr.inplace(self, vec1, vec2, beta, alpha)


def baddbmm_(self: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    return _baddbmm.inplace(self, batch1, batch2, beta, alpha)


def addbmm_(self: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    return _addbmm.inplace(self, batch1, batch2, beta, alpha)


# matmul and what is composed of it ------------------------------------------------------------------------


@composite
def matmul(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """``input @ other``: dot, matrix or batched product, by the number of dimensions."""
    x, y = as_tensor_argument(input, "matmul"), as_tensor_argument(other, "matmul", 2, "other")
    return _matmul(x, y) if out is None else write_out("matmul", out, _matmul, x, y)


def _matmul(x: Tensor, y: Tensor) -> Tensor:
    n, m = x._data.ndim, y._data.ndim
    result: Tensor
    if n == 0 or m == 0:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {n}D and {m}D")
    if n <= 2 and m <= 2:
        if n == 1:
            result = _dot(x, y) if m == 1 else squeeze_fresh(_mm(x.unsqueeze(0), y), 0)
        else:
            result = _mm(x, y) if m == 2 else _mv(x, y)
        return result
    return _folded(x, y) if _should_fold(x, y) else _batched(x, y)


def _should_fold(x: Tensor, y: Tensor) -> bool:
    """Is one operand a batch that can become one tall matrix, without a copy that costs more than it saves?"""
    x_larger = x.dim() >= y.dim()
    large, small = (x, y) if x_larger else (y, x)
    if not (large.dim() >= 3 and small.dim() <= 2):
        return False
    if small.requires_grad:
        return True
    if x.dim() == 2:
        return False
    if large.numel() == 0:
        return True
    shape, strides = tuple(large.shape), large.stride()
    if not x_larger:
        shape = (*shape[:-2], shape[-1], shape[-2])
        strides = (*strides[:-2], strides[-1], strides[-2])
    return all(strides[i] == strides[i + 1] * shape[i + 1] for i in range(len(shape) - 2))


def _folded(x: Tensor, y: Tensor) -> Tensor:
    """A batch times a matrix or vector: the batch's leading dimensions become rows of one matrix."""
    swapped = y.dim() > x.dim()
    large = y.mT if swapped else x
    small = y if not swapped else (x.t() if x.dim() == 2 else x)
    *leading, last = large.shape
    rows = large.reshape(math.prod(leading), last)
    if small.dim() == 1:
        return _unsafe_view(_mv(rows, small), tuple(leading))
    result = _unsafe_view(_mm(rows, small), (*leading, small.shape[1]))
    return result.mT.contiguous() if swapped else result


def _batched(x: Tensor, y: Tensor) -> Tensor:
    """Both batched: broadcast the batches, flatten them, one bmm."""
    if x.dim() == 3 and y.dim() == 3 and x.shape[0] != y.shape[0]:
        # A batch of one is better folded than expanded: its gradient need not be summed over the batch.
        if x.shape[0] == 1 and x.requires_grad:
            return _matmul(x.squeeze(0), y)
        if y.shape[0] == 1 and y.requires_grad:
            return _matmul(x, y.squeeze(0))
    vector_left, vector_right = x.dim() == 1, y.dim() == 1
    n, m = 1 if vector_left else x.shape[-2], x.shape[-1]
    inner, p = (y.shape[0], 1) if vector_right else (y.shape[-2], y.shape[-1])
    batch = broadcast_shapes(x.shape[:-2], y.shape[:-2])
    count = math.prod(batch)
    left = x.expand(*batch, n, m).reshape(count, n, m)
    if vector_right:
        right = y.expand(*batch, inner).reshape(count, inner).unsqueeze(2)
    else:
        right = y.expand(*batch, inner, p).reshape(count, inner, p)
    product = _bmm(left, right)
    sizes = (*batch, *(() if vector_left else (n,)), *(() if vector_right else (p,)))
    return _unsafe_view(product.squeeze(-1) if vector_right else product, sizes)


@composite
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """Every element of one vector times every element of the other: (n) and (m) to (n, m)."""
    for tensor, keyword in ((input, "self"), (vec2, "vec2")):
        if tensor.dim() != 1:
            raise RuntimeError(f"outer: Expected 1-D argument {keyword}, but got {tensor.dim()}-D")
    return input.reshape(input.shape[0], 1) * vec2


@composite
def inner(input: Tensor, other: Tensor) -> Tensor:
    """Sums of products over the last dimension of both."""
    from gradviz_engine.ops.einsum import tensordot

    if input.dim() == 0 or other.dim() == 0:
        return input * other
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(
            "inner() the last dimension must match on both input tensors but got shapes "
            f"{list(input.shape)} and {list(other.shape)}"
        )
    return tensordot(input, other, ([-1], [-1]))


@composite
def kron(input: Tensor, other: Tensor) -> Tensor:
    """The Kronecker product: every element of ``input`` times the whole of ``other``."""
    rank = max(input.dim(), other.dim())
    a = (1,) * (rank - input.dim()) + tuple(input.shape)
    b = (1,) * (rank - other.dim()) + tuple(other.shape)
    left = _unsafe_view(input, tuple(n for size in a for n in (size, 1)))
    right = _unsafe_view(other, tuple(n for size in b for n in (1, size)))
    return _unsafe_view(left * right, tuple(m * n for m, n in zip(a, b, strict=True)))


ger = outer

__all__ = [
    "addbmm",
    "addmm",
    "addmv",
    "addr",
    "baddbmm",
    "bmm",
    "dot",
    "ger",
    "inner",
    "kron",
    "matmul",
    "mm",
    "mv",
    "outer",
    "vdot",
]
METHODS = (*__all__, "addbmm_", "addmm_", "addmv_", "addr_", "baddbmm_")
INPLACE = ()
