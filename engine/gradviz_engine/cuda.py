"""``torch.cuda`` on a machine without CUDA: programs that ask first run on the CPU."""

from __future__ import annotations

from typing import Any

from gradviz_engine.missing import missing_name


def is_available() -> bool:
    return False


def is_initialized() -> bool:
    return False


def device_count() -> int:
    return 0


def manual_seed(seed: int) -> None:
    """Nothing to seed."""


def manual_seed_all(seed: int) -> None:
    """Nothing to seed."""


def empty_cache() -> None:
    """Nothing to empty."""


def __getattr__(name: str) -> Any:
    raise missing_name("torch.cuda", name)
