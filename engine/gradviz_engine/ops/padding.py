"""``pad``: with a constant, reflected, replicated or circular.

``pad`` lists amounts from the last dimension backwards: (left, right, top, bottom, ...); negative ones cut off.
Sources: tools/autograd/derivatives.yaml, aten/src/ATen/native/PadNd.cpp and ReflectionPad.cpp of PyTorch 2.13.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gradviz_engine.ops.elementwise import Array
from gradviz_engine.ops.registry import Operator, Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.selecting import slice_along
from gradviz_engine.ops.shapes import as_list
from gradviz_engine.tensor import Tensor, wrap

Amounts = tuple[int, ...]

# Constant -------------------------------------------------------------------------------------------------


def _sides(pad: Amounts, rank: int) -> list[tuple[int, int]]:
    """(before, after) for each dimension from the first."""
    pairs = [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)]
    return [(0, 0)] * (rank - len(pairs)) + pairs[::-1]


def _constant(x: Array, pad: Amounts, value: float) -> Array:
    sides = _sides(pad, x.ndim)
    shape = []
    for dim, (size, (before, after)) in enumerate(zip(x.shape, sides, strict=True)):
        if size + before + after < 0:
            raise RuntimeError(
                f"The input size {size}, plus negative padding {before} and {after} resulted in a negative output "
                f"size, which is invalid. Check dimension {dim} of your input."
            )
        shape.append(size + before + after)
    result = np.full(shape, value, x.dtype)
    inside = tuple(slice(max(b, 0), n - max(a, 0)) for n, (b, a) in zip(shape, sides, strict=True))
    kept = tuple(slice(max(-b, 0), n - max(-a, 0)) for n, (b, a) in zip(x.shape, sides, strict=True))
    result[inside] = x[kept]
    return result


_constant_pad_nd: Operator = operator(
    "constant_pad_nd(self, *, pad, value)",
    node="ConstantPadNdBackward0",
    forward=_constant,
    gradients={
        "self": Rule(
            lambda grad, saved: _constant_pad_nd(grad, tuple(-amount for amount in saved.pad), 0),
            "grad without the border",
        )
    },
)


def constant_pad_nd(input: Tensor, pad: Sequence[int], value: float = 0) -> Tensor:
    """A border of ``value``."""
    amounts = tuple(int(p) for p in pad)
    if len(amounts) % 2:
        raise RuntimeError(f"Length of pad must be even but instead it equals {len(amounts)}")
    if len(amounts) > 2 * input.ndim:
        raise RuntimeError(
            "Length of pad should be no more than twice the number of dimensions of the input. Pad length is "
            f"{len(amounts)}while the input has {input.ndim}dimensions."
        )
    result: Tensor = _constant_pad_nd(input, amounts, 0 if value is None else value)
    return result


# Reflected and replicated: every border element is an element of the inside ---------------------------------


def _reflected(position: int, size: int) -> int:
    """Mirrored at the first and last element, which are not repeated."""
    return -position if position < 0 else 2 * (size - 1) - position if position >= size else position


def _replicated(position: int, size: int) -> int:
    return min(max(position, 0), size - 1)


def _gather(x: Array, pad: Amounts, source: Callable[[int, int], int]) -> Array:
    if not any(pad):
        return x.copy()
    for dim, (before, after) in enumerate(_sides(pad, x.ndim)):
        if before or after:
            size = x.shape[dim]
            x = x.take([source(p, size) for p in range(-before, size + after)], axis=dim)
    return x


def _scatter(g: Array, sizes: Sequence[int], pad: Amounts, source: Callable[[int, int], int]) -> Array:
    """The adjoint of ``_gather``: the border's gradients are added to the elements they came from."""
    if not any(pad):
        return g.copy()
    for dim, (before, after) in enumerate(_sides(pad, g.ndim)):
        if not (before or after):
            continue
        size = sizes[dim]
        moved = np.moveaxis(g, dim, 0)
        total = np.zeros((size, *moved.shape[1:]), g.dtype)
        first, last = max(0, -before), min(size, size + after)
        total[first:last] += moved[first + before : last + before]
        for position in (*range(-before, first), *range(last, size + after)):
            total[source(position, size)] += moved[position + before]
        g = np.moveaxis(total, 0, dim)
    return np.ascontiguousarray(g)


def _border_operator(kind: str, rank: int, source: Callable[[int, int], int]) -> Operator:
    """``reflection_pad2d`` and its like; a batch dimension in front is optional."""
    name, node = f"{kind.lower()}_pad{rank}d", f"{kind}Pad{rank}D"
    backward = operator(
        f"{name}_backward(grad_output, self, *, padding)",
        node=f"{node}BackwardBackward0",
        forward=lambda g, x, padding: _scatter(g, x.shape, padding, source),
        gradients={
            "grad_output": Rule(lambda grad, saved: forward(grad, saved.padding), "grad with a border"),
            "self": Rule(lambda grad, saved: None, "0"),
        },
    )
    forward = operator(
        f"{name}(self, *, padding)",
        node=f"{node}Backward0",
        forward=lambda x, padding: _gather(x, padding, source),
        gradients={
            "self": Rule(
                lambda grad, saved: backward(grad, saved.self, saved.padding),
                "grad, the border added to the elements it repeats",
            )
        },
    )
    return forward


_REFLECTION = {rank: _border_operator("Reflection", rank, _reflected) for rank in (1, 2, 3)}
_REPLICATION = {rank: _border_operator("Replication", rank, _replicated) for rank in (1, 2, 3)}


def _check_reflection(input: Tensor, pad: Amounts) -> None:
    for number, dim in enumerate(range(input.ndim - 1, input.ndim - 1 - len(pad) // 2, -1)):
        low, high = pad[2 * number], pad[2 * number + 1]
        if low >= input.shape[dim] or high >= input.shape[dim]:
            raise RuntimeError(
                f"Argument #{4 + 2 * number}: Padding size should be less than the corresponding input dimension, but "
                f"got: padding ({low}, {high}) at dimension {dim} of input {as_list(input.shape)}"
            )


def _circular(input: Tensor, pad: Amounts) -> Tensor:
    """The opposite side in the border, written into a new tensor slice by slice (PadNd.cpp, ``_pad_circular``)."""
    count = len(pad) // 2
    sides = {input.ndim - 1 - i: (pad[2 * i], pad[2 * i + 1]) for i in range(count)}
    sizes = list(input.shape)
    for dim, (before, after) in sides.items():
        if before > sizes[dim] or after > sizes[dim]:
            raise RuntimeError("Padding value causes wrapping around more than once.")
        sizes[dim] += before + after
        if sizes[dim] < 0:
            raise RuntimeError("Negative padding value is resulting in an empty dimension")
    result = wrap(np.zeros(sizes, input._data.dtype))
    inside, kept = result, input
    for dim, (before, after) in sides.items():
        inside = slice_along(inside, dim, max(before, 0), sizes[dim] - max(after, 0), 1)
        kept = slice_along(kept, dim, max(-before, 0), input.shape[dim] - max(-after, 0), 1)
    inside.copy_(kept)
    for dim, (before, after) in reversed(sides.items()):
        end = sizes[dim] - max(after, 0)
        if before > 0:
            slice_along(result, dim, 0, before, 1).copy_(slice_along(result, dim, end - before, end, 1))
        if after > 0:
            start = max(before, 0)
            source = slice_along(result, dim, start, start + after, 1)
            slice_along(result, dim, sizes[dim] - after, sizes[dim], 1).copy_(source)
    return result


@composite
def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """A border around the last dimensions."""
    amounts = tuple(int(p) for p in pad)
    if len(amounts) % 2:
        raise RuntimeError("Padding length must be divisible by 2")
    if len(amounts) > 2 * input.ndim:
        raise RuntimeError(
            "Padding length should be less than or equal to two times the input dimension but got padding length "
            f"{len(amounts)} and input of dimension {input.ndim}"
        )
    if mode == "constant":
        return constant_pad_nd(input, amounts, value or 0)
    if value is not None and value != 0:
        raise RuntimeError(f'Padding mode "{mode}" doesn\'t take in value argument')
    rank = len(amounts) // 2
    if mode not in ("reflect", "replicate", "circular"):
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    if rank not in (1, 2, 3) or input.ndim not in (rank + 1, rank + 2):
        raise NotImplementedError(
            f"Padding size {len(amounts)} is not supported for {input.ndim}D input tensor.\n"
            "Supported combinations for non-constant padding:\n"
            "  - 2D or 3D input: padding size = 2 (pads last dimension)\n"
            "  - 3D or 4D input: padding size = 4 (pads last 2 dimensions)\n"
            "  - 4D or 5D input: padding size = 6 (pads last 3 dimensions)"
        )
    if mode == "circular":
        return _circular(input, amounts)
    if mode == "reflect":
        _check_reflection(input, amounts)
    result: Tensor = (_REFLECTION if mode == "reflect" else _REPLICATION)[rank](input, amounts)
    return result


__all__ = ["constant_pad_nd"]
METHODS: tuple[str, ...] = ()
INPLACE: tuple[str, ...] = ()
