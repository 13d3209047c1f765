"""Gradients cut down in place: by their common norm, or each by its value.

Source: torch/nn/utils/clip_grad.py of PyTorch 2.13.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from gradviz_engine.autograd import observer
from gradviz_engine.autograd.grad_mode import no_grad
from gradviz_engine.ops.joining import stack
from gradviz_engine.ops.norms import vector_norm
from gradviz_engine.tensor import Tensor, wrap

Parameters = Tensor | Iterable[Tensor]


def _gradients(parameters: Parameters) -> list[Tensor]:
    given = [parameters] if isinstance(parameters, Tensor) else parameters
    return [p._grad for p in given if p._grad is not None]


@no_grad()
def get_total_norm(
    tensors: Parameters, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: Any = None
) -> Tensor:
    """The norm of all the tensors as if they were one vector."""
    chosen = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    if not chosen:
        return wrap(np.zeros((), np.float32))
    norms = [vector_norm(t, float(norm_type)) for t in chosen]
    total = vector_norm(stack(norms), float(norm_type))
    if error_if_nonfinite and not np.isfinite(total._data).all():
        raise RuntimeError(
            f"The total norm of order {float(norm_type)} for gradients from `parameters` is non-finite, so it cannot "
            "be clipped. To disable this error and scale the gradients by the non-finite norm anyway, set "
            "`error_if_nonfinite=False`"
        )
    return total


@no_grad()
def clip_grads_with_norm_(parameters: Parameters, max_norm: float, total_norm: Tensor, foreach: Any = None) -> None:
    """Scale the gradients by ``max_norm / total_norm`` where that is below 1."""
    factor = (float(max_norm) / (total_norm + 1e-6)).clamp(max=1.0)
    with observer.cause("clip_grad_norm_"):
        for gradient in _gradients(parameters):
            gradient.mul_(factor)


@no_grad()
def clip_grad_norm_(
    parameters: Parameters,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: Any = None,
) -> Tensor:
    """Scale all gradients so that their common norm is at most ``max_norm``; returns what it was."""
    chosen = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    total: Tensor = get_total_norm(_gradients(chosen), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(chosen, max_norm, total)
    return total


def clip_grad_norm(
    parameters: Parameters,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: Any = None,
) -> Tensor:
    """The old name of ``clip_grad_norm_``."""
    warnings.warn(
        "torch.nn.utils.clip_grad_norm is now deprecated in favor of torch.nn.utils.clip_grad_norm_.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite)


@no_grad()
def clip_grad_value_(parameters: Parameters, clip_value: float, foreach: Any = None) -> None:
    """Cut every gradient's elements off at ±``clip_value``."""
    limit, gradients = float(clip_value), _gradients(parameters)
    with observer.cause("clip_grad_value_"):  # two writes each, as PyTorch's
        for gradient in gradients:
            gradient.clamp_min_(-limit)
        for gradient in gradients:
            gradient.clamp_max_(limit)
