"""Backward graphs of well-known networks for the benchmarks, node by node as autograd makes them."""

from __future__ import annotations

import random

import numpy as np

from gradviz.layout import Drawing
from gradviz.projection.text import title_width

CARD, LEAF = 50.0, 84.0
SMALLEST = 132.0


class Graph:
    """A backward graph while it grows, from the inputs on; a result is the number of its node.

    ``split``: does every use of a leaf get a box of its own, as the window shows them?
    """

    def __init__(self, split: bool = True) -> None:
        self.split = split
        self.names: list[str] = []
        self.edges: list[tuple[int, int]] = []
        self._leaves: dict[str, int] = {}

    def op(self, name: str, *inputs: int | str | None) -> int:
        """A node that hands gradients to its inputs: nodes, leaves by name, or None for what needs no gradient."""
        node = self._add(f"{name}Backward0")
        self.edges += [
            (node, self._leaf(each) if isinstance(each, str) else each) for each in inputs if each is not None
        ]
        return node

    def linear(self, x: int | None, name: str) -> int:
        """``addmm(bias, x, weight.t())``."""
        return self.op("Addmm", f"{name}.bias", x, self.op("T", f"{name}.weight"))

    def drawing(self) -> Drawing:
        """The loss first, as a trace has it."""
        last = len(self.names) - 1
        sizes = [
            (max(SMALLEST, 70 + title_width(name)), LEAF if name == "AccumulateGrad" else CARD)
            for name in reversed(self.names)
        ]
        return Drawing.of(sizes, last - np.array(self.edges[::-1]))

    def _leaf(self, name: str) -> int:
        if self.split or name not in self._leaves:
            self._leaves[name] = self._add("AccumulateGrad")
        return self._leaves[name]

    def _add(self, name: str) -> int:
        self.names.append(name)
        return len(self.names) - 1


def rnn(steps: int, split: bool = True) -> Drawing:
    """``h = cell(x, h)``, so many times."""
    graph = Graph(split)
    h: int | None = None
    for _ in range(steps):
        h = graph.op("Tanh", graph.op("Add", graph.linear(None, "ih"), graph.linear(h, "hh")))
    graph.op("Sum", h)
    return graph.drawing()


def lstm(steps: int) -> Drawing:
    """``h, c = cell(x, (h, c))``, so many times."""
    graph = Graph()
    h: int | None = None
    c: int | None = None
    for _ in range(steps):
        gates = graph.op("UnsafeSplit", graph.op("Add", graph.linear(None, "ih"), graph.linear(h, "hh")))
        keep, take, out = (graph.op("Sigmoid", gates) for _ in range(3))
        c = graph.op("Add", graph.op("Mul", keep, c), graph.op("Mul", take, graph.op("Tanh", gates)))
        h = graph.op("Mul", out, graph.op("Tanh", c))
    graph.op("Sum", h)
    return graph.drawing()


def gpt(blocks: int) -> Drawing:
    """A transformer decoder with an approximate GELU, like GPT-2."""
    graph = Graph()
    x = graph.op("Add", graph.op("Embedding", "token"), graph.op("Embedding", "position"))

    def norm(x: int, name: str) -> int:
        return graph.op("NativeLayerNorm", x, f"{name}.weight", f"{name}.bias")

    def linear(x: int, name: str) -> int:
        return graph.op("View", graph.linear(graph.op("View", x), name))

    def head(x: int, turns: int) -> int:
        for name in ["View", *["Transpose"] * turns, "Expand", "Clone", "UnsafeView"]:
            x = graph.op(name, x)
        return x

    for block in range(blocks):
        parts = graph.op("Split", linear(norm(x, f"{block}.1"), f"{block}.qkv"))
        query, key, value = head(parts, 1), head(parts, 2), head(parts, 1)
        weights = graph.op("UnsafeView", graph.op("Bmm", query, key))
        for name in ("Div", "MaskedFill", "Softmax", "Expand", "View"):
            weights = graph.op(name, weights)
        y = graph.op("Bmm", weights, value)
        for name in ("UnsafeView", "Transpose", "Clone", "UnsafeView"):
            y = graph.op(name, y)
        x = graph.op("Add", x, graph.op("Mul", linear(y, f"{block}.out")))
        h = linear(norm(x, f"{block}.2"), f"{block}.in")
        inner = graph.op("Mul", graph.op("Add", h, graph.op("Mul", graph.op("Pow", h))))
        gelu = graph.op("Mul", graph.op("Mul", h), graph.op("Add", graph.op("Tanh", inner)))
        x = graph.op("Add", x, graph.op("Mul", linear(gelu, f"{block}.down")))
    logits = graph.op("Mm", graph.op("View", norm(x, "last")), graph.op("T", "token"))
    graph.op("NllLoss", graph.op("LogSoftmax", graph.op("View", graph.op("UnsafeView", logits))))
    return graph.drawing()


def resnet(depths: tuple[int, ...] = (3, 8, 36, 3)) -> Drawing:
    """A residual network of bottleneck blocks; ResNet-152 by default."""
    graph = Graph()

    def convolved(x: int | None, name: str) -> int:
        return graph.op("NativeBatchNorm", graph.op("Convolution", x, name), f"{name}.weight", f"{name}.bias")

    x = graph.op("MaxPool2DWithIndices", graph.op("Relu", convolved(None, "stem")))
    for stage, depth in enumerate(depths):
        for block in range(depth):
            name = f"{stage}.{block}"
            aside = convolved(x, f"{name}.aside") if block == 0 else x
            inner = graph.op("Relu", convolved(x, f"{name}.1"))
            inner = graph.op("Relu", convolved(inner, f"{name}.2"))
            x = graph.op("Relu", graph.op("Add", convolved(inner, f"{name}.3"), aside))
    graph.op("NllLoss", graph.op("LogSoftmax", graph.linear(graph.op("View", graph.op("Mean", x)), "head")))
    return graph.drawing()


def training(nodes: int, steps: int = 1000) -> Drawing:
    """A training run: so many small graphs of their own, each a chain of layers with some skips."""
    choose = random.Random(0)
    graph = Graph()
    for _ in range(steps):
        end = len(graph.names) + nodes // steps
        x, before = graph.op("View", None), None
        while len(graph.names) < end - 5:
            x, before = graph.op("Relu", graph.linear(x, "layer")), x
            if choose.random() < 0.3:
                x = graph.op("Add", x, before)
        graph.op("MseLoss", x)
    return graph.drawing()
