"""What the inspector tells of: which node, its neighbours, and the events that touched it. Without Qt."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gradviz.replay import NodeState, Playhead
from gradviz.replay.index import index_of
from gradviz.trace.events import (
    Accumulate,
    BackwardBegin,
    Event,
    Flow,
    GradWrite,
    NodeBegin,
    NodeEnd,
    Op,
    ValueWrite,
)
from gradviz.trace.model import NodeId
from gradviz.trace.protocol import TraceLike

LOOK_BACK = 64
"""How many events back the last one about a node is looked for."""

Steps = NDArray[np.int64]


def node_of(event: Event | None) -> NodeId | None:
    """The node an event is about: the one that runs, was made, or is the root; the leaf that is written."""
    match event:
        case NodeBegin() | NodeEnd():
            return event.node
        case Accumulate() | GradWrite() | ValueWrite():
            return event.leaf
        case BackwardBegin(roots=(root, *_)):
            return root.node
        case Op(nodes=(*_, made)):
            return made
        case _:
            return None


def followed_node(playhead: Playhead) -> NodeId | None:
    """The node to tell of where none is selected: the one that runs, else the last one an event was about."""
    node = node_of(playhead.event)
    if node is not None:
        return node
    running = np.flatnonzero(playhead.node_states == NodeState.RUNNING)
    if len(running):
        return int(running[-1])
    events = playhead.trace.events
    recent = (node_of(events[step - 1]) for step in range(playhead.step, max(playhead.step - LOOK_BACK, 0), -1))
    return next((node for node in recent if node is not None), None)


def node_steps(trace: TraceLike, node: NodeId) -> Steps:
    """The steps at which a node ran."""
    return np.array(index_of(trace).runs.get(node, ()), np.int64)


def leaf_steps(trace: TraceLike, leaf: NodeId) -> Steps:
    """The steps at which a leaf's ``.grad`` was set, added to or written, or its value was."""
    index = index_of(trace)
    return np.array(sorted([*index.grad_events.get(leaf, ()), *index.value_events.get(leaf, ())]), np.int64)


def edge_steps(trace: TraceLike, edge: int) -> Steps:
    """The steps at which a gradient went along an edge."""
    wanted = trace.edges[edge]
    flows = trace.columns(Flow)
    found: Steps = flows.step[(flows.source == wanted.source) & (flows.slot == wanted.slot)].astype(np.int64)
    return found
