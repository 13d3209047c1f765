"""A few of PyTorch's samples with the results it gave, recorded: where PyTorch is missing they still hold.

``data/samples.json`` is written by ``python tests/engine/conformance/test_recorded_samples.py``, with PyTorch
2.13.0 and expecttest installed.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "helpers"))
import gradviz_engine
from conformance import Outcome, assert_same, encode, run

FILE = Path(__file__).parents[1] / "data" / "samples.json"
RECORDED: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def _array(data: Any) -> Any:
    return None if data is None else np.array(data["values"], dtype=data["dtype"]).reshape(data["shape"])


def _written(array: Any) -> Any:
    if array is None:
        return None
    return {"values": array.tolist(), "dtype": array.dtype.name, "shape": list(array.shape)}


@pytest.mark.parametrize("label", RECORDED)
def test_a_recorded_sample_gives_pytorchs_results(label: str) -> None:
    record = RECORDED[label]
    want = Outcome([_array(a) for a in record["outputs"]], [_array(a) for a in record["gradients"]], record["graphs"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_same(run(gradviz_engine, record["name"], record["sample"]), want)


def test_most_core_operators_have_a_recorded_sample() -> None:
    assert len(RECORDED) > 200


def _small(sample: Any, outcome: Outcome) -> bool:
    text = len(json.dumps(sample))
    return text < 5000 and sum(a.size for a in outcome.outputs) < 130


def record() -> None:
    """Write the first small sample of every core operator, with what PyTorch makes of it."""
    import torch
    from torch.testing._internal.common_methods_invocations import op_db

    core = {line for line in FILE.with_name("core_operators.txt").read_text().splitlines() if line and line[0] != "#"}
    found: dict[str, Any] = {}
    for op in op_db:
        label = op.name + (f".{op.variant_test_name}" if op.variant_test_name else "")
        if label not in core or label == "linalg.eigh":
            continue
        for given in op.sample_inputs("cpu", torch.float64, requires_grad=True):
            try:
                sample = {"args": encode((given.input, *given.args)), "options": encode(dict(given.kwargs))}
                outcome = run(torch, op.name, sample)
            except (RuntimeError, TypeError, ValueError, IndexError):
                continue
            if _small(sample, outcome) and any(g is not None for g in outcome.gradients):
                found[label] = {
                    "name": op.name,
                    "sample": sample,
                    "outputs": [_written(a) for a in outcome.outputs],
                    "gradients": [_written(a) for a in outcome.gradients],
                    "graphs": outcome.graphs,
                }
                break
    FILE.write_text(json.dumps(found, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    record()
