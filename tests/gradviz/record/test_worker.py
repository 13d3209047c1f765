"""The child process: whatever the program does, the client lives, knows how it ended, and can go on."""

from __future__ import annotations

import os
import queue
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gradviz.record.client import Finished, Worker
from gradviz.record.program import Program
from gradviz.trace.model import Cell
from gradviz.trace.reader import Trace


class Runs:
    """A worker whose callbacks are kept."""

    def __init__(self, folder: Path) -> None:
        self.trace = folder / "run.gradviz"
        self.printed: list[tuple[str, str]] = []
        self.counts: list[int] = []
        self.ends: queue.Queue[Finished | str] = queue.Queue()
        self.worker = Worker(
            on_output=lambda text, stream: self.printed.append((stream, text)),
            on_event_count=self.counts.append,
            on_finished=self.ends.put,
            on_crashed=self.ends.put,
        )

    def begin(self, text: str, **options: object) -> None:
        self.printed.clear()
        self.worker.run(Program.from_text(text), self.trace, **options)  # type: ignore[arg-type]

    def end(self, seconds: float = 30) -> Finished | str:
        return self.ends.get(timeout=seconds)

    def run(self, text: str, **options: object) -> Finished:
        self.begin(text, **options)
        end = self.end()
        assert isinstance(end, Finished), end
        return end

    def text(self, stream: str = "stdout") -> str:
        return "".join(text for where, text in self.printed if where == stream)


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    runs = Runs(tmp_path)
    yield runs
    runs.worker.close()


def test_a_program_runs_and_is_recorded(runs: Runs) -> None:
    end = runs.run("import sys\nprint('out')\nprint('err', file=sys.stderr)\n")
    assert end == Finished(runs.trace, 0)
    assert (runs.text("stdout"), runs.text("stderr")) == ("out\n", "err\n")
    with Trace.open(runs.trace) as trace:
        assert trace.complete
        assert [(event.kind, event.line) for event in trace.events] == [("output", 2), ("output", 3)]
        assert trace.sources[0].text.startswith("import sys")
    assert runs.counts[-1] == 2


def test_runs_follow_each_other_and_share_nothing(runs: Runs) -> None:
    runs.run("import builtins, os\nbuiltins.left_behind = 1\nos.environ['LEFT'] = '1'")
    runs.run("import builtins, os\nprint(hasattr(builtins, 'left_behind'), 'LEFT' in os.environ)")
    assert runs.text() == "False False\n"


def test_cells_arguments_and_folder(runs: Runs, tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("value = 5\n")
    program = Program("import sys, os\nsys.argv[1:]\n\nfrom beside import value\nvalue\n", "n.ipynb", (Cell("In [1]", 1), Cell("In [2]", 4)), tmp_path / "n.ipynb")  # fmt: skip  # noqa: E501
    runs.worker.run(program, runs.trace, arguments=["--fast"])
    assert runs.end() == Finished(runs.trace, 0)
    assert runs.text() == "['--fast']\n5\n"


@pytest.mark.parametrize(("code", "exit_code"), [("7", 7), ("", 0), ("None", 0), ("'bye'", 1), ("0", 0)])
def test_exit_codes_pass_through(runs: Runs, code: str, exit_code: int) -> None:
    assert runs.run(f"import sys\nsys.exit({code})").exit_code == exit_code
    assert runs.text("stderr") == ("bye\n" if "bye" in code else "")
    with Trace.open(runs.trace) as trace:
        assert trace.complete


def test_an_exception_is_shown_and_recorded_with_its_line(runs: Runs) -> None:
    end = runs.run("def f():\n    raise ValueError('no')\n\nprint('before')\nf()\n")
    assert (end.exit_code, end.failure) == (1, ("ValueError", "no"))
    shown = runs.text("stderr")
    assert shown.startswith("Traceback (most recent call last):\n")
    assert shown.endswith("ValueError: no\n")
    assert "gradviz" not in shown
    assert "    raise ValueError('no')" in shown
    with Trace.open(runs.trace) as trace:
        assert [event.kind for event in trace.events] == ["output", "error"]
        error = trace.events[-1]
        assert (error.file, error.line) == ("program.py", 2)
        assert error.type == "ValueError"  # type: ignore[attr-defined]
        assert error.traceback == tuple(shown.splitlines())  # type: ignore[attr-defined]


def test_an_endless_loop_is_stopped_at_once_and_what_was_recorded_stays(runs: Runs) -> None:
    runs.begin("print('on my way', flush=True)\nwhile True:\n    pass")
    deadline = time.monotonic() + 20
    while not runs.printed and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(1.0)  # five times what the recorder promises, for machines that are busy with other things
    began = time.monotonic()
    runs.worker.stop()
    end = runs.end()
    assert time.monotonic() - began < 0.3
    assert end == Finished(runs.trace, None, stopped=True)
    with Trace.open(runs.trace) as trace:
        assert not trace.complete
        assert [event.kind for event in trace.events] == ["output"]
    assert runs.run("print('again')").exit_code == 0


def test_stopping_ends_the_programs_own_children_too(runs: Runs, tmp_path: Path) -> None:
    if os.name != "posix":
        pytest.skip("process groups")
    note = tmp_path / "alive"
    child = f"import time, pathlib\nwhile True: pathlib.Path({str(note)!r}).touch(); time.sleep(0.02)"
    runs.begin(f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {child!r}])")
    deadline = time.monotonic() + 20
    while not note.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    runs.worker.stop()
    assert runs.end() == Finished(runs.trace, None, stopped=True)
    note.unlink()
    time.sleep(0.2)
    assert not note.exists()


def test_a_crash_of_the_interpreter_is_told(runs: Runs) -> None:
    runs.begin("print('before', flush=True)\nimport ctypes\nctypes.string_at(0)")
    end = runs.end()
    assert isinstance(end, str)
    assert end.startswith("the interpreter")
    if sys.platform == "linux":
        assert "SIGSEGV" in end
    assert runs.run("pass").exit_code == 0


def test_leaving_by_the_back_door(runs: Runs) -> None:
    assert runs.run("import os\nos._exit(9)").exit_code == 9


def test_gigabytes_of_output_do_no_harm(runs: Runs) -> None:
    program = """
import os
for _ in range(3000):
    os.write(1, b"x" * 100_000)
    os.write(2, b"x" * 100_000)
for _ in range(3000):
    print("y" * 100_000)
print("the end")
"""
    assert runs.run(program).exit_code == 0
    assert sum(len(text) for _, text in runs.printed) < 40 << 20
    assert "the rest is not shown" in runs.text()
    with Trace.open(runs.trace) as trace:
        assert trace.complete
        assert trace.events[-1].kind == "warning"
    assert runs.trace.stat().st_size < 4 << 20


def test_output_of_c_code_and_child_processes_arrives(runs: Runs) -> None:
    runs.run("import os\nos.system('echo from a shell')\nos.write(1, b'from a descriptor\\n')")
    assert "from a shell" in runs.text("stderr")
    assert "from a descriptor" in runs.text("stderr")


def test_asking_for_input_fails_instead_of_waiting(runs: Runs) -> None:
    end = runs.run("input('name? ')")
    assert end.failure is not None
    assert end.failure[0] == "EOFError"


def test_what_cannot_be_recorded_is_refused(runs: Runs, tmp_path: Path) -> None:
    runs.trace = tmp_path / "precious.txt"
    runs.trace.write_text("not a trace, and dear to somebody, " * 20)
    end = runs.run("print('ran')")
    assert end.refused is not None
    assert "will not be overwritten" in end.refused
    assert runs.text() == ""


def test_one_program_at_a_time(runs: Runs) -> None:
    runs.begin("import time\ntime.sleep(30)")
    with pytest.raises(RuntimeError, match="already"):
        runs.begin("pass")
    runs.worker.stop()
    runs.end()


def test_a_closed_worker_leaves_no_process(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    runs.worker.start()
    runs.begin("while True: pass")
    child = runs.worker._running
    assert child is not None
    runs.worker.close()
    assert child.dead
    assert runs.ends.empty()
