"""What all element-by-element operators share: promotion, broadcasting errors, public functions.

``floating(np.exp)`` computes integers in the default dtype; ``promoting(np.multiply)`` brings two operands
to PyTorch's common dtype. ``unary`` declares an operator and returns the function users call.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz_engine import dtypes
from gradviz_engine.ops.registry import Operator, Rule, operator
from gradviz_engine.tensor import Tensor, wrap

Array = np.ndarray[Any, Any]


def floating(function: Callable[..., Any]) -> Callable[..., Any]:
    """Integers and booleans become the default floating dtype first."""

    def forward(x: Array, *rest: Any) -> Any:
        if x.dtype.kind not in "fc":
            x = x.astype(dtypes.get_default_dtype().numpy)
        return function(x, *rest)

    return forward


def promoting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Both operands, arrays or Python numbers, come to the common dtype before ``function``."""

    def forward(x: Any, y: Any) -> Any:
        try:
            if x.__class__ is y.__class__:
                if x.dtype is y.dtype:
                    return function(x, y)
            elif (y.__class__ is float or y.__class__ is int) and x.__class__ is np.ndarray and x.dtype.kind == "f":
                return function(x, y)
            x, y = to_common(x, y)
            return function(x, y)
        except ValueError as error:
            raise broadcast_error(error, x, y) from None

    return forward


def promoting_floats(function: Callable[..., Any]) -> Callable[..., Any]:
    """As ``promoting``, and integers are computed in the default floating dtype (true division)."""

    def forward(x: Any, y: Any) -> Any:
        try:
            if x.__class__ is y.__class__:
                if x.dtype is y.dtype and x.dtype.kind in "fc":
                    return function(x, y)
            elif (y.__class__ is float or y.__class__ is int) and x.__class__ is np.ndarray and x.dtype.kind == "f":
                return function(x, y)
            x, y = to_common(x, y)
            if x.dtype.kind not in "fc":
                x, y = (a.astype(dtypes.get_default_dtype().numpy) for a in (x, y))
            return function(x, y)
        except ValueError as error:
            raise broadcast_error(error, x, y) from None

    return forward


def to_common(*operands: Any) -> list[Array]:
    """The operands as arrays of their common dtype; Python numbers become 0-d arrays."""
    common = dtypes.result_type_of(*operands)
    return [np.asarray(o).astype(common, copy=False) for o in operands]


def broadcast_error(error: Exception, *operands: Any) -> Exception:
    """numpy's complaint about shapes in PyTorch's words; any other error as it is."""
    shapes = [np.shape(o) for o in operands]
    for a, b in itertools.pairwise(shapes):
        rank = max(len(a), len(b))
        for dim in range(-1, -rank - 1, -1):
            m = a[dim] if -dim <= len(a) else 1
            n = b[dim] if -dim <= len(b) else 1
            if m != n and 1 not in (m, n):
                return RuntimeError(
                    f"The size of tensor a ({m}) must match the size of tensor b ({n}) at non-singleton "
                    f"dimension {rank + dim}"
                )
    return error


def operand(name: str, value: Any, position: int = 2) -> Any:
    """A tensor or number as it is, an array as a tensor; TypeError for anything else."""
    if isinstance(value, (Tensor, float, int, complex, np.generic)):
        return value
    if isinstance(value, np.ndarray):
        return wrap(value)
    raise TypeError(f"{name}(): argument 'other' (position {position}) must be Tensor, not {type(value).__name__}")


def conjugated(value: Any) -> Any:
    """The complex conjugate; real tensors and numbers are their own."""
    if isinstance(value, Tensor):
        return value.conj() if value._data.dtype.kind == "c" else value
    return value.conjugate() if isinstance(value, complex) else value


def not_implemented(
    signature: str, *, forward: Callable[..., Any], node: str = "torch::autograd::NotImplemented"
) -> Operator:
    """An operator that PyTorch records but cannot differentiate: the error comes in backward."""
    name = signature.partition("(")[0]

    def refuse(grad: Any, saved: Any) -> Any:
        raise NotImplementedError(f"the derivative for '{name}' is not implemented.")

    inside = signature.partition("(")[2].rstrip(")").partition("*,")[0]
    inputs = [part.strip() for part in inside.split(",") if part.strip()]
    return operator(
        signature,
        node=node,
        forward=forward,
        gradients={key: Rule(refuse, "not implemented in PyTorch") for key in inputs},
    )


def camel(name: str) -> str:
    """``log_softmax`` to ``LogSoftmax``."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def unary(
    name: str, forward: Callable[..., Any], gradient: Callable[..., Any], formula: str, node: str | None = None
) -> Callable[..., Tensor]:
    """Declare a function of one tensor and return what users call."""
    op = operator(
        f"{name}(self)",
        node=node or f"{camel(name)}Backward0",
        forward=forward,
        gradients={"self": Rule(gradient, formula)},
    )

    def function(input: Tensor, *, out: Tensor | None = None) -> Tensor:
        return op(as_tensor_argument(input, name)) if out is None else write_out(name, out, op, input)

    return named(function, name, op)


def named(function: Callable[..., Any], name: str, op: Operator) -> Callable[..., Any]:
    """Give a made function its public name; ``function.operator`` leads to the declaration."""
    function.__name__ = function.__qualname__ = name
    function.operator = op  # type: ignore[attr-defined]
    return function


def as_tensor_argument(value: Any, name: str, position: int = 1, keyword: str = "input") -> Tensor:
    """The value, or PyTorch's TypeError for something that is no tensor."""
    if isinstance(value, Tensor):
        return value
    raise TypeError(f"{name}(): argument '{keyword}' (position {position}) must be Tensor, not {type(value).__name__}")


def write_out(name: str, out: Tensor, function: Callable[..., Any], *args: Any) -> Tensor:
    """``out=``: write the result into ``out``, which may not take part in a graph."""
    from gradviz_engine.autograd.grad_mode import mode
    from gradviz_engine.autograd.inplace import write

    if mode.enabled and (out.requires_grad or any(isinstance(a, Tensor) and a.requires_grad for a in args)):
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic differentiation, but one of "
            "the arguments requires grad."
        )
    result = function(*args)
    if out._data.shape != result._data.shape:
        out._data = np.empty(result._data.shape, out._data.dtype)
    write(out, result._data, name)
    return out
