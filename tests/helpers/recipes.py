"""The recipes of CONTRIBUTING, so that tests can follow them literally."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

CONTRIBUTING = Path(__file__).parents[2] / "CONTRIBUTING.md"


def code_of(title: str) -> list[str]:
    """The pieces of code in the part under ``## title``, in order."""
    text = CONTRIBUTING.read_text(encoding="utf-8")
    part = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, flags=re.DOTALL | re.MULTILINE)
    assert part is not None, f"CONTRIBUTING tells nothing under {title!r}"
    return [textwrap.dedent(code) for code in re.findall(r"(?<=\n\n)((?: {4}.*\n|\n(?= {4}))+)", part[1])]
