"""Edited code goes back into the notebook it came from, and nothing else changes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradviz.recording.program import cell_text, notebook_text, source_of
from gradviz_ui.program.notebook import new_notebook, write_back


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
        {"cell_type": "markdown", "metadata": {"tags": ["a"]}, "source": ["# 标题"], "attachments": {"a.png": {}}},
        code("y = 2\n", id="abc"),
        {"cell_type": "raw", "metadata": {}, "source": "raw"},
    ],
    "metadata": {"kernelspec": {"name": "python3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


def written(notebook: Any, **options: Any) -> bytes:
    """The file of a notebook."""
    return json.dumps(notebook, **({"indent": 1, "ensure_ascii": False} | options)).encode()


def code_cells(notebook: Any) -> list[dict[str, Any]]:
    """The code cells of format 4 or 3."""
    sheets = notebook.get("worksheets", [notebook])
    return [cell for sheet in sheets for cell in sheet["cells"] if cell["cell_type"] == "code"]


# Random notebooks: any JSON beside the code, in any style of writing.

texts = st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]), max_size=20)
sources = st.one_of(texts, texts.map(lambda text: text.splitlines(keepends=True)), st.just([]))
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def cells(draw: st.DrawFn, key: str, kinds: list[str]) -> dict[str, Any]:
    """A cell with its members in any order."""
    kind = draw(st.sampled_from(kinds))
    cell = {"cell_type": kind, key if kind == "code" else "source": draw(sources), "metadata": draw(anything)}
    return dict(draw(st.permutations(list(cell.items()))))


@st.composite
def notebooks(draw: st.DrawFn, kinds: list[str]) -> Any:
    """A notebook of format 4 or 3, with at least one cell."""
    rest = {"metadata": draw(anything), "nbformat": draw(anything)}
    if draw(st.booleans()):
        return {"cells": draw(st.lists(cells("source", kinds), min_size=1, max_size=4))} | rest
    return rest | {"worksheets": [{"cells": [draw(cells("input", kinds))]} for _ in range(2)]}


@st.composite
def files(draw: st.DrawFn, kinds: list[str]) -> bytes:
    """The file of a random notebook with these kinds of cells, as many a program may write it."""
    style = {
        "indent": draw(st.sampled_from([None, 1, 2, 4, "\t"])),
        "ensure_ascii": draw(st.booleans()),
        "separators": draw(st.sampled_from([None, (",", ":")])),
    }
    text = json.dumps(draw(notebooks(kinds)), **style)
    end = draw(st.sampled_from(["\n", "\r\n"]))
    mark = draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
    return mark + text.replace("\n", end).encode() + draw(st.sampled_from([b"", b"\n", b" \r\n"]))


def sources_of(file: bytes) -> list[str]:
    """The text of each code cell as it is shown, one empty one where there is none."""
    return [cell_text(source_of(cell)) for cell in code_cells(json.loads(file.decode("utf-8-sig")))] or [""]


@given(files(["code", "markdown", "raw"]))
def test_an_unedited_notebook_is_written_as_it_was(file: bytes) -> None:
    assert write_back(file, sources_of(file)) == file


@given(
    files(["code"]) | files(["code", "markdown"]).filter(lambda file: b'"code"' in file),
    st.data(),
    texts.filter(lambda text: not text.endswith("\n")),
)
def test_an_edit_changes_the_source_of_its_cell_only(file: bytes, data: st.DataObject, new: str) -> None:
    before, edited = json.loads(file.decode("utf-8-sig")), sources_of(file)
    place = data.draw(st.integers(0, len(edited) - 1))
    edited[place] = new
    changed = write_back(file, edited)
    after = json.loads(changed.decode("utf-8-sig"))
    assert sources_of(changed) == edited
    old, cell = code_cells(before)[place], code_cells(after)[place]
    key = "source" if "source" in cell else "input"
    assert type(cell[key]) is type(old[key])
    old[key] = cell[key]
    assert repr(after) == repr(before)  # with the order of members; NaN is not equal to itself


@given(files(["markdown", "raw"]), texts.filter(bool))
def test_code_for_a_notebook_of_texts_becomes_a_cell_at_its_end(file: bytes, new: str) -> None:
    before = json.loads(file.decode("utf-8-sig"))
    after = json.loads(write_back(file, [new]).decode("utf-8-sig"))
    last = after.get("worksheets", [after])[-1]["cells"].pop()
    assert (last["cell_type"], source_of(last)) == ("code", new)
    assert repr(after) == repr(before)


# Examples


def test_only_the_edited_source_changes_in_the_text() -> None:
    before = written(NOTEBOOK)
    after = write_back(before, ["import torch\nx = 1", "y = 3\nz = 4"])
    assert after == before.replace(b'"y = 2\\n"', b'"y = 3\\nz = 4\\n"')


@pytest.mark.parametrize(
    ("before", "source", "after"),
    [
        ('[\n    "a"\n   ]', "b\nc", '[\n    "b\\n",\n    "c"\n   ]'),
        ("[]", "b\nc", '[\n    "b\\n",\n    "c"\n   ]'),
        ('[\n    "a"\n   ]', "", "[]"),
        ('["a"]', "b\nc", '["b\\n", "c"]'),
        ('"a"', "b\nc", '"b\\nc"'),
        ('["a\\r\\n", "b"]', "a\nb\nc", '["a\\r\\n", "b\\r\\n", "c"]'),
        ('"a"', "é\u2028", '"é\u2028"'),
    ],
)
def test_a_source_is_written_in_the_style_of_the_one_before(before: str, source: str, after: str) -> None:
    file = '{\n "cells": [\n  {\n   "cell_type": "code",\n   "source": %s\n  }\n ]\n}\n'
    assert write_back((file % before).encode(), [source]).decode() == file % after


def test_escapes_stay_the_notebooks_way_to_write_other_alphabets() -> None:
    file = written(NOTEBOOK, ensure_ascii=True)
    assert b'"y = \\u00e9\\n"' in write_back(file, ["import torch\nx = 1", "y = é"])


def test_a_code_cell_without_a_source_gets_one() -> None:
    assert write_back(b'{"cells": [{"cell_type": "code"}]}', ["x"]) == (
        b'{"cells": [{"source": "x", "cell_type": "code"}]}'
    )


def test_a_cell_for_a_notebook_of_texts_looks_like_its_others() -> None:
    file = written({"cells": [{"cell_type": "markdown", "id": "a", "source": []}], "nbformat": 4, "nbformat_minor": 5})
    after = write_back(file, ["x = 1"])
    assert after == json.dumps(json.loads(after), indent=1).encode()
    assert json.loads(after)["cells"][1].keys() == {
        "cell_type", "id", "metadata", "execution_count", "outputs", "source",
    }  # fmt: skip


def test_another_number_of_cells_is_refused() -> None:
    with pytest.raises(ValueError, match="2 code cells, the program 1"):
        write_back(written(NOTEBOOK), ["x"])


def test_a_new_notebook_reads_back_as_the_same_program() -> None:
    text, cells = notebook_text(json.loads(new_notebook(["a = 1\nb = 2", "c = 3"])))
    assert text == "a = 1\nb = 2\n\nc = 3\n"
    assert [(cell.title, cell.first_line) for cell in cells] == [("In [1]", 1), ("In [2]", 4)]
