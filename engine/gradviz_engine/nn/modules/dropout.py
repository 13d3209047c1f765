"""Dropout as modules."""

from __future__ import annotations

from typing import ClassVar

from gradviz_engine.nn import functional as F
from gradviz_engine.nn.modules.module import Module
from gradviz_engine.tensor import Tensor


class _DropoutNd(Module):
    _function: ClassVar[str]

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if p < 0 or p > 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p, self.inplace = p, inplace

    def forward(self, input: Tensor) -> Tensor:
        result: Tensor = getattr(F, self._function)(input, self.p, self.training, self.inplace)
        return result

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    _function = "dropout"


class Dropout1d(_DropoutNd):
    _function = "dropout1d"


class Dropout2d(_DropoutNd):
    _function = "dropout2d"


class Dropout3d(_DropoutNd):
    _function = "dropout3d"


class AlphaDropout(_DropoutNd):
    _function = "alpha_dropout"


class FeatureAlphaDropout(_DropoutNd):
    _function = "feature_alpha_dropout"
