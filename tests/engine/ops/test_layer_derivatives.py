"""Derivatives of the layers' operators, first and second, against finite differences.

PyTorch has no second derivative for a few of them; they are listed with ``once``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradviz_engine as torch
from gradviz_engine.autograd import gradcheck, gradgradcheck
from gradviz_engine.ops.registry import OPERATORS, Operator
from gradviz_engine.ops.weight_norm import weight_norm

F = torch.nn.functional
CLASSES = torch.tensor([1, 0, 3])
SIGNS = torch.tensor(np.sign(np.random.default_rng(5).normal(size=(3, 4))))
PROBABILITIES = torch.tensor(np.random.default_rng(6).uniform(0.1, 0.9, (3, 4)))
WEIGHTS = torch.tensor([0.5, 1.0, 2.0, 1.5], dtype=torch.float64)
PLACES = torch.tensor([[[[0, 3], [9, 14]]]])
MASK = torch.tensor([[True, False, True], [True, True, False]])

Case = tuple[Callable[..., Any], tuple[tuple[int, ...], ...]]

TWICE: dict[str, Case] = {
    "relu": (F.relu, ((3, 4),)),
    "leaky_relu": (lambda x: F.leaky_relu(x, 0.2), ((3, 4),)),
    "hardtanh": (F.hardtanh, ((3, 4),)),
    "hardsigmoid": (F.hardsigmoid, ((3, 4),)),
    "hardswish": (F.hardswish, ((3, 4),)),
    "threshold": (lambda x: F.threshold(x, 0.1, 2.0), ((3, 4),)),
    "prelu": (F.prelu, ((2, 3, 2), (3,))),
    "elu": (lambda x: F.elu(x, 1.5), ((3, 4),)),
    "elu in place": (lambda x: F.elu_(x * 1, 1.5), ((3, 4),)),
    "celu in place": (lambda x: F.celu_(x * 1, 0.7), ((3, 4),)),
    "leaky_relu in place": (lambda x: F.leaky_relu_(x * 1, 0.2), ((3, 4),)),
    "threshold in place": (lambda x: F.threshold_(x * 1, 0.1, 2.0), ((3, 4),)),
    "selu": (F.selu, ((3, 4),)),
    "celu": (lambda x: F.celu(x, 0.7), ((3, 4),)),
    "silu": (F.silu, ((3, 4),)),
    "mish": (F.mish, ((3, 4),)),
    "softplus": (lambda x: F.softplus(x, 2.0), ((3, 4),)),
    "logsigmoid": (F.logsigmoid, ((3, 4),)),
    "glu": (F.glu, ((3, 4),)),
    "gelu": (F.gelu, ((3, 4),)),
    "gelu tanh": (lambda x: F.gelu(x, "tanh"), ((3, 4),)),
    "hardshrink": (F.hardshrink, ((3, 4),)),
    "softshrink": (F.softshrink, ((3, 4),)),
    "softmax": (lambda x: F.softmax(x, 1), ((3, 4),)),
    "log_softmax": (lambda x: F.log_softmax(x, 0), ((3, 4),)),
    "linear": (F.linear, ((2, 3, 4), (5, 4), (5,))),
    "bilinear": (F.bilinear, ((2, 3), (2, 4), (2, 3, 4), (2,))),
    "mse_loss": (F.mse_loss, ((3, 4), (3, 4))),
    "smooth_l1_loss": (lambda x, y: F.smooth_l1_loss(x, y, beta=0.7), ((3, 4), (3, 4))),
    "huber_loss": (lambda x, y: F.huber_loss(x, y, reduction="sum", delta=0.7), ((3, 4), (3, 4))),
    "cross_entropy": (lambda x: F.cross_entropy(x, CLASSES, WEIGHTS), ((3, 4),)),
    "cross_entropy smoothed": (lambda x: F.cross_entropy(x, CLASSES, label_smoothing=0.2), ((3, 4),)),
    "cross_entropy of images": (lambda x: F.cross_entropy(x, CLASSES.view(1, 3, 1) % 2), ((1, 2, 3, 1),)),
    "nll_loss": (lambda x: F.nll_loss(x, CLASSES, ignore_index=3, reduction="none"), ((3, 4),)),
    "binary_cross_entropy": (lambda x: F.binary_cross_entropy(x.sigmoid(), PROBABILITIES), ((3, 4),)),
    "binary_cross_entropy_with_logits": (
        lambda x: F.binary_cross_entropy_with_logits(x, PROBABILITIES, WEIGHTS, pos_weight=WEIGHTS),
        ((3, 4),),
    ),
    "soft_margin_loss": (lambda x: F.soft_margin_loss(x, SIGNS), ((3, 4),)),
    "conv1d": (lambda x, w, b: F.conv1d(x, w, b, stride=2, padding=1), ((2, 2, 5), (3, 2, 3), (3,))),
    "conv2d": (
        lambda x, w: F.conv2d(x, w, None, stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=2),
        ((1, 2, 4, 5), (2, 1, 2, 2)),
    ),
    "conv_transpose2d": (
        lambda x, w, b: F.conv_transpose2d(x, w, b, stride=2, padding=1, output_padding=1),
        ((1, 2, 2, 3), (2, 2, 3, 3), (2,)),
    ),
    "max_pool2d": (lambda x: F.max_pool2d(x, 3, stride=2, padding=1), ((1, 2, 5, 5),)),
    "avg_pool2d": (lambda x: F.avg_pool2d(x, 2, padding=1, count_include_pad=False), ((1, 2, 4, 5),)),
    "adaptive_avg_pool2d": (lambda x: F.adaptive_avg_pool2d(x, (2, 3)), ((1, 2, 5, 5),)),
    "adaptive_max_pool2d": (lambda x: F.adaptive_max_pool2d(x, 2), ((1, 2, 5, 5),)),
    "layer_norm": (lambda x, w, b: F.layer_norm(x, (4,), w, b), ((2, 3, 4), (4,), (4,))),
    "layer_norm plain": (lambda x: F.layer_norm(x, (3, 4)), ((2, 3, 4),)),
    "rms_norm": (lambda x, w: F.rms_norm(x, (4,), w), ((3, 4), (4,))),
    "batch_norm": (
        lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True),
        ((4, 3, 2), (3,), (3,)),
    ),
    "batch_norm in evaluation": (
        lambda x, w, b: F.batch_norm(x, WEIGHTS[:3] - 1, WEIGHTS[:3], w, b),
        ((4, 3, 2), (3,), (3,)),
    ),
    "group_norm": (lambda x, w, b: F.group_norm(x, 2, w, b), ((2, 4, 3), (4,), (4,))),
    "instance_norm": (lambda x, w, b: F.instance_norm(x, weight=w, bias=b), ((2, 3, 4), (3,), (3,))),
    "embedding": (lambda w: F.embedding(CLASSES, w), ((4, 3),)),
    "pad": (lambda x: F.pad(x, (1, -1, 2, 0)), ((2, 3, 4),)),
    "pad reflect": (lambda x: F.pad(x, (1, 2, 2, 0), "reflect"), ((1, 2, 3, 4),)),
    "pad replicate": (lambda x: F.pad(x, (1, 2), "replicate"), ((2, 3, 4),)),
    "interpolate bilinear": (
        lambda x: F.interpolate(x, scale_factor=1.7, mode="bilinear", align_corners=True),
        ((1, 2, 3, 4),),
    ),
    "interpolate bicubic": (lambda x: F.interpolate(x, size=(5, 2), mode="bicubic"), ((1, 1, 4, 4),)),
    "interpolate nearest": (lambda x: F.interpolate(x, scale_factor=2), ((1, 2, 3),)),
    **{
        f"interpolate {mode} in {len(sizes)}d": (
            lambda x, s=sizes, m=mode: F.interpolate(x, size=s, mode=m),
            ((1, 2, 3, 2, 2)[: len(sizes) + 2],),
        )
        for mode, sizes in [
            ("nearest", (4, 3)),
            ("nearest", (4, 3, 3)),
            ("nearest-exact", (5,)),
            ("nearest-exact", (4, 3)),
            ("nearest-exact", (4, 3, 3)),
            ("linear", (5,)),
            ("trilinear", (4, 3, 3)),
        ]
    },
    "max_pool3d": (lambda x: F.max_pool3d(x, 2), ((1, 1, 4, 4, 2),)),
    "avg_pool3d": (lambda x: F.avg_pool3d(x, 2, divisor_override=3), ((1, 1, 4, 4, 2),)),
    "adaptive_avg_pool3d": (lambda x: F.adaptive_avg_pool3d(x, 2), ((1, 1, 3, 3, 2),)),
    "adaptive_max_pool3d": (lambda x: F.adaptive_max_pool3d(x, 2), ((1, 1, 3, 3, 2),)),
    "max_unpool2d": (lambda x: F.max_unpool2d(x, PLACES, 2), ((1, 1, 2, 2),)),
    "max_unpool3d": (lambda x: F.max_unpool3d(x, PLACES.unsqueeze(2), (1, 2, 2)), ((1, 1, 1, 2, 2),)),
    **{
        f"pad {mode} in {len(sides) // 2}d": (
            lambda x, s=sides, m=mode: F.pad(x, s, m),
            ((1, 2, 3, 2, 2)[: len(sides) // 2 + 2],),
        )
        for mode, sides in [
            ("reflect", (1, 2)),
            ("reflect", (1, 0, 0, 1, 2, 1)),
            ("replicate", (1, 2, 0, 1)),
            ("replicate", (1, 0, 0, 1, 2, 1)),
        ]
    },
    "channel_shuffle": (lambda x: F.channel_shuffle(x, 2), ((1, 4, 2),)),
    "cosine_embedding_loss": (lambda x, y: F.cosine_embedding_loss(x, y, SIGNS[:, 0], 0.2), ((3, 4), (3, 4))),
    "unfold": (lambda x: F.unfold(x, 2, padding=1), ((1, 2, 3, 3),)),
    "fold": (lambda x: F.fold(x, (3, 3), 2), ((1, 4, 4),)),
    "pixel_shuffle": (lambda x: F.pixel_shuffle(x, 2), ((1, 4, 2, 2),)),
    "affine_grid": (lambda x: F.affine_grid(x, (2, 1, 2, 3), align_corners=False), ((2, 2, 3),)),
    "attention by formula": (F.scaled_dot_product_attention, ((2, 3, 4), (2, 5, 4), (2, 5, 4))),
    "cosine_similarity": (F.cosine_similarity, ((3, 4), (3, 4))),
    "pairwise_distance": (F.pairwise_distance, ((3, 4), (3, 4))),
    "weight_norm": (lambda v, g: weight_norm(v, g, 0), ((3, 4), (3, 1))),
    "gru_cell": (torch.gru_cell, ((2, 3), (2, 4), (12, 3), (12, 4), (12,), (12,))),
    "lstm_cell": (
        lambda x, h, c, *weights: torch.lstm_cell(x, (h, c), *weights)[0],
        ((2, 3), (2, 4), (2, 4), (16, 3), (16, 4), (16,), (16,)),
    ),
}
ONCE: dict[str, Case] = {
    "attention": (F.scaled_dot_product_attention, ((1, 2, 3, 4), (1, 2, 5, 4), (1, 2, 5, 4))),
    "attention causal": (
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
        ((1, 2, 3, 4), (1, 2, 3, 4), (1, 2, 3, 4)),
    ),
    "attention masked": (
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=MASK),
        ((1, 2, 2, 4), (1, 2, 3, 4), (1, 2, 3, 4)),
    ),
    "multi_margin_loss": (lambda x: F.multi_margin_loss(x, CLASSES, p=2), ((3, 4),)),
    "multilabel_margin_loss": (
        lambda x: F.multilabel_margin_loss(x, torch.tensor([[1, 2, -1, 0]] * 3)),
        ((3, 4),),
    ),
    "embedding_bag": (lambda w: F.embedding_bag(CLASSES, w, torch.tensor([0, 1])), ((4, 3),)),
    "grid_sample": (F.grid_sample, ((1, 2, 4, 4), (1, 3, 3, 2))),
    "grid_sample bicubic": (
        lambda x, grid: F.grid_sample(x, grid, "bicubic", "reflection", True),
        ((1, 1, 4, 4), (1, 2, 2, 2)),
    ),
    "grid_sample in 3d": (F.grid_sample, ((1, 1, 2, 3, 2), (1, 2, 1, 2, 3))),
    "pdist": (F.pdist, ((4, 3),)),
    "ctc_loss": (
        lambda x: F.ctc_loss(x.log_softmax(2), torch.tensor([[1, 2], [1, 1]]), (5, 4), (2, 2)),
        ((5, 2, 4),),
    ),
}


def inputs(shapes: tuple[tuple[int, ...], ...]) -> tuple[Any, ...]:
    """Numbers away from the corners of piecewise functions, in double precision."""
    numbers = np.random.default_rng(1)
    tensors = []
    for shape in shapes:
        values = numbers.uniform(0.15, 0.9, shape) * numbers.choice([-1, 1], shape)
        tensors.append(torch.tensor(values, requires_grad=True))
    return tuple(tensors)


@pytest.mark.parametrize("name", [*TWICE, *ONCE])
def test_first_derivatives_are_what_differences_say(name: str) -> None:
    function, shapes = (TWICE | ONCE)[name]
    assert gradcheck(function, inputs(shapes))


@pytest.mark.parametrize("name", TWICE)
def test_second_derivatives_are_what_differences_say(name: str) -> None:
    function, shapes = TWICE[name]
    assert gradgradcheck(function, inputs(shapes))


def test_an_lstm_layer_in_one_node_agrees_with_its_steps() -> None:
    """The fused node exists in single precision only, too coarse for differences; the composed steps are not."""
    torch.manual_seed(0)
    fused = torch.nn.LSTM(3, 4, 2, bidirectional=True)
    composed = torch.nn.LSTM(3, 4, 2, bidirectional=True).double()
    composed.load_state_dict(fused.state_dict())
    x = torch.randn(5, 2, 3)
    results = []
    for module, given in ((fused, x.clone()), (composed, x.double())):
        given.requires_grad_()
        output, (h, c) = module(given)
        (gradient,) = torch.autograd.grad((output.sin() + h.sum() * c.cos().sum()).sum(), given, create_graph=True)
        (second,) = torch.autograd.grad(gradient.pow(2).sum(), given)
        results.append((output, gradient, second))
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=2e-4, atol=2e-5)


def test_the_fused_attention_has_no_second_derivative_as_in_pytorch() -> None:
    q = torch.randn(1, 2, 3, 4, requires_grad=True)
    (gradient,) = torch.autograd.grad(F.scaled_dot_product_attention(q, q, q).sum(), q, create_graph=True)
    message = "derivative for aten::_scaled_dot_product_flash_attention_for_cpu_backward is not implemented"
    with pytest.raises(RuntimeError, match=message):
        gradient.sum().backward()


FAMILIES = (
    "activation", "adaptive_pooling", "attention", "composed_loss", "convolution", "cross_entropy", "ctc", "distance",
    "embedding", "gelu", "grid_sampler", "group_norm", "image", "interpolation", "linear", "loss", "lstm_layer",
    "margin_loss", "normalization", "padding", "pooling", "recurrent", "smooth_activation", "softmax", "weight_norm",
)  # fmt: skip
ELSEWHERE = {
    "mkldnn_rnn_layer": "single precision only: compared with its steps above",
    "rrelu_with_noise": "random",
    "rrelu_with_noise.2": "random",
    "rrelu_with_noise_backward": "random",
}


def family(op: Operator) -> str:
    """The module an operator's derivative stands in."""
    rule = op.joint[1] if op.joint else next(rule for rule in op.rules if rule is not None)
    return str(rule.function.__module__.rpartition(".")[2])


def test_every_operator_of_a_layer_is_in_a_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new declaration without a case above, or a case that no longer reaches its operator, fails here."""
    recorded: set[int] = set()
    record = Operator.record

    def noting(self: Operator, *args: Any, **options: Any) -> Any:
        recorded.add(id(self))
        return record(self, *args, **options)

    monkeypatch.setattr(Operator, "record", noting)
    for function, shapes in (TWICE | ONCE).values():
        given = inputs(shapes)
        gradients = torch.autograd.grad(function(*given).sum(), given, create_graph=True, allow_unused=True)
        assert any(g is not None for g in gradients)
    missing = {
        name
        for name, op in OPERATORS.items()
        if (op.joint or any(op.rules)) and family(op) in FAMILIES and id(op) not in recorded
    }
    assert sorted(missing) == sorted(ELSEWHERE)
