"""``torch.utils``."""

from __future__ import annotations

from typing import Any

from gradviz_engine.missing import missing_name
from gradviz_engine.utils import checkpoint, data

__all__ = ["checkpoint", "data"]


def __getattr__(name: str) -> Any:
    raise missing_name("torch.utils", name)
