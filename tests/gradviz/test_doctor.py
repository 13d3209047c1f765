"""``gradviz doctor`` on this machine, and on machines that lack something."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gradviz import doctor
from gradviz.doctor import Finding, Grade

RUN = "import sys; from gradviz import doctor; sys.exit(doctor.run())"


def run(*options: str, **environment: str) -> tuple[int, str]:
    """The doctor's exit code and words, in a process with this environment on top of ours."""
    command = [sys.executable, *options, "-c", RUN]
    done = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, timeout=100, encoding="utf-8"
    )
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout


def test_a_machine_that_can_show_the_window_passes() -> None:
    code, text = run(QT_QPA_PLATFORM="offscreen", PYTHONUTF8="1")
    assert code == 0, text
    assert "All that gradviz needs is here." in text
    for title in (
        "Python",
        "Packages",
        "PySide6",
        "Resources",
        "Display",
        "Qt",
        "Fonts",
        "PyTorch",
        "pygraphviz",
    ):
        assert any(f" {title}: " in line for line in text.splitlines()), title


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere a desktop is always there")
def test_a_machine_without_a_display_fails_and_is_told_why() -> None:
    code, text = run(QT_QPA_PLATFORM="xcb", DISPLAY=":4242", PYTHONUTF8="1")
    assert code == 1
    assert "✗ Display: DISPLAY is :4242" in text
    assert "✗ Qt: cannot start, see above" in text
    assert "must be mended" in text


@pytest.mark.skipif(os.name == "nt", reason="the file's folder is the registry there")
def test_settings_that_cannot_be_kept_are_a_warning(tmp_path: Path) -> None:
    blocked = tmp_path / "config"
    blocked.write_text("a file where the folder should be")
    code, text = run(QT_QPA_PLATFORM="offscreen", XDG_CONFIG_HOME=str(blocked), PYTHONUTF8="1")
    assert "! Settings: " in text
    assert "cannot be written" in text
    assert code == 0


def test_a_terminal_without_signs_gets_words() -> None:
    code, text = run(QT_QPA_PLATFORM="offscreen", PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert code == 0
    assert text.isascii()
    assert "ok   Python: " in text


def test_each_fault_is_counted_and_each_mend_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Iterator[Finding]:
        yield Finding("Knee", Grade.FAULT, "hurts", "rest\nice")
        yield Finding("Nose", Grade.WARNING, "runs")

    monkeypatch.setattr(doctor, "CHECKS", (broken,))
    out = io.StringIO()
    assert doctor.run(out) == 1
    assert "FAIL Knee: hurts\n    rest\n    ice\n" in out.getvalue() or (
        "✗ Knee: hurts\n    rest\n    ice\n" in out.getvalue()
    )
    assert "1 of these must be mended." in out.getvalue()
