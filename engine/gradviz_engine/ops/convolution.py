"""Convolution and its transpose, in one to three dimensions, with groups, stride, padding and dilation.

One operator as in PyTorch: ConvolutionBackward0, whose derivative ``convolution_backward`` is an operator too
(ConvolutionBackwardBackward0 under ``create_graph``). The numbers come from three kernels: ``correlate``, and its
adjoints with respect to the input, ``correlate_input``, and to the weight, ``correlate_weight``. The transposed
convolution is the second with the roles exchanged. Each is windows copied to columns and one matrix product.
Sources: tools/autograd/derivatives.yaml, ``_convolution_double_backward`` and the messages in
aten/src/ATen/native/Convolution.cpp of PyTorch 2.13.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gradviz_engine.ops.elementwise import Array
from gradviz_engine.ops.padding import constant_pad_nd
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.shapes import as_list
from gradviz_engine.ops.windows import Sizes, overlap_added, padded, per_dim, volume, window_counts, windows
from gradviz_engine.tensor import Tensor


class Geometry(NamedTuple):
    """How the kernel moves over the input."""

    stride: Sizes
    padding: Sizes
    dilation: Sizes
    groups: int


# Kernels --------------------------------------------------------------------------------------------------


def _columns(x: Array, kernel: Sizes, counts: Sizes, how: Geometry) -> Array:
    """x (N, C, *spatial) as (N, groups, C/groups · window, places): each window a column."""
    if volume(kernel) == 1 and not any(how.padding) and volume(how.stride) == 1:
        return x.reshape(x.shape[0], how.groups, x.shape[1] // how.groups, -1)
    view = windows(padded(x, how.padding, how.padding), kernel, counts, how.stride, how.dilation)
    return view.reshape(x.shape[0], how.groups, x.shape[1] // how.groups * volume(kernel), -1)


def correlate(x: Array, weight: Array, how: Geometry, counts: Sizes | None = None) -> Array:
    """x (N, C, *spatial), weight (O, C/groups, *kernel) to (N, O, *counts): as many windows as fit, or fewer."""
    kernel = weight.shape[2:]
    if counts is None:
        counts = window_counts(x.shape[2:], kernel, how.stride, how.padding, how.dilation)
    matrix = weight.reshape(how.groups, weight.shape[0] // how.groups, -1)
    product = np.matmul(matrix, _columns(x, kernel, counts, how))
    return product.reshape(x.shape[0], weight.shape[0], *counts)


def correlate_input(g: Array, weight: Array, spatial: Sizes, how: Geometry) -> Array:
    """The adjoint of ``correlate`` in its input: g (N, O, *places) to (N, C, *spatial)."""
    kernel, counts = weight.shape[2:], g.shape[2:]
    matrix = weight.reshape(how.groups, weight.shape[0] // how.groups, -1)
    gradients = g.reshape(g.shape[0], how.groups, g.shape[1] // how.groups, -1)
    columns = np.matmul(matrix.swapaxes(1, 2), gradients)
    channels = weight.shape[1] * how.groups
    if volume(kernel) == 1 and not any(how.padding) and counts == spatial:
        return columns.reshape(g.shape[0], channels, *spatial)
    columns = columns.reshape(g.shape[0], channels, *kernel, *counts)
    return overlap_added(columns, spatial, kernel, counts, how.stride, how.padding, how.dilation)


def correlate_weight(x: Array, g: Array, kernel: Sizes, how: Geometry) -> Array:
    """The adjoint of ``correlate`` in its weight: x (N, C, *spatial), g (N, O, *places) to (O, C/groups, *kernel)."""
    columns = _columns(x, kernel, g.shape[2:], how)
    gradients = g.reshape(g.shape[0], how.groups, g.shape[1] // how.groups, -1)
    product = np.matmul(gradients, columns.swapaxes(2, 3)).sum(axis=0)
    return product.reshape(g.shape[1], x.shape[1] // how.groups, *kernel)


def _forward(
    x: Array,
    weight: Array,
    bias: Array | None,
    stride: Sizes,
    padding: Sizes,
    dilation: Sizes,
    transposed: bool,
    output_padding: Sizes,
    groups: int,
) -> Array:
    how = Geometry(stride, padding, dilation, groups)
    if transposed:
        spatial = tuple(
            (n - 1) * s - 2 * p + d * (k - 1) + extra + 1
            for n, s, p, d, k, extra in zip(
                x.shape[2:], stride, padding, dilation, weight.shape[2:], output_padding, strict=True
            )
        )
        result = correlate_input(x, weight, spatial, how)
    else:
        result = correlate(x, weight, how)
    if bias is not None:
        result += bias.reshape(-1, *[1] * (x.ndim - 2))
    return result


def _backward(
    g: Array,
    x: Array,
    weight: Array,
    stride: Sizes,
    padding: Sizes,
    dilation: Sizes,
    transposed: bool,
    output_padding: Sizes,
    groups: int,
    mask: tuple[bool, bool, bool],
) -> tuple[Array, Array, Array]:
    """The gradients of input, weight and bias; an empty array for one that the mask does not ask for."""
    how = Geometry(stride, padding, dilation, groups)
    by_input = by_weight = by_bias = np.empty(0, g.dtype)
    if mask[0]:
        spatial = x.shape[2:]
        by_input = correlate(g, weight, how, spatial) if transposed else correlate_input(g, weight, spatial, how)
    if mask[1]:
        first, second = (g, x) if transposed else (x, g)
        by_weight = correlate_weight(first, second, weight.shape[2:], how)
    if mask[2]:
        by_bias = g.sum(axis=(0, *range(2, g.ndim)))
    return by_input, by_weight, by_bias


# Operators ------------------------------------------------------------------------------------------------

_OPTIONS = ("stride", "padding", "dilation", "transposed", "output_padding", "groups")


def _options(saved: Any) -> tuple[Any, ...]:
    return tuple(getattr(saved, name) for name in _OPTIONS)


def _double_backward(
    grads: tuple[Tensor | None, ...], saved: Any, needed: tuple[bool, bool, bool]
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Gradients of grad_output, input and weight; Convolution.cpp, ``_convolution_double_backward``."""
    by_input, by_weight, by_bias = (g if wanted else None for g, wanted in zip(grads, saved.mask, strict=True))
    g, x, weight, options = saved.grad_output, saved.input, saved.weight, _options(saved)
    back = first = second = None
    if needed[0]:
        terms = []
        if by_input is not None:
            terms.append(_convolution(by_input, weight, None, *options))
        if by_weight is not None:
            terms.append(_convolution(x, by_weight, by_bias, *options))
        elif by_bias is not None:
            terms.append(by_bias.reshape(1, -1, *[1] * (x.ndim - 2)).expand(g.shape))
        back = sum(terms[1:], terms[0]) if terms else None
    if needed[1] and by_weight is not None:
        first = _convolution_backward(g, x, by_weight, *options, (True, False, False))[0]
    if needed[2] and by_input is not None:
        second = _convolution_backward(g, by_input, weight, *options, (False, True, False))[1]
    return back, first, second


_convolution_backward = operator(
    "convolution_backward(grad_output, input, weight, *, stride, padding, dilation, transposed, output_padding, "
    "groups, mask) -> result0, result1, result2",
    node="ConvolutionBackwardBackward0",
    forward=_backward,
    gradients={
        ("grad_output", "input", "weight"): Rule(
            _double_backward,
            "convolution(grad₀, weight) + convolution(input, grad₁) + grad₂",
            ("grad_output", "input", "weight", "mask", *_OPTIONS),
        )
    },
)
_convolution = operator(
    "convolution(input, weight, bias, *, stride, padding, dilation, transposed, output_padding, groups)",
    node="ConvolutionBackward0",
    forward=_forward,
    gradients={
        ("input", "weight", "bias"): Rule(
            lambda grad, saved, needed: _convolution_backward(
                grad, saved.input, saved.weight, *_options(saved), tuple(needed)
            ),
            "grad convolved with the turned weight; input correlated with grad; Σ of grad over places",
            ("input", "weight", "bias_sym_sizes_opt", *_OPTIONS),
        )
    },
)

# What users call ------------------------------------------------------------------------------------------


def _x(sizes: Any) -> str:
    return "(" + " x ".join(map(str, sizes)) + ")"


def _check(name: str, input: Tensor, weight: Tensor, bias: Tensor | None, how: Geometry, transposed: bool) -> None:
    """PyTorch's complaints about sizes (Convolution.cpp, ``check_shape_forward``)."""
    channels = input.shape[1]
    expected = weight.shape[0] if transposed else weight.shape[1] * how.groups
    if min(how.padding) < 0:
        raise RuntimeError("negative padding is not supported")
    if min(how.stride) <= 0:
        raise RuntimeError("non-positive stride is not supported")
    if min(how.dilation) <= 0:
        raise RuntimeError("dilation should be greater than zero")
    if weight.ndim != input.ndim:
        raise RuntimeError(
            f"Expected {weight.ndim}-dimensional input for {weight.ndim}-dimensional weight {as_list(weight.shape)}, "
            f"but got {input.ndim}-dimensional input of size {as_list(input.shape)} instead"
        )
    if channels != expected:
        turned = "transposed=1, " if transposed else f"groups={how.groups}, "
        raise RuntimeError(
            f"Given {turned}weight of size {as_list(weight.shape)}, expected input{as_list(input.shape)} to have "
            f"{expected} channels, but got {channels} channels instead"
        )
    outputs = weight.shape[1] * how.groups if transposed else weight.shape[0]
    if bias is not None and (bias.ndim != 1 or bias.shape[0] != outputs):
        turned = "transposed=1, " if transposed else ""
        raise RuntimeError(
            f"Given {turned}weight of size {as_list(weight.shape)}, expected bias to be 1-dimensional with {outputs} "
            f"elements, but got bias of size {as_list(bias.shape)} instead"
        )
    if not transposed:
        have = [s + 2 * p for s, p in zip(input.shape[2:], how.padding, strict=True)]
        need = [d * (k - 1) + 1 for k, d in zip(weight.shape[2:], how.dilation, strict=True)]
        if any(h < n for h, n in zip(have, need, strict=True)):
            raise RuntimeError(
                f"Calculated padded input size per channel: {_x(have)}. Kernel size: {_x(need)}. Kernel size can't be "
                "greater than actual input size"
            )
    for other, what in ((bias, "bias"), (weight, "weight")):
        if other is not None and other.dtype is not input.dtype:
            names = [t.dtype._name.replace("float64", "double").replace("float32", "float") for t in (input, other)]
            raise RuntimeError(f"Input type ({names[0]}) and {what} type ({names[1]}) should be the same")


def _batched(name: str, input: Tensor, rank: int) -> bool:
    if input.ndim not in (rank + 1, rank + 2):
        raise RuntimeError(
            f"Expected {rank + 1}D (unbatched) or {rank + 2}D (batched) input to {name}, but got input of size: "
            f"{as_list(input.shape)}"
        )
    return input.ndim == rank + 2


def _conv(
    rank: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> Tensor:
    name = f"conv{rank}d"
    batched = _batched(name, input, rank)
    if not batched:
        input = input.unsqueeze(0)
    stride, dilation = per_dim(stride, rank, "stride"), per_dim(dilation, rank, "dilation")
    if isinstance(padding, str):
        input, padding = _padding_by_name(padding, input, weight, stride, dilation)
    how = Geometry(stride, per_dim(padding, rank, "padding"), dilation, groups)
    _check(name, input, weight, bias, how, False)
    result: Tensor = _convolution(input, weight, bias, *how[:3], False, (0,) * rank, groups)
    return result if batched else result.squeeze(0)


def _padding_by_name(name: str, input: Tensor, weight: Tensor, stride: Sizes, dilation: Sizes) -> tuple[Tensor, Sizes]:
    """ "valid" and "same"; where the two sides differ the input is padded at the end first."""
    if name == "valid":
        return input, (0,) * len(stride)
    if name != "same":
        raise RuntimeError(f"Invalid padding string: '{name}'")
    if any(s != 1 for s in stride):
        raise RuntimeError("padding='same' is not supported for strided convolutions")
    totals = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]
    if any(total % 2 for total in totals):
        ends = [n for total in reversed(totals) for n in (0, total % 2)]
        input = constant_pad_nd(input, ends, 0)
    return input, tuple(total // 2 for total in totals)


def _conv_transpose(
    rank: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> Tensor:
    name = f"conv_transpose{rank}d"
    batched = _batched(name, input, rank)
    if not batched:
        input = input.unsqueeze(0)
    how = Geometry(
        per_dim(stride, rank, "stride"), per_dim(padding, rank, "padding"), per_dim(dilation, rank, "dilation"), groups
    )
    extra = per_dim(output_padding, rank, "output_padding")
    _check(name, input, weight, bias, how, True)
    if any(e >= s and e >= d for e, s, d in zip(extra, how.stride, how.dilation, strict=True)):
        e, s, d = (dict(enumerate(sizes)) for sizes in (extra, how.stride, how.dilation))
        raise RuntimeError(
            "output padding must be smaller than either stride or dilation, but got output_padding_height: "
            f"{e[0]} output_padding_width: {e[rank - 1]} stride_height: {s[0]} stride_width: {s[rank - 1]} "
            f"dilation_height: {d[0]} dilation_width: {d[rank - 1]}"
        )
    result: Tensor = _convolution(input, weight, bias, *how[:3], True, extra, groups)
    return result if batched else result.squeeze(0)


@composite
def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """input (N, C, L), weight (O, C / groups, K)."""
    return _conv(1, input, weight, bias, stride, padding, dilation, groups)


@composite
def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """input (N, C, H, W), weight (O, C / groups, KH, KW)."""
    return _conv(2, input, weight, bias, stride, padding, dilation, groups)


@composite
def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """input (N, C, D, H, W), weight (O, C / groups, KD, KH, KW)."""
    return _conv(3, input, weight, bias, stride, padding, dilation, groups)


@composite
def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """The adjoint of ``conv1d``: input (N, C, L), weight (C, O / groups, K)."""
    return _conv_transpose(1, input, weight, bias, stride, padding, output_padding, groups, dilation)


@composite
def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """The adjoint of ``conv2d``: input (N, C, H, W), weight (C, O / groups, KH, KW)."""
    return _conv_transpose(2, input, weight, bias, stride, padding, output_padding, groups, dilation)


@composite
def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """The adjoint of ``conv3d``: input (N, C, D, H, W), weight (C, O / groups, KD, KH, KW)."""
    return _conv_transpose(3, input, weight, bias, stride, padding, output_padding, groups, dilation)


__all__ = ["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]
METHODS: tuple[str, ...] = ()
INPLACE: tuple[str, ...] = ()
