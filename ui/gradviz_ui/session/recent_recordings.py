"""Recordings that were not saved, as one window follows them: where they go, which are kept, which is in use."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from gradviz.trace.lock import TraceLock
from gradviz_ui.counting import counted
from gradviz_ui.session.background import Background
from gradviz_ui.session.opening import reason
from gradviz_ui.session.recordings import Kept, Recordings, claim
from gradviz_ui.settings import Settings


class RecentRecordings(QObject):
    """Looks into the folder on other threads; `kept` is what was there at the last look, the newest first."""

    kept: list[Kept]

    changed = Signal()
    """`kept` is another list."""
    offered = Signal(str, str, object)
    """A recording whose window was killed, or crashed: a line of text, the title of a button, and its path."""
    message = Signal(str, str)
    """A level and a line of text for the person."""

    def __init__(self, settings: Settings, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.kept = []
        self._settings = settings
        self._background = background
        self._claims: dict[Path, TraceLock | None] = {}
        self._superseded: set[Path] = set()
        self._temporary: Path | None = None
        self._looks = 0
        """How often the folder was looked through: looks overlap, and only the last one tells what there is."""

    @property
    def recordings(self) -> Recordings:
        """The folder, as it is set now."""
        return Recordings(self._settings.recordings_folder)

    def path_for(self, program: str) -> Path:
        """Where to record a program to: among those that are kept, wherever that is possible."""
        try:
            return self.recordings.new_path(program)
        except OSError as error:
            if self._temporary is None:
                self._temporary = Path(tempfile.mkdtemp(prefix="gradviz-"))
                self._tell_not_kept(error)
            return Recordings(self._temporary).new_path(program)

    def holds(self, path: Path | None) -> bool:
        """Is the recording one that nobody saved?"""
        return path is not None and (self.outlasts(path) or path.parent == self._temporary)

    def outlasts(self, path: Path) -> bool:
        """Is the recording there still when the window is closed?"""
        return self.recordings.holds(path)

    def claim(self, path: Path) -> None:
        """Have a recording in use, so that no window removes it."""
        if self.holds(path) and path not in self._claims:
            self._claims[path] = claim(path)

    def use_only(self, path: Path | None) -> None:
        """Have this recording in use, and no other."""
        if path is not None:
            self.claim(path)
        for other in [claimed for claimed in self._claims if claimed != path]:
            lock = self._claims.pop(other)
            if lock is not None:
                lock.release()
            if other in self._superseded:
                self._superseded.discard(other)
                Recordings(other.parent).remove(other)

    def supersede(self, path: Path) -> None:
        """The recording was saved elsewhere: it goes once it is no longer in use."""
        if path in self._claims:
            self._superseded.add(path)
        elif self.holds(path):
            Recordings(path.parent).remove(path)

    def refresh(self) -> None:
        """Remove what is too much, and look what there is."""
        self._look(lambda recordings: recordings.prune())

    def clear(self) -> None:
        """Remove all that no window has in use."""
        self._look(lambda recordings: recordings.clear())

    def look_back(self) -> None:
        """Find out whether a window fell; `offered` tells of it."""
        self._background.run(self.recordings.fallen, self._found_fallen, self._not_found)

    def close(self) -> None:
        """Have nothing in use any more."""
        self.use_only(None)
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def _look(self, first: Callable[[Recordings], None]) -> None:
        recordings = self.recordings
        self._looks += 1
        number = self._looks

        def look() -> list[Kept]:
            first(recordings)
            return recordings.listed()

        def found(kept: list[Kept]) -> None:
            if number == self._looks:
                self._found(kept)

        self._background.run(look, found, self._not_found)

    def _found(self, kept: list[Kept]) -> None:
        kept = [each for each in kept if each.path not in self._superseded]
        if kept != self.kept:
            self.kept = kept
            self.changed.emit()

    def _found_fallen(self, kept: Kept | None) -> None:
        if kept is not None:
            text = self.tr("gradviz ended unexpectedly. Its recording of {name} is kept: {events}.")
            text = text.replace("{name}", kept.program).replace("{events}", counted(kept.facts.events, "event"))
            self.offered.emit(text, self.tr("Open it"), kept.path)

    def _tell_not_kept(self, error: OSError) -> None:
        text = self.tr("Recordings that are not saved are lost when gradviz closes: {folder} cannot be used: {why}")
        text = text.replace("{folder}", str(self._settings.recordings_folder)).replace("{why}", reason(error))
        self.message.emit("warning", text)

    def _not_found(self, error: Exception) -> None:
        raise error
