"""Graphviz dot, called through NetworkX and pygraphviz, with the curves it draws its edges in."""

from __future__ import annotations

import numpy as np

from gradviz.layout.drawing import COLUMN_GAP, ROW_GAP, Drawing, Floats, Placement

INCH = 72.0
"""dot takes sizes in inches and answers in points; a unit here is a point."""
STEPS = 6
"""Straight pieces of each Bezier curve."""


def dot(drawing: Drawing) -> Placement:
    """Place the boxes and route the edges as dot does. Needs pygraphviz."""
    import networkx as nx

    graph: nx.DiGraph[int] = nx.DiGraph(nodesep=COLUMN_GAP / INCH, ranksep=ROW_GAP / INCH)
    for box, (width, height) in enumerate(drawing.sizes.tolist()):
        graph.add_node(box, width=width / INCH, height=height / INCH, fixedsize="true", shape="box", label="")
    graph.add_edges_from((source, target) for source, target in drawing.edges.tolist() if source != target)
    drawn = nx.nx_agraph.to_agraph(graph)
    drawn.layout(prog="dot")
    centres = np.array([_points(drawn.get_node(box).attr["pos"])[0] for box in range(drawing.count)])
    routes = []
    for source, target in drawing.edges.tolist():
        if source == target:
            routes.append(np.zeros((0, 2)))
            continue
        route = _curve(drawn.get_edge(source, target).attr["pos"])
        route[0] = _on_border(route[0], centres[source], drawing.sizes[source])
        route[-1] = _on_border(route[-1], centres[target], drawing.sizes[target])
        routes.append(route)
    return Placement.of(centres, routes, curved=False)


def _on_border(point: Floats, centre: Floats, size: Floats) -> Floats:
    """The point of a box's border nearest to where dot ends an edge: it rounds to five digits."""
    share = float((np.abs(point - centre) / (size / 2)).max())
    moved: Floats = centre + (point - centre) / share
    return moved


def _points(text: str) -> Floats:
    """``x,y x,y ...`` as points, y downwards."""
    return np.array([point.split(",") for point in text.split()], np.float64) * (1.0, -1.0)


def _curve(text: str) -> Floats:
    """dot's ``e,x,y x,y x,y ...``: the arrow's tip, then a chain of Bezier curves, as a line of points."""
    tip, _, rest = text.removeprefix("e,").partition(" ")
    control = _points(rest)
    share = np.linspace(0, 1, STEPS + 1)[1:, None]
    pieces = [control[:1]]
    for first in range(0, len(control) - 1, 3):
        a, b, c, d = control[first : first + 4]
        left = 1 - share
        pieces.append(left**3 * a + 3 * left**2 * share * b + 3 * left * share**2 * c + share**3 * d)
    return np.concatenate([*pieces, _points(tip)])
