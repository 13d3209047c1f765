"""Misuses and their messages: 203 cases, with the error and the warnings PyTorch 2.13.0 gave.

``data/errors.json`` holds them and, for the cases that differ here, the reason.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import warnings
from pathlib import Path
from typing import Any

import pytest

from gradviz.recording.alias import engine_as_torch

DATA = json.loads((Path(__file__).parent / "data" / "errors.json").read_text(encoding="utf-8"))
CASES: dict[str, dict[str, Any]] = DATA["cases"]
DIFFERENCES: dict[str, str] = DATA["differences"]

PRELUDE = """
import torch, warnings, torch.nn.functional as F
from torch.autograd import Function
torch.manual_seed(0)
def leaf(*s, dtype=torch.float32): return torch.rand(*s, dtype=dtype, requires_grad=True)
G = torch.autograd.grad
class Sq(Function):
    @staticmethod
    def forward(ctx, x): ctx.save_for_backward(x); return x * x
    @staticmethod
    def backward(ctx, g): return 2 * ctx.saved_tensors[0] * g
"""


def plain(text: str | None) -> str | None:
    """Without what differs between machines: addresses, places in source files, tracebacks."""
    if text is None:
        return None
    text = re.sub(r" \(Triggered internally at [^)]*\)", "", text)
    text = re.sub(r"0x[0-9a-f]+", "0x...", text)
    return re.sub(r"(Traceback of forward call that caused the error:\n).*", r"\1...", text, flags=re.DOTALL)


def outcome(code: str) -> dict[str, Any]:
    """Error type and message, warnings and output of a piece of code."""
    found: dict[str, Any] = {"type": None, "message": None}
    out = io.StringIO()
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(out):
        warnings.simplefilter("always")
        names: dict[str, Any] = {}
        exec(PRELUDE, names)
        try:
            exec(code, names)
        except Exception as error:
            found["type"], found["message"] = type(error).__name__, plain(str(error))
        finally:
            names["torch"].autograd.set_detect_anomaly(False)
    found["warnings"] = [plain(f"{w.category.__name__}: {w.message}") for w in caught]
    found["stdout"] = out.getvalue().strip()
    return found


def expected(name: str) -> dict[str, Any]:
    case = CASES[name]
    return {
        "type": case["type"],
        "message": plain(case["message"]),
        "warnings": [plain(w) for w in case.get("warnings", [])],
        "stdout": case.get("stdout", ""),
    }


@pytest.mark.parametrize("name", [n for n in CASES if n not in DIFFERENCES])
def test_a_misuse_is_answered_as_pytorch_does(name: str) -> None:
    with engine_as_torch():
        assert outcome(CASES[name]["code"]) == expected(name)


@pytest.mark.parametrize("name", DIFFERENCES)
def test_a_known_difference_is_still_one(name: str) -> None:
    """A difference that is gone has to leave the list."""
    with engine_as_torch():
        assert outcome(CASES[name]["code"]) != expected(name)


def test_most_cases_agree() -> None:
    assert len(CASES) - len(DIFFERENCES) >= 180
