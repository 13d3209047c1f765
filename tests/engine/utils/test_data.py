"""Datasets, samplers and the loader: batches, order, options. For a seed the order is PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradviz_engine as engine
from gradviz_engine.utils import data

TEN = list(range(10))


def order(torch: Any, **options: Any) -> list[Any]:
    """The samples of two epochs after seed 5, and a number drawn after them."""
    torch.manual_seed(5)
    dataset = torch.utils.data.TensorDataset(torch.arange(20.0).reshape(10, 2), torch.arange(10))
    loader = torch.utils.data.DataLoader(dataset, **options)
    found = [batch[1].tolist() for _ in range(2) for batch in loader]
    return [*found, torch.rand(1).item()]


def test_shuffled_batches_are_pytorchs() -> None:
    """Recorded from PyTorch 2.13.0."""
    assert order(engine, batch_size=4, shuffle=True)[:3] == RECORDED["first epoch"]
    engine.manual_seed(1)
    assert [list(s.indices) for s in data.random_split(range(10), [3, 7])] == RECORDED["random_split"]


@pytest.mark.pytorch
@pytest.mark.parametrize(
    "options", [{"batch_size": 3, "shuffle": True}, {"batch_size": 4, "drop_last": True}, {"batch_size": None}]
)
def test_any_loader_agrees_with_pytorch(options: Any) -> None:
    torch = pytest.importorskip("torch")
    assert order(engine, **options) == order(torch, **options)


@pytest.mark.pytorch
def test_samplers_agree_with_pytorch() -> None:
    torch = pytest.importorskip("torch")

    def drawn(module: Any) -> list[Any]:
        module.manual_seed(1)
        d = module.utils.data
        return [
            list(d.RandomSampler(range(5), replacement=True, num_samples=70)),
            list(d.RandomSampler(range(5), num_samples=12)),
            list(d.WeightedRandomSampler([0.1, 0.9, 0.4], 20)),
            list(d.WeightedRandomSampler([0.1, 0.9, 0.4], 2, replacement=False)),
            list(d.SubsetRandomSampler([3, 5, 9])),
            [list(s.indices) for s in d.random_split(range(11), [0.3, 0.3, 0.4])],
        ]

    assert drawn(engine) == drawn(torch)


def test_every_sample_comes_once_an_epoch() -> None:
    for batch in (1, 3, 10, 99):
        loader = data.DataLoader(TEN, batch_size=batch, shuffle=True)
        assert sorted(n for b in loader for n in b.tolist()) == TEN
        assert len(loader) == len(list(loader))


def test_the_last_short_batch_can_be_dropped() -> None:
    loader = data.DataLoader(TEN, batch_size=4, drop_last=True)
    assert [b.tolist() for b in loader] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert len(loader) == 2


def test_samples_of_any_structure_are_collated() -> None:
    batch = data.default_collate(
        [{"n": 1, "pair": (2.5, "a"), "array": np.ones(2)}, {"n": 2, "pair": (3.5, "b"), "array": np.zeros(2)}]
    )
    assert batch["n"].dtype is engine.int64
    assert batch["pair"][0].dtype is engine.float64
    assert batch["pair"][1] == ("a", "b")
    assert batch["array"].tolist() == [[1, 1], [0, 0]]
    with pytest.raises(TypeError, match="default_collate: batch must contain tensors"):
        data.default_collate([object()])


def test_a_stream_is_batched_as_it_comes() -> None:
    class Stream(data.IterableDataset[int]):
        def __iter__(self) -> Any:
            return iter(range(5))

    assert [b.tolist() for b in data.DataLoader(Stream(), batch_size=2)] == [[0, 1], [2, 3], [4]]
    with pytest.raises(ValueError, match="expected unspecified shuffle option"):
        data.DataLoader(Stream(), shuffle=True)


def test_datasets_can_be_joined_stacked_and_cut() -> None:
    joined = data.ConcatDataset([TEN, [10, 11]])
    assert (len(joined), joined[11], joined[-1], joined[0]) == (12, 11, 11, 0)
    assert data.StackDataset(a=TEN, b=TEN[::-1])[0] == {"a": 0, "b": 9}
    assert data.Subset(TEN, [3, 1])[0] == 3
    with pytest.raises(ValueError, match="Sum of input lengths does not equal"):
        data.random_split(TEN, [3, 3])


RECORDED = {
    "first epoch": [[8, 3, 0, 5], [9, 1, 6, 2], [4, 7]],
    "random_split": [[5, 6, 1], [2, 0, 8, 9, 3, 7, 4]],
}
