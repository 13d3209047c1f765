"""What misuse of creation, shapes, indexing and reductions says: PyTorch's type of exception and first line.

``data/misuse.json`` was recorded with PyTorch 2.13.0 (CPU build).
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

import gradviz_engine

RECORDED: dict[str, list[str]] = json.loads(
    (Path(__file__).parents[1] / "data" / "misuse.json").read_text(encoding="utf-8")
)


def complaint(module: Any, expression: str) -> list[str]:
    """The exception's type and the first line of its text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            eval(expression, {"torch": module})
    except Exception as error:
        return [type(error).__name__, str(error).split("\n")[0]]
    return ["", ""]


@pytest.mark.parametrize("expression", RECORDED)
def test_misuse_is_refused_in_pytorchs_words(expression: str) -> None:
    assert complaint(gradviz_engine, expression) == RECORDED[expression]


@pytest.mark.pytorch
@pytest.mark.parametrize("expression", RECORDED)
def test_the_recorded_words_are_pytorchs(expression: str) -> None:
    torch = pytest.importorskip("torch")
    assert complaint(torch, expression) == RECORDED[expression]


@pytest.mark.parametrize("name", ["stft", "sparse_mask", "cuda_only"])
def test_a_method_that_is_missing_says_how_to_have_it(name: str) -> None:
    with pytest.raises(AttributeError, match=f"torch.Tensor.{name} is not in the built-in engine; record with PyTorch"):
        getattr(gradviz_engine.ones(2), name)
