"""What happened, in order: one frozen dataclass for each kind of event.

Steps count from 1; "step n" of a trace is the state after event n, step 0 the state before the first.
Tensors are referred to by id (``Trace.tensor``), nodes by id (``Trace.nodes``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from gradviz.trace.fields import Changes, Pairs, Ref
from gradviz.trace.model import CallNumber, LeafId, Lines, Named, NodeId, TensorId, ValueId

Counts = Annotated[tuple[tuple[NodeId, int], ...], Pairs("node", "count")]
"""For each node how many gradients it still waits for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened at ``file``:``line`` of the program (None where no line is known).

    ``step`` is given by whatever takes the event into a trace; it is 0 until then.
    """

    kind: ClassVar[str]
    step: int = 0
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Op(Event):
    """A forward operation ran. ``nodes`` is empty where it left the graph alone (``no_grad``, ``detach``)."""

    kind: ClassVar[str] = "op"
    name: Named
    nodes: tuple[NodeId, ...] = ()
    inputs: tuple[ValueId, ...] = ()
    outputs: tuple[ValueId, ...] = ()


@dataclass(frozen=True, slots=True)
class Root:
    """Where a backward call starts: a node's gradient slot, the tensor's name and its initial gradient."""

    node: NodeId
    slot: int
    label: Named | None
    gradient: TensorId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackwardBegin(Event):
    """``backward()`` or ``autograd.grad()`` was called; ``call`` counts these from 1.

    ``dependencies`` are the counts the engine starts with: for each node reachable from the roots, the
    edges that lead to it. ``inputs`` is None unless the caller named the tensors to differentiate for.
    """

    kind: ClassVar[str] = "backward_begin"
    call: Annotated[int, Ref("next call")]
    roots: tuple[Root, ...]
    retain_graph: bool
    create_graph: bool
    inputs: tuple[NodeId, ...] | None = None
    dependencies: Counts = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeBegin(Event):
    """The engine took a node from the ready queue and runs it.

    ``ready`` is what waits in the queue, next to run first; ``dependencies`` are the counts still open
    for nodes that have received some, not all, of their gradients.
    """

    kind: ClassVar[str] = "node_begin"
    call: CallNumber
    node: NodeId
    grad_outputs: tuple[TensorId | None, ...] = ()
    ready: Annotated[tuple[NodeId, ...], Changes] = ()
    dependencies: Annotated[Counts, Changes] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow(Event):
    """A gradient went along an edge into the target's input buffer, which then held ``total``.

    ``gradient`` is None for an undefined gradient, which still counts down the target's dependencies.
    """

    kind: ClassVar[str] = "flow"
    call: CallNumber
    source: NodeId
    slot: int
    target: NodeId
    target_slot: int
    gradient: TensorId | None
    total: TensorId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeEnd(Event):
    """A node has run and handed its gradients on; ``freed`` tells whether its saved tensors were let go."""

    kind: ClassVar[str] = "node_end"
    call: CallNumber
    node: NodeId
    freed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Accumulate(Event):
    """A leaf's gradient was set or added to.

    ``after`` equals ``before + incoming`` bit for bit; ``before`` is None the first time.
    Source: AccumulateGrad, torch/csrc/autograd/functions/accumulate_grad.h.
    """

    kind: ClassVar[str] = "accumulate"
    call: CallNumber
    leaf: LeafId
    before: TensorId | None
    incoming: TensorId
    after: TensorId
    mode: Literal["set", "added"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackwardEnd(Event):
    """A backward call returned, or raised ``error``."""

    kind: ClassVar[str] = "backward_end"
    call: CallNumber
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GradWrite(Event):
    """The program wrote a leaf's ``.grad`` outside of backward: ``zero_``, ``set_to_none``, ``assign`` ..."""

    kind: ClassVar[str] = "grad_write"
    leaf: LeafId
    cause: Named
    before: TensorId | None
    after: TensorId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueWrite(Event):
    """A leaf's own numbers were written in place: ``SGD.step``, ``sub_``, ``copy_`` ..."""

    kind: ClassVar[str] = "value_write"
    leaf: LeafId
    cause: Named
    before: TensorId | None
    after: TensorId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Output(Event):
    """The program printed ``text``."""

    kind: ClassVar[str] = "output"
    text: str
    stream: Literal["stdout", "stderr"] = "stdout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned(Event):
    """Something was passed over or looks wrong, and the recording went on (a skipped notebook magic)."""

    kind: ClassVar[str] = "warning"
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Error(Event):
    """The program raised; the trace is complete up to here."""

    kind: ClassVar[str] = "error"
    type: str
    message: str
    traceback: Lines = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark(Event):
    """A name the program gave to this moment with ``gradviz.mark``."""

    kind: ClassVar[str] = "mark"
    name: Named


EVENT_TYPES: dict[str, type[Event]] = {
    cls.kind: cls
    for cls in (
        Op,
        BackwardBegin,
        NodeBegin,
        Flow,
        NodeEnd,
        Accumulate,
        BackwardEnd,
        GradWrite,
        ValueWrite,
        Output,
        Warned,
        Error,
        Mark,
    )
}
