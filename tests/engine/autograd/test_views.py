"""In-place changes of views and bases, and the history they leave."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradviz_engine as engine


def changed_view(torch: Any) -> tuple[Any, Any]:
    x = torch.ones(4, requires_grad=True)
    y = x * 1
    y[:2].mul_(3)
    return x, y


def changed_base(torch: Any) -> tuple[Any, Any]:
    x = torch.ones(4, requires_grad=True)
    y = x * 1
    view = y[:2]
    y.mul_(torch.arange(4.0))
    return x, view


def changed_twice(torch: Any) -> tuple[Any, Any]:
    x = torch.ones(2, 3, requires_grad=True)
    y = x * 1
    y.t()[1].mul_(2)
    y[0].add_(1)
    return x, y * y


def assigned(torch: Any) -> tuple[Any, Any]:
    x = torch.ones(4, requires_grad=True)
    buffer = torch.zeros(4)
    buffer[1:3] = x[:2] * 5
    return x, buffer


def copied(torch: Any) -> tuple[Any, Any]:
    x = torch.ones(3, requires_grad=True)
    y = torch.zeros(2, 3)
    y[1].copy_(x * 2)
    return x, y


def overwritten(torch: Any) -> tuple[Any, Any]:
    x = torch.ones(3, requires_grad=True)
    y = x * 2
    y[0] = 7.0
    return x, y


PROGRAMS = [changed_view, changed_base, changed_twice, assigned, copied, overwritten]
GRADIENTS = {
    changed_view: [3.0, 3.0, 1.0, 1.0],
    changed_base: [0.0, 1.0, 0.0, 0.0],
    changed_twice: [[4.0, 12.0, 4.0], [2.0, 8.0, 2.0]],
    assigned: [5.0, 5.0, 0.0, 0.0],
    copied: [2.0, 2.0, 2.0],
    overwritten: [0.0, 2.0, 2.0],
}


def names(node: Any) -> Any:
    return (node.name(), tuple(names(n) if n is not None else None for n, _ in node.next_functions))


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_gradients_after_in_place_changes(program: Any) -> None:
    x, result = program(engine)
    result.sum().backward()
    assert x.grad.tolist() == GRADIENTS[program]


@pytest.mark.pytorch
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_history_after_in_place_changes_is_pytorchs(program: Any) -> None:
    torch = pytest.importorskip("torch")
    mine, theirs = program(engine)[1], program(torch)[1]
    assert names(mine.grad_fn) == names(theirs.grad_fn)
    np.testing.assert_array_equal(mine.detach().numpy(), theirs.detach().numpy())


def test_a_view_finds_its_new_history_when_asked() -> None:
    x = engine.ones(4, requires_grad=True)
    y = x * 1
    view = y[:2]
    assert view.grad_fn.name() == "SliceBackward0"
    view.mul_(2)
    assert view.grad_fn.name() == "AsStridedBackward0"
    assert y.grad_fn.name() == "torch::autograd::CopySlices"
    assert view._base is y
    assert view._is_view()


def test_views_share_memory() -> None:
    a = engine.arange(6.0).reshape(2, 3)
    a.t()[0, 1] = 50.0
    assert a[1, 0].item() == 50.0
    assert a.view(6).data_ptr() == a.data_ptr()
    assert a[1].storage_offset() == 3


FORBIDDEN = [
    (lambda x: x.add_(1), "a leaf Variable that requires grad is being used in an in-place operation."),
    (lambda x: x[:2].add_(1), "a view of a leaf Variable that requires grad is being used in an in-place"),
    (lambda x: x.__setitem__(0, 1.0), "a view of a leaf Variable that requires grad is being used in an in-place"),
    (lambda x: (x * 1).split(2)[0].add_(1), "Output 0 of Split is a view and is being modified inplace."),
    (lambda x: (x * 1).unbind()[0].add_(1), "Output 0 of Unbind is a view and is being modified inplace."),
]


@pytest.mark.parametrize(("change", "message"), FORBIDDEN)
def test_what_may_not_be_changed_in_place(change: Any, message: str) -> None:
    x = engine.ones(4, requires_grad=True)
    with pytest.raises(RuntimeError) as caught:
        change(x)
    assert str(caught.value).startswith(message)


def test_leaves_change_freely_without_grad_mode() -> None:
    x = engine.ones(3, requires_grad=True)
    with engine.no_grad():
        x.sub_(0.5)
        x[0] = 9.0
    assert x.tolist() == [9.0, 0.5, 0.5]
    assert x.is_leaf
    assert x._version == 2


def made_without_grad(torch: Any) -> tuple[Any, Any]:
    x = torch.ones(3, 2, requires_grad=True)
    with torch.no_grad():
        view = x[0]
        view.fill_(2.0)
    return x, view


def made_in_inference_mode(torch: Any) -> tuple[Any, Any]:
    x = torch.ones(3, 2, requires_grad=True)
    y = x * 1
    with torch.inference_mode():
        view = y[0]
    y.mul_(2)
    return x, view


def made_with_others(torch: Any) -> tuple[Any, Any]:
    x = torch.ones(3, 2, requires_grad=True)
    y = x * 1
    _, view, _ = y.unbind(0)
    y.mul_(2)
    return x, view


WITHOUT_HISTORY = [made_without_grad, made_in_inference_mode, made_with_others]


def answers(torch: Any, program: Any) -> list[str]:
    """What such a view says of itself: values, or messages."""
    x, view = program(torch)
    said = []
    for ask in (lambda: view.grad_fn, lambda: view * 2, lambda: view.is_leaf, lambda: view.requires_grad, lambda: view):
        try:
            said.append(str(ask()))
        except RuntimeError as error:
            said.append(str(error))
    return [*said, str(view.output_nr), str((x * 2).grad_fn._sequence_nr() - (x * 2).grad_fn._sequence_nr())]


@pytest.mark.parametrize("program", WITHOUT_HISTORY, ids=lambda p: p.__name__)
def test_a_view_that_cannot_have_a_history_says_so(program: Any) -> None:
    grad_fn, product, is_leaf, requires_grad, shown, _, _ = answers(engine, program)
    assert "its base or another view of its base has been modified inplace" in grad_fn
    assert grad_fn == product == is_leaf
    assert requires_grad == "True"
    assert "grad_fn=<Invalid>" in shown


@pytest.mark.pytorch
@pytest.mark.parametrize("program", WITHOUT_HISTORY, ids=lambda p: p.__name__)
def test_a_view_that_cannot_have_a_history_says_what_pytorch_says(program: Any) -> None:
    assert answers(engine, program) == answers(pytest.importorskip("torch"), program)


def test_whether_a_view_requires_grad_is_answered_without_a_new_node() -> None:
    x = engine.ones(4, requires_grad=True)
    buffer = engine.zeros(2, 4)
    view = buffer[0]
    buffer[1] = x
    before = (x * 1).grad_fn._sequence_nr()
    assert view.requires_grad
    assert (x * 1).grad_fn._sequence_nr() == before + 1
