"""Optimizers and learning-rate schedulers."""

from __future__ import annotations

from typing import Any

from gradviz_engine.missing import missing_name
from gradviz_engine.optim.optimizer import Optimizer
from gradviz_engine.optim.sgd import SGD

__all__ = ["SGD", "Optimizer"]


def __getattr__(name: str) -> Any:
    raise missing_name("torch.optim", name)
