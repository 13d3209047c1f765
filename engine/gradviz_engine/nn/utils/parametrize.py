"""Parameters that are computed from others: ``module.weight`` becomes the output of modules registered for it.

Source of the behaviour: torch/nn/utils/parametrize.py of PyTorch 2.13.
"""

from __future__ import annotations

from typing import Any

from gradviz_engine.autograd.grad_mode import no_grad
from gradviz_engine.nn.modules.containers import ModuleDict, ModuleList
from gradviz_engine.nn.modules.module import Module
from gradviz_engine.nn.parameter import Parameter
from gradviz_engine.tensor import Tensor


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, and the original parameters they start from."""

    def __init__(self, modules: list[Module], original: Tensor) -> None:
        super().__init__(modules)
        value: Any = original.data
        with no_grad():
            for module in reversed(modules):
                if hasattr(module, "right_inverse"):
                    value = module.right_inverse(value)
        self.is_tensor = isinstance(value, Tensor)
        self.ntensors = 1 if self.is_tensor else len(value)
        if self.is_tensor:
            self.original = Parameter(value.data, original.requires_grad)
        else:
            for number, part in enumerate(value):
                self.register_parameter(f"original{number}", Parameter(part.data, original.requires_grad))

    def forward(self) -> Tensor:
        """The tensor as the parametrizations make it now."""
        if self.is_tensor:
            value = self[0](self.original)
        else:
            value = self[0](*[getattr(self, f"original{number}") for number in range(self.ntensors)])
        for module in list(self)[1:]:
            value = module(value)
        result: Tensor = value
        return result


def _computed(name: str) -> property:
    return property(lambda module: module.parametrizations[name]())


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Let ``module.<tensor_name>`` be what ``parametrization`` makes of the present parameter."""
    if is_parametrized(module, tensor_name):
        module.parametrizations[tensor_name].append(parametrization)
        return module
    original = module._parameters.get(tensor_name)
    if original is None:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element with name "
            f"'{tensor_name}'"
        )
    if not is_parametrized(module):
        cls = type(module)
        module.__class__ = type(f"Parametrized{cls.__name__}", (cls,), {"__module__": cls.__module__})
        module.parametrizations = ModuleDict()
    del module._parameters[tensor_name]
    module.parametrizations[tensor_name] = ParametrizationList([parametrization], original)
    setattr(type(module), tensor_name, _computed(tensor_name))
    return module


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether the module, or one of its tensors, is parametrized."""
    table = module._modules.get("parametrizations")
    if not isinstance(table, ModuleDict):
        return False
    return len(table) > 0 if tensor_name is None else tensor_name in table


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Put a plain parameter back: the computed value, or the original one."""
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    table = module.parametrizations[tensor_name]
    if not leave_parametrized and not table.is_tensor:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in terms of a "
            "sequence of tensors."
        )
    value = table() if leave_parametrized else table.original
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    module.register_parameter(tensor_name, Parameter(value.data))
    if len(module.parametrizations) == 0:
        del module._modules["parametrizations"]
        module.__class__ = type(module).__bases__[0]
    return module
