"""Why an element of a gradient has the value it has, read off the trace: ``after = before + incoming = 4 + 4``.

The chain is followed from the leaf towards the loss for as long as each step can be shown to be true: a
gradient handed on unchanged is the same tensor, and a formula is quoted with numbers only where they
give the number that was recorded.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gradviz.projection.numbers import number_text
from gradviz.replay.formula import TRANSPOSED, evaluate, names_in, substitute
from gradviz.replay.index import index_of, last
from gradviz.trace.events import Accumulate, BackwardBegin, Flow, NodeBegin, NodeEnd
from gradviz.trace.model import NodeId, TensorId
from gradviz.trace.protocol import TraceLike

Index = tuple[int, ...]

MOST_HANDED_ON = 4
"""Nodes in a row that hand a gradient on unchanged; the chain is cut after these."""
MOST_SUMMANDS = 4


@dataclass(frozen=True, slots=True)
class Reason:
    """One line, ``name = text``; an empty name goes on with the line before. ``far`` ones lie beyond the leaf."""

    name: str
    text: str
    far: bool = False


def why_accumulated(trace: TraceLike, event: Accumulate, index: Index) -> list[Reason]:
    """Why the leaf's gradient has its value at ``index`` after ``event``; empty if the trace has no values."""
    at = element_text(index)
    incoming = _element(trace, event.incoming, index)
    after = _element(trace, event.after, index)
    if incoming is None or after is None:
        return []
    if event.before is None:
        reasons = [Reason(f"after{at}", f"incoming{at}"), Reason("", number_text(incoming))]
    else:
        before = _element(trace, event.before, index)
        if before is None:
            return []
        reasons = [
            Reason(f"after{at}", f"before{at} + incoming{at}"),
            Reason("", f"{number_text(before)} + {_operand(incoming)}"),
        ]
    return reasons + list(_origin(trace, event, index))


def _origin(trace: TraceLike, event: Accumulate, index: Index) -> Iterator[Reason]:
    """Where the incoming gradient's element comes from."""
    node, slot, name, step = event.leaf, 0, "incoming", event.step
    for _ in range(MOST_HANDED_ON):
        arrivals, root = arrived(trace, node, slot, event.call, step)
        if root is not None and not arrivals:
            yield Reason(name, f"gradient{element_text(index)} given to backward()", far=True)
            return
        if len(arrivals) != 1 or root is not None:
            yield from _sum(trace, name, arrivals, root, index)
            return
        (flow,) = arrivals
        source = trace.nodes[flow.source]
        handed_on = _handed_on(trace, flow)
        if handed_on is None:
            yield from _derived(trace, name, flow, index)
            return
        yield Reason(name, f"{source.name}.grad{element_text(index)}", far=True)
        node, slot, name, step = flow.source, handed_on, "", flow.step


def _sum(
    trace: TraceLike, name: str, arrivals: list[Flow], root: TensorId | None, index: Index
) -> Iterator[Reason]:
    at = element_text(index)
    names = [f"{trace.nodes[flow.source].name}{at}" for flow in arrivals]
    tensors = [flow.gradient for flow in arrivals]
    if root is not None:
        names.insert(0, f"gradient{at}")
        tensors.insert(0, root)
    if len(names) > MOST_SUMMANDS:
        yield Reason(name, f"{names[0]} + … + {names[-1]} ({len(names)})", far=True)
    elif names:
        yield Reason(name, " + ".join(names), far=True)
        numbers = [None if tensor is None else _element(trace, tensor, index) for tensor in tensors]
        known = [number for number in numbers if number is not None]
        if len(known) == len(numbers):
            yield Reason("", " + ".join([number_text(known[0]), *map(_operand, known[1:])]), far=True)


def _derived(trace: TraceLike, name: str, flow: Flow, index: Index) -> Iterator[Reason]:
    """The formula of the node that made the gradient, and its numbers where they can be checked."""
    node = trace.nodes[flow.source]
    formula = node.formula[flow.slot] if flow.slot < len(node.formula) else ""
    if not formula:
        yield Reason(name, f"{node.name}{element_text(index)}", far=True)
        return
    yield Reason(name, f"{node.name}: {formula}", far=True)
    result = None if flow.gradient is None else _element(trace, flow.gradient, index)
    numbers = _numbers(trace, flow, names_in(formula), index)
    if result is None or numbers is None:
        return
    value = evaluate(formula, numbers)
    if value is not None and math.isclose(value, result, rel_tol=1e-4, abs_tol=1e-7):
        worked = substitute(formula, numbers)
        text = number_text(result)
        yield Reason("", worked if worked == text else f"{worked} = {text}", far=True)


def _numbers(trace: TraceLike, flow: Flow, names: set[str], index: Index) -> dict[str, float] | None:
    """The element of each name a formula uses; None if one is not in the trace."""
    begun = _begun(trace, flow.source, flow.step)
    if flow.gradient is None:
        return None
    shape = trace.tensor(flow.gradient).shape
    numbers = {"numel": float(math.prod(shape))}
    tensors = {"grad": begun.grad_outputs[0] if begun is not None and begun.grad_outputs else None}
    for saved in trace.nodes[flow.source].saved:
        if saved.tensor is not None:
            tensors[saved.name] = saved.tensor
        elif isinstance(saved.value, int | float):
            numbers[saved.name] = float(saved.value)
    for name in names - numbers.keys():
        tensor = tensors.get(name.removesuffix(TRANSPOSED))
        order = -1 if name.endswith(TRANSPOSED) else 1
        number = None if tensor is None else _element(trace, tensor, index[::order], shape[::order])
        if number is None:
            return None
        numbers[name] = number
    return numbers


def arrived(
    trace: TraceLike, node: NodeId, slot: int, call: int, step: int
) -> tuple[list[Flow], TensorId | None]:
    """What came into a node's input buffer in ``call`` before ``step``: flows, and a root's own gradient."""
    flows = []
    for source, _, slots in trace.graph.in_edges(node, data="slots"):
        wanted = {trace.edges[edge].slot for edge in slots if trace.edges[edge].target_slot == slot}
        flows += [flow for flow in _flows(trace, source, call, step) if flow.slot in wanted]
    begin = index_of(trace).calls.get(call)
    event = trace.events[begin.begin - 1] if begin is not None else None
    assert event is None or isinstance(event, BackwardBegin)
    roots = event.roots if event is not None else ()
    given = next((root.gradient for root in roots if (root.node, root.slot) == (node, slot)), None)
    return sorted(flows, key=lambda flow: flow.step), given


def _flows(trace: TraceLike, node: NodeId, call: int, step: int) -> Iterator[Flow]:
    """The gradients ``node`` handed on when it last ran in ``call`` before ``step``."""
    begun = _begun(trace, node, step)
    if begun is None or begun.call != call:
        return
    for number in range(begun.step, step):
        event = trace.events[number]
        if isinstance(event, Flow) and event.source == node:
            yield event
        elif isinstance(event, NodeEnd) and event.node == node:
            return


def _begun(trace: TraceLike, node: NodeId, step: int) -> NodeBegin | None:
    run = last(index_of(trace).runs.get(node, ()), step)
    event = trace.events[run - 1] if run is not None else None
    return event if isinstance(event, NodeBegin) else None


def _handed_on(trace: TraceLike, flow: Flow) -> int | None:
    """The slot whose gradient the source handed on as it was: equal tensors have one id."""
    begun = _begun(trace, flow.source, flow.step)
    if begun is None or flow.gradient not in begun.grad_outputs:
        return None
    return begun.grad_outputs.index(flow.gradient)


def _element(trace: TraceLike, tensor: TensorId, index: Index, shape: Index | None = None) -> float | None:
    """One number of a tensor, which is spread to ``shape`` first; None if it is not kept whole or not there."""
    array = trace.array(tensor)
    if array is None or array.dtype.kind == "c":
        return None
    try:
        return float((array if shape is None else np.broadcast_to(array, shape))[index])
    except (ValueError, IndexError, TypeError):
        return None


def element_text(index: Index) -> str:
    """``[0,2]``, written without spaces so that lines of sums stay short."""
    return f"[{','.join(map(str, index))}]" if index else ""


def _operand(number: float) -> str:
    return f"({number_text(number)})" if number < 0 else number_text(number)
