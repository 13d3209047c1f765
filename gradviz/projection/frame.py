"""What a scene looks like at a step: states, widths and words, kept up to date move by move.

A move of one step touches only what it changed, however large the graph is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from math import isfinite, log10, prod

import numpy as np
from numpy.typing import NDArray

from gradviz.projection.cards import ENGLISH, Card, Words, card, just_zeroed
from gradviz.projection.diagram import BoxKind
from gradviz.projection.scene import Scene
from gradviz.replay import NodeState
from gradviz.replay.index import index_of
from gradviz.replay.playhead import Change, Playhead
from gradviz.trace.events import Accumulate, Flow, GradWrite, NodeBegin, Op
from gradviz.trace.model import NodeId, TensorId
from gradviz.trace.numbers import norm_text, number_text, shape_text
from gradviz.trace.protocol import TraceLike


class LinkState(IntEnum):
    """What a link has carried."""

    EMPTY = 0
    """No gradient yet; in the forward pass, no tensor yet."""
    PAST = 1
    """A gradient, in a call whose saved tensors are gone."""
    CARRIED = 2
    """A gradient of the running or last call."""
    ACTIVE = 3
    """The gradient that flows, or that the running node was given, right now."""


@dataclass(frozen=True, slots=True)
class Dirty:
    """What must be painted again after a move; everything, if so set."""

    boxes: frozenset[int] = frozenset()
    links: frozenset[int] = frozenset()
    everything: bool = False


@dataclass(frozen=True, slots=True)
class Caption:
    """The text above a root: its tensor's name, and the gradient its call was started with.

    ``gradient`` is empty before the first call, and for a scalar that started from 1. ``now``: the
    step shown lies in such a call.
    """

    box: int
    name: str
    gradient: str
    now: bool


# The order in which states of several nodes win for the one box that stands for them.
_BY_WEIGHT = np.array(
    [NodeState.IDLE, NodeState.DONE, NodeState.FREED, NodeState.READY, NodeState.RUNNING, NodeState.RAISED], np.uint8
)
_WEIGHT = np.argsort(_BY_WEIGHT).astype(np.uint8)


class Frame:
    """A scene where a playhead stands. ``update`` follows the playhead.

    ``states``: the `NodeState` of every box. ``present``: has the program made what the box stands for?
    ``links``: the `LinkState` of every link.
    """

    def __init__(self, scene: Scene, playhead: Playhead, words: Words = ENGLISH) -> None:
        self.scene = scene
        self.playhead = playhead
        self.words = words
        counts = [len(box.nodes) for box in scene.boxes]
        self._members = np.array([node for box in scene.boxes for node in box.nodes], np.intp)
        self._owners = np.repeat(np.arange(len(counts)), counts)
        self._forward = scene.kinds >= BoxKind.OPERATION
        self._steps = np.array([box.step for box in scene.boxes], np.int64)
        self._edges = np.array([link.edge for link in scene.diagram.links], np.intp)
        self._roots = [index for index, box in enumerate(scene.boxes) if box.root]
        self._box_of_step = {box.step: index for index, box in enumerate(scene.boxes) if box.kind is BoxKind.OPERATION}
        self._copies = [index for index, box in enumerate(scene.boxes) if box.copies > 1]
        self._call: int | None = None
        self._cards: dict[int, Card] = {}
        self._widths: dict[int, float] = {}
        self._active: frozenset[int] = frozenset()
        self._running: frozenset[int] = frozenset()
        self._told: frozenset[int] = frozenset()
        """The boxes whose card tells of the present event itself: a sum, or that a gradient was taken away."""
        self._captions: list[Caption] = []
        self.states: NDArray[np.uint8] = np.zeros(len(counts), np.uint8)
        self.present: NDArray[np.bool_] = np.zeros(len(counts), np.bool_)
        self.links: NDArray[np.uint8] = np.zeros(len(scene.sources), np.uint8)
        self._refresh()

    @property
    def trace(self) -> TraceLike:
        return self.playhead.trace

    # Questions

    @property
    def running(self) -> frozenset[int]:
        """The boxes of what runs at this step, and the operation that has just run."""
        return self._running

    @property
    def zeroed(self) -> frozenset[int]:
        """The boxes of the leaf whose ``.grad`` was emptied by the event of this step."""
        leaf = just_zeroed(self.playhead)
        return frozenset() if leaf is None else frozenset(self.scene.boxes_of_node.get(leaf, ()))

    @property
    def active(self) -> frozenset[int]:
        """The links whose gradient flows, or was given to the running node, right now."""
        return self._active

    @property
    def captions(self) -> list[Caption]:
        """The texts above the roots."""
        return self._captions

    def card(self, box: int) -> Card:
        """What is written on a box."""
        found = self._cards.get(box)
        if found is None:
            state = NodeState(int(self.states[box]))
            found = self._cards[box] = card(self.scene.boxes[box], state, self.playhead, self.words)
        return found

    def width(self, link: int) -> float:
        """How wide a link is: by the logarithm of its gradient's norm, from 1 to 5."""
        found = self._widths.get(link)
        if found is None:
            gradient = self.gradient(link)
            found = self._widths[link] = 1.2 if gradient is None else norm_width(self.trace.tensor(gradient).norm)
        return found

    def gradient(self, link: int) -> TensorId | None:
        """The gradient that went along a link last; in the forward pass, its tensor."""
        edge = int(self._edges[link])
        if edge >= 0:
            return self.playhead.edge_gradient(edge)
        value = self.scene.diagram.links[link].value
        return None if value is None else self.trace.values[value].tensor

    def broken(self, link: int) -> bool:
        """Does the gradient on a link hold nan or infinite numbers?"""
        gradient = self.gradient(link)
        if gradient is None or self._edges[link] < 0:
            return False
        info = self.trace.tensor(gradient)
        return bool(info.nan or info.inf)

    def label(self, link: int) -> str:
        """The text at a link: the shape and norm of its gradient; empty where there is none."""
        gradient = self.gradient(link)
        if gradient is None:
            return ""
        info = self.trace.tensor(gradient)
        sign = "g" if self._edges[link] >= 0 else "x"
        return f"{shape_text(info.shape)}  ‖{sign}‖ {norm_text(info.norm)}"

    # Moves

    def update(self, change: Change) -> Dirty:
        """Follow the playhead, which has moved; tell what to paint again."""
        if change.everything or self._program_moved(change):
            self._refresh()
            return Dirty(everything=True)
        boxes = {box for node in change.nodes for box in self.scene.boxes_of_node.get(node, ())}
        boxes |= {box for leaf in change.leaves for box in self.scene.boxes_of_node.get(leaf, ())}
        links = {self.scene.link_of_edge[edge] for edge in change.edges if edge in self.scene.link_of_edge}
        if self._call != self.playhead.call:  # copies of a leaf take part in some calls and not in others
            self._call = self.playhead.call
            boxes.update(self._copies)
        for box in boxes:
            self._update_box(box)
            links.update(self.scene.links_of_box[box])
        running, active = self._running, self._active
        self._find_running()
        boxes |= running ^ self._running
        links |= active ^ self._active
        told, self._told = self._told, self._told_of()
        boxes |= told | self._told
        for box in (running ^ self._running) | told | self._told:
            self._update_box(box)
        for link in links:
            self._widths.pop(link, None)
        self._update_links(np.fromiter(links, np.intp, len(links)))
        boxes |= self._find_captions()
        return Dirty(frozenset(boxes), frozenset(links))

    def _told_of(self) -> frozenset[int]:
        event = self.playhead.event
        if not isinstance(event, Accumulate | GradWrite):
            return frozenset()
        return frozenset(self.scene.boxes_of_node.get(event.leaf, ()))

    def _program_moved(self, change: Change) -> bool:
        """Did operations run between the two steps? The playhead does not name those that made no node."""
        if not self._forward.any():
            return False
        low, high = sorted((change.old, change.new))
        steps = self._steps[self._forward]
        return bool(((steps > low) & (steps <= high)).any()) or any(
            step in self._box_of_step for step in (change.old, change.new)
        )

    def _refresh(self) -> None:
        """Work everything out anew."""
        self._cards.clear()
        self._widths.clear()
        weights = _WEIGHT[self.playhead.node_states[self._members]]
        merged = np.zeros(len(self.states), np.uint8)
        np.maximum.at(merged, self._owners, weights)
        self.states[:] = _BY_WEIGHT[merged]
        created = np.zeros(len(self.states), np.bool_)
        if len(self._members):
            np.logical_or.at(created, self._owners, self.playhead.created_nodes[self._members])
        self.present[:] = np.where(self._forward, self._steps <= self.playhead.step, created)
        self._call = self.playhead.call
        self._find_running()
        self._told = self._told_of()
        for box in (*self._running, *self._copies):
            self._update_box(box)
        self._update_links(np.arange(len(self.links)))
        self._find_captions()

    def _update_box(self, index: int) -> None:
        box = self.scene.boxes[index]
        self._cards.pop(index, None)
        if self._forward[index]:
            self.present[index] = box.step <= self.playhead.step
        else:
            self.present[index] = self.playhead.created(box.nodes[0])
        states = [int(self.playhead.node_states[node]) for node in box.nodes]
        state = max(states, key=lambda each: int(_WEIGHT[each]), default=int(NodeState.IDLE))
        if box.kind is BoxKind.OPERATION and index in self._running:
            state = NodeState.RUNNING
        elif box.copies > 1 and not self._serves(index):
            state = NodeState.DONE if state in (NodeState.DONE, NodeState.FREED) else NodeState.IDLE
        self.states[index] = state

    def _serves(self, index: int) -> bool:
        """Is this copy of a shared tensor at a consumer that runs in the present call?"""
        call = self.playhead.call
        if call is None:
            return True
        links = [self.scene.diagram.links[link] for link in self.scene.links_of_box[index]]
        consumers = {link.target if link.source == index else link.source for link in links}
        ran = index_of(self.trace).run_in_call
        return any((call, node) in ran for box in consumers for node in self.scene.boxes[box].nodes)

    def _find_running(self) -> None:
        """Which boxes run, and which links brought them their gradients."""
        event = self.playhead.event
        nodes: Iterable[NodeId] = np.flatnonzero(self.playhead.node_states == NodeState.RUNNING).tolist()
        running = {box for node in nodes for box in self.scene.boxes_of_node.get(node, ())}
        running = {box for box in running if self.scene.boxes[box].copies == 1 or self._serves(box)}
        active: set[int] = set()
        if isinstance(event, Op) and event.step in self._box_of_step:
            box = self._box_of_step[event.step]
            running.add(box)
            active.update(self.scene.links_into[box])
        elif isinstance(event, Flow):
            active = self._links_of_flow(event)
        elif isinstance(event, NodeBegin | Accumulate):
            node = event.node if isinstance(event, NodeBegin) else event.leaf
            into = [
                link
                for box in self.scene.boxes_of_node.get(node, ())
                if box in running
                for link in self.scene.links_into[box]
            ]
            active = {link for link in into if self._edges[link] >= 0 and self.gradient(link) is not None}
        self._running, self._active = frozenset(running), frozenset(active)

    def _links_of_flow(self, event: Flow) -> set[int]:
        for box in self.scene.boxes_of_node.get(event.source, ()):
            for link in self.scene.links_of_box[box]:
                edge = int(self._edges[link])
                if edge >= 0:
                    found = self.trace.edges[edge]
                    if found.source == event.source and found.slot == event.slot:
                        return {link}
        return set()

    def _update_links(self, links: NDArray[np.intp]) -> None:
        """States of some links, from what they carried and what became of the box they leave."""
        edges = self._edges[links]
        sources = self.scene.sources[links]
        backward = edges >= 0
        carried = np.zeros(len(links), np.bool_)
        if backward.any():
            carried[backward] = self.playhead.edge_gradients[edges[backward]] >= 0
        carried[~backward] = self.present[self.scene.targets[links[~backward]]]
        past = (self.states[sources] == NodeState.FREED) | ~backward
        states = np.where(carried, np.where(past, LinkState.PAST, LinkState.CARRIED), LinkState.EMPTY)
        if self._active:
            states[np.isin(links, list(self._active))] = LinkState.ACTIVE
        self.links[links] = states

    def _find_captions(self) -> set[int]:
        """Work the captions out; the boxes whose caption changed."""
        before = self._captions
        index = index_of(self.trace)
        now = self.playhead.call
        starts: dict[NodeId, tuple[str, bool]] = {}
        for call, begun in index.calls.items():
            if begun.begin > self.playhead.step:
                break
            for root in index.roots[call]:
                starts[root.node] = (self._start_text(root.gradient), call == now)
        self._captions = [
            Caption(
                box,
                self.scene.boxes[box].root or "",
                *starts.get(self.scene.boxes[box].nodes[0], ("", False)),
            )
            for box in self._roots
        ]
        changed = zip(before, self._captions, strict=True) if before else ()
        return {new.box for old, new in changed if old != new}

    def _start_text(self, gradient: TensorId | None) -> str:
        """``grad = ones(5, 4)``; nothing for a scalar's own 1."""
        if gradient is None:
            return ""
        info = self.trace.tensor(gradient)
        if info.shape == () and info.min == 1.0:
            return ""
        if info.min is None or info.nan or info.inf or info.min != info.max:
            return f"grad = {shape_text(info.shape)} ‖g‖ {norm_text(info.norm)}"
        if info.shape == ():
            return f"grad = {number_text(info.min)}"
        size = ", ".join(map(str, info.shape))
        if info.min in (0.0, 1.0):
            return f"grad = {'ones' if info.min else 'zeros'}({size})"
        return f"grad = full(({size}{',' if len(info.shape) == 1 else ''}), {number_text(info.min)})"


def norm_width(norm: float | None) -> float:
    """The width of a link for a gradient of this norm: 1 up to 0.1, one more for every factor of ten, at
    most 5; a gradient that is not finite is as wide as any."""
    if norm is None or norm == 0:
        return 1.0
    if not isfinite(norm):
        return 5.0
    return float(min(max(2.0 + log10(norm), 1.0), 5.0))


def vanished(trace: TraceLike, gradient: TensorId | None) -> bool:
    """Is every number of the gradient zero?"""
    if gradient is None:
        return False
    info = trace.tensor(gradient)
    return info.zero == prod(info.shape)
