"""Colours by role, and the choice between dark and light."""

from __future__ import annotations

import itertools
import json
from dataclasses import fields
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtGui import QColor, QFontInfo
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from gradviz import resources
from gradviz_ui import style, theme
from gradviz_ui.theme import Theme, Themes

BOTH = pytest.mark.parametrize("name", ["dark", "light"])


def contrast(a: QColor, b: QColor) -> float:
    """The ratio of WCAG 2: 1 for equal colours, 21 for black on white."""

    def luminance(color: QColor) -> float:
        parts = (color.redF(), color.greenF(), color.blueF())
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@BOTH
@pytest.mark.parametrize("ground", ["panel", "raised", "editor", "canvas", "selection", "editor_current"])
def test_text_can_be_read(name: str, ground: str) -> None:
    colors = theme.load(name)
    assert contrast(colors.text, getattr(colors, ground)) >= 7
    assert contrast(colors.muted, getattr(colors, ground)) >= 3.5


@BOTH
@pytest.mark.parametrize("role", [field.name for field in fields(Theme) if field.name.startswith("syntax_")])
def test_code_can_be_read(name: str, role: str) -> None:
    colors = theme.load(name)
    assert contrast(getattr(colors, role), colors.editor) >= 4.5


@BOTH
def test_the_states_of_a_node_have_colours_of_their_own(name: str) -> None:
    colors = theme.load(name)
    states = [colors.ready, colors.running, colors.done, colors.error]
    for one, other in itertools.combinations(states, 2):
        assert one.name() != other.name()


@BOTH
def test_text_on_the_accent_can_be_read(name: str) -> None:
    colors = theme.load(name)
    assert contrast(colors.accent_text, colors.accent) >= 4.5


def test_a_theme_with_a_wrong_role_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = json.loads(resources.path("themes", "dark.json").read_text())
    data["colors"]["sparkle"] = data["colors"].pop("done")
    (tmp_path / "themes").mkdir()
    (tmp_path / "themes" / "odd.json").write_text(json.dumps(data))
    monkeypatch.setattr(resources, "root", lambda: tmp_path)
    with pytest.raises(ValueError, match=r"done.*sparkle"):
        theme.load("odd")


def test_a_choice_is_told_once_and_only_where_something_changes(qtbot: QtBot) -> None:
    themes = Themes()
    themes.choose("dark")
    told: list[str] = []
    themes.changed.connect(lambda: told.append(themes.current.name))
    for choice in ("light", "light", "dark"):
        themes.choose(choice)
    assert told == ["light", "dark"]
    with pytest.raises(ValueError, match="pink"):
        themes.choose("pink")  # type: ignore[arg-type]


def test_the_fonts_are_those_that_ship(qtbot: QtBot) -> None:
    assert QFontInfo(theme.ui_font()).family() == "Inter"
    assert QFontInfo(theme.mono_font()).family() == "DejaVu Sans Mono"
    for file in resources.path("fonts").glob("*.[ot]tf"):
        family = "Inter" if file.name.startswith("Inter") else "DejaVu"
        assert resources.path("fonts", f"{family}-LICENSE.txt").stat().st_size > 1000


@BOTH
def test_the_style_sheet_has_no_gaps(name: str) -> None:
    assert "$" not in style.sheet(theme.load(name))


class Restyled(QWidget):
    """Counts how often it was given a style sheet."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        self.count += event.type() == QEvent.Type.StyleChange


def test_a_style_sheet_that_stays_is_not_laid_on_again(qtbot: QtBot) -> None:
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    style.apply(application)
    widget = Restyled()
    qtbot.addWidget(widget)
    widget.show()
    before = widget.count
    style.apply(application)
    assert widget.count == before
