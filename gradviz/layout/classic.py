"""NetworkX's own layouts, and Graphviz dot through NetworkX, for boxes of real sizes.

Each part of the graph is laid out for itself. NetworkX is imported on the first use, as it costs a
tenth of a second that the first window does not have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np

from gradviz.layout import parts
from gradviz.layout.drawing import Cancelled, Drawing, Floats, Ints, LayoutError, Placement, Progress, Pulse
from gradviz.layout.fitting import fit, fit_rows, straight
from gradviz.layout.layered import distinct, in_rows
from gradviz.layout.layers import layers
from gradviz.layout.levels import Levels

SEED = 7
"""Layouts that start from random places start from the same ones every time."""
SPARSE = 500
"""From so many nodes on NetworkX takes scipy for the spring and spectral layouts."""
MOST_DISTANCES = 4000
"""Kamada-Kawai holds the distance of every pair of nodes: 4,000 nodes are 16 million of them."""


def classic(
    drawing: Drawing, name: str, progress: Progress | None = None, cancelled: Cancelled | None = None
) -> Placement:
    """Place the boxes with the layout of this name; LayoutError where it cannot draw the graph."""
    arrange = ARRANGEMENTS[name]
    if not drawing.count:
        return Placement(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(1, np.intp), curved=False)
    pulse = Pulse(progress, cancelled)
    pulse.check()
    found = parts.split(drawing)
    placed = []
    for part in range(found.count):
        placed.append(arrange(found.some(part, part + 1)))
        pulse.tell(int(found.box_starts[part + 1]) / drawing.count)
    return found.assemble(placed)


def missing(name: str) -> str | None:
    """Why a layout does not work on this machine, or None if it does."""
    if name == "dot" and find_spec("pygraphviz") is None:
        return "needs pygraphviz: pip install 'gradviz[graphviz]'"
    if name == "kamada-kawai" and find_spec("scipy") is None:
        return "needs scipy: pip install scipy"
    return None


def sparse(count: int) -> bool:
    """Does NetworkX work on sparse matrices for a graph of this size? It does so with scipy alone."""
    return count >= SPARSE and find_spec("scipy") is not None


def _array(positions: Mapping[int, Any]) -> Floats:
    """NetworkX's answer in the order of the boxes, y downwards."""
    return np.array([positions[box] for box in range(len(positions))]) * (1.0, -1.0)


def _multipartite(drawing: Drawing) -> Placement:
    """Even steps in each row, in the layered layout's order, dummies included: it crosses no more edges."""
    return in_rows(drawing, _even_columns, Pulse())


def _even_columns(levels: Levels, order: Ints, widths: Floats, height: Ints, pulse: Pulse) -> Floats:
    import networkx as nx

    graph: nx.Graph[int] = nx.empty_graph(levels.count)
    rows = np.split(order, np.flatnonzero(np.diff(levels.row[order])) + 1)
    ordered = {row: members.tolist() for row, members in enumerate(rows)}
    positions = nx.multipartite_layout(graph, subset_key=ordered, align="horizontal", scale=1)
    x = _array(positions)[:, 0]
    longest = max(rows, key=len)
    if len(longest) < 2:
        return np.zeros(levels.count)
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

    row, _ = layers(np.zeros(drawing.count, np.intp), distinct(drawing)[0], Pulse())
    rings = [np.flatnonzero(row == number).tolist() for number in range(int(row.max()) + 1)]
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


def _kamada_kawai(nx: Any, graph: Any) -> dict[int, Floats]:
    if len(graph) > MOST_DISTANCES:
        raise LayoutError(f"Kamada-Kawai compares all pairs of nodes and is refused beyond {MOST_DISTANCES:,} of them")
    found: dict[int, Floats] = nx.kamada_kawai_layout(graph)
    return found


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
