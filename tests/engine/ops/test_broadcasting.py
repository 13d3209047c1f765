"""Broadcasting, promotion and reductions as properties, with numpy as the oracle of the numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import gradviz_engine as torch

SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, max_side=4)
PAIRS = hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=4)
DTYPES = ("bool", "uint8", "int32", "int64", "float32", "float64", "complex64")


def numbers(shape: tuple[int, ...], seed: int = 0) -> Any:
    return torch.tensor(np.random.default_rng(seed).normal(size=shape), requires_grad=True)


@given(PAIRS)
def test_a_sum_has_the_common_shape_and_gradients_have_the_operands(shapes: Any) -> None:
    first, second = (numbers(s, seed) for seed, s in enumerate(shapes.input_shapes))
    result = first + second
    assert result.shape == shapes.result_shape
    result.backward(torch.ones_like(result))
    for operand in (first, second):
        times = result.numel() / max(operand.numel(), 1)
        assert operand.grad.shape == operand.shape
        np.testing.assert_allclose(operand.grad.numpy(), np.full(operand.shape, times))


@given(PAIRS)
def test_products_agree_with_numpy(shapes: Any) -> None:
    first, second = (numbers(s, seed) for seed, s in enumerate(shapes.input_shapes))
    want = first.detach().numpy() * second.detach().numpy()
    np.testing.assert_array_equal((first * second).detach().numpy(), want)


@given(SHAPES, SHAPES)
def test_shapes_that_do_not_broadcast_name_the_dimension(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    try:
        np.broadcast_shapes(a, b)
    except ValueError:
        with pytest.raises(RuntimeError, match=r"The size of tensor a \(\d\) must match the size of tensor b"):
            numbers(a) + numbers(b)
    else:
        assert (numbers(a) + numbers(b)).shape == np.broadcast_shapes(a, b)


@given(st.sampled_from(DTYPES), st.sampled_from(DTYPES))
def test_promotion_is_symmetric_and_absorbs_itself(first: str, second: str) -> None:
    a, b = (torch.ones(2, dtype=getattr(torch, name)) for name in (first, second))
    common = (a * b).dtype
    assert (b * a).dtype == common
    assert (torch.ones(2, dtype=common) * a).dtype == common


@pytest.mark.parametrize(
    ("value", "number", "want"),
    [
        ("int64", 2, "int64"), ("int64", 2.5, "float32"), ("float32", 2, "float32"), ("float64", 2.5, "float64"),
        ("bool", True, "bool"), ("bool", 1, "int64"), ("uint8", 3, "uint8"), ("float32", 1j, "complex64"),
        ("float64", 1j, "complex128"),
    ],
)  # fmt: skip
def test_a_python_number_only_raises_the_category(value: str, number: Any, want: str) -> None:
    assert (torch.ones(2, dtype=getattr(torch, value)) * number).dtype == getattr(torch, want)


def test_a_tensor_without_dimensions_does_not_widen_one_that_has_them() -> None:
    wide = torch.ones((), dtype=torch.float64)
    assert (torch.ones(2) * wide).dtype == torch.float32
    assert (torch.ones(2, dtype=torch.int64) * wide).dtype == torch.float64


@given(hnp.array_shapes(min_dims=1, max_dims=4, max_side=4), st.data())
def test_reductions_agree_with_numpy(shape: tuple[int, ...], data: st.DataObject) -> None:
    dims = data.draw(st.lists(st.integers(-len(shape), len(shape) - 1), max_size=len(shape)))
    wrapped = tuple({d % len(shape) for d in dims})
    keep = data.draw(st.booleans())
    x = numbers(shape)
    array, axis = x.detach().numpy(), wrapped or None
    np.testing.assert_allclose(x.sum(wrapped, keep).detach().numpy(), array.sum(axis=axis, keepdims=keep))
    np.testing.assert_allclose(x.mean(wrapped, keep).detach().numpy(), array.mean(axis=axis, keepdims=keep))
    np.testing.assert_allclose(x.amax(wrapped, keep).detach().numpy(), array.max(axis=axis, keepdims=keep))


@given(hnp.array_shapes(min_dims=1, max_dims=3, max_side=4), st.data())
def test_a_sum_undoes_expanding_in_backward(shape: tuple[int, ...], data: st.DataObject) -> None:
    extra = data.draw(hnp.array_shapes(min_dims=1, max_dims=2, max_side=3))
    x = numbers(shape)
    x.expand(*extra, *shape).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.full(shape, np.prod(extra)))
