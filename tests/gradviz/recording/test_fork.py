"""Processes that a recorded program starts: they go on unharmed, and only the program itself is recorded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gradviz.trace import events as ev
from gradviz.trace.reader import Trace

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")

FORKS = """
import atexit, gradviz, os, sys, torch

def end(how):
    if how == "sys.exit":
        sys.exit(4)
    if how == "exception":
        raise ValueError("of the child")
    if how == "os._exit":
        sys.stdout.flush()
        os._exit(3)
    if how == "a fork in the fork":
        os.fork() or os._exit(0)
        os.wait()
    if how == "a recording of its own":
        with gradviz.record(TRACE + ".child", backend=BACKEND):
            (w * 3).sum().backward()

w = torch.ones(3, requires_grad=True)
(w * w).sum().backward()
atexit.register(lambda: os.write(1, b"exit handler\\n"))
for how in ("end of main", "sys.exit", "exception", "os._exit", "a fork in the fork", "a recording of its own"):
    child = os.fork()
    if child == 0:
        gradviz.mark("child")
        print("child", how)
        (w * 2).sum().backward()
        print(w.grad.tolist())
        end(how)
        break
    print("parent", how, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
else:
    (w * 2).sum().backward()
"""
ENDS = {
    "end of main": 0,
    "sys.exit": 4,
    "exception": 1,
    "os._exit": 3,
    "a fork in the fork": 0,
    "a recording of its own": 0,
}


@pytest.fixture(params=["numpy", pytest.param("pytorch", marks=pytest.mark.pytorch)])
def backend(request: pytest.FixtureRequest) -> str:
    if request.param == "pytorch":
        pytest.importorskip("torch")
    return str(request.param)


def record(program: str, folder: Path, backend: str) -> tuple[subprocess.CompletedProcess[str], Trace]:
    """Run ``gradviz record`` on it."""
    file, path = folder / "p.py", folder / "t.gradviz"
    file.write_text(f"TRACE, BACKEND = {str(path)!r}, {backend!r}\n" + program)
    command = [sys.executable, "-m", "gradviz.cli", "record", str(file), "-o", str(path), "--backend", backend]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    return done, Trace.open(path)


def test_forked_children_go_on_unrecorded_and_the_program_is_recorded_whole(tmp_path: Path, backend: str) -> None:
    done, trace = record(FORKS, tmp_path, backend)
    assert done.returncode == 0, done.stderr
    printed = done.stdout.splitlines()
    for how, code in ENDS.items():
        assert printed.count(f"child {how}") == 1
        assert printed.count(f"parent {how} {code}") == 1
    assert printed.count("[4.0, 4.0, 4.0]") == len(ENDS)
    assert printed.count("exit handler") == len(ENDS)  # not after os._exit, but after the parent's end
    assert done.stderr.count("Traceback") == 1
    with trace:
        assert trace.complete
        told = [event.text for event in trace.events if isinstance(event, ev.Output)]
        assert told == [f"parent {how} {code}\n" for how, code in ENDS.items()]
        kinds = [event.kind for event in trace.events]
        assert (kinds.count("accumulate"), kinds.count("mark"), kinds.count("error")) == (2, 0, 0)
    with Trace.open(tmp_path / "t.gradviz.child") as own:
        assert own.complete
        assert sum(isinstance(event, ev.Accumulate) for event in own.events) == 1


def test_a_fork_inside_a_recorded_block(tmp_path: Path) -> None:
    path = tmp_path / "t.gradviz"
    program = f"""
import gradviz, os
import gradviz_engine as torch

w = torch.ones(3, requires_grad=True)
with gradviz.record({str(path)!r}):
    (w * w).sum().backward()
    pid = os.fork()
    gradviz.mark("in either")
    print("in either\\n", end="", flush=True)
    (w * w).sum().backward()
if pid:
    os.waitpid(pid, 0)
print("after", w.grad.tolist())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["in either", "in either", "after [4.0, 4.0, 4.0]", "after [4.0, 4.0, 4.0]"]
    with Trace.open(path) as trace:
        assert trace.complete
        kinds = [event.kind for event in trace.events]
        assert (kinds.count("mark"), kinds.count("output"), kinds.count("accumulate")) == (1, 1, 2)


def test_a_fork_within_a_backward_call(tmp_path: Path, backend: str) -> None:
    program = """
import os, torch

w = torch.ones(3, requires_grad=True)
y = w * w
y.register_hook(lambda grad: globals().update(pid=os.fork()))
y.sum().backward()
print(f"{w.grad.tolist()}\\n", end="", flush=True)
if pid:
    os.waitpid(pid, 0)
"""
    done, trace = record(program, tmp_path, backend)
    assert (done.returncode, done.stdout) == (0, "[2.0, 2.0, 2.0]\n" * 2), done.stderr
    with trace:
        assert trace.complete
        assert [event.kind for event in trace.events].count("accumulate") == 1


MULTIPROCESSING = """
import multiprocessing, sys, time, torch

def work(number):
    sys.stdout.write("working\\n")  # in one go: other processes write to the same pipe
    sys.stdout.flush()
    return number * number

def late(path):
    time.sleep(0.5)
    open(path, "w").write("done")

if __name__ == "__main__":
    w = torch.ones(2, requires_grad=True)
    context = multiprocessing.get_context("KIND")
    with context.Pool(2) as pool:
        print(pool.map(work, [1, 2, 3]))
    context.Process(target=late, args=(TRACE + ".late",)).start()
    (w * w).sum().backward()
    print("end of main")
"""


@pytest.mark.parametrize("kind", ["fork", "forkserver", "spawn"])
@pytest.mark.pytorch
def test_multiprocessing(tmp_path: Path, backend: str, kind: str) -> None:
    pytest.importorskip("torch")  # what a spawned child imports
    done, trace = record(MULTIPROCESSING.replace("KIND", kind), tmp_path, backend)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(done.stdout.splitlines()) == ["[1, 4, 9]", "end of main", "working", "working", "working"]
    assert Path(f"{trace.path}.late").read_text() == "done"
    with trace:
        assert trace.complete
        printed = "".join(event.text for event in trace.events if isinstance(event, ev.Output))
        assert printed == "[1, 4, 9]\nend of main\n"


@pytest.mark.pytorch
def test_the_workers_of_a_data_loader(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    program = """
import torch
from torch.utils.data import DataLoader, Dataset

class Squares(Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        return (torch.tensor([float(index)], requires_grad=True) * index).detach()

w = torch.ones(1, requires_grad=True)
for batch in DataLoader(Squares(), batch_size=4, num_workers=2):
    (batch * w).sum().backward()
print(w.grad.item())
"""
    done, trace = record(program, tmp_path, "pytorch")
    assert (done.returncode, done.stdout) == (0, "140.0\n"), done.stderr
    with trace:
        assert trace.complete
        assert [event.kind for event in trace.events].count("accumulate") == 2


def test_a_fork_while_other_threads_print_does_not_lock_the_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child has the locks of those threads as they were, and nobody to let them go."""
    # Threads that share a buffered stdout make plain Python 3.11 print garbage (python/cpython#119506).
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    program = """
import os, threading

over = threading.Event()

def talk():
    while not over.is_set():
        os.write(2, b".")
        print("x" * 100)

for _ in range(3):
    threading.Thread(target=talk, daemon=True).start()
for _ in range(100):
    child = os.fork()
    if child == 0:
        print("child")
        os._exit(0)
    os.waitpid(child, 0)
over.set()
"""
    done, trace = record(program, tmp_path, "numpy")
    assert done.returncode == 0
    with trace:
        assert trace.complete
