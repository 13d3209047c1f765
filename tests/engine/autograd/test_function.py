"""Custom functions: ``torch.autograd.Function``."""

from __future__ import annotations

from typing import Any

import pytest

import gradviz_engine as torch
from gradviz_engine.autograd import Function
from gradviz_engine.autograd.function import once_differentiable


class Square(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        ctx.note = "kept"
        return x * x

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        (x,) = ctx.saved_tensors
        return 2 * x * gradient


class Scale(Function):
    """With ``setup_context``, and an argument that is no tensor."""

    @staticmethod
    def forward(x: Any, factor: float) -> Any:
        return x * factor

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.factor = inputs[1]

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        return gradient * ctx.factor, None


def leaf(*shape: int) -> Any:
    return torch.rand(*shape, requires_grad=True)


def test_a_function_is_one_node_named_after_it() -> None:
    x = leaf(3)
    y = Square.apply(x)
    assert y.grad_fn.name() == "SquareBackward"
    assert repr(y.grad_fn).startswith("<torch.autograd.function.SquareBackward object at 0x")
    assert y.grad_fn.next_functions[0][0].variable is x
    assert y.grad_fn.note == "kept"
    y.sum().backward()
    assert torch.allclose(x.grad, 2 * x)


def test_saved_tensors_are_freed_after_backward() -> None:
    y = Square.apply(leaf(3))
    y.sum().backward()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        _ = y.grad_fn.saved_tensors


def test_setup_context_and_plain_arguments() -> None:
    x = leaf(2)
    y = Scale.apply(x, 3.0)
    y.sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]
    assert y.grad_fn.needs_input_grad == (True, False)


def test_double_backward_through_a_function() -> None:
    x = leaf(3)
    (first,) = torch.autograd.grad(Square.apply(x).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    assert second.tolist() == [2.0] * 3


def test_unused_outputs_get_zeros_unless_declined() -> None:
    seen: list[Any] = []

    def make(materialize: bool) -> type[Function]:
        class Two(Function):
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                ctx.set_materialize_grads(materialize)
                return x * 1, x * 2

            @staticmethod
            def backward(ctx: Any, a: Any, b: Any) -> Any:
                seen.append(None if b is None else b.tolist())
                return a

        return Two

    make(True).apply(leaf(2))[0].sum().backward()
    make(False).apply(leaf(2))[0].sum().backward()
    assert seen == [[0.0, 0.0], None]


def test_mark_dirty_makes_the_call_an_in_place_operation() -> None:
    class Double(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            x.mul_(2)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            return gradient * 2

    x = leaf(2)
    y = x * 1
    z = Double.apply(y)
    assert z is y
    assert y.grad_fn.name() == "DoubleBackward"
    z.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in an in-place"):
        Double.apply(leaf(2))


def test_non_differentiable_outputs_require_no_grad() -> None:
    class Largest(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            index = x.argmax()
            ctx.mark_non_differentiable(index)
            return x * 1, index

        @staticmethod
        def backward(ctx: Any, gradient: Any, unused: Any) -> Any:
            return gradient

    value, index = Largest.apply(leaf(3))
    assert value.requires_grad
    assert not index.requires_grad


def test_once_differentiable_refuses_the_second_time() -> None:
    class Once(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        @once_differentiable
        def backward(ctx: Any, gradient: Any) -> Any:
            return gradient * 2

    x = leaf(3)
    y = Once.apply(x)
    (first,) = torch.autograd.grad((y**2).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="trying to differentiate twice a function that was marked with"):
        first.sum().backward()


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (lambda g: (g, g), r"function BadBackward returned an incorrect number of gradients \(expected 1, got 2\)"),
        (lambda g: torch.ones(2), r"Function BadBackward returned an invalid gradient at index 0 - got \[2\]"),
        (lambda g: 3, r"expected Variable or None \(got int\)"),
    ],
)
def test_wrong_results_of_backward_are_named(returned: Any, message: str) -> None:
    class Bad(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            return returned(gradient)

    with pytest.raises(RuntimeError, match=message):
        Bad.apply(leaf(3)).sum().backward()


def test_names_on_ctx_cannot_collide_with_the_engines() -> None:
    class Greedy(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.edges = ctx.meta = ctx.sequence = "mine"
            return x * 1

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            assert ctx.edges == "mine"
            return gradient

    x = leaf(2)
    Greedy.apply(x).sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]
