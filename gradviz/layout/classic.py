"""NetworkX's own layouts, and Graphviz dot through NetworkX, for boxes of real sizes.

Each part of the graph is laid out for itself. NetworkX is imported on the first use, as it costs a
tenth of a second that the first window does not have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np

from gradviz.layout import layers, parts
from gradviz.layout.drawing import Cancelled, Drawing, Floats, LayoutError, Placement, Progress, check
from gradviz.layout.fitting import fit, fit_rows, straight
from gradviz.layout.layered import rows_of
from gradviz.layout.levels import Levels

SEED = 7
"""Layouts that start from random places start from the same ones every time."""
MOST_DISTANCES = 4000
"""Kamada-Kawai holds the distance of every pair of nodes: 4,000 nodes are 16 million of them."""


def classic(
    drawing: Drawing, name: str, progress: Progress | None = None, cancelled: Cancelled | None = None
) -> Placement:
    """Place the boxes with the layout of this name; LayoutError where it cannot draw the graph."""
    arrange = ARRANGEMENTS[name]
    if not drawing.count:
        return Placement(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(1, np.intp), curved=False)
    members = parts.split(drawing)
    edges = parts.edges_of(drawing, members)
    placed = []
    done = 0
    for boxes, indices in zip(members, edges, strict=True):
        check(cancelled)
        placed.append(arrange(parts.part(drawing, boxes, indices)))
        done += len(boxes)
        if progress is not None:
            progress(done / drawing.count)
    return parts.assemble(drawing, members, edges, placed)


def missing(name: str) -> str | None:
    """Why a layout does not work on this machine, or None if it does."""
    if name == "dot" and find_spec("pygraphviz") is None:
        return "needs pygraphviz: pip install 'gradviz[graphviz]'"
    if name == "kamada-kawai" and find_spec("scipy") is None:
        return "needs scipy: pip install scipy"
    return None


def _array(positions: Mapping[int, Any]) -> Floats:
    """NetworkX's answer in the order of the boxes, y downwards."""
    return np.array([positions[box] for box in range(len(positions))]) * (1.0, -1.0)


def _multipartite(drawing: Drawing) -> Placement:
    """Even steps in each row, in the layered layout's order, dummies included: it crosses no more edges."""
    return rows_of(drawing, _even_columns)


def _even_columns(levels: Levels, widths: Floats, height: list[int], cancelled: Cancelled | None) -> Floats:
    import networkx as nx

    graph: nx.Graph[int] = nx.empty_graph(levels.count)
    ordered = dict(enumerate(levels.order))
    positions = nx.multipartite_layout(graph, subset_key=ordered, align="horizontal", scale=1)
    x = _array(positions)[:, 0]
    place = np.array(levels.positions(), np.float64)
    longest = max(levels.order, key=len)
    if len(longest) < 2:
        return place
    unit = (x[longest[-1]] - x[longest[0]]) / (len(longest) - 1)
    step = float(widths.max()) + 2 * 14.0
    columns: Floats = x / unit * step
    return columns


def _breadth_first(drawing: Drawing) -> Placement:
    import networkx as nx

    above = drawing.count  # one node above all roots, so that the search reaches everything
    graph: nx.DiGraph[int] = nx.DiGraph(drawing.edges.tolist())
    graph.add_nodes_from(range(drawing.count))
    roots = [box for box in range(drawing.count) if not any(p != box for p in graph.predecessors(box))]
    if not roots:
        raise LayoutError("the graph has a cycle and no root to start from; choose another layout")
    graph.add_edges_from((above, root) for root in roots)
    found = nx.bfs_layout(graph, above, align="horizontal")
    unit = np.array([found[box] for box in range(drawing.count)])
    top = np.array(found[above])[1]
    unit[:, 1] = np.abs(unit[:, 1] - top)
    return straight(fit_rows(unit, drawing.sizes), drawing.sizes, drawing.edges)


def _shell(drawing: Drawing) -> Placement:
    """Rings around the roots, by the distance that the rows of the layered layout count."""
    import networkx as nx

    edges = sorted({(source, target) for source, target in drawing.edges.tolist() if source != target})
    row = layers.rows(*layers.links(drawing.count, edges))
    rings: list[list[int]] = [[] for _ in range(max(row) + 1)]
    for box, number in enumerate(row):
        rings[number].append(box)
    graph: nx.Graph[int] = nx.empty_graph(drawing.count)
    unit = _array(nx.shell_layout(graph, nlist=rings))
    return straight(fit(unit, drawing.sizes), drawing.sizes, drawing.edges)


def _undirected(compute: Callable[..., dict[int, Floats]], turns: bool = True) -> Callable[[Drawing], Placement]:
    """A layout that only looks at which boxes are joined; ``turns``: it has no direction of its own."""

    def arrange(drawing: Drawing) -> Placement:
        import networkx as nx

        graph: nx.Graph[int] = nx.empty_graph(drawing.count)
        graph.add_edges_from((source, target) for source, target in drawing.edges.tolist() if source != target)
        try:
            unit = _array(compute(nx, graph))
        except nx.NetworkXException as error:
            raise LayoutError(f"this layout cannot draw the graph: {error}") from error
        except ModuleNotFoundError as error:
            raise LayoutError(f"this layout needs {error.name} at this size: pip install {error.name}") from error
        if turns:
            unit = _downwards(unit, drawing)
        return straight(fit(unit, drawing.sizes), drawing.sizes, drawing.edges)

    return arrange


def _downwards(unit: Floats, drawing: Drawing) -> Floats:
    """Turned so that gradients flow downwards, taken all edges together."""
    way = (unit[drawing.edges[:, 1]] - unit[drawing.edges[:, 0]]).sum(axis=0)
    length = float(np.hypot(*way))
    if length < 1e-6:
        return unit
    sine, cosine = way / length
    turned: Floats = unit @ np.array([[cosine, sine], [-sine, cosine]])
    return turned


def _kamada_kawai(nx, graph):  # type: ignore[no-untyped-def]
    if len(graph) > MOST_DISTANCES:
        raise LayoutError(f"Kamada-Kawai compares all pairs of nodes and is refused beyond {MOST_DISTANCES:,} of them")
    return nx.kamada_kawai_layout(graph)


def _dot(drawing: Drawing) -> Placement:
    from gradviz.layout.graphviz import dot

    return dot(drawing)


ARRANGEMENTS: dict[str, Callable[[Drawing], Placement]] = {
    "multipartite": _multipartite,
    "breadth-first": _breadth_first,
    "spring": _undirected(lambda nx, graph: nx.spring_layout(graph, seed=SEED)),
    "kamada-kawai": _undirected(_kamada_kawai),
    "spectral": _undirected(lambda nx, graph: nx.spectral_layout(graph)),
    "planar": _undirected(lambda nx, graph: nx.planar_layout(graph), turns=False),
    "shell": _shell,
    "circular": _undirected(lambda nx, graph: nx.circular_layout(graph), turns=False),
    "dot": _dot,
}
