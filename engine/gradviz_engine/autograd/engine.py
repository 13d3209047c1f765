"""Runs a backward pass: dependency counts, the ready queue, input buffers, captures.

Source: torch/csrc/autograd/engine.cpp (``Engine::execute``, ``evaluate_function``, ``validate_outputs``).
One pass is a ``GraphTask``; a backward call made inside a node's backward runs a task of its own to the
end before the outer one goes on, which is PyTorch's rule that deeper tasks run first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gradviz_engine.autograd import observer
from gradviz_engine.autograd.accumulate import LAST, AccumulateGrad
from gradviz_engine.autograd.grad_mode import mode
from gradviz_engine.autograd.node import Edge, GraphRoot, Node
from gradviz_engine.autograd.queue import ReadyQueue
from gradviz_engine.autograd.running import run_node, run_tensor_hooks, validate
from gradviz_engine.ops import reporting

if TYPE_CHECKING:
    from gradviz_engine.tensor import Tensor


restricted: bool = False
"""True while a pass runs that was asked for some inputs only; reentrant checkpointing cannot work in one."""


class Need:
    """What a restricted task (``inputs=``, ``autograd.grad``) wants of a node."""

    __slots__ = ("captures", "needed")

    def __init__(self) -> None:
        self.needed = False
        self.captures: list[tuple[int, int]] = []

    @property
    def runs(self) -> bool:
        return self.needed or bool(self.captures)


class GraphTask:
    """One backward pass over the graph below ``roots``."""

    def __init__(self, roots: Sequence[Edge], keep_graph: bool, create_graph: bool) -> None:
        self.roots = tuple(roots)
        self.keep_graph = keep_graph
        self.create_graph = create_graph
        self.needs: dict[Node, Need] | None = None
        self.captured: dict[int, Tensor | None] = {}
        self.dependencies: dict[Node, int] = {}
        self.buffers: dict[Node, list[Tensor | None]] = {}
        self.owned: set[Node] = set()
        self.queue = ReadyQueue()

    def restrict(self, targets: Sequence[Edge], accumulate: bool) -> None:
        """Run only nodes with a path to ``targets``; run those too (accumulate) or capture what reaches them."""
        needs: dict[Node, Need] = {}
        for index, (node, slot) in enumerate(targets):
            if node is None:
                continue
            need = needs.setdefault(node, Need())
            if accumulate:
                need.needed = True
            else:
                need.captures.append((slot, index))
        self.needs = needs

    def execute(self, gradients: list[Tensor | None]) -> dict[int, Tensor | None]:
        """Run the pass from the roots' gradients; returns what was captured, by position in the targets."""
        gradients = list(validate(self.roots, gradients, None))
        start, slot = self.roots[0]
        buffer: list[Tensor | None] = []
        if start is None or len(self.roots) > 1:
            start = GraphRoot(self.roots, gradients)
        else:
            buffer = [None] * len(start.meta)
            buffer[slot] = gradients[0]
        self.dependencies = count_dependencies(start)
        if self.needs is not None:
            mark_needed(start, self.needs)
        self.buffers[start] = buffer
        self.queue.push(start)
        previous, mode.enabled = mode.enabled, self.create_graph
        try:
            while self.queue:
                node = self.queue.pop()
                self._evaluate(node, self.buffers.pop(node))
        finally:
            mode.enabled = previous
        return self.captured

    def _evaluate(self, node: Node, gradients: list[Tensor | None]) -> None:
        needed = None
        if self.needs is not None:
            need = self.needs.get(node)
            if need is not None and not self._capture(node, need, gradients):
                return
            needed = self._wanted(node)
        if type(node) is AccumulateGrad:
            node.owned = node in self.owned and not node.prehooks and not node.variable._hooks
        watcher = observer.current
        if watcher is not None and type(node) is not GraphRoot:
            self._evaluate_watched(node, gradients, needed, watcher)
            return
        results = run_node(node, gradients, needed)
        if not self.keep_graph:
            node.release()
        if results:
            self._distribute(node, gradients, results, None)

    def _evaluate_watched(
        self, node: Node, gradients: list[Tensor | None], needed: list[bool] | None, watcher: observer.Observer
    ) -> None:
        waiting = {n: self.dependencies[n] for n in self.buffers if n in self.dependencies}
        watcher.node_begin(node, gradients, self.queue.in_order(), waiting)
        token = reporting.derivative_begins()
        try:
            results = run_node(node, gradients, needed)
        finally:
            reporting.derivative_ends(token)
        freed = False if self.keep_graph else node.release()
        self._distribute(node, gradients, results, watcher)
        watcher.node_end(node, freed)

    def _capture(self, node: Node, need: Need, gradients: list[Tensor | None]) -> bool:
        """Keep what was asked for; False if the node itself need not run."""
        if need.captures:
            seen = gradients if need.needed else run_tensor_hooks(node, gradients)
            for slot, index in need.captures:
                self.captured[index] = seen[slot]
        return need.needed

    def _wanted(self, node: Node) -> list[bool]:
        needs = self.needs
        assert needs is not None
        return [target in needs and needs[target].runs for target, _ in node.edges]

    def _distribute(
        self,
        node: Node,
        gradients: list[Tensor | None],
        results: Sequence[Tensor | None],
        watcher: observer.Observer | None,
    ) -> None:
        """Hand each result to the node its edge leads to, in the order of the edges."""
        dependencies, buffers, needs = self.dependencies, self.buffers, self.needs
        for slot, (target, target_slot) in enumerate(node.edges):
            if target is None:
                continue
            left = dependencies[target] - 1
            if left:
                dependencies[target] = left
            else:
                del dependencies[target]
            gradient = results[slot]
            buffer = buffers.get(target)
            if buffer is None:
                if needs is not None and (target not in needs or not needs[target].runs):
                    continue
                buffer = buffers[target] = [None] * len(target.meta)
            if gradient is not None:
                if buffer[target_slot] is not None:
                    self._add(target, buffer, target_slot, gradient)
                else:
                    buffer[target_slot] = gradient
                    if target.sequence == LAST and is_fresh(node, slot, gradients, results):
                        self.owned.add(target)
            if watcher is not None:
                watcher.flow(node, slot, target, target_slot, gradient, buffer[target_slot])
            if not left:
                self.queue.push(target)

    def _add(self, target: Node, buffer: list[Tensor | None], slot: int, gradient: Tensor) -> None:
        """Old + new; the first gradient was moved in. A sum made here is the target's alone."""
        old = buffer[slot]
        assert old is not None
        if mode.enabled:
            buffer[slot] = old + gradient
            self.owned.discard(target)
        else:
            buffer[slot] = old._with_data(np.add(old._data, gradient._data), None)
            self.owned.add(target)


def is_fresh(node: Node, slot: int, gradients: Sequence[Tensor | None], results: Sequence[Tensor | None]) -> bool:
    """True if a result is new memory: not handed through, not given to another edge, seen by no hook."""
    result = results[slot]
    if not node.makes_fresh or node.posthooks is not None or result is None or result._data.base is not None:
        return False
    data = result._data
    for other in gradients:
        if other is not None and other._data is data:
            return False
    for index, other in enumerate(results):
        if index != slot and other is not None and (other._data is data or other._data.base is data):
            return False
    return True


def count_dependencies(start: Node) -> dict[Node, int]:
    """For every node below ``start``, the number of edges that lead to it."""
    counts: dict[Node, int] = {}
    stack = [start]
    while stack:
        for target, _ in stack.pop().edges:
            if target is None:
                continue
            seen = counts.get(target)
            if seen is None:
                counts[target] = 1
                stack.append(target)
            else:
                counts[target] = seen + 1
    return counts


def mark_needed(start: Node, needs: dict[Node, Need]) -> None:
    """Mark every node from which a wanted node can be reached (children first, without recursion)."""
    seen = {start}
    stack: list[tuple[Node, int]] = [(start, 0)]
    while stack:
        node, index = stack.pop()
        edges = node.edges
        while index < len(edges):
            target = edges[index][0]
            index += 1
            if target is not None and target not in seen:
                seen.add(target)
                stack.append((node, index))
                stack.append((target, 0))
                break
        else:
            if any(t is not None and t in needs and needs[t].runs for t, _ in edges):
                needs.setdefault(node, Need()).needed = True
    needs.setdefault(start, Need())


def backward_pass(
    roots: Sequence[Edge],
    tensors: Sequence[Tensor],
    gradients: list[Tensor | None],
    keep_graph: bool,
    create_graph: bool,
    targets: Sequence[Edge] | None = None,
    accumulate: bool = True,
    inputs: Sequence[Tensor] | None = None,
) -> dict[int, Tensor | None]:
    """Run one backward call, alone or inside a node of another."""
    global restricted
    outer, restricted = restricted, targets is not None
    try:
        return _observed_pass(roots, tensors, gradients, keep_graph, create_graph, targets, accumulate, inputs)
    finally:
        restricted = outer


def _observed_pass(
    roots: Sequence[Edge],
    tensors: Sequence[Tensor],
    gradients: list[Tensor | None],
    keep_graph: bool,
    create_graph: bool,
    targets: Sequence[Edge] | None,
    accumulate: bool,
    inputs: Sequence[Tensor] | None,
) -> dict[int, Tensor | None]:
    """Tell the observer when the call begins and how it ends."""
    task = GraphTask(roots, keep_graph, create_graph)
    if targets is not None:
        task.restrict(targets, accumulate)
    watcher = observer.current
    if watcher is None:
        return task.execute(gradients)
    reachable = count_dependencies(GraphRoot.unnumbered(task.roots))
    starts = [(node, slot) for node, slot in roots if node is not None]
    watcher.backward_begin(starts, tensors, gradients, keep_graph, create_graph, inputs, reachable)
    try:
        captured = task.execute(gradients)
    except BaseException as error:
        watcher.backward_end(error)
        raise
    watcher.backward_end(None)
    return captured
