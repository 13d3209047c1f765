"""Nodes, edges and events in words: for tables, tooltips and screen readers."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

from gradviz.plain import clipped
from gradviz.replay import NodeState
from gradviz.replay.index import index_of
from gradviz.replay.naming import call_name
from gradviz.replay.problems import Problem
from gradviz.replay.timeline import Span
from gradviz.trace.events import (
    Accumulate,
    BackwardBegin,
    BackwardEnd,
    Error,
    Event,
    Flow,
    GradWrite,
    Mark,
    NodeBegin,
    NodeEnd,
    Op,
    Output,
    ValueWrite,
    Warned,
)
from gradviz.trace.model import NodeId, TensorId, ValueId
from gradviz.trace.numbers import norm_text, shape_text
from gradviz.trace.protocol import TraceLike

translate = QCoreApplication.translate

KINDS: dict[str, Any] = {
    Op.kind: QT_TRANSLATE_NOOP("Kind", "operation"),
    BackwardBegin.kind: QT_TRANSLATE_NOOP("Kind", "backward begins"),
    NodeBegin.kind: QT_TRANSLATE_NOOP("Kind", "node runs"),
    Flow.kind: QT_TRANSLATE_NOOP("Kind", "gradient flows"),
    NodeEnd.kind: QT_TRANSLATE_NOOP("Kind", "node done"),
    Accumulate.kind: QT_TRANSLATE_NOOP("Kind", "accumulate"),
    BackwardEnd.kind: QT_TRANSLATE_NOOP("Kind", "backward ends"),
    GradWrite.kind: QT_TRANSLATE_NOOP("Kind", "gradient written"),
    ValueWrite.kind: QT_TRANSLATE_NOOP("Kind", "value written"),
    Output.kind: QT_TRANSLATE_NOOP("Kind", "output"),
    Warned.kind: QT_TRANSLATE_NOOP("Kind", "warning"),
    Error.kind: QT_TRANSLATE_NOOP("Kind", "error"),
    Mark.kind: QT_TRANSLATE_NOOP("Kind", "mark"),
}
"""The kinds of events in words, in the order of a run."""

STATES: dict[NodeState, Any] = {
    NodeState.IDLE: QT_TRANSLATE_NOOP("State", "idle"),
    NodeState.READY: QT_TRANSLATE_NOOP("State", "ready"),
    NodeState.RUNNING: QT_TRANSLATE_NOOP("State", "running"),
    NodeState.DONE: QT_TRANSLATE_NOOP("State", "done"),
    NodeState.FREED: QT_TRANSLATE_NOOP("State", "buffers freed"),
    NodeState.RAISED: QT_TRANSLATE_NOOP("State", "raised an error"),
}

LAYOUT_TITLES: dict[str, Any] = {
    "layered": QT_TRANSLATE_NOOP("Layout", "Layered"),
    "multipartite": QT_TRANSLATE_NOOP("Layout", "Multipartite"),
    "breadth-first": QT_TRANSLATE_NOOP("Layout", "Breadth first"),
    "spring": QT_TRANSLATE_NOOP("Layout", "Spring"),
    "kamada-kawai": QT_TRANSLATE_NOOP("Layout", "Kamada-Kawai"),
    "spectral": QT_TRANSLATE_NOOP("Layout", "Spectral"),
    "planar": QT_TRANSLATE_NOOP("Layout", "Planar"),
    "shell": QT_TRANSLATE_NOOP("Layout", "Shell"),
    "circular": QT_TRANSLATE_NOOP("Layout", "Circular"),
    "dot": QT_TRANSLATE_NOOP("Layout", "Graphviz dot"),
}

KIND_ROLES = {
    Op.kind: "forward",
    Accumulate.kind: "running",
    BackwardBegin.kind: "backward",
    BackwardEnd.kind: "backward",
    GradWrite.kind: "zero",
    ValueWrite.kind: "write",
    Warned.kind: "running",
    Error.kind: "error",
    Mark.kind: "link",
}
"""The theme role in which a kind is written; the others are muted."""


LONGEST_TEXT = 1000
"""Characters of a line that tells an event."""
MOST_LOOKED_AT = 4000
"""Characters of a printed text or a message in which the first line is looked for."""


def layout_text(name: str) -> str:
    """The title of a layout."""
    return translate("Layout", LAYOUT_TITLES[name]) if name in LAYOUT_TITLES else name


def kind_text(kind: str) -> str:
    """A kind of event in words; a kind that is not known as it is."""
    return translate("Kind", KINDS[kind]) if kind in KINDS else kind


def state_text(state: NodeState) -> str:
    """A node's state in words."""
    return translate("State", STATES[state])


def node_text(trace: TraceLike, node: NodeId) -> str:
    """How a node is called: ``MmBackward0``, or ``AccumulateGrad inp``."""
    found = trace.nodes[node]
    return f"{found.name} {found.label}" if found.label else found.name


def leaf_text(trace: TraceLike, leaf: NodeId) -> str:
    """The name of a leaf's variable, or what stands for it where none is known."""
    return trace.nodes[leaf].label or f"leaf{leaf}"


def edge_text(trace: TraceLike, edge: int) -> str:
    """``PowBackward0 → AddBackward0``."""
    found = trace.edges[edge]
    return f"{node_text(trace, found.source)} → {node_text(trace, found.target)}"


def call_text(trace: TraceLike, number: int) -> str:
    """A backward call: ``loss.backward() · call 3``; one that another call made says in which it is."""
    call = index_of(trace).calls.get(number)
    parts = [call_name(trace, number), call_number_text(number)]
    if call is not None and call.parent is not None:
        parts.append(_fill(translate("Call", "within call {number}"), number=str(call.parent)))
    return " · ".join(parts)


def call_number_text(number: int) -> str:
    """The short form: ``call 3``. All calls of a trace are counted in the order in which they began."""
    return _fill(translate("Call", "call {number}"), number=str(number))


def span_text(trace: TraceLike, span: Span) -> str:
    """What the program did in a span of the timeline; causes are written as the program writes them."""
    if span.call is not None:
        return call_text(trace, span.call)
    return translate("Span", "forward") if span.kind == "forward" else span.title


def norm_signs(norm: float | None) -> str:
    """A norm between its signs, which spaces keep from its digits."""
    return f"‖\u00a0{norm_text(norm)}\u00a0‖"


def tensor_text(trace: TraceLike, tensor: TensorId | None) -> str:
    """``(4, 5) ‖ 11.31 ‖``, with the counts of nan and inf where there are any."""
    if tensor is None:
        return translate("Event", "none")
    info = trace.tensor(tensor)
    counts = [f"{count} {name}" for count, name in ((info.nan, "nan"), (info.inf, "inf")) if count]
    return " ".join([shape_text(info.shape), norm_signs(info.norm), *counts])


def event_text(trace: TraceLike, event: Event) -> str:
    """What happened, in one line."""
    return clipped(_event(trace, event), LONGEST_TEXT)


def _event(trace: TraceLike, event: Event) -> str:
    match event:
        case Op():
            return _op(trace, event)
        case BackwardBegin():
            return _backward_begin(trace, event)
        case NodeBegin():
            received = ", ".join(tensor_text(trace, gradient) for gradient in event.grad_outputs)
            return _fill(
                translate("Event", "{node} runs with {gradients}"),
                node=node_text(trace, event.node),
                gradients=received,
            )
        case Flow():
            return _flow(trace, event)
        case NodeEnd():
            text = (
                translate("Event", "{node} is done, saved tensors freed")
                if event.freed
                else translate("Event", "{node} is done")
            )
            return _fill(text, node=node_text(trace, event.node))
        case Accumulate():
            return _accumulate(trace, event)
        case BackwardEnd(error=None):
            return _fill(translate("Event", "{call} returns"), call=call_text(trace, event.call))
        case BackwardEnd():
            return _fill(
                translate("Event", "{call} raises: {error}"),
                call=call_text(trace, event.call),
                error=_line(event.error or ""),
            )
        case GradWrite():
            return f"{leaf_text(trace, event.leaf)}.grad: {_written(trace, event)}"
        case ValueWrite():
            return f"{leaf_text(trace, event.leaf)}: {_written(trace, event)}"
        case Output():
            return _fill(translate("Event", "prints {text}"), text=_line(event.text))
        case Warned():
            return _line(event.message)
        case Error():
            return _line(f"{event.type}: {event.message}")
        case Mark():
            return event.name
        case _:
            return kind_text(event.kind)


PROBLEMS: dict[str, Any] = {
    "value": QT_TRANSLATE_NOOP("Problem", "{place} makes a value with {what} of finite ones"),
    "start": QT_TRANSLATE_NOOP("Problem", "the gradient that {place} starts with holds {what}"),
    "gradient": QT_TRANSLATE_NOOP("Problem", "the gradient {place} holds {what}"),
    "grad": QT_TRANSLATE_NOOP("Problem", "{place}.grad holds {what}"),
    "parameter": QT_TRANSLATE_NOOP("Problem", "{place} is written with {what}"),
}


def problem_text(trace: TraceLike, problem: Problem) -> str:
    """What is wrong, in one line: ``w.grad holds 3 nan``."""
    if problem.tensor is None:
        return _message(trace.events[problem.step - 1])
    info = trace.tensor(problem.tensor)
    what = ", ".join(f"{count} {name}" for count, name in ((info.nan, "nan"), (info.inf, "inf")) if count)
    place = ""
    if problem.edge is not None:
        place = edge_text(trace, problem.edge)
    elif problem.node is not None:
        leaf = problem.kind in ("grad", "parameter")
        place = leaf_text(trace, problem.node) if leaf else node_text(trace, problem.node)
    return _fill(translate("Problem", PROBLEMS[problem.kind]), place=place, what=what)


def _message(event: Event) -> str:
    if isinstance(event, Error):
        return f"{event.type}: {event.message}" if event.message else event.type
    return event.message if isinstance(event, Warned) else ""


def problem_line(trace: TraceLike, problem: Problem) -> tuple[str, int] | None:
    """The line of the program that a problem comes from: a node's own rather than that of ``backward()``."""
    node = trace.nodes[problem.node] if problem.node is not None else None
    event = trace.events[problem.step - 1]
    for place in (node, event) if problem.kind in ("value", "gradient") else (event,):
        if place is not None and place.file is not None and place.line is not None:
            return place.file, place.line
    return None


def _op(trace: TraceLike, event: Op) -> str:
    inputs = ", ".join(_value_text(trace, value) for value in event.inputs)
    call = f"{event.name}({inputs})"
    outputs = ", ".join(trace.values[value].label or "" for value in event.outputs).strip(", ")
    text = f"{outputs} = {call}" if outputs else call
    if not event.nodes:
        return text
    names = ", ".join(node_text(trace, node) for node in event.nodes)
    return _fill(translate("Event", "{operation} makes {nodes}"), operation=text, nodes=names)


def _backward_begin(trace: TraceLike, event: BackwardBegin) -> str:
    options = [name for name in ("retain_graph", "create_graph") if getattr(event, name)]
    text = _fill(translate("Event", "{call} begins"), call=call_text(trace, event.call))
    return " · ".join([text, *options])


def _flow(trace: TraceLike, event: Flow) -> str:
    text = _fill(
        translate("Event", "{gradient} from {source} to {target}"),
        gradient=tensor_text(trace, event.gradient),
        source=node_text(trace, event.source),
        target=node_text(trace, event.target),
    )
    if event.total == event.gradient:
        return text
    return _fill(translate("Event", "{text}, sum there {total}"), text=text, total=tensor_text(trace, event.total))


def _accumulate(trace: TraceLike, event: Accumulate) -> str:
    leaf, after = leaf_text(trace, event.leaf), tensor_text(trace, event.after)
    if event.before is None:
        return _fill(translate("Event", "{leaf}.grad is set to {after}"), leaf=leaf, after=after)
    norms = [norm_signs(trace.tensor(tensor).norm) for tensor in (event.before, event.incoming)]
    text = translate("Event", "{leaf}.grad accumulates: {before} + {incoming} gives {after}")
    return _fill(text, leaf=leaf, before=norms[0], incoming=norms[1], after=after)


def _written(trace: TraceLike, event: GradWrite | ValueWrite) -> str:
    before, after = (_norm(trace, tensor) for tensor in (event.before, event.after))
    return f"{event.cause}, {before} → {after}"


def _norm(trace: TraceLike, tensor: TensorId | None) -> str:
    return translate("Event", "none") if tensor is None else norm_signs(trace.tensor(tensor).norm)


def _value_text(trace: TraceLike, value: ValueId) -> str:
    found = trace.values[value]
    return found.label or shape_text(found.shape)


def _line(text: str) -> str:
    """The first line that says something."""
    lines = [line.strip() for line in text[:MOST_LOOKED_AT].splitlines() if line.strip()]
    return (lines[0] + (" …" if len(lines) > 1 else ""))[:300] if lines else ""


def _fill(template: str, /, **parts: str) -> str:
    """Put ``parts`` into the template's braces; what a trace says may hold braces of its own, which stay."""
    pieces = template.split("{")
    return pieces[0] + "".join(parts[name] + rest for name, _, rest in (p.partition("}") for p in pieces[1:]))
