"""What graph an expression makes: 563 expressions, each with the structure PyTorch 2.13.0 gave it.

``data/grad_fn_names.json`` holds the recorded structures and, for those that differ here, the reason. In a
structure ``_`` is an input without gradient, ``.k`` the k-th output of a node, ``@i`` the i-th node again.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from gradviz.recording.alias import engine_as_torch

DATA = json.loads((Path(__file__).parent / "data" / "grad_fn_names.json").read_text(encoding="utf-8"))
EXPRESSIONS: dict[str, str | None] = DATA["expressions"]
DIFFERENCES: dict[str, str] = DATA["differences"]

# Leaves of the recorded expressions, by shape; all are float32 and require grad.
LEAVES = {
    "x": (3, 3), "y": (3, 3), "m": (3, 4), "m43": (4, 3), "v3": (3,), "v3b": (3,), "w3": (3,), "w4": (4,), "v4": (4,),
    "b3": (2, 3, 4), "b3b": (2, 4, 5), "bb": (2, 3, 5), "b3s": (2, 3, 3), "b4": (2, 1, 4, 4), "b5": (1, 1, 4, 4, 4),
    "k1": (2, 3, 2), "k1t": (3, 2, 2), "k2": (1, 1, 2, 2), "k3": (1, 1, 2, 2, 2), "a1": (1,), "a2": (2,),
    "w44": (4, 4), "w24": (2, 4), "b333": (2, 3, 3), "q4": (1, 2, 3, 4), "q4b": (1, 2, 3, 4), "q4c": (1, 2, 3, 4),
    "b3t": (2, 3, 4), "b3t2": (2, 3, 4), "b3t3": (2, 3, 4), "s": (), "grid": (2, 4, 4, 2), "theta": (2, 2, 3),
    "b4c": (2, 3, 2, 2), "ctc_in": (5, 1, 4),
}  # fmt: skip


def names_for_expressions() -> tuple[dict[str, Any], dict[int, str]]:
    """Everything the expressions use, and the leaves' names by identity."""
    import torch
    import torch.nn.functional as F
    import torch.utils.checkpoint

    torch.manual_seed(0)
    leaves = {name: (torch.rand(shape) + 0.1).requires_grad_() for name, shape in LEAVES.items()}
    square = torch.rand(3, 3)
    leaves["spd"] = (square @ square.t() + 3 * torch.eye(3)).requires_grad_()
    constants = {
        "c": torch.rand(3, 3) + 0.1, "mask": torch.tensor([[True, False, True]] * 3), "i2": torch.tensor([0, 2]),
        "g": torch.tensor([[0, 1, 2]] * 3), "t3": torch.tensor([0, 1, 2]), "tb": torch.zeros(2, 4, dtype=torch.long),
        "tb4": torch.zeros(2, 2, 2, dtype=torch.long), "amask": torch.zeros(3, 3),
    }  # fmt: skip

    def setitem(target: Any, key: Any, value: Any) -> Any:
        target[key] = value
        return target

    def inplace_on_view(target: Any) -> Any:
        target[0].mul_(2)
        return target

    def grad(loss: Any, leaf: Any) -> Any:
        return torch.autograd.grad(loss, leaf, create_graph=True)[0]

    def math_sdpa(q: Any, k: Any, v: Any) -> Any:
        from torch.nn.attention import SDPBackend, sdpa_kernel

        with sdpa_kernel(SDPBackend.MATH):
            return F.scaled_dot_product_attention(q, k, v)

    helpers = {"setitem": setitem, "inplace_on_view": inplace_on_view, "grad": grad, "math_sdpa": math_sdpa}
    names = {"torch": torch, "F": F, "nn": torch.nn, **helpers, **leaves, **constants}
    return names, {id(leaf): name for name, leaf in leaves.items()}


def structure(tensor: Any, leaves: dict[int, str]) -> str | None:
    """The graph below a tensor in one line."""
    seen: dict[Any, int] = {}

    def written(node: Any) -> str:
        if node is None:
            return "_"
        if node.name() == "torch::autograd::AccumulateGrad":
            return leaves.get(id(node.variable), f"param{list(node.variable.shape)}")
        if node in seen:
            return f"@{seen[node]}"
        seen[node] = len(seen)
        inputs = [written(child) + (f".{slot}" if slot else "") for child, slot in node.next_functions]
        return f"{node.name()}({', '.join(inputs)})"

    return None if tensor.grad_fn is None else written(tensor.grad_fn)


def structure_of(expression: str) -> str | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names, leaves = names_for_expressions()
        return structure(eval(expression, names), leaves)


@pytest.mark.parametrize("expression", [e for e in EXPRESSIONS if e not in DIFFERENCES])
def test_an_expression_makes_pytorchs_graph(expression: str) -> None:
    with engine_as_torch():
        assert structure_of(expression) == EXPRESSIONS[expression]


@pytest.mark.parametrize("expression", DIFFERENCES)
def test_a_known_difference_is_still_one(expression: str) -> None:
    """A difference that is gone has to leave the list."""
    with engine_as_torch():
        try:
            found = structure_of(expression)
        except (AttributeError, RuntimeError, TypeError) as error:
            found = type(error).__name__
    assert found != EXPRESSIONS[expression]


def test_most_expressions_agree() -> None:
    assert len(EXPRESSIONS) - len(DIFFERENCES) >= 480


@pytest.mark.pytorch
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_the_recorded_structures_are_pytorchs(expression: str) -> None:
    pytest.importorskip("torch")
    assert structure_of(expression) == EXPRESSIONS[expression]
