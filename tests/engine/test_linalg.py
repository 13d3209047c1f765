"""Linear algebra: identities between results, derivatives by finite differences, layouts, singular cases."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradviz_engine as torch
from gradviz_engine.autograd.gradcheck import gradcheck, gradgradcheck

linalg = torch.linalg


def matrix(*shape: int, seed: int = 0) -> Any:
    numbers = np.random.default_rng(seed).normal(size=shape)
    return torch.tensor(numbers, requires_grad=True)


def definite(n: int = 3, batch: tuple[int, ...] = ()) -> Any:
    square = np.random.default_rng(1).normal(size=(*batch, n, n))
    return torch.tensor(square @ square.swapaxes(-1, -2) + n * np.eye(n), requires_grad=True)


def symmetric(A: Any) -> Any:
    return (A + A.mT) / 2


def close(a: Any, b: Any) -> bool:
    return bool(np.allclose(a.detach().numpy(), b.detach().numpy()))


# Results ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [(), (2,), (2, 1)])
def test_factors_multiply_to_the_matrix(batch: tuple[int, ...]) -> None:
    A, S = matrix(*batch, 3, 4), definite(3, batch)
    U, values, Vh = linalg.svd(A, full_matrices=False)
    assert close((U * values.unsqueeze(-2)) @ Vh, A)
    Q, R = linalg.qr(A)
    assert close(Q @ R, A)
    L = linalg.cholesky(S)
    assert close(L @ L.mT, S)
    values, vectors = linalg.eigh(S)
    assert close((vectors * values.unsqueeze(-2)) @ vectors.mT, S)
    P, low, up = linalg.lu(A)
    assert close(P @ low @ up, A)


def test_eigenvectors_of_any_matrix_keep_their_direction() -> None:
    A = matrix(2, 4, 4)
    values, vectors = linalg.eig(A)
    assert values.dtype is torch.complex128
    assert close(A.to(torch.complex128) @ vectors, vectors * values.unsqueeze(-2))


def test_inverses_undo() -> None:
    A, B = matrix(2, 3, 3), matrix(2, 3, 2, seed=1)
    eye = torch.eye(3, dtype=torch.float64)
    assert close(linalg.inv(A) @ A, eye.expand(2, 3, 3))
    assert close(A @ linalg.solve(A, B), B)
    assert close(linalg.solve(A, B.mT, left=False) @ A, B.mT)
    assert close(A @ linalg.solve(A, B[..., 0].contiguous()).unsqueeze(-1), B[..., :1])
    assert close(A.tril() @ linalg.solve_triangular(A.tril(), B, upper=False), B)
    assert close(A @ linalg.lu_solve(*linalg.lu_factor(A), B), B)
    tall = matrix(4, 2)
    assert close(linalg.pinv(tall) @ tall, torch.eye(2, dtype=torch.float64))
    assert close(linalg.lstsq(tall, tall @ B[0, :2]).solution, B[0, :2])


def test_determinants_agree_with_eigenvalues() -> None:
    S = definite(4)
    product = linalg.eigvalsh(S).prod()
    sign, logarithm = linalg.slogdet(S)
    assert close(linalg.det(S), product)
    assert close(sign * logarithm.exp(), product)
    assert close(torch.logdet(S), product.log())
    assert bool(torch.logdet(-torch.eye(3)).isnan())


def test_powers_and_exponentials() -> None:
    A = matrix(3, 3)
    assert close(linalg.matrix_power(A, 5), A @ A @ A @ A @ A)
    assert close(linalg.matrix_power(A, -2), linalg.inv(A) @ linalg.inv(A))
    assert close(linalg.matrix_exp(A) @ linalg.matrix_exp(-A), torch.eye(3, dtype=torch.float64))
    grown = linalg.eigvalsh(linalg.matrix_exp(8 * symmetric(A)))
    assert close(grown, (8 * linalg.eigvalsh(symmetric(A))).exp())


@pytest.mark.parametrize("ord", [0, 0.5, 1, 1.5, 2, 3, float("inf"), float("-inf")])
@pytest.mark.parametrize("dim", [None, 0, (0, 1)])
def test_vector_norms_are_numpys(ord: float, dim: Any) -> None:
    x = matrix(3, 4)
    array = x.detach().numpy()
    if dim is None or isinstance(dim, tuple):
        expected = np.linalg.norm(array.ravel(), ord)
    else:
        expected = np.linalg.norm(array, ord, axis=dim)
    assert np.allclose(linalg.vector_norm(x, ord, dim).detach().numpy(), expected)


@pytest.mark.parametrize("ord", ["fro", "nuc", 1, -1, 2, -2, float("inf"), float("-inf")])
def test_matrix_norms_are_numpys(ord: Any) -> None:
    A = matrix(3, 4)
    expected = np.linalg.norm(A.detach().numpy(), ord)
    assert np.allclose(linalg.matrix_norm(A, ord).detach().numpy(), expected)
    assert np.allclose(linalg.norm(A, ord).detach().numpy(), expected)
    assert linalg.matrix_norm(A, ord, keepdim=True).shape == (1, 1)


def test_chains_are_multiplied_in_the_cheapest_order() -> None:
    chain = [matrix(10, 100), matrix(100, 5, seed=1), matrix(5, 50, seed=2), matrix(50, 1, seed=3)]
    result = linalg.multi_dot(chain)
    assert close(result, chain[0] @ chain[1] @ chain[2] @ chain[3])
    outermost = result.grad_fn.next_functions[0][0]
    assert [type(n).__name__ for n, _ in outermost.next_functions] == ["AccumulateGrad", "MmBackward0"]


# Derivatives --------------------------------------------------------------------------------------------------

DERIVATIVES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "inv": (linalg.inv, (matrix(3, 3),)),
    "det": (linalg.det, (matrix(2, 3, 3),)),
    "slogdet": (lambda A: linalg.slogdet(A)[1], (matrix(3, 3),)),
    "solve": (linalg.solve, (matrix(3, 3), matrix(3, 2, seed=1))),
    "solve vector": (linalg.solve, (matrix(2, 3, 3), matrix(2, 3, seed=1))),
    "solve right": (lambda A, B: linalg.solve(A, B, left=False), (matrix(3, 3), matrix(2, 3, seed=1))),
    "solve_triangular": (lambda A, B: linalg.solve_triangular(A, B, upper=True), (definite(), matrix(3, 2))),
    "cholesky": (lambda A: linalg.cholesky(symmetric(A)), (definite(),)),
    "qr": (lambda A: linalg.qr(A), (matrix(4, 3),)),
    "qr wide": (lambda A: linalg.qr(A), (matrix(2, 4),)),
    "eigh": (lambda A: linalg.eigh(symmetric(A))[0], (matrix(3, 3),)),
    "eigh vectors": (lambda A: linalg.eigh(symmetric(A))[1].abs(), (matrix(3, 3),)),
    "svdvals": (linalg.svdvals, (matrix(3, 4),)),
    "svd": (lambda A: [t.abs() for t in linalg.svd(A, full_matrices=False)], (matrix(4, 3),)),
    "eigvals": (lambda A: torch.view_as_real(linalg.eigvals(A)), (matrix(3, 3),)),
    "triangular_solve": (lambda b, A: torch.triangular_solve(b, A).solution, (matrix(3, 2), definite())),
    "pinv": (linalg.pinv, (matrix(4, 3),)),
    "lu": (lambda A: linalg.lu(A)[1:], (matrix(3, 3),)),
    "lu wide": (lambda A: linalg.lu(A)[1:], (matrix(2, 3),)),
    "lu tall": (lambda A: linalg.lu(A)[1:], (matrix(3, 2),)),
    "matrix_exp": (linalg.matrix_exp, (matrix(3, 3),)),
    "cross": (lambda a, b: linalg.cross(a, b), (matrix(2, 3), matrix(2, 3, seed=1))),
    "matrix_norm nuc": (lambda A: linalg.matrix_norm(A, "nuc"), (matrix(3, 2),)),
    "vector_norm 3": (lambda x: linalg.vector_norm(x, 3, 0), (matrix(3, 2),)),
    "vector_norm inf": (lambda x: linalg.vector_norm(x, float("inf")), (matrix(3, 2),)),
    "cholesky_solve": (
        lambda B, A: torch.cholesky_solve(B, linalg.cholesky(symmetric(A))), (matrix(3, 2), definite())
    ),
    "fft": (lambda x: torch.view_as_real(torch.fft.fft(x)), (matrix(5),)),
    "rfft": (lambda x: torch.view_as_real(torch.fft.rfft(x)), (matrix(2, 6),)),
    "irfft": (lambda x: torch.fft.irfft(torch.fft.rfft(x)), (matrix(6),)),
    "addmm": (lambda b, x, y: torch.addmm(b, x, y, beta=2, alpha=3), (matrix(2), matrix(3, 4), matrix(4, 2))),
    "baddbmm": (torch.baddbmm, (matrix(2, 1, 3), matrix(2, 2, 4), matrix(2, 4, 3))),
    "addbmm": (torch.addbmm, (matrix(2, 3), matrix(2, 2, 4), matrix(2, 4, 3))),
    "addr": (torch.addr, (matrix(2, 3), matrix(2), matrix(3))),
    "addmv": (torch.addmv, (matrix(2), matrix(2, 3), matrix(3))),
    "einsum": (lambda a, b: torch.einsum("bij,bjk->ki", a, b), (matrix(2, 3, 4), matrix(2, 4, 2))),
    "tensordot": (lambda a, b: torch.tensordot(a, b, 2), (matrix(2, 3, 4), matrix(3, 4, 2))),
    "kron": (torch.kron, (matrix(2, 2), matrix(1, 3))),
    "cdist": (lambda a, b: torch.cdist(a, b), (matrix(3, 2), matrix(4, 2, seed=1))),
}  # fmt: skip


@pytest.mark.parametrize("name", DERIVATIVES)
def test_a_derivative_is_that_of_finite_differences(name: str) -> None:
    function, inputs = DERIVATIVES[name]
    assert gradcheck(function, inputs)


@pytest.mark.parametrize("name", [n for n in DERIVATIVES if n not in ("cdist", "vector_norm inf")])
def test_a_second_derivative_is_that_of_finite_differences(name: str) -> None:
    function, inputs = DERIVATIVES[name]
    assert gradgradcheck(function, inputs)


def test_the_determinant_of_a_singular_matrix_has_a_gradient() -> None:
    A = torch.tensor([[1.0, 2.0], [2.0, 4.0]], dtype=torch.float64, requires_grad=True)
    linalg.det(A).backward()
    assert np.allclose(A.grad.numpy(), [[4, -2], [-2, 1]])


def test_a_loss_may_not_depend_on_the_phase_of_eigenvectors() -> None:
    A = matrix(3, 3)
    vectors = linalg.eig(A).eigenvectors
    with pytest.raises(RuntimeError, match="it is ill-defined"):
        vectors.imag.sum().backward()
    gradcheck(lambda A: torch.view_as_real(linalg.eig(A).eigenvectors).pow(2).sum(-1), (matrix(3, 3),))


def test_a_norm_of_zero_has_gradient_zero() -> None:
    x = torch.zeros(3, requires_grad=True)
    x.norm().backward()
    assert x.grad.tolist() == [0, 0, 0]


# Layout and errors --------------------------------------------------------------------------------------------


def test_factorizations_are_laid_out_by_columns() -> None:
    A = definite(3, (2,))
    for result in (linalg.inv(A), linalg.cholesky(A), linalg.qr(A)[0], linalg.eigh(A)[1], linalg.svd(A)[0]):
        assert result.stride() == (9, 1, 3)


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (lambda: linalg.inv(torch.zeros(3, 2, 2)),
         "linalg.inv: (Batch element 0): The diagonal element 1 is zero, the inversion could not be completed because "
         "the input matrix is singular."),
        (lambda: linalg.solve(torch.zeros(2, 2), torch.ones(2)),
         "torch.linalg.solve: The solver failed because the input matrix is singular."),
        (lambda: linalg.cholesky(-torch.eye(2)),
         "linalg.cholesky: The factorization could not be completed because the input is not positive-definite (the "
         "leading minor of order 1 is not positive-definite)."),
        (lambda: linalg.inv(torch.zeros(2, 3)),
         "linalg.inv: A must be batches of square matrices, but they are 2 by 3 matrices"),
        (lambda: linalg.det(torch.zeros(2)), "linalg.det: The input tensor A must have at least 2 dimensions."),
        (lambda: linalg.solve(torch.eye(2), torch.ones(3)),
         "linalg.solve: Incompatible shapes of A and B for the equation AX = B (2x2 and 3x1)"),
        (lambda: linalg.multi_dot([torch.ones(2, 3), torch.ones(2, 3)]),
         "multi_dot(): tensors 0 and 1 with shapes [2, 3] and [2, 3] cannot be multiplied"),
        (lambda: torch.einsum("ij,jk", torch.ones(2, 3)),
         "einsum(): fewer operands were provided than specified in the equation"),
        (lambda: torch.einsum("i1", torch.ones(2, 3)),
         "einsum(): invalid subscript given at index 1 in the equation string, subscripts must be in [a-zA-Z]"),
        (lambda: torch.tensordot(torch.ones(2, 3), torch.ones(4, 3), 1),
         "contracted dimensions need to match, but first has size 3 in dim -1 and second has size 4 in dim 0"),
    ],
)  # fmt: skip
def test_what_cannot_be_computed_is_refused_in_pytorchs_words(run: Any, message: str) -> None:
    with pytest.raises(RuntimeError) as caught:
        run()
    assert str(caught.value) == message


@pytest.mark.pytorch
@pytest.mark.parametrize("half", ["L", "U"])
def test_eigenvectors_point_where_pytorchs_do(half: str) -> None:
    live = pytest.importorskip("torch")
    for seed in range(40):
        numbers = np.random.default_rng(seed)
        size = int(numbers.integers(2, 12))
        A = numbers.normal(size=(size, size))
        mine = linalg.eigh(torch.tensor(A + A.T), half).eigenvectors
        theirs = live.linalg.eigh(live.tensor(A + A.T), half).eigenvectors
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), atol=1e-8)


def test_eigenvectors_have_the_recorded_signs() -> None:
    """Recorded from PyTorch 2.13.0 with MKL: the signs of the eigenvectors' first and last entries."""
    A = np.add.outer(np.arange(5.0), np.arange(5.0)) ** 2 % 7 - 3
    vectors = linalg.eigh(torch.tensor(A)).eigenvectors.numpy()
    assert np.sign(vectors[[0, -1]]).tolist() == [[1.0, -1.0, -1.0, -1.0, -1.0], [1.0, 1.0, -1.0, -1.0, 1.0]]
