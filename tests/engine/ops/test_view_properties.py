"""Views share memory, whatever chain of them is made, and in-place changes through them have the right gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import gradviz_engine as torch

Step = Callable[[Any], Any]

STEPS: dict[str, Step] = {
    "transpose": lambda t: t.transpose(0, -1),
    "permute": lambda t: t.permute(tuple(reversed(range(t.ndim)))),
    "select": lambda t: t[1],
    "slice": lambda t: t[1:],
    "every other": lambda t: t[::2],
    "unsqueeze": lambda t: t.unsqueeze(1),
    "squeeze": lambda t: t.squeeze(),
    "narrow": lambda t: t.narrow(-1, 0, 2),
    "diagonal": lambda t: t.diagonal(0, 0, -1),
    "flatten view": lambda t: t.view(-1) if t.is_contiguous() else t,
    "alias": lambda t: t[...],
    "unfold": lambda t: t.unfold(0, 2, 2),
    "movedim": lambda t: t.movedim(0, -1),
}

CHAINS = st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=5)


def chain(tensor: Any, names: list[str]) -> Any:
    """The views one after the other; chains that run out of dimensions are not tried."""
    for name in names:
        try:
            tensor = STEPS[name](tensor)
        except (IndexError, RuntimeError):
            assume(False)
    assume(tensor.numel() > 0)
    return tensor


@given(CHAINS)
def test_a_view_shares_its_memory_and_version_with_the_base(names: list[str]) -> None:
    base = torch.zeros(3, 4, 4)
    view = chain(base, names)
    before = base._version
    view.fill_(1.0)
    assert base.sum().item() == view.numel()
    assert (base._version, view._version) == (before + 1, before + 1)
    assert view._base is base


@given(CHAINS)
def test_the_gradient_of_a_chain_of_views_is_one_where_the_view_looks(names: list[str]) -> None:
    x = torch.zeros(3, 4, 4, dtype=torch.float64, requires_grad=True)
    seen = torch.zeros(3, 4, 4, dtype=torch.float64)
    chain(seen, names).fill_(1.0)
    chain(x, names).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), seen.numpy())


@given(CHAINS)
def test_a_change_through_a_view_has_the_gradient_of_the_same_change_done_apart(names: list[str]) -> None:
    """``view.mul_(3)`` against multiplying by 3 where the view looks."""
    x = torch.tensor(np.random.default_rng(0).normal(size=(3, 4, 4)), requires_grad=True)
    weights = torch.tensor(np.random.default_rng(1).normal(size=(3, 4, 4)))
    base = x * 1
    chain(base, names).mul_(3.0)
    factor = torch.ones(3, 4, 4, dtype=torch.float64)
    chain(factor, names).fill_(3.0)
    (base * weights).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), (factor * weights).numpy())


@given(CHAINS)
def test_a_view_made_before_a_change_of_the_base_gets_its_new_history(names: list[str]) -> None:
    x = torch.tensor(np.random.default_rng(0).normal(size=(3, 4, 4)), requires_grad=True)
    base = x * 1
    view = chain(base, names)
    base.mul_(x)
    assert view.grad_fn.name() == "AsStridedBackward0"
    view.sum().backward()
    seen = torch.zeros(3, 4, 4, dtype=torch.float64)
    chain(seen, names).fill_(1.0)
    np.testing.assert_allclose(x.grad.numpy(), (2 * x.detach() * seen).numpy())


def test_changes_through_a_view_can_be_differentiated_twice() -> None:
    x = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, requires_grad=True)
    base = x * x
    base[1:].mul_(x[1:])
    (first,) = torch.autograd.grad(base.sum(), x, create_graph=True)
    assert first.tolist() == [2.0, 12.0, 27.0]
    (second,) = torch.autograd.grad(first.sum(), x)
    assert second.tolist() == [2.0, 12.0, 18.0]


@pytest.mark.parametrize(
    "index",
    [
        0, -1, slice(1, None), slice(None, None, 2), None, Ellipsis, (0, 1), (slice(1, 3), 1), (Ellipsis, 0),
        (0, Ellipsis),
        (slice(None), None, 2), [0, 2], ([0, 1], [1, 1]), (slice(None), [0, 2]),
        ([[0], [1]], [0, 1]),
        True, (slice(None), True),
    ],
    ids=repr,
)  # fmt: skip
def test_reading_and_writing_by_index_agree_with_numpy(index: Any) -> None:
    array = np.arange(60.0).reshape(3, 4, 5)
    tensor = torch.tensor(array)
    np.testing.assert_array_equal(tensor[index].numpy(), array[index])
    tensor[index] = -1.0
    array[index] = -1.0
    np.testing.assert_array_equal(tensor.numpy(), array)


def test_an_integer_beside_a_list_is_selected_first_which_numpy_does_not() -> None:
    tensor = torch.arange(60).view(3, 4, 5)
    assert tensor[0, :, [1, 0]].tolist() == [[1, 0], [6, 5], [11, 10], [16, 15]]


def test_masks_select_and_write_like_numpy() -> None:
    array = np.arange(12.0).reshape(3, 4)
    tensor, mask = torch.tensor(array), array % 3 == 0
    np.testing.assert_array_equal(tensor[torch.tensor(mask)].numpy(), array[mask])
    tensor[torch.tensor(mask)] = 0.5
    array[mask] = 0.5
    np.testing.assert_array_equal(tensor.numpy(), array)


def test_repeated_places_add_up_in_the_gradient() -> None:
    x = torch.zeros(3, requires_grad=True)
    x[torch.tensor([0, 0, 2])].sum().backward()
    assert x.grad.tolist() == [2.0, 0.0, 1.0]
