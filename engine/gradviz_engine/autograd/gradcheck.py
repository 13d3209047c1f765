"""``gradcheck`` and ``gradgradcheck``: analytical Jacobians against central differences."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradviz_engine.autograd.calls import grad
from gradviz_engine.autograd.grad_mode import enable_grad, no_grad
from gradviz_engine.tensor import Tensor, wrap

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]


class GradcheckError(RuntimeError):
    """Why ``gradcheck`` failed."""

    __module__ = "torch.autograd.gradcheck"


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """True if the derivatives of ``func`` agree with finite differences; else GradcheckError (or False).

    ``inputs`` should be float64. Forward mode and batched gradients are not in the built-in engine, so the
    flags that ask for them are refused.
    """
    if check_forward_ad or check_batched_grad or check_batched_forward_grad:
        raise NotImplementedError("forward-mode and batched gradients are not in the built-in engine")
    try:
        _check(func, (inputs,) if isinstance(inputs, Tensor) else tuple(inputs), eps, atol, rtol, nondet_tol)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    **unused: Any,
) -> bool:
    """``gradcheck`` of the gradient of ``func``."""
    given = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    with enable_grad():
        outputs = _differentiable(func(*given))
    rng = np.random.default_rng(0)
    if grad_outputs is None:
        vectors = [wrap(rng.standard_normal(o.shape).astype(o._data.dtype)).requires_grad_() for o in outputs]
    else:
        vectors = [grad_outputs] if isinstance(grad_outputs, Tensor) else list(grad_outputs)
    count = len(vectors)

    def gradient(*args: Any) -> Any:
        values, seeds = args[:-count], args[-count:]
        leaves = tuple(v for v in values if isinstance(v, Tensor) and v.requires_grad)
        results = _differentiable(func(*values))
        return grad(results, leaves, seeds, create_graph=True, allow_unused=True)

    return gradcheck(
        gradient,
        (*given, *vectors),
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
    )


def _differentiable(output: Any) -> list[Tensor]:
    outputs = output if isinstance(output, (tuple, list)) else (output,)
    return [o for o in outputs if isinstance(o, Tensor) and o.requires_grad]


def _check(
    func: Callable[..., Any], inputs: tuple[Any, ...], eps: float, atol: float, rtol: float, nondet_tol: float
) -> None:
    checked = _inputs_to_check(inputs)
    with enable_grad():
        outputs = _differentiable(func(*inputs))
    if not outputs:
        _expect_zero(func, inputs, checked, eps, atol)
        return
    numerical = [_numerical(func, inputs, leaf, eps, len(outputs)) for leaf in checked]
    for number, output in enumerate(outputs):
        analytical = _analytical(output, checked)
        if not all(_near(a, b, 0, nondet_tol) for a, b in zip(analytical, _analytical(output, checked), strict=True)):
            raise GradcheckError(
                "Backward is not reentrant, i.e., running backward with same input and grad_output multiple times "
                "gives different values, although analytical gradient matches numerical gradient.The tolerance for "
                f"nondeterminism was {nondet_tol}."
            )
        for which, (a, row) in enumerate(zip(analytical, numerical, strict=True)):
            if not _near(a, row[number], rtol, atol):
                raise GradcheckError(_mismatch(a, row[number], number, which))


def _inputs_to_check(inputs: tuple[Any, ...]) -> list[Tensor]:
    checked = []
    for index, value in enumerate(inputs):
        if isinstance(value, Tensor) and value.requires_grad:
            if value._data.dtype not in (np.float64, np.complex128):
                warnings.warn(
                    f"Input #{index} requires gradient and is not a double precision floating point or complex. "
                    "This check will likely fail if all the inputs are not of double precision floating point or "
                    "complex. ",
                    stacklevel=4,
                )
            checked.append(value)
    if not checked:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them have requires_grad=True."
        )
    return checked


def _mismatch(analytical: Any, numerical: Any, output: int, which: int) -> str:
    return (
        f"Jacobian mismatch for output {output} with respect to input {which},\n"
        f"numerical:{wrap(numerical)!r}\nanalytical:{wrap(analytical)!r}\n"
    )


def _near(a: Any, b: Any, rtol: float, atol: float) -> bool:
    return bool(np.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True))


def _analytical(output: Tensor, leaves: Sequence[Tensor]) -> list[Any]:
    """For each leaf the Jacobian, a row an input element and a column an output element."""
    size = output.numel()
    jacobians = [np.zeros((leaf.numel(), size), leaf._data.dtype) for leaf in leaves]
    for column in range(size):
        seed = np.zeros(output._data.shape, output._data.dtype)
        seed.reshape(-1)[column] = 1
        results = grad(output, leaves, wrap(seed), retain_graph=True, allow_unused=True)
        for jacobian, result in zip(jacobians, results, strict=True):
            if result is not None:
                jacobian[:, column] = result._data.reshape(-1)
    return jacobians


def _numerical(func: Callable[..., Any], inputs: tuple[Any, ...], leaf: Tensor, eps: float, count: int) -> list[Any]:
    """For each output the Jacobian by ``(f(x + eps) - f(x - eps)) / 2 eps``, one input element at a time."""
    rows: list[list[Any]] = [[] for _ in range(count)]
    data = leaf._data
    for index in itertools.product(*map(range, data.shape)):
        kept = data[index].copy()
        data[index] = kept + eps
        high = _values(func, inputs)
        data[index] = kept - eps
        low = _values(func, inputs)
        data[index] = kept
        for row, a, b in zip(rows, high, low, strict=True):
            row.append((a - b).reshape(-1) / (2 * eps))
    return [np.array(row, data.dtype).reshape(data.size, -1) for row in rows]


def _values(func: Callable[..., Any], inputs: tuple[Any, ...]) -> list[Any]:
    with enable_grad():
        return [o._data.copy() for o in _differentiable(func(*inputs))]


def _expect_zero(
    func: Callable[..., Any], inputs: tuple[Any, ...], leaves: Sequence[Tensor], eps: float, atol: float
) -> None:
    """A function without differentiable outputs must not depend on its inputs."""

    def values() -> list[Any]:
        with no_grad():
            output = func(*inputs)
        outputs = output if isinstance(output, (tuple, list)) else (output,)
        return [o._data.astype(float) for o in outputs if isinstance(o, Tensor)]

    for leaf in leaves:
        kept = leaf._data.copy()
        leaf._data[...] = kept + eps
        high = values()
        leaf._data[...] = kept - eps
        low = values()
        leaf._data[...] = kept
        if any(not _near((a - b) / (2 * eps), 0, 0, atol) for a, b in zip(high, low, strict=True)):
            raise GradcheckError("Numerical gradient for function expected to be zero")
