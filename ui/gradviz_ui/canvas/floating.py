"""What floats over the graph, and where: the controls and an error above, legend and minimap below."""

from __future__ import annotations

from PySide6.QtCore import QRectF
from PySide6.QtWidgets import QWidget

from gradviz.projection.frame import Frame
from gradviz.replay import Playhead
from gradviz.replay.index import index_of
from gradviz.trace.events import Error
from gradviz_ui.canvas.controls import Controls, Legend
from gradviz_ui.canvas.error_note import ErrorNote
from gradviz_ui.canvas.minimap import Minimap
from gradviz_ui.canvas.view import TOP_ROOM, GraphView

EDGE = 14
"""Between the canvas's border and what floats over it."""
GAP = 8
"""Between two that float beside each other."""
NARROW = 430
"""A canvas narrower than this has no room for the minimap beside the legend."""


class Floating:
    """Makes these widgets and keeps them in their places; the view learns what of it they cover."""

    def __init__(self, canvas: QWidget, view: GraphView) -> None:
        self._canvas, self._view = canvas, view
        self._present = False
        self._told: Error | None = None
        self.controls = Controls(canvas)
        self.legend = Legend(canvas)
        self.minimap = Minimap(canvas)
        self.error = ErrorNote(canvas)

    def show_frame(self, frame: Frame | None) -> None:
        """Let legend and minimap tell of a frame; without one, or with an empty one, they are hidden."""
        self._present = frame is not None and bool(frame.scene.boxes)
        calls = index_of(frame.trace).calls.values() if frame is not None else ()
        self.legend.show_states(raised=any(call.failed for call in calls))
        self.minimap.show_frame(frame)
        self._tell(_error_at(frame.playhead) if frame is not None and self._present else None)

    def show_step(self, playhead: Playhead) -> None:
        """Tell of the error if it is what happened last; over an empty canvas the notice does."""
        error = _error_at(playhead) if self._present else None
        if error is not self._told:
            self._tell(error)

    def _tell(self, error: Error | None) -> None:
        self._told = error
        self.error.show_error(error)
        self.place()

    def restyle(self) -> None:
        """Take the colours of the theme."""
        self.controls.restyle()
        self.error.restyle()
        self.legend.update()
        self.minimap.redraw()

    def place(self) -> None:
        """Put everything in its place. What must not be covered is shown elsewhere if the view shows all of it."""
        width, height = self._canvas.width(), self._canvas.height()
        legend, minimap = self.legend, self.minimap
        self.controls.move(EDGE, EDGE)
        top = self._place_error(width)
        legend.take_width(width - 2 * EDGE)
        legend.move(EDGE, height - EDGE - legend.height())
        bottom = height - EDGE
        if width < legend.width() + minimap.width() + 3 * EDGE:
            bottom = legend.y() - EDGE // 2
        minimap.move(width - EDGE - minimap.width(), bottom - minimap.height())
        legend.setVisible(self._present and width >= legend.width() + 2 * EDGE)
        minimap.setVisible(self._present and width >= NARROW)
        corner = QRectF(minimap.geometry()) if minimap.isVisibleTo(self._canvas) else QRectF()
        self._view.keep_free(top, corner)

    def _place_error(self, width: int) -> int:
        """Beside the controls, else below them. The pixels from the canvas's top that are covered then."""
        note, controls = self.error, self.controls
        if not note.isVisibleTo(self._canvas):
            return TOP_ROOM
        left, top = controls.geometry().right() + GAP, EDGE
        beside = width - EDGE - left >= note.least_width
        if not beside:
            left, top = EDGE, controls.geometry().bottom() + GAP
        wide = min(note.sizeHint().width(), max(width - EDGE - left, 0))
        high = max(note.sizeHint().height(), controls.height() if beside else 0)
        note.setGeometry(left, top, wide, high)
        return TOP_ROOM if beside else top + high + GAP


def _error_at(playhead: Playhead) -> Error | None:
    event = playhead.event
    return event if isinstance(event, Error) else None
