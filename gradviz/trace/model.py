"""The nouns of a trace: graph nodes, edges, values, leaves and the summary of each tensor.

Everything here is plain immutable data; ids are dense (``trace.nodes[node_id].id == node_id``).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

NodeId = int
TensorId = int
ValueId = int


class NodeKind(StrEnum):
    """What a node of the backward graph is."""

    FUNCTION = "function"
    ACCUMULATE_GRAD = "accumulate_grad"
    CUSTOM = "custom"


class Storage(StrEnum):
    """How much of a tensor's content a trace holds."""

    FULL = "full"
    THUMBNAIL = "thumbnail"
    SUMMARY = "summary"


@dataclass(frozen=True, slots=True)
class Saved:
    """One attribute a node saved for its backward: ``_saved_<name>`` in PyTorch.

    ``tensor`` is set for saved tensors, ``value`` holds anything JSON can (``dim``, ``exponent`` ...).
    """

    name: str
    tensor: TensorId | None = None
    value: Any = None


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A ``grad_fn`` node, or the AccumulateGrad node of a leaf.

    ``name`` is PyTorch's own (``MmBackward0``, ``AccumulateGrad``). ``label`` is a leaf's variable
    name or module path. ``shape`` and ``dtype`` are those of the node's first output in the forward
    pass, thus of the gradient it receives. ``formula`` tells the derivative in words, a line for each
    entry of ``next_functions``; empty where the backend does not know it. ``scope`` is the module path
    in which the node was made (``encoder.layers.0``), ``""`` outside modules.
    """

    id: NodeId
    name: str
    kind: NodeKind
    sequence_nr: int | None = None
    label: str | None = None
    shape: tuple[int, ...] | None = None
    dtype: str | None = None
    file: str | None = None
    line: int | None = None
    scope: str = ""
    saved: tuple[Saved, ...] = ()
    formula: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edge:
    """``next_functions[slot] == (target, target_slot)`` of node ``source``."""

    source: NodeId
    slot: int
    target: NodeId
    target_slot: int


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor of the forward pass, as an operation's input or output.

    ``node`` and ``slot`` say which node's gradient slot belongs to it (``grad_fn`` and ``output_nr``,
    or the AccumulateGrad of a leaf); ``node`` is None for a tensor that needs no gradient.
    """

    id: ValueId
    label: str | None
    shape: tuple[int, ...]
    dtype: str
    tensor: TensorId | None = None
    node: NodeId | None = None
    slot: int = 0


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """Summary numbers of one tensor's content, computed in float64.

    ``norm`` is the 2-norm: nan where the content holds a nan, else inf where it holds an inf. ``min``,
    ``max`` and ``mean`` are taken over the finite values. Each is None where there is nothing to take
    it of: the tensor is empty, or holds no finite value.
    """

    id: TensorId
    shape: tuple[int, ...]
    dtype: str
    norm: float | None
    min: float | None
    max: float | None
    mean: float | None
    nan: int
    inf: int
    zero: int
    storage: Storage = Storage.FULL


@dataclass(frozen=True, slots=True)
class Cell:
    """A notebook's code cell (or a whole script): its first line in the program text, counted from 1."""

    title: str
    first_line: int


@dataclass(frozen=True, slots=True)
class Source:
    """A program file's text as it was recorded; a notebook's is its code cells, a blank line between them."""

    file: str
    text: str
    cells: tuple[Cell, ...] = ()
