"""The nouns of a trace: graph nodes, edges, values, leaves and the summary of each tensor.

Everything here is plain immutable data; ids are dense (``trace.nodes[node_id].id == node_id``). ``fields`` reads
from the annotations how each is stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal

from gradviz.trace.fields import Json, Name, Position, Ref, Wide

NodeId = Annotated[int, Ref("node")]
LeafId = Annotated[int, Ref("leaf")]
"""The id of a node that is a leaf's AccumulateGrad."""
TensorId = Annotated[int, Ref("tensor")]
ValueId = Annotated[int, Ref("value")]
CallNumber = Annotated[int, Ref("call")]
"""The number of a backward call that runs."""
Named = Annotated[str, Name]
"""Text of one line: what somebody called something."""
Shape = Annotated[tuple[int, ...], Json]
Lines = Annotated[tuple[str, ...], Json]
Count = Annotated[int, Wide]


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

    name: Named
    tensor: TensorId | None = None
    value: Annotated[Any, Json] = None


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A ``grad_fn`` node, or the AccumulateGrad node of a leaf.

    ``name`` is PyTorch's own (``MmBackward0``, ``AccumulateGrad``). ``label`` is a leaf's variable
    name or module path. ``shape`` and ``dtype`` are those of the node's first output in the forward
    pass, thus of the gradient it receives. ``formula`` tells the derivative in words, a line for each
    entry of ``next_functions``; empty where the backend does not know it. ``scope`` is the module path
    in which the node was made (``encoder.layers.0``), ``""`` outside modules.
    """

    id: Annotated[NodeId, Position]
    name: Named
    kind: NodeKind
    sequence_nr: Count | None = None
    label: Named | None = None
    shape: Shape | None = None
    dtype: str | None = None
    file: str | None = None
    line: int | None = None
    scope: Named = ""
    saved: tuple[Saved, ...] = ()
    formula: Lines = ()


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

    id: Annotated[ValueId, Position]
    label: Named | None
    shape: Shape
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

    id: Annotated[TensorId, Position]
    shape: Shape
    dtype: str
    norm: float | None
    min: float | None
    max: float | None
    mean: float | None
    nan: Count
    inf: Count
    zero: Count
    storage: Storage = Storage.FULL


@dataclass(frozen=True, slots=True)
class Cell:
    """A notebook's code cell (or a whole script): its first line in the program text, counted from 1."""

    title: Named
    first_line: int


@dataclass(frozen=True, slots=True)
class Source:
    """A program file's text as it was recorded; a notebook's is its code cells, a blank line between them."""

    file: str
    text: str
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True, slots=True)
class Label:
    """A name found after its node or value was written; the last one of an item counts."""

    item: Literal["node", "value"]
    index: int
    label: Named


@dataclass(frozen=True, slots=True)
class Fact:
    """Something known of the whole recording; the last one of a key counts."""

    key: Named
    value: Annotated[Any, Json]
