"""The code pane: the editor, what stepping marks in it, and a line that says where the program is."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from gradviz.trace.events import Error
from gradviz_ui import theme
from gradviz_ui.code.editor import Editor
from gradviz_ui.code.find_bar import FindBar
from gradviz_ui.elided import ElidedLabel
from gradviz_ui.session import Session
from gradviz_ui.wording import call_text


class CodePanel(QWidget):
    """Shows and edits the session's program."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("code_panel")
        self.session = session
        self.editor = Editor(self)
        self.editor.setObjectName("editor")
        self.editor.setAccessibleName(self.tr("Program"))
        self.editor.setPlaceholderText(self.tr("Open a program (Ctrl+O), or write one and record it (Ctrl+R)."))
        self.setFocusProxy(self.editor)
        self.find_bar = FindBar(self.editor, self)
        self.note = ElidedLabel(parent=self)
        self.note.setObjectName("code_note")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.find_bar)
        layout.addWidget(self.editor, 1)
        layout.addWidget(self.note)
        self.outdated = False
        """Was the program edited since it was recorded?"""
        self.editor.breakpoint_clicked.connect(self._breakpoint_clicked)
        session.program_changed.connect(self._show_program)
        session.program_edited.connect(self._compare)
        session.recording_changed.connect(self._show_step)
        session.debugging.trace_changed.connect(self._compare)
        session.debugging.step_changed.connect(self._show_step)
        session.debugging.breakpoints_changed.connect(self._show_breakpoints)
        session.debugging.line_requested.connect(self._go_to)
        theme.themes().changed.connect(self._restyle)
        self._restyle()
        self._show_program()

    def open_find_bar(self) -> None:
        """Open the find bar."""
        self.find_bar.enter()

    def undo(self) -> None:
        """Take back the last edit."""
        self.editor.undo_edit()

    def redo(self) -> None:
        """Do again what was taken back."""
        self.editor.redo_edit()

    @property
    def has_focus(self) -> bool:
        """Is the person typing in the program?"""
        return self.editor.hasFocus()

    @Slot()
    def _show_program(self) -> None:
        document = self.session.document
        if document is not self.editor.document_shown:
            self.editor.show_document(document)
        self._show_breakpoints()
        self._compare()

    @Slot()
    def _compare(self) -> None:
        """Does the text still say what was recorded?"""
        trace, document = self.session.debugging.trace, self.session.document
        recorded = trace.sources[0].text if trace is not None and trace.sources else None
        self.outdated = recorded is not None and document is not None and document.text != recorded
        self._show_step()

    @Slot()
    def _show_step(self) -> None:
        line = self._line()
        failed = isinstance(self.session.debugging.current_event, Error)
        if self.outdated:
            self.editor.mark_current(None)
        else:
            self.editor.mark_current(line, failed)
        self.note.setText(self._note(line))

    def _line(self) -> int | None:
        playhead, document = self.session.debugging.playhead, self.session.document
        location = playhead.location if playhead is not None else None
        if location is None or document is None or location[0] != document.file:
            return None
        return location[1]

    def _note(self, line: int | None) -> str:
        if self.session.recording:
            return self.tr("Recording… Stop with Ctrl+.")
        if self.outdated:
            return self.tr("Edited since it was recorded. Record again (Ctrl+R) to step through it.")
        if self.session.debugging.trace is None:
            return "" if self.session.document is None else self.tr("Not recorded yet. Record with Ctrl+R.")
        playhead = self.session.debugging.playhead
        location = playhead.location if playhead is not None else None
        if location is not None and line is None:
            text = self.tr("Now in {file}, line {line}")
            return text.replace("{file}", location[0]).replace("{line}", str(location[1]))
        if line is None:
            return self.tr("Before the first line")
        code = self.session.document.line(line).strip() if self.session.document is not None else ""
        trace, call = self.session.debugging.trace, playhead.call if playhead is not None else None
        if call is None or trace is None:
            text = self.tr("Now at line {line}: {code}")
        else:
            text = self.tr("Now at line {line}: {call}").replace("{call}", call_text(trace, call))
        return text.replace("{line}", str(line)).replace("{code}", code)

    @Slot()
    def _show_breakpoints(self) -> None:
        document = self.session.document
        file = document.file if document is not None else None
        lines = frozenset(line for name, line in self.session.debugging.breakpoints.lines if name == file)
        self.editor.mark_breakpoints(lines)

    @Slot(int)
    def _breakpoint_clicked(self, line: int) -> None:
        if self.session.document is not None:
            self.session.toggle_breakpoint_line(self.session.document.file, line)

    @Slot(str, int)
    def _go_to(self, file: str, line: int) -> None:
        document = self.session.document
        # Tracebacks call the program by its path, or, if it has none, by its name in angle brackets.
        if document is not None and file in (document.file, str(document.path), f"<{document.file}>"):
            self.editor.go_to_line(line)

    @Slot()
    def _restyle(self) -> None:
        colors = theme.current()
        self.editor.restyle()
        palette = self.note.palette()
        palette.setColor(palette.ColorRole.Window, colors.editor)
        palette.setColor(palette.ColorRole.WindowText, colors.muted)
        self.note.setPalette(palette)
        self.note.setAutoFillBackground(True)
        self.note.setFont(theme.ui_font(theme.UI_SIZE - 1))
        self.note.setContentsMargins(18, 6, 8, 10)
