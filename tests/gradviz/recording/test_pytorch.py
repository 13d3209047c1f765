"""PyTorch recorded beside the built-in engine: the same program, the same trace."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradviz import resources
from gradviz.recording.program import Program
from gradviz.recording.run import run
from gradviz.recording.session import RecordError
from gradviz.trace import events as ev
from gradviz.trace.model import NodeKind
from gradviz.trace.reader import Trace
from gradviz.trace.to_json import Jsonifier

has_torch = find_spec("torch") is not None

PROGRAMS = {
    "training": """
torch.manual_seed(1)
model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
x, y = torch.randn(5, 3), torch.randn(5, 1)
for epoch in range(3):
    optimizer.zero_grad()
    loss = torch.nn.functional.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()
    print(f"{loss.item():.4f}")
""",
    "shared": """
w = torch.ones(2, 2, requires_grad=True)
x = torch.full((1, 2), 0.5, requires_grad=True)
h = x
for _ in range(3):
    h = torch.tanh(h @ w)
(h * x).sum().backward()
""",
    "many leaves": """
leaves = [torch.full((2,), float(i), requires_grad=True) for i in range(17)]
torch.stack(leaves).sum().backward()
""",
    "grad": """
x = torch.tensor([1.0, 2.0], requires_grad=True)
y = torch.tensor([3.0, 4.0], requires_grad=True)
z = (x * y).exp().sum()
(g,) = torch.autograd.grad(z, [x], retain_graph=True)
z.backward(inputs=[y])
print(g, x.grad, y.grad)
""",
    "several roots": """
x = torch.tensor([1.0, 2.0], requires_grad=True)
a = (x * x).sum()
b = x.exp().sum()
torch.autograd.backward([a, b])
""",
    "custom": """
class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * 2 * x

x = torch.tensor([1.0, 2.0], requires_grad=True)
Square.apply(x).sum().backward()
""",
    "writes": """
w = torch.ones(2, 2, requires_grad=True)
(w * w).sum().backward()
w.grad.mul_(2)
w.grad[1].zero_()
with torch.no_grad():
    w -= 0.1 * w.grad
    w.copy_(torch.zeros(2, 2))
w.grad = None
(w * w).sum().backward()
w.grad = torch.zeros(2, 2)
torch.optim.SGD([w], lr=0.5).step()
""",
    "again": """
x = torch.tensor([1.0, 2.0], requires_grad=True)
y = x.exp()
y.sum().backward()
y.sum().backward()
""",
    "in place": """
x = torch.tensor([1.0, 2.0], requires_grad=True)
y = x + 1
y.add_(x)
y.add_(1)
y.sum().backward()
""",
}


def recorded(program: Program, path: Path, backend: Any) -> Trace:
    run(program, path, backend=backend)
    return Trace.open(path)


def both(text: str, folder: Path) -> tuple[Trace, Trace]:
    program = Program("import torch\n" + text, "p.py", file=folder / "p.py")
    return (
        recorded(program, folder / "numpy.gradviz", "numpy"),
        recorded(program, folder / "pytorch.gradviz", "pytorch"),
    )


class Told:
    """A trace's events as JSON, with each distinct tensor content under a letter of its own."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.tensors: list[np.ndarray[Any, Any]] = []
        self.events = [self._plain(json.loads(json.dumps(e))) for e in self._events(trace)]

    def _events(self, trace: Trace) -> list[dict[str, Any]]:
        jsonifier = Jsonifier(trace, values=True)
        return [jsonifier.event(event) for event in trace.events]

    def _plain(self, value: Any) -> Any:
        if isinstance(value, dict) and "values" in value and "norm" in value:
            self.tensors.append(np.array(value["values"], dtype=np.float64))
            return value["dtype"], tuple(value["shape"])
        if isinstance(value, dict):
            return {key: self._plain(entry) for key, entry in value.items() if key != "traceback"}
        return [self._plain(entry) for entry in value] if isinstance(value, list) else value


def nodes(trace: Trace) -> list[tuple[Any, ...]]:
    first = min((node.sequence_nr for node in trace.nodes if node.sequence_nr is not None), default=0)
    return [
        (
            n.id, n.name, n.kind, None if n.sequence_nr is None else n.sequence_nr - first, n.label, n.shape,
            n.dtype, n.file, n.line, n.scope,
        )
        for n in trace.nodes
    ]  # fmt: skip


def assert_alike(engine: Trace, pytorch: Trace) -> None:
    assert nodes(engine) == nodes(pytorch)
    assert engine.edges == pytorch.edges
    ours, theirs = Told(engine), Told(pytorch)
    assert ours.events == theirs.events
    assert len(ours.tensors) == len(theirs.tensors)
    for mine, real in zip(ours.tensors, theirs.tensors, strict=True):
        np.testing.assert_allclose(mine, real, rtol=2e-5, atol=1e-6)


@pytest.mark.pytorch
@pytest.mark.skipif(not has_torch, reason="PyTorch is not installed")
@pytest.mark.parametrize("name", PROGRAMS)
def test_both_backends_tell_the_same(tmp_path: Path, name: str) -> None:
    assert_alike(*both(PROGRAMS[name], tmp_path))


@pytest.mark.pytorch
@pytest.mark.skipif(not has_torch, reason="PyTorch is not installed")
def test_the_example_is_the_same_in_both(tmp_path: Path) -> None:
    program = Program.load(resources.path("examples", "autograd_basics.ipynb"))
    quiet = Program(program.text.replace("print(z.grad_fn)", "").replace("print(loss.grad_fn)", ""), program.name, program.cells, program.file)  # fmt: skip  # noqa: E501
    engine = recorded(quiet, tmp_path / "numpy.gradviz", "numpy")
    pytorch = recorded(quiet, tmp_path / "pytorch.gradviz", "pytorch")
    assert (engine.backend, pytorch.backend) == ("numpy", "pytorch")
    assert_alike(engine, pytorch)


@pytest.mark.pytorch
@pytest.mark.skipif(not has_torch, reason="PyTorch is not installed")
class TestPyTorchAlone:
    """What only PyTorch can do, and what a recording must not do to it."""

    def test_recording_changes_no_number_and_leaves_nothing_behind(self, tmp_path: Path) -> None:
        import torch

        def train() -> list[list[float]]:
            torch.manual_seed(3)
            model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
            optimizer = torch.optim.Adam(model.parameters())
            for _ in range(3):
                optimizer.zero_grad()
                model(torch.randn(6, 4)).square().mean().backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), 0.1)
                optimizer.step()
            return [p.flatten().tolist() for p in model.parameters()]

        import gradviz

        before = train()
        engine = torch.autograd._engine_run_backward
        with gradviz.record(tmp_path / "t.gradviz"):
            during = train()
        assert before == during
        assert torch.autograd._engine_run_backward is engine
        assert train() == before
        trace = gradviz.load(tmp_path / "t.gradviz")
        assert trace.backend == "pytorch"
        causes = [e.cause for e in trace.events if isinstance(e, (ev.GradWrite, ev.ValueWrite))]
        one = ["clip_grad_norm_"] * 4 + ["Adam.step"] * 4
        assert causes == one + (["set_to_none"] * 4 + one) * 2
        assert [trace.nodes[leaf].label for leaf in trace.leaves] == ["0.weight", "0.bias", "2.weight", "2.bias"]

    def test_sums_in_a_buffer_are_what_the_node_gets(self, tmp_path: Path) -> None:
        program = Program(
            "import torch\nx = torch.randn(8, requires_grad=True)\n"
            "sum((x * i).sin() for i in range(50)).sum().backward()\n",
            "p.py",
        )
        trace = recorded(program, tmp_path / "t.gradviz", "pytorch")
        totals: dict[tuple[int, int], Any] = {}
        checked = 0
        for event in trace.events:
            if isinstance(event, ev.Flow):
                totals[event.target, event.target_slot] = event.total
            elif isinstance(event, ev.NodeBegin):
                for slot, tensor in enumerate(event.grad_outputs):
                    if (event.node, slot) in totals:
                        assert totals[event.node, slot] == tensor  # equal content has one id
                        checked += 1
            elif isinstance(event, ev.Accumulate) and event.before is not None:
                before, incoming = trace.array(event.before), trace.array(event.incoming)
                assert before is not None
                np.testing.assert_array_equal(before + incoming, trace.array(event.after))
        assert checked > 100

    def test_checkpointing_runs_a_call_inside_a_call(self, tmp_path: Path) -> None:
        program = Program(
            "import torch\nfrom torch.utils.checkpoint import checkpoint\n"
            "x = torch.ones(2, requires_grad=True)\n"
            "checkpoint(lambda t: (t * 2).exp(), x, use_reentrant=True).sum().backward()\n",
            "p.py",
        )
        trace = recorded(program, tmp_path / "t.gradviz", "pytorch")
        calls = [(e.kind, e.call) for e in trace.events if isinstance(e, (ev.BackwardBegin, ev.BackwardEnd))]
        assert calls == [("backward_begin", 1), ("backward_begin", 2), ("backward_end", 2), ("backward_end", 1)]
        assert any(node.kind is NodeKind.CUSTOM for node in trace.nodes)

    def test_odd_tensors_are_recorded(self, tmp_path: Path) -> None:
        program = Program(
            "import torch\n"
            "x = torch.ones(2, dtype=torch.bfloat16, requires_grad=True)\n(x * 2).sum().backward()\n"
            "c = torch.ones(2, dtype=torch.complex64, requires_grad=True)\n(c * 2).abs().sum().backward()\n"
            "e = torch.nn.Embedding(4, 2, sparse=True)\ne(torch.tensor([1])).sum().backward()\n",
            "p.py",
        )
        trace = recorded(program, tmp_path / "t.gradviz", "pytorch")
        assert [event for event in trace.events if isinstance(event, ev.Error)] == []
        sums = [event for event in trace.events if isinstance(event, ev.Accumulate)]
        assert [trace.tensor(event.after).dtype for event in sums] == ["bfloat16", "complex64", "float32"]
        last = trace.array(sums[-1].after)
        assert last is not None
        assert last.tolist() == [[0, 0], [1, 1], [0, 0], [0, 0]]

    def test_a_hook_that_takes_the_gradient_away_is_no_trouble(self, tmp_path: Path) -> None:
        program = Program(
            "import torch\nw = torch.ones(2, requires_grad=True)\n"
            "def step_at_once(p):\n    p.grad = None\n"
            "w.register_post_accumulate_grad_hook(step_at_once)\n(w * 3).sum().backward()\n",
            "p.py",
        )
        trace = recorded(program, tmp_path / "t.gradviz", "pytorch")
        assert [event for event in trace.events if isinstance(event, ev.Error)] == []
        (event,) = (event for event in trace.events if isinstance(event, ev.Accumulate))
        after = trace.array(event.after)
        assert after is not None
        assert after.tolist() == [3, 3]


@pytest.mark.skipif(has_torch, reason="PyTorch is installed")
def test_without_pytorch_one_line_says_so(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="PyTorch is not installed"):
        recorded(Program("pass", "p.py"), tmp_path / "t.gradviz", "pytorch")
    assert not (tmp_path / "t.gradviz").exists()
