"""Products of many matrices: powers, and chains multiplied in the order that costs least.

Source: aten/src/ATen/native/LinearAlgebra.cpp of PyTorch 2.13.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.solving import check_matrices, inv
from gradviz_engine.tensor import Tensor, wrap


@composite
def matrix_power(A: Tensor, n: int, *, out: Any = None) -> Tensor:
    """The n-th power of square matrices, by repeated squaring; negative powers of the inverse."""
    check_matrices(A, "linalg.matrix_power")
    if n == 0:
        return A.clone().copy_(wrap(np.eye(A.shape[-1], dtype=A._data.dtype)))
    base = inv(A) if n < 0 else A
    power = abs(n)
    if power == 1:
        return base if n < 0 else base.clone()
    if power == 2:
        return base.matmul(base)
    if power == 3:
        return base.matmul(base).matmul(base)
    result: Any = None
    square: Any = None
    while power:
        square = base if square is None else square.matmul(square)
        if power & 1:
            result = square if result is None else result.matmul(square)
        power >>= 1
    return result


@composite
def multi_dot(tensors: Sequence[Tensor], *, out: Any = None) -> Tensor:
    """The product of several matrices, in the order that costs least; the ends may be vectors."""
    if len(tensors) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(tensors)}")
    matrices, shape = _as_matrices(tensors)
    for i, (a, b) in enumerate(itertools.pairwise(matrices)):
        if a.shape[-1] != b.shape[0]:
            raise RuntimeError(
                f"multi_dot(): tensors {i} and {i + 1} with shapes {list(tensors[i].shape)} and "
                f"{list(tensors[i + 1].shape)} cannot be multiplied"
            )
    split = _cheapest_splits([m.shape[0] for m in matrices] + [matrices[-1].shape[1]])

    def product(first: int, last: int) -> Tensor:
        if first == last:
            return matrices[first]
        middle = split[first, last]
        return product(first, middle).mm(product(middle + 1, last))

    return product(0, len(matrices) - 1).view(shape)


def _as_matrices(tensors: Sequence[Tensor]) -> tuple[list[Tensor], tuple[int, ...]]:
    """The factors as matrices, and the shape of the product."""
    first, *middle, last = tensors
    shape: list[int] = []
    for tensor, which in ((first, "first"), (last, "last")):
        if tensor.dim() not in (1, 2):
            raise RuntimeError(f"multi_dot(): the {which} tensor must be 1D or 2D but got {tensor.dim()}D")
    for i, tensor in enumerate(middle, 1):
        if tensor.dim() != 2:
            raise RuntimeError(f"multi_dot(): tensor {i} must be 2D but got {tensor.dim()}D")
    start = first.unsqueeze(0) if first.dim() == 1 else first
    end = last.unsqueeze(-1) if last.dim() == 1 else last
    if first.dim() == 2:
        shape.append(first.shape[0])
    if last.dim() == 2:
        shape.append(last.shape[1])
    return [start, *middle, end], tuple(shape)


def _cheapest_splits(sizes: Sequence[int]) -> dict[tuple[int, int], int]:
    """Where to part the product of factors i to j (Cormen et al., Introduction to Algorithms, 15.2)."""
    count = len(sizes) - 1
    cost = {(i, i): 0 for i in range(count)}
    split: dict[tuple[int, int], int] = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            # Of equally cheap places PyTorch takes the first, but for three factors the last: ((a b) c).
            split[i, j] = min(
                range(j - 1, i - 1, -1) if count == 3 else range(i, j),
                key=lambda k: cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1],
            )
            k = split[i, j]
            cost[i, j] = cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1]
    return split


def chain_matmul(*matrices: Any, out: Any = None) -> Tensor:
    """``multi_dot`` under its old name."""
    factors = matrices[0] if len(matrices) == 1 and isinstance(matrices[0], (list, tuple)) else matrices
    for matrix in factors:
        if matrix.dim() != 2:
            raise RuntimeError(f"Tensor dimension is {matrix.dim()}, expected 2 instead.")
    return factors[0].clone() if len(factors) == 1 else multi_dot(factors)


__all__ = ["chain_matmul", "matrix_power"]
METHODS = ("matrix_power",)
INPLACE = ()
