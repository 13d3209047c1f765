"""Every text of the window has a Chinese translation, and none is left over."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication
from pytestqt.qtbot import QtBot

import gradviz_ui
from gradviz_ui.counting import FORMS
from gradviz_ui.translation import JsonTranslator, language_of, load
from gradviz_ui.window.actions import ACTIONS, MENUS
from gradviz_ui.window.arrangement import PANELS
from gradviz_ui.window.settings_dialog import ROWS

SOURCES = Path(gradviz_ui.__file__).parent
NAMES = {"NumPy engine", "PyTorch"}
"""Looked up with ``tr(name)``; all other texts stand in the call itself."""

Text = tuple[str, str]


def texts_of(tree: ast.Module) -> Iterator[Text]:
    """The (context, text) pairs of ``self.tr("...")``, ``translate("context", "...")`` and the like."""
    for top in ast.walk(tree):
        if isinstance(top, ast.ClassDef):
            for node in ast.walk(top):
                match node:
                    case ast.Call(func=ast.Attribute(attr="tr"), args=[ast.Constant(value=str(text)), *_]):
                        yield top.name, text
        match top:
            case ast.Call(
                func=ast.Attribute(attr="translate" | "QT_TRANSLATE_NOOP")
                | ast.Name(id="translate" | "QT_TRANSLATE_NOOP"),
                args=[ast.Constant(value=str(context)), ast.Constant(value=str(text)), *_],
            ):
                yield context, text


def texts() -> set[Text]:
    """All texts of the window."""
    found = {("Action", action.title) for action in ACTIONS} | {("Menu", title) for title in MENUS.values()}
    found |= {("Panel", panel.title) for panel in PANELS}
    found |= {("Count", form) for forms in FORMS.values() for form in forms}
    found |= {
        ("Setting", text)
        for row in ROWS
        for text in (row.title, row.heading, *row.names.values())
        if text and not text[0].isdigit()
    }
    found |= {(context, name) for context in ("TopBar", "StatusBar") for name in NAMES}
    for path in sorted(SOURCES.rglob("*.py")):
        found.update(texts_of(ast.parse(path.read_text(encoding="utf-8"))))
    return found


def translations() -> dict[Text, str]:
    """The Chinese file as pairs."""
    return {(context, text): here for context, entries in load("zh_CN").items() for text, here in entries.items()}


def test_every_text_is_translated_and_no_translation_is_left_over() -> None:
    assert sorted(texts() - translations().keys()) == []
    assert sorted(translations().keys() - texts()) == []


@pytest.mark.parametrize(("text", "translation"), [(text, here) for (_, text), here in translations().items()])
def test_a_translation_keeps_placeholders_and_access_keys(text: str, translation: str) -> None:
    assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", translation))
    assert text.count("&") == translation.count("&")


def test_access_keys_stay_different_within_a_menu() -> None:
    for menu in MENUS:
        titles = [load("zh_CN")["Action"][action.title] for action in ACTIONS if action.menu == menu]
        keys = [title[title.index("&") + 1].lower() for title in titles if "&" in title]
        assert len(keys) == len(set(keys)), (menu, keys)


def test_texts_are_shown_in_the_language_chosen(qtbot: QtBot) -> None:
    translator = JsonTranslator("zh_CN")
    app = QCoreApplication.instance()
    assert app is not None
    app.installTranslator(translator)
    try:
        assert QCoreApplication.translate("Action", "&Record") == "录制(&R)"
        assert QCoreApplication.translate("Action", "no such text") == "no such text"
    finally:
        app.removeTranslator(translator)
    assert QCoreApplication.translate("Action", "&Record") == "&Record"


def test_a_language_that_is_not_there_is_english() -> None:
    assert language_of("en") == "en"
    assert language_of("zh_CN") == "zh_CN"
    assert language_of("xx") in ("en", "zh_CN")
