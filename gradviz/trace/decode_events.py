"""From rows of ``event`` to events: calls open and close in order, a flow goes along an edge that exists."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from gradviz.plain import clipped
from gradviz.trace import checks
from gradviz.trace import events as ev
from gradviz.trace.checks import Malformed
from gradviz.trace.decode import Sizes
from gradviz.trace.errors import TraceError
from gradviz.trace.format import Row
from gradviz.trace.model import Edge, GraphNode, NodeKind


class EventDecoder:
    """Decodes events one after another, keeping watch over what they may refer to."""

    def __init__(self, sizes: Sizes, nodes: Sequence[GraphNode], edges: Sequence[Edge]) -> None:
        self._sizes = sizes
        self._nodes = nodes
        self._edges = {(edge.source, edge.slot): (edge.target, edge.target_slot) for edge in edges}
        if len(self._edges) != len(edges):
            raise TraceError("two edges leave one slot of a node")
        self._calls = 0
        self._open: set[int] = set()
        self._fields: dict[str, dict[str, Callable[[Any], Any]]] = {
            "op": {
                "name": checks.name,
                "nodes": self._node_ids,
                "inputs": self._value_ids,
                "outputs": self._value_ids,
            },
            "backward_begin": {
                "call": self._next_call,
                "roots": self._roots,
                "retain_graph": checks.flag,
                "create_graph": checks.flag,
                "inputs": lambda ids: None if ids is None else self._node_ids(ids),
                "dependencies": self._dependencies,
            },
            "node_begin": {
                "call": self._call,
                "node": self._node,
                "grad_outputs": self._tensors,
                "ready": self._node_ids,
                "dependencies": self._dependencies,
            },
            "flow": {
                "call": self._call,
                "source": self._node,
                "slot": checks.small,
                "target": self._node,
                "target_slot": checks.small,
                "gradient": self._tensor,
                "total": self._tensor,
            },
            "node_end": {"call": self._call, "node": self._node, "freed": checks.flag},
            "accumulate": {
                "call": self._call,
                "leaf": self._leaf,
                "before": self._tensor,
                "incoming": self._sure_tensor,
                "after": self._sure_tensor,
                "mode": checks.one_of("set", "added"),
            },
            "backward_end": {"call": self._call, "error": checks.maybe_text},
            "grad_write": self._write(),
            "value_write": self._write(),
            "output": {"text": checks.text, "stream": checks.one_of("stdout", "stderr")},
            "warning": {"message": checks.text},
            "error": {
                "type": checks.text,
                "message": checks.text,
                "traceback": lambda lines: tuple(checks.text(line) for line in checks.listed(lines)),
            },
            "mark": {"name": checks.name},
        }

    def _write(self) -> dict[str, Callable[[Any], Any]]:
        return {"leaf": self._leaf, "cause": checks.name, "before": self._tensor, "after": self._tensor}

    def decode(self, row: Row, body: Any) -> ev.Event:
        """The event of a row whose body is parsed already; raises ``Malformed``."""
        step, kind, file, line, _ = row
        declared = self._fields.get(kind) if type(kind) is str else None
        if declared is None:
            raise Malformed("its kind is unknown")
        if type(body) is not dict or body.keys() != declared.keys():
            raise Malformed("its fields are not those of its kind")
        for name, check in declared.items():
            body[name] = check(body[name])
        if kind == "flow" and self._edges.get((body["source"], body["slot"])) != (
            body["target"],
            body["target_slot"],
        ):
            raise Malformed("no such edge")
        if kind == "backward_end":
            self._open.discard(body["call"])
        return ev.EVENT_TYPES[kind](step=step, file=checks.maybe_text(file), line=checks.maybe_line(line), **body)

    def _next_call(self, call: Any) -> int:
        checks.need(type(call) is int and call == self._calls + 1, "its call does not follow the last")
        self._calls += 1
        self._open.add(self._calls)
        return self._calls

    def _call(self, call: Any) -> int:
        if type(call) is int and call in self._open:
            return call
        raise Malformed("its backward call is not running")

    def _node(self, node: Any) -> int:
        return checks.ident(node, self._sizes.nodes, "node")

    def _leaf(self, node: Any) -> int:
        index = self._node(node)
        checks.need(self._nodes[index].kind is NodeKind.ACCUMULATE_GRAD, f"node {index} is no leaf")
        return index

    def _tensor(self, tensor: Any) -> int | None:
        return None if tensor is None else checks.ident(tensor, self._sizes.tensors, "tensor")

    def _sure_tensor(self, tensor: Any) -> int:
        return checks.ident(tensor, self._sizes.tensors, "tensor")

    def _tensors(self, tensors: Any) -> tuple[int | None, ...]:
        return tuple([self._tensor(tensor) for tensor in checks.listed(tensors)])

    def _node_ids(self, nodes: Any) -> tuple[int, ...]:
        return checks.idents(nodes, self._sizes.nodes, "node")

    def _value_ids(self, values: Any) -> tuple[int, ...]:
        return checks.idents(values, self._sizes.values, "value")

    def _dependencies(self, pairs: Any) -> tuple[tuple[int, int], ...]:
        if not pairs and type(pairs) is list:
            return ()
        return tuple(
            [(self._node(node), checks.small(count)) for node, count in map(checks.listed, checks.listed(pairs))]
        )

    def _roots(self, roots: Any) -> tuple[ev.Root, ...]:
        return tuple(
            ev.Root(self._node(node), checks.small(slot), checks.maybe_name(label), self._tensor(gradient))
            for node, slot, label, gradient in map(checks.listed, checks.listed(roots))
        )


def events(rows: Sequence[Row], decoder: EventDecoder) -> list[ev.Event]:
    """All rows of ``event``. Their bodies are parsed in one go, which halves the time."""
    try:
        bodies = json.loads("[" + ",".join([row[4] for row in rows]) + "]")
    except (ValueError, TypeError, RecursionError) as error:
        raise TraceError(f"the events are malformed: {clipped(str(error), 200)}") from None
    if len(bodies) != len(rows):
        raise TraceError("the events are malformed: one of them is several")
    return checks.rows_of("event", rows, lambda row: decoder.decode(row, bodies[row[0] - 1]), first=1)
