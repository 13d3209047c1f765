from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from gradviz_ui.export import command


def run(*arguments: object) -> int:
    """The command in this process; the exit code, also where argparse ends it."""
    try:
        return command.run([str(argument) for argument in arguments])
    except SystemExit as ended:
        return int(str(ended.code))


@pytest.mark.parametrize("format", ["png", "svg", "pdf", "gif", "webp"])
def test_every_format_works_without_a_screen(recording: Path, tmp_path: Path, format: str) -> None:
    """In a process of its own, as a person starts it, with no display at all."""
    out = tmp_path / f"out.{format}"
    environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    environment.pop("QT_QPA_PLATFORM", None)
    done = subprocess.run(
        [sys.executable, "-m", "gradviz", "export", str(recording), "-o", str(out), "--scale", "0.5"],
        capture_output=True, text=True, timeout=100, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{out}\n"
    assert done.stderr == ""
    assert out.stat().st_size > 2000


def test_without_a_step_it_draws_the_last_one(recording: Path, tmp_path: Path) -> None:
    assert run(recording, "-o", tmp_path / "end.png", "--scale", 1) == 0
    assert run(recording, "-o", tmp_path / "same.png", "--scale", 1, "--step", 77) == 0
    assert (tmp_path / "end.png").read_bytes() == (tmp_path / "same.png").read_bytes()


def test_all_steps(recording: Path, tmp_path: Path) -> None:
    assert run(recording, "-o", tmp_path / "g.png", "--all", "--scale", 0.25) == 0
    assert len(list(tmp_path.glob("g-*.png"))) == 78
    assert run(recording, "-o", tmp_path / "one.gif", "--step", 3, "--scale", 0.5) == 0
    with Image.open(tmp_path / "one.gif") as still:
        assert getattr(still, "n_frames", 1) == 1


@pytest.mark.parametrize("view", ["backward", "forward", "both"])
def test_views_layouts_and_themes_change_the_picture(recording: Path, tmp_path: Path, view: str) -> None:
    looks = set()
    for layout in ("layered", "circular"):
        for theme in ("dark", "light"):
            out = tmp_path / "o.png"
            assert run(recording, "-o", out, "--view", view, "--layout", layout, "--theme", theme, "--scale", 1) == 0
            looks.add(out.read_bytes())
    assert len(looks) == 4


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["-o", "x.png", "--step", "78"], "step 78 is not in the recording, which has steps 0 to 77"),
        (["-o", "x.png", "--step", "-1"], "step -1 is not in the recording"),
        (["-o", "x.png", "--step", "two"], "invalid int value: 'two'"),
        (["-o", "x.png", "--step", "1", "--all"], "not allowed with"),
        (["-o", "x.png", "--layout", "round"], "unknown layout 'round'; choose one of layered, "),
        (["-o", "x.png", "--view", "up"], "invalid choice: 'up'"),
        (["-o", "x.png", "--theme", "pink"], "invalid choice: 'pink'"),
        (["-o", "x.png", "--scale", "0"], "scale 0 is not between"),
        (["-o", "x.png", "--scale", "nan"], "scale nan is not between"),
        (["-o", "x.bmp"], "x.bmp should end in .png, .svg, .pdf, .gif, .webp"),
        (["-o", "nowhere/x.png"], "there is no folder nowhere"),
        ([], "the following arguments are required: -o/--output"),
    ],
)
def test_wrong_arguments_end_in_one_line_and_exit_code_2(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    arguments: list[str], reason: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert run(recording, *arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert reason in told.err
    assert told.err.startswith("gradviz export: ")
    assert told.err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["basics.gradviz"]


def test_files_that_are_no_recordings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.gradviz"
    bad.write_text("this is no database")
    assert run(bad, "-o", tmp_path / "x.png") == 2
    assert run(tmp_path / "missing.gradviz", "-o", tmp_path / "x.png") == 2
    assert capsys.readouterr().err.count("\n") == 2


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_one_may_not_write_to(recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    assert run(recording, "-o", folder / "x.png") == 2
    assert "cannot be written: Permission denied" in capsys.readouterr().err
