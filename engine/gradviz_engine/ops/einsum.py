"""Sums of products over named dimensions: ``einsum`` and ``tensordot``.

Operands are contracted pair by pair, from the left, each pair as one batched product.
Source: ``einsum``, ``sumproduct_pair`` and ``tensordot`` in aten/src/ATen/native/Linear.cpp of PyTorch 2.13.
"""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from typing import Any

from gradviz_engine.ops.reporting import composite
from gradviz_engine.tensor import Tensor

LETTERS = string.ascii_uppercase + string.ascii_lowercase
ELLIPSIS = "..."


@composite
def einsum(*args: Any) -> Tensor:
    """``einsum("ij,jk->ik", x, y)``; also with sublists of dimension numbers after each operand."""
    equation, operands = _with_equation(args)
    inputs, output = _parsed(equation, operands)
    extra = _ellipsis_rank(inputs, operands)
    output = _output_labels(inputs, output)
    order = _label_order(inputs, output)
    places, rank, kept = _places(order, len(output), extra)
    aligned, counts = _aligned(inputs, operands, places, rank, extra)
    return _contracted(aligned, counts, rank, kept)


def _with_equation(args: tuple[Any, ...]) -> tuple[str, list[Tensor]]:
    if not args:
        raise ValueError("einsum(): must specify the equation string and at least one operand, or at least one "
                         "operand and its subscripts list")  # fmt: skip
    if isinstance(args[0], str):
        operands = args[1:]
        if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
            operands = tuple(operands[0])
        if not operands:
            raise RuntimeError("einsum(): must provide at least one operand")
        return args[0], list(operands)

    def letters(numbers: Any) -> str:
        return "".join(ELLIPSIS if n is Ellipsis else LETTERS[n] for n in numbers)

    pairs, output = (args[:-1], "->" + letters(args[-1])) if len(args) % 2 else (args, "")
    return ",".join(letters(numbers) for numbers in pairs[1::2]) + output, list(pairs[::2])


def _labels(text: str, offset: int) -> list[str]:
    """The subscripts of one operand: letters, and at most one ellipsis."""
    labels: list[str] = []
    position = 0
    while position < len(text):
        character = text[position]
        if character == " ":
            pass
        elif character == ".":
            if text[position : position + 3] != ELLIPSIS:
                raise RuntimeError("einsum(): found '.' for operand that is not part of any ellipsis")
            if ELLIPSIS in labels:
                raise RuntimeError("einsum(): found '.' for operand for which an ellipsis was already found")
            labels.append(ELLIPSIS)
            position += 2
        elif character in LETTERS:
            labels.append(character)
        else:
            raise RuntimeError(
                f"einsum(): invalid subscript given at index {offset + position} in the equation string, subscripts "
                "must be in [a-zA-Z]"
            )
        position += 1
    return labels


def _parsed(equation: str, operands: Sequence[Tensor]) -> tuple[list[list[str]], list[str] | None]:
    """Each operand's labels, and the output's if the equation has an arrow."""
    left, arrow, right = equation.partition("->")
    texts = left.split(",")
    if len(texts) != len(operands):
        which = "more" if len(operands) > len(texts) else "fewer"
        raise RuntimeError(f"einsum(): {which} operands were provided than specified in the equation")
    inputs, offset = [], 0
    for text in texts:
        inputs.append(_labels(text, offset))
        offset += len(text) + 1
    return inputs, _labels(right, len(left) + 2) if arrow else None


def _ellipsis_rank(inputs: Sequence[list[str]], operands: Sequence[Tensor]) -> int:
    """The most dimensions an ellipsis covers; RuntimeError where labels and dimensions do not match."""
    most = 0
    for number, (labels, operand) in enumerate(zip(inputs, operands, strict=True)):
        named = len(labels) - (ELLIPSIS in labels)
        if ELLIPSIS in labels:
            if named > operand.dim():
                raise RuntimeError(
                    f"einsum(): the number of subscripts in the equation ({named}) is more than the number of "
                    f"dimensions ({operand.dim()}) for operand {number}"
                )
            most = max(most, operand.dim() - named)
        elif named != operand.dim():
            raise RuntimeError(
                f"einsum(): the number of subscripts in the equation ({named}) does not match the number of "
                f"dimensions ({operand.dim()}) for operand {number} and no ellipsis was given"
            )
    return most


def _output_labels(inputs: Sequence[list[str]], output: list[str] | None) -> list[str]:
    """As given and checked; without an arrow the ellipsis, then the letters that occur once, in order."""
    flat = [label for labels in inputs for label in labels]
    if output is None:
        once = [letter for letter in LETTERS if flat.count(letter) == 1]
        return ([ELLIPSIS] if ELLIPSIS in flat else []) + once
    for position, label in enumerate(output):
        if label != ELLIPSIS and label in output[:position]:
            raise RuntimeError(f"einsum(): output subscript {label} appears more than once in the output")
        if label != ELLIPSIS and label not in flat:
            raise RuntimeError(
                f"einsum(): output subscript {label} does not appear in the equation for any input operand"
            )
    return output


def _label_order(inputs: Sequence[list[str]], output: list[str]) -> list[str]:
    """The output's labels, then those to be summed, in alphabetical order."""
    used = {label for labels in inputs for label in labels}
    summed = [letter for letter in LETTERS if letter in used and letter not in output]
    hidden = [ELLIPSIS] if ELLIPSIS in used and ELLIPSIS not in output else []
    return [*output, *hidden, *summed]


def _places(order: list[str], outputs: int, extra: int) -> tuple[dict[str, int], int, int]:
    """Where each label's dimension goes, the rank of the aligned operands, and how many dimensions are kept."""
    places: dict[str, int] = {}
    rank = kept = 0
    for number, label in enumerate(order):
        places[label] = rank
        rank += extra if label == ELLIPSIS else 1
        if number < outputs:
            kept = rank
    return places, rank, kept


def _aligned(
    inputs: Sequence[list[str]], operands: Sequence[Tensor], places: dict[str, int], rank: int, extra: int
) -> tuple[list[Tensor], list[int]]:
    """The operands with all dimensions in the common order, and how many operands have each dimension."""
    sizes = [1] * rank
    counts = [0] * rank
    aligned = []
    for number, (labels, operand) in enumerate(zip(inputs, operands, strict=True)):
        order = [-1] * rank
        dim = 0
        for label in labels:
            if label == ELLIPSIS:
                covered = operands[number].dim() - (len(labels) - 1)
                for place in range(places[label] + extra - covered, places[label] + extra):
                    _note_size(operand, dim, place, number, None, sizes, counts)
                    order[place] = dim
                    dim += 1
                continue
            place = places[label]
            if order[place] == -1:
                _note_size(operand, dim, place, number, label, sizes, counts)
                order[place] = dim
                dim += 1
                continue
            previous = order[place]
            if operand.shape[dim] != operand.shape[previous]:
                raise RuntimeError(
                    f"einsum(): subscript {label} is repeated for operand {number} but the sizes don't match, "
                    f"{operand.shape[dim]} != {operand.shape[previous]}"
                )
            operand = operand.diagonal(0, previous, dim).movedim(-1, previous)
        for place, source in enumerate(order):
            if source == -1:
                operand = operand.unsqueeze(dim)
                order[place] = dim
                dim += 1
        aligned.append(operand.permute(order))
    return aligned, counts


def _note_size(
    operand: Tensor, dim: int, place: int, number: int, label: str | None, sizes: list[int], counts: list[int]
) -> None:
    size = operand.shape[dim]
    if size == 1:
        return
    if sizes[place] not in (1, size):
        if label is None:
            raise RuntimeError(
                f"einsum(): dimension {dim} covered by ellipsis in operand {number}has size {size} which does not "
                f"broadcast with previously seen ellipsis with size {sizes[place]} for the respective dimension"
            )
        raise RuntimeError(
            f"einsum(): subscript {label} has size {size} for operand {number} which does not broadcast with "
            f"previously seen size {sizes[place]}"
        )
    sizes[place] = size
    counts[place] += 1


def _contracted(operands: list[Tensor], counts: list[int], rank: int, kept: int) -> Tensor:
    """Multiply the operands one after the other, summing each dimension as soon as no other operand has it."""
    result, *others = operands
    for other in others:
        left_sums, right_sums, both = [], [], []
        for dim in range(kept, rank):
            if result.shape[dim] != 1 and other.shape[dim] != 1:
                counts[dim] -= 1
                if counts[dim] == 1:
                    both.append(dim)
                    counts[dim] = 0
            elif counts[dim] == 1:
                if result.shape[dim] != 1:
                    left_sums.append(dim)
                    counts[dim] = 0
                elif other.shape[dim] != 1:
                    right_sums.append(dim)
                    counts[dim] = 0
        if left_sums:
            result = result.sum(left_sums, keepdim=True)
        if right_sums:
            other = other.sum(right_sums, keepdim=True)
        result = _pair(result, other, both)
    if rank == kept:
        return result
    if others:
        return result.view(result.shape[:kept])
    return result.sum(list(range(kept, rank)))


def _pair(left: Tensor, right: Tensor, summed: list[int]) -> Tensor:
    """The product of two aligned operands, summed over ``summed``, which stay with size 1."""
    if not summed:
        return left * right
    shared: list[int] = []
    only_left: list[int] = []
    only_right: list[int] = []
    for dim in range(left.dim()):
        if dim in summed:
            continue
        in_left, in_right = left.shape[dim] != 1, right.shape[dim] != 1
        (shared if in_left and in_right else only_left if in_left else only_right).append(dim)
    if only_left and only_right and only_right[-1] < only_left[0]:
        # The right operand's dimensions come first in the output: the other way round it needs no reordering.
        left, right, only_left, only_right = right, left, only_right, only_left
    out_order = [*shared, *only_left, *summed, *only_right]
    out_sizes = [left.shape[d] for d in shared + only_left] + [1] * len(summed) + [right.shape[d] for d in only_right]
    batch, rows, columns, length = (
        math.prod(tensor.shape[d] for d in dims)
        for tensor, dims in ((left, shared), (left, only_left), (right, only_right), (left, summed))
    )
    a = left.permute(out_order).reshape(batch, rows, length)
    b = right.permute([*shared, *summed, *only_right, *only_left]).reshape(batch, length, columns)
    back = [out_order.index(d) for d in range(len(out_order))]
    return a.bmm(b).view(out_sizes).permute(back)


@composite
def tensordot(a: Tensor, b: Tensor, dims: Any = 2, out: Any = None) -> Tensor:
    """Sum products over the last ``dims`` dimensions of a and the first of b, or over two lists of dimensions."""
    first, second = _contracted_dims(a, b, dims)
    size = 1
    for i, j in zip(first, second, strict=True):
        m, n = a.shape[i], b.shape[j]
        if n == 1:
            a = a.sum([i], keepdim=True)
        elif m == 1:
            b = b.sum([j], keepdim=True)
        elif m != n:
            raise RuntimeError(
                f"contracted dimensions need to match, but first has size {m} in dim {i} and second has size {n} in "
                f"dim {j}"
            )
        else:
            size *= m
    left = [d for d in range(a.dim()) if d not in [i % a.dim() for i in first]]
    right = [d for d in range(b.dim()) if d not in [j % b.dim() for j in second]]
    sizes = [a.shape[d] for d in left] + [b.shape[d] for d in right]
    rows, columns = math.prod(a.shape[d] for d in left), math.prod(b.shape[d] for d in right)
    x, y = a.permute([*left, *first]), b.permute([*second, *right])
    if rows == 1 and columns == 1:
        if x.is_contiguous() and y.is_contiguous():
            return x.flatten().dot(y.flatten()).reshape(sizes)
        return (x.squeeze() * y.squeeze()).sum().reshape(sizes)
    return x.reshape(rows, size).mm(y.reshape(size, columns)).reshape(sizes)


def _contracted_dims(a: Tensor, b: Tensor, dims: Any) -> tuple[list[int], list[int]]:
    if isinstance(dims, Tensor):
        dims = dims.tolist() if dims.numel() > 1 else int(dims)
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.dim(), b.dim()):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        return list(range(-dims, 0)), list(range(dims))
    first, second = ([d] if isinstance(d, int) else list(d) for d in dims)
    if len(first) != len(second):
        raise RuntimeError("both dimension lists should have same length")
    return first, second


__all__ = ["einsum", "tensordot"]
METHODS = ()
INPLACE = ()
