"""Every action, one row each: menus, toolbar, shortcuts, command palette and help are made from the rows.

To add an action, add a row. ``run`` is called with the main window; ``when`` tells whether it can be done
now, ``checked`` whether a choice is in force. Keys work in the whole window, but a widget that types or
moves with a key keeps it (see `keys.py`): Right moves the caret in the editor and steps elsewhere.
Titles are translated under the context "Action".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QKeySequence

from gradviz.replay.moves import Move

if TYPE_CHECKING:
    from gradviz_ui.window.main_window import MainWindow

Run = Callable[["MainWindow"], object]
When = Callable[["MainWindow"], bool]
Key = str | QKeySequence.StandardKey

FILE, EDIT, RUN, STEP, VIEW, HELP = "file", "edit", "run", "step", "view", "help"

MENUS = {
    FILE: "&File",
    EDIT: "&Edit",
    RUN: "&Record",
    STEP: "&Step",
    VIEW: "&View",
    HELP: "&Help",
}


def always(window: MainWindow) -> bool:
    """Can be done at any time."""
    return True


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a person can do. ``keys`` are portable text such as "Ctrl+R", or Qt's standard keys."""

    id: str
    title: str
    menu: str
    run: Run
    keys: tuple[Key, ...] = ()
    icon: str | None = None
    when: When = always
    checked: When | None = None
    separated: bool = False
    """Does a line in the menu set it off from the row above?"""

    @property
    def text(self) -> str:
        """The title in the person's language, with the & that marks the menu's access key."""
        return QCoreApplication.translate("Action", self.title)

    @property
    def plain_text(self) -> str:
        """The title without the access key."""
        return self.text.replace("&", "")

    @property
    def sequences(self) -> list[QKeySequence]:
        """The keys as Qt knows them on this system; standard keys may have several, or none."""
        found: list[QKeySequence] = []
        for key in self.keys:
            if isinstance(key, str):
                found.append(QKeySequence(key))
            else:
                found += QKeySequence.keyBindings(key)
        return found

    @property
    def key_text(self) -> str:
        """The first key, as the system writes it; "" if there is none."""
        sequences = self.sequences
        return sequences[0].toString(QKeySequence.SequenceFormat.NativeText) if sequences else ""


def has_trace(window: MainWindow) -> bool:
    """Is a trace shown?"""
    return window.session.debugging.trace is not None


def can_go_on(window: MainWindow) -> bool:
    """Are there events ahead?"""
    return window.session.debugging.step < window.session.debugging.last_step


def can_go_back(window: MainWindow) -> bool:
    """Are there events behind?"""
    return window.session.debugging.step > 0


def has_program(window: MainWindow) -> bool:
    """Is a program shown?"""
    return window.session.document is not None


def can_record(window: MainWindow) -> bool:
    """Is there a program that does not run yet?"""
    return has_program(window) and not window.session.recording


def is_recording(window: MainWindow) -> bool:
    """Does a program run?"""
    return window.session.recording


def has_place(window: MainWindow) -> bool:
    """Is there a trace, and a node or line in it to go to?"""
    return has_trace(window) and window.selected_place() is not None


def can_break(window: MainWindow) -> bool:
    """Is there a node or a line to set a breakpoint on?"""
    return window.selected_place() is not None


def has_breakpoints(window: MainWindow) -> bool:
    """Is any breakpoint set?"""
    return bool(window.session.debugging.breakpoints.nodes or window.session.debugging.breakpoints.lines)


def _move(move: Move, window: MainWindow) -> None:
    window.session.debugging.move(move)


_Std = QKeySequence.StandardKey


def _moves(id: str, title: str, move: Move, *keys: Key, icon: str | None = None, separated: bool = False) -> Action:
    back = move.value.startswith("previous") or move is Move.START
    when = can_go_back if back else can_go_on
    return Action(id, title, STEP, partial(_move, move), keys, icon, when, separated=separated)


# fmt: off
ACTIONS: tuple[Action, ...] = (
    Action("file.new", "&New program", FILE, lambda w: w.new_program(), (_Std.New,), "new"),
    Action("file.open", "&Open…", FILE, lambda w: w.open_dialog(), (_Std.Open,), "open"),
    Action("file.save", "&Save program", FILE, lambda w: w.save_program(), (_Std.Save,), "save",
           when=has_program, separated=True),
    Action("file.save_program_as", "Save program &as…", FILE, lambda w: w.save_program_as(),
           ("Ctrl+Shift+S",),
           when=has_program),
    Action("file.save_trace", "Save &recording as…", FILE, lambda w: w.save_trace_as(), ("Ctrl+Alt+S",),
           when=has_trace),
    Action("file.export", "&Export picture…", FILE, lambda w: w.export_dialog(), ("Ctrl+Shift+E",), "export",
           when=has_trace, separated=True),
    Action("file.copy_picture", "&Copy picture", FILE, lambda w: w.copy_picture(), ("Ctrl+Shift+C",), "copy",
           when=has_trace),
    Action("file.quit", "&Quit", FILE, lambda w: w.close(), ("Ctrl+Q",), separated=True),

    Action("edit.undo", "&Undo", EDIT, lambda w: w.code.undo(), (_Std.Undo,), when=has_program),
    Action("edit.redo", "&Redo", EDIT, lambda w: w.code.redo(), (_Std.Redo,), when=has_program),
    Action("edit.find", "&Find in code…", EDIT, lambda w: w.find_in_code(), (_Std.Find,), when=has_program,
           separated=True),
    Action("edit.palette", "Find &node, tensor, command…", EDIT, lambda w: w.open_palette(), ("Ctrl+K",),
           "search"),
    Action("edit.settings", "&Settings…", EDIT, lambda w: w.show_settings(), ("Ctrl+,",), separated=True),

    Action("record.start", "&Record", RUN, lambda w: w.record(), ("Ctrl+R",), "record", when=can_record),
    Action("record.stop", "&Stop", RUN, lambda w: w.session.stop(), ("Ctrl+.",), "stop", when=is_recording),
    Action("record.numpy", "Record with the &NumPy engine", RUN, lambda w: w.session.set_backend("numpy"),
           checked=lambda w: w.session.settings.backend == "numpy", separated=True),
    Action("record.pytorch", "Record with &PyTorch", RUN, lambda w: w.session.set_backend("pytorch"),
           checked=lambda w: w.session.settings.backend == "pytorch"),

    _moves("step.next_event", "Next &event", Move.NEXT_EVENT, "Right", "Alt+Right", icon="next-event"),
    _moves("step.previous_event", "Pre&vious event", Move.PREVIOUS_EVENT, "Left", "Alt+Left",
           icon="previous-event"),
    _moves("step.next_node", "Next &node", Move.NEXT_NODE, "Down", "Alt+Down", icon="next-node"),
    _moves("step.previous_node", "Previous n&ode", Move.PREVIOUS_NODE, "Up", "Alt+Up", icon="previous-node"),
    _moves("step.next_accumulate", "Next &accumulation", Move.NEXT_ACCUMULATE, "Ctrl+Right", separated=True),
    _moves("step.previous_accumulate", "Previous a&ccumulation", Move.PREVIOUS_ACCUMULATE, "Ctrl+Left"),
    _moves("step.next_call", "Next &backward call", Move.NEXT_CALL, "Shift+Right", "Alt+Shift+Right",
           icon="next-call"),
    _moves("step.previous_call", "Previous bac&kward call", Move.PREVIOUS_CALL, "Shift+Left",
           "Alt+Shift+Left",
           icon="previous-call"),
    _moves("step.start", "&Start", Move.START, "Home", "Alt+Home", icon="start"),
    _moves("step.end", "En&d", Move.END, "End", "Alt+End", icon="end"),
    Action("step.play", "&Play", STEP, lambda w: w.session.debugging.toggle_playing(), ("Space",), "play",
           when=has_trace, checked=lambda w: w.session.debugging.playing, separated=True),
    Action("step.resume", "Continue &forwards", STEP, lambda w: w.session.debugging.resume(True), ("F5",), "resume",
           when=can_go_on),
    Action("step.resume_back", "Continue back&wards", STEP, lambda w: w.session.debugging.resume(False), ("Shift+F5",),
           when=can_go_back),
    Action("step.to_selection", "Go &to the selection", STEP, lambda w: w.go_to_selection(), ("Ctrl+F10",),
           when=has_place),
    Action("step.back_to_selection", "Go back to the se&lection", STEP,
           lambda w: w.go_to_selection(forward=False), ("Ctrl+Shift+F10",), when=has_place),
    Action("step.breakpoint", "Set or clear b&reakpoint", STEP, lambda w: w.toggle_breakpoint(), ("F9",),
           "breakpoint", when=can_break, separated=True),
    Action("step.clear_breakpoints", "Clear all breakpo&ints", STEP, lambda w: w.session.debugging.clear_breakpoints(),
           ("Ctrl+Shift+F9",), when=has_breakpoints),

    Action("view.forward", "&Forward graph", VIEW, lambda w: w.session.debugging.set_view("forward"), ("Ctrl+1",),
           checked=lambda w: w.session.debugging.view == "forward"),
    Action("view.backward", "&Backward graph", VIEW, lambda w: w.session.debugging.set_view("backward"), ("Ctrl+2",),
           checked=lambda w: w.session.debugging.view == "backward"),
    Action("view.both", "B&oth graphs", VIEW, lambda w: w.session.debugging.set_view("both"), ("Ctrl+3",),
           checked=lambda w: w.session.debugging.view == "both"),
    Action("view.fit", "Fi&t graph", VIEW, lambda w: w.canvas.fit(), ("F",), "fit", when=has_trace,
           separated=True),
    Action("view.zoom_in", "Zoom &in", VIEW, lambda w: w.canvas.zoom_in(), (_Std.ZoomIn,), "zoom-in",
           when=has_trace),
    Action("view.zoom_out", "Zoom o&ut", VIEW, lambda w: w.canvas.zoom_out(), (_Std.ZoomOut,), "zoom-out",
           when=has_trace),
    Action("view.toggle_theme", "S&witch dark or light", VIEW, lambda w: w.toggle_theme(), ("Ctrl+Shift+L",),
           separated=True),
    Action("view.menu_bar", "&Menu bar", VIEW, lambda w: w.toggle_menu_bar(), ("Ctrl+Shift+M",),
           checked=lambda w: w.session.settings.menu_bar, separated=True),
    Action("view.next_panel", "Ne&xt panel", VIEW, lambda w: w.focus_panel(1), ("F6",)),
    Action("view.previous_panel", "Pre&vious panel", VIEW, lambda w: w.focus_panel(-1), ("Shift+F6",)),
    Action("view.full_screen", "Full scree&n", VIEW, lambda w: w.toggle_full_screen(), (_Std.FullScreen,),
           checked=lambda w: w.isFullScreen()),
    Action("view.restore_panels", "&Restore all panels", VIEW, lambda w: w.restore_panels()),

    Action("help.keys", "&Keyboard shortcuts", HELP, lambda w: w.show_keys(), ("F1",), "help"),
    Action("help.about", "&About gradviz", HELP, lambda w: w.show_about(), separated=True),
)
# fmt: on

BY_ID = {action.id: action for action in ACTIONS}
