"""Edited code goes back into the notebook it came from."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gradviz.record.program import notebook_text
from gradviz_ui.code.notebook import new_notebook, write_back


def code(source: str | list[str], **more: Any) -> dict[str, Any]:
    """A code cell as Jupyter writes it."""
    return {
        "cell_type": "code",
        "metadata": {},
        "execution_count": 7,
        "outputs": [{"x": 1}],
        "source": source,
    } | more


NOTEBOOK = {
    "cells": [
        code(["import torch\n", "x = 1"]),
        {"cell_type": "markdown", "metadata": {"tags": ["a"]}, "source": ["# 标题"]},
        code("y = 2\n"),
    ],
    "metadata": {"kernelspec": {"name": "python3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


def test_only_the_edited_cell_changes() -> None:
    before = json.dumps(NOTEBOOK, indent=1, ensure_ascii=False)
    after = json.loads(write_back(before, ["import torch\nx = 1", "y = 3\nz = 4"]))
    assert after["cells"][0] == NOTEBOOK["cells"][0]
    assert after["cells"][1] == NOTEBOOK["cells"][1]
    assert after["cells"][2]["source"] == ["y = 3\n", "z = 4"]
    assert after["cells"][2]["outputs"] == []
    assert after["metadata"] == NOTEBOOK["metadata"]


@pytest.mark.parametrize("indent", [1, 2, 4, "\t"])
def test_an_unedited_notebook_is_written_as_it_was(indent: int | str) -> None:
    before = json.dumps(NOTEBOOK, indent=indent, ensure_ascii=False) + "\n"
    assert write_back(before, ["import torch\nx = 1", "y = 2"]) == before


def test_another_number_of_cells_is_refused() -> None:
    with pytest.raises(ValueError, match="2 code cells, the program 1"):
        write_back(json.dumps(NOTEBOOK), ["x"])


def test_a_new_notebook_reads_back_as_the_same_program() -> None:
    text, cells = notebook_text(json.loads(new_notebook(["a = 1\nb = 2", "c = 3"])))
    assert text == "a = 1\nb = 2\n\nc = 3\n"
    assert [(cell.title, cell.first_line) for cell in cells] == [("In [1]", 1), ("In [2]", 4)]
