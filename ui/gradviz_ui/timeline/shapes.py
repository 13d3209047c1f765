"""From a trace's lanes and spans to pixels, in numpy: however long the trace, no more points than pixels."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradviz.replay.timeline import Lane, Span
from gradviz_ui.timeline.axis import Axis

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

WIDE = 3.0
"""A span of so many pixels is drawn for itself, with its title if that fits; smaller ones run together."""

KINDS = ("forward", "backward", "zero", "write", "optimizer", "error")


def step_line(lane: Lane, axis: Axis) -> tuple[Floats, Floats]:
    """The polyline (x, norm) of a lane within sight: level to each step, then up or down at it.

    Where several steps share a pixel, the line runs there from the lowest to the highest of their norms.
    Norms that are NaN stay NaN.
    """
    first = max(int(np.searchsorted(lane.steps, axis.first, side="right")) - 1, 0)
    last = int(np.searchsorted(lane.steps, axis.last, side="right"))
    xs = np.clip(axis.xs(lane.steps[first:last].astype(np.float64)), axis.left, axis.right)
    norms = lane.norms[first:last]
    if len(xs) > 2 * axis.width:
        xs, norms = _per_pixel(xs, norms)
    line_x, line_y = np.repeat(xs, 2)[1:], np.repeat(norms, 2)[:-1]
    return np.append(line_x, axis.right), np.append(line_y, norms[-1:])


def _per_pixel(xs: Floats, norms: Floats) -> tuple[Floats, Floats]:
    """At most four points a pixel: the first, lowest, highest and last norm there."""
    pixels = np.floor(xs)
    starts = np.flatnonzero(np.diff(pixels, prepend=pixels[0] - 1))
    ends = np.append(starts[1:], len(xs)) - 1
    with np.errstate(invalid="ignore"):
        low, high = np.minimum.reduceat(norms, starts), np.maximum.reduceat(norms, starts)
    columns = np.stack([norms[starts], low, high, norms[ends]], axis=1)
    return np.repeat(pixels[starts], 4), columns.ravel()


@dataclass(frozen=True, slots=True)
class Spans:
    """The program's spans as arrays. Span i covers the steps after ``starts[i]`` to ``ends[i]``."""

    spans: tuple[Span, ...]
    starts: Integers
    ends: Integers
    kinds: NDArray[np.uint8]

    @classmethod
    def of(cls, spans: list[Span]) -> Spans:
        """Take over a list of spans. A span's first event leads from the step before it."""
        return cls(
            tuple(spans),
            np.array([span.start - 1 for span in spans], np.int64),
            np.array([span.end for span in spans], np.int64),
            np.array([KINDS.index("error" if span.failed else span.kind) for span in spans], np.uint8),
        )

    def at(self, step: float) -> int | None:
        """The span in which a step lies, step 0 in none."""
        number = int(np.searchsorted(self.starts, step, side="left")) - 1
        return number if number >= 0 and step <= self.ends[number] else None

    def at_place(self, step: float) -> int | None:
        """The span drawn over a place between steps, the left end of a span included."""
        number = int(np.searchsorted(self.starts, step, side="right")) - 1
        return number if number >= 0 and step <= self.ends[number] else None

    def in_sight(self, axis: Axis) -> tuple[list[int], list[tuple[float, float, int]]]:
        """The spans to draw one by one, and runs (from, to, kind) of pixels in which many small ones lie."""
        first = int(np.searchsorted(self.ends, axis.first, side="left"))
        last = int(np.searchsorted(self.starts, axis.last, side="right"))
        wide = (self.ends[first:last] - self.starts[first:last]) * axis.step_width >= WIDE
        numbers = np.arange(first, last)
        return numbers[wide].tolist(), _runs(self, numbers[~wide], axis)


def _runs(spans: Spans, numbers: Integers, axis: Axis) -> list[tuple[float, float, int]]:
    """Pixels next to each other that have the same kind, as one run. In a pixel the last span counts."""
    if not len(numbers):
        return []
    empty = 255
    pixels = np.full(int(axis.width) + 2, empty, np.uint8)
    starts = axis.xs(spans.starts[numbers].astype(np.float64)) - axis.left
    ends = axis.xs(spans.ends[numbers].astype(np.float64)) - axis.left
    for offset in range(int(WIDE) + 1):
        places = np.floor(starts) + offset
        inside = (places >= 0) & (places < len(pixels)) & (places < np.maximum(ends, starts + 1))
        pixels[places[inside].astype(np.int64)] = spans.kinds[numbers][inside]
    edges = np.flatnonzero(np.diff(pixels.astype(np.int16), prepend=-1, append=-1))
    return [
        (axis.left + float(start), axis.left + float(end), int(pixels[start]))
        for start, end in pairwise(edges)
        if pixels[start] != empty
    ]


def spaced(xs: Floats, least: float) -> NDArray[Any]:
    """Which of rising places to keep so that those kept lie at least ``least`` apart, the first one kept."""
    keep = np.zeros(len(xs), np.bool_)
    place, free = 0, -np.inf
    while place < len(xs):
        keep[place] = True
        free = xs[place] + least
        place = max(int(np.searchsorted(xs, free)), place + 1)
    return keep
