"""How good a drawing is, measured on the lines as they are drawn."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from gradviz.layout import Drawing, Placement
from gradviz.layout.drawing import Floats, Ints

STEPS = 10
"""Straight pieces of a curve."""
CHUNK = 2_000_000

_SHARE = np.linspace(0.0, 1.0, STEPS + 1)


def bezier(control: Floats) -> Floats:
    """A chain of Bezier curves, given by its control points, as points."""
    share = _SHARE[:, None]
    left = 1 - share
    curves = []
    for first in range(0, len(control) - 1, 3):
        a, b, c, d = control[first : first + 4]
        curves.append(left**3 * a + 3 * left**2 * share * b + 3 * left * share**2 * c + share**3 * d)
    return np.concatenate(curves)


def drawn(placed: Placement) -> list[Floats]:
    """The points of each edge as it is painted: an S between two points at different x."""
    found = []
    for edge in range(len(placed.offsets) - 1):
        route = placed.route(edge)
        pieces = [route[:1]]
        for start, end in pairwise(route):
            if placed.curved and start[0] != end[0]:
                middle = (start[1] + end[1]) / 2
                pieces.append(bezier(np.array([start, (start[0], middle), (end[0], middle), end]))[1:])
            else:
                pieces.append(end[None])
        found.append(np.concatenate(pieces))
    return found


def crossings(pieces: list[Floats], edges: Ints) -> int:
    """Pairs of lines that cross and have no end in common. What edges to one target share counts once."""
    lines, edge = _segments(pieces)
    lines, edge = _merged(lines, edge, edges)
    count = 0
    for first, second in _meeting(lines):
        a, b = edges[edge[first]], edges[edge[second]]
        apart = (a[:, :1] != b).all(axis=1) & (a[:, 1:] != b).all(axis=1)
        first, second = first[apart], second[apart]
        p, q, r, s = lines[first, :2], lines[first, 2:], lines[second, :2], lines[second, 2:]
        count += int(((_side(p, q, r) * _side(p, q, s) < 0) & (_side(r, s, p) * _side(r, s, q) < 0)).sum())
    return count


def through(pieces: list[Floats], drawing: Drawing, placed: Placement) -> int:
    """How many straight pieces of edges run through a box that is neither end of their edge."""
    lines, edge = _segments(pieces)
    half = drawing.sizes / 2 - 0.5
    boxes = np.column_stack([placed.centres - half, placed.centres + half])
    count = 0
    for line, box in _meeting(lines, boxes):
        other = (drawing.edges[edge[line]] != box[:, None]).all(axis=1)
        line, box = line[other], box[other]
        start, end, corners = lines[line, :2], lines[line, 2:], boxes[box]
        sides = np.array([_side(start, end, corners[:, [x, y]]) for x in (0, 2) for y in (1, 3)])
        count += int(((sides.min(axis=0) < 0) & (sides.max(axis=0) > 0)).sum())
    return count


def overlaps(drawing: Drawing, placed: Placement) -> int:
    """How many pairs of boxes overlap."""
    half = drawing.sizes / 2 - 1e-6
    return sum(len(first) for first, _ in _meeting(np.column_stack([placed.centres - half, placed.centres + half])))


def _segments(pieces: list[Floats]) -> tuple[Floats, Ints]:
    lines = np.concatenate([np.column_stack([each[:-1], each[1:]]) for each in pieces])
    edge = np.repeat(np.arange(len(pieces)), [max(len(each) - 1, 0) for each in pieces])
    up = lines[:, 1] > lines[:, 3]
    lines[up] = lines[up][:, [2, 3, 0, 1]]
    return lines, edge


def _merged(lines: Floats, edge: Ints, edges: Ints) -> tuple[Floats, Ints]:
    """Vertical lines at one x for one target as one line as long as they overlap."""
    upright = lines[:, 0] == lines[:, 2]
    target = edges[edge, 1]
    order = np.lexsort((lines[:, 1], lines[:, 0], target))
    order = order[upright[order]]
    kept: list[tuple[float, float, float, float]] = []
    owner: list[int] = []
    last: tuple[int, float] | None = None
    for index in order.tolist():
        x, top, _, bottom = lines[index].tolist()
        here = int(target[index]), x
        if last == here and top <= kept[-1][3]:
            kept[-1] = (x, kept[-1][1], x, max(bottom, kept[-1][3]))
        else:
            kept.append((x, top, x, bottom))
            owner.append(int(edge[index]))
        last = here
    joined = np.array(kept).reshape(-1, 4)
    return np.concatenate([lines[~upright], joined]), np.concatenate([edge[~upright], np.array(owner, np.intp)])


def _side(p: Floats, q: Floats, r: Floats) -> Floats:
    side: Floats = (q[:, 0] - p[:, 0]) * (r[:, 1] - p[:, 1]) - (q[:, 1] - p[:, 1]) * (r[:, 0] - p[:, 0])
    return side


def _meeting(rectangles: Floats, others: Floats | None = None) -> Iterator[tuple[Ints, Ints]]:
    """Pairs (i, j) whose rectangles overlap, in chunks: of one set each pair once, or of two sets.

    All are cut to strips of the plane; a pair is found in the first strip that both are in.
    """
    alone = others is None
    every = rectangles if others is None else np.concatenate([rectangles, others])
    left, right = np.minimum(every[:, 0], every[:, 2]), np.maximum(every[:, 0], every[:, 2])
    order = np.argsort(every[:, 1], kind="stable")
    top, bottom = every[order, 1], every[order, 3]
    first = np.arange(len(order)) + 1
    last = np.searchsorted(top, bottom, side="right")
    counts = np.maximum(last - first, 0)
    total = np.concatenate([[0], np.cumsum(counts)])
    begin = 0
    while begin < len(order):
        end = max(int(np.searchsorted(total, total[begin] + CHUNK, side="right")) - 1, begin + 1)
        some = counts[begin:end]
        a = np.repeat(np.arange(begin, end), some)
        b = np.arange(len(a)) - np.repeat(total[begin:end] - total[begin], some) + np.repeat(first[begin:end], some)
        a, b = order[a], order[b]
        if not alone:
            mixed = (a < len(rectangles)) != (b < len(rectangles))
            a, b = np.minimum(a[mixed], b[mixed]), np.maximum(a[mixed], b[mixed])
        near = (left[a] <= right[b]) & (left[b] <= right[a])
        yield a[near], b[near] - (0 if alone else len(rectangles))
        begin = end
