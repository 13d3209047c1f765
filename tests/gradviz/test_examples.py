"""The examples are what they are said to be: graph, order, numbers, and PyTorch's own output."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from gradviz import resources
from gradviz.recording.program import Program
from gradviz.trace.events import Accumulate, BackwardBegin, GradWrite, NodeBegin, Output
from gradviz.trace.reader import Trace

NAMES = ("autograd_basics.ipynb", "autograd_basics.zh.ipynb", "autograd_basics.py")
ADDRESS = re.compile(r"0x[0-9a-f]+")


@pytest.fixture(scope="module", params=NAMES)
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Trace, str]]:
    """The example recorded by the command, and what it printed."""
    path = tmp_path_factory.mktemp("example") / "t.gradviz"
    example = resources.path("examples", request.param)
    command = [sys.executable, "-m", "gradviz.cli", "record", str(example), "-o", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=True)
    assert done.stderr == ""
    with Trace.open(path) as trace:
        yield trace, done.stdout


def test_the_graph_is_pytorchs(recorded: tuple[Trace, str]) -> None:
    trace, _ = recorded
    titles = [node.label or node.name for node in trace.nodes]
    links = {(titles[edge.source] + f"#{edge.source}", titles[edge.target] + f"#{edge.target}") for edge in trace.edges}
    assert {(re.sub(r"#\d+", "", a), re.sub(r"#\d+", "", b)) for a, b in links} == {
        ("BinaryCrossEntropyWithLogitsBackward0", "AddBackward0"),
        ("AddBackward0", "SqueezeBackward4"),
        ("SqueezeBackward4", "MmBackward0"),
        ("MmBackward0", "w"),
        ("AddBackward0", "b"),
        ("TBackward0", "PowBackward0"),
        ("PowBackward0", "AddBackward0"),
        ("AddBackward0", "inp"),
    }
    assert len(trace.nodes) == 10


def test_nodes_run_in_pytorchs_order(recorded: tuple[Trace, str]) -> None:
    trace, _ = recorded
    ran: dict[int, list[str]] = {}
    for event in trace.events:
        if isinstance(event, NodeBegin):
            node = trace.nodes[event.node]
            ran.setdefault(event.call, []).append(node.label or node.name)
    first = [
        "BinaryCrossEntropyWithLogitsBackward0",
        "AddBackward0",
        "b",
        "SqueezeBackward4",
        "MmBackward0",
        "w",
    ]
    again = ["TBackward0", "PowBackward0", "AddBackward0", "inp"]
    assert ran == {1: first, 2: again, 3: again, 4: again}


def test_gradients_are_set_added_and_zeroed(recorded: tuple[Trace, str]) -> None:
    trace, _ = recorded
    sums = [event for event in trace.events if isinstance(event, Accumulate)]
    assert [trace.nodes[event.leaf].label for event in sums] == ["b", "w", "inp", "inp", "inp"]
    assert [event.mode for event in sums] == ["set", "set", "set", "added", "added"]
    assert [event.before is None for event in sums] == [True, True, True, False, False]
    extremes = [(trace.tensor(event.after).min, trace.tensor(event.after).max) for event in sums]
    assert extremes[2:] == [(2, 4), (4, 8), (2, 4)]
    for event in sums:
        before = 0 if event.before is None else trace.array(event.before)
        incoming, after = trace.array(event.incoming), trace.array(event.after)
        assert incoming is not None
        np.testing.assert_array_equal(before + incoming, after)
    (zeroed,) = (event for event in trace.events if isinstance(event, GradWrite))
    assert zeroed.cause == "zero_"
    assert sums[3].step < zeroed.step < sums[4].step
    labels = [event.roots[0].label for event in trace.events if isinstance(event, BackwardBegin)]
    assert labels == ["loss", "out", "out", "out"]


def test_the_gradient_of_the_loss_is_the_formula_in_the_text(recorded: tuple[Trace, str]) -> None:
    trace, _ = recorded
    z = next(value for value in trace.values if value.label == "z")
    assert z.tensor is not None
    numbers = trace.array(z.tensor)
    assert numbers is not None
    expected = 1 / (1 + np.exp(-numbers.astype(np.float64))) / 3
    b, w = (event for event in trace.events if isinstance(event, Accumulate) and event.call == 1)
    np.testing.assert_allclose(trace.array(b.after), expected, rtol=1e-6)
    np.testing.assert_allclose(trace.array(w.after), np.tile(expected, (5, 1)), rtol=1e-6)


def test_each_event_is_on_the_line_that_caused_it(recorded: tuple[Trace, str]) -> None:
    trace, _ = recorded
    (source,) = trace.sources
    lines = source.text.split("\n")
    for event in trace.events:
        assert event.file == source.file
        assert event.line is not None
        code = lines[event.line - 1]
        if isinstance(event, (BackwardBegin, Accumulate, NodeBegin)):
            assert ".backward(" in code
        elif isinstance(event, GradWrite):
            assert code == "inp.grad.zero_()"
        elif isinstance(event, Output):
            assert "print" in code or "sigmoid" in code


def test_the_trace_holds_what_was_printed(recorded: tuple[Trace, str]) -> None:
    trace, printed = recorded
    assert "".join(event.text for event in trace.events if isinstance(event, Output)) == printed


@pytest.mark.pytorch
@pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed")
def test_the_output_is_pytorchs_byte_for_byte(recorded: tuple[Trace, str], tmp_path: Path) -> None:
    trace, printed = recorded
    shown = "(torch.sigmoid(z.detach()) - y) / 3"
    text = trace.sources[0].text
    if f"print({shown})" not in text:  # a notebook shows a cell's last value, a script does not
        text = text.replace(shown, f"print({shown})")
    plain = tmp_path / "plain.py"
    plain.write_text(text, "utf-8")
    real = subprocess.run([sys.executable, str(plain)], capture_output=True, text=True, check=True)
    assert ADDRESS.sub("0x", real.stdout) == ADDRESS.sub("0x", printed)


def test_notebooks_are_valid_and_hold_the_same_code() -> None:
    texts = set()
    for name in NAMES[:2]:
        notebook = json.loads(resources.path("examples", name).read_text("utf-8"))
        assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
        identities = [cell["id"] for cell in notebook["cells"]]
        assert len(set(identities)) == len(identities)
        assert all(re.fullmatch(r"[a-zA-Z0-9-_]{1,64}", identity) for identity in identities)
        for cell in notebook["cells"]:
            keys = {"cell_type", "id", "metadata", "source"}
            assert cell.keys() == (keys | {"execution_count", "outputs"} if cell["cell_type"] == "code" else keys)
        texts.add(Program.load(resources.path("examples", name)).text)
    assert len(texts) == 1


def test_the_recording_that_ships_is_of_the_notebook_that_ships() -> None:
    with Trace.open(resources.path("examples", "autograd_basics.gradviz")) as trace:
        assert trace.complete
        assert trace.sources[0] == Program.load(resources.path("examples", "autograd_basics.ipynb")).source
        assert len(trace.events) == 85
