"""``sys.stdout`` and ``sys.stderr`` under recording behave as they do without."""

from __future__ import annotations

import gc
import io
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gradviz.recording.output import Stream, recorded_streams
from gradviz.trace import events as ev
from gradviz.trace.reader import Trace

PROGRAMS = {
    "bytes": "sys.stdout.buffer.write(b'bytes\\n')\nsys.stdout.buffer.flush()",
    "lone surrogates": "print(ascii('\\udc80'))\nprint('\\udc80')",
    "lone surrogates, reconfigured": "sys.stdout.reconfigure(errors='backslashreplace')\nprint('\\udc80')",
    "a wrapper of its own": "sys.stdout = io.TextIOWrapper(sys.stdout.buffer, 'latin-1')\nprint('\\xe9')",
    "detached": "sys.stdout = io.TextIOWrapper(sys.stdout.detach(), 'utf-8')\nprint('detached')",
    "another stream": "sys.stdout = io.StringIO()\nprint('unseen')\nsys.stdout = sys.__stdout__\nprint('seen')",
    "closed": "print('open')\nsys.stdout.close()\nprint('closed')",
    "closed at the end": "print('open')\nsys.stdout.close()",
    "no stream": "sys.stdout = None\nprint('nowhere')",
    "not text": "sys.stdout.write(b'bytes')",
    "what it is": "print(sys.stdout.isatty(), sys.stdout.fileno(), isinstance(sys.stdout, io.TextIOBase))\n"
    "print(sys.stdout.encoding, sys.stdout.errors, sys.stdout.writable(), sys.stdout.closed, sys.stdout.name)",
    "many lines": "sys.stdout.writelines(['a\\n', 'b\\n'])\nsys.stderr.writelines(['c\\n'])",
    "as a context": "with sys.stdout as out:\n    out.write('within\\n')",
    "threads": "ts = [threading.Thread(target=lambda: print('x' * 1000, end='')) for _ in range(50)]\n"
    "[t.start() for t in ts]\n[t.join() for t in ts]",
    "100 MB": "for _ in range(100): print('y' * 1_000_000)",
    "in exit handlers": "import atexit\natexit.register(print, 'exit handler')\nprint('main')",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_that_does_this_behaves_as_under_plain_python(tmp_path: Path, name: str) -> None:
    (tmp_path / "p.py").write_text("import io, sys, threading\n" + PROGRAMS[name] + "\n")
    # Threads that share a buffered stdout make plain Python 3.11 print garbage (python/cpython#119506).
    python = [sys.executable, "-u"] if name == "threads" else [sys.executable]
    plain = subprocess.run([*python, "p.py"], capture_output=True, cwd=tmp_path)
    command = [*python, "-m", "gradviz.cli", "record", "p.py"]
    recorded = subprocess.run(command, capture_output=True, cwd=tmp_path)
    assert recorded.returncode == plain.returncode, recorded.stderr
    assert recorded.stdout == plain.stdout
    assert b"gradviz" not in recorded.stderr
    assert recorded.stderr.splitlines()[-1:] == plain.stderr.splitlines()[-1:]
    with Trace.open(tmp_path / "p.gradviz") as trace:
        assert trace.complete


def test_bytes_are_recorded_as_the_text_they_are(tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text("import sys\nfor b in 'gr\\xfcn\\n'.encode(): sys.stdout.buffer.write(bytes([b]))\n")
    subprocess.run([sys.executable, "-m", "gradviz.cli", "record", "p.py"], cwd=tmp_path, check=True)
    with Trace.open(tmp_path / "p.gradviz") as trace:
        assert [event.text for event in trace.events if isinstance(event, ev.Output)] == ["gr\xfcn\n"]


class Unhurried(io.StringIO):
    """A stream in whose ``write`` another thread can be caught."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.go_on = threading.Event(), threading.Event()

    def write(self, text: str) -> int:
        self.entered.set()
        self.go_on.wait(20)
        return super().write(text)


def test_a_thread_that_is_printing_when_the_recording_ends_prints_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """``print`` looks sys.stdout up without holding on to it (Python 3.11)."""
    stream = Unhurried()
    monkeypatch.setattr(sys, "stdout", stream)
    told: list[tuple[str, Stream]] = []
    failures: list[BaseException] = []

    def talk() -> None:
        try:
            print("said")
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=talk)
    with recorded_streams(lambda text, name: told.append((text, name))):
        thread.start()
        assert stream.entered.wait(20)
    gc.collect()
    stream.go_on.set()
    thread.join()
    assert not failures
    assert stream.getvalue() == "said\n"
    assert told == []
    assert sys.stdout is stream


def test_what_the_program_put_in_place_of_a_stream_stays_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    other = io.StringIO()
    with recorded_streams(lambda text, name: None):
        sys.stdout = other
    assert sys.stdout is other
    assert not other.closed


def test_a_stream_let_go_does_not_close_what_it_passed_on_to(monkeypatch: pytest.MonkeyPatch) -> None:
    below = io.TextIOWrapper(io.BytesIO(), "utf-8")
    monkeypatch.setattr(sys, "stdout", below)
    for _ in range(200):  # more than are kept alive
        with recorded_streams(lambda text, name: None):
            sys.stdout.buffer.write(b"x")
    gc.collect()
    assert not below.closed
