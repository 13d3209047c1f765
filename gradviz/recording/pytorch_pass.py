"""What PyTorch's engine keeps to itself during a backward call, worked out from what its hooks tell.

Hooks say when a node runs and what it computed. The ready queue, the open dependency counts and the input
buffers follow from that by the engine's rules (torch/csrc/autograd/engine.cpp), which the built-in engine
shares. Nothing here imports PyTorch; nodes are anything with ``next_functions``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gradviz.recording.guard import entry
from gradviz.recording.recorder import Recorder
from gradviz_engine.autograd.queue import ReadyQueue

Edge = tuple[Any, int]


class _Entry:
    """A node as the ready queue wants it."""

    __slots__ = ("node", "sequence")

    def __init__(self, node: Any, sequence: int) -> None:
        self.node = node
        self.sequence = sequence


class Pass:
    """One backward call, followed from outside.

    ``gradients`` are those the call starts with; ``sequence`` gives the number a node is queued by; ``targets``
    are the tensors of ``inputs=``, where the call has some, and ``leads_to(node, tensor)`` tells whether a node
    is the one that a tensor's gradient goes to; ``has_numbers`` whether a tensor can be added to. Gradients of
    the engine's are copied where they have to be kept: it adds in place to those that nobody else holds.
    """

    def __init__(
        self,
        roots: Sequence[Edge],
        gradients: Sequence[Any],
        sequence: Callable[[Any], int],
        targets: Sequence[Any] | None,
        leads_to: Callable[[Any, Any], bool],
        has_numbers: Callable[[Any], bool],
    ) -> None:
        self.roots = roots
        self.has_numbers = has_numbers
        self.nodes = reachable([node for node, _ in roots])
        self.dependencies = count_dependencies(self.nodes, roots)
        self._sequence = sequence
        self._wanted: set[Any] | None = None
        if targets is not None:
            ends = {node for node in self.nodes if any(leads_to(node, target) for target in targets)}
            self._wanted = leading_to(self.nodes, ends)
        self._left = dict(self.dependencies)
        self._buffers: dict[Any, dict[int, Any]] = {}
        self._queue = ReadyQueue()
        for (node, slot), gradient in zip(roots, gradients, strict=True):
            self._arrive(node, slot, gradient)

    def begin(self, node: Any) -> tuple[list[Any], dict[Any, int]]:
        """``node`` runs: what waits in the queue behind it, and the counts still open."""
        while len(self._queue) and self._queue.pop().node is not node:  # type: ignore[attr-defined]
            continue  # captured by autograd.grad: it left the queue and did not run
        self._buffers.pop(node, None)
        ready = [entry.node for entry in self._queue.in_order()]  # type: ignore[attr-defined]
        return ready, {other: self._left[other] for other in self._buffers if self._left.get(other)}

    def flow(self, target: Any, slot: int, gradient: Any | None) -> tuple[bool, Any | None]:
        """A gradient goes to ``target``: whether the engine takes it, and the buffer's sum after it."""
        if self._wanted is not None and target not in self._wanted:
            self._left[target] -= 1
            return False, None
        return True, self._arrive(target, slot, gradient)

    def _arrive(self, target: Any, slot: int, gradient: Any | None) -> Any | None:
        """Add to the target's buffer, and queue it once nothing more is to come; the sum so far."""
        self._left[target] -= 1
        buffer = self._buffers.setdefault(target, {})
        total = buffer.get(slot)
        if gradient is not None and self.has_numbers(gradient):
            total = gradient if total is None else total + gradient
        if self._left[target] == 0:
            self._queue.push(_Entry(target, self._sequence(target)))  # type: ignore[arg-type]
        elif total is not None:
            buffer[slot] = total.clone() if gradient is not None and total is gradient else total
        return total


def reachable(roots: Sequence[Any]) -> list[Any]:
    """Every node below the roots, once."""
    found = dict.fromkeys(roots)
    stack = list(found)
    while stack:
        for node, _ in stack.pop().next_functions:
            if node is not None and node not in found:
                found[node] = None
                stack.append(node)
    return list(found)


def count_dependencies(nodes: Sequence[Any], roots: Sequence[Edge]) -> dict[Any, int]:
    """For every node the edges that lead to it; a root has one more, from outside."""
    counts = dict.fromkeys(nodes, 0)
    for node, _ in roots:
        counts[node] += 1
    for source in nodes:
        for node, _ in source.next_functions:
            if node is not None:
                counts[node] += 1
    return counts


def leading_to(nodes: Sequence[Any], targets: set[Any]) -> set[Any]:
    """The nodes from which a target can be reached, targets included."""
    consumers: Mapping[Any, list[Any]] = {node: [] for node in nodes}
    for source in nodes:
        for node, _ in source.next_functions:
            if node is not None:
                consumers[node].append(source)
    found = {node for node in nodes if node in targets}
    stack = list(found)
    while stack:
        for source in consumers[stack.pop()]:
            if source not in found:
                found.add(source)
                stack.append(source)
    return found


class NodeHooks:
    """The two hooks of one node during one call."""

    def __init__(
        self,
        recorder: Recorder,
        node: Any,
        following: Pass,
        frees: bool,
    ) -> None:
        self.guard = recorder.guard
        self._recorder = recorder
        self._node = node
        self._following = following
        self._frees = frees

    @entry("a node that ran")
    def before(self, gradients: Sequence[Any]) -> None:
        """The node's prehook: it runs next."""
        ready, waiting = self._following.begin(self._node)
        self._recorder.node_begin(self._node, gradients, ready, waiting)

    @entry("a node that ran")
    def after(self, results: Sequence[Any], gradients: Sequence[Any]) -> None:
        """The node's hook: ``results`` go along its edges."""
        for slot, (target, target_slot) in enumerate(self._node.next_functions):
            if target is None:
                continue
            gradient = results[slot]
            taken, total = self._following.flow(target, target_slot, gradient)
            if taken:
                self._recorder.flow(self._node, slot, target, target_slot, gradient, total)
        self._recorder.node_end(self._node, self._frees)


class LeafHooks(NodeHooks):
    """An AccumulateGrad's hooks: between them ``.grad`` is set or added to.

    Nothing of the program's is held from one to the other: AccumulateGrad takes a gradient over, or copies
    it, by its reference count.
    """

    _arrives = False
    _copies: tuple[Any, Any] | None = None

    @entry("an accumulation")
    def before(self, gradients: Sequence[Any]) -> None:
        """``.grad`` is changed in place, and a hook of the program's may take it away: then it is copied."""
        super().before(gradients)
        incoming = gradients[0]
        self._arrives = incoming is not None
        if incoming is not None:
            variable = self._node.variable
            if variable._post_accumulate_grad_hooks and self._following.has_numbers(incoming):
                self._copies = None if variable.grad is None else variable.grad.clone(), incoming.clone()
            self._recorder.before_accumulate(self._node, variable, incoming)

    @entry("an accumulation")
    def after(self, results: Sequence[Any], gradients: Sequence[Any]) -> None:
        """Where a hook took ``.grad`` away already, the sum is made here."""
        copies, self._copies = self._copies, None
        if self._arrives:
            variable = self._node.variable
            total = None
            if variable.grad is None and copies is not None:
                old, incoming = copies
                total = incoming if old is None else old + incoming
            self._recorder.after_accumulate(self._node, variable, None, total)
        super().after(results, gradients)
