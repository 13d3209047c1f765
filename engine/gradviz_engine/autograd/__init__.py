"""``torch.autograd``: calls, modes and custom functions; the machinery is in the modules beside."""

from gradviz_engine.autograd.calls import backward, grad
from gradviz_engine.autograd.grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled

__all__ = ["backward", "enable_grad", "grad", "inference_mode", "no_grad", "set_grad_enabled"]
