"""What the settings say of looks and words, put in force in the whole program: at the start, and when they change."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from PySide6.QtWidgets import QApplication

from gradviz.trace import numbers
from gradviz_ui import style, theme, translation
from gradviz_ui.settings import Settings
from gradviz_ui.theme import Choice

WORDS = ("language", "text_scale", "decimals", "exponent_below", "exponent_from")
"""Settings for which everything that is written in the window has to be written anew."""


class Appearance(QObject):
    """Follows the settings."""

    rewrite = Signal()
    """Texts, their sizes or numbers look different from now on: make anew what shows any."""

    def __init__(self, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._rewrite)
        settings.changed.connect(self._changed)

    @Slot(str)
    def _changed(self, key: str) -> None:
        if key == "theme":
            theme.themes().choose(cast(Choice, self._settings.theme))
        elif key in WORDS:
            self._soon.start()  # a reset changes several at once

    @Slot()
    def _rewrite(self) -> None:
        write(self._settings)
        self.rewrite.emit()


def begin(settings: Settings) -> None:
    """Put everything in force before the first window is made."""
    theme.themes().choose(cast(Choice, settings.theme))
    write(settings)


def write(settings: Settings) -> None:
    """Put language, text size and the form of numbers in force."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    translation.install(app, translation.language_of(settings.language))
    numbers.write_as(numbers.NumberFormat(settings.decimals, settings.exponent_below, settings.exponent_from))
    theme.scale_text(settings.text_scale / 100)
    style.apply(app)
