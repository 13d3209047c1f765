"""Both backends tell of a program in the same words: operations, causes, nodes, saved fields, kinds of events."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from gradviz.recording.program import Program
from gradviz.recording.run import run
from gradviz.recording.values import plain
from gradviz.trace import events as ev
from gradviz.trace.reader import Trace

START = """
import torch, torch.nn as nn, torch.nn.functional as F
torch.manual_seed(0)
x = torch.rand(3, 4, requires_grad=True)
"""

PROGRAMS = {
    "arithmetic": """
y = 2 / x; y = 2 - y; y = 2 * y; y = 2 + y; y = y - 1; y = y / 2; y = y**2; y = 2**y; y = -y; y = y.square()
y = y @ y.T; y = y % 3; y = abs(y); y = 1 - y + y * y
y.sum().backward()
""",
    "activations": """
y = F.relu(x); y = torch.relu(y); y = y.relu(); y = nn.ReLU()(y); y = F.gelu(y); y = nn.Tanh()(y)
y = F.softmax(y, -1); y = y.softmax(1); y = torch.sigmoid(y); y = F.leaky_relu(y); y = F.dropout(y)
y = F.log_softmax(y, 1); y = nn.SiLU()(y); y = nn.ELU()(y); y = F.softplus(y); y = F.elu_(y * 1)
y.sum().backward()
""",
    "layers": """
m = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4), nn.ReLU())
y = F.layer_norm(m(x), (4,))
y = nn.BatchNorm1d(4)(y) + nn.Embedding(5, 4)(torch.tensor([1, 2, 3]))
y.mean().backward()
m.zero_grad()
""",
    "losses": """
t = torch.rand(3, 4)
classes = torch.tensor([0, 1, 2])
F.mse_loss(x, t).backward(); F.l1_loss(x, t).backward(); F.binary_cross_entropy(x, t).backward()
F.cross_entropy(x, classes).backward(); F.smooth_l1_loss(x, t).backward(); nn.MSELoss()(x, t).backward()
F.nll_loss(x, classes).backward(); F.binary_cross_entropy_with_logits(x, t).backward()
F.huber_loss(x, t).backward()
""",
    "shapes": """
y = x.reshape(2, 6); y = y.view(3, 4); y = y.flatten(); y = y.unflatten(0, (3, 4)); y = y.T; y = y.t()
y = y.transpose(0, 1); y = y.permute(1, 0); y = y.contiguous(); y = y.unsqueeze(0); y = y.squeeze(0); y = y[0]
y = y[1:]; y = torch.cat([y, y]); y = torch.stack([y, y]); a, b = y.chunk(2); a = a.expand(2, -1)
a = a.repeat(1, 2); c, d = a.split(1); c = torch.flatten(c); c = c.clone(); e = c.detach(); c = c.narrow(0, 0, 2)
c = c.view_as(c); c = c.roll(1)
c.sum().backward()
""",
    "writes": """
w = torch.zeros(3, requires_grad=True)
(w * 2).sum().backward()
w.grad[0] = 5
w.grad.zero_()
with torch.no_grad():
    w[...] = 1
    w[0] = 2.0
    w -= 0.1
    w.copy_(torch.ones(3))
    w.fill_(3.0)
w.data = torch.ones(3)
w.data.mul_(2)
w.data = torch.ones(1, 3)
w.grad = None
y = w * 1
y += 1
y *= w
y.relu_()
y.sum().backward()
""",
    "an operation without derivative": """
y = x * 2 + x // 2 + 2 // x + torch.floor_divide(x, 2)
y.sum().backward()
""",
    "a step that raises": """
w = nn.Parameter(torch.ones(2))
(w * 2).sum().backward()
o = torch.optim.SGD([w], lr=0.1)
def closure():
    raise ValueError
try:
    o.step(closure)
except ValueError:
    pass
with torch.no_grad():
    w.fill_(3.0)
    w + 1
w.data = torch.ones(2)
w.grad.mul_(2)
o.step()
""",
    "training": """
m = nn.Linear(4, 2)
for kind in (torch.optim.SGD, torch.optim.Adam, torch.optim.RMSprop, torch.optim.AdamW, torch.optim.Adagrad):
    o = kind(m.parameters(), lr=0.1)
    o.zero_grad()
    m(x).sum().backward()
    nn.utils.clip_grad_norm_(m.parameters(), 1.0)
    nn.utils.clip_grad_value_(m.parameters(), 0.1)
    o.step()
    m.zero_grad(set_to_none=False)
    o.zero_grad(set_to_none=False)
    m.zero_grad()
""",
    "initialisation": """
w = nn.Parameter(torch.empty(4, 4))
for fill in (nn.init.xavier_uniform_, nn.init.xavier_normal_, nn.init.kaiming_uniform_, nn.init.kaiming_normal_,
             nn.init.zeros_, nn.init.ones_, nn.init.uniform_, nn.init.normal_):
    fill(w)
nn.init.constant_(w, 1.0)
""",
    "recurrent": """
for kind in (nn.LSTM, nn.GRU, nn.RNN):
    y, _ = kind(4, 4)(x)
    y.sum().backward()
h = nn.GRUCell(4, 4)(x)
h = nn.LSTMCell(4, 4)(h)[0]
nn.RNNCell(4, 4)(h).sum().backward()
""",
    "attention": """
y, _ = nn.MultiheadAttention(4, 2)(x[:, None], x[:, None], x[:, None])
y.sum().backward()
F.scaled_dot_product_attention(x[None], x[None], x[None]).sum().backward()
nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)(x[None]).sum().backward()
""",
    "images": """
c = nn.Conv1d(3, 2, 2)
y = nn.Flatten()(nn.AdaptiveAvgPool1d(1)(F.max_pool1d(c(x[None]), 2)))
y.norm().backward()
F.avg_pool1d(F.conv1d(x[None], c.weight), 2).std().backward()
F.interpolate(x[None], scale_factor=2).sum().backward()
F.pad(x, (1, 1)).sum().backward()
x.gather(0, torch.tensor([[0]])).sum().backward()
""",
    "reductions": """
y = x.sum(1) + x.mean(1) + x.max(1)[0] + x.amax(1) + x.std(1) + x.var(1) + x.prod(1) + x.logsumexp(1)
y = y + x.norm(dim=1) + x.cumsum(1)[:, 0] + torch.einsum('ij,ij->i', x, x) + x.clamp(0, 1)[:, 0]
y = y + torch.where(x > 0, x, -x)[:, 0] + torch.maximum(x, x * 2)[:, 0] + x.min() + x.max() + x.sort()[0][:, 0]
y = y + x.topk(2)[0][:, 0] + x.masked_fill(x > 0.5, 0)[:, 0] + torch.dot(x[0], x[1]) + torch.linalg.norm(x)
y = y + x.trace() + x.diag().sum() + x.tril().sum() + x.exp()[:, 0] + x.log()[:, 0] + x.sqrt()[:, 0]
y = y + torch.outer(x[0], x[0]).sum() + x.mm(x.t()).sum() + torch.bmm(x[None], x.t()[None]).sum()
y.sum().backward()
z = x.double().float().half().to(torch.float32).type(torch.float64)
""",
}

OTHER_FIELDS = {
    "MkldnnRnnLayerBackward0": "PyTorch keeps its library's settings and workspace, the engine its gates and cells",
    "ToCopyBackward0": "the engine keeps the dtype it came from; PyTorch has that in the node's metadata",
    "UpsampleNearest1DBackward0": "PyTorch keeps the scale, the engine what it works with",
}
"""Nodes whose saved fields differ, and why."""

WRAPPED = ("dim", "dim0", "dim1", "end")
"""Fields that the engine keeps counted from the front; PyTorch as the program gave them."""


def recorded(text: str, folder: Path, backend: Any) -> Trace:
    path = folder / f"{backend}.gradviz"
    run(Program(START + text, "p.py", file=folder / "p.py"), path, backend=backend)
    return Trace.open(path)


def told(trace: Trace) -> list[tuple[Any, ...]]:
    """What the events say in words."""
    lines: list[tuple[Any, ...]] = []
    for event in trace.events:
        if isinstance(event, ev.Op):
            lines.append(("op", event.name, [trace.nodes[node].name for node in event.nodes], event.line))
        elif isinstance(event, (ev.GradWrite, ev.ValueWrite)):
            lines.append((event.kind, event.cause, trace.nodes[event.leaf].label, event.line))
        elif isinstance(event, ev.NodeBegin):
            lines.append((event.kind, trace.nodes[event.node].name))
        else:
            lines.append((event.kind, event.line))
    return lines


def fields(trace: Trace) -> list[tuple[str, dict[str, Any]]]:
    """Each node's saved fields: their numbers, or that there is a tensor; 0, nothing and an empty list are alike."""
    return [
        (
            node.name,
            {
                saved.name: "a tensor" if saved.tensor is not None else saved.value or None
                for saved in node.saved
                if saved.name not in WRAPPED
            },
        )
        for node in trace.nodes
        if node.name not in OTHER_FIELDS
    ]


@pytest.mark.pytorch
@pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("name", PROGRAMS)
def test_operations_causes_nodes_and_fields_have_the_same_names(tmp_path: Path, name: str) -> None:
    ours, theirs = (recorded(PROGRAMS[name], tmp_path, backend) for backend in ("numpy", "pytorch"))
    assert len(told(theirs)) > 3
    assert told(ours) == told(theirs)
    assert fields(ours) == fields(theirs)


def test_negative_numbers_that_come_unsigned_are_negative() -> None:
    assert plain(2**64 - 1) == -1
    assert plain([2**64 - 2, 3]) == [-2, 3]
    assert plain(2**63 - 1) == 2**63 - 1
    assert plain(True) is True
    assert plain((1.5, None, "a")) == [1.5, None, "a"]
