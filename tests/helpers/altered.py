"""Traces made of other traces: what no program would leave."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gradviz.trace.events import Event
from gradviz.trace.memory import MemoryTrace, TraceBuilder
from gradviz.trace.model import GraphNode, Source, Value


def altered(
    trace: MemoryTrace,
    *,
    nodes: Iterable[GraphNode] | None = None,
    values: Iterable[Value] | None = None,
    events: Iterable[Event] | None = None,
    sources: Iterable[Source] | None = None,
    **meta: Any,
) -> MemoryTrace:
    """The trace with other nodes, values, events, sources or facts in place of its own; steps are counted anew."""
    builder = TraceBuilder(**{**trace.meta, **meta})
    for tensor, array in enumerate(trace.arrays):
        builder.trace.arrays.append(array)
        builder.trace.appender.add(trace.tensor(tensor))
    for source in trace.sources if sources is None else sources:
        builder.add_source(source)
    for node in trace.nodes if nodes is None else nodes:
        builder.add_node(node)
    for edge in trace.edges:
        builder.add_edge(edge)
    for value in trace.values if values is None else values:
        builder.add_value(value)
    for event in trace.events if events is None else events:
        builder.emit(event)
    builder.trace.complete = trace.complete
    return builder.finish()
