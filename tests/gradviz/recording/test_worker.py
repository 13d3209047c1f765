"""The child process: whatever the program does, the client lives, knows how it ended, and can go on."""

from __future__ import annotations

import os
import queue
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from children import running, wait_until
from gradviz.recording.channel import NOT_SHOWN
from gradviz.recording.client import Finished, Worker
from gradviz.recording.program import Program
from gradviz.trace.errors import TraceError
from gradviz.trace.events import Output
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


def kept_events(path: Path) -> int:
    """How many events of a recording under way can be read."""
    try:
        with Trace.open(path) as trace:
            return len(trace.events)
    except TraceError:  # not there yet
        return 0


def is_quiet(note: Path) -> bool:
    """Does nobody touch the file?"""
    note.unlink(missing_ok=True)
    time.sleep(0.2)
    return not note.exists()


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


def test_every_character_reaches_the_program_and_the_trace_and_lines_count_as_pythons(runs: Runs) -> None:
    text = "x = 'a\xa0b\u2028c\u2029d\ufdd0e\ufdd1f\x85g\x1ch\ufeffi\ufffej'\n\x0c\nprint(ascii(x))\n"
    runs.run(text)
    with Trace.open(runs.trace) as trace:
        assert trace.sources[0].text == text
        assert [event.line for event in trace.events] == [3]
    assert runs.text() == ascii(text[5 : text.index("'\n")]) + "\n"


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


def test_an_endless_loop_is_stopped_and_what_was_recorded_stays(runs: Runs) -> None:
    runs.begin("print('on my way', flush=True)\nwhile True:\n    pass")
    wait_until(lambda: kept_events(runs.trace) > 0)
    runs.worker.stop()
    assert runs.end() == Finished(runs.trace, None, stopped=True)
    with Trace.open(runs.trace) as trace:
        assert not trace.complete
        assert [event.kind for event in trace.events] == ["output"]
    assert runs.run("print('again')").exit_code == 0


FAMILY = """
import multiprocessing, os, subprocess, sys, time

def alive(name):
    while True:
        os.utime(name) if os.path.exists(name) else open(name, "w").close()
        time.sleep(0.02)

if __name__ == "__main__":
    script = f"import os, time\\nwhile True: open('subprocess', 'w').close(); time.sleep(0.02)"
    subprocess.Popen([sys.executable, "-c", script])
    multiprocessing.get_context("fork").Process(target=alive, args=("multiprocessing",)).start()
    if os.fork() == 0:
        alive("fork")
    if os.fork() == 0:  # a daemon, as the books have it
        os.setsid()
        if os.fork() == 0:
            alive("daemon")
        os._exit(0)
    time.sleep(1000)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere daemons cannot be told from strangers")
def test_stopping_ends_the_programs_own_children_too(runs: Runs, tmp_path: Path) -> None:
    notes = [tmp_path / name for name in ("subprocess", "multiprocessing", "fork", "daemon")]
    runs.begin(FAMILY, folder=tmp_path)
    wait_until(lambda: all(note.exists() for note in notes))
    runs.worker.stop()
    assert runs.end() == Finished(runs.trace, None, stopped=True)
    for note in notes:
        note.unlink()
    time.sleep(0.3)
    assert [note.name for note in notes if note.exists()] == []


def test_a_worker_whose_client_is_killed_takes_the_programs_children_along(tmp_path: Path) -> None:
    note = tmp_path / "alive"
    program = f"""
import os, pathlib, time
os.fork()
while True:
    pathlib.Path({str(note)!r}).touch()
    time.sleep(0.02)
"""
    client = f"""
import threading
from gradviz.recording.client import Worker
from gradviz.recording.program import Program
Worker().run(Program.from_text({program!r}), {str(tmp_path / "t.gradviz")!r})
threading.Event().wait()
"""
    with running([sys.executable, "-c", client], stdout=None, stderr=None):
        wait_until(note.exists)
    wait_until(lambda: is_quiet(note))


@pytest.mark.parametrize("ending", ["pass", "sys.exit(4)", "os._exit(3)", "raise ValueError('of the child')"])
def test_a_forked_child_does_not_speak_for_the_program(runs: Runs, ending: str) -> None:
    program = f"""
import os, sys, torch

w = torch.ones(2, requires_grad=True)
(w * w).sum().backward()
print("before")
child = os.fork()
if child == 0:
    print("from the child")
    (w * w).sum().backward()
    {ending}
else:
    print("ended with", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    (w * w).sum().backward()
"""
    codes = {"pass": 0, "sys.exit(4)": 4, "os._exit(3)": 3}
    assert runs.run(program) == Finished(runs.trace, 0)
    assert runs.text("stdout") == f"before\nended with {codes.get(ending, 1)}\n"
    assert runs.text("stderr").count("from the child\n") == 1  # as it is, by the descriptor
    assert runs.text("stderr").count("ValueError: of the child") == ending.startswith("raise")
    with Trace.open(runs.trace) as trace:
        assert trace.complete
        assert [event.kind for event in trace.events].count("accumulate") == 2
        assert [event.text for event in trace.events if isinstance(event, Output)] == [
            "before\n",
            f"ended with {codes.get(ending, 1)}\n",
        ]


@pytest.mark.parametrize("kind", ["fork", "forkserver", "spawn"])
def test_multiprocessing_in_the_child_process(runs: Runs, tmp_path: Path, kind: str) -> None:
    file = tmp_path / "p.py"
    file.write_text(
        "import multiprocessing\n\ndef square(x):\n    return x * x\n\nif __name__ == '__main__':\n"
        f"    with multiprocessing.get_context({kind!r}).Pool(2) as pool:\n        print(pool.map(square, range(4)))\n"
    )
    runs.worker.run(Program.load(file), runs.trace)
    assert runs.end(60) == Finished(runs.trace, 0)
    assert (runs.text(), runs.text("stderr")) == ("[0, 1, 4, 9]\n", "")


def test_posix_spawn_and_preexec_fn(runs: Runs) -> None:
    end = runs.run(
        "import os, subprocess, sys\n"
        "os.waitpid(os.posix_spawn('/bin/sh', ['sh', '-c', 'echo spawned'], os.environ), 0)\n"
        "subprocess.run(['/bin/sh', '-c', 'echo prepared'], preexec_fn=lambda: os.nice(0))\n"
        "print('end')\n"
    )
    assert end == Finished(runs.trace, 0)
    assert (runs.text(), runs.text("stderr")) == ("end\n", "spawned\nprepared\n")


def test_a_program_is_over_when_its_exit_handlers_are(runs: Runs) -> None:
    end = runs.run(
        "import atexit, os, time\natexit.register(os._exit, 5)\natexit.register(lambda: print('saved', flush=True))\n"
        "atexit.register(time.sleep, 1)\nprint('end')"
    )
    assert end == Finished(runs.trace, 5)
    assert runs.text() == "end\nsaved\n"


# Messages that are none

CHANNEL = "import gc, os\nchannel = next(o for o in gc.get_objects() if type(o).__name__ == 'Channel')\n"
FAULTS = {
    "a line without secret": ('os.write(channel._descriptor, b\'{"type": "finished"}\\n\')', "something else"),
    "no JSON": ("os.write(channel._descriptor, channel._secret.encode() + b' nonsense\\n')", "not JSON"),
    "text that is none": (
        "os.write(channel._descriptor, f'{channel._secret} '.encode()"
        ' + b\'{"type": "output", "stream": "stdout", "text": 5}\\n\')',
        "out of bounds",
    ),
    "an unknown type": (
        "os.write(channel._descriptor, f'{channel._secret} '.encode() + b'{\"type\": \"hello\"}\\n')",
        "no known type",
    ),
    "a line without end": ("while True: os.write(channel._descriptor, b'x' * 65536)", "longer"),
    "fewer events than before": (
        "from gradviz.recording.messages import Progress\nchannel.send(Progress(50))\nchannel.send(Progress(49))",
        "went down",
    ),
    "two ends": (
        "from gradviz.recording.messages import Refused\nchannel.send(Refused('a'))\nchannel.send(Refused('b'))",
        "twice",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_faulty_message_ends_the_child_and_is_told(runs: Runs, name: str) -> None:
    code, reason = FAULTS[name]
    runs.begin(f"{CHANNEL}{code}\nwhile True: pass")
    end = runs.end()
    assert isinstance(end, str)
    assert end.startswith("the recording was ended: ")
    assert reason in end
    assert runs.run("print('again')").exit_code == 0


def test_no_descriptor_that_the_program_finds_makes_it_finished(runs: Runs) -> None:
    runs.begin("""
import os, stat
for number in range(3, 5000):
    try:
        if stat.S_ISFIFO(os.fstat(number).st_mode):
            os.write(number, b'{"type": "finished", "events": 0, "failure": null, "message": null, "trouble": null}\\n')
    except OSError:
        pass
while True:
    pass
""")
    end = runs.end()
    assert isinstance(end, str)
    assert "something else than the recorder" in end


def test_a_program_that_says_finished_and_runs_on_is_not_over(runs: Runs) -> None:
    forged = "from gradviz.recording.messages import Finished\nchannel.send(Finished(0, None, None, None))\n"
    runs.begin(f"{CHANNEL}{forged}print('still here', flush=True)\nwhile True: pass")
    wait_until(lambda: "still here" in runs.text())
    assert runs.worker.running
    assert runs.ends.empty()
    runs.worker.stop()
    assert runs.end() == Finished(runs.trace, None, stopped=True)


def test_a_program_whose_file_takes_the_number_of_the_channel_goes_on(runs: Runs, tmp_path: Path) -> None:
    """Some close all numbers, whatever is behind them; messages must not end up in what they open next."""
    other = tmp_path / "other.txt"
    end = runs.run(
        f"{CHANNEL}import time\nfile = open({str(other)!r}, 'w')\nos.dup2(file.fileno(), channel._descriptor)\n"
        "print('unheard')\ntime.sleep(0.3)\nraise SystemExit(4)"
    )
    assert end == Finished(runs.trace, 4)
    assert other.read_text() == ""


# Processes that never get there


def test_a_process_that_cannot_load_says_why(runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "numpy.py").write_text("raise ModuleNotFoundError(\"No module named 'numpy'\")")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    runs.begin("pass")
    assert runs.end() == "the process that records cannot start: ModuleNotFoundError: No module named 'numpy'"
    monkeypatch.delenv("PYTHONPATH")
    assert runs.run("pass").exit_code == 0


def test_a_process_that_died_while_it_waited_is_replaced(runs: Runs) -> None:
    runs.worker.start()
    child = runs.worker._warm
    assert child is not None
    assert child.ready.wait(30)
    child._process.kill()
    wait_until(lambda: child.dead)
    assert runs.run("print('ran')").exit_code == 0
    assert runs.text() == "ran\n"


def test_a_process_that_dies_as_it_is_asked_is_told(runs: Runs) -> None:
    runs.worker.start()
    child = runs.worker._warm
    assert child is not None
    assert child.ready.wait(30)
    os.kill(child._process.pid, signal.SIGSTOP)  # it hears nothing of the request
    runs.begin("print('ran')")
    child._process.kill()
    end = runs.end()
    assert isinstance(end, str)
    assert "SIGKILL" in end


def test_no_python_to_run_is_told(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    runs.worker.start()
    runs.begin("pass")
    end = runs.end()
    assert isinstance(end, str)
    assert "/nowhere/python" in end
    assert not runs.worker.running


def test_what_start_up_files_print_is_no_message(runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('{')\nprint('hello')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert runs.run("print('ran')").exit_code == 0


# The streams


def test_the_streams_are_what_python_makes_them(runs: Runs) -> None:
    runs.run(
        "import io, sys\nsys.stdout.reconfigure(line_buffering=True)\nsys.stdout.buffer.write(b'bytes\\n')\n"
        "print(isinstance(sys.stdout, io.TextIOBase), sys.stdout.name, sys.stdout.encoding, sys.stdout.errors)\n"
        "print(sys.stderr.errors, sys.stdout.fileno(), sys.stdout.isatty(), sys.stdout.closed)\n"
        "try: print('\\udc80')\nexcept UnicodeEncodeError: print('strict')\n"
        "sys.stdout.close()\nprint('closed')\n"
    )
    assert runs.text() == (
        "bytes\nTrue <stdout> utf-8 strict\nbackslashreplace 1 False False\nstrict\n"
    )  # fmt: skip
    assert runs.text("stderr").endswith("ValueError: I/O operation on closed file.\n")


def test_threads_that_print_past_the_end_do_not_hold_it_up(runs: Runs) -> None:
    end = runs.run(
        "import sys, threading\n"
        "def talk():\n    while True:\n        print('x' * 100)\n        sys.stdout.flush()\n"
        "for _ in range(4): threading.Thread(target=talk, daemon=True).start()\n"
    )
    assert end == Finished(runs.trace, 0)
    assert "Error" not in runs.text("stderr")


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
    assert runs.text("stdout").endswith(NOT_SHOWN)
    assert runs.text("stderr").endswith(NOT_SHOWN)
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
