"""``torch.nn.attention``: which implementations of scaled dot product attention may be chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

from gradviz_engine.missing import missing_name
from gradviz_engine.ops.attention import Backends


class SDPBackend(IntEnum):
    """PyTorch's numbers. On the CPU there are two: the fused kernel and the written-out formula."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


@contextmanager
def sdpa_kernel(backends: SDPBackend | Sequence[SDPBackend], set_priority: bool = False) -> Iterator[None]:
    """Inside, only these are used; attention raises RuntimeError where none of them fits."""
    allowed = [backends] if isinstance(backends, SDPBackend) else list(backends)
    previous = Backends.fused, Backends.math
    Backends.fused = SDPBackend.FLASH_ATTENTION in allowed
    Backends.math = SDPBackend.MATH in allowed
    try:
        yield
    finally:
        Backends.fused, Backends.math = previous


def __getattr__(name: str) -> Any:
    raise missing_name("torch.nn.attention", name)
