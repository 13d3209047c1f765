"""``torch.accelerator``: there is none."""

from __future__ import annotations

from typing import Any

from gradviz_engine.missing import missing_name


def is_available() -> bool:
    return False


def current_accelerator(check_available: bool = False) -> None:
    return None


def device_count() -> int:
    return 0


def __getattr__(name: str) -> Any:
    raise missing_name("torch.accelerator", name)
