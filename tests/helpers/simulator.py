"""A small autograd engine that makes traces of random programs and remembers the truth at every step.

It runs as PyTorch's engine does (ready queue by depth and sequence number, dependency counts, input
buffers, calls within calls), on tensors that are single numbers. After each event it writes down what
its own structures hold; a playhead has to give the same answers from the trace alone.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

import numpy as np

from gradviz.replay import NodeState
from gradviz.trace.events import (
    Accumulate,
    BackwardBegin,
    BackwardEnd,
    Event,
    Flow,
    GradWrite,
    Mark,
    NodeBegin,
    NodeEnd,
    Op,
    Output,
    Root,
    ValueWrite,
)
from gradviz.trace.memory import MemoryTrace, TraceBuilder
from gradviz.trace.model import Edge, GraphNode, NodeId, NodeKind, TensorId


@dataclass(frozen=True)
class Truth:
    """What holds after a step, for every node, edge, slot and leaf."""

    states: list[NodeState]
    remaining: list[int | None]
    queue: tuple[NodeId, ...]
    created: list[bool]
    edges: list[TensorId | None]
    node_gradients: list[tuple[TensorId | None, ...]]
    buffers: dict[NodeId, TensorId | None]
    grads: dict[NodeId, TensorId | None]
    sums: dict[NodeId, int]
    values: dict[NodeId, TensorId]
    call: int | None
    location: tuple[str, int] | None
    output: list[tuple[str, str]]


@dataclass
class Task:
    """A running backward call, with the names PyTorch's engine has for its parts."""

    call: int
    depth: int
    dependencies: dict[NodeId, int]
    reached: set[NodeId]
    buffers: dict[NodeId, float] = field(default_factory=dict)
    queue: list[NodeId] = field(default_factory=list)
    running: NodeId | None = None
    done: set[NodeId] = field(default_factory=set)


class ProgramError(Exception):
    """What the simulated program raises inside a backward call."""


class Simulator:
    """Builds a trace and ``truth[n]``, what holds at step n of it."""

    def __init__(self, seed: int) -> None:
        self.builder = TraceBuilder()
        self.choose = random.Random(seed)
        self.targets: dict[NodeId, list[NodeId]] = {}
        self.edge_numbers: dict[NodeId, list[int]] = {}
        self.leaves: list[NodeId] = []
        self.tasks: list[Task] = []
        self.outcome: dict[NodeId, NodeState] = {}
        self.freed: set[NodeId] = set()
        self.created: set[NodeId] = set()
        self.edges: list[TensorId | None] = []
        self.node_gradients: dict[NodeId, tuple[TensorId | None, ...]] = {}
        self.grads: dict[NodeId, float | None] = {}
        self.sums: dict[NodeId, int] = {}
        self.values: dict[NodeId, TensorId] = {}
        self.location: tuple[str, int] | None = None
        self.output: list[tuple[str, str]] = []
        self.calls = 0
        self.line = 1
        for _ in range(self.choose.randint(1, 4)):
            self._add_leaf()
        self.truth: list[Truth] = []
        self._remember()

    def tensor(self, number: float) -> TensorId:
        """The tensor that holds ``number``."""
        return self.builder.add_tensor(np.float64(number).reshape(()))

    # The program.

    def run(self, actions: int) -> MemoryTrace:
        """Run a random program of so many statements."""
        kinds = [self.op] * 5 + [self.backward] * 4 + [self.zero, self.assign, self.step, self.say, self.mark]
        for _ in range(actions):
            self.line = self.choose.randint(1, 9)
            self.choose.choice(kinds)()
        return self.builder.finish()

    def _add_leaf(self) -> None:
        node = GraphNode(0, "AccumulateGrad", NodeKind.ACCUMULATE_GRAD, None, f"p{len(self.leaves)}")
        leaf = self.builder.add_node(node)
        self.targets[leaf], self.edge_numbers[leaf] = [], []
        self.leaves.append(leaf)
        self.grads[leaf], self.sums[leaf] = None, 0

    def op(self) -> None:
        """Make one or two nodes over what there is."""
        made = []
        for _ in range(self.choose.randint(1, 2)):
            number = len(self.targets)
            node = self.builder.add_node(GraphNode(0, "F", NodeKind.FUNCTION, number))
            inputs = [self.choose.choice(list(self.targets)) for _ in range(self.choose.randint(1, 3))]
            self.edge_numbers[node] = []
            for slot, target in enumerate(inputs):
                self.edge_numbers[node].append(self.builder.add_edge(Edge(node, slot, target, 0)))
                self.edges.append(None)
            self.targets[node] = inputs
            self.created |= {node, *inputs}
            made.append(node)
        self.emit(Op(step=0, name="f", nodes=tuple(made)))

    def backward(self) -> None:
        """A backward call from a random root; sometimes it fails or stops short at some inputs."""
        roots = [node for node in self.targets if node in self.created and node not in self.leaves]
        if not roots:
            return
        try:
            self._call(self.choose.choice(roots), depth=0)
        except ProgramError:
            assert not self.tasks

    def zero(self) -> None:
        """Zero a gradient, or set it to None."""
        leaf = self.choose.choice(self.leaves)
        after = self.choose.choice([None, 0.0])
        cause = "set_to_none" if after is None else "zero_"
        self._write_grad(leaf, cause, after)

    def assign(self) -> None:
        """Put another gradient in place."""
        leaf = self.choose.choice(self.leaves)
        self._write_grad(leaf, "assign", self.choose.random() + 1)

    def step(self) -> None:
        """An optimizer writes a parameter."""
        leaf = self.choose.choice(self.leaves)
        before, after = self.values.get(leaf), self.tensor(self.choose.random())
        self.values[leaf] = after
        self.emit(ValueWrite(step=0, leaf=leaf, cause="SGD.step", before=before, after=after))

    def say(self) -> None:
        """Print something; the event knows no line."""
        text = f"{self.line}\n"
        self.output.append((text, "stdout"))
        self.emit(Output(step=0, text=text), located=False)

    def mark(self) -> None:
        """Name the moment."""
        self.emit(Mark(step=0, name=f"mark {self.line}"))

    # The engine.

    def _call(self, root: NodeId, depth: int) -> None:
        self.calls += 1
        counts = self._dependencies(root)
        task = Task(self.calls, depth, dict(counts), set(counts))
        retain, inputs, run = self.choose.random() < 0.5, None, task.reached
        if self.choose.random() < 0.2:
            inputs = tuple(leaf for leaf in self.leaves if leaf in counts and self.choose.random() < 0.5)
            run = {node for node in counts if any(leaf in self._reach(node) for leaf in inputs)}
        for node in counts:
            if self.outcome.get(node) in (NodeState.DONE, NodeState.RAISED) and not self._reached(node):
                self.outcome[node] = NodeState.FREED if node in self.freed else NodeState.IDLE
            self.node_gradients.pop(node, None)
            for edge in self.edge_numbers[node]:
                self.edges[edge] = None
        self.tasks.append(task)
        task.buffers[root] = 1.0
        if root in run:
            task.queue.append(root)
        seed = self.tensor(1.0)
        begin = BackwardBegin(
            step=0,
            call=task.call,
            roots=(Root(root, 0, "loss", seed),),
            retain_graph=retain,
            create_graph=False,
            inputs=inputs,
            dependencies=tuple(counts.items()) if self.choose.random() < 0.5 else (),
        )
        self.emit(begin)
        try:
            while task.queue:
                self._run(task, task.queue.pop(0), retain, run, fragile=inputs is None)
        except ProgramError as error:
            self._end(task, str(error))
            if not self.tasks or self.choose.random() < 0.5:
                raise  # else the custom function that made the inner call catches it
        else:
            self._end(task, None)

    def _run(self, task: Task, node: NodeId, retain: bool, run: set[NodeId], fragile: bool) -> None:
        gradient = task.buffers.pop(node)
        del task.dependencies[node]
        task.running = node
        self.node_gradients[node] = (self.tensor(gradient),)
        waiting = tuple(sorted((n, c) for n, c in task.dependencies.items() if n in task.buffers and c))
        self.emit(
            NodeBegin(
                step=0,
                call=task.call,
                node=node,
                grad_outputs=self.node_gradients[node],
                ready=tuple(task.queue),
                dependencies=waiting,
            )
        )
        if fragile and self.choose.random() < (0.2 if task.depth else 0.03):
            raise ProgramError("raised in a custom function")
        if fragile and task.depth < 2 and self.choose.random() < 0.1:
            self._nested(task)
        if node in self.leaves:
            self._accumulate(task, node, gradient)
        for slot, target in enumerate(self.targets[node]):
            self._flow(task, node, slot, target, gradient * 0.5, run)
        task.running = None
        task.done.add(node)
        freed = not retain and node not in self.leaves
        self.outcome[node] = NodeState.FREED if freed else NodeState.DONE
        self.freed |= {node} if freed else set()
        self.emit(NodeEnd(step=0, call=task.call, node=node, freed=freed))

    def _nested(self, task: Task) -> None:
        roots = [node for node in self.targets if node in self.created and node not in self.leaves]
        if roots:
            self._call(self.choose.choice(roots), task.depth + 1)

    def _flow(self, task: Task, node: NodeId, slot: int, target: NodeId, gradient: float, run: set[NodeId]) -> None:
        task.buffers[target] = task.buffers.get(target, 0.0) + gradient
        task.dependencies[target] -= 1
        if task.dependencies[target] == 0 and target in run:
            task.queue.append(target)
            # Leaves go first; ties among them, which PyTorch leaves to its heap, are settled by id here.
            task.queue.sort(key=lambda each: each if each in self.leaves else 10**9 - each)
        flowed = self.tensor(gradient)
        self.edges[self.edge_numbers[node][slot]] = flowed
        self.emit(
            Flow(
                step=0,
                call=task.call,
                source=node,
                slot=slot,
                target=target,
                target_slot=0,
                gradient=flowed,
                total=self.tensor(task.buffers[target]),
            )
        )

    def _accumulate(self, task: Task, leaf: NodeId, incoming: float) -> None:
        before = self.grads[leaf]
        after = incoming if before is None else before + incoming
        self.grads[leaf] = after
        self.sums[leaf] = 1 if before is None else self.sums[leaf] + 1
        self.emit(
            Accumulate(
                step=0,
                call=task.call,
                leaf=leaf,
                before=None if before is None else self.tensor(before),
                incoming=self.tensor(incoming),
                after=self.tensor(after),
                mode="set" if before is None else "added",
            )
        )

    def _end(self, task: Task, error: str | None) -> None:
        assert self.tasks.pop() is task
        if error is not None and task.running is not None:
            self.outcome[task.running] = NodeState.RAISED
        self.emit(BackwardEnd(step=0, call=task.call, error=error))

    def _dependencies(self, root: NodeId) -> dict[NodeId, int]:
        counts = dict.fromkeys(self._reach(root), 0)
        for node in counts:
            for target in self.targets[node]:
                counts[target] += 1
        return counts

    def _reach(self, root: NodeId) -> set[NodeId]:
        reached, pending = {root}, [root]
        while pending:
            for target in self.targets[pending.pop()]:
                if target not in reached:
                    reached.add(target)
                    pending.append(target)
        return reached

    # Writing down what happened, and what holds then.

    def _write_grad(self, leaf: NodeId, cause: str, after: float | None) -> None:
        before = self.grads[leaf]
        self.grads[leaf], self.sums[leaf] = after, 0
        self.emit(
            GradWrite(
                step=0,
                leaf=leaf,
                cause=cause,
                before=None if before is None else self.tensor(before),
                after=None if after is None else self.tensor(after),
            )
        )

    def emit(self, event: Event, located: bool = True) -> None:
        """Append the event at the current line, and write down what holds after it."""
        if located:
            self.location = ("program.py", self.line)
            event = replace(event, file="program.py", line=self.line)
        self.builder.emit(event)
        self._remember()

    def _reached(self, node: NodeId) -> Task | None:
        return next((task for task in reversed(self.tasks) if node in task.reached), None)

    def _state(self, node: NodeId) -> NodeState:
        task = self._reached(node)
        if task is None:
            return self.outcome.get(node, NodeState.IDLE)
        if any(each.running == node for each in self.tasks):
            return NodeState.RUNNING
        if node in task.queue:
            return NodeState.READY
        return self.outcome[node] if node in task.done else NodeState.IDLE

    def _remember(self) -> None:
        nodes = list(self.targets)
        tasks = {node: self._reached(node) for node in nodes}
        waits = {node: task.buffers.get(node) if task else None for node, task in tasks.items()}
        self.truth.append(
            Truth(
                states=[self._state(node) for node in nodes],
                remaining=[task.dependencies.get(n) if (task := tasks[n]) else None for n in nodes],
                queue=tuple(
                    node
                    for task in reversed(self.tasks)
                    for node in task.queue
                    # What an inner call reaches is shown as it stands there, unless it runs outside.
                    if tasks[node] is task and self._state(node) is NodeState.READY
                ),
                created=[node in self.created for node in nodes],
                edges=list(self.edges),
                node_gradients=[self.node_gradients.get(node, ()) for node in nodes],
                buffers={n: None if total is None else self.tensor(total) for n, total in waits.items()},
                grads={n: None if grad is None else self.tensor(grad) for n, grad in self.grads.items()},
                sums=dict(self.sums),
                values=dict(self.values),
                call=self.tasks[-1].call if self.tasks else None,
                location=self.location,
                output=list(self.output),
            )
        )
