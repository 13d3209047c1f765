"""The forward pass as a diagram: the operations in the order they ran, and the tensors they started from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from gradviz.projection.backward import LONGEST_LABEL, backward
from gradviz.projection.diagram import Box, BoxKind, Diagram, Link, View
from gradviz.projection.text import shortened
from gradviz.trace.events import Op
from gradviz.trace.model import Edge, NodeId, Value, ValueId
from gradviz.trace.protocol import TraceLike

LONGEST_OPERATION = 40


def diagram(trace: TraceLike, view: View) -> Diagram:
    """The diagram of a view. In ``both``, the forward pass comes first, left of its backward graph."""
    if view == "backward":
        return backward(trace)
    result = forward(trace)
    if view == "both":
        result.view = "both"
        result.extend(backward(trace))
    return result


def forward(trace: TraceLike) -> Diagram:
    """The diagram of the forward pass.

    A tensor written in place is, from then on, the result of the operation that wrote it. A tensor that
    no operation of the trace made has a box at each operation that reads it.
    """
    events, values = list(trace.rows(Op)), list(trace.values)
    initial = _initializations(events)
    events = [event for event in events if event.step not in initial]
    readers = _readers(events)
    owners = leaf_owners(trace, events, values)
    result = Diagram("forward")
    made_by: dict[ValueId, int] = {}
    copies: Counter[ValueId] = Counter()
    for event in events:
        own: dict[ValueId, int] = {}
        for value in event.inputs:
            if value not in made_by and value not in own:
                copies[value] += 1
                count = copies[value], readers[value]
                own[value] = result.add(_tensor(trace, values[value], owners, event.step, *count))
        box = result.add(_operation(values, event))
        result.links += [
            Link(made_by[value] if value in made_by else own[value], box, value=value) for value in event.inputs
        ]
        made_by.update(dict.fromkeys(event.outputs, box))
    return result


def _initializations(events: list[Op]) -> set[int]:
    """The steps of writes in place to tensors nothing was known of, as modules do to new parameters: that
    is how a tensor came to be, not what was computed from it."""
    known: set[ValueId] = set()
    found = set()
    for event in events:
        fresh = known.isdisjoint(event.inputs)
        if event.name.endswith("_") and not event.nodes and len(event.inputs) == 1 and fresh:
            found.add(event.step)
        else:
            known.update(event.inputs, event.outputs)
    return found


def _readers(events: list[Op]) -> Counter[ValueId]:
    """For each tensor that no operation made, how many operations read it."""
    made: set[ValueId] = set()
    count: Counter[ValueId] = Counter()
    for event in events:
        count.update({value for value in event.inputs if value not in made})
        made.update(event.outputs)
    return count


def leaf_owners(trace: TraceLike, events: list[Op], values: Sequence[Value]) -> dict[ValueId, NodeId]:
    """The AccumulateGrad nodes of tensors that were recorded before they had one, as parameters are.

    An operation's nodes lead to the leaves among its inputs: where only one input has a leaf's shape and
    no node yet, it is the leaf.
    """
    leaves = set(trace.leaves)
    led_to: dict[NodeId, list[NodeId]] = {}
    edges = trace.columns(Edge)
    for source, target in zip(edges.source.tolist(), edges.target.tolist(), strict=True):
        if target in leaves:
            led_to.setdefault(source, []).append(target)
    owners: dict[ValueId, NodeId] = {}
    for event in events:
        nodes = {leaf for node in event.nodes for leaf in led_to.get(node, ())}
        inputs = [values[value] for value in dict.fromkeys(event.inputs)]
        nodes -= {value.node for value in inputs if value.node is not None}
        for leaf in nodes:
            fitting = [value.id for value in inputs if value.node is None and value.shape == trace.nodes[leaf].shape]
            if len(fitting) == 1:
                owners[fitting[0]] = leaf
    return owners


def _operation(values: Sequence[Value], event: Op) -> Box:
    output = values[event.outputs[0]] if event.outputs else None
    return Box(
        BoxKind.OPERATION,
        shortened(event.name, LONGEST_OPERATION),
        shortened((output.label if output else None) or "", LONGEST_LABEL),
        output.shape if output else None,
        inputs=tuple(values[value].shape for value in event.inputs),
        nodes=tuple(reversed(event.nodes)),  # the last one made is the result's own grad_fn
        value=output.id if output else None,
        step=event.step,
    )


def _tensor(trace: TraceLike, value: Value, owners: dict[ValueId, NodeId], step: int, copy: int, copies: int) -> Box:
    node = owners.get(value.id) if value.node is None else value.node
    label = value.label or (trace.nodes[node].label if node is not None else None)
    return Box(
        BoxKind.TENSOR,
        shortened(label or "tensor", LONGEST_LABEL),
        shape=value.shape,
        nodes=() if node is None else (node,),
        value=value.id,
        step=step,
        copy=copy,
        copies=copies,
    )
