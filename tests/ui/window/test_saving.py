"""Edits reach the file they belong to, and never get lost."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QFileDialog, QMessageBox
from pytestqt.qtbot import QtBot

from gradviz import resources
from gradviz.recording.program import Program
from gradviz.recording.run import run
from gradviz_ui.program.notebook import new_notebook
from gradviz_ui.window.main_window import MainWindow

CTRL = Qt.KeyboardModifier.ControlModifier


def open_file(qtbot: QtBot, window: MainWindow, path: Path) -> None:
    """Open and wait until it is shown."""
    with qtbot.waitSignal(window.session.program_changed):
        window.files.open(path)


def type_at_start(qtbot: QtBot, window: MainWindow, text: str) -> None:
    """Click into the editor and type."""
    window.code.editor.go_to_line(1)
    window.code.editor.setFocus()
    qtbot.keyClicks(window.code.editor, text)


def test_ctrl_s_saves_a_script(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_bytes("x = 1  # größe\n".encode())
    open_file(qtbot, window, path)
    type_at_start(qtbot, window, "# mine: ")
    assert window.top_bar.file.text() == "train.py •"
    qtbot.keyClick(window.code.editor, Qt.Key.Key_S, CTRL)
    assert path.read_bytes() == "# mine: x = 1  # größe\n".encode()
    assert window.top_bar.file.text() == "train.py"


def test_ctrl_s_saves_a_notebook_into_its_cells(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    path.write_bytes(new_notebook(["x = 1", "y = 2"]))
    open_file(qtbot, window, path)
    type_at_start(qtbot, window, "w = 0; ")
    qtbot.keyClick(window.code.editor, Qt.Key.Key_S, CTRL)
    assert [cell["source"] for cell in json.loads(path.read_text())["cells"]] == [["w = 0; x = 1"], ["y = 2"]]


def test_an_example_that_ships_is_not_overwritten(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    example = resources.path("examples", "autograd_basics.ipynb")
    before = example.read_bytes()
    target = tmp_path / "mine"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *arguments: (str(target), ""))
    open_file(qtbot, window, example)
    type_at_start(qtbot, window, "# mine ")
    qtbot.keyClick(window.code.editor, Qt.Key.Key_S, CTRL)
    assert example.read_bytes() == before
    assert window.session.document.path == tmp_path / "mine.ipynb"
    assert json.loads((tmp_path / "mine.ipynb").read_text())["nbformat"] == 4


def test_a_file_that_cannot_be_written_is_told_and_the_edit_stays(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    path = tmp_path / "gone" / "x.py"
    path.parent.mkdir()
    path.write_text("x = 1\n")
    open_file(qtbot, window, path)
    type_at_start(qtbot, window, "y")
    path.unlink()
    path.parent.rmdir()
    qtbot.keyClick(window.code.editor, Qt.Key.Key_S, CTRL)
    assert "was not saved" in window.banner.text.text()
    assert window.session.document.modified


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file that is to be forced to the disk finds it full, after all that fits was written."""

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)


@pytest.mark.parametrize("name", ["p.py", "n.ipynb"])
def test_a_full_disk_leaves_the_old_file_and_the_window_says_so(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, name: str, full_disk: None
) -> None:
    path = tmp_path / name
    path.write_bytes(before := new_notebook(["x = 1"]) if name == "n.ipynb" else b"x = 1\n")
    open_file(qtbot, window, path)
    type_at_start(qtbot, window, "# mine ")
    qtbot.keyClick(window.code.editor, Qt.Key.Key_S, CTRL)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir() if file.suffix != ".ini"] == [name]
    assert "No space left on device" in window.banner.text.text()
    assert "Save under another name" in window.banner.text.text()
    assert window.session.document.modified


@pytest.mark.parametrize("answer", ["Save as another file…", "Overwrite", "Cancel"])
def test_saving_over_another_programs_changes_asks(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    path, other = tmp_path / "p.py", tmp_path / "other.py"
    path.write_bytes(b"x = 1\n")
    open_file(qtbot, window, path)
    type_at_start(qtbot, window, "# mine ")
    path.write_bytes(b"# theirs\n")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *arguments: (str(other), ""))

    def choose() -> None:
        box = window.findChild(QMessageBox, "changed_box")
        next(button for button in box.buttons() if button.text().replace("&", "") == answer).click()

    QTimer.singleShot(0, choose)
    qtbot.keyClick(window.code.editor, Qt.Key.Key_S, CTRL)
    assert path.read_bytes() == (b"# mine x = 1\n" if answer == "Overwrite" else b"# theirs\n")
    assert other.exists() == (answer == "Save as another file…")
    assert window.session.document.modified == (answer == "Cancel")


def test_code_of_a_trace_is_saved_into_the_notebook_beside_it(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    path, trace = tmp_path / "n.ipynb", tmp_path / "n.gradviz"
    text = '{"cells": [{"cell_type": "markdown", "source": "# text"}, {"cell_type": "code", "source": "x = 1"}]}'
    path.write_text(text)
    run(Program.load(path), trace)
    open_file(qtbot, window, trace)
    assert window.session.document.path == path
    type_at_start(qtbot, window, "y = ")
    qtbot.keyClick(window.code.editor, Qt.Key.Key_S, CTRL)
    assert path.read_text() == text.replace("x = 1", "y = x = 1")


def test_code_of_a_trace_never_takes_the_place_of_a_notebook_that_has_changed(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, trace = tmp_path / "n.ipynb", tmp_path / "n.gradviz"
    path.write_bytes(new_notebook(["x = 1"]))
    run(Program.load(path), trace)
    path.write_bytes(before := new_notebook(["x = 1", "y = 2"]))
    open_file(qtbot, window, trace)
    assert window.session.document.path is None
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *arguments: (str(path), ""))
    type_at_start(qtbot, window, "z = ")
    qtbot.keyClick(window.code.editor, Qt.Key.Key_S, CTRL)
    assert path.read_bytes() == before
    assert "a notebook with other cells" in window.banner.text.text()
    assert window.session.document.modified


@pytest.mark.parametrize("answer", ["Save", "Discard", "Cancel"])
def test_opening_another_file_asks_about_edits(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    first, second = tmp_path / "first.py", tmp_path / "second.py"
    first.write_text("x = 1\n")
    second.write_text("z = 3\n")
    open_file(qtbot, window, first)
    type_at_start(qtbot, window, "# ")
    monkeypatch.setattr(QMessageBox, "exec", lambda box: getattr(QMessageBox.StandardButton, answer))
    window.files.open(second)
    qtbot.waitUntil(lambda: not window.session.loading)
    assert window.session.document.path == (first if answer == "Cancel" else second)
    assert first.read_text() == ("# x = 1\n" if answer == "Save" else "x = 1\n")
