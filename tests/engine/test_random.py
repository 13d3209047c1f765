"""Random numbers: PyTorch's for the same seed, bit for bit.

``data/random.json`` holds short samples PyTorch 2.13.0 drew on the CPU; ``python tests/engine/test_random.py``
with PyTorch installed draws them anew. With PyTorch installed, many more seeds and sizes are compared live.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gradviz_engine

DATA = Path(__file__).parent / "data" / "random.json"

# What is drawn, as functions of the module (PyTorch or the engine) and a size.
DRAWS: dict[str, Any] = {
    "rand": lambda t, n: t.rand(n),
    "rand float64": lambda t, n: t.rand(n, dtype=t.float64),
    "rand float16": lambda t, n: t.rand(n, dtype=t.float16),
    "randn": lambda t, n: t.randn(n),
    "randn float64": lambda t, n: t.randn(n, dtype=t.float64),
    "randn float16": lambda t, n: t.randn(n, dtype=t.float16),
    "randn transposed": lambda t, n: t.randn_like(t.empty(2, n).t()),
    "normal_": lambda t, n: t.empty(n).normal_(0.5, 2.5),
    "normal_ float64": lambda t, n: t.empty(n, dtype=t.float64).normal_(-3, 0.1),
    "uniform_": lambda t, n: t.empty(n).uniform_(-0.3, 0.7),
    "uniform_ float64": lambda t, n: t.empty(n, dtype=t.float64).uniform_(-1.1, 5),
    "randint": lambda t, n: t.randint(-5, 90, (n,)),
    "randint wide": lambda t, n: t.randint(0, 2**40, (n,)),
    "random_": lambda t, n: t.empty(n, dtype=t.int64).random_(),
    "random_ float32": lambda t, n: t.empty(n).random_(),
    "randperm": lambda t, n: t.randperm(n),
    "bernoulli_": lambda t, n: t.empty(n).bernoulli_(0.3),
    "bernoulli": lambda t, n: t.bernoulli(t.full((n,), 0.6)),
    "exponential_": lambda t, n: t.empty(n).exponential_(1.5),
    "geometric_": lambda t, n: t.empty(n).geometric_(0.2),
    "log_normal_": lambda t, n: t.empty(n).log_normal_(),
    "cauchy_": lambda t, n: t.empty(n).cauchy_(),
    "multinomial": lambda t, n: t.multinomial(t.arange(1.0, 9.0), n + 1, replacement=True),
    "multinomial without": lambda t, n: t.multinomial(t.arange(1.0, n + 2.0), n + 1),
    "normal of tensors": lambda t, n: t.normal(t.arange(float(n)), t.full((n,), 2.0)),
    "dropout": lambda t, n: t.nn.functional.dropout(t.ones(n), 0.4),
}


def drawn(torch: Any, name: str, seed: int, sizes: list[int]) -> list[np.ndarray[Any, Any]]:
    """One draw after the other from one stream."""
    torch.manual_seed(seed)
    return [DRAWS[name](torch, size).numpy() for size in sizes]


def recorded() -> list[tuple[str, int, list[int], list[list[float]]]]:
    entries = json.loads(DATA.read_text(encoding="utf-8"))["draws"]
    return [(e["draw"], e["seed"], e["sizes"], e["hex"]) for e in entries]


@pytest.mark.parametrize(("name", "seed", "sizes", "expected"), recorded(), ids=lambda v: str(v)[:24])
def test_the_numbers_of_a_seed_are_pytorchs(name: str, seed: int, sizes: list[int], expected: list[str]) -> None:
    assert [a.tobytes().hex() for a in drawn(gradviz_engine, name, seed, sizes)] == expected


@pytest.mark.pytorch
@pytest.mark.parametrize("name", DRAWS)
@settings(max_examples=12, deadline=None)
@given(seed=st.integers(-(2**63), 2**64 - 1), sizes=st.lists(st.integers(0, 300), min_size=1, max_size=4))
def test_any_seed_and_sizes_agree_with_pytorch(name: str, seed: int, sizes: list[int]) -> None:
    torch = pytest.importorskip("torch")
    mine = drawn(gradviz_engine, name, seed, sizes)
    theirs = drawn(torch, name, seed, sizes)
    for a, b in zip(mine, theirs, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    assert gradviz_engine.get_rng_state().tolist() == torch.get_rng_state().tolist()


def test_a_saved_state_goes_on_where_it_was() -> None:
    gradviz_engine.manual_seed(3)
    gradviz_engine.randn(5)
    state = gradviz_engine.get_rng_state()
    first = gradviz_engine.randn(30).tolist()
    gradviz_engine.set_rng_state(state)
    assert gradviz_engine.randn(30).tolist() == first


def test_generators_do_not_disturb_each_other() -> None:
    gradviz_engine.manual_seed(0)
    alone = gradviz_engine.rand(4).tolist()
    gradviz_engine.manual_seed(0)
    own = gradviz_engine.Generator().manual_seed(0)
    assert gradviz_engine.rand(4, generator=own).tolist() == alone
    assert gradviz_engine.rand(4).tolist() == alone


def test_forked_streams_leave_no_trace() -> None:
    gradviz_engine.manual_seed(0)
    state = gradviz_engine.get_rng_state().tolist()
    with gradviz_engine.random.fork_rng():
        gradviz_engine.rand(100)
    assert gradviz_engine.get_rng_state().tolist() == state


@pytest.mark.parametrize(
    ("draw", "error", "message"),
    [
        (lambda t: t.randint(3, 3, (2,)), RuntimeError, "random_ expects 'from' to be less than 'to', but got from=3"),
        (
            lambda t: t.rand(2, dtype=t.int64),
            NotImplementedError,
            "\"check_uniform_bounds\" not implemented for 'Long'",
        ),
        (lambda t: t.empty(2).normal_(0, -1), RuntimeError, "normal expects std >= 0.0, but found std -1"),
        (lambda t: t.empty(2).bernoulli_(2), RuntimeError, "bernoulli_ expects p to be in [0, 1], but got p=2"),
        (lambda t: t.randperm(-1), RuntimeError, "Trying to create tensor with negative dimension -1: [-1]"),
        (lambda t: t.multinomial(t.ones(2), 3), RuntimeError, "cannot sample n_sample > prob_dist.size(-1) samples"),
        (lambda t: t.manual_seed(2**64), ValueError, "Overflow when unpacking long long"),
    ],
)
def test_impossible_draws_are_refused(draw: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        draw(gradviz_engine)
    assert message in str(caught.value)


def record() -> None:
    import torch

    entries = []
    for name in DRAWS:
        for seed, sizes in ((0, [5, 20]), (42, [3, 16, 33])):
            hexed = [a.tobytes().hex() for a in drawn(torch, name, seed, sizes)]
            entries.append({"draw": name, "seed": seed, "sizes": sizes, "hex": hexed})
    source = f"drawn by PyTorch {torch.__version__} on the CPU; little-endian bytes"
    DATA.write_text(json.dumps({"source": source, "draws": entries}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    record()
