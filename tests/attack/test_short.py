"""A short form of each attack, with seeds that stay: what the long one does for hours, CI does for a moment."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attack.kills import Kills
from tests.attack.programs import HOSTILE
from tests.attack.recordings import Recordings
from tests.attack.stops import Stops
from tests.attack.traces import Traces

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the limits of processor time are POSIX's")


@pytest.fixture(scope="module")
def traces() -> Iterator[Traces]:
    made = Traces()
    yield made
    made.close()


@pytest.mark.parametrize("seed", range(0, 200, 50))
def test_bad_traces_are_refused_with_a_reason_or_do_no_harm(traces: Traces, seed: int) -> None:
    found = [traces.attack(number, shown=0.0) for number in range(seed, seed + 50)]
    assert [str(finding) for finding in found if finding is not None] == []
    assert traces.opened > 0


def test_the_same_seed_makes_the_same_trace(traces: Traces, tmp_path: Path) -> None:
    done = [traces.make(tmp_path / f"{name}.gradviz", random.Random(5)) for name in "ab"]
    assert done[0] == done[1]
    assert (tmp_path / "a.gradviz").read_bytes() == (tmp_path / "b.gradviz").read_bytes()


def test_an_attack_that_should_be_found_is_found(traces: Traces, monkeypatch: pytest.MonkeyPatch) -> None:
    """A harness that finds nothing may look at nothing."""
    monkeypatch.setattr("tests.attack.use.markers", lambda trace: 1 / 0)
    found = [traces.attack(seed, shown=0.0) for seed in range(12)]
    assert any("ZeroDivisionError" in str(finding) for finding in found)


def test_a_killed_recorder_leaves_what_it_had_committed() -> None:
    kills = Kills()
    found = [kills.attack(seed) for seed in (1, 2)]
    kills.close()
    assert found == [None, None]


def test_stop_ends_whatever_runs() -> None:
    stops = Stops()
    found = [stops.attack(seed) for seed in range(6)]
    stops.close()
    assert found == [None] * 6


def test_random_actions_leave_the_window_sound() -> None:
    """In a process of their own: they have ears for everything, and settings that no other test must see."""
    command = [sys.executable, "-m", "tests.attack", "--only", "actions", "--no-stalls", "--count", "60", "--seed", "9"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], timeout=300)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "actions: 60 done" in ended.stdout


@pytest.mark.parametrize(
    "name",
    [
        "exit code",
        "os._exit",
        "fork",
        "close fd",
        "close all",
        "excepthook",
        "syntax",
        "surrogate",
        "thread late",
        "chained",
    ],
)
def test_a_program_does_the_same_when_it_is_recorded(name: str) -> None:
    recordings = Recordings()
    found = recordings.compare(HOSTILE[name], "numpy")
    recordings.close()
    assert found == []
