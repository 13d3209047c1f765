"""What to export and how: the choices of the dialog and of the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from gradviz.layout import LAYOUTS
from gradviz.projection.diagram import VIEWS, View

Format = Literal["png", "svg", "pdf", "gif", "webp"]
FORMATS: tuple[Format, ...] = get_args(Format)
ANIMATED: tuple[Format, ...] = ("gif", "webp")
THEMES = ("dark", "light")
LARGEST_SCALE = 16.0


def default_scale(format: str) -> float:
    """Two pixels for each unit are sharp on every screen; moving pictures would be four times as large."""
    return 1.0 if format in ANIMATED else 2.0


class ExportError(Exception):
    """The picture cannot be made; the message is one line that says why."""


@dataclass(frozen=True, slots=True)
class Options:
    """One export. ``steps``: the steps shown, in order; ``scale``: pixels for each unit of the graph."""

    format: Format
    steps: tuple[int, ...]
    view: View = "backward"
    layout: str = "layered"
    theme: str = "dark"
    scale: float = 2.0

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise ExportError(f"unknown format {self.format!r}; choose one of {', '.join(FORMATS)}")
        if self.view not in VIEWS:
            raise ExportError(f"unknown view {self.view!r}; choose one of {', '.join(VIEWS)}")
        if self.layout not in LAYOUTS:
            raise ExportError(f"unknown layout {self.layout!r}; choose one of {', '.join(LAYOUTS)}")
        if self.theme not in THEMES:
            raise ExportError(f"unknown theme {self.theme!r}; choose dark or light")
        if not 0.05 <= self.scale <= LARGEST_SCALE:
            raise ExportError(f"scale {self.scale:g} is not between 0.05 and {LARGEST_SCALE:g}")
        if not self.steps:
            raise ExportError("there is no step to show")
