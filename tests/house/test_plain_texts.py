"""No text reaches a place where Qt guesses its format but through the functions of ``gradviz_ui.plain``."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

WINDOW = Path(__file__).parents[2] / "ui" / "gradviz_ui"
PLAIN = {"plain.py"}
"""Where labels and boxes may be made by hand."""


@cache
def calls() -> list[tuple[str, ast.Call, str]]:
    """File, call, and the name of what is called, for every call in the window's packages."""
    return [
        (f"{file.relative_to(WINDOW).as_posix()}:{node.lineno}", node, ast.unparse(node.func))
        for file in sorted(WINDOW.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and file.name not in PLAIN
    ]


def is_tip(text: ast.expr) -> bool:
    """``tip(...)``, an empty text, or a choice of these."""
    if isinstance(text, ast.IfExp):
        return is_tip(text.body) and is_tip(text.orelse)
    if isinstance(text, ast.Constant):
        return text.value == ""
    return isinstance(text, ast.Call) and ast.unparse(text.func) == "tip"


@pytest.mark.parametrize(
    ("function", "argument"), [("setToolTip", 0), ("setStatusTip", 0), ("setWhatsThis", 0), ("QToolTip.showText", 1)]
)
def test_every_tooltip_goes_through_tip(function: str, argument: int) -> None:
    guessed = [
        place for place, call, name in calls()
        if (name == function or name.endswith(f".{function}")) and not is_tip(call.args[argument])
    ]  # fmt: skip
    assert guessed == []


@pytest.mark.parametrize(
    "maker", ["QLabel", "QMessageBox", "QErrorMessage", "QMessageBox.warning", "QMessageBox.critical"]
)
def test_labels_and_boxes_are_made_plain(maker: str) -> None:
    assert [place for place, _, name in calls() if name == maker] == []


def test_what_is_html_is_known() -> None:
    """The inspector's line of facts escapes each part; the text about gradviz holds nothing of others."""
    html = [
        place.partition(":")[0] for place, call, name in calls()
        if name.endswith((".setHtml", ".insertHtml", ".appendHtml", "QMessageBox.about"))
        or (name.endswith(".setTextFormat") and "PlainText" not in ast.unparse(call))
    ]  # fmt: skip
    assert sorted(html) == ["inspector/sections.py", "window/commands.py"]


def test_rows_of_tables_have_plain_tips() -> None:
    """Each ``case`` for a ToolTipRole returns ``tip(...)``, or words of the house's own."""
    found = []
    for file in sorted(WINDOW.rglob("*.py")):
        for case in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(case, ast.match_case) and "ToolTipRole" in ast.unparse(case.pattern):
                returned = [node.value for node in ast.walk(case) if isinstance(node, ast.Return) and node.value]
                own = all("self.tr" in ast.unparse(value) and "replace" not in ast.unparse(value) for value in returned)
                found.append((file.name, own or all(map(is_tip, returned))))
    assert found
    assert [name for name, plain in found if not plain] == []
