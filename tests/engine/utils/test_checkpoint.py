"""Checkpointing: the same numbers with fewer tensors kept, dropout included."""

from __future__ import annotations

from typing import Any

import pytest

import gradviz_engine as torch
from gradviz_engine.utils.checkpoint import CheckpointError, checkpoint, checkpoint_sequential


def network(x: Any) -> Any:
    return torch.nn.functional.dropout(x.exp().sin(), 0.5) * x


@pytest.mark.parametrize("reentrant", [False, True])
def test_gradients_are_those_without_checkpoint(reentrant: bool) -> None:
    torch.manual_seed(0)
    x = torch.randn(6, requires_grad=True)
    state = torch.get_rng_state()
    network(x).sum().backward()
    expected, x.grad = x.grad.tolist(), None
    torch.set_rng_state(state)
    checkpoint(network, x, use_reentrant=reentrant).sum().backward()
    assert x.grad.tolist() == expected


def test_second_derivatives_go_through() -> None:
    def second(run: Any) -> list[float]:
        x = torch.tensor([0.3, 0.7], requires_grad=True)
        (first,) = torch.autograd.grad(run(x).sum(), x, create_graph=True)
        return torch.autograd.grad(first.sum(), x)[0].tolist()

    def function(x: Any) -> Any:
        return x.exp().sin() * x

    assert second(lambda x: checkpoint(function, x, use_reentrant=False)) == second(function)


def test_the_function_runs_again_once_a_backward() -> None:
    runs = []

    def function(x: Any) -> Any:
        runs.append(1)
        return x.exp().sin().tanh()

    x = torch.ones(3, requires_grad=True)
    y = checkpoint(function, x, use_reentrant=False)
    y.sum().backward(retain_graph=True)
    assert len(runs) == 2
    y.sum().backward()
    assert len(runs) == 3


def test_a_function_that_changes_its_mind_is_found_out() -> None:
    sizes = iter([3, 4])

    def function(x: Any) -> Any:
        return (x[: next(sizes)] * 2).exp()

    y = checkpoint(function, torch.ones(5, requires_grad=True), use_reentrant=False)
    with pytest.raises(CheckpointError, match="different metadata"):
        y.sum().backward()


def test_a_chain_of_modules_in_parts() -> None:
    torch.manual_seed(0)
    chain = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    x = torch.randn(2, 4, requires_grad=True)
    assert checkpoint_sequential(chain, 2, x, use_reentrant=False).tolist() == chain(x).tolist()
