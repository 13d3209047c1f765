"""Ready-made parametrizations: weight normalization."""

from __future__ import annotations

from typing import Any, TypeVar

from gradviz_engine.missing import missing_name
from gradviz_engine.nn.modules.module import Module
from gradviz_engine.nn.utils.parametrize import register_parametrization
from gradviz_engine.ops.weight_norm import norm_except_dim
from gradviz_engine.ops.weight_norm import weight_norm as _composed
from gradviz_engine.tensor import Tensor

M = TypeVar("M", bound=Module)


class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return _composed(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """The length and the direction of a weight."""
        return norm_except_dim(weight, 2, self.dim), weight


def weight_norm(module: M, name: str = "weight", dim: int = 0) -> M:
    """Let ``module.<name>`` be its direction times its length, two parameters."""
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)
    return module


def __getattr__(name: str) -> Any:
    raise missing_name("torch.nn.utils.parametrizations", name)
