"""The trace file: what is read equals what was written, and no bad file does more than raise TraceError."""

from __future__ import annotations

import functools
import math
import os
import re
import shutil
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from children import running, wait_until
from forgery import forge
from gradviz.trace import events as ev
from gradviz.trace.base import TraceBase
from gradviz.trace.errors import TraceError
from gradviz.trace.facts import facts
from gradviz.trace.memory import TraceBuilder
from gradviz.trace.model import Cell, Edge, GraphNode, NodeKind, Saved, Source, Storage, Value
from gradviz.trace.protocol import TraceLike, TraceSink
from gradviz.trace.reader import Trace
from gradviz.trace.writer import TraceWriter, Values
from synthetic import training


def assert_same(read: TraceLike, written: TraceLike) -> None:
    assert list(read.sources) == list(written.sources)
    assert list(read.nodes) == list(written.nodes)
    assert list(read.edges) == list(written.edges)
    assert list(read.values) == list(written.values)
    assert list(read.events) == list(written.events)
    assert read.tensor_count == written.tensor_count
    for tensor in range(written.tensor_count):
        assert read.tensor(tensor) == written.tensor(tensor)
        np.testing.assert_array_equal(read.array(tensor), written.array(tensor))
        np.testing.assert_array_equal(read.thumbnail(tensor), written.thumbnail(tensor))


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.gradviz"
    with TraceWriter(path, program="training.py") as writer:
        training(60, calls=2, leaves=4, sink=writer)
    return path


def test_a_file_holds_what_memory_holds(small: Path) -> None:
    expected = training(60, calls=2, leaves=4)
    assert expected is not None
    with Trace.open(small) as trace:
        assert_same(trace, expected)
        assert trace.complete
        assert (trace.backend, trace.program) == ("numpy", "training.py")
        assert trace.leaves == expected.leaves
        assert sorted(trace.graph.edges) == sorted(expected.graph.edges)


def test_finishing_leaves_one_plain_file(small: Path) -> None:
    assert [file.name for file in small.parent.iterdir()] == ["small.gradviz"]
    assert small.read_bytes()[18:20] == b"\x01\x01"  # the journal mode that needs no second file


names = st.text(max_size=8)
arrays = hnp.arrays(
    st.sampled_from([np.float32, np.float64, np.int64, np.bool_, np.complex64, np.float16, np.uint8]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=80),
    elements=None,
)
json_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    names,
    st.lists(st.integers(), max_size=3),
)


@st.composite
def recordings(draw: st.DrawFn) -> TraceBuilder:
    """Calls on a sink that use every noun and event, with odd texts and numbers."""
    builder = TraceBuilder(program=draw(names))
    builder.add_source(Source(draw(names), draw(names), (Cell(draw(names), 1),)))
    tensors = [builder.add_tensor(draw(arrays)) for _ in range(draw(st.integers(1, 4)))]
    tensor = st.sampled_from(tensors)
    leaf = builder.add_node(GraphNode(0, "AccumulateGrad", NodeKind.ACCUMULATE_GRAD, label=draw(names)))
    saved = (Saved(draw(names), draw(tensor)), Saved("dim", None, draw(json_values)))
    node = builder.add_node(
        GraphNode(
            0, draw(names), NodeKind.FUNCTION, draw(st.integers(0, 2**62)), None, (2, 3), "float32",
            draw(names), draw(st.integers(0, 9999)), draw(names), saved, (draw(names),),
        )
    )  # fmt: skip
    builder.add_edge(Edge(node, 0, leaf, 0))
    kept = draw(tensor)
    info = builder.trace.tensor(kept)
    value = builder.add_value(Value(0, draw(names), info.shape, info.dtype, kept, node, 0))
    if draw(st.booleans()):
        builder.label_node(leaf, draw(names))
        builder.label_value(value, draw(names))
    maybe = st.none() | tensor
    where = {"file": draw(names), "line": draw(st.integers(0, 9999))}
    builder.emit(ev.Op(name=draw(names), nodes=(node,), inputs=(value,), outputs=(value,), **where))
    root = ev.Root(node, 0, draw(names), draw(maybe))
    builder.emit(
        ev.BackwardBegin(
            call=1, roots=(root,), retain_graph=draw(st.booleans()), create_graph=False,
            inputs=draw(st.none() | st.just((leaf,))), dependencies=((leaf, 1), (node, 0)), **where,
        )
    )  # fmt: skip
    builder.emit(ev.NodeBegin(call=1, node=node, grad_outputs=(draw(maybe),), ready=(leaf,), dependencies=((leaf, 1),)))
    builder.emit(
        ev.Flow(call=1, source=node, slot=0, target=leaf, target_slot=0, gradient=draw(maybe), total=draw(maybe))
    )
    builder.emit(ev.NodeEnd(call=1, node=node, freed=draw(st.booleans())))
    builder.emit(
        ev.Accumulate(
            call=1, leaf=leaf, before=draw(maybe), incoming=draw(tensor), after=draw(tensor),
            mode=draw(st.sampled_from(["set", "added"])), **where,
        )
    )  # fmt: skip
    builder.emit(ev.BackwardEnd(call=1, error=draw(st.none() | names)))
    builder.emit(ev.GradWrite(leaf=leaf, cause=draw(names), before=draw(maybe), after=draw(maybe), **where))
    builder.emit(ev.ValueWrite(leaf=leaf, cause=draw(names), before=draw(maybe), after=draw(maybe), **where))
    builder.emit(ev.Output(text=draw(names), stream=draw(st.sampled_from(["stdout", "stderr"]))))
    builder.emit(ev.Warned(message=draw(names)))
    builder.emit(ev.Error(type=draw(names), message=draw(names), traceback=(draw(names),)))
    builder.emit(ev.Mark(name=draw(names)))
    return builder


def copy(trace: TraceBase, sink: TraceSink) -> None:
    """Say everything in ``trace`` again."""
    for source in trace.sources:
        sink.add_source(source)
    for tensor in range(trace.tensor_count):  # type: ignore[attr-defined]
        array, dtype = trace.array(tensor), trace.tensor(tensor).dtype  # type: ignore[attr-defined]
        assert sink.add_tensor(array, dtype) == tensor
    for node in trace.nodes:
        sink.add_node(node)
    for edge in trace.edges:
        sink.add_edge(edge)
    for value in trace.values:
        sink.add_value(value)
    for event in trace.events:
        sink.emit(event)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(recordings())
def test_what_is_read_equals_what_was_written(tmp_path_factory: pytest.TempPathFactory, builder: TraceBuilder) -> None:
    path = tmp_path_factory.mktemp("trace") / "any.gradviz"
    with TraceWriter(path, values="full") as writer:
        copy(builder.trace, writer)
    with Trace.open(path) as trace:
        assert_same(trace, builder.trace)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("sound") / "t.gradviz"
    with TraceWriter(path) as writer:
        training(40, calls=2, leaves=4, sink=writer)
    return path.read_bytes()


@pytest.fixture(scope="module")
def sound_trace() -> TraceLike:
    trace = training(40, calls=2, leaves=4)
    assert trace is not None
    return trace


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_damaged_bytes_are_noticed_or_do_no_harm(
    tmp_path_factory: pytest.TempPathFactory, sound: bytes, sound_trace: TraceLike, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("damage")
    path = folder / "t.gradviz"
    content = bytearray(sound)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content) - 1))
        piece = data.draw(st.binary(min_size=1, max_size=40))
        content[start : start + len(piece)] = piece[: len(content) - start]
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    path.write_bytes(content)
    reason = None
    try:
        with Trace.open(path) as trace:
            assert_same(trace, sound_trace)
    except TraceError as error:
        reason = str(error)
    assert reason is None or (str(path) in reason and "\n" not in reason)


def refused(path: Path) -> str:
    with pytest.raises(TraceError) as caught:
        Trace.open(path)
    return str(caught.value)


def test_other_files_are_refused_with_the_reason(tmp_path: Path, small: Path) -> None:
    assert "No such file" in refused(tmp_path / "nothing.gradviz")
    assert "it is a folder" in refused(tmp_path)
    (tmp_path / "empty").touch()
    assert "is empty" in refused(tmp_path / "empty")
    (tmp_path / "text.gradviz").write_text("loss.backward()\n" * 20)
    assert "not a gradviz trace" in refused(tmp_path / "text.gradviz")
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE t (a)")
    assert "not a gradviz trace" in refused(tmp_path / "other.db")
    (tmp_path / "cut.gradviz").write_bytes(small.read_bytes()[:60])
    assert "truncated" in refused(tmp_path / "cut.gradviz")
    (tmp_path / "half.gradviz").write_bytes(small.read_bytes()[: small.stat().st_size // 2])
    assert "damaged" in refused(tmp_path / "half.gradviz")


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices have names on POSIX only")
def test_pipes_and_devices_are_refused_at_once(tmp_path: Path, small: Path) -> None:
    os.mkfifo(tmp_path / "fifo.gradviz")
    (tmp_path / "zero.gradviz").symlink_to("/dev/zero")
    for name in ("fifo.gradviz", "zero.gradviz"):
        assert "not a regular file" in refused(tmp_path / name)
        with pytest.raises(TraceError, match=r"cannot write .*: it is not a regular file"):
            TraceWriter(tmp_path / name)
    for suffix in ("-journal", "-wal", "-shm"):
        beside = small.with_name(small.name + suffix)
        os.mkfifo(beside)
        assert f"{beside.name} beside it is not a regular file" in refused(small)
        beside.unlink()


def tamper(path: Path, *statements: str) -> Path:
    """Change a trace as someone would who knows SQL but not our digests."""
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()
    return path


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("PRAGMA user_version = 7", "newer gradviz"),
        ("PRAGMA user_version = 0", "version 0"),
        ("CREATE VIEW v AS SELECT 1", "tables"),
        ("CREATE TRIGGER t AFTER INSERT ON chunk BEGIN DELETE FROM total; END", "tables"),
        ("CREATE INDEX i ON chunk (stream)", "tables"),
        ("DROP TABLE total", "tables"),
        ("ALTER TABLE chunk ADD COLUMN extra", "tables"),
        ("UPDATE chunk SET first = 1 WHERE stream = 'node'", "missing"),
        ("UPDATE chunk SET data = zeroblob(length(data)) WHERE stream = 'flow'", "not the one that was written"),
        ("UPDATE chunk SET layout = '[]' WHERE stream = 'flow'", "not the one that was written"),
        ("UPDATE chunk SET digest = x'00'", "not the one that was written"),
        ("DELETE FROM chunk WHERE stream = 'edge'", "not the ones that were written"),
        ("UPDATE total SET count = count + 1 WHERE stream = 'edge'", "not the ones that were written"),
        ("INSERT INTO total VALUES ('dream', 1)", "not the ones that were written"),
    ],
)
def test_a_changed_database_is_refused(small: Path, statement: str, reason: str) -> None:
    assert reason in refused(tamper(small, statement))


def flow(**changed: object) -> str:
    import json

    body = {"call": 1, "source": 4, "slot": 0, "target": 0, "target_slot": 0, "gradient": 0, "total": 0}
    return json.dumps({**body, **changed})


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("node", {"shape": "[-1]"}),
        ("node", {"shape": "[" * 100_000}),
        ("node", {"shape": "[1" + "0" * 5000 + "]"}),
        ("node", {"kind": "trojan"}),
        ("node", {"saved": '[["self", 99999, null]]'}),
        ("node", {"formula": '"text"'}),
        ("node", {"dtype": "object"}),
        ("edge", {"target": 99999}),
        ("edge", {"target": -1}),
        ("edge", {"source": 0.5}),
        ("edge", {"source": b"\0"}),
        ("tensor", {"shape": "[" + ",".join(["1"] * 33) + "]"}),
        ("tensor", {"dtype": "float128"}),
        ("tensor", {"norm": "many"}),
        ("tensor", {"storage": "elsewhere"}),
        ("event", {"kind": "op", "body": "{}"}),
        ("event", {"kind": "flow", "body": flow()}),
        ("event", {"kind": "mark", "body": '{"name":"a"}', "line": -5}),
        ("event", {"kind": "node_end", "body": '{"call":9,"node":0,"freed":true}'}),
        ("event", {"kind": "grad_write", "body": '{"leaf":9,"cause":"x","before":null,"after":null}'}),
        ("event", {"kind": "mark", "body": '{"name":"a"}', "line": 2**31}),
        ("event", {"kind": "flow", "body": flow(slot=2**31)}),
        ("event", {"step": 10**6}),
        ("node", {"line": 2**63 - 1}),
        ("node", {"saved": '[["dims", null, ' + "[" * 50 + "]" * 50 + "]]"}),
        ("edge", {"target_slot": 2**31}),
        ("source", {"cells": f'[["Cell 1", {2**63 - 1}]]'}),
        ("tensor", {"norm": -1.0}),
        ("tensor", {"max": math.inf}),
        ("tensor", {"zero": 10**6}),
        ("meta", {"key": "program", "value": "5"}),
        ("meta", {"key": "versions", "value": '{"numpy": null}'}),
        ("meta", {"key": "created", "value": '"then"'}),
        ("meta", {"key": "complete", "value": "1"}),
    ],
)
def test_a_forged_row_is_refused(small: Path, table: str, columns: dict[str, object]) -> None:
    assert re.search(
        "malformed|damaged|missing|is of another type| holds |does not know", refused(forge(small, table, **columns))
    )


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"shape": "[]"}, r"its shape is \[\], that of tensor \d+ is \[2, 3\]"),
        ({"slot": 2**31}, "slot of value holds 2147483648"),
    ],
)
def test_a_forged_value_is_refused(tmp_path: Path, columns: dict[str, object], reason: str) -> None:
    path = tmp_path / "v.gradviz"
    with TraceWriter(path) as writer:
        kept = writer.add_tensor(np.ones((2, 3)))
        writer.add_value(Value(0, "x", (2, 3), "float64", kept))
    with pytest.raises(TraceError, match=reason):
        Trace.open(forge(path, "value", **columns))


def test_a_reason_does_no_harm_in_a_terminal(small: Path) -> None:
    forge(small, "node", dtype="\x1b]0;owned\x07\x9b31m\u202e")
    assert refused(small).endswith(r"there is no dtype '\x1b]0;owned\x07\x9b31m\u202e'")


def test_a_name_without_end_is_cut_when_written_and_refused_when_forged(tmp_path: Path, small: Path) -> None:
    endless = "\ud800" * 10_000_000
    with TraceWriter(tmp_path / "t.gradviz") as writer:
        saved = (Saved(endless, None, None),)
        leaf = writer.add_node(
            GraphNode(0, endless, NodeKind.ACCUMULATE_GRAD, label=endless, scope=endless, saved=saved)
        )
        value = writer.add_value(Value(0, endless, (), "float32", None, leaf))
        writer.label_value(value, endless)
        writer.add_source(Source("p.py", "", (Cell(endless, 1),)))
        writer.emit(ev.Mark(name=endless))
        writer.emit(ev.GradWrite(leaf=leaf, cause=endless, before=None, after=None))
        root = ev.Root(leaf, 0, endless, None)
        writer.emit(ev.BackwardBegin(call=1, roots=(root,), retain_graph=False, create_graph=False))
    with Trace.open(tmp_path / "t.gradviz") as trace:
        assert trace.nodes[0].name.endswith("…")
        assert len(trace.nodes[0].name) < 60_000
    assert "a name has 10,000,000 characters" in refused(forge(small, "node", label="x" * 10_000_000))


def test_lone_surrogates_are_written_out(small: Path) -> None:
    with TraceWriter(small) as writer:
        writer.emit(ev.Mark(name="a\ud800"))
    with Trace.open(small) as trace:
        mark = trace.events[-1]
        assert isinstance(mark, ev.Mark)
        assert mark.name == "a\\ud800"
    assert "no UTF-8" in refused(forge(small, "event", body='{"name": "a\\ud800"}'))


def test_a_forged_circle_is_refused(small: Path) -> None:
    with Trace.open(small) as trace:
        first, last = trace.edges[0], trace.edges[-1]
    assert first.source != last.source
    forge(small, "edge", target=last.source)
    assert "circle" in refused(small) or "edge" in refused(small)


def test_a_forged_content_is_refused_when_it_is_read(small: Path) -> None:
    tamper(small, "UPDATE content SET data = x'00112233' WHERE tensor = 0")
    tamper(small, "UPDATE content SET data = zeroblob(length(data)) WHERE tensor = 1")
    tamper(small, "DELETE FROM content WHERE tensor = 2")
    tamper(small, "UPDATE content SET data = 'text' WHERE tensor = 3")
    with Trace.open(small) as trace:
        for tensor, reason in enumerate(["size of its shape", "damaged", "missing", "missing"]):
            with pytest.raises(TraceError, match=reason):
                trace.array(tensor)


def test_a_shape_that_no_memory_holds_is_refused(small: Path) -> None:
    forge(small, "tensor", shape=f"[{2**62}, {2**62}, 0]")
    assert "larger than any memory" in refused(small)


def test_only_traces_are_overwritten(tmp_path: Path, small: Path) -> None:
    program = tmp_path / "train.py"
    program.write_text("loss.backward()\n" * 30)
    with pytest.raises(TraceError, match="will not be overwritten"):
        TraceWriter(program)
    assert program.read_text().startswith("loss")
    TraceWriter(small).finish()
    with Trace.open(small) as trace:
        assert len(trace.events) == 0
    with pytest.raises(TraceError, match="cannot write"):
        TraceWriter(tmp_path / "no such folder" / "t.gradviz")


def test_a_growing_trace_can_be_opened(tmp_path: Path) -> None:
    writer = TraceWriter(tmp_path / "t.gradviz")
    tensor = writer.add_tensor(np.arange(3.0))
    writer.emit(ev.Mark(name="one"))
    writer.flush()
    with Trace.open(writer.path) as trace:
        assert [event.step for event in trace.events] == [1]
        assert not trace.complete
        writer.emit(ev.Mark(name="two"))
        writer.finish()
        np.testing.assert_array_equal(trace.array(tensor), [0, 1, 2])
        assert [file.name for file in tmp_path.iterdir()] == ["t.gradviz"]
    with Trace.open(writer.path) as trace:
        assert [event.step for event in trace.events] == [1, 2]
        assert trace.complete


def test_a_look_into_a_growing_trace_sees_one_moment_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with TraceWriter(tmp_path / "t.gradviz", program="p.py") as writer:

        class Slow(sqlite3.Connection):
            """The program goes on before each of its questions."""

            def execute(self, sql: str, *values: object) -> sqlite3.Cursor:
                writer.set_meta("asked", sql)
                writer.emit(ev.Mark(name="on"))
                writer.flush()
                return super().execute(sql, *values)

        connect = functools.partial(sqlite3.connect, isolation_level=None, factory=Slow)
        monkeypatch.setattr("gradviz.trace.facts.connect", connect)
        assert facts(writer.path).program == "p.py"
        assert 0 < facts(writer.path).events < writer.steps


ENDLESS = """
import itertools, sys, time
from gradviz.trace.events import Mark
from gradviz.trace.writer import TraceWriter
writer = TraceWriter(sys.argv[1])
for number in itertools.count(1):
    print(writer.emit(Mark(name=str(number))), flush=True)
    time.sleep(PAUSE)
"""


def steps(path: Path) -> list[int]:
    with Trace.open(path) as trace:
        return [event.step for event in trace.events]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
@pytest.mark.parametrize("pause", [0.001, 1000], ids=["never pauses", "falls silent"])
def test_a_killed_recorder_leaves_what_it_had_committed_meanwhile(tmp_path: Path, pause: float) -> None:
    """How much time is lost measures ``benchmarks/loss.py``."""
    path = tmp_path / "killed.gradviz"
    with running([sys.executable, "-c", ENDLESS.replace("PAUSE", str(pause)), path]) as child:
        assert child.stdout is not None
        child.stdout.readline()
        wait_until(lambda: len(steps(path)) >= 1)
        child.send_signal(signal.SIGKILL)
        said = 1 + len(child.communicate()[0].splitlines())
    moved = tmp_path / "copy"
    moved.mkdir()
    for file in tmp_path.glob("killed*"):
        shutil.copy(file, moved)
    for each in (path, moved / path.name):
        with Trace.open(each) as trace:
            assert not trace.complete
        kept = steps(each)
        assert kept == list(range(1, len(kept) + 1))
        assert 1 <= len(kept) <= said + 1  # the last may be kept and not be said
    # Without its side files the trace is what was checkpointed: perhaps nothing, but it opens.
    for file in moved.glob("*-*"):
        file.unlink()
    with Trace.open(moved / path.name) as trace:
        assert not trace.complete


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_no_hindrance(small: Path) -> None:
    small.parent.chmod(0o555)
    try:
        with Trace.open(small) as trace:
            assert trace.complete
    finally:
        small.parent.chmod(0o755)


def test_what_is_kept_of_large_tensors(tmp_path: Path) -> None:
    large = np.arange(600_000, dtype=np.float32).reshape(1000, 600)
    stored = {}
    for values in ("full", "summary", "auto"):
        path = tmp_path / f"{values}.gradviz"
        with TraceWriter(path, values=values) as writer:
            writer.add_tensor(large)
            writer.add_tensor(large[:2, :2])
        with Trace.open(path) as trace:
            stored[values] = [trace.tensor(0).storage, trace.tensor(1).storage]
            assert trace.tensor(0).max == 599_999
            if values == "full":
                np.testing.assert_array_equal(trace.array(0), large)
                expected = trace.thumbnail(0)
            elif values == "auto":
                assert trace.array(0) is None
                np.testing.assert_array_equal(trace.thumbnail(0), expected)
            else:
                assert trace.thumbnail(0) is None
    assert stored == {
        "full": [Storage.FULL, Storage.FULL],
        "summary": [Storage.SUMMARY, Storage.SUMMARY],
        "auto": [Storage.THUMBNAIL, Storage.FULL],
    }


def test_equal_contents_are_one_row(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "t.gradviz") as writer:
        ones = writer.add_tensor(np.ones((2, 2), np.float32))
        assert writer.add_tensor(np.ones((4, 4), np.float32)[::2, ::2]) == ones
        others = [
            np.ones((2, 2)),
            np.ones((4,), np.float32),
            np.ones((1, 4), np.float32),
            np.ones((2, 2), np.int32),
        ]
        assert len({ones, *(writer.add_tensor(other) for other in others)}) == 5


def test_numbers_that_are_none(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "t.gradviz") as writer:
        writer.add_tensor(np.array([np.nan, np.inf, 3.0, 0.0, -4.0], np.float32))
        writer.add_tensor(np.array([np.inf, 1.0]))
        writer.add_tensor(np.array([np.nan]))
        writer.add_tensor(np.zeros((0, 3)))
        writer.add_tensor(np.array([1e200, 1e200]))
        writer.add_tensor(np.array([1.5, 2.5], np.float32), "bfloat16")
    with Trace.open(tmp_path / "t.gradviz") as trace:
        mixed = trace.tensor(0)
        assert math.isnan(mixed.norm or 0)
        assert (mixed.min, mixed.max, mixed.nan, mixed.inf, mixed.zero) == (-4.0, 3.0, 1, 1, 1)
        assert mixed.mean == pytest.approx(-1 / 3)
        assert trace.tensor(1).norm == math.inf
        assert (trace.tensor(2).min, trace.tensor(2).mean) == (None, None)
        assert trace.tensor(3).norm is None
        assert trace.tensor(4).norm == pytest.approx(math.sqrt(2) * 1e200)
        assert trace.tensor(5).dtype == "bfloat16"
        np.testing.assert_array_equal(trace.array(5), np.array([1.5, 2.5], np.float32))


def test_a_closed_trace_says_so(small: Path) -> None:
    with Trace.open(small) as trace:
        trace.array(0)
    np.testing.assert_array_equal(trace.array(0), trace.array(0))  # read before: still there
    assert trace.tensor(1).storage is Storage.FULL
    with pytest.raises(TraceError, match="closed"):
        trace.array(1)


def test_a_reader_in_the_way_does_not_keep_a_recording_from_ending(tmp_path: Path) -> None:
    writer = TraceWriter(tmp_path / "t.gradviz")
    reader = sqlite3.connect(writer.path)
    reader.execute("SELECT * FROM chunk").fetchall()
    writer.emit(ev.Mark(name="last"))
    writer.finish()
    reader.close()
    with Trace.open(writer.path) as trace:
        assert trace.complete
        assert len(trace.events) == 1


@pytest.mark.parametrize("values", ["full", "summary", "auto"])
@pytest.mark.parametrize(
    "numbers",
    [
        np.array([0x7F800001, 0], np.uint32).view(np.float32),  # a NaN that signals
        np.full(400_000, 3e38 + 3e38j, np.complex64),  # its magnitude is no float32
        np.array([1e308, 1e308, -1e308]),
        np.array([5e-324, 1e-300]),
    ],
    ids=["signalling", "complex", "large", "small"],
)
def test_no_number_makes_numpy_warn_or_raise(tmp_path: Path, numbers: NDArray[Any], values: Values) -> None:
    with np.errstate(all="raise"), TraceWriter(tmp_path / "t.gradviz", values=values) as writer:
        tensor = writer.add_tensor(numbers)
    with Trace.open(tmp_path / "t.gradviz") as trace:
        assert trace.tensor(tensor).shape == numbers.shape
