"""The backward calls that run at a moment, and how a node stands in them.

Note [Calls within calls]
A custom function may call ``backward`` while a backward call runs (reentrant checkpointing does), and
both may reach the same node. Each call keeps its own counts, buffers and queue, as in the engine. What
is shown of a node is how it stands in the innermost call that reaches it, so when that call ends, what
the outer call has waiting there comes back into view.

Note [Who is ready]
The engine queues a node when its last dependency is gone, unless the call was told to stop short of it
(``inputs=``, ``autograd.grad``), which counts the dependency down all the same. A trace does not say
which nodes those are, but it says which ones ran: in a call that returned, every queued node has run,
but for the named inputs themselves, whose gradient ``autograd.grad`` takes out of the buffer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from gradviz.replay.index import EventIndex
from gradviz.trace.events import BackwardBegin
from gradviz.trace.model import NodeId, TensorId


class NodeState(IntEnum):
    """Where a node stands in the running backward call, or where the last one that reached it left it."""

    IDLE = 0
    READY = 1
    """All its gradients have arrived; it waits in the queue."""
    RUNNING = 2
    DONE = 3
    FREED = 4
    """It has run, and its saved tensors were let go."""
    RAISED = 5
    """It raised, and the call with it."""


@dataclass(slots=True)
class Frame:
    """A running backward call."""

    begin: BackwardBegin
    open: dict[NodeId, int]
    """The gradients each reached node still waits for; nodes that have begun are no longer counted."""
    reached: frozenset[NodeId]
    buffers: dict[NodeId, dict[int, TensorId]] = field(default_factory=dict)
    """The sums that wait for each node, by slot."""
    queue: set[NodeId] = field(default_factory=set)
    running: set[NodeId] = field(default_factory=set)
    finished: set[NodeId] = field(default_factory=set)


class Calls:
    """Follows the events of backward calls, one after another."""

    def __init__(self, index: EventIndex, targets: Sequence[Sequence[NodeId]]) -> None:
        """``targets[node]``: where the node's edges lead."""
        self._index = index
        self._targets = targets
        self._frames: list[Frame] = []
        self._outcomes: dict[NodeId, NodeState] = {}
        self._freed: set[NodeId] = set()
        """The nodes whose saved tensors are gone, whatever became of them since."""

    # What the events do.

    def begin(self, event: BackwardBegin) -> frozenset[NodeId]:
        """Start a call; the nodes it reaches."""
        counts = dict(event.dependencies) or self._count_dependencies(event)
        for root in event.roots:
            counts.setdefault(root.node, 0)
        frame = Frame(event, counts, frozenset(counts))
        for node in frame.reached:
            # Freed tensors do not come back, and what an outer call has done stays done.
            over = self._outcomes.get(node) in (NodeState.DONE, NodeState.RAISED)
            if over and self._innermost(node) is None:
                self._outcomes[node] = NodeState.FREED if node in self._freed else NodeState.IDLE
        self._frames.append(frame)
        for root in event.roots:
            if root.gradient is not None:
                frame.buffers.setdefault(root.node, {})[root.slot] = root.gradient
            if counts[root.node] == 0:
                self._all_arrived(frame, root.node)
        return frame.reached

    def node_begin(self, call: int, node: NodeId) -> None:
        """A node leaves the queue and takes its buffer along."""
        frame = self._frame(call)
        if frame is None:
            return
        frame.queue.discard(node)
        frame.open.pop(node, None)
        frame.running.add(node)
        frame.buffers.pop(node, None)

    def flow(self, call: int, target: NodeId, slot: int, total: TensorId | None) -> None:
        """A gradient arrives in a buffer, which then holds ``total``, and the target waits for one less."""
        frame = self._frame(call)
        if frame is None:
            return
        if total is not None:
            frame.buffers.setdefault(target, {})[slot] = total
        left = frame.open.get(target, 1) - 1
        frame.open[target] = max(left, 0)
        if left <= 0:
            self._all_arrived(frame, target)

    def node_end(self, call: int, node: NodeId, freed: bool) -> None:
        """A node has run."""
        self._outcomes[node] = NodeState.FREED if freed else NodeState.DONE
        if freed:
            self._freed.add(node)
        frame = self._frame(call)
        if frame is not None:
            frame.running.discard(node)
            frame.finished.add(node)

    def end(self, call: int) -> frozenset[NodeId]:
        """End a call and all that still runs within it; the nodes they reached."""
        frame = self._frame(call)
        left: frozenset[NodeId] = frozenset()
        while frame is not None and frame in self._frames:
            ended = self._frames.pop()
            left |= ended.reached
            if self._index.calls[ended.begin.call].failed:
                self._outcomes.update(dict.fromkeys(ended.running, NodeState.RAISED))
        return left

    # How things stand.

    @property
    def innermost(self) -> int | None:
        """The number of the innermost running call."""
        return self._frames[-1].begin.call if self._frames else None

    def reaching(self, node: NodeId) -> int | None:
        """The number of the innermost running call that reaches the node."""
        frame = self._innermost(node)
        return None if frame is None else frame.begin.call

    def state(self, node: NodeId) -> NodeState:
        """Where the node stands."""
        frame = self._innermost(node)
        if frame is None:
            return self._outcomes.get(node, NodeState.IDLE)
        if any(node in each.running for each in self._frames):
            return NodeState.RUNNING
        if node in frame.queue:
            return NodeState.READY
        return self._outcomes.get(node, NodeState.IDLE) if node in frame.finished else NodeState.IDLE

    def remaining(self, node: NodeId) -> int | None:
        """The gradients the node waits for; None where no call reaches it or it has begun to run."""
        frame = self._innermost(node)
        return None if frame is None else frame.open.get(node)

    def buffer(self, node: NodeId, slot: int) -> TensorId | None:
        """What waits in a node's input buffer."""
        frame = self._innermost(node)
        return None if frame is None else frame.buffers.get(node, {}).get(slot)

    def _innermost(self, node: NodeId) -> Frame | None:
        for frame in reversed(self._frames):
            if node in frame.reached:
                return frame
        return None

    def _frame(self, call: int) -> Frame | None:
        return next((frame for frame in reversed(self._frames) if frame.begin.call == call), None)

    def _all_arrived(self, frame: Frame, node: NodeId) -> None:
        """Queue the node unless the call stops short of it, see Note [Who is ready]."""
        call = self._index.calls[frame.begin.call]
        inputs = frame.begin.inputs
        cut_short = (call.end is None or call.failed) and inputs is None
        key = (call.number, node)
        if cut_short or key in self._index.run_in_call or key in self._index.queued:
            frame.queue.add(node)
        elif inputs is not None and node in inputs:
            frame.finished.add(node)
            self._outcomes.setdefault(node, NodeState.DONE)

    def _count_dependencies(self, event: BackwardBegin) -> dict[NodeId, int]:
        """The edges leading to each node within reach of the roots, for a trace that does not tell."""
        counts = {root.node: 0 for root in event.roots}
        pending = deque(counts)
        while pending:
            for target in self._targets[pending.popleft()]:
                if target not in counts:
                    counts[target] = 0
                    pending.append(target)
                counts[target] += 1
        return counts
