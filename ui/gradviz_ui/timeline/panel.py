"""The timeline panel: keeps the timeline in step with the debugging."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from gradviz.trace.model import NodeId
from gradviz.trace.protocol import TraceLike
from gradviz_ui.session import Debugging, Selection
from gradviz_ui.timeline.strip import Strip
from gradviz_ui.timeline.view import TimelineView
from gradviz_ui.wording import event_text

READ_AT_ONCE = 4000
"""Events of a trace that is read without leaving the window's thread, which spares a flicker."""


class TimelinePanel(QWidget):
    """Shows the open trace as a strip and seeks in it."""

    def __init__(self, debugging: Debugging, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._debugging = debugging
        self._reading: int | None = None
        self.setObjectName("timeline_panel")
        self.setAccessibleName(self.tr("Timeline"))
        self.view = TimelineView()
        self.view.setObjectName("timeline_view")
        self.view.setAccessibleName(self.tr("Timeline: arrow keys step, plus and minus zoom"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.view)
        self.view.step_wanted.connect(debugging.seek)
        self.view.move_wanted.connect(debugging.move)
        self.view.leaf_wanted.connect(self._select)
        debugging.trace_changed.connect(self._take_trace)
        debugging.step_changed.connect(self._follow)
        debugging.selection_changed.connect(self._follow)
        self._take_trace()

    @property
    def reading(self) -> bool:
        """Is the trace still being read, on another thread?"""
        return self._reading is not None

    @Slot()
    def _take_trace(self) -> None:
        self._debugging.background.forget(self._reading)
        self._reading = None
        trace = self._debugging.trace
        if trace is None or len(trace.events) <= READ_AT_ONCE:
            self.view.show_strip(None if trace is None else Strip.read(trace), self._debugging.last_step)
        else:
            self.view.show_strip(None, self._debugging.last_step)
            read = partial(Strip.read, trace)
            self._reading = self._debugging.background.run(read, partial(self._have_read, trace), self._not_read)
        self._follow()

    def _have_read(self, trace: TraceLike, strip: Strip) -> None:
        self._reading = None
        if trace is self._debugging.trace:
            self.view.show_strip(strip, self._debugging.last_step)
            self._follow()

    def _not_read(self, error: Exception) -> None:
        self._reading = None
        raise error

    @Slot()
    def _follow(self) -> None:
        debugging = self._debugging
        selected = debugging.selection.node
        event = debugging.playhead.event if debugging.playhead is not None else None
        touched = getattr(event, "leaf", None)
        self.view.emphasise(selected if selected is not None else touched, selected)
        self.view.show_step(debugging.step)
        if debugging.trace is not None and event is not None:
            text = event_text(debugging.trace, event)
            self.view.setAccessibleDescription(f"{debugging.step} / {debugging.last_step}: {text}")

    @Slot(int)
    def _select(self, leaf: NodeId) -> None:
        self._debugging.select(Selection(node=leaf), reveal=True)
