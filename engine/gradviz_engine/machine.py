"""What programs ask of the machine: threads, determinism, accelerators. The engine computes on the CPU."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from gradviz_engine import dtypes

_settings = SimpleNamespace(threads=1, deterministic=False, matmul_precision="highest")


def get_num_threads() -> int:
    return _settings.threads


def set_num_threads(threads: int) -> None:
    """Remembered only: numpy's BLAS decides how many threads it uses."""
    if threads < 1:
        raise RuntimeError("set_num_threads expects a positive integer")
    _settings.threads = threads


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Remembered only: all the engine's algorithms are deterministic."""
    _settings.deterministic = mode


def are_deterministic_algorithms_enabled() -> bool:
    return _settings.deterministic


def set_float32_matmul_precision(precision: str) -> None:
    """Remembered only: float32 products are computed in float32."""
    _settings.matmul_precision = precision


def get_float32_matmul_precision() -> str:
    return _settings.matmul_precision


class finfo:
    """The limits of a floating-point dtype (``torch.finfo``)."""

    __module__ = "torch"

    def __init__(self, type: dtypes.dtype | None = None) -> None:
        chosen = dtypes.get_default_dtype() if type is None else type
        if not (chosen.is_floating_point or chosen.is_complex):
            raise TypeError(f"torch.finfo() requires a floating point input type. Use torch.iinfo to handle '{chosen}'")
        info = np.finfo(chosen.to_real().numpy)
        self.bits = int(info.bits)
        self.eps, self.max, self.min = float(info.eps), float(info.max), float(info.min)
        self.tiny = self.smallest_normal = float(info.smallest_normal)
        self.resolution = float(info.resolution)
        self.dtype = chosen._name

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
            f"smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, dtype={self.dtype})"
        )


class iinfo:
    """The limits of an integer dtype (``torch.iinfo``)."""

    __module__ = "torch"

    def __init__(self, type: dtypes.dtype) -> None:
        if type.numpy.kind not in "iu":
            raise TypeError(f"torch.iinfo() requires an integer input type. Use torch.finfo to handle '{type}'")
        info = np.iinfo(type.numpy)
        self.bits, self.max, self.min = int(info.bits), int(info.max), int(info.min)
        self.dtype = type._name

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"


def promote_types(type1: dtypes.dtype, type2: dtypes.dtype) -> dtypes.dtype:
    """The smallest dtype that holds both."""
    return dtypes.of_numpy(dtypes.promote(type1.numpy, type2.numpy))


def result_type(tensor1: Any, tensor2: Any) -> dtypes.dtype:
    """The dtype an operation on two tensors or numbers would have."""
    return dtypes.of_numpy(dtypes.result_type_of(*(getattr(t, "_data", t) for t in (tensor1, tensor2))))


def can_cast(from_: dtypes.dtype, to: dtypes.dtype) -> bool:
    """May a result of the first dtype be written into a tensor of the second?"""
    order = "biufc"
    if to.numpy.kind == "u" and from_.numpy.kind == "i":
        return True
    return order.index(from_.numpy.kind) <= order.index(to.numpy.kind) or {from_.numpy.kind, to.numpy.kind} == set("iu")


__all__ = [
    "are_deterministic_algorithms_enabled",
    "can_cast",
    "finfo",
    "get_float32_matmul_precision",
    "get_num_threads",
    "iinfo",
    "promote_types",
    "result_type",
    "set_float32_matmul_precision",
    "set_num_threads",
    "use_deterministic_algorithms",
]
