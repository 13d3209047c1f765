"""From the unit square of NetworkX's layouts to boxes of real sizes that do not overlap."""

from __future__ import annotations

import numpy as np

from gradviz.layout.drawing import COLUMN_GAP, ROW_GAP, Floats, Ints, Placement

CLEAR = 0.9
"""The scale clears this share of the boxes from all others; the rest is moved apart one by one."""
SAMPLE = 500
"""Boxes that are compared with all others when the scale is chosen."""
SPREAD = 6.0
"""At most so many times the width of a dense drawing, however near two points are."""


def fit(unit: Floats, sizes: Floats) -> Floats:
    """Centres of boxes in the shape of ``unit`` (y downwards), scaled evenly, none overlapping."""
    if len(unit) < 2:
        return np.zeros((len(unit), 2))
    return separate(unit * _scale(unit, sizes), sizes)


def _scale(unit: Floats, sizes: Floats) -> float:
    chosen = np.linspace(0, len(unit) - 1, min(len(unit), SAMPLE)).astype(np.intp)
    distance = np.abs(unit[chosen, None] - unit[None, :])
    need = (sizes[chosen, None] + sizes[None, :]) / 2 + COLUMN_GAP
    with np.errstate(divide="ignore"):
        scale = np.min(need / distance, axis=2)
    scale[np.arange(len(chosen)), chosen] = 0.0
    extent = float(np.ptp(unit, axis=0).max()) or 1.0
    dense = float(np.sqrt(np.prod(sizes + COLUMN_GAP, axis=1).sum()))
    return float(min(np.quantile(scale.max(axis=1), CLEAR), SPREAD * dense / extent))


def separate(centres: Floats, sizes: Floats) -> Floats:
    """Move boxes to the right, as little as needed, until none overlaps another."""
    placed = centres.copy()
    order = np.argsort(centres[:, 0], kind="stable")
    reach = sizes / 2 + COLUMN_GAP / 2
    for index, box in enumerate(order):
        others = order[:index]
        level = np.abs(placed[others, 1] - placed[box, 1]) < reach[others, 1] + reach[box, 1]
        others = others[level]
        if not len(others):
            continue
        need = reach[others, 0] + reach[box, 0]
        x = placed[others, 0]
        while True:
            near = np.abs(x - placed[box, 0]) < need - 1e-6
            if not near.any():
                break
            placed[box, 0] = float(np.max((x + need)[near]))
    return placed


def fit_rows(unit: Floats, sizes: Floats) -> Floats:
    """Centres of boxes that ``unit`` puts in rows: each row as high as it must be, all scaled evenly in x."""
    _, row = np.unique(np.round(unit[:, 1], 9), return_inverse=True)
    tall = np.zeros(int(row.max(initial=-1)) + 1)
    np.maximum.at(tall, row, sizes[:, 1])
    tops = np.concatenate([[0.0], np.cumsum(tall + 2 * ROW_GAP)[:-1]])
    order = np.lexsort((unit[:, 0], row))
    beside = row[order[1:]] == row[order[:-1]]
    left, right = order[:-1][beside], order[1:][beside]
    need = (sizes[left, 0] + sizes[right, 0]) / 2 + COLUMN_GAP
    scale = float(np.max(need / np.maximum(unit[right, 0] - unit[left, 0], 1e-9), initial=1.0))
    return np.column_stack([unit[:, 0] * scale, (tops + tall / 2)[row]])


def straight(centres: Floats, sizes: Floats, edges: Ints) -> Placement:
    """Straight edges between the borders of the boxes."""
    start, end = centres[edges[:, 0]], centres[edges[:, 1]]
    way = end - start
    points = np.stack([start + _to_border(way, sizes[edges[:, 0]]), end - _to_border(way, sizes[edges[:, 1]])], axis=1)
    loops = edges[:, 0] == edges[:, 1]
    routes = [np.zeros((0, 2)) if loop else pair for loop, pair in zip(loops.tolist(), points, strict=True)]
    return Placement.of(centres, routes, curved=False)


def _to_border(way: Floats, sizes: Floats) -> Floats:
    """From the centre of each box in the direction ``way`` to its border."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.nanmin(sizes / 2 / np.abs(way), axis=1, initial=1.0)
    border: Floats = way * share[:, None]
    return border
