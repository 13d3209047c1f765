"""``import gradviz`` in scripts, notebooks and training code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import networkx as nx
import pytest

import gradviz
import gradviz_engine as engine
from gradviz.trace.errors import TraceError
from gradviz.trace.events import Accumulate, Error, Mark, Output
from gradviz.trace.model import NodeKind

THIS = Path(__file__).name


def test_a_block_is_recorded_and_loaded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x = engine.ones(3, requires_grad=True)
    with gradviz.record(tmp_path / "run.gradviz", backend="numpy"):
        loss = (x * 2).sum()
        gradviz.mark("before")
        loss.backward()
        print("done")
    assert capsys.readouterr().out == "done\n"
    trace = gradviz.load(tmp_path / "run.gradviz")
    assert isinstance(trace, gradviz.Trace)
    assert isinstance(trace.graph, nx.DiGraph)
    assert nx.is_directed_acyclic_graph(trace.graph)
    kinds = {trace.graph.nodes[node]["node"].kind for node in trace.graph}
    assert kinds == {NodeKind.FUNCTION, NodeKind.ACCUMULATE_GRAD}
    (sums,) = (event for event in trace.events if isinstance(event, Accumulate))
    assert sums.file is not None
    assert sums.file.endswith(THIS)
    assert [node.label for node in trace.nodes if node.label] == ["x"]
    assert gradviz.Playhead(trace, sums.step).leaf(sums.leaf).grad == sums.after
    assert [type(event) for event in trace.events if isinstance(event, (Mark, Output))] == [Mark, Output]
    assert trace.program is None
    assert sums.file in {source.file for source in trace.sources}


def test_what_was_made_before_the_block_is_in_the_graph_too(tmp_path: Path) -> None:
    x = engine.ones(3, requires_grad=True)
    loss = (x * 2).exp().sum()
    with gradviz.record(tmp_path / "run.gradviz", backend="numpy"):
        loss.backward()
    trace = gradviz.load(tmp_path / "run.gradviz")
    assert sorted(node.name for node in trace.nodes) == [
        "AccumulateGrad", "ExpBackward0", "MulBackward0", "SumBackward0",
    ]  # fmt: skip


def test_an_exception_goes_on_and_the_trace_is_complete(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), gradviz.record(tmp_path / "run.gradviz", backend="numpy"):
        _ = 1 / 0
    trace = gradviz.load(tmp_path / "run.gradviz")
    assert trace.complete
    (error,) = trace.events
    assert isinstance(error, Error)
    assert error.type == "ZeroDivisionError"
    assert error.file is not None
    assert error.file.endswith(THIS)


def test_a_mark_without_a_recording_is_nothing() -> None:
    gradviz.mark("nobody listens")


def test_importing_gradviz_imports_nothing_else() -> None:
    code = (
        "import sys; before = set(sys.modules); import gradviz\n"
        "new = {name for name in set(sys.modules) - before if not name.startswith('_')}\n"
        "assert not new & {'numpy', 'networkx', 'sqlite3', 'PySide6', 'torch'}, new\n"
        "assert callable(gradviz.record) and 'gradviz.recording' not in sys.modules\n"
        "from gradviz.recording.program import Program\n"
        "assert callable(gradviz.record)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_there_is_nothing_else() -> None:
    with pytest.raises(AttributeError, match="gradient"):
        gradviz.gradient  # noqa: B018


def test_a_trace_that_is_deleted_meanwhile_does_not_raise_in_the_program(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.gradviz"
    x = engine.ones(3, requires_grad=True)
    with gradviz.record(path, backend="numpy"):
        (x * 2).sum().backward()
        path.unlink()
        (x * 2).sum().backward()
    assert x.grad.tolist() == [4, 4, 4]
    assert "deleted, moved or replaced" in capsys.readouterr().err


def test_two_recordings_of_one_file_are_refused_before_the_block(tmp_path: Path) -> None:
    path = tmp_path / "run.gradviz"
    with gradviz.record(path, backend="numpy"):
        second = gradviz.record(path, backend="numpy")
        with pytest.raises(TraceError, match="another recording"):
            second.__enter__()
