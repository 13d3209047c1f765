"""Faults of gradviz's own, made on purpose: the program goes on as if nothing were there."""

from __future__ import annotations

import importlib
import inspect
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from gradviz import load, record
from gradviz.recording.engine_backend import EngineBackend, EngineRecorder
from gradviz.recording.guard import ENTRIES, Entry
from gradviz.recording.program import Program
from gradviz.recording.run import run
from gradviz.replay.playhead import Playhead
from gradviz.trace import events as ev
from gradviz.trace.reader import Trace
from gradviz.trace.writer import TraceWriter
from gradviz_engine.autograd.observer import Observer

has_torch = find_spec("torch") is not None
pytorch = pytest.param(
    "pytorch", marks=[pytest.mark.pytorch, pytest.mark.skipif(not has_torch, reason="PyTorch is not installed")]
)

PROGRAM = """
import torch
torch.manual_seed(0)

class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x
    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * 2 * x

model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
seen = []
for epoch in range(2):
    optimizer.zero_grad()
    out = model(torch.randn(5, 3))
    out.register_hook(lambda grad: seen.append(grad.sum().item()))
    Square.apply(out).sum().backward()
    optimizer.step()
    model[0].weight.grad.mul_(2)
    print(epoch, out.sum().item())
x = torch.ones(2, requires_grad=True)
y = x.exp()
y[0] = 3.0
y.sum().backward()
try:
    y.sum().backward()
except RuntimeError as error:
    print(type(error), error)
x.grad = None
print(seen, [p.tolist() for p in model.parameters()], x.grad)
"""


def all_entries(backend: str) -> list[Entry]:
    """The entries that a recording of this backend has."""
    if backend == "pytorch":
        importlib.import_module("gradviz.recording.pytorch_backend")
    return [entry for entry in ENTRIES if backend == "pytorch" or "pytorch" not in entry.run.__module__]


def outcome(folder: Path, backend: Any, capsys: pytest.CaptureFixture[str]) -> tuple[Any, ...]:
    """What a person sees of a run: how it ended and all it printed."""
    result = run(Program(PROGRAM, "p.py", file=folder / "p.py"), folder / "t.gradviz", backend=backend)
    return result.exit_code, result.failure, *capsys.readouterr()


def replay(trace: Trace) -> None:
    """Every step can be shown."""
    for step in range(0, len(trace.events) + 1, 7):
        Playhead(trace, step)


def faulty(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError("made on purpose")


@pytest.mark.parametrize("backend", ["numpy", pytorch])
def test_an_entry_that_raises_leaves_the_program_alone(
    tmp_path: Path, backend: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = outcome(tmp_path, backend, capsys)
    entries = all_entries(backend)
    assert len(entries) > 15
    for entry in entries:
        with monkeypatch.context() as broken:
            broken.setattr(entry, "run", faulty)
            assert outcome(tmp_path, backend, capsys) == plain, entry.name
        with load(tmp_path / "t.gradviz") as trace:
            assert trace.complete
            replay(trace)


INNER = [
    (TraceWriter, "emit"),
    (TraceWriter, "add_tensor"),
    (TraceWriter, "add_node"),
    (TraceWriter, "add_edge"),
    (TraceWriter, "add_value"),
    (TraceWriter, "label_value"),
    (TraceWriter, "label_node"),
]
ASKED = ["content", "memory", "describe", "saved", "variable", "weak", "gradient_edge"]


@pytest.mark.parametrize("backend", ["numpy", pytorch])
def test_a_fault_deep_inside_is_told_once_and_leaves_the_program_alone(
    tmp_path: Path, backend: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = outcome(tmp_path, backend, capsys)
    asked: Any = EngineBackend
    if backend == "pytorch":
        asked = importlib.import_module("gradviz.recording.pytorch_backend").PyTorchBackend
    for owner, name in [*INNER, *((asked, name) for name in ASKED)]:
        for good in (0, 3, 40):
            with monkeypatch.context() as broken:
                broken.setattr(owner, name, failing_after(good, getattr(owner, name)))
                assert outcome(tmp_path, backend, capsys) == plain, (name, good)
            with load(tmp_path / "t.gradviz") as trace:
                replay(trace)
                told = [event.message for event in trace.events if isinstance(event, ev.Warned)]
                assert len(told) == len(set(told))
                assert all("made on purpose" in message for message in told)


def failing_after(good: int, real: Callable[..., Any]) -> Callable[..., Any]:
    """The real thing ``good`` times, then a fault each time."""
    calls = 0

    def sometimes(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        return real(*args, **kwargs) if calls <= good else faulty()

    return sometimes


def test_all_that_the_engine_calls_is_an_entry() -> None:
    """``backward_begin`` and ``backward_end`` only count the calls before their entries."""
    names = {name for name, value in vars(Observer).items() if inspect.isfunction(value)}
    entries = {entry.name.rpartition(".")[2] for entry in ENTRIES}
    assert names - entries == {"backward_begin", "backward_end"}
    assert issubclass(EngineRecorder, Observer)


def test_a_fault_says_what_is_missing_and_the_rest_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "import torch\nx = torch.ones(2, requires_grad=True)\ny = x * 2\n(y + 1).sum().backward()\nprint('end')\n"
    (flow,) = (entry for entry in ENTRIES if entry.name.endswith(".flow"))
    monkeypatch.setattr(flow, "run", faulty)
    run(Program(text, "p.py"), tmp_path / "t.gradviz")
    with load(tmp_path / "t.gradviz") as trace:
        kinds = [event.kind for event in trace.events]
        assert kinds == ["op"] * 3 + ["backward_begin", "node_begin", "warning", "backward_end", "output"]
        (warning,) = (event for event in trace.events if isinstance(event, ev.Warned))
    assert warning.message == (
        "gradviz could not record a gradient that flowed: ZeroDivisionError: made on purpose. "
        "The program is not affected. The rest of this backward call is left out."
    )
    assert warning.line == 4


@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit])
def test_the_end_that_a_person_asked_for_passes_through(
    tmp_path: Path, raised: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    (op,) = (entry for entry in ENTRIES if entry.name == "Recorder.op")

    def interrupted(*_: Any) -> None:
        raise raised

    monkeypatch.setattr(op, "run", interrupted)
    engine = importlib.import_module("gradviz_engine")
    with pytest.raises(raised), record(tmp_path / "t.gradviz", backend="numpy"):
        engine.ones(2, requires_grad=True) * 2


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here")
def test_what_a_signal_handler_raises_is_the_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The handler runs wherever the interpreter is, be it inside of the recorder."""

    def late(number: int, frame: Any) -> None:
        raise TimeoutError("too late")

    (op,) = (entry for entry in ENTRIES if entry.name == "Recorder.op")
    real = op.run

    def op_during_which_it_rings(*args: Any) -> None:
        signal.raise_signal(signal.SIGALRM)
        real(*args)

    monkeypatch.setattr(op, "run", op_during_which_it_rings)
    engine = importlib.import_module("gradviz_engine")
    with ExitStack() as stack:
        stack.callback(signal.signal, signal.SIGALRM, signal.signal(signal.SIGALRM, late))
        stack.enter_context(pytest.raises(TimeoutError, match="too late"))
        stack.enter_context(record(tmp_path / "t.gradviz", backend="numpy"))
        engine.ones(2, requires_grad=True) * 2


def test_an_exception_that_cannot_be_printed_is_recorded(tmp_path: Path) -> None:
    text = "class Odd(Exception):\n    def __str__(self):\n        raise ValueError('no words')\nraise Odd\n"
    run(Program(text, "p.py"), tmp_path / "t.gradviz")
    with load(tmp_path / "t.gradviz") as trace:
        (error,) = (event for event in trace.events if isinstance(event, ev.Error))
    assert (error.type, error.message) == ("Odd", "<exception str() failed>")


# The disk is full

TRAINING = """
import torch
w = torch.zeros(300, 300, requires_grad=True)
for step in range(60):
    (w * torch.randn(300, 300)).sum().backward()
print("trained", step, file=sys.stderr)
"""


def limited() -> None:
    """Files may have 2 MB: SQLite then meets what a full disk answers."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on files there")
@pytest.mark.parametrize(("ending", "code"), [("", 2), ("sys.exit(3)", 3)])
def test_a_full_disk_ends_the_recording_not_the_program(tmp_path: Path, ending: str, code: int) -> None:
    program = tmp_path / "p.py"
    program.write_text("import sys\n" + TRAINING + ending)
    ran = subprocess.run(
        [sys.executable, "-m", "gradviz.cli", "record", program, "-o", tmp_path / "t.gradviz"],
        preexec_fn=limited, capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert ran.returncode == code
    trained, told = ran.stderr.splitlines()
    assert trained == "trained 59"
    assert told.startswith(f"gradviz: cannot write {tmp_path}")


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on files there")
def test_a_full_disk_does_not_raise_in_a_training_loop(tmp_path: Path) -> None:
    program = tmp_path / "p.py"
    loop = TRAINING.replace("import torch\n", "import gradviz\nimport gradviz_engine as torch\n")
    lines = loop.strip().splitlines()
    program.write_text(
        "\n".join(["import sys", *lines[:2], "with gradviz.record('t.gradviz', backend='numpy'):"])
        + "".join(f"\n    {line}" for line in lines[2:])
        + "\nprint('saved', float(w.grad.sum()) != 0)\n"
    )
    ran = subprocess.run(
        [sys.executable, program], preexec_fn=limited, capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (ran.returncode, ran.stdout) == (0, "saved True\n")
    trained, told = ran.stderr.splitlines()
    assert trained == "trained 59"
    assert told.startswith("gradviz: cannot write t.gradviz")
