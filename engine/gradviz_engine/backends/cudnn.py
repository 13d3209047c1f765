"""``torch.backends.cudnn``: settings without effect, since there is no cuDNN."""

from __future__ import annotations

enabled: bool = False
deterministic: bool = False
benchmark: bool = False
allow_tf32: bool = False


def is_available() -> bool:
    return False


def version() -> int | None:
    return None
