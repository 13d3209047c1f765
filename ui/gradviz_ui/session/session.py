"""What is open and what runs, and the only place that changes it.

The person acts, the session changes, the panels that listen draw: a panel calls the session's methods and
reads its attributes, and no panel knows another. Everything shown is a function of the program's text and of
what the session's `Debugging` holds: the trace, the step, the selection. What needs no more than that takes
that alone.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from gradviz.recording.program import Program
from gradviz.recording.stops import next_stop
from gradviz.trace.protocol import TraceLike
from gradviz_ui.program.document import Document
from gradviz_ui.program.saving import SaveError
from gradviz_ui.session import recording
from gradviz_ui.session.background import Background
from gradviz_ui.session.debugging import Debugging
from gradviz_ui.session.opener import Opener
from gradviz_ui.session.opening import TRACE_SUFFIX, OpenTrace, playhead_at, reason
from gradviz_ui.session.recent_recordings import RecentRecordings
from gradviz_ui.session.recording import Outcome, Recording
from gradviz_ui.session.saving import Saving
from gradviz_ui.settings import Settings


class Session(QObject):
    """The open program, the file of the trace, the recording under way; `debugging` is what is looked at."""

    settings: Settings
    debugging: Debugging
    document: Document | None
    trace_file: Path | None
    """The file that the person knows the trace by; None where it was not saved."""
    recent: RecentRecordings
    saving: Saving | None
    """A recording that is being saved."""
    outcome: Outcome | None
    """How the last recording of this program ended; None if none did while it was open."""

    program_changed = Signal()
    recording_changed = Signal()
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
    open_requested = Signal(object)
    """A `Path` to open once unsaved edits have been dealt with; the window asks the person."""

    def __init__(self, settings: Settings | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.settings = settings or Settings()
        self.document = None
        self.trace_file = None
        self.saving = None
        self.outcome = None
        self.background = Background(self)
        self.debugging = Debugging(self.background, self)
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
        trace = self.debugging.trace
        return self.trace_file is not None or trace is None or trace.path is None

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
        self.program_changed.emit()
        self.debugging.announce()
        self.recording_changed.emit()
        self.loading_changed.emit()

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
        trace = self.debugging.trace
        if self.saving is not None or trace is None or trace.path is None:
            if self.saving is None:
                self.message.emit("error", self.tr("There is no recording to save yet."))
            return None
        self.saving = Saving(trace, path, self)
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
            if saving.trace is self.debugging.trace:  # no other one is shown by now
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
        self.debugging.stop_playing()
        self.outcome = None
        self._recorded_document = self.document
        self.debugging.rename_breakpoints(self.document.file, self.document.name)
        self.document.file = self.document.name
        program = self.document.program()
        self._recording.start(program, self.recent.path_for(program.name), self.settings.backend)

    def warm_up(self) -> None:
        """Have the child process ready before it is needed, and what it takes loaded without holding the window up."""
        self.background.run(recording.load, self._warm_up, self._not_loaded)

    def _warm_up(self, nothing: None) -> None:
        self._recording.warm_up()

    def _not_loaded(self, error: Exception) -> None:
        raise error

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
        trace = self.debugging.trace
        self.recent.use_only(None if trace is None else trace.path)
        self.recent.refresh()

    # Choices

    def toggle_breakpoint_line(self, file: str, line: int) -> None:
        """Stop, or no longer stop, at a line; of the program shown, at the next one that holds code."""
        lines = self.debugging.breakpoints.lines
        if (file, line) not in lines and self.document is not None and file == self.document.file:
            stop = next_stop(self.document.program(), line)
            if stop is None:
                text = self.tr("No code from line {line} on, so there is nothing to stop at.")
                self.message.emit("info", text.replace("{line}", str(line)))
                return
            if (file, stop) in lines:
                return
            line = stop
        self.debugging.toggle_breakpoint_line(file, line)

    @Slot(int, int)
    def _lines_moved(self, after: int, count: int) -> None:
        if self.document is not None:
            self.debugging.move_breakpoints(self.document.file, after, count)

    def set_backend(self, backend: str) -> None:
        """Record with "numpy", the built-in engine, or "pytorch"."""
        self.settings.backend = backend

    @Slot(str)
    def _setting_changed(self, key: str) -> None:
        if key == "backend":
            self.recording_changed.emit()
        elif key == "play_speed":
            self.debugging.set_play_speed(self.settings.play_speed)

    def close(self) -> None:
        """End the child process and the threads; recordings that were not saved stay among the recent ones."""
        self.closing.emit()
        self.debugging.stop_playing()
        running = self.recorded_path if self.recording else None
        self._recording.close()
        self.background.close()
        if self.debugging.trace is not None:
            self.debugging.trace.close()
        if running is not None:
            self.recent.claim(running)
        self.recent.close()

    # Taking over what was read

    def _take_trace(self, opened: OpenTrace | None, file: Path | None = None) -> None:
        """Show a trace, or none; ``file`` is the person's own that it lies in."""
        old = self.debugging.trace
        self.trace_file = file
        self.debugging.show(opened.playhead if opened else None)
        if old is not None and old is not self.debugging.trace:
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
