"""``matmul`` for every combination of ranks: PyTorch's choice of products, numpy's numbers, its messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gradviz_engine as torch
from gradviz_engine.autograd.gradcheck import gradcheck

SHAPES = [
    ((3,), (3,), "DotBackward0"),
    ((2, 3), (3,), "MvBackward0"),
    ((3,), (3, 2), "SqueezeBackward4"),
    ((2, 3), (3, 4), "MmBackward0"),
    ((5, 2, 3), (3,), "UnsafeViewBackward0"),
    ((5, 2, 3), (3, 4), "UnsafeViewBackward0"),
    ((2, 3), (5, 3, 4), "CloneBackward0"),
    ((3,), (5, 3, 4), "UnsafeViewBackward0"),
    ((5, 2, 3), (5, 3, 4), "UnsafeViewBackward0"),
    ((1, 2, 3), (5, 3, 4), "CloneBackward0"),
    ((2, 1, 2, 3), (5, 3, 4), "UnsafeViewBackward0"),
]


def tensor(shape: tuple[int, ...], seed: int = 0) -> Any:
    return torch.tensor(np.random.default_rng(seed).normal(size=shape), requires_grad=True)


@pytest.mark.parametrize(("left", "right", "node"), SHAPES)
def test_each_combination_of_ranks(left: tuple[int, ...], right: tuple[int, ...], node: str) -> None:
    x, y = tensor(left), tensor(right, 1)
    result = x @ y
    assert np.allclose(result.detach().numpy(), x.detach().numpy() @ y.detach().numpy())
    assert type(result.grad_fn).__name__ == node
    assert gradcheck(torch.matmul, (x, y))


def test_a_vector_times_a_matrix_plus_a_bias_has_the_notebooks_graph() -> None:
    w, b = tensor((5, 3)), tensor((3,), 1)
    z = torch.matmul(torch.ones(5, dtype=torch.float64), w) + b
    squeeze, leaf = (node for node, _ in z.grad_fn.next_functions)
    assert type(squeeze).__name__ == "SqueezeBackward4"
    assert leaf.variable is b
    (product,) = (node for node, _ in squeeze.next_functions)
    assert type(product).__name__ == "MmBackward0"
    assert product.next_functions[0] == (None, 0)
    assert product.next_functions[1][0].variable is w


def test_a_weights_gradient_has_the_weights_layout() -> None:
    """``x @ w.t()`` gives w a row-major gradient, so that AccumulateGrad need not copy it."""
    w = tensor((4, 3))
    (torch.ones(2, 3, dtype=torch.float64) @ w.t()).sum().backward()
    assert w.grad.is_contiguous()


@settings(max_examples=40, deadline=None)
@given(
    batch=st.lists(st.integers(1, 3), max_size=2),
    sizes=st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3)),
    drop=st.booleans(),
)
def test_batches_broadcast_as_in_numpy(batch: list[int], sizes: tuple[int, int, int], drop: bool) -> None:
    n, m, p = sizes
    x = tensor((*batch, n, m))
    y = tensor((*(batch[1:] if drop else [1] * len(batch)), m, p), 1)
    result = torch.matmul(x, y)
    assert np.allclose(result.detach().numpy(), x.detach().numpy() @ y.detach().numpy())
    result.sum().backward()
    assert x.grad.shape == x.shape
    assert y.grad.shape == y.shape


def test_integers_multiply_exactly() -> None:
    big = torch.tensor([[2**40]])
    assert (big @ big.t()).dtype is torch.int64
    assert torch.mm(torch.tensor([[2**31]]), torch.tensor([[2**31]])).item() == 2**62


def test_beta_zero_forgets_the_input() -> None:
    nan = torch.full((2, 2), float("nan"))
    assert torch.addmm(nan, torch.eye(2), torch.eye(2), beta=0).tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("run", "error", "message"),
    [
        (lambda z: torch.mm(z(2, 3), z(2, 3)), RuntimeError,
         "mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)"),
        (lambda z: torch.mm(z(2), z(2, 3)), RuntimeError, "self must be a matrix"),
        (lambda z: torch.mm(z(2, 3), z(3, 4).double()), RuntimeError,
         "expected m1 and m2 to have the same dtype, but got: float != double"),
        (lambda z: torch.mv(z(2, 3), z(4)), RuntimeError, "size mismatch, got input (2), mat (2x3), vec (4)"),
        (lambda z: torch.dot(z(3), z(3).double()), RuntimeError,
         "dot : expected both vectors to have same dtype, but found Float and Double"),
        (lambda z: torch.bmm(z(2, 3, 4), z(2, 3, 4)), RuntimeError,
         "Expected size for first two dimensions of batch2 tensor to be: [2, 4] but got: [2, 3]."),
        (lambda z: torch.addmm(z(4), z(2, 3), z(3, 3)), RuntimeError,
         "The expanded size of the tensor (3) must match the existing size (4) at non-singleton dimension 1.  Target "
         "sizes: [2, 3].  Tensor sizes: [4]"),
        (lambda z: torch.outer(z(3, 2), z(5)), RuntimeError, "outer: Expected 1-D argument self, but got 2-D"),
        (lambda z: torch.matmul(z(3), 2), TypeError,
         "matmul(): argument 'other' (position 2) must be Tensor, not int"),
        (lambda z: torch.tensor(1.0) @ z(3), RuntimeError,
         "both arguments to matmul need to be at least 1D, but they are 0D and 1D"),
    ],
)  # fmt: skip
def test_what_cannot_be_multiplied_is_refused_in_pytorchs_words(run: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        run(torch.zeros)
    assert str(caught.value) == message
