"""Memory layouts and formats, by name: the engine's tensors are all strided."""

from __future__ import annotations


class layout:
    """``torch.layout``."""

    __module__ = "torch"

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"torch.{self._name}"


class memory_format(layout):
    """``torch.memory_format``."""

    __module__ = "torch"


strided = layout("strided")
sparse_coo = layout("sparse_coo")
contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")


def format_named(value: object) -> memory_format | None:
    """The engine's memory format that prints as ``value`` does, so that PyTorch's own objects serve too."""
    if value is None or isinstance(value, memory_format):
        return value
    found = {repr(f): f for f in (contiguous_format, preserve_format, channels_last)}.get(repr(value))
    if found is None:
        raise TypeError(f"argument 'memory_format' must be torch.memory_format, not {type(value).__name__}")
    return found
