"""Traces made without a recorder: the autograd basics notebook by hand, and training runs of any size.

They are what the tests and benchmarks of replay, layout and the window start from.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradviz.trace.events import (
    Accumulate,
    BackwardBegin,
    BackwardEnd,
    Flow,
    GradWrite,
    NodeBegin,
    NodeEnd,
    Op,
    Output,
    Root,
    ValueWrite,
)
from gradviz.trace.memory import MemoryTrace, TraceBuilder
from gradviz.trace.model import (
    Cell,
    Edge,
    GraphNode,
    NodeId,
    NodeKind,
    Saved,
    Source,
    TensorId,
    Value,
    ValueId,
)
from gradviz.trace.protocol import TraceSink

Array = NDArray[np.floating[Any]]

BASICS = """\
import torch

x = torch.ones(5)
y = torch.zeros(3)
w = torch.randn(5, 3, requires_grad=True)
b = torch.randn(3, requires_grad=True)
z = torch.matmul(x, w) + b
loss = torch.nn.functional.binary_cross_entropy_with_logits(z, y)

print(z.grad_fn)
print(loss.grad_fn)

loss.backward()
print(w.grad)
print(b.grad)

inp = torch.eye(4, 5, requires_grad=True)
out = (inp + 1).pow(2).t()
out.backward(torch.ones_like(out), retain_graph=True)
print(inp.grad)
out.backward(torch.ones_like(out), retain_graph=True)
print(inp.grad)
inp.grad.zero_()
out.backward(torch.ones_like(out), retain_graph=True)
print(inp.grad)
"""
"""The program that ``autograd_basics`` is the trace of (without the notebook's ``no_grad`` step)."""

TRAINING = """\
for epoch in range(n):
    loss = model(x).sum()
    loss.backward()
    sgd.step()
    sgd.zero_grad()
"""
"""The program that ``training`` stands for."""


@dataclass
class Scribe:
    """Writes events the way PyTorch's engine causes them: ready queue, dependency counts, input buffers.

    Gradients are given by the caller (``gradients[node]``: one array for each edge of the node).
    """

    sink: TraceSink
    file: str
    edges: dict[NodeId, list[tuple[NodeId, int]]] = field(default_factory=dict)
    sequence: dict[NodeId, int] = field(default_factory=dict)
    leaf: dict[NodeId, Array | None] = field(default_factory=dict)
    calls: int = 0

    def node(
        self,
        name: str,
        inputs: Sequence[NodeId] = (),
        *,
        shape: tuple[int, ...],
        line: int | None = None,
        scope: str = "",
        saved: tuple[Saved, ...] = (),
        formula: tuple[str, ...] = (),
    ) -> NodeId:
        """Add a function node; ``inputs`` are the targets of its edges in slot order."""
        number = len(self.sequence)
        node = self.sink.add_node(
            GraphNode(
                0,
                name,
                NodeKind.FUNCTION,
                number,
                None,
                shape,
                "float32",
                self.file,
                line,
                scope,
                saved,
                formula,
            )
        )
        self.sequence[node] = number
        self.edges[node] = [(target, 0) for target in inputs]
        for slot, target in enumerate(inputs):
            self.sink.add_edge(Edge(node, slot, target, 0))
        return node

    def parameter(self, label: str, shape: tuple[int, ...], line: int | None = None, scope: str = "") -> NodeId:
        """Add a leaf's AccumulateGrad node."""
        node = self.sink.add_node(
            GraphNode(
                0,
                "AccumulateGrad",
                NodeKind.ACCUMULATE_GRAD,
                None,
                label,
                shape,
                "float32",
                self.file,
                line,
                scope,
            )
        )
        self.edges[node] = []
        self.leaf[node] = None
        return node

    def backward(
        self,
        root: NodeId,
        seed: Array,
        gradients: Mapping[NodeId, Sequence[Array]],
        *,
        line: int,
        label: str | None = None,
        retain_graph: bool = False,
    ) -> None:
        """One ``backward()`` call from ``root``."""
        self.calls += 1
        call = self.calls
        at: dict[str, Any] = {"file": self.file, "line": line}
        counts = self._dependencies(root)
        first = self.sink.add_tensor(seed)
        self.sink.emit(
            BackwardBegin(
                call=call,
                roots=(Root(root, 0, label, first),),
                retain_graph=retain_graph,
                create_graph=False,
                dependencies=tuple(sorted(counts.items())),
                **at,
            )
        )
        buffers: dict[NodeId, Array] = {root: seed}
        queue = [(self._priority(root), root)]
        while queue:
            _, node = heapq.heappop(queue)
            incoming = buffers.pop(node)
            grad_outputs = (self.sink.add_tensor(incoming),)
            self.sink.emit(
                NodeBegin(
                    call=call,
                    node=node,
                    grad_outputs=grad_outputs,
                    ready=tuple(waiting for _, waiting in sorted(queue)),
                    dependencies=tuple((n, counts[n]) for n in sorted(buffers) if counts.get(n)),
                    **at,
                )
            )
            if node in self.leaf:
                self._accumulate(call, node, incoming, grad_outputs[0], line)
            for slot, (target, target_slot) in enumerate(self.edges[node]):
                gradient = gradients[node][slot]
                total = buffers[target] + gradient if target in buffers else gradient
                buffers[target] = total
                self.sink.emit(
                    Flow(
                        call=call,
                        source=node,
                        slot=slot,
                        target=target,
                        target_slot=target_slot,
                        gradient=self.sink.add_tensor(gradient),
                        total=self.sink.add_tensor(total),
                        **at,
                    )
                )
                counts[target] -= 1
                if counts[target] == 0:
                    heapq.heappush(queue, (self._priority(target), target))
            freed = not retain_graph and node not in self.leaf
            self.sink.emit(NodeEnd(call=call, node=node, freed=freed, **at))
        self.sink.emit(BackwardEnd(call=call, **at))

    def write_grad(self, leaf: NodeId, cause: str, after: Array | None, line: int) -> None:
        """The program sets or zeroes a leaf's ``.grad``."""
        before = self.leaf[leaf]
        self.leaf[leaf] = after
        self.sink.emit(
            GradWrite(
                leaf=leaf,
                cause=cause,
                before=self._keep(before),
                after=self._keep(after),
                file=self.file,
                line=line,
            )
        )

    def _accumulate(self, call: int, leaf: NodeId, incoming: Array, tensor: TensorId, line: int) -> None:
        before = self.leaf[leaf]
        after = incoming if before is None else before + incoming
        self.leaf[leaf] = after
        self.sink.emit(
            Accumulate(
                call=call,
                leaf=leaf,
                before=self._keep(before),
                incoming=tensor,
                after=self.sink.add_tensor(after),
                mode="set" if before is None else "added",
                file=self.file,
                line=line,
            )
        )

    def _keep(self, array: Array | None) -> TensorId | None:
        return None if array is None else self.sink.add_tensor(array)

    def _priority(self, node: NodeId) -> int:
        return -(2**64) if node in self.leaf else -self.sequence[node]

    def _dependencies(self, root: NodeId) -> dict[NodeId, int]:
        counts: dict[NodeId, int] = {root: 0}
        stack = [root]
        while stack:
            for target, _ in self.edges[stack.pop()]:
                if target not in counts:
                    counts[target] = 0
                    stack.append(target)
                counts[target] += 1
        return counts


def autograd_basics() -> MemoryTrace:
    """The trace of ``BASICS``: six and four nodes, four backward calls, the numbers computed here."""
    builder = TraceBuilder(program="autograd_basics.py")
    scribe = Scribe(builder, "autograd_basics.py")
    file = scribe.file
    builder.add_source(Source(file, BASICS, (Cell(file, 1),)))
    rng = np.random.default_rng(0)
    w, b = rng.standard_normal((5, 3), np.float32), rng.standard_normal(3, np.float32)
    x, y = np.ones(5, np.float32), np.zeros(3, np.float32)
    product = x @ w
    z = product + b
    sigmoid = (1 / (1 + np.exp(-z))).astype(np.float32)
    loss = np.asarray(np.mean(np.log1p(np.exp(z)) - z * y), np.float32)

    def value(label: str | None, array: Array, node: NodeId | None) -> ValueId:
        kept = builder.add_tensor(array)
        return builder.add_value(Value(0, label, array.shape, "float32", kept, node))

    def op(name: str, line: int, nodes: tuple[NodeId, ...], inputs: tuple[ValueId, ...], output: ValueId) -> None:
        builder.emit(Op(name=name, nodes=nodes, inputs=inputs, outputs=(output,), file=file, line=line))

    def printed(text: str, line: int) -> None:
        builder.emit(Output(text=text, file=file, line=line))

    acc_w = scribe.parameter("w", (5, 3), line=7)
    mm = scribe.node(
        "MmBackward0",
        (acc_w,),
        shape=(1, 3),
        line=7,
        saved=(Saved("self", builder.add_tensor(x.reshape(1, 5))),),
        formula=("selfᵀ @ grad",),
    )
    squeeze = scribe.node("SqueezeBackward4", (mm,), shape=(3,), line=7, saved=(Saved("dim", None, 0),))
    product_value = value(None, product, squeeze)
    op("matmul", 7, (mm, squeeze), (value("x", x, None), value("w", w, acc_w)), product_value)
    acc_b = scribe.parameter("b", (3,), line=7)
    add = scribe.node("AddBackward0", (squeeze, acc_b), shape=(3,), line=7, formula=("grad", "grad"))
    z_value = value("z", z, add)
    op("add", 7, (add,), (product_value, value("b", b, acc_b)), z_value)
    bce = scribe.node(
        "BinaryCrossEntropyWithLogitsBackward0",
        (add,),
        shape=(),
        line=8,
        saved=(Saved("self", builder.add_tensor(z)), Saved("target", builder.add_tensor(y))),
        formula=("grad · (sigmoid(self) - target) / numel",),
    )
    loss_value = value("loss", loss, bce)
    op("binary_cross_entropy_with_logits", 8, (bce,), (z_value, value("y", y, None)), loss_value)
    printed("<AddBackward0 object at 0x7f3d2c1b0a90>\n", 10)
    printed("<BinaryCrossEntropyWithLogitsBackward0 object at 0x7f3d2c1b0a90>\n", 11)
    grad_z = ((sigmoid - y) / 3).astype(np.float32)
    row = grad_z.reshape(1, 3)
    grad_w = x.reshape(5, 1) @ row
    seed = np.ones((), np.float32)
    scribe.backward(
        bce,
        seed,
        {bce: [grad_z], add: [grad_z, grad_z], squeeze: [row], mm: [grad_w]},
        line=13,
        label="loss",
    )
    printed(f"{grad_w}\n", 14)
    printed(f"{grad_z}\n", 15)

    inp = np.eye(4, 5, dtype=np.float32)
    acc_inp = scribe.parameter("inp", (4, 5), line=18)
    plus = scribe.node("AddBackward0", (acc_inp,), shape=(4, 5), line=18, formula=("grad",))
    plus_value = value(None, inp + 1, plus)
    op("add", 18, (plus,), (value("inp", inp, acc_inp),), plus_value)
    power = scribe.node(
        "PowBackward0",
        (plus,),
        shape=(4, 5),
        line=18,
        saved=(Saved("self", builder.add_tensor(inp + 1)), Saved("exponent", None, 2)),
        formula=("grad · exponent · self^(exponent - 1)",),
    )
    power_value = value(None, (inp + 1) ** 2, power)
    op("pow", 18, (power,), (plus_value,), power_value)
    turn = scribe.node("TBackward0", (power,), shape=(5, 4), line=18, formula=("gradᵀ",))
    op("t", 18, (turn,), (power_value,), value("out", ((inp + 1) ** 2).T, turn))
    ones, back = np.ones((5, 4), np.float32), np.ones((4, 5), np.float32)
    slope = 2 * (inp + 1)
    for line in (19, 21, 24):
        if line == 24:
            scribe.write_grad(acc_inp, "zero_", np.zeros((4, 5), np.float32), line=23)
        gradients = {turn: [back], power: [slope], plus: [slope]}
        scribe.backward(turn, ones, gradients, line=line, label="out", retain_graph=True)
        printed(f"{scribe.leaf[acc_inp]}\n", line + 1)
    return builder.finish()


def training(
    nodes: int = 10_000, calls: int = 4, leaves: int = 40, seed: int = 0, sink: TraceSink | None = None
) -> MemoryTrace | None:
    """A training run with ``nodes`` nodes in all: each of ``calls`` iterations builds a graph of branches
    and joins over the same leaves, runs backward, steps the optimizer and zeroes the gradients.

    Written into ``sink``, or into a new ``MemoryTrace``, which is returned.
    """
    builder = None if sink else TraceBuilder(program="training.py")
    target = sink or builder
    assert target is not None
    file = "training.py"
    target.add_source(Source(file, TRAINING, (Cell(file, 1),)))
    scribe = Scribe(target, file)
    choose = random.Random(seed)
    numbers = np.random.default_rng(seed)
    parameters = [scribe.parameter(f"layers.{i}.weight", (2, 3), line=2) for i in range(min(leaves, nodes // 2))]
    weights = {leaf: numbers.standard_normal((2, 3), np.float32) for leaf in parameters}
    each, rest = divmod(nodes - len(parameters), calls)
    for call in range(calls):
        made = _forward(scribe, parameters, each + (call < rest), choose)
        gradients = {node: [numbers.standard_normal((2, 3), np.float32) for _ in scribe.edges[node]] for node in made}
        scribe.backward(made[-1], np.ones((2, 3), np.float32), gradients, line=3, label="loss")
        for leaf in parameters:
            before = weights[leaf]
            gradient = scribe.leaf[leaf]
            if gradient is None:
                continue
            weights[leaf] = after = before - np.float32(0.01) * gradient
            target.emit(
                ValueWrite(
                    leaf=leaf,
                    cause="SGD.step",
                    before=target.add_tensor(before),
                    after=target.add_tensor(after),
                    file=file,
                    line=4,
                )
            )
        for leaf in parameters:
            scribe.write_grad(leaf, "set_to_none", None, line=5)
    return builder.finish() if builder else None


def _forward(scribe: Scribe, leaves: Sequence[NodeId], count: int, choose: random.Random) -> list[NodeId]:
    """``count`` nodes over ``leaves``, every one of them reachable from the last."""
    open_ends = list(leaves)
    made: list[NodeId] = []
    while len(made) < count:
        left = count - len(made)
        joining = len(open_ends) > left or (len(open_ends) > 1 and choose.random() < 0.2)
        inputs = [open_ends.pop(choose.randrange(len(open_ends)))]
        while joining and len(open_ends) and (len(inputs) < 2 or len(open_ends) + 1 > left):
            inputs.append(open_ends.pop(choose.randrange(len(open_ends))))
        name = "AddBackward0" if len(inputs) > 1 else choose.choice(("TanhBackward0", "MulBackward0", "ReluBackward0"))
        node = scribe.node(name, inputs, shape=(2, 3), line=2, scope=f"layers.{len(made) % 12}")
        scribe.sink.emit(Op(name=name.removesuffix("Backward0").lower(), nodes=(node,), file=scribe.file, line=2))
        made.append(node)
        open_ends.append(node)
        if left > len(open_ends) + 1 and choose.random() < 0.2:
            open_ends.append(node)  # a second consumer
    return made
