"""The commands as a person types them: what they print, and how they end when something is wrong."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import unicodedata
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from children import PATIENCE, running, wait_until, with_ctrl_c
from gradviz import cli
from gradviz.trace import events as ev
from gradviz.trace.errors import TraceError
from gradviz.trace.model import Edge, GraphNode, NodeKind
from gradviz.trace.reader import Trace
from gradviz.trace.writer import TraceWriter

PROGRAM = """\
import sys
import torch

x = torch.tensor([1.0, float("inf")], requires_grad=True)
for _ in range(2):
    y = (x * 2).sum()
    y.backward()
x.grad.zero_()
print(*sys.argv[1:])
"""


def gradviz(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gradviz.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=60, **options)


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line, parse_constant=_no_constants) for line in done.stdout.splitlines()]


def _no_constants(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    (folder / "train.py").write_text(PROGRAM)
    done = gradviz("record", "train.py", "--", "--fast", "-o", cwd=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "--fast -o\n", "")
    return folder / "train.gradviz"


def test_graph_is_the_json_that_is_documented(trace: Path) -> None:
    (graph,) = lines(gradviz("graph", trace))
    assert graph.keys() == {"nodes", "edges"}
    leaf, multiply = graph["nodes"][:2]
    assert leaf == {
        "id": 0, "name": "AccumulateGrad", "kind": "accumulate_grad", "sequence_nr": None, "label": "x",
        "shape": [2], "dtype": "float32", "file": "train.py", "line": 6, "scope": "", "saved": [],
    }  # fmt: skip
    assert multiply.keys() == leaf.keys()
    assert (multiply["name"], multiply["kind"], multiply["sequence_nr"]) == ("MulBackward0", "function", 0)
    saved = {entry["name"]: entry for entry in multiply["saved"]}
    assert saved["other"].get("value", 2) == 2
    assert graph["edges"][0] == {"source": 1, "slot": 0, "target": 0, "target_slot": 0}


def test_graph_speaks_dot_and_graphml(trace: Path) -> None:
    dot = gradviz("graph", trace, "--format", "dot").stdout
    assert dot.startswith("digraph gradviz {")
    assert "n1 -> n0" in dot
    graphml = ET.fromstring(gradviz("graph", trace, "--format", "graphml").stdout)
    tags = [element.tag.rpartition("}")[2] for element in graphml.iter()]
    assert (tags.count("node"), tags.count("edge")) == (5, 4)


def test_events_are_the_json_that_is_documented(trace: Path) -> None:
    events = lines(gradviz("events", trace))
    assert [event["step"] for event in events] == list(range(1, len(events) + 1))
    keys = {event["kind"]: event.keys() for event in events}
    base = {"step", "kind", "file", "line"}
    call = base | {"call"}
    assert keys == {
        "op": base | {"name", "nodes", "inputs", "outputs"},
        "backward_begin": call | {"roots", "retain_graph", "create_graph", "inputs", "dependencies"},
        "node_begin": call | {"node", "grad_outputs", "ready", "dependencies"},
        "flow": call | {"source", "slot", "target", "target_slot", "gradient", "total"},
        "node_end": call | {"node", "freed"},
        "accumulate": call | {"leaf", "before", "incoming", "after", "mode"},
        "backward_end": call | {"error"},
        "grad_write": base | {"leaf", "cause", "before", "after"},
        "output": base | {"text", "stream"},
    }
    begin = next(event for event in events if event["kind"] == "backward_begin")
    assert begin["roots"][0]["label"] == "y"
    assert begin["dependencies"][0] == {"node": 0, "count": 1}
    assert "values" not in json.dumps(events)


def test_events_of_one_kind_with_values(trace: Path) -> None:
    first, second = lines(gradviz("events", trace, "--kind", "accumulate", "--values"))
    assert first["leaf"] == {"node": 0, "label": "x"}
    assert first["before"] is None
    assert first["after"]["values"] == [2.0, 2.0]
    assert second["before"]["values"] == [2.0, 2.0]
    assert second["after"] == {
        "shape": [2], "dtype": "float32", "norm": pytest.approx(32**0.5), "min": 4.0, "max": 4.0,
        "mean": 4.0, "nan": 0, "inf": 0, "zero": 0, "values": [4.0, 4.0],
    }  # fmt: skip
    kinds = [event["kind"] for event in lines(gradviz("events", trace, "--kind", "op", "--kind", "grad_write"))]
    assert kinds == ["op"] * 4 + ["grad_write"]


def test_numbers_that_json_cannot_hold_are_strings(trace: Path) -> None:
    first = lines(gradviz("events", trace, "--kind", "op", "--values"))[0]
    (x,) = (value for value in first["inputs"] if value["label"] == "x")
    assert x["tensor"]["values"] == [1.0, "inf"]
    assert (x["tensor"]["norm"], x["tensor"]["max"], x["tensor"]["inf"]) == ("inf", 1.0, 1)


def test_info_for_people_and_for_programs(trace: Path) -> None:
    (facts,) = lines(gradviz("info", trace, "--json"))
    assert (facts["program"], facts["backend"], facts["complete"]) == ("train.py", "numpy", True)
    assert facts["leaves"] == [{"node": 0, "label": "x"}]
    assert facts["events"]["accumulate"] == 2
    words = gradviz("info", trace).stdout
    assert "train.py" in words
    assert "5 nodes, 4 edges" in words


def test_a_closed_pipe_is_no_error(trace: Path) -> None:
    command = f"{sys.executable} -m gradviz.cli events {trace} --values | head -c 10"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""


# A trace may come from anyone.

HOSTILE = '\x1b]0;owned\x07\x9b31m\u202e<b>\u0085\uffff&lt;\\"\n'


@pytest.fixture
def forged(tmp_path: Path) -> Path:
    path = tmp_path / "forged.gradviz"
    with TraceWriter(path, program=HOSTILE, backend=HOSTILE, versions={HOSTILE: HOSTILE}) as writer:
        leaf = writer.add_node(GraphNode(0, "AccumulateGrad", NodeKind.ACCUMULATE_GRAD, label=HOSTILE, file=HOSTILE))
        node = writer.add_node(GraphNode(0, HOSTILE, NodeKind.FUNCTION, scope=HOSTILE, dtype="float32"))
        writer.add_edge(Edge(node, 0, leaf, 0))
        writer.emit(ev.Mark(name=HOSTILE))
    return path


COMMANDS = [
    ["info"], ["info", "--json"], ["graph"], ["graph", "--format", "dot"], ["graph", "--format", "graphml"], ["events"],
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_no_text_of_a_trace_acts_on_the_terminal(forged: Path, command: list[str], encoding: str) -> None:
    arguments = [sys.executable, "-m", "gradviz.cli", command[0], str(forged), *command[1:]]
    done = subprocess.run(arguments, capture_output=True, env={**os.environ, "PYTHONIOENCODING": encoding}, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    printed = done.stdout.decode("utf-8")
    categories = {unicodedata.category(character) for character in printed.replace(os.linesep, "")}
    assert not categories & {"Cc", "Cf", "Cs", "Cn"}


def test_graphml_and_dot_hold_any_name(forged: Path) -> None:
    graphml = ET.fromstring(gradviz("graph", forged, "--format", "graphml").stdout)
    assert r"\x1b]0;owned\x07" in "".join(graphml.itertext())
    dot = gradviz("graph", forged, "--format", "dot").stdout.splitlines()
    assert dot[2].startswith(r'    n0 [label="\\x1b]0;owned\\x07\\x9b31m\\u202e<b>\\x85\\uffff&amp;lt;\\\"')


@pytest.mark.parametrize("created", [float("nan"), float("inf"), 1e308, -1e308, 10**30])
def test_a_recording_may_claim_any_date(tmp_path: Path, created: float) -> None:
    path = tmp_path / "dated.gradviz"
    TraceWriter(path, created=created).finish()
    assert "recorded  ?" in gradviz("info", path).stdout
    lines(gradviz("info", path, "--json"))


def test_a_lone_surrogate_in_a_name_is_written_out(tmp_path: Path) -> None:
    path = tmp_path / "odd.gradviz"
    with TraceWriter(path, program="p\ud800.py") as writer:
        writer.emit(ev.Mark(name="\udfff"))
    assert r"p\ud800.py" in gradviz("info", path).stdout
    (mark,) = lines(gradviz("events", path))
    assert mark["name"] == r"\udfff"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("command", [*COMMANDS, ["doctor"]], ids=" ".join)
@pytest.mark.parametrize("where", ["> /dev/full", ">&-"])
def test_where_nothing_can_be_printed_one_line_says_so(trace: Path, command: list[str], where: str) -> None:
    file = [] if command == ["doctor"] else [str(trace)]
    words = shlex.join([sys.executable, "-m", "gradviz.cli", command[0], *file, *command[1:]])
    done = subprocess.run(f"{words} {where}", shell=True, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith("gradviz: ")
    assert done.stderr.count("\n") == 1


# Recording


@pytest.fixture
def program(tmp_path: Path) -> Path:
    return tmp_path / "p.py"


@pytest.mark.parametrize(
    ("text", "code"),
    [("pass", 0), ("raise SystemExit(7)", 7), ("import os; os._exit(5)", 5), ("1 / 0", 1), ("is not", 1)],
)
def test_record_passes_the_exit_code_on(program: Path, text: str, code: int) -> None:
    program.write_text(text)
    assert gradviz("record", program, "-o", program.with_suffix(".gradviz")).returncode == code


def test_record_passes_streams_on(program: Path) -> None:
    program.write_text("import sys\nname = input('name? ')\nprint(f'hello {name}')\nprint('err', file=sys.stderr)\n")
    done = gradviz("record", program, "-o", program.with_suffix(".gradviz"), input="Ada\n")
    assert (done.stdout, done.stderr) == ("name? hello Ada\n", "err\n")


def test_record_shows_an_exception_as_python_does(program: Path) -> None:
    program.write_text("def f():\n    return 1 / 0\nf()\n")
    recorded = gradviz("record", program, "-o", program.with_suffix(".gradviz"))
    plain = subprocess.run([sys.executable, program], capture_output=True, text=True)
    assert (recorded.returncode, recorded.stderr) == (plain.returncode, plain.stderr)


def test_a_recording_killed_in_the_middle_opens_with_what_was_committed(program: Path) -> None:
    program.write_text(
        "import torch, time\nw = torch.ones(3, requires_grad=True)\nnumber = 0\nwhile True:\n"
        "    (w * 2).sum().backward()\n    print(number, flush=True)\n    number += 1\n    time.sleep(0.002)\n"
    )
    path = program.with_suffix(".gradviz")
    with running([sys.executable, "-m", "gradviz.cli", "record", program, "-o", path]) as child:
        assert child.stdout is not None
        while int(child.stdout.readline()) < 300:
            pass
        wait_until(lambda: path.exists() and len(numbers(path)) > 50)
        child.kill()
        child.wait()
    kept = numbers(path)
    assert kept == list(range(len(kept)))
    with Trace.open(path) as trace:
        assert not trace.complete
        assert trace.events[-1].step == len(trace.events)
    assert "no: the recording was cut off" in gradviz("info", path).stdout


def numbers(path: Path) -> list[int]:
    """What a recording has of the numbers its program printed."""
    with Trace.open(path) as trace:
        return [int(event.text) for event in trace.events if isinstance(event, ev.Output)]


@pytest.mark.skipif(os.name != "posix", reason="SIGINT")
def test_ctrl_c_completes_the_trace(program: Path) -> None:
    program.write_text("print('on', flush=True)\nwhile True: pass\n")
    path = program.with_suffix(".gradviz")
    with running(with_ctrl_c(["record", program, "-o", path])) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "on\n"
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=PATIENCE)
    assert child.returncode == 130
    assert errors.rstrip().endswith("KeyboardInterrupt")
    with Trace.open(path) as trace:
        assert trace.complete


@pytest.mark.skipif(os.name != "posix", reason="SIGINT")
def test_what_is_started_in_the_background_ignores_ctrl_c_as_under_python(program: Path) -> None:
    program.write_text("import signal\nprint(signal.getsignal(signal.SIGINT) == signal.SIG_IGN)")
    background = f"trap '' INT; {sys.executable} -m gradviz.cli record {program} -o {program.with_suffix('.gradviz')}"
    done = subprocess.run(["sh", "-c", background], capture_output=True, text=True)
    assert done.stdout == "True\n", done.stderr


# Mistakes


@pytest.mark.parametrize(
    "arguments",
    [
        ["nothing.gradviz"],
        ["nothing.py"],
        ["nothing"],
        ["--step", "-1"],
        ["--step", "x"],
        ["--theme", "pink"],
        ["info"],
        ["info", "nothing.gradviz"],
        ["info", "text.gradviz"],
        ["text.gradviz"],
        ["broken.ipynb"],
        ["odd.txt"],
        ["graph", "text.gradviz", "--format", "png"],
        ["events", "text.gradviz", "--kind", "nothing"],
        ["record"],
        ["record", "nothing.py"],
        ["record", "broken.ipynb"],
        ["record", "p.py", "--values", "some"],
        ["record", "p.py", "-o", "text.gradviz"],
        ["record", "p.py", "-o", "no/such/folder/t.gradviz"],
        ["doctor", "please"],
    ],
)
def test_mistakes_are_told_in_one_line_with_code_2(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "text.gradviz").write_text("no trace at all, but long enough to have a header to look at " * 3)
    (tmp_path / "broken.ipynb").write_text("{")
    (tmp_path / "odd.txt").write_text("words")
    (tmp_path / "p.py").write_text("print('must not run')")
    done = gradviz(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("gradviz")


def test_no_command_without_a_window_loads_qt(trace: Path) -> None:
    code = (
        "import sys; from gradviz import cli\n"
        f"for command in (['info'], ['graph'], ['events']): cli.main([*command, {str(trace)!r}])\n"
        "assert not any(name.startswith(('PySide6', 'gradviz_ui')) for name in sys.modules)\n"
        "assert 'networkx' not in sys.modules and 'gradviz_engine' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_the_kinds_offered_are_the_kinds_there_are() -> None:
    assert set(cli.KINDS) == set(ev.EVENT_TYPES)


def test_trace_errors_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(TraceError) as caught:
        Trace.open(tmp_path / "two\nlines.gradviz")
    assert "No such file" in str(caught.value)


# What was at the target


def test_a_program_that_cannot_begin_leaves_the_trace_that_was_there(program: Path) -> None:
    path = program.with_suffix(".gradviz")
    program.write_text("print('good')\n")
    assert gradviz("record", program, "-o", path).returncode == 0
    before = path.read_bytes()
    program.write_text("print('good'\n")
    done = gradviz("record", program, "-o", path)
    assert done.returncode == 1
    assert "SyntaxError" in done.stderr
    assert done.stderr.endswith(f"gradviz: the program did not begin to run; {path} is left as it was\n")
    assert path.read_bytes() == before
    assert sorted(program.parent.iterdir()) == [path, program]
    program.write_text("1 / 0\n")  # it did begin
    assert gradviz("record", program, "-o", path).returncode == 1
    with Trace.open(path) as trace:
        assert [event.kind for event in trace.events] == ["error"]


def test_a_notebook_begins_with_its_first_cell(tmp_path: Path) -> None:
    path = tmp_path / "n.gradviz"
    notebook = tmp_path / "n.ipynb"

    def record(*cells: str) -> int:
        listed = [{"cell_type": "code", "source": cell, "metadata": {}, "outputs": []} for cell in cells]
        notebook.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": listed}))
        return gradviz("record", notebook, "-o", path).returncode

    assert record("print('good')") == 0
    before = path.read_bytes()
    assert record("this is not", "print('never')") == 1
    assert path.read_bytes() == before
    assert record("print('first')", "this is not") == 1
    with Trace.open(path) as trace:
        assert [event.kind for event in trace.events] == ["output", "error"]


@pytest.mark.skipif(os.name != "posix", reason="elsewhere open files cannot be deleted")
def test_a_trace_that_is_deleted_meanwhile_is_told_and_the_exit_code_is_not_0(program: Path) -> None:
    path = program.with_suffix(".gradviz")
    program.write_text(f"import os\nos.remove({str(path)!r})\nprint('done')\n")
    done = gradviz("record", program, "-o", path)
    assert (done.returncode, done.stdout) == (2, "done\n")
    assert done.stderr.startswith(f"gradviz: {path} was deleted, moved or replaced")
    assert done.stderr.count("\n") == 1
    program.write_text(f"import os, sys\nos.remove({str(path)!r})\nsys.exit(7)\n")
    assert gradviz("record", program, "-o", path).returncode == 7


def test_a_second_recording_to_a_trace_is_refused_with_the_reason(program: Path) -> None:
    path = program.with_suffix(".gradviz")
    again = [sys.executable, "-m", "gradviz.cli", "record", str(program), "-o", str(path)]
    program.write_text(
        "import subprocess, sys\n"
        f"if len(sys.argv) == 1: sys.exit(subprocess.run({again!r} + ['--', 'second']).returncode)\n"
        "print('must not run')\n"
    )
    done = gradviz("record", program, "-o", path)
    assert (done.returncode, done.stdout) == (2, "")
    assert str(path) in done.stderr
    assert "another recording" in done.stderr
    with Trace.open(path) as trace:
        assert trace.complete


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices have names on POSIX only")
@pytest.mark.parametrize(
    "command",
    ["{}.py", "{}.ipynb", "{}.gradviz", "record {}.py", "record {}.ipynb", "record p.py -o {}.gradviz",
     "info {}.gradviz", "graph {}.gradviz", "events {}.gradviz", "export {}.gradviz -o t.png",
     "export t.gradviz -o {}.png"],
)  # fmt: skip
def test_pipes_and_devices_are_refused_in_one_line(command: str, tmp_path: Path, trace: Path) -> None:
    (tmp_path / "p.py").write_text("print('ran')\n")
    (tmp_path / "t.gradviz").write_bytes(trace.read_bytes())
    for suffix in ("py", "ipynb", "gradviz", "png"):
        os.mkfifo(tmp_path / f"fifo.{suffix}")
        (tmp_path / f"zero.{suffix}").symlink_to("/dev/zero")
    for name in ("fifo", "zero"):
        done = gradviz(*command.format(name).split(), cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert "not a regular file" in done.stderr
