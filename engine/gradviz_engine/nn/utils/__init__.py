"""``torch.nn.utils``: clipping gradients, parameters as one vector, weight normalization, padded sequences."""

from typing import Any

from gradviz_engine.missing import missing_name
from gradviz_engine.nn.utils import parametrizations, parametrize, rnn
from gradviz_engine.nn.utils.clip_grad import (
    clip_grad_norm,
    clip_grad_norm_,
    clip_grad_value_,
    clip_grads_with_norm_,
    get_total_norm,
)
from gradviz_engine.nn.utils.convert_parameters import parameters_to_vector, vector_to_parameters
from gradviz_engine.nn.utils.weight_norm import remove_weight_norm, weight_norm

__all__ = [
    "clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm",
    "parameters_to_vector", "parametrizations", "parametrize", "remove_weight_norm", "rnn", "vector_to_parameters",
    "weight_norm",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    raise missing_name("torch.nn.utils", name)
