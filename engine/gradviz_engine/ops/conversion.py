"""Changes of dtype, and complex numbers as pairs of real ones.

Derivatives: tools/autograd/derivatives.yaml of PyTorch 2.13.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine import dtypes
from gradviz_engine.device import check_device, device
from gradviz_engine.layouts import format_named, preserve_format
from gradviz_engine.ops.copying import dense_copy, is_laid_out
from gradviz_engine.ops.registry import Operator, Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.tensor import Tensor, wrap


def _converted(x: Any, dtype: Any, memory_format: Any, source: Any) -> Any:
    if x.dtype.kind == "c" and dtype.kind != "c":
        x = x.real
    if x.dtype == dtype or memory_format is not None:
        return dense_copy(x, memory_format).astype(dtype, copy=False)
    if x.dtype.kind == "f" and dtype.kind in "iu":
        return np.nan_to_num(x, nan=float(np.iinfo(dtype).min)).astype(dtype)
    return x.astype(dtype)


_to_copy = operator(
    "_to_copy(self, *, dtype, memory_format, source)",
    node="ToCopyBackward0",
    forward=_converted,
    gradients={"self": Rule(lambda grad, saved: convert(grad, saved.source), "grad, in self's dtype")},
)


_to_whole_numbers = operator("_to_copy(self, *, dtype, memory_format, source)", forward=_converted)
"""To integers and booleans: nothing flows back."""


def convert(tensor: Tensor, dtype: Any, copy: bool = False, memory_format: Any = None) -> Tensor:
    """The tensor in a numpy dtype: itself where nothing changes, unless a copy is asked for."""
    form = format_named(memory_format)
    if tensor._data.dtype == dtype and not copy and is_laid_out(tensor._data, form):
        return tensor
    op = _to_copy if np.dtype(dtype).kind in "fc" else _to_whole_numbers
    return op(tensor, dtype, None if form is preserve_format else form, tensor._data.dtype)


@composite
def to(self: Tensor, *args: Any, **options: Any) -> Tensor:
    """Another dtype or device: ``to(dtype)``, ``to(device)``, ``to(device, dtype)``, ``to(other)``."""
    wanted, copy = options.get("dtype"), bool(options.get("copy", False))
    memory_format = options.get("memory_format")
    check_device(options.get("device"))
    flags = [a for a in args if isinstance(a, bool)]
    copy = copy or (len(flags) == 2 and flags[1])
    for argument in args:
        if isinstance(argument, dtypes.dtype):
            wanted = argument
        elif isinstance(argument, Tensor):
            wanted = argument.dtype
        elif isinstance(argument, (str, device)):
            check_device(argument)
        elif argument is not None and not isinstance(argument, bool):
            raise TypeError(
                "to() received an invalid combination of arguments - got "
                f"({', '.join(type(a).__name__ for a in args)}), but expected one of:\n * (torch.device device = None, "
                "torch.dtype dtype = None, bool non_blocking = False, bool copy = False, *, torch.memory_format "
                "memory_format = None)\n * (torch.dtype dtype, bool non_blocking = False, bool copy = False, *, "
                "torch.memory_format memory_format = None)\n * (Tensor tensor, bool non_blocking = False, bool copy = "
                "False, *, torch.memory_format memory_format = None)\n"
            )
    if not isinstance(options.get("dtype"), (dtypes.dtype, type(None))):
        raise TypeError(f"to(): argument 'dtype' must be torch.dtype, not {type(options['dtype']).__name__}")
    return convert(self, self._data.dtype if wanted is None else wanted.numpy, copy, memory_format)


to_type = composite(to, "type")


@composite
def type_as(self: Tensor, other: Tensor) -> Tensor:
    return convert(self, other._data.dtype)


def _cast(name: str, dtype: Any) -> Any:
    def method(self: Tensor, memory_format: Any = None) -> Tensor:
        return convert(self, dtype.numpy, memory_format=memory_format)

    method.__name__ = method.__qualname__ = name
    return composite(method)


def _on_cpu(self: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor itself: it is on the CPU."""
    return self


def _cuda(self: Tensor, device: Any = None, non_blocking: bool = False) -> Tensor:
    check_device("cuda")
    return self


# Complex numbers ----------------------------------------------------------------------------------------

_conj = operator(
    "_conj(self)",
    node="ConjBackward0",
    forward=np.conj,
    gradients={"self": Rule(lambda grad, saved: conj(grad), "conj(grad)")},
)
_conj_physical = operator(
    "_conj_physical(self)",
    node="ConjPhysicalBackward0",
    forward=np.conj,
    gradients={"self": Rule(lambda grad, saved: conj_physical(grad), "conj(grad)")},
)
_view_as_real = operator(
    "view_as_real(self)",
    node="ViewAsRealBackward0",
    view=True,
    forward=lambda x: x[..., None].view(x.real.dtype),
    gradients={"self": Rule(lambda grad, saved: _view_as_complex(grad.contiguous()), "grad as complex numbers")},
)
_view_as_complex: Operator = operator(
    "view_as_complex(self)",
    node="ViewAsComplexBackward0",
    view=True,
    forward=lambda x: x.view(np.result_type(x.dtype, np.complex64))[..., 0],
    gradients={"self": Rule(lambda grad, saved: _view_as_real(grad.contiguous()), "grad as pairs")},
)
_complex = operator(
    "complex(real, imag)",
    node="ComplexBackward0",
    forward=lambda real, imag: (real + 1j * imag).astype(np.result_type(real.dtype, np.complex64)),
    gradients={
        "real": Rule(lambda grad, saved: real(grad), "Re(grad)"),
        "imag": Rule(lambda grad, saved: imag(grad), "Im(grad)"),
    },
)
_polar = operator(
    "polar(abs, angle)",
    node="PolarBackward0",
    forward=lambda size, angle: (size * np.exp(1j * angle)).astype(np.result_type(size.dtype, np.complex64)),
    gradients={
        "abs": Rule(lambda grad, saved: real(conj(grad) * saved.result.sgn()), "Re(conj(grad) · direction)"),
        "angle": Rule(lambda grad, saved: real(conj(grad) * (saved.result * 1j)), "Re(conj(grad) · i · result)"),
    },
)
_angle = operator(
    "angle(self)",
    node="AngleBackward0",
    forward=lambda x: np.where(np.isnan(x), x, np.angle(x)).astype(x.dtype) if x.dtype.kind == "f" else np.angle(x),
    gradients={"self": Rule(lambda grad, saved: _angle_backward(grad, saved.self), "0 where self is real")},
)


def _angle_backward(grad: Tensor, x: Tensor) -> Tensor:
    """Source: ``angle_backward``; the angle of a real number is piecewise constant."""
    if x._data.dtype.kind != "c":
        return wrap(np.zeros_like(x._data))
    size = x.abs()
    return grad * ((x / size) * 1j / size)


def conj(input: Tensor) -> Tensor:
    """The complex conjugate; real tensors are their own."""
    return _conj(input) if input._data.dtype.kind == "c" else input


def conj_physical(input: Tensor) -> Tensor:
    """The complex conjugate as a copy; real tensors are their own."""
    if input._data.dtype.kind != "c":
        return input
    return _conj_physical(input)


def resolve_conj(input: Tensor) -> Tensor:
    """The tensor itself: conjugates are computed at once."""
    return input


resolve_neg = resolve_conj


def view_as_real(input: Tensor) -> Tensor:
    """Complex numbers as a last dimension of two."""
    if input._data.dtype.kind != "c":
        raise RuntimeError("view_as_real is only supported for complex tensors")
    return _view_as_real(input)


def view_as_complex(input: Tensor) -> Tensor:
    """A last dimension of two as complex numbers."""
    if not input._data.ndim or input._data.shape[-1] != 2:
        raise RuntimeError("Tensor must have a last dimension of size 2")
    return _view_as_complex(input)


def real(input: Tensor) -> Tensor:
    """The real parts, a view."""
    return view_as_real(input).select(-1, 0) if input._data.dtype.kind == "c" else input


def imag(input: Tensor) -> Tensor:
    """The imaginary parts, a view."""
    if input._data.dtype.kind != "c":
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return view_as_real(input).select(-1, 1)


def complex(real: Tensor, imag: Tensor) -> Tensor:
    """Complex numbers from their parts."""
    return _complex(real, imag)


def polar(abs: Tensor, angle: Tensor) -> Tensor:
    """Complex numbers from size and angle."""
    return _polar(abs, angle)


def angle(input: Tensor) -> Tensor:
    """The angle of a complex number; 0 or π for a real one."""
    return _angle(input)


def is_floating_point(input: Tensor) -> bool:
    return input._data.dtype.kind == "f"


def is_complex(input: Tensor) -> bool:
    return input._data.dtype.kind == "c"


def is_conj(input: Tensor) -> bool:
    return False


NAMED_METHODS = {
    name: _cast(name, dtype)
    for name, dtype in {
        "float": dtypes.float32, "double": dtypes.float64, "half": dtypes.float16, "int": dtypes.int32,
        "long": dtypes.int64, "short": dtypes.int16, "char": dtypes.int8, "byte": dtypes.uint8, "bool": dtypes.bool_,
        "cfloat": dtypes.complex64, "cdouble": dtypes.complex128,
    }.items()
}  # fmt: skip
NAMED_METHODS |= {"cpu": _on_cpu, "cuda": _cuda, "is_conj": is_conj}
PROPERTIES = {"real": real, "imag": imag}

__all__ = [
    "angle", "complex", "conj", "conj_physical", "imag", "is_complex", "is_conj", "is_floating_point", "polar", "real",
    "resolve_conj", "resolve_neg", "view_as_complex", "view_as_real",
]  # fmt: skip
METHODS = ("angle", "conj", "conj_physical", "resolve_conj", "resolve_neg", "to", "type_as")
INPLACE = ()
