"""A recorded program does what it does unrecorded, bit for bit: values, gradients, prints, warnings, exceptions."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import unchanged
from unchanged import ROWS

Results = dict[str, tuple[dict[str, Any], dict[str, Any]]]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="runs are compared in forks of one process")


def results_of(backend: str, folder: Path) -> Results:
    driver = Path(unchanged.__file__).with_name("driver.py")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        [sys.executable, driver, backend, folder], env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    found: Results = pickle.loads((folder / "results").read_bytes())
    return found


@pytest.fixture(scope="module")
def by_engine(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return results_of("numpy", tmp_path_factory.mktemp("numpy"))


@pytest.fixture(scope="module")
def by_pytorch(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return results_of("pytorch", tmp_path_factory.mktemp("pytorch"))


def assert_unchanged(results: Results, name: str) -> dict[str, Any]:
    """What the trace of the recorded run tells."""
    plain, recorded = results[name]
    assert "broken" not in plain, plain["broken"]
    assert "broken" not in recorded, recorded["broken"]
    for fact, value in plain["seen"].items():
        assert recorded["seen"][fact] == value, fact
    assert recorded["seen"].keys() == plain["seen"].keys()
    trace: dict[str, Any] = recorded["trace"]
    assert trace["complete"]
    return trace


@pytest.mark.parametrize("name", [row.name for row in ROWS.values() if row.engine])
def test_the_engine_is_recorded_without_a_trace_of_it(by_engine: Results, name: str) -> None:
    assert assert_unchanged(by_engine, name)["warnings"] == []


@pytest.mark.pytorch
@pytest.mark.timeout(1800)
@pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("name", ROWS)
def test_pytorch_is_recorded_without_a_trace_of_it(by_pytorch: Results, name: str) -> None:
    warnings = assert_unchanged(by_pytorch, name)["warnings"]
    assert [warning[: len(told)] for warning, told in zip(warnings, ROWS[name].told, strict=True)] == [*ROWS[name].told]
