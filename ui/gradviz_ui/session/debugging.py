"""One side of a debugger: a trace with a playhead in it, what is selected, where moving stops, and the picture.

A panel that shows a trace looks at one `Debugging` and at nothing else: it listens to the signals, reads the
values beside them, and asks for changes by calling its methods.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from gradviz.projection.diagram import View
from gradviz.replay import moves
from gradviz.replay.breakpoints import Breakpoints
from gradviz.replay.moves import Move
from gradviz.replay.playhead import Playhead
from gradviz.trace.events import Event
from gradviz.trace.model import NodeId
from gradviz.trace.protocol import TraceLike
from gradviz_ui.session.background import Background
from gradviz_ui.session.player import Player


@dataclass(frozen=True, slots=True)
class Selection:
    """What the person picked on the canvas or in a table: a node, or an edge (index into ``trace.edges``)."""

    node: NodeId | None = None
    edge: int | None = None


NOTHING = Selection()


class Debugging(QObject):
    """Where we are in a trace. Without a trace every move does nothing.

    ``background`` is where its panels do what would hold up the window.
    """

    trace: TraceLike | None
    playhead: Playhead | None
    selection: Selection
    breakpoints: Breakpoints
    view: View
    layout_name: str

    trace_changed = Signal()
    step_changed = Signal(object)
    """Carries the `Change`; with ``everything`` set where the panel should draw anew."""
    selection_changed = Signal()
    breakpoints_changed = Signal()
    playing_changed = Signal()
    view_changed = Signal()
    """The view or the layout is another one."""
    reveal_requested = Signal(object)
    """A `Selection` that the canvas should bring into sight."""
    line_requested = Signal(str, int)
    """A file and line that the code pane should bring into sight."""

    def __init__(self, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.background = background
        self.trace = None
        self.playhead = None
        self.selection = NOTHING
        self.breakpoints = Breakpoints()
        self.view = "backward"
        self.layout_name = "layered"
        self._player = Player(self._play_on, self)
        self._player.changed.connect(self.playing_changed)

    def show(self, playhead: Playhead | None) -> None:
        """Look at the playhead's trace, or at none; lines stay breakpoints, nodes were the other trace's."""
        self.stop_playing()
        self.trace = playhead.trace if playhead is not None else None
        self.playhead = playhead
        self.selection = NOTHING
        self.breakpoints.nodes.clear()
        self.trace_changed.emit()

    def announce(self) -> None:
        """Tell panels that were just made what there is."""
        for signal in (self.trace_changed, self.selection_changed, self.breakpoints_changed):
            signal.emit()

    @property
    def step(self) -> int:
        """The step shown, 0 without a trace."""
        return self.playhead.step if self.playhead is not None else 0

    @property
    def last_step(self) -> int:
        """The number of events of the trace."""
        return len(self.trace.events) if self.trace is not None else 0

    @property
    def current_event(self) -> Event | None:
        """The event that led to the step shown."""
        return self.playhead.event if self.playhead is not None else None

    @property
    def playing(self) -> bool:
        """Do steps follow one another by themselves?"""
        return self._player.playing

    def set_play_speed(self, percent: int) -> None:
        """Play so much faster or slower than usual."""
        self._player.set_speed(percent)

    # Moves

    def seek(self, step: int) -> None:
        """Go to ``step``, or as near as the trace reaches."""
        if self.playhead is None:
            return
        step = max(0, min(step, self.last_step))
        if step != self.playhead.step:
            self.step_changed.emit(self.playhead.seek(step))

    def move(self, move: Move) -> None:
        """Go one event, node, accumulation or call on or back, or to an end."""
        if self.playhead is not None:
            self.seek(moves.target(self.playhead, move))

    def resume(self, forward: bool = True) -> None:
        """Go on to the next breakpoint, or to the end of the trace."""
        if self.trace is not None:
            self.seek(self.breakpoints.next_stop(self.trace, self.step, forward))

    def go_to_node(self, node: NodeId, forward: bool = True) -> None:
        """Go to the next moment at which ``node`` runs; from the last one back to the first."""
        if self.trace is None:
            return
        step = moves.to_node(self.trace, self.step, node, forward)
        if step == self.step and forward:
            step = moves.to_node(self.trace, 0, node, True) or step  # 0: it never runs
        self.seek(step)

    def go_to_line(self, file: str, line: int, forward: bool = True) -> None:
        """Go to the next event of a program line; from the last one back to the first."""
        if self.trace is None:
            return
        step = moves.to_line(self.trace, self.step, file, line, forward)
        if step == self.step and forward:
            step = moves.to_line(self.trace, 0, file, line, True) or step  # 0: it is never met
        self.seek(step)

    def toggle_playing(self) -> None:
        """Let steps follow one another, or stop that; from the end it starts over."""
        if self.playing:
            self.stop_playing()
        elif self.trace is not None and self.last_step:
            if self.step == self.last_step:
                self.seek(0)
            self._player.start()

    def stop_playing(self) -> None:
        """Stop stepping by itself."""
        self._player.stop()

    def _play_on(self) -> bool:
        self.move(Move.NEXT_EVENT)
        return self.step < self.last_step

    # What is looked at

    def select(self, selection: Selection, reveal: bool = False) -> None:
        """Pick a node or an edge; ``reveal`` also brings it into sight on the canvas."""
        if selection != self.selection:
            self.selection = selection
            self.selection_changed.emit()
        if reveal:
            self.reveal_requested.emit(selection)

    def show_line(self, file: str, line: int) -> None:
        """Bring a line of the program into sight, without moving in time."""
        self.line_requested.emit(file, line)

    def set_view(self, view: View) -> None:
        """Show the backward graph, the forward computation, or both."""
        if view != self.view:
            self.view = view
            self.view_changed.emit()

    def set_layout(self, name: str) -> None:
        """Arrange the graph by another layout."""
        if name != self.layout_name:
            self.layout_name = name
            self.view_changed.emit()

    # Breakpoints

    def toggle_breakpoint_line(self, file: str, line: int) -> None:
        """Stop, or no longer stop, at a line."""
        self.breakpoints.toggle_line(file, line)
        self.breakpoints_changed.emit()

    def toggle_breakpoint_node(self, node: NodeId) -> None:
        """Stop, or no longer stop, where a node runs."""
        self.breakpoints.toggle_node(node)
        self.breakpoints_changed.emit()

    def clear_breakpoints(self) -> None:
        """Stop nowhere."""
        self.breakpoints.clear()
        self.breakpoints_changed.emit()

    def move_breakpoints(self, file: str, after: int, count: int) -> None:
        """``count`` lines came (below zero: went) after line ``after`` of ``file``."""
        before = self.breakpoints.lines
        self.breakpoints.lines = moved_lines(before, file, after, count)
        if self.breakpoints.lines != before:
            self.breakpoints_changed.emit()

    def rename_breakpoints(self, old: str, new: str) -> None:
        """The program ``old`` is called ``new`` from now on."""
        lines = self.breakpoints.lines
        self.breakpoints.lines = {(new if file == old else file, line) for file, line in lines}


def moved_lines(lines: set[tuple[str, int]], file: str, after: int, count: int) -> set[tuple[str, int]]:
    """Where breakpoints are once ``count`` lines came (below zero: went) after line ``after`` of ``file``."""
    moved = set()
    for name, line in lines:
        if name != file or line <= after:
            moved.add((name, line))
        elif line > after - count:
            moved.add((name, line + count))
    return moved
