"""How tensors print: ``data/printing.txt`` is a session as PyTorch 2.13.0 printed it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradviz_engine as torch
from gradviz_engine.printing import printoptions

SESSION = (Path(__file__).parent / "data" / "printing.txt").read_text(encoding="utf-8")
CASES = [tuple(block.split("\n", 1)) for block in re.split(r"^>>> ", SESSION, flags=re.MULTILINE)[1:]]


def names() -> dict[str, Any]:
    class My(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return grad

    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 2
    v = torch.ones(4, requires_grad=True) * 1
    w = v[:2]
    w.mul_(2)
    found = {"torch": torch, "np": np, "My": My, "x": x, "y": y, "s": y.sum(), "v": v, "w": w}
    found["m"] = torch.arange(6.0).reshape(2, 3).requires_grad_()
    return found


@pytest.mark.parametrize(("expression", "printed"), CASES, ids=[c[0] for c in CASES])
def test_a_value_prints_as_in_pytorch(expression: str, printed: str) -> None:
    torch.manual_seed(0)
    try:
        found = repr(eval(expression, names()))
    except TypeError as error:
        found = f"TypeError: {error}"
    assert re.sub(r"0x[0-9a-f]+", "0x...", found) == printed.rstrip("\n")


def test_nothing_is_lost_when_every_number_is_shown() -> None:
    with printoptions(profile="full", precision=17):
        values = torch.randn(1200, dtype=torch.float64)
        text = repr(values)
    numbers = [float(n) for n in re.findall(r"-?\d\.\d+(?:e[+-]\d+)?", text.replace("float64", ""))]
    assert numbers == values.tolist()


def test_options_come_back_after_the_block() -> None:
    with printoptions(precision=2, linewidth=20):
        assert repr(torch.tensor([1.23456, 2.0])) == "tensor([1.23, 2.00])"
        assert repr(torch.arange(8.0)).count("\n") == 2
    assert repr(torch.tensor([1.23456, 2.0])) == "tensor([1.2346, 2.0000])"


def test_short_and_scientific_profiles() -> None:
    with printoptions(profile="short"):
        assert repr(torch.arange(1001.0)) == "tensor([   0.,    1.,  ...,  999., 1000.])"
    with printoptions(sci_mode=True):
        assert repr(torch.tensor([1.5])) == "tensor([1.5000e+00])"
    with printoptions(linewidth=40):
        wrapped = repr(torch.arange(12.0).requires_grad_() * 1)
    assert wrapped == (
        "tensor([ 0.,  1.,  2.,  3.,  4.,  5.,\n         6.,  7.,  8.,  9., 10., 11.],\n       grad_fn=<MulBackward0>)"
    )
