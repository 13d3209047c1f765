"""What a trace keeps of one tensor, ready to be shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradviz.projection import heat
from gradviz.projection.heat import Array
from gradviz.trace.errors import TraceError
from gradviz.trace.model import TensorId, TensorInfo
from gradviz.trace.protocol import TraceLike

MOST_COUNTED = 65_536
"""A histogram of a larger tensor is made from this many of its numbers, evenly spaced."""


@dataclass(frozen=True, slots=True)
class Content:
    """A tensor's summary and as much of its content as there is: all of it, a thumbnail, or nothing.

    ``problem`` says why there is nothing where the trace should hold something, "" else.
    """

    info: TensorInfo
    values: Array | None
    thumbnail: Array | None
    problem: str = ""

    @classmethod
    def of(cls, trace: TraceLike, tensor: TensorId) -> Content:
        """Read a tensor; the thumbnail is read only where the whole is not kept."""
        info = trace.tensor(tensor)
        try:
            values = trace.array(tensor)
            return cls(info, values, trace.thumbnail(tensor) if values is None else None)
        except TraceError as error:
            return cls(info, None, None, str(error))

    @property
    def slice_sizes(self) -> tuple[int, ...]:
        """The sizes of the dimensions in which one index must be chosen to show a plane."""
        return self.info.shape[:-2] if self.values is not None else ()

    def plane(self, index: tuple[int, ...]) -> Array | None:
        """The rows and columns to show; None where nothing is kept or the tensor is empty."""
        shown = self.thumbnail if self.values is None else self.values
        if shown is None or shown.size == 0:
            return None
        # Tensors of one row may differ in shape: an index goes as far as there are dimensions and places.
        sizes = shown.shape[:-2]
        return heat.plane(shown, tuple(min(at, size - 1) for at, size in zip(index, sizes, strict=False)))

    @property
    def largest(self) -> float:
        """The size of the largest finite number, 0 if there is none."""
        return max(abs(self.info.min or 0.0), abs(self.info.max or 0.0))

    def histogram(self, bins: int) -> Histogram | None:
        """How the finite numbers are spread from the smallest (or 0) to the largest (or 0)."""
        if self.values is None or not self.values.size or self.info.min is None or self.info.max is None:
            return None  # a forged trace may tell extremes of a tensor without numbers
        numbers = self.values.ravel()
        stride = -(-numbers.size // MOST_COUNTED)
        numbers = np.abs(numbers[::stride]) if np.iscomplexobj(numbers) else numbers[::stride]
        numbers = numbers[np.isfinite(numbers)].astype(np.float64)
        low, high = min(self.info.min, 0.0), max(self.info.max, 0.0)
        if low == high:
            low, high = low - 0.5, high + 0.5
        if not 0 < (high - low) / bins < np.inf:  # the numbers of a float64 lie too close, or too far apart
            return None
        try:
            counts, _ = np.histogram(numbers, bins, (low, high))
        except ValueError:  # as above, by numpy's measure
            return None
        return Histogram(counts, low, high, sampled=stride > 1)


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts in equal bins from ``low`` to ``high``; ``sampled`` where not every number was counted."""

    counts: Array
    low: float
    high: float
    sampled: bool
