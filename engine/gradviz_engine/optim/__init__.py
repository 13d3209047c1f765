"""Optimizers and learning-rate schedulers."""

from __future__ import annotations

from typing import Any

from gradviz_engine.missing import missing_name
from gradviz_engine.optim import lr_scheduler
from gradviz_engine.optim.adagrad import Adagrad
from gradviz_engine.optim.adam import Adam, AdamW
from gradviz_engine.optim.lbfgs import LBFGS
from gradviz_engine.optim.optimizer import Optimizer
from gradviz_engine.optim.rmsprop import RMSprop
from gradviz_engine.optim.sgd import SGD

__all__ = ["LBFGS", "SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop", "lr_scheduler"]


def __getattr__(name: str) -> Any:
    raise missing_name("torch.optim", name)
