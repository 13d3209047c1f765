"""Why an element of a gradient has the value it has, read off the trace: ``after = before + incoming = 4 + 4``.

The chain is followed from the leaf towards the loss for as long as each step can be shown to be true: a
gradient handed on unchanged is the same tensor, and a formula is quoted only where its numbers do not
contradict the number that was recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gradviz.replay.adjacency import adjacency_of
from gradviz.replay.formula import TRANSPOSED
from gradviz.replay.index import index_of, last
from gradviz.replay.worked import Operands, agrees, element, operand, sum_text, work_out
from gradviz.trace.contents import readable_array
from gradviz.trace.events import Accumulate, Flow, NodeBegin, NodeEnd
from gradviz.trace.model import NodeId, TensorId
from gradviz.trace.numbers import number_text
from gradviz.trace.protocol import TraceLike

Index = tuple[int, ...]

_PRECISION = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float64": 2.0**-52, "complex128": 2.0**-52}
"""Relative rounding of dtypes; that of float32 holds for the others."""

MOST_HANDED_ON = 4
"""Nodes in a row that hand a gradient on unchanged; the chain is cut after these."""


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
            Reason("", f"{number_text(before)} + {operand(incoming)}"),
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
        handed_on = _handed_on(trace, flow, index)
        if handed_on is None:
            yield from _derived(trace, name, flow, index)
            return
        slot, index = handed_on
        yield Reason(name, f"{source.name}.grad{element_text(index)}", far=True)
        node, name, step = flow.source, "", flow.step


def _sum(trace: TraceLike, name: str, arrivals: list[Flow], root: TensorId | None, index: Index) -> Iterator[Reason]:
    at = element_text(index)
    names = [f"{trace.nodes[flow.source].name}{at}" for flow in arrivals]
    tensors = [flow.gradient for flow in arrivals]
    if root is not None:
        names.insert(0, f"gradient{at}")
        tensors.insert(0, root)
    if not names:
        return
    yield Reason(name, sum_text(names), far=True)
    numbers = [None if tensor is None else _element(trace, tensor, index) for tensor in tensors]
    known = [number for number in numbers if number is not None]
    if len(known) == len(numbers):
        yield Reason("", sum_text([number_text(known[0]), *map(operand, known[1:])]), far=True)


def _derived(trace: TraceLike, name: str, flow: Flow, index: Index) -> Iterator[Reason]:
    """The formula of the node that made the gradient, with its numbers where they can be worked out.

    A formula that the numbers contradict is not quoted: a hook, say, changed the gradient on its way.
    """
    node = trace.nodes[flow.source]
    formula = _formula(trace, flow)
    result = None if flow.gradient is None else _element(trace, flow.gradient, index)
    worked = None
    if formula and result is not None and flow.gradient is not None:
        worked = work_out(formula, _operands(trace, flow), trace.tensor(flow.gradient).shape, index)
    if not formula or (worked is not None and result is not None and not agrees(worked, result)):
        yield Reason(name, f"{node.name}{element_text(index)}", far=True)
        return
    yield Reason(name, f"{node.name}: {formula}", far=True)
    if worked is not None and result is not None:
        text = number_text(result)
        yield Reason("", text if worked.text == text else f"{worked.text} = {text}", far=True)


def _formula(trace: TraceLike, flow: Flow) -> str:
    formula = trace.nodes[flow.source].formula
    return formula[flow.slot] if flow.slot < len(formula) else ""


def _operands(trace: TraceLike, flow: Flow) -> Operands:
    """What the node had when it ran: its gradient and what it saved."""
    begun = _begun(trace, flow.source, flow.step)
    tensors = {"grad": begun.grad_outputs[0] if begun is not None and begun.grad_outputs else None}
    numbers: dict[str, float] = {}
    absent: set[str] = set()
    for saved in trace.nodes[flow.source].saved:
        if saved.tensor is not None:
            tensors[saved.name] = saved.tensor
        elif isinstance(saved.value, int | float):
            numbers.update(_number(saved.name, saved.value))
        elif saved.value is None:
            absent.add(saved.name)
    found = {name: readable_array(trace, tensor) for name, tensor in tensors.items() if tensor is not None}
    arrays = {name: array for name, array in found.items() if array is not None}
    dtype = None if flow.gradient is None else trace.tensor(flow.gradient).dtype
    return Operands(arrays, numbers, frozenset(absent), _PRECISION.get(dtype or "", 2.0**-23))


def _number(name: str, value: float) -> dict[str, float]:
    """The number under its name; nothing for a whole number that no float holds."""
    try:
        return {name: float(value)}
    except OverflowError:
        return {}


def arrived(trace: TraceLike, node: NodeId, slot: int, call: int, step: int) -> tuple[list[Flow], TensorId | None]:
    """What came into a node's input buffer in ``call`` before ``step``: flows, and a root's own gradient."""
    flows = []
    leading = [trace.edges[edge] for edge in adjacency_of(trace).into(node)]
    wanted = {(edge.source, edge.slot) for edge in leading if edge.target_slot == slot}
    for source in {source for source, _ in wanted}:
        flows += [flow for flow in _flows(trace, source, call, step) if (source, flow.slot) in wanted]
    roots = index_of(trace).roots.get(call, ())
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


def _handed_on(trace: TraceLike, flow: Flow, index: Index) -> tuple[int, Index] | None:
    """The slot and place of the number that the source handed on as it was; None if it made a new one.

    A gradient handed on whole is the same tensor, since equal tensors have one id. A transposed one is
    recognised by its formula, and compared.
    """
    begun = _begun(trace, flow.source, flow.step)
    if begun is None or flow.gradient is None:
        return None
    if flow.gradient in begun.grad_outputs:
        return begun.grad_outputs.index(flow.gradient), index
    if _formula(trace, flow) == f"grad{TRANSPOSED}" and len(index) == 2 and begun.grad_outputs[0] is not None:
        there = _element(trace, begun.grad_outputs[0], index[::-1])
        if there is not None and there == _element(trace, flow.gradient, index):
            return 0, index[::-1]
    return None


def _element(trace: TraceLike, tensor: TensorId, index: Index) -> float | None:
    """One number of a tensor; None if it is not kept whole, cannot be read, or is not there."""
    array = readable_array(trace, tensor)
    return None if array is None else element(array, index)


def element_text(index: Index) -> str:
    """``[0,2]``, written without spaces so that lines of sums stay short."""
    return f"[{','.join(map(str, index))}]" if index else ""
