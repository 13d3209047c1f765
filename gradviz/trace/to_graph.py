"""A trace's graph in the formats of other programs: Graphviz dot and GraphML."""

from __future__ import annotations

import io
import re
from typing import Any

from gradviz.plain import harmless
from gradviz.trace.model import GraphNode
from gradviz.trace.protocol import TraceLike


def to_dot(trace: TraceLike) -> str:
    """Graphviz dot, gradients flowing downwards; names do no harm where it is printed."""
    lines = ["digraph gradviz {", "    node [shape=box, style=rounded];"]
    for node in trace.nodes:
        style = ", style=filled, fillcolor=lightgrey" if node.kind == "accumulate_grad" else ""
        lines.append(f"    n{node.id} [label={_quoted(_title(node))}{style}];")
    for edge in trace.edges:
        lines.append(f"    n{edge.source} -> n{edge.target} [taillabel={_quoted(str(edge.slot))}];")
    return "\n".join([*lines, "}"]) + "\n"


_ENTITY = re.compile(r"&(?=#?\w+;)")


def _title(node: GraphNode) -> str:
    shape = [] if node.shape is None else [str(list(node.shape))]
    return "\n".join([*([harmless(node.label)] if node.label else []), harmless(node.name), *shape])


def _quoted(text: str) -> str:
    """A string of dot. Graphviz would read ``&lt;`` in a name as a sign of HTML."""
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    text = _ENTITY.sub("&amp;", text)
    return f'"{text}"'.replace("\n", "\\n")


def to_graphml(trace: TraceLike) -> str:
    """GraphML with the nodes' plain attributes; parallel edges stay apart.

    Characters that XML cannot hold, as control characters, are written out.
    """
    import networkx as nx

    graph: nx.MultiDiGraph[Any] = nx.MultiDiGraph()
    for node in trace.nodes:
        facts: dict[str, Any] = {
            "name": node.name,
            "kind": node.kind.value,
            "sequence_nr": node.sequence_nr,
            "label": node.label,
            "shape": None if node.shape is None else str(list(node.shape)),
            "dtype": node.dtype,
            "file": node.file,
            "line": node.line,
            "scope": node.scope,
        }
        given = {key: value for key, value in facts.items() if value is not None}
        graph.add_node(node.id, **{k: harmless(v) if isinstance(v, str) else v for k, v in given.items()})
    for edge in trace.edges:
        graph.add_edge(edge.source, edge.target, slot=edge.slot, target_slot=edge.target_slot)
    out = io.BytesIO()
    nx.write_graphml_xml(graph, out)
    return out.getvalue().decode("utf-8") + "\n"
