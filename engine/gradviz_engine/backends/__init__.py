"""``torch.backends``: switches that programs set, and what is not there."""

from __future__ import annotations

from typing import Any

from gradviz_engine.backends import cuda, cudnn, mps
from gradviz_engine.missing import missing_name


def __getattr__(name: str) -> Any:
    raise missing_name("torch.backends", name)
