"""What a recording of the built-in engine holds: names, places, scopes, writes, calls, words."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from gradviz.recording.program import Program
from gradviz.recording.run import Result, run
from gradviz.trace import events as ev
from gradviz.trace.model import Cell, NodeKind
from gradviz.trace.reader import Trace

E = TypeVar("E", bound=ev.Event)
Record = Callable[..., Trace]


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """Run a program text (after ``import torch``) and open what was recorded; ``record.result`` is how it ended."""

    def recorded(text: str, program: Program | None = None) -> Trace:
        path = tmp_path / "t.gradviz"
        program = program or Program("import torch\n" + text, "p.py", file=tmp_path / "p.py")
        recorded.result = run(program, path)  # type: ignore[attr-defined]
        return Trace.open(path)

    return recorded


def of(trace: Trace, kind: type[E]) -> list[E]:
    return [event for event in trace.events if isinstance(event, kind)]


def leaves(trace: Trace) -> list[str | None]:
    return [trace.nodes[leaf].label for leaf in trace.leaves]


# Names


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("w = torch.ones(2, requires_grad=True)\n(w * 2).sum().backward()", ["w"]),
        ("ws = [torch.ones(2, requires_grad=True) for _ in range(2)]\n(ws[0] * ws[1]).sum()", ["ws[0]", "ws[1]"]),
        ("p = {'bias': torch.ones(2, requires_grad=True)}\n(p['bias'] * 2).sum()", ["p['bias']"]),
        ("class Net: pass\nnet = Net()\nnet.w = torch.ones(2, requires_grad=True)\nnet.w * 2", ["net.w"]),
        ("def f(x):\n    return x * 2\ninp = torch.ones(2, requires_grad=True)\nf(inp)", ["inp"]),
        ("def f():\n    inner = torch.ones(2, requires_grad=True)\n    return inner * 2\nf()", ["inner"]),
        ("y = (w := torch.ones(2, requires_grad=True)) * 2", ["w"]),
        ("y = torch.ones(2, requires_grad=True) * 2\nz = y + 1", [None]),
        ("model = torch.nn.Linear(2, 1)\nmodel(torch.ones(1, 2)).sum().backward()", ["weight", "bias"]),
        (
            "nn = torch.nn\nnet = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1, bias=False))\nnet(torch.ones(1, 2))",
            ["0.weight", "0.bias", "1.weight"],
        ),
        (
            "G, D = (torch.nn.Linear(2, 2, bias=False) for _ in range(2))\nD(G(torch.ones(1, 2)))",
            ["weight", "D.weight"],
        ),
        (
            "m = torch.nn.Linear(2, 1)\nm(torch.ones(1, 2))\nm.scale = torch.nn.Parameter(torch.ones(1))\nm.scale * 2",
            ["weight", "bias", "scale"],
        ),
        ("model = torch.nn.Linear(2, 1)\nfor p in model.parameters():\n    (p * 2).sum()", ["weight", "bias"]),
    ],
)
def test_leaves_are_called_what_the_program_calls_them(record: Record, text: str, labels: list[str | None]) -> None:
    assert leaves(record(text)) == labels


def test_results_get_their_names_once_they_are_bound(record: Record) -> None:
    trace = record("x = torch.ones(2, requires_grad=True)\ny = x * 2\nloss = (y + 1).sum()\nloss.backward()")
    assert [value.label for value in trace.values] == ["x", "y", None, "loss"]
    assert of(trace, ev.BackwardBegin)[0].roots[0].label == "loss"
    shapes = [(value.shape, value.dtype) for value in trace.values]
    assert shapes == [((2,), "float32")] * 3 + [((), "float32")]


def test_a_leaf_is_one_node_however_often_its_graph_is_built(record: Record) -> None:
    trace = record(
        "w = torch.ones(2, requires_grad=True)\nfor _ in range(3):\n    (w * 2).sum().backward()\n    w.grad = None\n"
    )
    assert leaves(trace) == ["w"]
    assert len(trace.nodes) == 1 + 3 * 2
    assert [event.mode for event in of(trace, ev.Accumulate)] == ["set"] * 3
    assert {event.leaf for event in of(trace, ev.Accumulate)} == {trace.leaves[0]}


def test_scopes_are_module_paths(record: Record) -> None:
    trace = record(
        """
class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Linear(2, 2)
    def forward(self, x):
        return self.inner(x).tanh()
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = torch.nn.Sequential(Block(), Block())
    def forward(self, x):
        return self.blocks(x).sum()
loss = Net()(torch.ones(1, 2)) * 2
"""
    )
    scopes = {node.name: node.scope for node in trace.nodes if node.name in ("SumBackward0", "MulBackward0")}
    assert scopes == {"SumBackward0": "", "MulBackward0": ""}
    assert [n.scope for n in trace.nodes if n.name == "TanhBackward0"] == ["blocks.0", "blocks.1"]
    assert [n.scope for n in trace.nodes if n.name == "AddmmBackward0"] == ["blocks.0.inner", "blocks.1.inner"]


# Places


def test_the_line_is_the_innermost_one_of_the_users(record: Record, tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("def double(x):\n    # a line\n    return x * 2\n")
    trace = record("import helper\nx = torch.ones(2, requires_grad=True)\nhelper.double(\n    x\n).sum().backward()")
    multiplied, summed = of(trace, ev.Op)
    assert (multiplied.file, multiplied.line) == ("helper.py", 3)
    assert (summed.file, summed.line) == ("p.py", 6)
    assert {source.file: source.text.count("\n") for source in trace.sources} == {"p.py": 5, "helper.py": 3}
    node = trace.nodes[multiplied.nodes[0]]
    assert (node.file, node.line) == ("helper.py", 3)


def test_a_custom_functions_backward_has_its_own_line(record: Record) -> None:
    trace = record(
        """
class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x
    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        with torch.enable_grad():
            y = x.detach().requires_grad_()
            z = (y * y).sum()
            z.backward()
        return grad * y.grad
x = torch.ones(2, requires_grad=True)
Square.apply(x).sum().backward()
"""
    )
    (square,) = (node for node in trace.nodes if node.kind is NodeKind.CUSTOM)
    assert square.name == "SquareBackward"
    assert [(saved.name, saved.tensor is not None) for saved in square.saved] == [("saved_tensors[0]", True)]
    assert [(event.call, event.line) for event in of(trace, ev.BackwardBegin)] == [(1, 17), (2, 14)]
    assert [event.call for event in of(trace, ev.BackwardEnd)] == [2, 1]
    assert {event.line for event in trace.events if getattr(event, "call", None) == 2} == {14}
    assert leaves(trace) == ["x", "y"]


# Writes


def writes(trace: Trace) -> list[tuple[str, str, str | None]]:
    return [
        (event.kind, event.cause, trace.nodes[event.leaf].label)
        for event in trace.events
        if isinstance(event, (ev.GradWrite, ev.ValueWrite))
    ]


START = "w = torch.ones(2, 2, requires_grad=True)\n(w * 3).sum().backward()\n"


@pytest.mark.parametrize(
    ("statement", "written"),
    [
        ("w.grad.zero_()", ("grad_write", "zero_")),
        ("w.grad[1].zero_()", ("grad_write", "zero_")),
        ("w.grad.detach().mul_(2)", ("grad_write", "mul_")),
        ("w.grad.data.fill_(2)", ("grad_write", "fill_")),
        ("w.grad = None", ("grad_write", "set_to_none")),
        ("w.grad = torch.zeros(2, 2)", ("grad_write", "assign")),
        ("torch.optim.SGD([w], lr=0.1).step()", ("value_write", "SGD.step")),
        ("torch.optim.SGD([w], lr=0.1).zero_grad()", ("grad_write", "set_to_none")),
        ("with torch.no_grad(): w.sub_(0.1)", ("value_write", "sub_")),
        ("with torch.no_grad(): w[0] = 5", ("value_write", "setitem")),
        ("w.data.copy_(torch.zeros(2, 2))", ("value_write", "copy_")),
        ("w.data = torch.zeros(2, 2)", ("value_write", "assign")),
        ("w.grad.data = torch.zeros(2, 2)", ("grad_write", "assign")),
    ],
)
def test_writes_are_recognized_through_any_alias(record: Record, statement: str, written: tuple[str, str]) -> None:
    trace = record(START + statement)
    assert writes(trace) == [(*written, "w")]
    (event,) = (event for event in trace.events if isinstance(event, (ev.GradWrite, ev.ValueWrite)))
    assert event.line == 4
    assert event.before is not None
    before, after = (None if t is None else trace.array(t) for t in (event.before, event.after))
    np.testing.assert_array_equal(before, np.full((2, 2), 3 if event.kind == "grad_write" else 1, np.float32))
    assert (after is None) == (written[1] == "set_to_none")
    assert after is None or after.shape == (2, 2)


def test_memory_that_went_to_another_leafs_grad_is_that_leafs(record: Record) -> None:
    trace = record(
        "import torch\n"
        "x, y = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)\n"
        "(x * 2 + y * 3).sum().backward()\n"
        "x.grad, y.grad = y.grad, x.grad\n"
        "x.grad.zero_()\n"
        "y.grad.zero_()\n"
    )
    zeroed = [e for e in trace.events if isinstance(e, ev.GradWrite) and e.cause == "zero_"]
    assert [trace.nodes[e.leaf].label for e in zeroed] == ["x", "y"]


def test_a_written_copy_is_nobodys(record: Record) -> None:
    assert writes(record(START + "g = w.grad.clone()\ng.zero_()\nv = w.detach().clone()\nv.add_(1)")) == []


def test_a_gradient_that_was_replaced_is_nobodys_any_more(record: Record) -> None:
    trace = record(START + "old = w.grad\nw.grad = None\nold.zero_()\n(w * 2).sum().backward()\nw.grad.zero_()")
    assert [cause for _, cause, _ in writes(trace)] == ["set_to_none", "zero_"]


# Calls


def test_grad_and_inputs_say_what_they_are_for(record: Record) -> None:
    trace = record(
        """
x = torch.ones(2, requires_grad=True)
y = torch.ones(2, requires_grad=True)
z = (x * y).sum()
torch.autograd.grad(z, [x], retain_graph=True)
z.backward(inputs=[y])
"""
    )
    first, second = of(trace, ev.BackwardBegin)
    labels = {trace.nodes[leaf].label: leaf for leaf in trace.leaves}
    assert (first.inputs, first.retain_graph) == ((labels["x"],), True)
    assert second.inputs == (labels["y"],)
    assert [trace.nodes[event.leaf].label for event in of(trace, ev.Accumulate)] == ["y"]


def test_dependencies_count_edges_and_sums_are_the_buffers(record: Record) -> None:
    trace = record("x = torch.full((2,), 3.0, requires_grad=True)\ny = x * x\n(y + y).sum().backward()")
    names = {node.id: node.label or node.name for node in trace.nodes}
    (begin,) = of(trace, ev.BackwardBegin)
    counts = {names[node]: count for node, count in begin.dependencies}
    assert counts == {"SumBackward0": 0, "AddBackward0": 1, "MulBackward0": 2, "x": 2}
    flows = [event for event in of(trace, ev.Flow) if names[event.target] == "x"]
    arrays = [trace.array(tensor) for event in flows for tensor in (event.gradient, event.total) if tensor is not None]
    assert [array.tolist() for array in arrays if array is not None] == [[6, 6], [6, 6], [6, 6], [12, 12]]
    waiting = {names[e.node]: {names[n]: c for n, c in e.dependencies} for e in of(trace, ev.NodeBegin)}
    assert waiting == {"SumBackward0": {}, "AddBackward0": {}, "MulBackward0": {}, "x": {}}


def test_an_error_in_backward_ends_the_call_and_the_program(record: Record) -> None:
    trace = record(
        "x = torch.ones(2, requires_grad=True)\ny = x.exp()\ny.sum().backward()\nprint('between')\ny.sum().backward()"
    )
    *_, end, error = trace.events
    assert isinstance(end, ev.BackwardEnd)
    assert isinstance(error, ev.Error)
    assert "backward through the graph a second time" in (end.error or "")
    assert (error.line, error.type) == (6, "RuntimeError")
    assert trace.complete
    freed = {trace.nodes[event.node].name: event.freed for event in of(trace, ev.NodeEnd) if event.call == 1}
    assert freed == {"SumBackward0": False, "ExpBackward0": True, "AccumulateGrad": False}


def test_the_recorder_keeps_no_graph_alive(tmp_path: Path) -> None:
    from gradviz import load, record

    gradviz_engine = pytest.importorskip("gradviz_engine")
    with record(tmp_path / "t.gradviz", backend="numpy"):
        x = gradviz_engine.ones(2, requires_grad=True)
        y = (x * 2).exp()
        node = weakref.ref(y.grad_fn)
        del y
        gc.collect()
        assert node() is None
    assert len(load(tmp_path / "t.gradviz").nodes) == 3


# Words


def test_what_is_printed_is_kept_line_by_line(record: Record, capsys: pytest.CaptureFixture[str]) -> None:
    trace = record("print('a', 1)\nprint('b', end='')\nprint('c')\nimport sys\nprint('err', file=sys.stderr)")
    told = [(event.text, event.line, event.stream) for event in of(trace, ev.Output)]
    assert told == [("a 1\n", 2, "stdout"), ("b", 3, "stdout"), ("c\n", 4, "stdout"), ("err\n", 6, "stderr")]
    assert capsys.readouterr() == ("a 1\nbc\n", "err\n")


def test_too_much_output_is_cut_with_a_word_about_it(record: Record, capsys: pytest.CaptureFixture[str]) -> None:
    trace = record("for i in range(30):\n    print(str(i) * 100_000)\nprint('last')")
    kept = sum(len(event.text) for event in of(trace, ev.Output))
    assert kept == 1 << 20
    assert [event.kind for event in trace.events][-1] == "warning"
    assert len(capsys.readouterr().out) > 3_000_000


def test_threads_may_print_and_are_waited_for(record: Record) -> None:
    trace = record(
        "import threading, time\ndef work():\n    time.sleep(0.1)\n    print('from a thread')\n"
        "threading.Thread(target=work).start()\nprint('main')"
    )
    assert [(event.text, event.line) for event in of(trace, ev.Output)] == [("main\n", 7), ("from a thread\n", 5)]


def test_magics_are_passed_over_with_a_warning(record: Record) -> None:
    text = "import torch\n%matplotlib inline\n\n!pip install x\ntorch.ones(1)\n"
    trace = record("", Program(text, "n.ipynb", (Cell("In [1]", 1), Cell("In [2]", 4))))
    told = [(event.message, event.line) for event in of(trace, ev.Warned)]
    assert told == [("passed over, not Python: %matplotlib inline", 2), ("passed over, not Python: !pip install x", 4)]
    assert [(event.text, event.line) for event in of(trace, ev.Output)] == [("tensor([1.])\n", 5)]


def test_a_later_cells_syntax_error_comes_after_the_cells_before(record: Record) -> None:
    trace = record("", Program("print('ran')\n\nis not python\n", "n.ipynb", (Cell("In [1]", 1), Cell("In [2]", 3))))
    assert [(event.kind, event.line) for event in trace.events] == [("output", 1), ("error", 3)]


def test_a_syntax_error_is_shown_as_python_shows_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "p.py"
    file.write_text("print('never')\nx = (\n")
    result = run(Program(file.read_text(), "p.py", file=file), tmp_path / "t.gradviz")
    plain = subprocess.run([sys.executable, file], capture_output=True, text=True)
    assert (result.exit_code, capsys.readouterr().err) == (plain.returncode, plain.stderr)


def test_marks_name_moments(record: Record) -> None:
    trace = record("import gradviz\ngradviz.mark('epoch 1')")
    (mark,) = of(trace, ev.Mark)
    assert (mark.name, mark.line) == ("epoch 1", 3)


def test_an_exception_with_a_cause_is_told_whole(record: Record, capsys: pytest.CaptureFixture[str]) -> None:
    trace = record("try:\n    torch.ones(2) @ torch.ones(3)\nexcept RuntimeError as e:\n    raise KeyError('x') from e")
    (error,) = of(trace, ev.Error)
    assert (error.type, error.line) == ("KeyError", 5)
    shown = "\n".join(error.traceback)
    assert "RuntimeError" in shown
    assert "The above exception was the direct cause" in shown
    assert "gradviz" not in shown.replace("gradviz_engine.", "")
    assert capsys.readouterr().err == shown + "\n"


def test_ctrl_c_ends_the_program_and_completes_the_trace(record: Record) -> None:
    trace = record("print('before')\nraise KeyboardInterrupt")
    assert trace.complete
    assert trace.events[-1].kind == "error"
    result: Result = record.result  # type: ignore[attr-defined]
    assert result.exit_code == 130


# The engine as torch


def test_torch_is_the_engine_only_while_the_program_runs(record: Record) -> None:
    before = sys.modules.get("torch")
    record(
        "import gradviz_engine, torch.nn.functional as F\nfrom torch import nn\nfrom torch.optim import SGD\n"
        "assert torch is gradviz_engine and F is gradviz_engine.nn.functional\n"
        "assert torch.__spec__.name == 'gradviz_engine', torch.__spec__"
    )
    assert record.result.exit_code == 0  # type: ignore[attr-defined]
    assert sys.modules.get("torch") is before
    assert not any(type(finder).__module__ == "gradviz.recording.alias" for finder in sys.meta_path)


def test_a_part_of_torch_that_is_missing_says_so(record: Record) -> None:
    trace = record("import torch.distributed")
    (error,) = of(trace, ev.Error)
    assert error.type == "ModuleNotFoundError"
    assert "torch.distributed" in error.message
    assert "built-in engine" in error.message
