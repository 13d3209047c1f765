"""What the window remembers between runs, each thing with its type."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast, get_args

from PySide6.QtCore import QByteArray, QSettings, QStandardPaths

from gradviz_ui.theme import Choice

LAYOUT_VERSION = 1
"""Of the arrangement of docks: raise it when docks come or change their names, to drop old arrangements."""

RECENT_LIMIT = 10


class Settings:
    """Typed properties over one QSettings; whatever is missing or of another type reads as the default."""

    def __init__(self, store: QSettings | None = None) -> None:
        self._store = store or QSettings("gradviz", "gradviz")

    @property
    def theme(self) -> Choice:
        """ "system", "dark" or "light"."""
        value = self._text("theme", "system")
        return cast(Choice, value) if value in get_args(Choice) else "system"

    @theme.setter
    def theme(self, value: Choice) -> None:
        self._store.setValue("theme", value)

    @property
    def language(self) -> str:
        """A language such as "zh_CN", or "system"."""
        return self._text("language", "system")

    @language.setter
    def language(self, value: str) -> None:
        self._store.setValue("language", value)

    @property
    def backend(self) -> str:
        """What records: "numpy" or "pytorch"."""
        return self._text("backend", "numpy")

    @backend.setter
    def backend(self, value: str) -> None:
        self._store.setValue("backend", value)

    @property
    def menu_bar(self) -> bool:
        """Is the menu bar shown above the top bar? (macOS has one in any case.)"""
        return self._text("menu_bar", "no") == "yes"

    @menu_bar.setter
    def menu_bar(self, value: bool) -> None:
        self._store.setValue("menu_bar", "yes" if value else "no")

    @property
    def follow(self) -> bool:
        """Does the canvas move to the running node where that is out of sight?"""
        return self._text("follow", "true") != "false"

    @follow.setter
    def follow(self, value: bool) -> None:
        self._store.setValue("follow", "true" if value else "false")

    @property
    def recordings_folder(self) -> Path:
        """Where recordings that were not saved are kept; by default a private folder of this program."""
        chosen = self._text("recordings_folder", "")
        return Path(chosen) if chosen else default_recordings_folder()

    @recordings_folder.setter
    def recordings_folder(self, folder: Path | None) -> None:
        self._store.setValue("recordings_folder", "" if folder is None else str(folder.absolute()))

    @property
    def recent_files(self) -> list[Path]:
        """Files opened lately, the last one first; at most `RECENT_LIMIT`."""
        value = self._store.value("recent_files")
        # A list of one comes back as a plain string from some of QSettings' stores.
        names = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        return [Path(name) for name in names if isinstance(name, str) and name][:RECENT_LIMIT]

    def add_recent_file(self, path: Path) -> None:
        """Put ``path`` at the head of the recent files."""
        path = path.absolute()
        others = [other for other in self.recent_files if other != path]
        self._store.setValue("recent_files", [str(each) for each in (path, *others)][:RECENT_LIMIT])

    def forget_recent_file(self, path: Path) -> None:
        """Take ``path`` off the recent files (it is gone)."""
        self._store.setValue("recent_files", [str(each) for each in self.recent_files if each != path])

    def clear_recent_files(self) -> None:
        """Forget all recent files."""
        self._store.remove("recent_files")

    @property
    def arrangement(self) -> tuple[QByteArray, QByteArray] | None:
        """The window's geometry and the docks' state, as saved by this version; else None."""
        if self._store.value("arrangement/version") not in (LAYOUT_VERSION, str(LAYOUT_VERSION)):
            return None
        geometry, state = self._store.value("arrangement/geometry"), self._store.value("arrangement/state")
        if isinstance(geometry, QByteArray) and isinstance(state, QByteArray):
            return geometry, state
        return None

    @arrangement.setter
    def arrangement(self, value: tuple[QByteArray, QByteArray]) -> None:
        self._store.setValue("arrangement/version", LAYOUT_VERSION)
        self._store.setValue("arrangement/geometry", value[0])
        self._store.setValue("arrangement/state", value[1])

    def sync(self) -> None:
        """Write everything out now."""
        self._store.sync()

    def _text(self, key: str, default: str) -> str:
        value: Any = self._store.value(key)
        return value if isinstance(value, str) and value else default


def default_recordings_folder() -> Path:
    """The folder for recordings as the system wants it."""
    place = QStandardPaths.StandardLocation.AppDataLocation
    return Path(QStandardPaths.writableLocation(place)) / "recordings"
