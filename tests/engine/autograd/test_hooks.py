"""Hooks of tensors and nodes: when they run, what they may return."""

from __future__ import annotations

import pytest

import gradviz_engine as torch


def test_hooks_run_in_pytorchs_order() -> None:
    log: list[str] = []
    x = torch.ones(2, requires_grad=True)
    y = x * 2
    keep = y.grad_fn.next_functions[0][0]
    y.retain_grad()
    y.register_hook(lambda g: log.append("tensor hook y"))
    y.grad_fn.register_prehook(lambda g: log.append(f"prehook y, y.grad {'set' if y.grad is not None else 'none'}"))
    y.grad_fn.register_hook(lambda gi, go: log.append("post hook y"))
    x.register_hook(lambda g: log.append("tensor hook x"))
    keep.register_prehook(lambda g: log.append(f"prehook x, x.grad {x.grad}"))
    x.register_post_accumulate_grad_hook(lambda t: log.append(f"accumulated {t.grad.tolist()}"))
    keep.register_hook(lambda gi, go: log.append(f"post hook x {gi}"))
    y.sum().backward()
    assert log == [
        "tensor hook y",
        "prehook y, y.grad set",
        "post hook y",
        "tensor hook x",
        "prehook x, x.grad None",
        "accumulated [2.0, 2.0]",
        "post hook x ()",
    ]


def test_what_a_hook_returns_replaces_the_gradient() -> None:
    x = torch.ones(2, requires_grad=True)
    handle = x.register_hook(lambda g: g * 10)
    x.sum().backward()
    handle.remove()
    x.sum().backward()
    assert x.grad.tolist() == [11.0, 11.0]


def test_a_prehook_and_a_post_hook_replace_too() -> None:
    x = torch.ones(2, requires_grad=True)
    y = x * 2
    y.grad_fn.register_prehook(lambda g: (g[0] * 3,))
    y.grad_fn.register_hook(lambda gi, go: (gi[0] + 1, None))
    y.sum().backward()
    assert x.grad.tolist() == [7.0, 7.0]


@pytest.mark.parametrize(
    ("hook", "error", "message"),
    [
        (lambda g: torch.ones(2), RuntimeError, "has changed the size of value"),
        (lambda g: g.double(), RuntimeError, r"has changed the type of value \(was torch.FloatTensor got torch.Dou"),
        (lambda g: 3, TypeError, "expected Variable, but hook returned 'int'"),
    ],
)
def test_a_hook_may_not_return_something_else(hook, error: type[Exception], message: str) -> None:
    x = torch.ones(3, requires_grad=True)
    x.register_hook(hook)
    with pytest.raises(error, match=message):
        x.sum().backward()


def test_an_exception_in_a_hook_reaches_the_caller() -> None:
    x = torch.ones(3, requires_grad=True)

    def raises(gradient: torch.Tensor) -> None:
        raise ValueError("mine")

    x.register_hook(raises)
    with pytest.raises(ValueError, match="mine"):
        x.sum().backward()


def test_hooks_of_an_accumulate_grad_die_with_it_and_a_leafs_own_stay() -> None:
    log: list[str] = []
    x = torch.ones(1, requires_grad=True)
    x.register_hook(lambda g: log.append("leaf"))
    y = x * 1
    y.grad_fn.next_functions[0][0].register_prehook(lambda g: log.append("node"))
    y.backward()
    del y
    (x * 1).backward()
    assert log == ["leaf", "node", "leaf"]


def test_captured_gradients_pass_tensor_hooks_but_no_node_hooks() -> None:
    log: list[str] = []
    x = torch.ones(2, requires_grad=True)
    h = x.exp()
    h.register_hook(lambda g: log.append("tensor hook"))
    h.grad_fn.register_prehook(lambda g: log.append("node prehook"))
    torch.autograd.grad(h.sin().sum(), h)
    assert log == ["tensor hook"]
