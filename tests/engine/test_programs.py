"""Ordinary PyTorch programs run unchanged on the built-in engine and print what PyTorch prints.

``programs/printed/*.txt`` is what PyTorch 2.13.0 (CPU) printed; ``python tests/engine/test_programs.py`` with
PyTorch installed prints them anew.
"""

from __future__ import annotations

import contextlib
import io
import re
import runpy
from pathlib import Path

import pytest

from gradviz.recording.alias import engine_as_torch

PROGRAMS = Path(__file__).parent / "programs"
NAMES = sorted(path.stem for path in PROGRAMS.glob("*.py"))


def printed_by(name: str) -> str:
    """What the program prints; addresses are all alike."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        runpy.run_path(str(PROGRAMS / f"{name}.py"), run_name="__main__")
    return re.sub(r"0x[0-9a-f]+", "0x...", out.getvalue())


@pytest.mark.parametrize("name", NAMES)
def test_a_program_prints_what_pytorch_prints(name: str) -> None:
    with engine_as_torch():
        mine = printed_by(name)
    assert mine == (PROGRAMS / "printed" / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.pytorch
@pytest.mark.parametrize("name", NAMES)
def test_the_recorded_outputs_are_pytorchs(name: str) -> None:
    pytest.importorskip("torch")
    assert printed_by(name) == (PROGRAMS / "printed" / f"{name}.txt").read_text(encoding="utf-8")


if __name__ == "__main__":
    for name in NAMES:
        (PROGRAMS / "printed" / f"{name}.txt").write_text(printed_by(name), encoding="utf-8")
