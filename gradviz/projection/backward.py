"""The backward graph as a diagram: one box a node, one link an edge, shared leaves at each consumer."""

from __future__ import annotations

from gradviz.projection.diagram import Box, BoxKind, Diagram, Link
from gradviz.projection.text import shortened
from gradviz.trace.events import BackwardBegin
from gradviz.trace.model import Edge, GraphNode, NodeId, NodeKind, Value
from gradviz.trace.protocol import TraceLike

LONG_TITLE = 24
"""A longer name loses its ending: the whole one is in the inspector and the tooltip."""
LONGEST_TITLE = 32
LONGEST_LABEL = 26


def title_of(node: GraphNode) -> str:
    """A node's name on its box: ``BinaryCrossEntropyWithLogits`` for ``...Backward0``, without namespaces."""
    name = node.name.rsplit("::", 1)[-1]
    if len(name) > LONG_TITLE:
        stem, ending, digits = name.rpartition("Backward")
        if stem and ending and (not digits or digits.isdigit()):
            name = stem
    return shortened(name, LONGEST_TITLE)


def label_of(node: GraphNode) -> str:
    """A leaf's name on its box."""
    return shortened(node.label or f"leaf{node.id}", LONGEST_LABEL)


def backward(trace: TraceLike) -> Diagram:
    """The diagram of the backward graph."""
    diagram = Diagram("backward")
    roots = root_labels(trace)
    consumers = _consumers(trace)
    box_of: dict[NodeId, int] = {}
    copy_of: dict[tuple[NodeId, NodeId], int] = {}
    for node in trace.nodes:
        users = consumers.get(node.id, ())
        if len(users) < 2:
            box_of[node.id] = diagram.add(_box(node, roots.get(node.id)))
            continue
        for number, user in enumerate(users, 1):
            copy_of[node.id, user] = diagram.add(_box(node, None, number, len(users)))
    edges = trace.columns(Edge)
    for index, (source, end) in enumerate(zip(edges.source.tolist(), edges.target.tolist(), strict=True)):
        target = copy_of.get((end, source))
        diagram.links.append(Link(box_of[source], box_of[end] if target is None else target, index))
    return diagram


def _box(node: GraphNode, root: str | None, copy: int = 1, copies: int = 1) -> Box:
    if node.kind is NodeKind.ACCUMULATE_GRAD:
        title, corner, kind = label_of(node), "", BoxKind.LEAF
    else:
        title, kind = title_of(node), BoxKind.FUNCTION
        corner = "" if node.sequence_nr is None else f"#{node.sequence_nr}"
    return Box(kind, title, corner, node.shape, nodes=(node.id,), copy=copy, copies=copies, root=root)


def _consumers(trace: TraceLike) -> dict[NodeId, tuple[NodeId, ...]]:
    """For each leaf the nodes with an edge to it, in order and without repeats.

    Only leaves without edges of their own: a node that hands gradients on cannot stand in two places.
    """
    edges = trace.columns(Edge)
    leaves = set(trace.leaves).difference(edges.source.tolist())
    found: dict[NodeId, dict[NodeId, None]] = {}
    for source, target in zip(edges.source.tolist(), edges.target.tolist(), strict=True):
        if target in leaves:
            found.setdefault(target, {})[source] = None
    return {leaf: tuple(users) for leaf, users in found.items()}


def root_labels(trace: TraceLike) -> dict[NodeId, str]:
    """The names of tensors whose graph starts at a node: roots of backward calls, and results that
    nothing was made of."""
    targets, texts = set(trace.columns(Edge).target.tolist()), trace.texts
    values, roots = trace.columns(Value), trace.columns(BackwardBegin).roots
    labels: dict[NodeId, str] = {}
    for nodes, names in ((values.node, values.label), (roots.node, roots.label)):
        known = (nodes >= 0) & (names >= 0)
        for node, name in zip(nodes[known].tolist(), names[known].tolist(), strict=True):
            if texts[name] and node not in targets:
                labels[node] = texts[name]
    leaves = set(trace.leaves)
    return {node: shortened(label, LONGEST_LABEL) for node, label in labels.items() if node not in leaves}
