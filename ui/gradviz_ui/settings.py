"""What the window remembers between runs: one row for each choice, and what it saw last.

To add a choice, add a `Setting` to `Settings`: its check, what it falls back to, and that Reset puts it back
follow. A row in `window/settings_dialog.py` lets the person make it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar, cast, get_args, overload

from PySide6.QtCore import QByteArray, QObject, QSettings, QStandardPaths, Signal
from PySide6.QtWidgets import QApplication, QStyle

from gradviz_ui.theme import Choice

LAYOUT_VERSION = 1
"""Of the arrangement of docks: raise it when docks come or change their names, to drop old arrangements."""

RECENT_LIMIT = 10

T = TypeVar("T", bound=str | int | bool)
_WORDS = {"true": True, "false": False}


class Setting(Generic[T]):
    """One choice: a typed attribute of `Settings`, kept as text under its own name.

    ``allowed`` are the values to choose from, ``within`` the lowest and highest of a range of whole numbers; a
    text with neither is a folder. What is missing, of another type or not allowed reads as ``default``; writing
    it is a ValueError.
    """

    def __init__(self, default: T, allowed: tuple[T, ...] = (), within: tuple[int, int] | None = None) -> None:
        self.default = default
        self.allowed = allowed
        self.within = within
        self.key = ""

    def __set_name__(self, owner: type[Settings], name: str) -> None:
        self.key = name

    @overload
    def __get__(self, settings: None, owner: type[Settings]) -> Setting[T]: ...
    @overload
    def __get__(self, settings: Settings, owner: type[Settings]) -> T: ...
    def __get__(self, settings: Settings | None, owner: type[Settings]) -> Setting[T] | T:
        return self if settings is None else self.read(settings.stored(self.key))

    def __set__(self, settings: Settings, value: T) -> None:
        if not self.fits(value):
            raise ValueError(f"{self.key} cannot be {value!r}")
        if value != self.__get__(settings, Settings):
            settings.store(self.key, str(value).lower() if isinstance(value, bool) else str(value))

    def fits(self, value: object) -> bool:
        """Can this be chosen?"""
        if type(value) is not type(self.default):
            return False
        if self.within is not None:
            return self.within[0] <= cast(int, value) <= self.within[1]
        if isinstance(value, str) and not self.allowed:
            return not value or Path(value).is_absolute()
        return not self.allowed or value in self.allowed

    @property
    def choices(self) -> Sequence[T | int]:
        """Everything there is to choose from, as far as it can be listed."""
        return range(self.within[0], self.within[1] + 1) if self.within is not None else self.allowed

    def read(self, stored: object) -> T:
        """The value that was stored as text, or the default."""
        value: object = stored
        if isinstance(self.default, bool):
            value = _WORDS.get(stored) if isinstance(stored, str) else stored
        elif isinstance(self.default, int) and isinstance(stored, str):
            value = int(stored) if stored.lstrip("-").isascii() and stored.lstrip("-").isdigit() else None
        return cast(T, value) if self.fits(value) else self.default


class Settings(QObject):
    """Typed attributes over one QSettings; a damaged file reads as the defaults."""

    changed = Signal(str)
    """The key of a choice that has another value now."""

    theme: Setting[str] = Setting("system", allowed=get_args(Choice))
    language: Setting[str] = Setting("system", allowed=("system", "en", "zh_CN"))
    text_scale: Setting[int] = Setting(100, allowed=(80, 90, 100, 110, 125, 150))
    """Per cent."""
    decimals: Setting[int] = Setting(2, within=(0, 6))
    exponent_below: Setting[int] = Setting(-3, within=(-9, 0))
    exponent_from: Setting[int] = Setting(5, within=(2, 12))
    """Numbers below and from these powers of ten are written with an exponent."""
    play_speed: Setting[int] = Setting(100, allowed=(25, 50, 100, 200, 400))
    """Per cent."""
    motion: Setting[str] = Setting("system", allowed=("system", "full", "reduced"))
    start: Setting[str] = Setting("example", allowed=("example", "last", "empty"))
    """What is shown when gradviz is started without a file."""
    backend: Setting[str] = Setting("numpy", allowed=("numpy", "pytorch"))
    """What records."""
    kept_in: Setting[str] = Setting("")
    """The folder where recordings are kept; empty for the usual one (see `recordings_folder`)."""
    menu_bar: Setting[bool] = Setting(False)
    """Is the menu bar shown above the top bar? (macOS has one in any case.)"""
    follow: Setting[bool] = Setting(True)
    """Does the canvas move to the running node where that is out of sight?"""

    def __init__(self, store: QSettings | None = None) -> None:
        super().__init__()
        self._store = store or QSettings("gradviz", "gradviz")
        self._for_this_run: dict[str, str] = {}

    def use_for_this_run(self, key: str, value: str) -> None:
        """Have in force what the command line says, until the person chooses otherwise; it is not kept."""
        self._for_this_run[key] = value

    def stored(self, key: str) -> Any:
        """What is in force under a key, or else in the file; None if nothing."""
        return self._for_this_run.get(key, self._store.value(key))

    def store(self, key: str, value: str) -> None:
        """Keep a text under the key of a choice, and say so."""
        self._for_this_run.pop(key, None)
        self._store.setValue(key, value)
        self.changed.emit(key)

    def reset(self) -> None:
        """Put every choice back to its default. Recent files and the arrangement stay."""
        for setting in all_settings():
            before = getattr(self, setting.key)
            self._for_this_run.pop(setting.key, None)
            self._store.remove(setting.key)
            if before != setting.default:
                self.changed.emit(setting.key)

    def forget_arrangement(self) -> None:
        """Let the next window stand as on the first day."""
        self._store.remove("arrangement")

    @property
    def reduced_motion(self) -> bool:
        """Should nothing flash, slide or fade? Where it is left to the system, as its other programs do."""
        if self.motion != "system":
            return self.motion == "reduced"
        style = QApplication.style()
        return style is not None and style.styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration) == 0

    @property
    def recordings_folder(self) -> Path:
        """Where recordings that were not saved are kept; by default a private folder of this program."""
        return Path(self.kept_in) if self.kept_in else default_recordings_folder()

    @recordings_folder.setter
    def recordings_folder(self, folder: Path | None) -> None:
        self.kept_in = "" if folder is None else str(folder.absolute())

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


def default_recordings_folder() -> Path:
    """The folder for recordings where the system wants it, whatever program calls (``gradviz.show``)."""
    place = QStandardPaths.StandardLocation.GenericDataLocation
    return Path(QStandardPaths.writableLocation(place)) / "gradviz" / "recordings"


def all_settings() -> Iterator[Setting[Any]]:
    """The choices, as declared."""
    return (value for value in vars(Settings).values() if isinstance(value, Setting))
