"""PyTorch's dtypes over numpy's, and its promotion rules.

Source of the rules: https://docs.pytorch.org/docs/stable/tensor_attributes.html#type-promotion-doc
"""

from __future__ import annotations

from typing import Any

import numpy as np

_CATEGORY = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}


class dtype:
    """A tensor's element type. ``numpy`` is the numpy dtype it is stored as."""

    __slots__ = ("_legacy_name", "_name", "is_complex", "is_floating_point", "itemsize", "numpy")
    __module__ = "torch"

    def __init__(self, name: str, stored: Any, legacy_name: str) -> None:
        self._name = name
        self._legacy_name = legacy_name
        self.numpy = np.dtype(stored)
        self.is_floating_point = self.numpy.kind == "f"
        self.is_complex = self.numpy.kind == "c"
        self.itemsize = self.numpy.itemsize

    @property
    def is_signed(self) -> bool:
        return self.numpy.kind in "ifc"

    def __repr__(self) -> str:
        return f"torch.{self._name}"

    def __reduce__(self) -> str:
        return self._name

    def to_real(self) -> dtype:
        return _REAL_OF.get(self, self)

    def to_complex(self) -> dtype:
        return complex128 if self is float64 else complex64


float16 = half = dtype("float16", np.float16, "Half")
float32 = dtype("float32", np.float32, "Float")
float64 = double = dtype("float64", np.float64, "Double")
uint8 = dtype("uint8", np.uint8, "Byte")
int8 = dtype("int8", np.int8, "Char")
int16 = short = dtype("int16", np.int16, "Short")
int32 = dtype("int32", np.int32, "Int")
int64 = long = dtype("int64", np.int64, "Long")
bool_ = dtype("bool", np.bool_, "Bool")
complex64 = cfloat = dtype("complex64", np.complex64, "ComplexFloat")
complex128 = cdouble = dtype("complex128", np.complex128, "ComplexDouble")

ALL = (float16, float32, float64, uint8, int8, int16, int32, int64, bool_, complex64, complex128)
_REAL_OF = {complex64: float32, complex128: float64}
_OF_NUMPY = {d.numpy: d for d in ALL}


class _Default:
    """The dtype of new floating-point tensors; ``set_default_dtype`` changes it."""

    floating: dtype = float32


def of_numpy(stored: np.dtype[Any]) -> dtype:
    """The torch dtype stored as ``stored``; TypeError for a numpy dtype tensors cannot hold."""
    found = _OF_NUMPY.get(stored) or _OF_NUMPY.get(stored.newbyteorder("="))
    if found is None:
        raise TypeError(
            f"can't convert np.ndarray of type numpy.{stored.name}. The only supported types are: float64, "
            "float32, float16, complex64, complex128, int64, int32, int16, int8, uint64, uint32, uint16, "
            "uint8, and bool."
        )
    return found


def get_default_dtype() -> dtype:
    return _Default.floating


def set_default_dtype(d: dtype) -> None:
    """Change the dtype of new floating-point tensors; TypeError unless ``d`` is a floating-point dtype."""
    if not isinstance(d, dtype) or not d.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    _Default.floating = d


def scalar_category(value: Any) -> int:
    """0 bool, 1 integer, 2 floating, 3 complex: how strongly a Python number pulls a result's dtype."""
    if isinstance(value, (bool, np.bool_)):
        return 0
    if isinstance(value, (int, np.integer)):
        return 1
    if isinstance(value, (float, np.floating)):
        return 2
    if isinstance(value, (complex, np.complexfloating)):
        return 3
    raise TypeError(f"unsupported operand type: {type(value).__name__}")


def default_of_category(category: int) -> np.dtype[Any]:
    """The dtype a Python number of this category gets when nothing else decides."""
    if category == 2:
        return _Default.floating.numpy
    if category == 3:
        return _Default.floating.to_complex().numpy
    return (bool_ if category == 0 else int64).numpy


def result_type_of(*operands: Any) -> np.dtype[Any]:
    """PyTorch's common dtype of arrays and Python numbers.

    Three priorities: arrays with dimensions, then 0-d arrays, then Python numbers; a lower one only
    counts where its category is higher than all above it.
    """
    groups: list[list[np.dtype[Any]]] = [[], [], []]
    for operand in operands:
        if isinstance(operand, np.ndarray):
            groups[0 if operand.ndim else 1].append(operand.dtype)
        else:
            groups[2].append(default_of_category(scalar_category(operand)))
    result: np.dtype[Any] | None = None
    for group in groups:
        if not group:
            continue
        candidate = group[0]
        for other in group[1:]:
            candidate = promote(candidate, other)
        if result is None:
            result = candidate
        elif _CATEGORY[candidate.kind] > _CATEGORY[result.kind]:
            result = _strengthen(result, candidate)
    assert result is not None
    return result


def _strengthen(strong: np.dtype[Any], weak: np.dtype[Any]) -> np.dtype[Any]:
    """A complex weak operand takes the precision of a floating strong one."""
    if weak.kind == "c" and strong.kind == "f":
        return promote(strong, np.dtype(np.complex64))
    return weak


def promote(a: np.dtype[Any], b: np.dtype[Any]) -> np.dtype[Any]:
    """``torch.promote_types``: numpy's rule, but an integer never widens a floating type."""
    if a == b:
        return a
    ca, cb = _CATEGORY[a.kind], _CATEGORY[b.kind]
    if ca < 2 <= cb:
        return b
    if cb < 2 <= ca:
        return a
    return np.promote_types(a, b)
