"""The names of backward calls, against programs that were really run."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradviz.replay.index import index_of
from gradviz.replay.naming import call_name
from recorded import recorded

START = """\
import torch
w = torch.ones(3, requires_grad=True)
x = torch.ones(3, requires_grad=True)
loss = (w * x).sum()
other = (w + x).sum()
"""
INNER = """\
class Inner(torch.autograd.Function):
    @staticmethod
    def forward(ctx, value):
        return value.clone()

    @staticmethod
    def backward(ctx, grad):
        with torch.enable_grad():
            part = (torch.ones(3, requires_grad=True) ** 2).sum()
        part.backward()
        return grad

loss = Inner.apply(w).sum()
loss.backward()
"""


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("loss.backward()", ["loss.backward()"]),
        ("loss.backward(retain_graph=True)\nloss.backward()", ["loss.backward()", "loss.backward()"]),
        ("torch.autograd.backward([loss, other])", ["backward(loss, other)"]),
        ("torch.autograd.grad(loss, w)", ["grad(loss)"]),
        ("loss.backward(inputs=[w])", ["loss.backward()"]),
        ("torch.autograd.grad([loss, other], [w, x])", ["grad(loss, other)"]),
        ("(w * x).sum().backward()", ["backward()"]),
        (INNER, ["loss.backward()", "part.backward()"]),
    ],
)
def test_calls_are_called_as_the_program_wrote_them(tmp_path: Path, text: str, names: list[str]) -> None:
    trace = recorded(tmp_path, START + text)
    assert [call_name(trace, number) for number in sorted(index_of(trace).calls)] == names


def test_a_call_for_inputs_that_raised_may_have_been_either(tmp_path: Path) -> None:
    trace = recorded(tmp_path, START + "loss.backward()\ntorch.autograd.grad(loss, w)\n")
    assert [call_name(trace, number) for number in sorted(index_of(trace).calls)] == ["loss.backward()", "loss"]


def test_a_call_within_a_call_knows_its_parent(tmp_path: Path) -> None:
    calls = index_of(recorded(tmp_path, START + INNER)).calls
    assert [(call.parent, call.depth, call.failed) for call in calls.values()] == [(None, 0, False), (1, 1, False)]
