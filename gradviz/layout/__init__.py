"""Where the boxes of a graph stand and how its edges run.

``layout`` takes a networkx graph; ``place`` is the same on arrays, which is what the window uses.
All layouts give the same answer for the same graph every time.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gradviz.layout.drawing import (
    Cancelled,
    Drawing,
    LayoutCancelled,
    LayoutError,
    Placement,
    Progress,
)
from gradviz.layout.layered import layered

if TYPE_CHECKING:
    import networkx as nx

__all__ = [
    "LAYOUTS",
    "Drawing",
    "Layout",
    "LayoutCancelled",
    "LayoutError",
    "Placement",
    "estimate",
    "layout",
    "missing",
    "place",
]

LAYOUTS: dict[str, str] = {
    "layered": "Layered",
    "multipartite": "Multipartite",
    "breadth-first": "Breadth first",
    "spring": "Spring",
    "kamada-kawai": "Kamada-Kawai",
    "spectral": "Spectral",
    "planar": "Planar",
    "shell": "Shell",
    "circular": "Circular",
    "dot": "Graphviz dot",
}
"""The layouts' names and titles, in the order of the menu."""

APART = 1.0
"""A layout estimated to take longer than this many seconds runs in a process of its own."""


@dataclass(frozen=True, slots=True)
class Layout:
    """``positions``: the centre (x, y) of each node, y downwards. ``routes``: for each edge (u, v) the
    points of its way, (k, 2), from the border of u to the border of v; see `Placement.curved`."""

    positions: dict[Hashable, tuple[float, float]]
    routes: dict[tuple[Hashable, Hashable], NDArray[np.float64]]
    curved: bool


def layout(
    graph: nx.DiGraph[Any],
    name: str,
    sizes: Mapping[Any, tuple[float, float]],
    *,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> Layout:
    """Lay out ``graph`` with nodes of the given widths and heights. Errors as for `place`."""
    nodes = list(graph)
    number = {node: index for index, node in enumerate(nodes)}
    edges = [(number[u], number[v]) for u, v in graph.edges()]
    drawing = Drawing.of([sizes[node] for node in nodes], edges)
    placed = place(drawing, name, progress=progress, cancelled=cancelled)
    positions = {node: (float(x), float(y)) for node, (x, y) in zip(nodes, placed.centres, strict=True)}
    routes = {(u, v): placed.route(index) for index, (u, v) in enumerate(graph.edges())}
    return Layout(positions, routes, placed.curved)


def place(
    drawing: Drawing, name: str, *, progress: Progress | None = None, cancelled: Cancelled | None = None
) -> Placement:
    """Place the boxes of ``drawing`` with the layout called ``name``.

    LayoutError for a name that is none of `LAYOUTS`, a missing library, or a graph that this layout
    cannot draw; LayoutCancelled once ``cancelled()`` is true.
    """
    if name not in LAYOUTS:
        raise LayoutError(f"unknown layout {name!r}; choose one of {', '.join(LAYOUTS)}")
    if name == "layered":
        return layered(drawing, progress, cancelled)
    from gradviz.layout import child, classic

    reason = classic.missing(name)
    if reason:
        raise LayoutError(f"the layout {name} {reason}")
    seconds = estimate(name, drawing.count)
    if seconds > APART and (progress is not None or cancelled is not None):
        return child.compute(drawing, name, seconds, progress, cancelled)
    return classic.classic(drawing, name, progress, cancelled)


def missing(name: str) -> str | None:
    """Why a layout does not work on this machine, or None if it does."""
    from gradviz.layout import classic

    return classic.missing(name)


def estimate(name: str, count: int) -> float:
    """About how many CPU seconds a layout takes for this many nodes; measured on residual networks from 70 to
    10,000 nodes, as far as each goes, to within a factor of three."""
    n = float(count)
    match name:
        case "spring":
            return 2.9e-6 * n**2
        case "kamada-kawai":
            return 0.3 + 2.6e-5 * n**2
        case "dot":
            return 0.05 + 4.4e-4 * n + 2.3e-7 * n**2
        case "spectral":
            from gradviz.layout import classic

            return 1e-4 * n + (4e-7 * n**2 if classic.sparse(count) else 8e-10 * n**3)
        case "planar":
            return 1.8e-4 * n + 1.1e-8 * n**2
        case "shell":
            return 1.2e-4 * n + 1.9e-8 * n**2
        case "circular":
            return 7e-5 * n + 1.2e-8 * n**2
        case _:
            return 2e-5 * n
