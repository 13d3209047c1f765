"""The forward pass as a diagram: the operations in the order they ran, and the tensors they started from."""

from __future__ import annotations

from gradviz.projection.backward import LONGEST_LABEL, backward
from gradviz.projection.diagram import Box, BoxKind, Diagram, Link, View
from gradviz.projection.text import shortened
from gradviz.trace.events import Op
from gradviz.trace.model import Value, ValueId
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
    no operation of the trace made has a box of its own.
    """
    result = Diagram("forward")
    made_by: dict[ValueId, int] = {}
    for event in trace.events:
        if not isinstance(event, Op):
            continue
        sources = []
        for value in event.inputs:
            if value not in made_by:
                made_by[value] = result.add(_tensor(trace.values[value], event.step))
            sources.append((made_by[value], value))
        box = result.add(_operation(trace, event))
        result.links += [Link(source, box, value=value) for source, value in sources]
        made_by.update(dict.fromkeys(event.outputs, box))
    return result


def _operation(trace: TraceLike, event: Op) -> Box:
    output = trace.values[event.outputs[0]] if event.outputs else None
    return Box(
        BoxKind.OPERATION,
        shortened(event.name, LONGEST_OPERATION),
        shortened((output.label if output else None) or "", LONGEST_LABEL),
        output.shape if output else None,
        inputs=tuple(trace.values[value].shape for value in event.inputs),
        nodes=tuple(reversed(event.nodes)),  # the last one made is the result's own grad_fn
        value=output.id if output else None,
        step=event.step,
    )


def _tensor(value: Value, step: int) -> Box:
    return Box(
        BoxKind.TENSOR,
        shortened(value.label or "tensor", LONGEST_LABEL),
        shape=value.shape,
        nodes=() if value.node is None else (value.node,),
        value=value.id,
        step=step,
    )
