"""Colours and fonts by role: the only place where the window's looks are decided.

The numbers are data (``resources/themes/*.json``); a widget asks ``theme.current().done`` when it paints and
repaints when ``theme.themes().changed`` fires. Who wants another theme writes ``settings.theme``: `Appearance`
follows the settings and chooses here, and that is the only way. Roles are jobs, not hues: ``running`` is
whatever colour the running node has in this theme.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from functools import cache
from typing import Literal, get_args

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication

from gradviz import resources

Choice = Literal["system", "dark", "light"]

UI_SIZE = 13
"""Text of the window, in device-independent pixels."""
MONO_SIZE = 12
"""Code, numbers and shapes."""

UI_FAMILIES = ["Inter", "Segoe UI", "SF Pro Text", "Noto Sans"]
MONO_FAMILIES = ["DejaVu Sans Mono", "Menlo", "Consolas", "monospace"]


@dataclass(frozen=True, slots=True)
class Theme:
    """One set of colours. ``freed`` or ``forward`` name a role; `tint` makes the paler fills from them."""

    name: str
    dark: bool

    window: QColor
    panel: QColor
    raised: QColor
    canvas: QColor
    editor: QColor
    border: QColor
    outline: QColor
    text: QColor
    muted: QColor
    faint: QColor
    accent: QColor
    accent_text: QColor
    selection: QColor
    link: QColor

    ready: QColor
    running: QColor
    done: QColor
    freed: QColor
    error: QColor

    forward: QColor
    backward: QColor
    zero: QColor
    write: QColor

    edge: QColor
    heat_low: QColor
    heat_high: QColor
    heat_negative: QColor
    grid: QColor

    editor_current: QColor
    editor_breakpoint: QColor
    syntax_keyword: QColor
    syntax_builtin: QColor
    syntax_function: QColor
    syntax_string: QColor
    syntax_number: QColor
    syntax_comment: QColor
    syntax_operator: QColor
    syntax_decorator: QColor

    def tint(self, color: QColor, amount: float = 0.3, on: QColor | None = None) -> QColor:
        """``amount`` of ``color`` laid over ``on`` (the panel by default), as one opaque colour."""
        return mix(on or self.panel, color, amount)


def mix(a: QColor, b: QColor, amount: float) -> QColor:
    """The colour ``amount`` (0 to 1) of the way from ``a`` to ``b``."""

    def between(x: int, y: int) -> int:
        return round(x + (y - x) * amount)

    return QColor(between(a.red(), b.red()), between(a.green(), b.green()), between(a.blue(), b.blue()))


@cache
def load(name: str) -> Theme:
    """The theme of ``resources/themes/<name>.json``; a missing or unknown role is a ValueError."""
    data = json.loads(resources.path("themes", f"{name}.json").read_text(encoding="utf-8"))
    colors = data["colors"]
    roles = {field.name for field in fields(Theme)} - {"name", "dark"}
    if roles != colors.keys():
        raise ValueError(f"theme {name}: these roles do not match: {sorted(roles ^ colors.keys())}")
    return Theme(name=data["name"], dark=data["dark"], **{role: QColor(colors[role]) for role in roles})


class Themes(QObject):
    """Which theme is in force: the person's choice, or the system's where the choice is "system"."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._choice: Choice = "system"
        self._current = load("dark")
        hints = QGuiApplication.styleHints()
        if hints is not None:
            hints.colorSchemeChanged.connect(self._apply)
            self._apply()

    @property
    def current(self) -> Theme:
        """The theme to paint with."""
        return self._current

    def choose(self, choice: Choice) -> None:
        """Use "dark", "light", or what the "system" says."""
        if choice not in get_args(Choice):
            raise ValueError(f"theme {choice!r} is none of {', '.join(get_args(Choice))}")
        self._choice = choice
        self._apply()

    def _apply(self) -> None:
        name = self._choice if self._choice != "system" else _system_name()
        if name != self._current.name:
            self._current = load(name)
            self.changed.emit()


def _system_name() -> str:
    scheme = QGuiApplication.styleHints().colorScheme()
    return "light" if scheme == Qt.ColorScheme.Light else "dark"


_themes: Themes | None = None


def themes() -> Themes:
    """The application's one `Themes`; made on first use, when a QGuiApplication must exist."""
    global _themes
    if _themes is None:
        _themes = Themes()
    return _themes


def current() -> Theme:
    """The theme to paint with now."""
    return themes().current


_text_scale = 1.0


def scale_text(factor: float) -> None:
    """Make all text of the window larger by ``factor``; widgets that stand already keep theirs."""
    global _text_scale
    _text_scale = factor


def px(length: float) -> int:
    """A height or width meant for text of the usual size, in device-independent pixels for the size in force."""
    return round(length * _text_scale)


def text_scale() -> float:
    """How much larger than usual text is."""
    return _text_scale


def ui_font(size: float = UI_SIZE, weight: QFont.Weight = QFont.Weight.Normal, fixed: bool = False) -> QFont:
    """The window's font, ``size`` in device-independent pixels; ``fixed`` where all around it is scaled along."""
    return _font(UI_FAMILIES, size if fixed else px(size), weight)


def mono_font(size: float = MONO_SIZE, weight: QFont.Weight = QFont.Weight.Normal, fixed: bool = False) -> QFont:
    """The font of code and numbers, as `ui_font`."""
    font = _font(MONO_FAMILIES, size if fixed else px(size), weight)
    font.setStyleHint(QFont.StyleHint.Monospace)
    font.setFixedPitch(True)
    return font


def _font(families: list[str], size: float, weight: QFont.Weight) -> QFont:
    _load_fonts()
    font = QFont(families)
    font.setPixelSize(round(size))
    font.setWeight(weight)
    return font


@cache
def _load_fonts() -> None:
    for file in sorted(resources.path("fonts").glob("*.[ot]tf")):
        QFontDatabase.addApplicationFont(str(file))
