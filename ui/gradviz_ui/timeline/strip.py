"""What the timeline shows of a trace, read once: spans, marks and, once in sight, the leaves' lanes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gradviz.replay.timeline import Lane, Marker, gradient_lane, markers, program_spans
from gradviz.trace.model import NodeId
from gradviz.trace.protocol import TraceLike
from gradviz_ui.timeline.shapes import Integers, Spans
from gradviz_ui.wording import call_number_text, span_text


@dataclass(slots=True)
class Strip:
    """A trace as the timeline needs it."""

    trace: TraceLike
    spans: Spans
    markers: tuple[Marker, ...]
    marker_steps: Integers
    leaves: tuple[NodeId, ...]
    _lanes: dict[NodeId, tuple[Lane, float]] = field(default_factory=dict)

    @classmethod
    def read(cls, trace: TraceLike) -> Strip:
        """Go through the events once; may take a while for long traces."""
        found = tuple(markers(trace))
        steps = np.array([marker.step for marker in found], np.int64)
        return cls(trace, Spans.of(program_spans(trace)), found, steps, trace.leaves)

    def texts(self, span: int) -> tuple[str, ...]:
        """What to write on a span, the longest first: of a call its number counts most."""
        found = self.spans.spans[span]
        if found.call is None:
            return (span_text(self.trace, found),)
        return span_text(self.trace, found), call_number_text(found.call), str(found.call)

    def lane(self, leaf: NodeId) -> tuple[Lane, float]:
        """A leaf's lane and its highest finite norm, 1 where there is none."""
        known = self._lanes.get(leaf)
        if known is None:
            lane = gradient_lane(self.trace, leaf)
            finite = lane.norms[np.isfinite(lane.norms)]
            known = self._lanes[leaf] = lane, float(finite.max(initial=0.0)) or 1.0
        return known

    def norm(self, leaf: NodeId, step: int) -> float:
        """The norm of a leaf's gradient after a step; 0 without a gradient, NaN where it is not finite."""
        lane, _ = self.lane(leaf)
        return float(lane.norms[np.searchsorted(lane.steps, step, side="right") - 1])
