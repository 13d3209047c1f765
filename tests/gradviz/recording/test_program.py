"""Scripts and notebooks become programs whose lines are those on the screen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gradviz.recording.magics import to_python
from gradviz.recording.program import Program, ProgramError, notebook_text
from gradviz.trace.model import Cell


def notebook(*cells: str) -> dict[str, object]:
    return {
        "nbformat": 4,
        "cells": [{"cell_type": "markdown", "source": "# words"}]
        + [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells],
    }


def test_a_notebooks_lines_count_on_from_cell_to_cell() -> None:
    text, cells = notebook_text(notebook("a = 1\nb = 2", "", "c = 3\n"))
    assert text == "a = 1\nb = 2\n\n\n\nc = 3\n"
    assert cells == (Cell("In [1]", 1), Cell("In [2]", 4), Cell("In [3]", 6))
    units = list(Program(text, "n.ipynb", cells).units())
    assert [(unit.title, unit.first_line) for unit in units] == [("In [1]", 1), ("In [2]", 4), ("In [3]", 6)]
    assert [unit.text.strip() for unit in units] == ["a = 1\nb = 2", "", "c = 3"]


def test_a_notebook_of_format_3_is_read_too() -> None:
    old = {"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "input": "x = 1"}]}]}
    assert notebook_text(old) == ("x = 1\n", (Cell("In [1]", 1),))


def test_code_has_the_lines_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps(notebook("x = 1", "y = 2\n1 / 0\n")), "utf-8")
    program = Program.load(path)
    last = list(program.units())[-1]
    statements, shown = program.compile(last)
    assert shown is not None
    assert {line for _, _, line in statements.co_lines() if line} == {3}
    with pytest.raises(ZeroDivisionError) as caught:
        exec(shown)
    assert caught.tb.tb_next is not None
    assert caught.tb.tb_next.tb_lineno == 4
    program = Program("ok = 1\n\nis not python\n", "n.ipynb", (Cell("In [1]", 1), Cell("In [2]", 3)))
    with pytest.raises(SyntaxError) as wrong:
        program.compile(list(program.units())[1])
    assert wrong.value.lineno == 3


@pytest.mark.parametrize(("cell", "shows"), [("x", True), ("x;", False), ("x; # end", False), ("x = 1", False)])
def test_a_cells_last_expression_is_shown_unless_a_semicolon_ends_it(cell: str, shows: bool) -> None:
    program = Program(cell, "n.ipynb", (Cell("In [1]", 1),))
    assert (program.compile(next(program.units()))[1] is not None) == shows


@pytest.mark.parametrize(
    ("cell", "python", "skipped"),
    [
        ("%matplotlib inline\nx = 1", "pass\nx = 1", ["%matplotlib inline"]),
        ("if True:\n    !ls -l\nx", "if True:\n    pass\nx", ["!ls -l"]),
        ("files = !ls\nx = %time f()", "pass\npass", ["files = !ls", "x = %time f()"]),
        ("torch.randn?\n??x", "pass\npass", ["torch.randn?", "??x"]),
        (
            "s = '''\n%not magic\n!nor this\n'''\n%magic",
            "s = '''\n%not magic\n!nor this\n'''\npass",
            ["%magic"],
        ),
        ("x = (7\n  % 2)\n%magic", "x = (7\n  % 2)\npass", ["%magic"]),
        ("x = 7 \\\n  % 2\n%magic", "x = 7 \\\n  % 2\npass", ["%magic"]),
        ("x = 7\nx % 2", "x = 7\nx % 2", []),
        ("%%bash\necho $x\n", "\n\n", ["%%bash"]),
        ("%%time\nx = 1\n%magic", "\nx = 1\npass", ["%%time", "%magic"]),
        ("%%", "", ["%%"]),
    ],
)
def test_what_is_not_python_is_passed_over_in_place(cell: str, python: str, skipped: list[str]) -> None:
    text, found = to_python(cell)
    assert text == python
    assert [skip.text for skip in found] == skipped
    assert [cell.split("\n")[skip.line].strip() for skip in found] == skipped


def test_encodings_and_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "p.py"
    path.write_bytes("# coding: latin-1\r\nname = 'é'\r\n".encode("latin-1"))
    assert Program.load(path).text == "# coding: latin-1\nname = 'é'\n"
    path.write_bytes(b"\xef\xbb\xbfx = 1\n")
    assert Program.load(path).text == "x = 1\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("p.py", b"\xff\xfe\x00"),
        ("p.py", b"# coding: klingon\n"),
        ("n.ipynb", b"{"),
        ("n.ipynb", b"[]"),
        ("n.ipynb", b'{"cells": 3}'),
        ("n.ipynb", b'{"cells": [3]}'),
        ("n.ipynb", b'{"cells": [{"cell_type": "code", "source": 3}]}'),
        ("n.ipynb", b"[" * 100_000),
    ],
)
def test_what_cannot_be_read_says_why_in_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ProgramError) as caught:
        Program.load(tmp_path / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match="No such file"):
        Program.load(tmp_path / "none.py")
