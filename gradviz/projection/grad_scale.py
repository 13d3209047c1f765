"""The scale of the heat map of a ``.grad``: one that stays while gradients are added, so that growth is seen.

Between two moments at which it holds nothing, a leaf's heat map keeps one scale, in which twice the gradient
is twice the colour. That scale is the largest number the leaf's ``.grad`` ever holds in the trace, so that
such stretches compare too; but where a stretch is much smaller than that, it is `REACH` times the largest
number of the stretch, lest it be all dark.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from gradviz.replay.history import is_clear
from gradviz.replay.index import index_of
from gradviz.trace.model import NodeId, TensorId, TensorInfo
from gradviz.trace.protocol import TraceLike

REACH = 4.0


@dataclass(frozen=True, slots=True)
class GradScale:
    """The scale of one leaf over the trace: ``scales[i]`` from step ``starts[i]`` to the next start."""

    starts: tuple[int, ...]
    scales: tuple[float, ...]

    def at(self, step: int) -> float:
        """The number with the full colour at a step; 0 where the ``.grad`` holds none but zeros."""
        return self.scales[bisect_right(self.starts, step) - 1]

    @classmethod
    def of(cls, trace: TraceLike, leaf: NodeId) -> GradScale:
        """Go through the leaf's events once."""
        starts, peaks = [0], [0.0]
        changes = index_of(trace).grad_changes(leaf)
        if changes:
            peaks[0] = size_of(trace, changes[0].before)
        held = np.array([-1 if change.after is None else change.after for change in changes], np.intp)
        for change, size in zip(changes, _sizes(trace, held).tolist(), strict=True):
            if not size and is_clear(trace, change.after):
                starts.append(change.step)
                peaks.append(0.0)
            peaks[-1] = max(peaks[-1], size)
        most = max(peaks)
        return cls(tuple(starts), tuple(min(most, REACH * peak) for peak in peaks))


def size_of(trace: TraceLike, tensor: TensorId | None) -> float:
    """The size of the largest finite number of a tensor."""
    if tensor is None:
        return 0.0
    info = trace.tensor(tensor)
    return max(abs(info.min or 0.0), abs(info.max or 0.0))


def _sizes(trace: TraceLike, tensors: NDArray[np.intp]) -> NDArray[np.float64]:
    """As ``size_of``, of many; -1 for none."""
    columns = trace.columns(TensorInfo)
    low, high = (np.append(column, np.nan)[tensors] for column in (columns.min, columns.max))
    sizes: NDArray[np.float64] = np.nan_to_num(np.fmax(np.abs(low), np.abs(high)), nan=0.0)
    return sizes


_scales: WeakKeyDictionary[TraceLike, dict[NodeId, GradScale]] = WeakKeyDictionary()


def grad_scale(trace: TraceLike, leaf: NodeId) -> GradScale:
    """The scale of a leaf, worked out when it is first asked for."""
    known = _scales.setdefault(trace, {})
    if leaf not in known:
        known[leaf] = GradScale.of(trace, leaf)
    return known[leaf]
