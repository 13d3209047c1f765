"""A trace is replaced by one writer at a time, in one move, and by nothing that loses what was there."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradviz.trace.errors import TraceError
from gradviz.trace.events import Mark
from gradviz.trace.lock import lock_path
from gradviz.trace.model import GraphNode, NodeKind
from gradviz.trace.reader import Trace
from gradviz.trace.writer import TraceWriter

posix = pytest.mark.skipif(os.name != "posix", reason="signals, forks and links as POSIX has them")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.gradviz"


def record(path: Path, *names: str) -> None:
    with TraceWriter(path) as writer:
        for name in names:
            writer.emit(Mark(name=name))


def names(path: Path) -> list[str]:
    with Trace.open(path) as trace:
        return [event.name for event in trace.events if isinstance(event, Mark)]


# One at a time


def test_a_second_writer_is_refused_and_told_why(path: Path) -> None:
    first = TraceWriter(path)
    first.emit(Mark(name="first"))
    with pytest.raises(TraceError, match=rf"run\.gradviz: another recording .* process {os.getpid()}"):
        TraceWriter(path)
    first.emit(Mark(name="still first"))
    first.finish()
    assert names(path) == ["first", "still first"]
    assert list(path.parent.iterdir()) == [path]
    record(path, "second")
    assert names(path) == ["second"]


@posix
def test_a_link_to_the_trace_is_the_same_trace(path: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.gradviz"
    link.symlink_to(path)
    writer = TraceWriter(path)
    with pytest.raises(TraceError, match="another recording"):
        TraceWriter(link)
    writer.finish()
    record(link, "through the link")
    assert link.is_symlink()
    assert names(path) == ["through the link"]


def test_readers_are_not_hindered_and_do_not_hinder(path: Path) -> None:
    writer = TraceWriter(path)
    for number in range(3):
        writer.emit(Mark(name=str(number)))
        writer.flush()
        assert len(names(path)) == number + 1
    assert lock_path(path).exists()
    writer.finish()
    assert not lock_path(path).exists()


CHILD = """
import os, sys, time
from gradviz.trace.events import Mark
from gradviz.trace.writer import TraceWriter
writer = TraceWriter(sys.argv[1])
for number in range(1500):
    writer.emit(Mark(name=str(number)))
writer.flush()
{fork}
print("written", flush=True)
time.sleep(60)
"""


def child(path: Path, fork: str = "") -> subprocess.Popen[str]:
    """A process that has written 1500 events and goes on."""
    process = subprocess.Popen([sys.executable, "-c", CHILD.format(fork=fork), str(path)], stdout=-1, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_two_processes_cannot_write_one_trace_and_none_loses_its_events(path: Path) -> None:
    """When one ended, SQLite removed the other's WAL with all its events."""
    first = child(path)
    try:
        with pytest.raises(TraceError, match=f"process {first.pid}"):
            TraceWriter(path)
    finally:
        kill(first)
    assert len(names(path)) == 1500


def test_the_lock_goes_with_a_killed_writer(path: Path) -> None:
    kill(child(path))
    assert lock_path(path).exists()
    record(path, "after")
    assert names(path) == ["after"]
    assert list(path.parent.iterdir()) == [path]


@posix
def test_a_forked_child_neither_frees_the_trace_nor_keeps_it(path: Path) -> None:
    ended = "if os.fork() == 0: sys.exit()\nos.wait()"
    parent = child(path, ended)
    try:
        with pytest.raises(TraceError, match="another recording"):
            TraceWriter(path)
        assert len(names(path)) == 1500
    finally:
        kill(parent)
    # A child that outlives its parent does not hold the trace either.
    staying = "if os.fork() == 0: os.close(1); time.sleep(60)\n"
    parent = child(path, staying.replace("time.sleep", "print(end=''); time.sleep"))
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    record(path, "after")
    assert names(path) == ["after"]


@posix
def test_what_a_forked_child_records_is_let_go(path: Path) -> None:
    writer = TraceWriter(path)
    writer.emit(Mark(name="before"))
    writer.flush()
    pid = os.fork()
    if pid == 0:
        writer.emit(Mark(name="of the child"))
        writer.flush()
        writer.finish()
        os._exit(0)
    os.waitpid(pid, 0)
    writer.emit(Mark(name="after"))
    writer.finish()
    assert names(path) == ["before", "after"]


# What was there stays until the program begins


def test_the_old_trace_stays_until_the_recording_begins(path: Path) -> None:
    record(path, "old")
    writer = TraceWriter(path, begin=False)
    writer.emit(Mark(name="new"))
    assert names(path) == ["old"]
    writer.begin()
    writer.flush()
    assert names(path) == ["new"]
    writer.finish()
    assert names(path) == ["new"]


def test_a_recording_that_never_began_leaves_the_old_trace(path: Path) -> None:
    record(path, "old")
    writer = TraceWriter(path, begin=False)
    writer.emit(Mark(name="new"))
    with pytest.raises(TraceError, match="did not begin"):
        writer.finish()
    assert names(path) == ["old"]
    assert list(path.parent.iterdir()) == [path]


def test_where_nothing_was_even_a_recording_that_never_began_is_kept(path: Path) -> None:
    writer = TraceWriter(path, begin=False)
    writer.emit(Mark(name="syntax error"))
    writer.finish()
    assert names(path) == ["syntax error"]


def test_the_last_commits_of_a_killed_trace_do_not_get_into_its_successor(path: Path) -> None:
    kill(child(path))
    assert path.with_name("run.gradviz-wal").stat().st_size > 0
    writer = TraceWriter(path, begin=False)
    assert len(names(path)) == 1500
    writer.begin()
    writer.emit(Mark(name="new"))
    writer.finish()
    assert names(path) == ["new"]


def test_what_is_left_of_a_trace_whose_main_file_was_deleted_does_no_harm(path: Path) -> None:
    kill(child(path))
    path.unlink()
    assert path.with_name("run.gradviz-wal").exists()
    record(path, "new")
    assert names(path) == ["new"]


@posix
def test_a_reader_keeps_the_trace_that_it_opened(path: Path) -> None:
    with TraceWriter(path) as writer:
        tensor = writer.add_tensor(np.arange(3.0))
    with Trace.open(path) as old:
        record(path, "new")
        np.testing.assert_array_equal(old.array(tensor), [0, 1, 2])
    assert names(path) == ["new"]


@posix
@pytest.mark.parametrize("replaced", [False, True])
def test_a_trace_that_is_deleted_while_it_is_written_is_told(path: Path, replaced: bool) -> None:
    writer = TraceWriter(path)
    writer.emit(Mark(name="one"))
    writer.flush()
    path.unlink()
    if replaced:
        record(path.with_name("other.gradviz"), "other")
        path.with_name("other.gradviz").rename(path)
    writer.emit(Mark(name="two"))  # nothing is raised in the middle of a program
    with pytest.raises(TraceError, match="deleted, moved or replaced"):
        writer.finish()
    assert path.exists() == replaced
    assert not lock_path(path).exists()


@posix
def test_a_trace_that_is_moved_while_it_is_written_is_whole_where_it_is(path: Path) -> None:
    writer = TraceWriter(path)
    writer.emit(Mark(name="one"))
    moved = path.rename(path.with_name("moved.gradviz"))
    writer.emit(Mark(name="two"))
    with pytest.raises(TraceError, match="moved"):
        writer.finish()
    assert names(moved) == ["one", "two"]


# All of a commit or nothing


BAD_NODE = GraphNode(0, "Odd", NodeKind.FUNCTION, 2**64 - 1, None, None, None, None, None, "", (), ())
"""SQLite holds numbers of 63 bits; PyTorch counts some nodes as 2^64 - 1."""


def test_a_commit_that_fails_is_rolled_back(path: Path) -> None:
    writer = TraceWriter(path)
    writer.emit(Mark(name="good"))
    writer.flush()
    writer.emit(Mark(name="lost with it"))
    writer.add_node(BAD_NODE)
    with pytest.raises(TraceError, match="cannot write"):
        writer.flush()
    assert names(path) == ["good"]
    with pytest.raises(TraceError, match="cannot write"):
        writer.emit(Mark(name="after"))
    with pytest.raises(TraceError, match="cannot write"):
        writer.finish()
    assert names(path) == ["good"]
    assert list(path.parent.iterdir()) == [path]


class Interrupted(sqlite3.Connection):
    """Ctrl+C arrives once, right after a statement that begins like this."""

    statement = ""

    def execute(self, sql: str, *values: object) -> sqlite3.Cursor:
        done = super().execute(sql, *values)
        if self.statement and sql.startswith(self.statement):
            self.statement = ""
            raise KeyboardInterrupt
        return done

    def executemany(self, sql: str, rows: Any) -> sqlite3.Cursor:
        done = super().executemany(sql, rows)
        if self.statement and sql.startswith(self.statement):
            self.statement = ""
            raise KeyboardInterrupt
        return done


@pytest.mark.parametrize("statement", ["BEGIN", "INSERT INTO chunk", "COMMIT"])
def test_ctrl_c_in_the_middle_of_a_commit_loses_nothing(
    path: Path, statement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect
    with monkeypatch.context() as patched:
        patched.setattr(sqlite3, "connect", lambda *a, **b: connect(*a, factory=Interrupted, **b))
        writer = TraceWriter(path)
    writer.emit(Mark(name="one"))
    assert isinstance(writer._connection, Interrupted)
    writer._connection.statement = statement
    with pytest.raises(KeyboardInterrupt):
        writer.flush()
    writer.emit(Mark(name="two"))
    writer.finish()
    assert names(path) == ["one", "two"]


FULL = """
import resource, signal, sys
from gradviz.trace.errors import TraceError
from gradviz.trace.events import Mark
from gradviz.trace.writer import TraceWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
writer = TraceWriter(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
try:
    for number in range(1000):
        writer.emit(Mark(name=str(number) + "x" * 2000))
        if number % 20 == 0:
            writer.flush()
    writer.finish()
except TraceError as error:
    print(error)
"""


@posix
def test_on_a_full_disk_all_that_was_committed_is_there(path: Path) -> None:
    """A limit on the size of files stands for the full disk."""
    told = subprocess.run([sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=True)
    assert "cannot write" in told.stdout
    kept = names(path)
    assert len(kept) >= 60
    assert [name.rstrip("x") for name in kept] == [str(number) for number in range(len(kept))]


def test_many_threads_write_while_it_ends(path: Path) -> None:
    writer = TraceWriter(path)
    threads = [threading.Thread(target=lambda: [writer.emit(Mark(name="x")) for _ in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.finish()
    assert names(path) == ["x"] * 200
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    connection.close()
