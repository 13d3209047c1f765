"""Saving a trace: one plain file with everything in it, or what was there before."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gradviz.trace.errors import TraceError
from gradviz.trace.events import Mark
from gradviz.trace.reader import Trace
from gradviz.trace.save import SaveCancelled, save
from gradviz.trace.writer import TraceWriter
from synthetic import training

posix = pytest.mark.skipif(os.name != "posix", reason="open files can be replaced, as POSIX has it")

KILLED = """
import os, sys
import numpy as np
from gradviz.trace.events import Mark
from gradviz.trace.writer import TraceWriter
writer = TraceWriter(sys.argv[1], program="killed.py")
for number in range(3019):
    writer.add_tensor(np.arange(5.0) + number)
    writer.emit(Mark(name=str(number)))
writer.flush()
os._exit(1)
"""


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """The trace of a recorder that died: its rows are in the WAL, none in the main file."""
    path = tmp_path / "killed" / "killed.gradviz"
    path.parent.mkdir()
    subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    alone = tmp_path / "alone" / "alone.gradviz"
    alone.parent.mkdir()
    shutil.copy(path, alone)
    with Trace.open(alone) as trace:
        assert len(trace.events) == 0
    shutil.rmtree(alone.parent)
    return path


def recorded(path: Path, nodes: int = 60) -> Path:
    with TraceWriter(path, program="training.py") as writer:
        training(nodes, calls=2, leaves=4, sink=writer)
    return path


def assert_whole(path: Path, events: int = 3019) -> None:
    assert [file.name for file in path.parent.iterdir() if file.name.startswith(path.name)] == [path.name]
    assert not [file.name for file in path.parent.iterdir() if file.name.startswith(".")]
    with Trace.open(path) as trace:
        assert len(trace.events) == events
        for tensor in range(0, trace.tensor_count, 100):
            assert trace.array(tensor) is not None
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_a_recording_that_was_cut_off_is_saved_with_all_its_events(killed: Path, tmp_path: Path) -> None:
    target = tmp_path / "saved" / "kept.gradviz"
    target.parent.mkdir()
    with Trace.open(killed) as trace:
        save(trace, target)
    assert_whole(target)
    with Trace.open(target) as trace:
        assert not trace.complete
        assert trace.program == "killed.py"
        np.testing.assert_array_equal(trace.array(7), np.arange(5.0) + 7)


def test_a_trace_is_saved_onto_itself(killed: Path) -> None:
    with Trace.open(killed) as trace:
        save(trace, killed)
        assert trace.array(3000) is not None
    assert_whole(killed)


@posix
def test_a_trace_is_saved_over_one_that_somebody_has_open(killed: Path, tmp_path: Path) -> None:
    target = recorded(tmp_path / "open.gradviz")
    with Trace.open(target) as other, Trace.open(killed) as trace:
        expected = len(other.events)
        save(trace, target)
        assert len(other.events) == expected
        assert other.array(other.tensor_count - 1) is not None
    assert_whole(target)


def test_what_lies_beside_the_old_file_does_not_get_into_the_new_one(killed: Path, tmp_path: Path) -> None:
    source = recorded(tmp_path / "good.gradviz")
    assert killed.with_name("killed.gradviz-wal").stat().st_size > 0
    with Trace.open(source) as trace:
        save(trace, killed)
        events = len(trace.events)
    assert_whole(killed, events)


def test_a_recording_that_goes_on_is_saved_as_it_is_at_that_moment(tmp_path: Path) -> None:
    target = tmp_path / "t.gradviz"
    writer = TraceWriter(tmp_path / "growing.gradviz")
    for number in range(100):
        writer.add_tensor(np.random.default_rng(number).random(20_000))  # so that it is copied in several goes
        writer.emit(Mark(name=str(number)))
    writer.flush()

    def go_on(fraction: float) -> None:
        writer.emit(Mark(name=f"at {fraction}"))
        writer.flush()

    with Trace.open(writer.path) as trace:
        save(trace, target, progress=go_on)
    writer.finish()
    assert_whole(target, 100)
    assert_whole(writer.path, writer.steps)


def test_a_trace_that_is_being_written_is_not_saved_over(tmp_path: Path) -> None:
    writer = TraceWriter(tmp_path / "busy.gradviz")
    source = recorded(tmp_path / "t.gradviz")
    with Trace.open(source) as trace, pytest.raises(TraceError, match="another recording"):
        save(trace, writer.path)
    writer.emit(Mark(name="one"))
    writer.finish()
    assert_whole(writer.path, 1)


def test_nothing_but_a_trace_is_saved_over(tmp_path: Path) -> None:
    thesis = tmp_path / "thesis.gradviz"
    thesis.write_text("dear to somebody " * 100)
    with Trace.open(recorded(tmp_path / "t.gradviz")) as trace:
        with pytest.raises(TraceError, match="will not be overwritten"):
            save(trace, thesis)
        with pytest.raises(TraceError, match="cannot write"):
            save(trace, tmp_path / "no such folder" / "t.gradviz")
    assert thesis.read_text().startswith("dear")


@posix
def test_a_file_that_holds_another_recording_by_now_is_not_passed_off_as_this_one(tmp_path: Path) -> None:
    path, target = recorded(tmp_path / "t.gradviz"), tmp_path / "saved.gradviz"
    with Trace.open(path) as trace:
        recorded(path, nodes=80)
        with pytest.raises(TraceError, match="another recording by now"):
            save(trace, target)
        path.unlink()
        with pytest.raises(TraceError, match="cannot read"):
            save(trace, target)
    assert not target.exists()


def test_saving_tells_how_far_it_is_and_can_be_given_up(tmp_path: Path) -> None:
    source, target = tmp_path / "large.gradviz", recorded(tmp_path / "old.gradviz")
    with TraceWriter(source) as writer:
        for number in range(30):
            writer.add_tensor(np.random.default_rng(number).random(100_000))
    before = target.read_bytes()
    told: list[float] = []
    with Trace.open(source) as trace:
        save(trace, tmp_path / "new.gradviz", progress=told.append)
        assert len(told) > 4
        assert told == sorted(told)
        assert told[-1] == 1
        with pytest.raises(SaveCancelled):
            save(trace, target, progress=told.append, cancelled=lambda: len(told) > 8)
    assert target.read_bytes() == before
    assert {file.name for file in tmp_path.iterdir()} == {"large.gradviz", "new.gradviz", "old.gradviz"}


FULL = """
import resource, signal, sys
from gradviz.trace.errors import TraceError
from gradviz.trace.reader import Trace
from gradviz.trace.save import save
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
trace = Trace.open(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    save(trace, sys.argv[2])
except TraceError as error:
    print(error)
"""


@posix
def test_a_full_disk_leaves_the_old_file(killed: Path, tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk."""
    target = recorded(tmp_path / "old.gradviz")
    before = target.read_bytes()
    command = [sys.executable, "-c", FULL, str(killed), str(target)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert told.startswith(f"cannot write {target}: ")
    assert target.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir() if not file.is_dir()] == ["old.gradviz"]


def test_what_was_tampered_with_is_refused_after_saving_too(tmp_path: Path) -> None:
    path = recorded(tmp_path / "t.gradviz")
    with Trace.open(path) as trace:
        save(trace, tmp_path / "saved.gradviz")
    connection = sqlite3.connect(tmp_path / "saved.gradviz", isolation_level=None)
    connection.execute("DELETE FROM chunk WHERE stream = 'op'")
    connection.close()
    with pytest.raises(TraceError, match="damaged"):
        Trace.open(tmp_path / "saved.gradviz")


@posix
def test_a_saved_trace_opens_in_a_folder_that_cannot_be_written(killed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "read only"
    folder.mkdir()
    with Trace.open(killed) as trace:
        save(trace, folder / "t.gradviz")
    script = "import sys; from gradviz.trace.reader import Trace; print(len(Trace.open(sys.argv[1]).events))"
    folder.chmod(0o555)
    try:  # root may write anywhere, so it is opened as somebody else
        other = {"user": 65534} if os.geteuid() == 0 and _readable_by_all(tmp_path) else {}
        done = subprocess.run(
            [sys.executable, "-c", script, str(folder / "t.gradviz")], capture_output=True, text=True, **other
        )
    finally:
        folder.chmod(0o755)
    assert done.stdout.strip() == "3019", done.stderr
    assert [file.name for file in folder.iterdir()] == ["t.gradviz"]


def _readable_by_all(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o005 == 0o005 for folder in (path, *path.parents, Path(sys.executable).parent))
