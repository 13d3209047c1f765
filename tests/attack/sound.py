"""Sound traces to start from: recorded by both ends of the house, with every kind of event in them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from gradviz.trace.base import TraceBase
from gradviz.trace.memory import MemoryTrace
from gradviz.trace.model import Source
from gradviz.trace.writer import TraceWriter
from tests.helpers.forgery import Rows
from tests.helpers.simulator import Simulator
from tests.helpers.synthetic import autograd_basics, training

PROGRAM = """\
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x, big = torch.randn(5, 3), torch.ones(600, 600, requires_grad=True)
for step in range(2):
    optimizer.zero_grad()
    loss = (model(x) ** 2).mean() + (big * 2).sum() * 1e-6
    loss.backward()
    optimizer.step()
    print("step", step, loss.item())
bad = torch.tensor([1.0, float("nan"), float("inf")], requires_grad=True)
(bad * bad).sum().backward()
class Twice(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2
    @staticmethod
    def backward(ctx, grad):
        with torch.enable_grad():
            y = torch.ones(2, requires_grad=True)
            (y * y).sum().backward()
        return grad * 2
z = torch.ones(2, 3, 4, requires_grad=True)
Twice.apply(z.transpose(0, 2)[1] @ z[0].t().reshape(2, 6)).sum().backward()
z.grad.zero_()
raise ValueError("the end")
"""


def sound(folder: Path) -> list[Rows]:
    """The rows of traces that open and show without any objection; made in ``folder``."""
    files = [_written(folder / "basics.gradviz", autograd_basics()), folder / "training.gradviz"]
    with TraceWriter(files[1], program="training.py") as writer:
        training(40, calls=2, leaves=4, sink=writer)
    files += [_written(folder / f"random{seed}.gradviz", Simulator(seed).run(12)) for seed in range(3)]
    files.append(_recorded(folder))
    return [Rows.read(file) for file in files]


def _recorded(folder: Path) -> Path:
    program, trace = folder / "program.py", folder / "program.gradviz"
    program.write_text(PROGRAM)
    command = [sys.executable, "-m", "gradviz", "record", str(program), "-o", str(trace)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if done.returncode != 1 or not done.stderr.rstrip().endswith("ValueError: the end"):
        raise RuntimeError(f"the sound program did not run as it should: {done.stderr}")
    return trace


def _written(path: Path, trace: MemoryTrace) -> Path:
    with TraceWriter(path, program="program.py") as writer:
        _copy(trace, writer)
    return path


def _copy(trace: TraceBase, writer: TraceWriter) -> None:
    assert isinstance(trace, MemoryTrace)
    for source in trace.sources or [Source("program.py", "x = 1\n" * 12)]:
        writer.add_source(source)
    for tensor in range(trace.tensor_count):
        content = trace.array(tensor)
        assert content is not None
        writer.add_tensor(np.asarray(content), trace.tensor(tensor).dtype)
    for node in trace.nodes:
        writer.add_node(node)
    for edge in trace.edges:
        writer.add_edge(edge)
    for value in trace.values:
        writer.add_value(value)
    for event in trace.events:
        writer.emit(event)
