"""``torch.autograd``: calls, modes, custom functions and checks; the machinery is in the modules beside."""

from typing import Any

from gradviz_engine.autograd import anomaly as anomaly_mode
from gradviz_engine.autograd import function, functional, grad_mode, graph
from gradviz_engine.autograd.anomaly import detect_anomaly, set_detect_anomaly
from gradviz_engine.autograd.calls import backward, grad
from gradviz_engine.autograd.function import Function
from gradviz_engine.autograd.grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled
from gradviz_engine.autograd.gradcheck import gradcheck, gradgradcheck
from gradviz_engine.missing import missing_name
from gradviz_engine.tensor import Tensor as Variable

__all__ = [
    "Function",
    "Variable",
    "anomaly_mode",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "function",
    "functional",
    "grad",
    "grad_mode",
    "gradcheck",
    "gradgradcheck",
    "graph",
    "inference_mode",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
]


def __getattr__(name: str) -> Any:
    raise missing_name("torch.autograd", name)
