"""What the window shows, and the only place that changes it.

The person acts, the session changes, the panels that listen draw: a panel calls the session's methods and
reads its attributes, and no panel knows another. Everything shown is a function of the trace, the step,
the selection and the program's text.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QObject, Signal, Slot

from gradviz.recording.program import Program
from gradviz.recording.stops import next_stop
from gradviz.trace.model import NodeId
from gradviz.trace.protocol import TraceLike
from gradviz_ui import theme
from gradviz_ui.program.document import Document
from gradviz_ui.program.saving import SaveError
from gradviz_ui.session.background import Background
from gradviz_ui.session.navigation import Navigation
from gradviz_ui.session.opener import Opener
from gradviz_ui.session.opening import TRACE_SUFFIX, OpenTrace, playhead_at, reason
from gradviz_ui.session.recent_recordings import RecentRecordings
from gradviz_ui.session.recording import Outcome, Recording
from gradviz_ui.session.saving import Saving
from gradviz_ui.settings import Settings

View = Literal["backward", "forward", "both"]


@dataclass(frozen=True, slots=True)
class Selection:
    """What the person picked on the canvas or in a table: a node, or an edge (index into ``trace.edges``)."""

    node: NodeId | None = None
    edge: int | None = None


NOTHING = Selection()


class Session(Navigation):
    """The open program and trace, the step, the selection, and the recording under way."""

    settings: Settings
    document: Document | None
    selection: Selection
    view: View
    layout_name: str
    trace_file: Path | None
    """The file that the person knows the trace by; None where it was not saved."""
    recent: RecentRecordings
    saving: Saving | None
    """A recording that is being saved."""
    outcome: Outcome | None
    """How the last recording of this program ended; None if none did while it was open."""

    trace_changed = Signal()
    selection_changed = Signal()
    program_changed = Signal()
    recording_changed = Signal()
    theme_changed = Signal()
    view_changed = Signal()
    loading_changed = Signal()
    saving_changed = Signal()
    message = Signal(str, str)
    """A level ("info", "warning", "error") and one line of text for the person."""
    offered = Signal(str, str, object)
    """A line of text, the title of a button, and the file to open when it is pressed."""
    console_text = Signal(str, str)
    """Text printed by the program being recorded, and its stream."""
    program_edited = Signal()
    """The program's text or its modified mark changed."""
    closing = Signal()
    """The panels go: give up work that is under way, as `close` waits for threads."""
    reveal_requested = Signal(object)
    """A `Selection` that the canvas should bring into sight."""
    open_requested = Signal(object)
    """A `Path` to open once unsaved edits have been dealt with; the window asks the person."""
    line_requested = Signal(str, int)
    """A file and line that the code pane should bring into sight."""

    def __init__(self, settings: Settings | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.settings = settings or Settings()
        self.document = None
        self.selection = NOTHING
        self.view = "backward"
        self.layout_name = "layered"
        self.trace_file = None
        self.saving = None
        self.outcome = None
        self.background = Background(self)
        self.recent = RecentRecordings(self.settings, self.background, self)
        self.recent.message.connect(self.message)
        self.recent.offered.connect(self.offered)
        self._opener = Opener(self.background, self.settings, self)
        self._opener.changed.connect(self.loading_changed)
        self._opener.refused.connect(self._not_opened)
        self._recording = Recording(self)
        self._recording.output.connect(self.console_text)
        self._recording.progressed.connect(self.recording_changed)
        self._recording.ended.connect(self._recording_ended)
        self._recorded_document: Document | None = None
        theme.themes().changed.connect(self.theme_changed)
        self.settings.changed.connect(self._setting_changed)
        self._setting_changed("play_speed")

    # What is shown

    @property
    def program(self) -> Program | None:
        """The program as it stands in the editor; None where nothing, or a trace without sources, is open."""
        return self.document.program() if self.document is not None else None

    @property
    def trace_name(self) -> str:
        """What to call the trace's file: after the file it is, else after the program."""
        if self.trace_file is not None:
            return self.trace_file.name
        program = self.document.name if self.document is not None else "recording"
        return Path(program).stem + TRACE_SUFFIX

    @property
    def trace_saved(self) -> bool:
        """Does the trace lie in a file of the person's, or in none at all? No for one that was just recorded."""
        return self.trace_file is not None or self.trace is None or self.trace.path is None

    @property
    def recording(self) -> bool:
        """Does a program run?"""
        return self._recording.running

    @property
    def recorded_events(self) -> int:
        """How many events the program that runs has brought so far."""
        return self._recording.events

    @property
    def recorded_path(self) -> Path:
        """Where the program that runs is recorded to."""
        return self._recording.path

    @property
    def loading(self) -> bool:
        """Is a file being read?"""
        return self._opener.loading

    # Files

    def open(self, path: Path | str, step: int | None = None) -> None:
        """Show a program, without running it, or a trace. Failures arrive as `message`."""
        self._opener.open(Path(path), step, self._opened_program, self._opened_trace)

    def show_trace(self, trace: TraceLike, step: int | None = None) -> None:
        """Show a trace that is open already (``gradviz.show``, tests)."""
        opened = OpenTrace(trace, playhead_at(trace, step))
        self._take_trace(opened, None if self.recent.holds(trace.path) else trace.path)

    def announce(self) -> None:
        """Tell panels that were just made what there is."""
        for signal in (
            self.program_changed,
            self.trace_changed,
            self.selection_changed,
            self.breakpoints_changed,
            self.recording_changed,
            self.loading_changed,
        ):
            signal.emit()

    def show_document(self, document: Document | None) -> None:
        """Show a program; None for none. A program that runs is stopped."""
        if self.recording:
            self.stop()
        if self.document is not None:
            self.document.deleteLater()
        self.document = document
        self.outcome = None
        if document is not None:
            document.setParent(self)
            document.edited.connect(self.program_edited)
            document.modified_changed.connect(self.program_edited)
            document.lines_moved.connect(self._lines_moved)
        self.program_changed.emit()

    def new_program(self, text: str = "", name: str = "untitled.py") -> None:
        """Show a program that is no file yet."""
        self.show_document(Document(text, name))
        self._take_trace(None)

    def save_program(self, path: Path | None = None, overwrite: bool = False) -> bool:
        """Write the program's text to its file or to ``path``; a notebook's edits go back into its cells.

        ``overwrite`` also what another program wrote into its file meanwhile.
        """
        if self.document is None:
            return False
        try:
            self.document.save(path, overwrite)
        except (OSError, SaveError) as error:
            name = (path or self.document.path or Path(self.document.name)).name
            text = self.tr(
                "{name} was not saved and is as it was: {why}. Save under another name or in another place"
                " (Ctrl+Shift+S)."
            )
            self.message.emit("error", text.replace("{name}", name).replace("{why}", reason(error)))
            return False
        if self.document.path is not None:
            self.settings.add_recent_file(self.document.path)
        self.program_changed.emit()
        return True

    def save_trace(self, path: Path) -> Saving | None:
        """Begin to save the recording under a name; None where there is nothing to save, or one is being saved."""
        if self.saving is not None or self.trace is None or self.trace.path is None:
            if self.saving is None:
                self.message.emit("error", self.tr("There is no recording to save yet."))
            return None
        self.saving = Saving(self.trace, path, self)
        self.closing.connect(self.saving.give_up)
        self.saving.ended.connect(self._saving_ended)
        self.saving.start(self.background)
        self.saving_changed.emit()
        return self.saving

    @Slot(bool, str)
    def _saving_ended(self, saved: bool, why: str) -> None:
        saving, self.saving = self.saving, None
        assert saving is not None
        saving.deleteLater()
        if saved:
            if saving.trace.path is not None and saving.trace.path != saving.path:
                self.recent.supersede(saving.trace.path)
            if saving.trace is self.trace:  # no other one is shown by now
                self.trace_file = saving.path
            self.settings.add_recent_file(saving.path)
            self.message.emit("info", self.tr("Saved {name}.").replace("{name}", saving.path.name))
            self.recording_changed.emit()
            self.recent.refresh()
        elif why:
            self.message.emit("error", self.tr("The trace was not saved: {why}").replace("{why}", why))
        self.saving_changed.emit()

    # Recording

    def record(self) -> None:
        """Run the program in a child process and record it; what it prints arrives as `console_text`."""
        if self.document is None or self.recording:
            return
        if self.settings.backend == "pytorch" and find_spec("torch") is None:
            text = self.tr("PyTorch is not installed here. Record with the NumPy engine, or install PyTorch first.")
            self.message.emit("error", text)
            return
        self.stop_playing()
        self.outcome = None
        self._recorded_document = self.document
        self.rename_breakpoints(self.document.file, self.document.name)
        self.document.file = self.document.name
        program = self.document.program()
        self._recording.start(program, self.recent.path_for(program.name), self.settings.backend)

    def warm_up(self) -> None:
        """Have the child process ready before it is needed."""
        self._recording.warm_up()

    def stop(self) -> None:
        """End the program that runs; what was recorded stays and is shown."""
        self._recording.stop()

    @Slot(object)
    def _recording_ended(self, outcome: Outcome) -> None:
        if self.document is self._recorded_document:
            self.outcome = outcome
        self.recording_changed.emit()
        if outcome.path.exists():
            self.recent.claim(outcome.path)
        if outcome.path.exists() and self.document is self._recorded_document:
            self._opener.open_trace(outcome.path, self._take_trace)
        else:
            self._use_shown()
        if outcome.trouble is not None:  # last, as a file that is opened ends what was said before
            self.message.emit("error", outcome.trouble)

    def _use_shown(self) -> None:
        """Of the recordings that were not saved, have the one that is shown in use."""
        self.recent.use_only(None if self.trace is None else self.trace.path)
        self.recent.refresh()

    # Choices

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

    def toggle_breakpoint_line(self, file: str, line: int) -> None:
        """Stop, or no longer stop, at a line; of the program shown, at the next one that holds code."""
        if (file, line) not in self.breakpoints.lines and self.document is not None and file == self.document.file:
            stop = next_stop(self.document.program(), line)
            if stop is None:
                text = self.tr("No code from line {line} on, so there is nothing to stop at.")
                self.message.emit("info", text.replace("{line}", str(line)))
                return
            if (file, stop) in self.breakpoints.lines:
                return
            line = stop
        super().toggle_breakpoint_line(file, line)

    @Slot(int, int)
    def _lines_moved(self, after: int, count: int) -> None:
        if self.document is not None:
            self.move_breakpoints(self.document.file, after, count)

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

    def set_backend(self, backend: str) -> None:
        """Record with "numpy", the built-in engine, or "pytorch"."""
        self.settings.backend = backend

    @Slot(str)
    def _setting_changed(self, key: str) -> None:
        if key == "backend":
            self.recording_changed.emit()
        elif key == "play_speed":
            self.set_play_speed(self.settings.play_speed)

    def close(self) -> None:
        """End the child process and the threads; recordings that were not saved stay among the recent ones."""
        self.closing.emit()
        self.stop_playing()
        running = self.recorded_path if self.recording else None
        self._recording.close()
        self.background.close()
        if self.trace is not None:
            self.trace.close()
        if running is not None:
            self.recent.claim(running)
        self.recent.close()

    # Taking over what was read

    def _take_trace(self, opened: OpenTrace | None, file: Path | None = None) -> None:
        """Show a trace, or none; ``file`` is the person's own that it lies in."""
        self.stop_playing()
        old = self.trace
        self.trace = opened.trace if opened else None
        self.trace_file = file
        self.playhead = opened.playhead if opened else None
        self.selection = NOTHING
        self.breakpoints.nodes.clear()
        self.trace_changed.emit()
        if old is not None and old is not self.trace:
            old.close()
        self._use_shown()

    def _opened_trace(self, path: Path, opened: OpenTrace) -> None:
        kept = self.recent.holds(path)
        if not kept:
            self.settings.add_recent_file(path)
        sources = opened.trace.sources
        self.show_document(Document.from_source(sources[0], opened.program) if sources else None)
        self._take_trace(opened, None if kept else path)

    def _opened_program(self, path: Path, program: Program) -> None:
        self.settings.add_recent_file(path)
        self.show_document(Document.from_program(program))
        self._take_trace(None)

    @Slot(str)
    def _not_opened(self, why: str) -> None:
        self.message.emit("error", why)
