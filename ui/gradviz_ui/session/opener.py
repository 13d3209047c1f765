"""Opens one file at a time, in the background: whoever asked last is served."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from gradviz.recording.program import Program
from gradviz_ui.session.background import Background
from gradviz_ui.session.opening import FAILURES, PROGRAM_SUFFIXES, TRACE_SUFFIX, OpenTrace, open_trace, reason
from gradviz_ui.settings import Settings


class Opener(QObject):
    """Reads programs and traces on another thread and hands them over on the window's own."""

    changed = Signal()
    """A file is being read, or no longer."""
    refused = Signal(str)
    """Why a file cannot be opened, in one line."""

    def __init__(self, background: Background, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self._settings = settings
        self._work: int | None = None

    @property
    def loading(self) -> bool:
        """Is a file being read?"""
        return self._work is not None

    def open(
        self,
        path: Path,
        step: int | None,
        program_read: Callable[[Path, Program], None],
        trace_read: Callable[[Path, OpenTrace], None],
    ) -> None:
        """Read the file; one of the two gets it, or `refused` says why not. ``step`` is for traces."""
        suffix = path.suffix.lower()
        if suffix not in (*PROGRAM_SUFFIXES, TRACE_SUFFIX):
            text = self.tr("{name} is not a .py, .ipynb or .gradviz file.")
            self.refused.emit(text.replace("{name}", path.name))
        elif not path.exists():
            self._settings.forget_recent_file(path.absolute())
            self.refused.emit(self.tr("There is no file {path}.").replace("{path}", str(path)))
        elif suffix == TRACE_SUFFIX:
            self.open_trace(path, partial(trace_read, path), step)
        else:
            self._read(partial(Program.load, path), partial(program_read, path), path)

    def open_trace(self, path: Path, read: Callable[[OpenTrace], None], step: int | None = None) -> None:
        """Read a trace; ``read`` gets it, or `refused` says why not."""
        self._read(partial(open_trace, path, step), read, path)

    def _read(self, work: Callable[[], Any], read: Callable[[Any], None], path: Path) -> None:
        self._background.forget(self._work)
        self._work = self._background.run(work, partial(self._done, read), partial(self._failed, path))
        self.changed.emit()

    def _done(self, read: Callable[[Any], None], what: Any) -> None:
        self._over()
        read(what)

    def _failed(self, path: Path, error: Exception) -> None:
        self._over()
        if not isinstance(error, FAILURES):
            raise error
        text = self.tr("{name} cannot be opened: {why}")
        self.refused.emit(text.replace("{name}", path.name).replace("{why}", reason(error)))

    def _over(self) -> None:
        self._work = None
        self.changed.emit()
