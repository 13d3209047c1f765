"""What an observer hears of a program: each operation once, each backward call from begin to end."""

from __future__ import annotations

from typing import Any

import pytest

import gradviz_engine as torch
from gradviz_engine.autograd.observer import Observer, cause, observing


class Diary(Observer):
    """Writes everything down in a few words."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def op(self, name: str, nodes: Any, inputs: Any, outputs: Any) -> None:
        self.lines.append(f"op {name} {' '.join(n.name() for n in nodes)}".rstrip())

    def backward_begin(self, roots: Any, tensors: Any, gradients: Any, retain_graph: Any, *rest: Any) -> None:
        self.lines.append(f"begin {[n.name() for n, _ in roots]} retain={retain_graph}")

    def node_begin(self, node: Any, gradients: Any, ready: Any, waiting: Any) -> None:
        self.lines.append(f"run {node.name()} ready={len(ready)} waiting={list(waiting.values())}")

    def flow(self, source: Any, slot: int, target: Any, target_slot: int, gradient: Any, total: Any) -> None:
        self.lines.append(f"flow {slot} {gradient.tolist()} total {total.tolist()}")

    def node_end(self, node: Any, freed: bool) -> None:
        self.lines.append(f"end freed={freed}")

    def before_accumulate(self, node: Any, variable: Any, incoming: Any) -> None:
        self.lines.append(f"before {None if variable._grad is None else variable._grad.tolist()}")

    def after_accumulate(self, node: Any, variable: Any, incoming: Any) -> None:
        self.lines.append(f"after {variable._grad.tolist()}")

    def backward_end(self, error: Any) -> None:
        self.lines.append(f"done {error!r}")

    def before_write(self, tensor: Any, cause: str) -> None:
        self.lines.append(f"write {cause} {tensor.tolist()}")

    def after_write(self, tensor: Any, cause: str) -> None:
        self.lines.append(f"wrote {tensor.tolist()}")

    def grad_assigned(self, variable: Any, before: Any, after: Any, cause: str) -> None:
        self.lines.append(f"grad {cause}")


def test_a_backward_call_is_told_step_by_step() -> None:
    x = torch.tensor([2.0], requires_grad=True)
    with observing(Diary()) as diary:
        y = x * x
        y.backward()
    assert diary.lines == [
        "op mul MulBackward0",
        "begin ['MulBackward0'] retain=False",
        "run MulBackward0 ready=0 waiting=[]",
        "flow 0 [2.0] total [2.0]",
        "flow 1 [2.0] total [4.0]",
        "end freed=True",
        "run torch::autograd::AccumulateGrad ready=0 waiting=[]",
        "before None",
        "after [4.0]",
        "end freed=False",
        "done None",
    ]


def test_a_composite_is_one_operation_with_all_its_nodes() -> None:
    x, w = torch.ones(5), torch.ones(5, 3, requires_grad=True)
    with observing(Diary()) as diary:
        torch.matmul(x, w)
    assert diary.lines == ["op matmul MmBackward0 SqueezeBackward4"]


def test_operations_that_leave_the_graph_alone_are_told_too() -> None:
    x = torch.ones(2, requires_grad=True)
    with observing(Diary()) as diary:
        x.detach()
        with torch.no_grad():
            x * 2
        torch.ones(2) * 2
    assert diary.lines == ["op detach", "op mul"]


def test_writes_carry_their_cause() -> None:
    x = torch.tensor([2.0], requires_grad=True)
    (x * 3).backward()
    with observing(Diary()) as diary, torch.no_grad():
        x.grad.zero_()
        with cause("SGD.step"):
            x.sub_(1.0)
        x.grad = None
    assert [line for line in diary.lines if not line.startswith("op")] == [
        "write zero_ [3.0]",
        "wrote [0.0]",
        "write SGD.step [2.0]",
        "wrote [1.0]",
        "grad set_to_none",
    ]


def test_an_error_inside_a_backward_is_reported_and_raised() -> None:
    class Fails(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            raise KeyError("k")

    y = Fails.apply(torch.ones(1, requires_grad=True))
    with observing(Diary()) as diary, pytest.raises(KeyError):
        y.backward()
    assert diary.lines[-1] == "done KeyError('k')"


def test_derivatives_are_no_operations_of_the_program_unless_they_make_a_graph() -> None:
    x = torch.tensor([2.0], requires_grad=True)
    with observing(Diary()) as diary:
        y = x.exp()
        torch.autograd.grad(y, x, retain_graph=True)
        torch.autograd.grad(y, x, create_graph=True)
    assert [line for line in diary.lines if line.startswith("op")] == ["op exp ExpBackward0", "op mul MulBackward0"]
