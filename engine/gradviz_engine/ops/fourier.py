"""Discrete Fourier transforms: three kernels, and ``torch.fft``'s functions made of them.

``_fft_r2c`` takes real numbers to complex ones, ``_fft_c2c`` complex to complex, ``_fft_c2r`` half a spectrum to
real numbers. ``normalization`` is 0 for none, 1 for 1/√n, 2 for 1/n.
Sources: tools/autograd/derivatives.yaml and aten/src/ATen/native/SpectralOps.cpp of PyTorch 2.13.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz_engine import dtypes
from gradviz_engine.ops.padding import constant_pad_nd
from gradviz_engine.ops.registry import Operator, Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.selecting import slice_along
from gradviz_engine.ops.shapes import wrap_dim, wrap_dims
from gradviz_engine.tensor import Tensor, wrap

Array = np.ndarray[Any, Any]
Dims = tuple[int, ...]


# Kernels ------------------------------------------------------------------------------------------------------


def _scaled(values: Array, count: int, normalization: int) -> Array:
    factor = 1.0 if normalization == 0 else 1 / math.sqrt(count) if normalization == 1 else 1 / count
    return values if factor == 1.0 else values * values.dtype.type(factor)


def _count(shape: Sequence[int], dim: Dims) -> int:
    return math.prod(shape[d] for d in dim)


def _r2c_array(x: Array, dim: Dims, normalization: int, onesided: bool) -> Array:
    values = (np.fft.rfftn if onesided else np.fft.fftn)(x, axes=dim)
    return _scaled(values, _count(x.shape, dim), normalization)


def _c2c_array(x: Array, dim: Dims, normalization: int, forward: bool) -> Array:
    values = np.fft.fftn(x, axes=dim) if forward else np.fft.ifftn(x, axes=dim, norm="forward")
    return _scaled(values, _count(x.shape, dim), normalization)


def _c2r_array(x: Array, dim: Dims, normalization: int, last_dim_size: int) -> Array:
    sizes = [*(x.shape[d] for d in dim[:-1]), last_dim_size]
    values = np.fft.irfftn(x, s=sizes, axes=dim, norm="forward")
    return _scaled(values, math.prod(sizes), normalization)


def _r2c_grad(grad: Tensor, dim: Dims, normalization: int, onesided: bool, size: int) -> Tensor:
    """The inverse transform's real part; the half that was left out had no gradient."""
    missing = size - grad.shape[dim[-1]] if onesided else 0
    if missing:
        behind = [0, 0] * (grad.dim() - 1 - dim[-1]) + [0, missing]
        grad = constant_pad_nd(grad, behind, 0)
    return _c2c(grad, dim, normalization, False).real


def _c2r_grad(grad: Tensor, dim: Dims, normalization: int) -> Tensor:
    """Half a spectrum again; its inner part stands for two halves, so it counts twice."""
    half = _r2c(grad, dim, normalization, True)
    doubled = grad.shape[dim[-1]] - half.shape[dim[-1]]
    if doubled <= 0:
        return half
    weights = np.ones(half.shape[dim[-1]])
    weights[1 : 1 + doubled] = 2
    shape = [1] * grad.dim()
    shape[dim[-1]] = -1
    return half * wrap(weights.reshape(shape).astype(grad._data.dtype))


_r2c: Operator = operator(
    "_fft_r2c(self, *, dim, normalization, onesided)",
    node="FftR2CBackward0",
    forward=_r2c_array,
    gradients={
        "self": Rule(
            lambda grad, saved: _r2c_grad(
                grad, saved.dim, saved.normalization, saved.onesided, saved.self_sym_sizes[saved.dim[-1]]
            ),
            "Re(inverse transform of grad)",
        )
    },
)
_c2c: Operator = operator(
    "_fft_c2c(self, *, dim, normalization, forward)",
    node="FftC2CBackward0",
    forward=_c2c_array,
    gradients={
        "self": Rule(
            lambda grad, saved: _c2c(grad, saved.dim, saved.normalization, not saved.forward),
            "the opposite transform of grad",
        )
    },
)
_c2r: Operator = operator(
    "_fft_c2r(self, *, dim, normalization, last_dim_size)",
    node="FftC2RBackward0",
    forward=_c2r_array,
    gradients={
        "self": Rule(
            lambda grad, saved: _c2r_grad(grad, saved.dim, saved.normalization),
            "transform of grad, the inner half twice",
        )
    },
)


# Arguments ------------------------------------------------------------------------------------------------------


def _normalization(norm: str | None, forward: bool) -> int:
    if norm in (None, "backward"):
        return 0 if forward else 2
    if norm == "forward":
        return 2 if forward else 0
    if norm == "ortho":
        return 1
    raise RuntimeError(f'Invalid normalization mode: "{norm}"')


def _floating(x: Tensor, complex_: bool = False) -> Tensor:
    """Integers in the default dtype; real numbers as complex ones where those are needed."""
    kind = x.dtype
    if not (kind.is_floating_point or kind.is_complex):
        kind = dtypes.get_default_dtype()
    if complex_:
        kind = kind.to_complex() if not kind.is_complex else kind
    return x if kind is x.dtype else x.to(kind)


def _shape_and_dims(x: Tensor, s: Any, dim: Any) -> tuple[Dims, list[int]]:
    """The dimensions to transform and their sizes afterwards (-1: as they are)."""
    if dim is not None:
        dims = wrap_dims((dim,) if isinstance(dim, int) else tuple(dim), x.dim())
    elif s is not None:
        if len(s) > x.dim():
            raise RuntimeError(f"Got shape with {len(s)} values but input tensor only has {x.dim()} dimensions.")
        dims = tuple(range(x.dim() - len(s), x.dim()))
    else:
        dims = tuple(range(x.dim()))
    if s is not None and len(s) != len(dims):
        raise RuntimeError("When given, dim and shape arguments must have the same length")
    return dims, [-1] * len(dims) if s is None else [int(n) for n in s]


def _resized(x: Tensor, dims: Dims, sizes: Sequence[int]) -> Tensor:
    """Cut or padded with zeros to the wanted sizes."""
    padding = [0] * (2 * x.dim())
    for dim, size in zip(dims, sizes, strict=True):
        if size == -1:
            continue
        if size < 1:
            raise RuntimeError(f"Invalid number of data points ({size}) specified")
        if x.shape[dim] < size:
            padding[2 * (x.dim() - 1 - dim) + 1] = size - x.shape[dim]
        elif x.shape[dim] > size:
            x = slice_along(x, dim, 0, size, 1)
    return constant_pad_nd(x, padding, 0) if any(padding) else x


def _checked_size(x: Tensor, dim: int, n: int | None) -> int:
    size = x.shape[dim] if n is None else n
    if size < 1:
        raise RuntimeError(f"Invalid number of data points ({size}) specified")
    return size


# One dimension ----------------------------------------------------------------------------------------------------


def _one_dimensional(x: Tensor, n: int | None, dim: int, norm: str | None, forward: bool) -> Tensor:
    place = wrap_dim(dim, x.dim())
    x = _floating(x)
    mode = _normalization(norm, forward)
    x = _resized(x, (place,), [_checked_size(x, place, n)])
    if x.dtype.is_complex:
        return _c2c(x, (place,), mode, forward)
    result = _r2c(x, (place,), mode, False)
    return result if forward else result.conj()


@composite
def fft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The transform along ``dim``, of the signal cut or padded to ``n``."""
    return _one_dimensional(input, n, dim, norm, True)


@composite
def ifft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The inverse transform along ``dim``."""
    return _one_dimensional(input, n, dim, norm, False)


def _real_to_half(x: Tensor, n: int | None, dim: int, norm: str | None, forward: bool, name: str) -> Tensor:
    if x.dtype.is_complex:
        raise RuntimeError(f"{name} expects a real input tensor, but got {x.dtype._legacy_name}")
    place = wrap_dim(dim, x.dim())
    x = _floating(x)
    x = _resized(x, (place,), [_checked_size(x, place, n)])
    return _r2c(x, (place,), _normalization(norm, forward), True)


def _half_to_real(x: Tensor, n: int | None, dim: int, norm: str | None, forward: bool) -> Tensor:
    place = wrap_dim(dim, x.dim())
    x = _floating(x, complex_=True)
    size = 2 * (x.shape[place] - 1) if n is None else n
    if size < 1:
        raise RuntimeError(f"Invalid number of data points ({size}) specified")
    x = _resized(x, (place,), [size // 2 + 1])
    if forward:
        x = x.conj()
    return _c2r(x, (place,), _normalization(norm, forward), size)


@composite
def rfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The transform of real numbers: the first half of the spectrum."""
    return _real_to_half(input, n, dim, norm, True, "rfft")


@composite
def irfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The inverse of ``rfft``: ``n`` real numbers."""
    return _half_to_real(input, n, dim, norm, False)


@composite
def hfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The transform of half a Hermitian signal: real numbers."""
    return _half_to_real(input, n, dim, norm, True)


@composite
def ihfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The inverse of ``hfft``."""
    return _real_to_half(input, n, dim, norm, False, "ihfft").conj()


# Several dimensions -----------------------------------------------------------------------------------------------


def _complex_nd(x: Tensor, s: Any, dim: Any, norm: str | None, forward: bool) -> Tensor:
    dims, sizes = _shape_and_dims(x, s, dim)
    x = _resized(_floating(x, complex_=True), dims, sizes)
    return _c2c(x, dims, _normalization(norm, forward), forward)


def _half_nd(x: Tensor, s: Any, dim: Any) -> tuple[Tensor, Dims, int]:
    """Half a spectrum cut to what a real signal of sizes ``s`` has, its dimensions, and the last one's size."""
    dims, sizes = _shape_and_dims(x, s, dim)
    x = _floating(x, complex_=True)
    last = sizes[-1] if sizes[-1] != -1 else 2 * (x.shape[dims[-1]] - 1)
    if last < 1:
        raise RuntimeError(f"Invalid number of data points ({last}) specified")
    return _resized(x, dims, [*sizes[:-1], last // 2 + 1]), dims, last


@composite
def fftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The transform along several dimensions."""
    return _complex_nd(input, s, dim, norm, True)


@composite
def ifftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The inverse transform along several dimensions."""
    return _complex_nd(input, s, dim, norm, False)


@composite
def rfftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The transform of real numbers along several dimensions; the last one is halved."""
    if input.dtype.is_complex:
        raise RuntimeError(f"rfftn expects a real-valued input tensor, but got {input.dtype._legacy_name}")
    dims, sizes = _shape_and_dims(input, s, dim)
    return _r2c(_resized(_floating(input), dims, sizes), dims, _normalization(norm, True), True)


@composite
def irfftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The inverse of ``rfftn``."""
    x, dims, last = _half_nd(input, s, dim)
    return _c2r(x, dims, _normalization(norm, False), last)


@composite
def hfftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The transform of half a Hermitian signal along several dimensions."""
    x, dims, last = _half_nd(input, s, dim)
    mode = _normalization(norm, True)
    if len(dims) > 1:
        x = _c2c(x, dims[:-1], mode, True)
    return _c2r(x.conj(), dims[-1:], mode, last)


@composite
def ihfftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The inverse of ``hfftn``."""
    if input.dtype.is_complex:
        raise RuntimeError(f"ihfftn expects a real-valued input tensor, but got {input.dtype._legacy_name}")
    dims, sizes = _shape_and_dims(input, s, dim)
    x = _resized(_floating(input), dims, sizes)
    mode = _normalization(norm, False)
    half = _r2c(x, dims[-1:], mode, True)
    return _c2c(half.conj_physical(), dims[:-1], mode, False) if len(dims) > 1 else half.conj()


def _in_two_dimensions(function: Any, name: str) -> Any:
    def two(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None, *, out: Any = None) -> Tensor:
        result: Tensor = function(input, s, dim, norm)
        return result

    two.__name__ = two.__qualname__ = name
    two.__doc__ = f"``{function.__name__}`` along the last two dimensions."
    return two


fft2, ifft2 = _in_two_dimensions(fftn, "fft2"), _in_two_dimensions(ifftn, "ifft2")
rfft2, irfft2 = _in_two_dimensions(rfftn, "rfft2"), _in_two_dimensions(irfftn, "irfft2")
hfft2, ihfft2 = _in_two_dimensions(hfftn, "hfft2"), _in_two_dimensions(ihfftn, "ihfft2")


# Frequencies ------------------------------------------------------------------------------------------------------


def _shifted(input: Tensor, dim: Any, up: int) -> Tensor:
    dims = tuple(range(input.dim())) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    return input.roll([(input.shape[d] + up) // 2 for d in dims], dims)


@composite
def fftshift(input: Tensor, dim: Any = None) -> Tensor:
    """Put frequency 0 in the middle."""
    return _shifted(input, dim, 0)


@composite
def ifftshift(input: Tensor, dim: Any = None) -> Tensor:
    """Put frequency 0 in front again."""
    return _shifted(input, dim, 1)


def fftfreq(n: int, d: float = 1.0, *, dtype: Any = None, requires_grad: bool = False, **others: Any) -> Tensor:
    """The frequencies of ``fft``'s result for samples ``d`` apart."""
    values = wrap(np.fft.fftfreq(n, d).astype((dtype or dtypes.get_default_dtype()).numpy))
    return values.requires_grad_() if requires_grad else values


def rfftfreq(n: int, d: float = 1.0, *, dtype: Any = None, requires_grad: bool = False, **others: Any) -> Tensor:
    """The frequencies of ``rfft``'s result for samples ``d`` apart."""
    values = wrap(np.fft.rfftfreq(n, d).astype((dtype or dtypes.get_default_dtype()).numpy))
    return values.requires_grad_() if requires_grad else values
