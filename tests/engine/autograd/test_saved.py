"""Saved tensors: what is kept, when it is let go, and how in-place changes are noticed."""

from __future__ import annotations

import pytest

import gradviz_engine as torch


def leaf(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, requires_grad=True)


def test_only_what_a_needed_rule_reads_is_saved() -> None:
    x, constant = leaf(3), torch.ones(3)
    node = (x * constant).grad_fn
    assert node._saved_self is None
    assert node._saved_other is constant


def test_an_output_is_saved_without_a_reference_cycle() -> None:
    x = leaf(3)
    y = x.exp()
    saved = y.grad_fn._saved_result
    assert saved is not y
    assert saved.data_ptr() == y.data_ptr()
    assert saved.grad_fn is y.grad_fn


def test_backward_frees_what_was_saved_and_says_so_the_second_time() -> None:
    x = leaf(3)
    y = x.exp()
    y.sum().backward()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        y.sum().backward()
    with pytest.raises(RuntimeError, match="directly access saved tensors"):
        _ = y.grad_fn._saved_result
    assert y.grad_fn.next_functions[0][0].variable is x


def test_a_graph_that_saved_nothing_runs_twice() -> None:
    x = leaf(3)
    loss = (x + x).sum()
    loss.backward()
    loss.backward()
    assert x.grad.tolist() == [4.0] * 3


def test_a_number_is_saved_like_a_tensor_and_freed_with_the_rest() -> None:
    loss = (leaf(3) * 2).sum()
    loss.backward()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        loss.backward()


def test_retain_graph_keeps_everything() -> None:
    x = leaf(3)
    loss = x.exp().sum()
    loss.backward(retain_graph=True)
    loss.backward()
    assert torch.allclose(x.grad, 2 * x.exp())


@pytest.mark.parametrize(
    ("change", "made_by"),
    [(lambda y: y.add_(1), "Add"), (lambda y: y.mul_(2), "Mul"), (lambda y: y.zero_(), "Zero")],
)
def test_a_changed_input_is_named_with_both_versions(change, made_by: str) -> None:
    y = leaf(3) * 1
    z = y.sin()
    change(y)
    with pytest.raises(RuntimeError) as caught:
        z.sum().backward()
    assert f"[torch.FloatTensor [3]], which is output 0 of {made_by}, is at version 1; expected version 0" in str(
        caught.value
    )


def test_a_change_through_detach_is_noticed_and_through_data_is_not() -> None:
    x = leaf(3)
    y = x.exp()
    y.data.zero_()
    y.sum().backward()
    assert x.grad.tolist() == [0.0] * 3
    y = x.exp()
    y.detach().zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_views_and_detached_share_a_version_and_clones_do_not() -> None:
    a = torch.ones(4)
    view, alias, copy, data = a[:2], a.detach(), a.clone(), a.data
    a.add_(1)
    assert [t._version for t in (a, view, alias, copy, data)] == [1, 1, 1, 0, 0]


def test_saved_tensors_hooks_pack_at_once_and_unpack_in_backward() -> None:
    log: list[str] = []
    x = leaf(2)

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        log.append("pack")
        return tensor.detach().clone()

    def unpack(packed: torch.Tensor) -> torch.Tensor:
        log.append("unpack")
        return packed

    with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
        y = x * x
    assert log == ["pack", "pack"]
    y.sum().backward()
    assert log == ["pack", "pack", "unpack", "unpack"]
    assert torch.allclose(x.grad, 2 * x)


def test_second_derivatives_pass_through_saved_outputs() -> None:
    x = leaf(3)
    (first,) = torch.autograd.grad(x.exp().sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    assert torch.allclose(second, x.exp())
