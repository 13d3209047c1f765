"""What a script's file holds stays as it was, but for what the person changed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gradviz.recording.program import LIMIT, Program, ProgramError
from gradviz.recording.script import bytes_of, text_of

characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0\r")
ends = st.sampled_from(["\n", "\r\n", "\r"])
lines = st.lists(st.text(characters.filter(lambda c: c != "\n"), max_size=8), max_size=8)


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Scripts with any line ends, with and without byte order mark and final line end."""
    text = "".join(line + draw(ends) for line in draw(lines)) + draw(st.sampled_from(["", "x"]))
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + text.encode()


@given(files())
def test_an_unedited_script_is_written_as_it_was(data: bytes) -> None:
    assert bytes_of(text_of(data), data) == data


@given(st.text(characters, max_size=40), st.none() | files())
@example("\ufeffx = 1\n", None)
def test_any_text_is_read_back_as_it_was_written(text: str, was: bytes | None) -> None:
    assert text_of(bytes_of(text, was)) == text


@given(lines.filter(bool), st.data())
def test_a_line_that_was_not_edited_keeps_its_bytes(before: list[str], data: st.DataObject) -> None:
    ended = [line + data.draw(ends) for line in before]
    was = "".join(ended).encode()
    plain = text_of(was).split("\n")
    place = data.draw(st.integers(0, len(plain) - 2))
    plain[place] += "#edited"
    now = bytes_of("\n".join(plain), was).decode()
    assert now.replace("#edited", "", 1) == was.decode()


@pytest.mark.parametrize(
    ("before", "edit", "after"),
    [
        (b"# coding: latin-1\nx = '\xe9'\n", ("x", "y"), b"# coding: latin-1\ny = '\xe9'\n"),
        (b"#!/bin/python\r\n# vim: set fileencoding=cp1252 :\r\n'\x80'\r\n", ("'", "''"), None),
        (b"# coding: shift_jis\n'\x82\xa0'\n", ("'", "''"), b"# coding: shift_jis\n''\x82\xa0''\n"),
        (b"\xef\xbb\xbfx = 1\r\n", ("1", "2\n3"), b"\xef\xbb\xbfx = 2\r\n3\r\n"),
        (b"x = 1", ("1", "2"), b"x = 2"),
        (b"# coding: latin-1\n'\xe9'\n", ("latin-1", "utf-8"), "# coding: utf-8\n'é'\n".encode()),
    ],
)
def test_encoding_mark_and_line_ends_are_kept(before: bytes, edit: tuple[str, str], after: bytes | None) -> None:
    assert bytes_of(text_of(before).replace(*edit), before) == (before.replace(b"'", b"''") if after is None else after)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-8", "gb18030", "shift_jis"])
def test_python_reads_the_same_text(tmp_path: Path, encoding: str) -> None:
    program = tmp_path / "p.py"
    program.write_bytes(bytes_of(f"# -*- coding: {encoding} -*-\nprint(ascii('§±'))\n"))
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=True)
    assert done.stdout == "'\\xa7\\xb1'\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("# coding: latin-1\n\n'ł'\n", "line 3 has 'ł', which iso-8859-1"),
        ("# coding: klingon\n", "unknown encoding: klingon"),
        ("# coding: rot13\n", "rot13, which is no encoding of text"),
        ("# coding: utf-16\n", "utf-16"),
        ("# coding: undefined\n", "undefined"),
        ("x = '\ud800'\n", "line 1 holds half of a surrogate pair"),
        ("\nx\0\n", "line 2 holds a NUL"),
    ],
)
def test_what_cannot_be_written_says_why_in_one_line(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        bytes_of(text)
    assert "\n" not in str(caught.value)


def test_a_mark_of_utf8_and_another_encoding_contradict_each_other() -> None:
    with pytest.raises(ValueError, match="byte order mark"):
        bytes_of("# coding: latin-1\nx\n", b"\xef\xbb\xbfx\n")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"x\n\ny = '\xe9'\n", "line 3 is not written in utf-8"),
        (b"# coding: rot13\n", "no encoding of text"),
        (b"# coding: utf-16\n", "utf-16"),
        (b"# coding: punycode\nx = 1\n", "punycode"),
        (b"x = 1\ny\0\n", "line 2 holds a NUL"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, data: bytes, why: str) -> None:
    (tmp_path / "p.py").write_bytes(data)
    with pytest.raises(ProgramError, match=why):
        Program.load(tmp_path / "p.py")


def test_half_of_a_surrogate_pair_in_a_notebook_says_so(tmp_path: Path) -> None:
    (tmp_path / "n.ipynb").write_text('{"cells": [{"cell_type": "code", "source": "x\\ud800"}]}')
    with pytest.raises(ProgramError, match="surrogate"):
        Program.load(tmp_path / "n.ipynb")


def test_a_program_has_a_bound(tmp_path: Path) -> None:
    path = tmp_path / "p.py"
    path.write_bytes(b"#" * LIMIT)
    assert len(Program.load(path).text) == LIMIT
    path.write_bytes(b"#" * (LIMIT + 1))
    with pytest.raises(ProgramError, match="larger than 16 MiB"):
        Program.load(path)


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices have names on POSIX only")
def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.py")
    (tmp_path / "zero.py").symlink_to("/dev/zero")
    (tmp_path / "loop.py").symlink_to(tmp_path / "loop.py")
    (tmp_path / "folder.py").mkdir()
    for name in ("fifo.py", "zero.py", "loop.py", "folder.py", "a\0b.py"):
        with pytest.raises(ProgramError, match="cannot open"):
            Program.load(tmp_path / name)
