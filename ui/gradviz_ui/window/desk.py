"""What actions act on."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import SignalInstance
from PySide6.QtWidgets import QMainWindow

from gradviz.trace.model import NodeId
from gradviz_ui.canvas.panel import CanvasPanel
from gradviz_ui.code.panel import CodePanel
from gradviz_ui.session import Debugging, Session
from gradviz_ui.window.arrangement import Arrangement
from gradviz_ui.window.files import FileQuestions
from gradviz_ui.window.palette import CommandPalette


@dataclass(frozen=True, slots=True)
class Desk:
    """The parts of a window that a person works with; an action is given them, and knows no more of the window."""

    window: QMainWindow
    session: Session
    files: FileQuestions
    canvas: CanvasPanel
    code: CodePanel
    arrangement: Arrangement
    palette: CommandPalette
    rewritten: SignalInstance
    """Everything in the window was made anew: whatever stands beside it has to be, too."""

    @property
    def debugging(self) -> Debugging:
        """The trace, and where we are in it."""
        return self.session.debugging

    @property
    def place(self) -> NodeId | tuple[str, int] | None:
        """What F9 and Ctrl+F10 speak of: the caret's line while the editor has the focus, else the node."""
        document = self.session.document
        if self.code.has_focus and document is not None:
            return document.file, self.code.editor.caret_line
        return self.debugging.selection.node
