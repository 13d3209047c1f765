"""A line search for the strong Wolfe conditions (Nocedal and Wright, Numerical Optimization, 3.5 and 3.6).

Its decisions are those of torch.optim.lbfgs, so that LBFGS evaluates the loss at the same places.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Objective = Callable[[float], tuple[float, Array]]

SUFFICIENT = 1e-4
CURVATURE = 0.9
SHORTEST = 1e-9
"""A bracket this short (times the longest component of the direction) is not divided further."""


@dataclass
class Point:
    """A place on the line: how far, the loss there, the gradient, and its part along the line."""

    t: float
    loss: float
    gradient: Array
    slope: float


def cubic_minimum(a: Point, b: Point, bounds: tuple[float, float] | None = None) -> float:
    """Where the cubic through two points and their slopes is least, kept within ``bounds``."""
    low, high = bounds if bounds is not None else (min(a.t, b.t), max(a.t, b.t))
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2
    d2 = math.sqrt(square)
    first, second = (a, b) if a.t <= b.t else (b, a)
    t = second.t - (second.t - first.t) * ((second.slope + d2 - d1) / (second.slope - first.slope + 2 * d2))
    return min(max(t, low), high)


def strong_wolfe(objective: Objective, start: Point, direction: Array, t: float, most: int) -> tuple[Point, int]:
    """The point to move to, and how often the loss was computed."""

    def at(t: float) -> Point:
        loss, gradient = objective(t)
        return Point(t, loss, gradient, float(gradient.dot(direction)))

    bracket, done, count, rounds = _bracketed(at, start, t, most)
    longest = float(np.abs(direction).max())
    stuck = False
    low = 0 if bracket[0].loss <= bracket[-1].loss else 1
    while not done and rounds < most and abs(bracket[1].t - bracket[0].t) * longest >= SHORTEST:
        t, stuck = _away_from_ends(cubic_minimum(bracket[0], bracket[1]), bracket, stuck)
        new = at(t)
        count, rounds = count + 1, rounds + 1
        high = 1 - low
        if new.loss > start.loss + SUFFICIENT * t * start.slope or new.loss >= bracket[low].loss:
            bracket[high] = new
            low = 0 if bracket[0].loss <= bracket[1].loss else 1
            continue
        if abs(new.slope) <= -CURVATURE * start.slope:
            done = True
        elif new.slope * (bracket[high].t - bracket[low].t) >= 0:
            bracket[high] = bracket[low]
        bracket[low] = new
    return bracket[low], count


def _bracketed(at: Callable[[float], Point], start: Point, t: float, most: int) -> tuple[list[Point], bool, int, int]:
    """Two points with a good one between them (or one that is good), evaluations, rounds."""
    previous, new = start, at(t)
    rounds = 0
    while rounds < most:
        too_high = new.loss > start.loss + SUFFICIENT * new.t * start.slope
        if too_high or (rounds > 1 and new.loss >= previous.loss):
            return [previous, new], False, rounds + 1, rounds
        if abs(new.slope) <= -CURVATURE * start.slope:
            return [new], True, rounds + 1, rounds
        if new.slope >= 0:
            return [previous, new], False, rounds + 1, rounds
        bounds = (new.t + 0.01 * (new.t - previous.t), new.t * 10)
        t = cubic_minimum(previous, new, bounds)
        previous, new = new, at(t)
        rounds += 1
    return [start, new], False, rounds + 1, rounds


def _away_from_ends(t: float, bracket: list[Point], stuck: bool) -> tuple[float, bool]:
    """A place too near an end twice in a row is moved a tenth of the bracket inwards."""
    low, high = sorted(p.t for p in bracket)
    margin = 0.1 * (high - low)
    if min(high - t, t - low) >= margin:
        return t, False
    if not (stuck or t >= high or t <= low):
        return t, True
    return (high - margin if abs(t - high) < abs(t - low) else low + margin), False
