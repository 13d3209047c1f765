"""Arranging a graph: at once where that is quick, else off the window's thread, with progress and cancel."""

from __future__ import annotations

from functools import partial
from threading import Event

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from gradviz.layout import LayoutCancelled, LayoutError, estimate
from gradviz.projection.diagram import View
from gradviz.projection.scene import Scene, build
from gradviz.trace.protocol import TraceLike
from gradviz_ui.session.background import Background

AT_ONCE = 0.06
"""Seconds that a layout may take on the window's own thread."""
ASK_FROM = 8.0
"""A layout that takes longer than this many seconds is announced before it starts."""
POLL_MS = 100
DIAGRAM_SECONDS = 3e-5
"""For each box, beside the layout."""


def seconds_for(trace: TraceLike, view: View, layout: str) -> float:
    """About how long it takes to arrange the graph."""
    count = len(trace.nodes) * (2 if view == "both" else 1)
    return estimate(layout, count) + DIAGRAM_SECONDS * count


class LayoutJob(QObject):
    """Makes scenes, one at a time: a new request ends the one before it."""

    finished = Signal(object)
    """The `Scene`."""
    failed = Signal(str)
    began = Signal()
    """It takes a while; `progressed` follows."""
    progressed = Signal(float)

    def __init__(self, background: Background, parent: QObject) -> None:
        super().__init__(parent)
        self._background = background
        self._number: int | None = None
        self._stop = Event()
        self._fraction = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._tell)

    @property
    def busy(self) -> bool:
        """Is a graph being arranged?"""
        return self._number is not None

    def start(self, trace: TraceLike, view: View, layout: str) -> None:
        """Arrange the graph; `finished` or `failed` follows, for a quick one before this returns."""
        self.cancel()
        if seconds_for(trace, view, layout) <= AT_ONCE:
            try:
                scene = build(trace, view, layout)
            except LayoutError as error:
                self.failed.emit(str(error))
            else:
                self.finished.emit(scene)
            return
        self._stop = stop = Event()
        self._fraction = 0.0
        work = partial(build, trace, view, layout, progress=self._note, cancelled=stop.is_set)
        self._number = self._background.run(work, self._done, self._not_done)
        self._timer.start()
        self.began.emit()

    def cancel(self) -> None:
        """Give up what is under way; nothing is delivered of it."""
        self._stop.set()
        self._background.forget(self._number)
        self._number = None
        self._timer.stop()

    def _note(self, fraction: float) -> None:
        """Called on the working thread: kept until the timer looks."""
        self._fraction = fraction

    @Slot()
    def _tell(self) -> None:
        self.progressed.emit(self._fraction)

    def _done(self, scene: Scene) -> None:
        self._number = None
        self._timer.stop()
        self.finished.emit(scene)

    def _not_done(self, error: Exception) -> None:
        self._number = None
        self._timer.stop()
        if isinstance(error, LayoutCancelled):
            return
        if not isinstance(error, LayoutError):
            raise error
        self.failed.emit(str(error))
