"""PyTorch's own samples of its operators: values, gradients, dtypes, shapes and whole graphs, against PyTorch.

``op_db`` is PyTorch's database of operators with a generator of sample inputs for each; it needs expecttest.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import gradviz_engine
from conformance import assert_same, encode, run

DATA = Path(__file__).parents[1] / "data"
CORE = [line for line in (DATA / "core_operators.txt").read_text().splitlines() if line and line[0] != "#"]
MOST = 40
"""Samples tried for one operator."""

pytestmark = pytest.mark.pytorch


@functools.cache
def database() -> dict[str, Any]:
    """Operators by name and variant, as the list names them."""
    pytest.importorskip("torch")
    pytest.importorskip("expecttest")
    from torch.testing._internal.common_methods_invocations import op_db

    return {op.name + (f".{op.variant_test_name}" if op.variant_test_name else ""): op for op in op_db}


def samples(op: Any) -> Iterator[dict[str, Any]]:
    """The samples that can be written down: PyTorch's memory formats and generators cannot."""
    import torch

    for number, sample in enumerate(op.sample_inputs("cpu", torch.float64, requires_grad=True)):
        if number >= MOST:
            return
        try:
            yield {"args": encode((sample.input, *sample.args)), "options": encode(dict(sample.kwargs))}
        except TypeError:
            continue


@pytest.mark.parametrize("label", CORE)
def test_an_operator_does_what_pytorch_does(label: str) -> None:
    op = database()[label]
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for sample in samples(op):
            try:
                want = run(torch, op.name, sample)
            except (RuntimeError, TypeError, ValueError, IndexError):
                continue  # PyTorch itself cannot do or differentiate this one
            assert_same(run(gradviz_engine, op.name, sample), want)
