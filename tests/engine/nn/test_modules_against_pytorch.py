"""Every module beside PyTorch's: same weights from the same seed, then values, gradients, graph, order, printing."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradviz_engine
from side_by_side import assert_alike, graph, numbers, outcome

pytestmark = [pytest.mark.pytorch, pytest.mark.filterwarnings("ignore")]

MATRIX = numbers(3, 4)
ROWS = numbers(2, 3, 8)
IMAGE = numbers(2, 3, 6, 6)
SEQUENCE = numbers(3, 2, 4)
HIDDEN = numbers(1, 2, 5)
TOKENS, MEMORY = numbers(2, 3, 4), numbers(2, 5, 4)
FUTURE = np.triu(np.ones((3, 3), bool), 1)
PADDED = np.array([[False, False, True], [False, True, True]])
CLASSES = np.array([1, 0, 3])
LIKELY = np.abs(numbers(3, 4, seed=7))
SIGNS = np.sign(numbers(3, 4, seed=9))

Case = tuple[str, tuple[Any, ...], dict[str, Any], tuple[np.ndarray[Any, Any], ...]]


def case(name: str, *args: Any, on: Any, **options: Any) -> Case:
    return name, args, options, on if isinstance(on, tuple) else (on,)


ACTIVATIONS = [
    *(case(name, on=MATRIX) for name in ("ReLU", "ReLU6", "ELU", "SELU", "GELU", "SiLU", "Mish", "Softplus")),
    case("LogSigmoid", on=MATRIX),
    *(case(name, on=MATRIX) for name in ("GLU", "Hardtanh", "Hardsigmoid", "Hardswish", "Hardshrink", "Softshrink")),
    *(case(name, on=MATRIX) for name in ("Tanhshrink", "Softsign", "Sigmoid", "Tanh", "RReLU", "Identity")),
    *(case(name, 1, on=MATRIX) for name in ("Softmax", "LogSoftmax", "Softmin")),
    case("CELU", 2.0, on=MATRIX), case("GELU", "tanh", on=MATRIX), case("Threshold", 0.1, 20.0, on=MATRIX),
    case("LeakyReLU", 0.2, on=MATRIX), case("PReLU", 4, on=MATRIX), case("Softmax2d", on=IMAGE),
]  # fmt: skip
LAYERS = [
    case("Linear", 4, 2, on=MATRIX), case("Linear", 4, 2, bias=False, on=TOKENS), case("Flatten", on=IMAGE),
    case("Conv1d", 3, 4, 3, padding=1, on=ROWS), case("Conv2d", 3, 6, 3, stride=2, padding=1, groups=3, on=IMAGE),
    case("Conv2d", 3, 4, (2, 3), padding="same", on=IMAGE), case("Conv3d", 2, 2, 2, on=numbers(1, 2, 4, 4, 4)),
    case("Conv2d", 3, 4, 3, padding=1, padding_mode="circular", on=IMAGE),
    case("ConvTranspose1d", 3, 2, 3, stride=2, on=ROWS), case("Unflatten", 1, (1, 3), on=ROWS),
    case("ConvTranspose2d", 3, 4, 3, stride=2, padding=1, output_padding=1, on=IMAGE),
    case("MaxPool1d", 2, on=ROWS), case("MaxPool2d", 3, 2, 1, on=IMAGE), case("AvgPool2d", 2, on=IMAGE),
    case("AvgPool1d", 2, on=ROWS), case("AdaptiveAvgPool2d", 3, on=IMAGE), case("AdaptiveAvgPool2d", 1, on=IMAGE),
    case("AdaptiveMaxPool2d", (2, 3), on=IMAGE), case("LPPool2d", 2, 2, on=IMAGE), case("ZeroPad2d", 1, on=IMAGE),
    case("ConstantPad2d", 1, 2.0, on=IMAGE), case("ReflectionPad2d", 1, on=IMAGE),
    case("ReplicationPad2d", (1, 2, 0, 1), on=IMAGE), case("CircularPad2d", 1, on=IMAGE),
    case("Upsample", None, 2, on=IMAGE), case("Upsample", scale_factor=(2, 3), mode="bilinear", on=IMAGE),
    case("PixelShuffle", 2, on=numbers(2, 8, 3, 3)), case("PixelUnshuffle", 2, on=IMAGE), case("Unfold", 2, on=IMAGE),
    case("Fold", (4, 4), 2, on=numbers(1, 4, 9)), case("ChannelShuffle", 3, on=IMAGE),
    case("Bilinear", 4, 8, 2, on=(MATRIX, numbers(3, 8))), case("CosineSimilarity", on=(MATRIX, LIKELY)),
    case("PairwiseDistance", on=(MATRIX, LIKELY)), case("Embedding", 5, 3, padding_idx=1, on=CLASSES),
    case("EmbeddingBag", 5, 3, mode="max", on=np.array([[1, 2], [0, 2]])),
    case("BatchNorm1d", 4, on=MATRIX), case("BatchNorm1d", 3, on=ROWS), case("BatchNorm2d", 3, momentum=None, on=IMAGE),
    case("BatchNorm2d", 3, affine=False, track_running_stats=False, on=IMAGE), case("LayerNorm", (6, 6), on=IMAGE),
    case("LayerNorm", 4, bias=False, on=TOKENS), case("RMSNorm", 4, on=TOKENS), case("GroupNorm", 1, 3, on=IMAGE),
    case("InstanceNorm2d", 3, affine=True, track_running_stats=True, on=IMAGE), case("LocalResponseNorm", 2, on=IMAGE),
    case("Dropout", 0.4, on=MATRIX), case("Dropout2d", 0.4, on=IMAGE), case("AlphaDropout", 0.4, on=MATRIX),
]  # fmt: skip
RECURRENT = [
    case("RNN", 4, 5, on=SEQUENCE), case("RNN", 4, 5, 2, nonlinearity="relu", bias=False, on=SEQUENCE),
    case("RNN", 4, 5, batch_first=True, on=SEQUENCE), case("GRU", 4, 5, on=(SEQUENCE, HIDDEN)),
    case("GRU", 4, 5, bidirectional=True, batch_first=True, on=SEQUENCE), case("LSTM", 4, 5, on=SEQUENCE),
    case("LSTM", 4, 5, 2, bidirectional=True, batch_first=True, on=SEQUENCE), case("LSTM", 4, 5, on=SEQUENCE[:, 0]),
    case("LSTM", 4, 5, 2, dropout=0.5, on=SEQUENCE), case("LSTM", 4, 5, proj_size=2, on=SEQUENCE),
    case("RNNCell", 4, 5, on=SEQUENCE[0]), case("GRUCell", 4, 5, on=(SEQUENCE[0], HIDDEN[0])),
    case("LSTMCell", 4, 5, bias=False, on=SEQUENCE[0]),
]  # fmt: skip
TRANSFORMERS = [
    case("TransformerEncoderLayer", 4, 2, 8, 0.2, batch_first=True, on=TOKENS),
    case("TransformerEncoderLayer", 4, 2, 8, activation="gelu", norm_first=True, on=TOKENS),
    case("TransformerDecoderLayer", 4, 2, 8, batch_first=True, on=(TOKENS, MEMORY)),
    case("Transformer", 4, 2, 1, 2, 8, on=(numbers(5, 3, 4), numbers(2, 3, 4))),
    case("MultiheadAttention", 4, 2, batch_first=True, dropout=0.3, on=(TOKENS, MEMORY, 2 * MEMORY)),
    case("MultiheadAttention", 4, 2, add_bias_kv=True, add_zero_attn=True, on=(TOKENS,) * 3),
    case("MultiheadAttention", 4, 2, kdim=3, vdim=5, on=(TOKENS, numbers(6, 3, 3), numbers(6, 3, 5))),
]
LOSSES = [
    *(case(name, on=(MATRIX, LIKELY)) for name in ("MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss")),
    *(case(name, on=(MATRIX, LIKELY)) for name in ("BCEWithLogitsLoss", "PoissonNLLLoss", "KLDivLoss")),
    case("CrossEntropyLoss", on=(MATRIX, CLASSES)), case("CrossEntropyLoss", label_smoothing=0.1, on=(MATRIX, CLASSES)),
    case("NLLLoss", reduction="sum", on=(MATRIX, CLASSES)), case("HingeEmbeddingLoss", on=(MATRIX, SIGNS)),
    case("MultiMarginLoss", on=(MATRIX, CLASSES)), case("MarginRankingLoss", 0.1, on=(MATRIX, LIKELY, SIGNS)),
    case("TripletMarginLoss", swap=True, on=(MATRIX, LIKELY, SIGNS)),
    case("GaussianNLLLoss", on=(MATRIX, LIKELY, LIKELY)),
    case("CosineEmbeddingLoss", on=(MATRIX, LIKELY, SIGNS[:, 0])), case("BCELoss", on=(LIKELY / 9, LIKELY / 9)),
]  # fmt: skip
ALL = ACTIVATIONS + LAYERS + RECURRENT + TRANSFORMERS + LOSSES


def check(make: Callable[[Any], Any], arrays: tuple[np.ndarray[Any, Any], ...]) -> None:
    pytorch = pytest.importorskip("torch", "2.13")
    assert_alike(outcome(gradviz_engine, make, arrays), outcome(pytorch, make, arrays))


@pytest.mark.parametrize("given", ALL, ids=lambda c: f"{c[0]}{c[1] or ''}{c[2] or ''}")
def test_a_module_is_pytorchs(given: Case) -> None:
    name, args, options, arrays = given
    check(lambda torch: getattr(torch.nn, name)(*args, **options), arrays)


@pytest.mark.parametrize("name", ["BatchNorm2d", "Dropout", "InstanceNorm2d"])
def test_evaluation_mode_is_pytorchs(name: str) -> None:
    args = () if name == "Dropout" else (3,)
    check(lambda torch: getattr(torch.nn, name)(*args).eval(), (IMAGE,))


@pytest.mark.parametrize(
    "options",
    [
        {"need_weights": False},
        {"attn_mask": FUTURE},
        {"attn_mask": FUTURE, "is_causal": True, "need_weights": False},
        {"key_padding_mask": PADDED, "need_weights": False},
        {"key_padding_mask": PADDED, "attn_mask": FUTURE, "average_attn_weights": False},
    ],
    ids=str,
)
def test_self_attention_with_masks_is_pytorchs(options: dict[str, Any]) -> None:
    def attend(torch: Any) -> Any:
        module = torch.nn.MultiheadAttention(4, 2, batch_first=True)
        given = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
        return lambda x: module(x, x, x, **given)

    check(attend, (TOKENS,))


def test_a_stack_of_encoder_layers_with_a_causal_mask_is_pytorchs() -> None:
    def encode(torch: Any) -> Any:
        layer = torch.nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
        encoder = torch.nn.TransformerEncoder(layer, 2, norm=torch.nn.LayerNorm(4))
        mask = torch.nn.Transformer.generate_square_subsequent_mask(3)
        return lambda x: encoder(x, mask=mask)

    check(encode, (TOKENS,))


@pytest.mark.parametrize("old", [False, True])
def test_weight_normalization_is_pytorchs(old: bool) -> None:
    def normalize(torch: Any) -> Any:
        utils = torch.nn.utils if old else torch.nn.utils.parametrizations
        return utils.weight_norm(torch.nn.Linear(4, 3))

    check(normalize, (MATRIX,))


def test_three_steps_of_a_small_network_are_pytorchs() -> None:
    """Convolution, batch norm, pooling, dropout and a classifier, trained: parameters and running statistics."""
    pytorch = pytest.importorskip("torch", "2.13")
    results = []
    for torch in (gradviz_engine, pytorch):
        torch.manual_seed(0)
        nn = torch.nn
        net = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten(),
            nn.Dropout(0.3), nn.Linear(16, 4),
        )  # fmt: skip
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
        for _ in range(3):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(torch.tensor(IMAGE)), torch.tensor(CLASSES[:2])).backward()
            nn.utils.clip_grad_norm_(net.parameters(), 0.5)
            optimizer.step()
        results.append({name: value.numpy() for name, value in net.state_dict().items()})
    assert results[0].keys() == results[1].keys()
    for name, value in results[0].items():
        np.testing.assert_allclose(value, results[1][name], rtol=1e-4, atol=1e-5, err_msg=name)


def test_warnings_are_pytorchs() -> None:
    pytorch = pytest.importorskip("torch", "2.13")
    texts = []
    for torch in (gradviz_engine, pytorch):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            torch.nn.LSTM(2, 3, dropout=0.5)
            torch.nn.TransformerEncoder(torch.nn.TransformerEncoderLayer(4, 1), 1)
            torch.nn.functional.kl_div(torch.zeros(2), torch.zeros(2))
        texts.append([str(w.message) for w in caught])
    assert texts[0] == texts[1]


def test_a_one_hot_of_a_view_is_dense_and_so_decides_what_linear_does() -> None:
    """Addmm needs a dense input, else Linear is Mm and Add."""
    real = pytest.importorskip("torch")

    def outcomes(torch: Any) -> Any:
        classes = torch.tensor([[0, 1, 2], [2, 1, 0]])
        hot = torch.nn.functional.one_hot(classes.T, 3)
        assert hot.stride() == (6, 3, 1)
        linear = torch.nn.Linear(3, 2)
        return [graph(linear(hot.float()).grad_fn), hot.tolist()]

    assert outcomes(gradviz_engine) == outcomes(real)
