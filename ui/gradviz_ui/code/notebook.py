"""Putting edited code back into the notebook it came from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any


def write_back(notebook: str, sources: Sequence[str]) -> str:
    """The JSON text of ``notebook`` with its code cells' sources replaced, in order.

    Everything else stays: text cells, metadata, the notebook's own indentation. Only a cell whose code has
    changed loses its outputs, which no longer belong to it. ValueError if the numbers of cells differ.
    """
    data = json.loads(notebook)
    cells = [cell for cell in data["cells"] if cell.get("cell_type") == "code"]
    if len(cells) != len(sources):
        raise ValueError(f"the notebook has {len(cells)} code cells, the program {len(sources)}")
    for cell, source in zip(cells, sources, strict=True):
        if _text(cell.get("source", "")).rstrip("\n") != source:
            cell["source"] = source.splitlines(keepends=True)
            cell["outputs"], cell["execution_count"] = [], None
    return json.dumps(data, indent=_indent(notebook), ensure_ascii=False) + "\n"


def _text(source: Any) -> str:
    # nbformat allows a string and a list of lines; both mean the same text.
    return source if isinstance(source, str) else "".join(source)


def _indent(notebook: str) -> int | str:
    second_line = notebook.split("\n", 2)[1] if "\n" in notebook else ""
    space = second_line[: len(second_line) - len(second_line.lstrip())]
    return space or 1


def new_notebook(sources: Sequence[str]) -> str:
    """The JSON text of a notebook with these code cells and nothing else (nbformat 4.5)."""
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": source.splitlines(keepends=True),
        }
        for number, source in enumerate(sources, 1)
    ]
    metadata = {"language_info": {"name": "python"}}
    data = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"
