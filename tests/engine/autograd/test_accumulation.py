"""How gradients are summed on the way and set or added at the leaves.

Numbers and identities: PyTorch 2.13.0, observed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradviz_engine as torch
from gradviz_engine.ops.registry import Operator, Rule


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor(list(values), requires_grad=True)


@pytest.mark.parametrize(
    ("forward_order", "gradient"),
    [([1e8, 1.0, -1e8], 0.0), ([1.0, 1e8, -1e8], 1.0), ([1e8, -1e8, 1.0], 0.0)],
)
def test_partial_sums_follow_the_order_in_which_producers_run(forward_order: list[float], gradient: float) -> None:
    """The last created runs first, so float32 rounding tells the order: ((c2 + c1) + c0)."""
    x = leaf(1.0)
    h = x * 1
    parts = [h * factor for factor in forward_order]
    (parts[0] + parts[1] + parts[2]).sum().backward()
    assert x.grad.item() == gradient


def test_the_first_call_sets_and_the_second_adds_in_place() -> None:
    x = leaf(1.0, 2.0)
    (x * 2).sum().backward()
    first = x.grad
    assert first.tolist() == [2.0, 2.0]
    (x * 2).sum().backward()
    assert x.grad is first
    assert first.tolist() == [4.0, 4.0]
    assert first._version == 1


def test_zeroing_in_place_keeps_the_object_and_none_lets_it_go() -> None:
    x = leaf(1.0)
    (x * 3).sum().backward()
    old = x.grad
    old.zero_()
    assert x.grad is old
    assert old.item() == 0.0
    x.grad = None
    (x * 3).sum().backward()
    assert x.grad is not old
    assert old.item() == 0.0


def test_gradients_handed_through_are_never_shared() -> None:
    x, y = leaf(1.0, 1.0), leaf(1.0, 1.0)
    g = torch.ones(2)
    (x + y).backward(g)
    x.grad.mul_(5)
    assert y.grad.tolist() == [1.0, 1.0]
    assert g.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("second", [lambda g: g, lambda g: g.view(2)])
def test_a_rule_may_give_one_new_gradient_to_two_inputs(second: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """Each leaf takes new memory over that is its alone: of memory shared with another, a copy."""

    def rule(grad: torch.Tensor, saved: Any, needed: Any) -> tuple[torch.Tensor, torch.Tensor]:
        doubled = grad * 2
        return doubled, second(doubled)

    doubled_sum = Operator(
        "doubled_sum(x, y)",
        node="DoubledSumBackward0",
        forward=lambda x, y: 2 * (x + y),
        gradients={("x", "y"): Rule(rule, "grad · 2")},
    )
    x, y = leaf(1.0, 1.0), leaf(1.0, 1.0)
    for one in (x, y):  # changed at once, before the other leaf has its own
        one.register_post_accumulate_grad_hook(lambda changed: changed.grad.mul_(5))
    doubled_sum(x, y).backward(torch.ones(2))
    assert x.grad.tolist() == [10.0, 10.0]
    assert y.grad.tolist() == [10.0, 10.0]


def test_a_leaf_as_root_takes_a_copy_of_the_gradient() -> None:
    x, g = leaf(1.0), torch.ones(1)
    x.backward(g)
    assert x.grad is not g
    assert not np.shares_memory(x.grad.numpy(), g.numpy())
    x.backward(g)
    assert x.grad.item() == 2.0


def test_memory_is_taken_over_only_where_nobody_else_holds_it() -> None:
    x = leaf(1.0, 2.0)
    (x * 2).sum().backward()
    assert x.grad._version == 0
    held: list[torch.Tensor] = []
    y = leaf(1.0, 2.0)
    y.register_hook(held.append)
    (y * 2).sum().backward()
    held[0].zero_()
    assert y.grad.tolist() == [2.0, 2.0]
    assert y.grad._version == 1


def test_an_expanded_gradient_is_laid_out_like_the_leaf() -> None:
    m = torch.ones(2, 3, requires_grad=True)
    m.sum().backward()
    assert m.grad.stride() == (3, 1)
    assert m.grad.tolist() == [[1.0] * 3] * 2


def test_broadcast_gradients_are_summed_and_cast_silently() -> None:
    class Wide(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, gradient):
            return torch.ones(7, 5, 2, dtype=torch.float64)

    x = torch.ones(5, 2, requires_grad=True)
    Wide.apply(x).sum().backward()
    assert x.grad.dtype is torch.float32
    assert x.grad.tolist() == [[7.0] * 2] * 5


def test_create_graph_makes_the_gradient_part_of_a_graph() -> None:
    x = leaf(2.0)
    with pytest.warns(UserWarning, match="create_graph=True will create a reference cycle"):
        (x**3).sum().backward(create_graph=True)
    first = x.grad
    assert first.grad_fn.name() == "torch::autograd::CopyBackwards"
    with pytest.warns(UserWarning, match="create_graph=True"):
        (x**3).sum().backward(create_graph=True)
    assert x.grad is not first
    assert x.grad.grad_fn.name() == "AddBackward0"
    (second,) = torch.autograd.grad(x.grad.sum(), x)
    assert second.item() == 2 * 6 * 2.0


def test_sums_on_the_way_get_a_node_under_create_graph() -> None:
    x = leaf(2.0)
    y = x * 1
    (gradient,) = torch.autograd.grad((y * y).sum(), y, create_graph=True)
    assert gradient.grad_fn.name() == "AddBackward0"


def test_grad_leaves_every_grad_alone() -> None:
    x = leaf(3.0)
    (gradient,) = torch.autograd.grad((x * x).sum(), x)
    assert gradient.item() == 6.0
    assert not gradient.requires_grad
    assert x.grad is None


def test_backward_with_a_non_leaf_input_retains_and_accumulates_its_grad() -> None:
    x = leaf(1.0)
    h = x * 2
    loss = (h * h).sum()
    loss.backward(inputs=[h], retain_graph=True)
    loss.backward(inputs=[h])
    assert h.grad.item() == 8.0
    assert h.retains_grad
    assert x.grad is None


def test_the_notebook_accumulates_doubles_and_starts_again() -> None:
    inp = torch.eye(4, 5, requires_grad=True)
    out = (inp + 1).pow(2).t()
    out.backward(torch.ones_like(out), retain_graph=True)
    assert (inp.grad.min().item(), inp.grad.max().item()) == (2.0, 4.0)
    out.backward(torch.ones_like(out), retain_graph=True)
    assert (inp.grad.min().item(), inp.grad.max().item()) == (4.0, 8.0)
    inp.grad.zero_()
    out.backward(torch.ones_like(out), retain_graph=True)
    assert (inp.grad.min().item(), inp.grad.max().item()) == (2.0, 4.0)
