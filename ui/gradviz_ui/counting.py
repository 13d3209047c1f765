"""Counted things in words: ``1 event``, ``1,204 events``; in Chinese, one form for all numbers."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QCoreApplication

Noun = Literal["event", "node", "leaf", "step", "sum", "gradient"]

FORMS: dict[Noun, tuple[str, str]] = {
    "event": ("{n} event", "{n} events"),
    "node": ("{n} node", "{n} nodes"),
    "leaf": ("{n} leaf", "{n} leaves"),
    "step": ("{n} step", "{n} steps"),
    "sum": ("{n} sum", "{n} sums"),
    "gradient": ("{n} gradient", "{n} gradients"),
}
"""Of one, and of any other number."""


def counted(number: int, noun: Noun) -> str:
    """The number with its noun, in the person's language."""
    text = QCoreApplication.translate("Count", FORMS[noun][number != 1])
    return text.replace("{n}", f"{number:,}")
