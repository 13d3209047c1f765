"""What there is to draw in a view, before anything has a place: boxes and the links between them.

A diagram depends on the trace and the view alone, not on the step.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal

from gradviz.trace.model import NodeId, ValueId

View = Literal["backward", "forward", "both"]
VIEWS: tuple[View, ...] = ("backward", "forward", "both")


class BoxKind(IntEnum):
    """What a box stands for."""

    FUNCTION = 0
    """A ``grad_fn`` node."""
    LEAF = 1
    """The AccumulateGrad node of a leaf."""
    OPERATION = 2
    """An operation of the forward pass."""
    TENSOR = 3
    """A tensor that no recorded operation made: a parameter, an input, a constant."""


@dataclass(frozen=True, slots=True)
class Box:
    """One box. ``nodes`` are the graph nodes it stands for, the main one first: an operation may have
    created several, or none.

    ``corner`` is the short text in the upper right corner. ``value`` is the tensor an operation or tensor
    box shows; ``step`` the step of the operation. A leaf with several consumers has a box at each:
    ``copy`` counts them from 1, ``copies`` is their number.
    """

    kind: BoxKind
    title: str
    corner: str = ""
    shape: tuple[int, ...] | None = None
    inputs: tuple[tuple[int, ...], ...] = ()
    nodes: tuple[NodeId, ...] = ()
    value: ValueId | None = None
    step: int = 0
    copy: int = 1
    copies: int = 1
    root: str | None = None
    """The name of the tensor whose graph starts here (``loss``), written above the box."""


@dataclass(frozen=True, slots=True)
class Link:
    """A line from box ``source`` to box ``target``; ``edge`` is its index in ``trace.edges``, -1 in the
    forward pass, where ``value`` is the tensor that goes along."""

    source: int
    target: int
    edge: int = -1
    value: ValueId | None = None


@dataclass(slots=True)
class Diagram:
    """The boxes and links of a view, in program order."""

    view: View
    boxes: list[Box] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)

    def add(self, box: Box) -> int:
        """Append a box; its position is returned."""
        self.boxes.append(box)
        return len(self.boxes) - 1

    def extend(self, other: Diagram) -> None:
        """Append another diagram's boxes and links."""
        shift = len(self.boxes)
        self.boxes += other.boxes
        self.links += [Link(link.source + shift, link.target + shift, link.edge, link.value) for link in other.links]
