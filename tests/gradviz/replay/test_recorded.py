"""The playhead on recordings of the built-in engine: it must show the queue and the counts the engine had."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradviz
import gradviz_engine as torch
from gradviz import resources
from gradviz.replay import NodeState, Playhead
from gradviz.trace.events import BackwardBegin, NodeBegin


def residual() -> None:
    x = torch.randn(4, requires_grad=True)
    y = x.exp() + x.sin() * x
    for _ in range(3):
        y = (y * x).tanh() + y
    y.sum().backward()


def shared_leaves() -> None:
    w = [torch.randn(3, 3, requires_grad=True) for _ in range(6)]
    product = w[0]
    for weight in w:
        product = product @ weight + weight
    product.sum().backward(retain_graph=True)
    product.mean().backward()


def only_some_inputs() -> None:
    x, y = torch.randn(3, requires_grad=True), torch.randn(3, requires_grad=True)
    z = (x * y).sin() + y.cos()
    torch.autograd.grad(z.sum(), x, retain_graph=True)
    z.sum().backward(inputs=[y])


def calls_within_calls() -> None:
    class Checkpoint(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):  # type: ignore[no-untyped-def]
            ctx.save_for_backward(x)
            return x.detach().exp()

        @staticmethod
        def backward(ctx, grad):  # type: ignore[no-untyped-def]
            (x,) = ctx.saved_tensors
            with torch.enable_grad():
                inner = x.detach().requires_grad_()
                y = (inner * weight).exp()
            y.backward(grad)
            return inner.grad

    weight = torch.ones(3, requires_grad=True)
    x = torch.randn(3, requires_grad=True)
    (Checkpoint.apply(x * weight) + weight).sum().backward()


@pytest.mark.parametrize("program", [residual, shared_leaves, only_some_inputs, calls_within_calls])
def test_queue_and_counts_are_the_engines(program: object, tmp_path: Path) -> None:
    path = tmp_path / "run.gradviz"
    with gradviz.record(path, backend="numpy"):
        program()  # type: ignore[operator]
    with gradviz.load(path) as trace:
        playhead = Playhead(trace)
        began = [event for event in trace.events if isinstance(event, NodeBegin)]
        assert began
        for event in began:
            playhead.seek(event.step)
            own = [node for node in playhead.ready_queue if node in event.ready]
            assert own == list(event.ready)
            assert {node: playhead.remaining(node) for node, _ in event.dependencies} == dict(event.dependencies)
            assert playhead.node_state(event.node) == NodeState.RUNNING
        playhead.seek(len(trace.events))
        assert not set(playhead.node_states) & {NodeState.READY, NodeState.RUNNING}


def test_the_example_ends_with_its_first_graph_freed_where_it_saved_tensors() -> None:
    with gradviz.load(resources.path("examples", "autograd_basics.gradviz")) as trace:
        playhead = Playhead(trace, len(trace.events))
        begins = [event for event in trace.events if isinstance(event, BackwardBegin)]
        assert [begin.call for begin in begins] == [1, 2, 3, 4]
        states = {node.name: playhead.node_state(node.id) for node in trace.nodes[:6]}
        assert states["BinaryCrossEntropyWithLogitsBackward0"] == NodeState.FREED
        assert states["MmBackward0"] == NodeState.FREED
        assert [playhead.leaf(leaf).sums for leaf in trace.leaves] == [1, 1, 1]
