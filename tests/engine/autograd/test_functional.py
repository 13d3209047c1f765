"""Jacobians, Hessians and products against formulas and finite differences."""

from __future__ import annotations

from typing import Any

import pytest

import gradviz_engine as torch
from gradviz_engine.autograd import functional, gradcheck, gradgradcheck


def cubes(x: Any) -> Any:
    return (x**3).sum()


def pair(x: Any, y: Any) -> Any:
    return x * y, x.sin()


X = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
Y = torch.tensor([4.0, 5.0, 6.0], dtype=torch.float64)
V = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)


def test_jacobian_nests_as_outputs_and_inputs_do() -> None:
    (product_x, product_y), (sine_x, sine_y) = functional.jacobian(pair, (X, Y))
    assert torch.allclose(product_x, torch.diag(Y))
    assert torch.allclose(product_y, torch.diag(X))
    assert torch.allclose(sine_x, torch.diag(X.cos()))
    assert not sine_y.any()


def test_hessian_and_its_products() -> None:
    hessian = functional.hessian(cubes, X)
    assert torch.allclose(hessian, torch.diag(6 * X))
    assert torch.allclose(functional.hvp(cubes, X, V)[1], hessian @ V)
    assert torch.allclose(functional.vhp(cubes, X, V)[1], V @ hessian)


def test_products_with_the_jacobian() -> None:
    jacobian = functional.jacobian(torch.sin, X)
    value, pushed = functional.jvp(torch.sin, X, V)
    assert torch.allclose(value, X.sin())
    assert torch.allclose(pushed, jacobian @ V)
    assert torch.allclose(functional.vjp(torch.sin, X, V)[1], V @ jacobian)


def test_wrong_vectors_are_refused() -> None:
    with pytest.raises(RuntimeError, match="v has invalid size"):
        functional.vjp(torch.sin, X, torch.ones(2, dtype=torch.float64))
    with pytest.raises(RuntimeError, match="should contain a single element"):
        functional.hvp(torch.sin, X, V)


def test_gradcheck_passes_and_fails_as_it_should() -> None:
    x = X.clone().requires_grad_()
    assert gradcheck(lambda t: (t.exp() * t).sum(), x)
    assert gradgradcheck(lambda t: t.tanh() * t, x)

    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, t: Any) -> Any:
            return t * 2

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            return gradient * 3

    with pytest.raises(RuntimeError, match="Jacobian mismatch for output 0 with respect to input 0") as caught:
        gradcheck(Wrong.apply, torch.ones(2, dtype=torch.float64, requires_grad=True))
    assert "analytical:tensor([[3., 0.],\n        [0., 3.]], dtype=torch.float64)" in str(caught.value)
    assert not gradcheck(Wrong.apply, x, raise_exception=False)
