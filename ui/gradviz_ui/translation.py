"""The window's texts in other languages, from ``resources/translations/<language>.json``.

A file maps a context (a class name, or "Action", "Menu" ...) to source texts and their translations. JSON is
read by people and by every tool, needs no compiler, and a test tells which texts are missing in it.
"""

from __future__ import annotations

import json
from functools import cache

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QObject, Qt, QTranslator

from gradviz import resources

LANGUAGES = {"en": "English", "zh_CN": "简体中文"}


class JsonTranslator(QTranslator):
    """Answers from one language's file; what is not in it stays as it is."""

    def __init__(self, language: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._texts = load(language)

    def isEmpty(self) -> bool:
        """Qt leaves out empty translators."""
        return not self._texts

    def translate(self, context: str, text: str, disambiguation: str | None = None, n: int = -1) -> str | None:
        """The translation, or None where there is none."""
        return self._texts.get(context, {}).get(text)


@cache
def load(language: str) -> dict[str, dict[str, str]]:
    """The texts of a language; empty for English, in which they are written."""
    if language == "en":
        return {}
    data = resources.path("translations", f"{language}.json").read_text(encoding="utf-8")
    texts: dict[str, dict[str, str]] = json.loads(data)
    return texts


def language_of(choice: str) -> str:
    """The language to use for a choice: one of `LANGUAGES`, or "system"."""
    if choice in LANGUAGES:
        return choice
    return "zh_CN" if QLocale.system().language() is QLocale.Language.Chinese else "en"


def install(app: QCoreApplication, language: str) -> None:
    """Show gradviz's and Qt's own texts in ``language`` from now on; what is shown already has to be made anew."""
    for old in app.findChildren(QTranslator, options=Qt.FindChildOption.FindDirectChildrenOnly):
        app.removeTranslator(old)
        old.deleteLater()
    if language == "en":
        return
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    of_qt = QTranslator(app)
    if of_qt.load(f"qtbase_{language}", folder):
        app.installTranslator(of_qt)
    app.installTranslator(JsonTranslator(language, app))
