"""Sums and ranges round as PyTorch rounds them on one thread: bit for bit, whatever the layout."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import gradviz_engine as engine

Array = np.ndarray[Any, Any]


@pytest.fixture
def torch() -> Iterator[Any]:
    """PyTorch on one thread and a processor whose vectors have 32 bytes."""
    real = pytest.importorskip("torch")
    if real.backends.cpu.get_cpu_capability() != "AVX2":
        pytest.skip("PyTorch adds in another order on this processor")
    threads = real.get_num_threads()
    real.set_num_threads(1)
    yield real
    real.set_num_threads(threads)


LAYOUTS: dict[str, tuple[int, Callable[[Array], Array]]] = {
    "a vector": (1, lambda a: a),
    "every third of a vector": (1, lambda a: a[::3]),
    "a matrix": (2, lambda a: a),
    "a matrix turned": (2, lambda a: a.T),
    "a part of a matrix": (2, lambda a: a[::2, 1::3]),
    "a row over and over": (2, lambda a: np.lib.stride_tricks.as_strided(a, a.shape, (0, a.itemsize))),
    "three dimensions": (3, lambda a: a),
    "three dimensions in another order": (3, lambda a: a.transpose(2, 0, 1)),
    "a part of three dimensions": (3, lambda a: a[:, ::2]),
    "images": (4, lambda a: a),
    "images, channels last": (4, lambda a: a.transpose(0, 3, 1, 2)),
}
LONGEST = {1: 5000, 2: 130, 3: 26, 4: 12}


def subsets(ndim: int) -> list[tuple[int, ...]]:
    return [tuple(d for d in range(ndim) if number >> d & 1) for number in range(1, 2**ndim)]


def numbers(ndim: int, dtype: str, drawn: np.random.Generator) -> Array:
    values = drawn.normal(size=drawn.integers(1, LONGEST[ndim], ndim))
    return (values * (1 + 1j) if dtype == "complex64" else values).astype(dtype)


def same_bits(mine: Any, other: Any) -> bool:
    a, b = mine.numpy(), other.numpy()
    return bool(a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes())


@pytest.mark.pytorch
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_sums_and_means_are_equal_bit_for_bit(torch: Any, layout: str, dtype: str) -> None:
    ndim, laid_out = LAYOUTS[layout]
    drawn = np.random.default_rng(ndim)
    for _ in range(12):
        array = laid_out(numbers(ndim, dtype, drawn))
        mine, other = engine.from_numpy(array), torch.from_numpy(array)
        assert same_bits(mine.sum(), other.sum())
        assert same_bits(mine.mean(), other.mean())
        for dims in subsets(ndim):
            assert same_bits(mine.sum(dims), other.sum(dims)), (array.shape, array.strides, dims)
            assert same_bits(mine.mean(dims, keepdim=True), other.mean(dims, keepdim=True))


@pytest.mark.pytorch
@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 63, 64, 500, 511, 512, 513, 100_003, 600_000])
def test_sums_of_sizes_where_the_kernel_changes_its_way(torch: Any, size: int) -> None:
    for dtype in (np.float32, np.float64):
        array = np.random.default_rng(size).normal(size=size).astype(dtype)
        assert same_bits(engine.from_numpy(array).sum(), torch.from_numpy(array).sum())
        columns = np.stack([array] * 3, axis=1)
        assert same_bits(engine.from_numpy(columns).sum(0), torch.from_numpy(columns).sum(0))


@pytest.mark.pytorch
def test_a_bias_gradient_is_summed_as_pytorch_sums_it(torch: Any) -> None:
    x = np.random.default_rng(0).normal(size=(64, 10)).astype(np.float32)
    gradients = []
    for module in (engine, torch):
        bias = module.zeros(10, requires_grad=True)
        ((module.tensor(x) + bias) ** 3).sum().backward()
        gradients.append(bias.grad)
    assert same_bits(*gradients)


@pytest.mark.pytorch
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32", "uint8"])
def test_linspace_is_equal_bit_for_bit(torch: Any, dtype: str) -> None:
    drawn = np.random.default_rng(1)
    for _ in range(200):
        start, end = drawn.normal(size=2) * 10.0 ** drawn.integers(-3, 4)
        start, end = (abs(int(v)) % 256 for v in (start, end)) if "int" in dtype else (start, end)
        steps = int(drawn.integers(0, 200))
        mine = engine.linspace(start, end, steps, dtype=getattr(engine, dtype))
        assert same_bits(mine, torch.linspace(start, end, steps, dtype=getattr(torch, dtype))), (start, end, steps)


@pytest.mark.pytorch
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_arange_is_equal_bit_for_bit(torch: Any, dtype: str) -> None:
    drawn = np.random.default_rng(2)
    for _ in range(200):
        start, step = np.round(drawn.normal(size=2), 2) + np.array([0, 0.001])
        end = start + step * drawn.integers(0, 200) + step / 2
        mine = engine.arange(start, end, step, dtype=getattr(engine, dtype))
        assert same_bits(mine, torch.arange(start, end, step, dtype=getattr(torch, dtype))), (start, end, step)


def test_numbers_that_pytorch_printed() -> None:
    """PyTorch 2.13.0: where relu's gradient depends on whether a place is exactly 0."""
    assert engine.arange(-8, 8, 0.1)[80].item() == np.float32(4.440892098500626e-16)
    assert engine.arange(0, 10, 3).tolist() == [0, 3, 6, 9]
    assert engine.linspace(-1, 1, 3).tolist() == [-1, 0, 1]
    assert engine.arange(1e308, 1.5e308, 1e307, dtype=engine.float64).isfinite().all()
