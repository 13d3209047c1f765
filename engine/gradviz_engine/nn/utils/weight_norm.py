"""The old form of weight normalization: parameters ``weight_g`` and ``weight_v`` and a hook that makes ``weight``."""

from __future__ import annotations

import warnings
from typing import Any, TypeVar

from gradviz_engine.nn.modules.module import Module
from gradviz_engine.nn.parameter import Parameter
from gradviz_engine.ops.weight_norm import norm_except_dim
from gradviz_engine.ops.weight_norm import weight_norm as _composed

M = TypeVar("M", bound=Module)


class WeightNorm:
    """The hook: before each call the weight is made of its direction and length."""

    def __init__(self, name: str, dim: int | None) -> None:
        self.name = name
        self.dim = -1 if dim is None else dim

    def compute_weight(self, module: Module) -> Any:
        return _composed(getattr(module, self.name + "_v"), getattr(module, self.name + "_g"), self.dim)

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))


def weight_norm(module: M, name: str = "weight", dim: int | None = 0) -> M:
    """Replace a parameter by its direction and length."""
    warnings.warn(
        "`torch.nn.utils.weight_norm` is deprecated in favor of `torch.nn.utils.parametrizations.weight_norm`.",
        FutureWarning,
        stacklevel=2,
    )
    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, WeightNorm) and hook.name == name:
            raise RuntimeError(f"Cannot register two weight_norm hooks on the same parameter {name}")
    normalization = WeightNorm(name, dim)
    weight = getattr(module, name)
    del module._parameters[name]
    module.register_parameter(name + "_g", Parameter(norm_except_dim(weight, 2, normalization.dim).data))
    module.register_parameter(name + "_v", Parameter(weight.data))
    setattr(module, name, normalization.compute_weight(module))
    module.register_forward_pre_hook(normalization)
    return module


def remove_weight_norm(module: M, name: str = "weight") -> M:
    """Put the parameter back."""
    for key, hook in list(module._forward_pre_hooks.items()):
        if isinstance(hook, WeightNorm) and hook.name == name:
            weight = hook.compute_weight(module)
            delattr(module, name)
            del module._parameters[name + "_g"], module._parameters[name + "_v"]
            setattr(module, name, Parameter(weight.data))
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"weight_norm of '{name}' not found in {module}")
