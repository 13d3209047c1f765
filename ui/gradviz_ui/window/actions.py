"""Every action, one row each: menus, toolbar, shortcuts, command palette and help are made from the rows.

To add an action, add a row. ``run`` is called with the `Desk` of the window; ``when`` tells whether it can be done
now, ``checked`` whether a choice is in force. Keys work in the whole window, but a widget that types or
moves with a key keeps it (see `keys.py`): Right moves the caret in the editor and steps elsewhere.
Titles are translated under the context "Action".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QKeySequence

from gradviz.replay.moves import Move
from gradviz_ui.window import commands
from gradviz_ui.window.desk import Desk

Run = Callable[[Desk], object]
When = Callable[[Desk], bool]
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


def always(desk: Desk) -> bool:
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


def has_trace(desk: Desk) -> bool:
    """Is a trace shown?"""
    return desk.debugging.trace is not None


def can_go_on(desk: Desk) -> bool:
    """Are there events ahead?"""
    return desk.debugging.step < desk.debugging.last_step


def can_go_back(desk: Desk) -> bool:
    """Are there events behind?"""
    return desk.debugging.step > 0


def has_program(desk: Desk) -> bool:
    """Is a program shown?"""
    return desk.session.document is not None


def can_record(desk: Desk) -> bool:
    """Is there a program that does not run yet?"""
    return has_program(desk) and not desk.session.recording


def is_recording(desk: Desk) -> bool:
    """Does a program run?"""
    return desk.session.recording


def has_place(desk: Desk) -> bool:
    """Is there a trace, and a node or line in it to go to?"""
    return has_trace(desk) and desk.place is not None


def can_break(desk: Desk) -> bool:
    """Is there a node or a line to set a breakpoint on?"""
    return desk.place is not None


def has_breakpoints(desk: Desk) -> bool:
    """Is any breakpoint set?"""
    return bool(desk.debugging.breakpoints.nodes or desk.debugging.breakpoints.lines)


def _move(move: Move, desk: Desk) -> None:
    desk.debugging.move(move)


_Std = QKeySequence.StandardKey


def _moves(id: str, title: str, move: Move, *keys: Key, icon: str | None = None, separated: bool = False) -> Action:
    back = move.value.startswith("previous") or move is Move.START
    when = can_go_back if back else can_go_on
    return Action(id, title, STEP, partial(_move, move), keys, icon, when, separated=separated)


# fmt: off
ACTIONS: tuple[Action, ...] = (
    Action("file.new", "&New program", FILE, commands.new_program, (_Std.New,), "new"),
    Action("file.open", "&Open…", FILE, lambda d: d.files.open(), (_Std.Open,), "open"),
    Action("file.save", "&Save program", FILE, lambda d: d.files.save_program(), (_Std.Save,), "save",
           when=has_program, separated=True),
    Action("file.save_program_as", "Save program &as…", FILE, lambda d: d.files.save_program_as(),
           ("Ctrl+Shift+S",),
           when=has_program),
    Action("file.save_trace", "Save &recording as…", FILE, lambda d: d.files.save_trace_as(), ("Ctrl+Alt+S",),
           when=has_trace),
    Action("file.export", "&Export picture…", FILE, lambda d: d.canvas.export_dialog(), ("Ctrl+Shift+E",), "export",
           when=has_trace, separated=True),
    Action("file.copy_picture", "&Copy picture", FILE, lambda d: d.canvas.copy_picture(), ("Ctrl+Shift+C",), "copy",
           when=has_trace),
    Action("file.quit", "&Quit", FILE, lambda d: d.window.close(), ("Ctrl+Q",), separated=True),

    Action("edit.undo", "&Undo", EDIT, lambda d: d.code.undo(), (_Std.Undo,), when=has_program),
    Action("edit.redo", "&Redo", EDIT, lambda d: d.code.redo(), (_Std.Redo,), when=has_program),
    Action("edit.find", "&Find in code…", EDIT, commands.find_in_code, (_Std.Find,), when=has_program,
           separated=True),
    Action("edit.palette", "Find &node, tensor, command…", EDIT, lambda d: d.palette.enter(), ("Ctrl+K",),
           "search"),
    Action("edit.settings", "&Settings…", EDIT, commands.show_settings, ("Ctrl+,",), separated=True),

    Action("record.start", "&Record", RUN, commands.record, ("Ctrl+R",), "record", when=can_record),
    Action("record.stop", "&Stop", RUN, lambda d: d.session.stop(), ("Ctrl+.",), "stop", when=is_recording),
    Action("record.numpy", "Record with the &NumPy engine", RUN, lambda d: d.session.set_backend("numpy"),
           checked=lambda d: d.session.settings.backend == "numpy", separated=True),
    Action("record.pytorch", "Record with &PyTorch", RUN, lambda d: d.session.set_backend("pytorch"),
           checked=lambda d: d.session.settings.backend == "pytorch"),

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
    Action("step.play", "&Play", STEP, lambda d: d.debugging.toggle_playing(), ("Space",), "play",
           when=has_trace, checked=lambda d: d.debugging.playing, separated=True),
    Action("step.resume", "Continue &forwards", STEP, lambda d: d.debugging.resume(True), ("F5",), "resume",
           when=can_go_on),
    Action("step.resume_back", "Continue back&wards", STEP, lambda d: d.debugging.resume(False), ("Shift+F5",),
           when=can_go_back),
    Action("step.to_selection", "Go &to the selection", STEP, commands.go_to_selection, ("Ctrl+F10",),
           when=has_place),
    Action("step.back_to_selection", "Go back to the se&lection", STEP,
           partial(commands.go_to_selection, forward=False), ("Ctrl+Shift+F10",), when=has_place),
    Action("step.breakpoint", "Set or clear b&reakpoint", STEP, commands.toggle_breakpoint, ("F9",),
           "breakpoint", when=can_break, separated=True),
    Action("step.clear_breakpoints", "Clear all breakpo&ints", STEP, lambda d: d.debugging.clear_breakpoints(),
           ("Ctrl+Shift+F9",), when=has_breakpoints),

    Action("view.forward", "&Forward graph", VIEW, lambda d: d.debugging.set_view("forward"), ("Ctrl+1",),
           checked=lambda d: d.debugging.view == "forward"),
    Action("view.backward", "&Backward graph", VIEW, lambda d: d.debugging.set_view("backward"), ("Ctrl+2",),
           checked=lambda d: d.debugging.view == "backward"),
    Action("view.both", "B&oth graphs", VIEW, lambda d: d.debugging.set_view("both"), ("Ctrl+3",),
           checked=lambda d: d.debugging.view == "both"),
    Action("view.fit", "Fi&t graph", VIEW, lambda d: d.canvas.fit(), ("F",), "fit", when=has_trace,
           separated=True),
    Action("view.zoom_in", "Zoom &in", VIEW, lambda d: d.canvas.zoom_in(), (_Std.ZoomIn,), "zoom-in",
           when=has_trace),
    Action("view.zoom_out", "Zoom o&ut", VIEW, lambda d: d.canvas.zoom_out(), (_Std.ZoomOut,), "zoom-out",
           when=has_trace),
    Action("view.toggle_theme", "S&witch dark or light", VIEW, commands.toggle_theme, ("Ctrl+Shift+L",),
           separated=True),
    Action("view.menu_bar", "&Menu bar", VIEW, commands.toggle_menu_bar, ("Ctrl+Shift+M",),
           checked=lambda d: d.session.settings.menu_bar, separated=True),
    Action("view.next_panel", "Ne&xt panel", VIEW, lambda d: d.arrangement.move_focus(1), ("F6",)),
    Action("view.previous_panel", "Pre&vious panel", VIEW, lambda d: d.arrangement.move_focus(-1), ("Shift+F6",)),
    Action("view.full_screen", "Full scree&n", VIEW, commands.toggle_full_screen, (_Std.FullScreen,),
           checked=lambda d: d.window.isFullScreen()),
    Action("view.restore_panels", "&Restore all panels", VIEW, lambda d: d.arrangement.restore()),

    Action("help.keys", "&Keyboard shortcuts", HELP, commands.show_keys, ("F1",), "help"),
    Action("help.about", "&About gradviz", HELP, commands.show_about, separated=True),
)
# fmt: on
