"""Steps along the timeline: which are in sight, where each lies, and how zoom and scrolling change that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

LEAST_STEPS = 6.0
"""The closest zoom: so many steps across."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Steps ``first`` to ``last`` (maybe fractions) of 0 .. ``end``, over ``width`` pixels from ``left``."""

    end: int
    first: float
    last: float
    left: float
    width: float

    @classmethod
    def whole(cls, end: int, left: float, width: float) -> Axis:
        """All steps in sight."""
        return cls(end, 0.0, float(max(end, 1)), left, max(width, 1.0))

    @property
    def right(self) -> float:
        """The pixel where the last step in sight lies."""
        return self.left + self.width

    @property
    def steps_shown(self) -> float:
        """How many steps the width holds."""
        return self.last - self.first

    @property
    def step_width(self) -> float:
        """Pixels from a step to the next."""
        return self.width / self.steps_shown

    def x(self, step: float) -> float:
        """The pixel of a step."""
        return self.left + (step - self.first) * self.step_width

    def xs(self, steps: NDArray[Any]) -> NDArray[Any]:
        """The pixels of many steps."""
        result: NDArray[Any] = self.left + (steps - self.first) * self.step_width
        return result

    def step_at(self, x: float) -> int:
        """The step nearest to a pixel, one that there is."""
        step = round(self.first + (x - self.left) / self.step_width)
        return min(max(step, 0), self.end)

    def sized(self, left: float, width: float) -> Axis:
        """The same steps over another width."""
        return replace(self, left=left, width=max(width, 1.0))

    def zoomed(self, factor: float, x: float) -> Axis:
        """``factor`` times as wide, the step under pixel ``x`` staying where it is."""
        whole = float(max(self.end, 1))
        shown = min(max(self.steps_shown / factor, min(LEAST_STEPS, whole)), whole)
        share = (x - self.left) / self.width
        first = self.first + share * (self.steps_shown - shown)
        return self._within(first, shown)

    def panned(self, steps: float) -> Axis:
        """Moved on by ``steps``, as far as there are any."""
        return self._within(self.first + steps, self.steps_shown)

    def showing(self, first: float, last: float) -> Axis:
        """Steps ``first`` to ``last`` over the whole width, or around them where they are very few."""
        shown = max(last - first, min(LEAST_STEPS, float(max(self.end, 1))))
        return self._within((first + last - shown) / 2, shown)

    def following(self, step: int) -> Axis:
        """Moved just so far that ``step`` is in sight, with a margin where there is room for one."""
        margin = self.steps_shown * 0.08
        if step < self.first or step > self.last:
            first = step - margin if step < self.first else step + margin - self.steps_shown
            return self._within(first, self.steps_shown)
        return self

    def _within(self, first: float, shown: float) -> Axis:
        whole = float(max(self.end, 1))
        shown = min(shown, whole)
        first = min(max(first, 0.0), whole - shown)
        return replace(self, first=first, last=first + shown)


def tick_distance(axis: Axis, least: float) -> int:
    """The smallest of 1, 2, 5, 10, 20 ... steps that lie at least ``least`` pixels apart."""
    distance = 1
    while True:
        for factor in (1, 2, 5):
            if distance * factor * axis.step_width >= least:
                return distance * factor
        distance *= 10
