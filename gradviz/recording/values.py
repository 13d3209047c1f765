"""What a node saved besides tensors, as a trace can hold it."""

from __future__ import annotations

from typing import Any

_PLAIN = (bool, int, float, str, type(None))


def plain(value: Any) -> Any:
    """A number, a text or a list of them.

    PyTorch shows a negative ``dim``, ``padding_idx`` or ``ignore_index`` as an unsigned number of 64 bits (-1 as
    2**64 - 1); none of what it saves is meant to be that large.
    """
    if isinstance(value, _PLAIN):
        return value - 2**64 if type(value) is int and value >= 2**63 else value
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    return str(value)
