"""How tensors print: the numbers in columns of one width, then what else must be known of the tensor.

The layout is PyTorch's, character for character: 80 columns, four digits, at most 1,000 numbers before the
middle is left out. Specification: torch/_tensor_str.py of PyTorch 2.13.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from gradviz_engine import dtypes

if TYPE_CHECKING:
    from gradviz_engine.tensor import Tensor

Array = np.ndarray[Any, Any]


@dataclasses.dataclass
class PrintOptions:
    """``threshold``: more numbers than this are shortened to ``edgeitems`` at either end of each dimension.

    ``sci_mode`` None lets the numbers decide between fixed and scientific notation.
    """

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


options = PrintOptions()

_PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Change how tensors print; what is None stays, except ``sci_mode``, which goes back to automatic."""
    changes = dict(_PROFILES.get(profile or "", {}))
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    changes.update({name: value for name, value in given.items() if value is not None})
    for name, value in changes.items():
        setattr(options, name, value)
    options.sci_mode = sci_mode


def get_printoptions() -> dict[str, Any]:
    """The options in force, as keywords for ``set_printoptions``."""
    return dataclasses.asdict(options)


@contextmanager
def printoptions(**changes: Any) -> Iterator[None]:
    """Other options for the block."""
    before = get_printoptions()
    set_printoptions(**changes)
    try:
        yield
    finally:
        set_printoptions(**before)


def tensor_repr(tensor: Tensor, contents: str | None = None) -> str:
    """``tensor([1., 2.], grad_fn=<MulBackward0>)``; ``contents`` replaces the numbers."""
    kind = type(tensor).__name__
    prefix = "tensor(" if kind in ("Tensor", "Parameter") else f"{kind}("
    numbers = contents if contents is not None else _numbers(tensor._data, len(prefix))
    return _with_suffixes(prefix + numbers, _suffixes(tensor), len(prefix))


def _suffixes(tensor: Tensor) -> list[str]:
    """Size of an empty tensor, a dtype that its numbers do not show, and its place in the graph."""
    data = tensor._data
    default = dtypes.get_default_dtype()
    suffixes = []
    if data.size == 0:
        if data.ndim != 1:
            suffixes.append(f"size={data.shape}")
        if tensor.dtype is not default:
            suffixes.append(f"dtype={tensor.dtype}")
    else:
        if not options.edgeitems:
            suffixes.append(f"size={data.shape}")
        if tensor.dtype not in (default, default.to_complex(), dtypes.int64, dtypes.bool_):
            suffixes.append(f"dtype={tensor.dtype}")
    try:
        grad_fn = tensor.grad_fn
        name = None if grad_fn is None else type(grad_fn).__name__
    except RuntimeError:  # a view whose base was written, where it cannot be given a history
        name = "Invalid"
    if name is not None:
        suffixes.append(f"grad_fn=<{name}>")
    elif tensor.requires_grad:
        suffixes.append("requires_grad=True")
    return suffixes


def _with_suffixes(text: str, suffixes: list[str], indent: int) -> str:
    parts = [text]
    used = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if used + len(suffix) + 2 > options.linewidth:
            parts.append(",\n" + " " * indent + suffix)
            used = indent + len(suffix)
        else:
            parts.append(", " + suffix)
            used += len(suffix) + 2
    return "".join(parts) + ")"


def _numbers(array: Array, indent: int) -> str:
    if array.size == 0:
        return "[]"
    shortened = array.size > options.threshold
    shown = _shown(array) if shortened else array
    if array.dtype.kind == "c":
        formatter: _Format = _Complex(_Column(shown.real), _Column(shown.imag))
    else:
        formatter = _Column(shown)
    return _nested(array, indent, shortened, formatter)


def _shown(array: Array) -> Array:
    """What is left of a long tensor: the edges of every dimension."""
    if not options.edgeitems and array.ndim > 1:
        return array[:0]
    for axis, size in enumerate(array.shape):
        if size > 2 * options.edgeitems:
            edges = [*range(options.edgeitems), *range(size - options.edgeitems, size)]
            array = array.take(edges, axis=axis)
    return array


def _nested(array: Array, indent: int, shortened: bool, formatter: _Format) -> str:
    """The numbers of any number of dimensions, blank lines between matrices."""
    if array.ndim == 0:
        return formatter(array.item())
    if array.ndim == 1:
        return _row(array, indent, shortened, formatter)
    size, edge = len(array), options.edgeitems
    if shortened and size > 2 * edge:
        rows = [_nested(array[i], indent + 1, shortened, formatter) for i in range(edge)]
        rows.append("...")
        rows += [_nested(array[i], indent + 1, shortened, formatter) for i in range(size - edge, size)]
    else:
        rows = [_nested(row, indent + 1, shortened, formatter) for row in array]
    return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(rows) + "]"


def _row(array: Array, indent: int, shortened: bool, formatter: _Format) -> str:
    edge = options.edgeitems
    if shortened and not edge:
        texts = ["..."]
    elif shortened and array.size > 2 * edge:
        texts = [formatter(v) for v in array[:edge].tolist()]
        texts += [" ...", *(formatter(v) for v in array[-edge:].tolist())]
    else:
        texts = [formatter(v) for v in array.tolist()]
    a_line = max(1, (options.linewidth - indent) // (formatter.width + 2))
    lines = [", ".join(texts[i : i + a_line]) for i in range(0, len(texts), a_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


class _Format:
    """Writes one number in the column's width."""

    width: int

    def __call__(self, value: Any) -> str:
        raise NotImplementedError


class _Column(_Format):
    """One notation and width for all numbers: whole, fixed or scientific, as the numbers ask for."""

    def __init__(self, shown: Array) -> None:
        self.width = 1
        self._write: Callable[[Any], str] = str
        if shown.dtype.kind != "f":
            self._fit(shown.ravel())
            return
        finite = shown[np.isfinite(shown) & (shown != 0)]
        if finite.size == 0:
            self._write = _write_whole
            return
        if _wants_scientific(finite):
            self._write = f"{{:.{options.precision}e}}".format
        elif (finite == np.ceil(finite)).all():
            self._write = _write_whole
        else:
            self._write = f"{{:.{options.precision}f}}".format
        self._fit(finite)

    def _fit(self, values: Array) -> None:
        self.width = max([1, *(len(self._write(v)) for v in values.tolist())])

    def __call__(self, value: Any) -> str:
        return self._write(value).rjust(self.width)


class _Complex(_Format):
    """Real and imaginary parts, a column each."""

    def __init__(self, real: _Column, imaginary: _Column) -> None:
        self.real = real
        self.imaginary = imaginary
        self.width = real.width + imaginary.width + 1

    def __call__(self, value: complex) -> str:
        imaginary = (self.imaginary(value.imag) + "j").lstrip()
        return self.real(value.real) + ("" if imaginary[0] in "+-" else "+") + imaginary


def _wants_scientific(finite: Array) -> bool:
    if options.sci_mode is not None:
        return options.sci_mode
    magnitudes = np.abs(finite).astype(np.float64)
    low, high = magnitudes.min(), magnitudes.max()
    return bool(high / low > 1000.0 or high > 1.0e8 or low < 1.0e-4)


def _write_whole(value: float) -> str:
    """``3.``: the point tells that the tensor is of a floating type."""
    return f"{value:.0f}." if math.isfinite(value) else f"{value:.0f}"
