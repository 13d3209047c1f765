"""Initializers and ``nn.utils``: recorded numbers of PyTorch 2.13.0, and what an observer is told."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import gradviz_engine as torch
from gradviz_engine import nn
from gradviz_engine.autograd.observer import Observer, observing

# After torch.manual_seed(0), the first two numbers of a 5 x 4 tensor.
FIRST = {
    "uniform_": [0.49625658988952637, 0.7682217955589294],
    "normal_": [-1.1258398294448853, -1.152360200881958],
    "trunc_normal_": [-1.1258398294448853, -1.152360200881958],
    "xavier_uniform_": [-0.006112963426858187, 0.43800437450408936],
    "xavier_normal_": [-0.5307260155677795, -0.5432277917861938],
    "kaiming_uniform_": [-0.009169445373117924, 0.657006561756134],
    "kaiming_normal_": [-0.7960889935493469, -0.8148416876792908],
    "eye_": [1.0, 0.0],
    "ones_": [1.0, 1.0],
}


@pytest.mark.parametrize("name", FIRST)
def test_initializers_draw_pytorchs_numbers(name: str) -> None:
    torch.manual_seed(0)
    tensor = getattr(nn.init, name)(torch.zeros(5, 4))
    np.testing.assert_allclose(tensor.flatten()[:2].numpy(), FIRST[name], rtol=1e-6, atol=1e-7)


def test_special_initializers_have_their_property() -> None:
    torch.manual_seed(0)
    matrix = nn.init.orthogonal_(torch.zeros(3, 5)).numpy()
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-6)
    image = torch.randn(1, 2, 4, 4)
    kernel = nn.init.dirac_(torch.zeros(2, 2, 3, 3))
    np.testing.assert_array_equal(nn.functional.conv2d(image, kernel, padding=1).numpy(), image.numpy())
    sparse = nn.init.sparse_(torch.zeros(10, 3), 0.4).numpy()
    assert ((sparse == 0).sum(axis=0) == 4).all()
    assert nn.init.calculate_gain("leaky_relu", 0.2) == pytest.approx(math.sqrt(2 / 1.04))
    with pytest.raises(ValueError, match="Fan in and fan out can not be computed for tensor with fewer than 2 dim"):
        nn.init.xavier_uniform_(torch.zeros(3))


class Writes(Observer):
    def __init__(self) -> None:
        self.causes: list[str] = []

    def after_write(self, tensor: Any, cause: str) -> None:
        self.causes.append(cause)


def with_gradients(*values: float) -> list[nn.Parameter]:
    parameters = [nn.Parameter(torch.zeros(1)) for _ in values]
    for parameter, value in zip(parameters, values, strict=True):
        parameter.grad = torch.tensor([value])
    return parameters


def test_clipping_by_norm_scales_all_gradients_and_says_so() -> None:
    parameters = with_gradients(3.0, -4.0)
    with observing(writes := Writes()):
        total = nn.utils.clip_grad_norm_(parameters, 1.0)
    assert float(total) == pytest.approx(5.0)
    assert [float(p.grad) for p in parameters] == pytest.approx([0.6, -0.8], rel=1e-5)
    assert set(writes.causes) == {"clip_grad_norm_"}
    nn.utils.clip_grad_norm_(parameters, 10.0)
    assert [float(p.grad) for p in parameters] == pytest.approx([0.6, -0.8], rel=1e-5), "small ones are left alone"
    with pytest.raises(RuntimeError, match="is non-finite, so it cannot be clipped"):
        nn.utils.clip_grad_norm_(with_gradients(math.inf), 1.0, error_if_nonfinite=True)


def test_clipping_by_value_cuts_each_gradient() -> None:
    parameters = with_gradients(3.0, -0.2)
    nn.utils.clip_grad_value_(parameters, 0.5)
    assert [float(p.grad) for p in parameters] == pytest.approx([0.5, -0.2])


def test_parameters_become_a_vector_and_come_back() -> None:
    layer = nn.Linear(2, 3)
    vector = nn.utils.parameters_to_vector(layer.parameters())
    assert vector.shape == (9,)
    assert vector.grad_fn.name() == "CatBackward0"
    nn.utils.vector_to_parameters(torch.arange(9.0), layer.parameters())
    assert layer.weight.tolist() == [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
    assert layer.bias.tolist() == [6.0, 7.0, 8.0]


def test_weight_normalization_keeps_the_weight_and_can_be_removed() -> None:
    layer = nn.Linear(3, 2)
    weight = layer.weight.detach().clone()
    nn.utils.parametrizations.weight_norm(layer)
    np.testing.assert_allclose(layer.weight.detach().numpy(), weight.numpy(), rtol=1e-6)
    assert list(layer.state_dict()) == [
        "bias",
        "parametrizations.weight.original0",
        "parametrizations.weight.original1",
    ]
    assert nn.utils.parametrize.is_parametrized(layer, "weight")
    nn.utils.parametrize.remove_parametrizations(layer, "weight")
    assert type(layer) is nn.Linear
    assert [name for name, _ in layer.named_parameters()] == ["bias", "weight"]


def test_sequences_are_padded_on_either_side() -> None:
    sequences = [torch.ones(2), torch.ones(3) * 2]
    assert nn.utils.rnn.pad_sequence(sequences, batch_first=True).tolist() == [[1, 1, 0], [2, 2, 2]]
    left = nn.utils.rnn.pad_sequence(sequences, padding_value=-1.0, padding_side="left")
    assert left.tolist() == [[-1, 2], [1, 2], [1, 2]]
