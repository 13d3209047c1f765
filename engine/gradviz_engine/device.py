"""Devices: the built-in engine computes on the CPU; ``meta`` and others exist by name only."""

from __future__ import annotations

from typing import Any


class device:
    """``torch.device``: a type and an optional index."""

    __slots__ = ("index", "type")
    __module__ = "torch"

    def __init__(self, type: Any, index: int | None = None) -> None:
        if isinstance(type, device):
            type, index = type.type, type.index
        if isinstance(type, int):
            type, index = "cuda", type
        if ":" in type:
            type, _, number = type.partition(":")
            index = int(number)
        if type not in _KNOWN:
            raise RuntimeError(f"Expected one of {', '.join(_KNOWN)} device type at start of device string: {type}")
        self.type: str = type
        self.index = index

    def __repr__(self) -> str:
        suffix = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{suffix})"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))


_KNOWN = (
    "cpu",
    "cuda",
    "ipu",
    "xpu",
    "mkldnn",
    "opengl",
    "opencl",
    "ideep",
    "hip",
    "ve",
    "fpga",
    "maia",
    "xla",
    "lazy",
    "vulkan",
    "mps",
    "meta",
    "hpu",
    "mtia",
    "privateuseone",
)

CPU = device("cpu")


def check_device(wanted: Any) -> None:
    """RuntimeError for any device but the CPU."""
    if wanted is None:
        return
    found = wanted if isinstance(wanted, device) else device(wanted)
    if found.type == "cuda":
        raise RuntimeError("Torch not compiled with CUDA enabled; the built-in engine computes on the CPU")
    if found.type != "cpu":
        raise RuntimeError(
            f"device '{found}' is not in the built-in engine, which computes on the CPU; record with PyTorch"
        )
