"""Columns follow from declarations; files of other minor versions open; lists come back from their changes."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradviz.trace import chunks, merge
from gradviz.trace.changes import Change, Differ, apply
from gradviz.trace.chunks import Chunk
from gradviz.trace.errors import TraceError
from gradviz.trace.events import BackwardBegin, BackwardEnd, Error, Event, Flow, Mark, NodeBegin, Root
from gradviz.trace.model import Edge, GraphNode, NodeKind, Saved
from gradviz.trace.reader import Trace
from gradviz.trace.writer import TraceWriter
from synthetic import training


def rewritten(path: Path, stream: str, *, without: str = "", extra: str = "") -> Path:
    """The file as a version would have written it that lacks a column, or has one more."""
    with sqlite3.connect(path) as database:
        for row in database.execute(f"SELECT {chunks.COLUMNS} FROM chunk WHERE stream = ?", (stream,)).fetchall():
            old = Chunk(*row)
            arrays = {name: numbers for name, numbers in chunks.unpack(old).items() if name != without}
            if extra:
                arrays[extra] = np.arange(old.rows)
            database.execute("DELETE FROM chunk WHERE stream = ? AND first = ?", (stream, old.first))
            database.execute(chunks.INSERT, chunks.pack(stream, old.first, old.rows, arrays))
    database.close()
    return path


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    with TraceWriter(tmp_path / "t.gradviz") as writer:
        training(60, calls=2, leaves=4, sink=writer)
        writer.emit(Mark(name="here", file="p.py", line=3))
    return tmp_path / "t.gradviz"


def test_arrays_and_objects_tell_the_same(recorded: Path) -> None:
    with Trace.open(recorded) as trace:
        flows = [event for event in trace.events if isinstance(event, Flow)]
        columns = trace.columns(Flow)
        assert columns.step.tolist() == [event.step for event in flows]
        assert columns.source.tolist() == [event.source for event in flows]
        assert columns.gradient.tolist() == [-1 if e.gradient is None else e.gradient for e in flows]
        assert trace.columns(Edge).target.tolist() == [edge.target for edge in trace.edges]
        names = trace.columns(GraphNode).name.tolist()
        assert [trace.texts[name] for name in names] == [node.name for node in trace.nodes]
        assert [trace.events[n] for n in range(-3, 3)] == [*trace.events[-3:], *trace.events[:3]]


def test_a_column_that_a_later_version_added_is_passed_over(recorded: Path) -> None:
    with Trace.open(recorded) as trace, Trace.open(recorded) as again:
        before = list(trace.events)
        assert again.events == before
        assert again.edges == trace.edges != trace.edges[1:]
    with Trace.open(rewritten(recorded, "flow", extra="colour")) as trace:
        assert list(trace.events) == before


def test_a_column_that_an_earlier_version_lacked_has_its_default(recorded: Path) -> None:
    with Trace.open(rewritten(recorded, "mark", without="line")) as trace:
        mark = trace.events[-1]
        assert isinstance(mark, Mark)
        assert (mark.name, mark.file, mark.line) == ("here", "p.py", None)
    with Trace.open(rewritten(recorded, "node", without="scope")) as trace:
        assert {node.scope for node in trace.nodes} == {""}


def test_a_column_without_a_default_has_to_be_there(recorded: Path) -> None:
    with pytest.raises(TraceError, match="source of flow is missing"):
        Trace.open(rewritten(recorded, "flow", without="source"))


def chunk_count(path: Path) -> int:
    with sqlite3.connect(path) as database:
        (count,) = database.execute("SELECT count(*) FROM chunk").fetchone()
    database.close()
    return int(count)


@pytest.mark.parametrize("rows", [merge.ROWS, 30])
def test_the_many_commits_of_a_slow_program_are_put_together_when_it_ends(
    tmp_path: Path, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merge, "ROWS", rows)
    with TraceWriter(tmp_path / "t.gradviz") as writer:
        for number in range(100):
            writer.emit(Mark(name=f"mark {number}", line=number))
            writer.flush()
        before = chunk_count(writer.path)
    assert before > 200
    assert chunk_count(writer.path) < 20
    with Trace.open(writer.path) as trace:
        assert [(event.step, event.line) for event in trace.events] == [(n + 1, n) for n in range(100)]
        assert [mark.name for mark in trace.rows(Mark)] == [f"mark {number}" for number in range(100)]


def two_to_one_leaf(path: Path, *events: Event, before: tuple[Event, ...] = ()) -> Path:
    """A leaf that two nodes lead to, each by slot 0, and a backward call from the second one."""
    with TraceWriter(path) as writer:
        writer.add_tensor(np.ones(1))
        writer.add_node(GraphNode(0, "AccumulateGrad", NodeKind.ACCUMULATE_GRAD))
        for source in (1, 2):
            writer.add_node(GraphNode(0, "MulBackward0", NodeKind.FUNCTION))
            writer.add_edge(Edge(source, 0, 0, 0))
        begin = BackwardBegin(call=1, roots=(Root(2, 0, None, 0),), retain_graph=False, create_graph=False)
        for event in (*before, begin, *events):
            writer.emit(event)
    return path


def test_a_gradient_flows_along_an_edge_that_there_is(tmp_path: Path) -> None:
    flow = Flow(call=1, source=1, slot=0, target=0, target_slot=0, gradient=0, total=0)
    with Trace.open(two_to_one_leaf(tmp_path / "sound.gradviz", flow)) as trace:
        assert isinstance(trace.events[-1], Flow)
    for wrong in (replace(flow, slot=1), replace(flow, source=0), replace(flow, target_slot=1), replace(flow, slot=5)):
        with pytest.raises(TraceError, match="no such edge"):
            Trace.open(two_to_one_leaf(tmp_path / "wrong.gradviz", wrong))


def test_nothing_happens_in_a_call_before_it_begins_or_after_it_has_ended(tmp_path: Path) -> None:
    end, later = BackwardEnd(call=1), NodeBegin(call=1, node=2)
    with Trace.open(two_to_one_leaf(tmp_path / "sound.gradviz", later, end)) as trace:
        assert len(trace.events) == 3
    for events in ((end, later), (end, end), (NodeBegin(call=2, node=2),), (BackwardEnd(call=0),)):
        with pytest.raises(TraceError, match="its backward call is not running"):
            Trace.open(two_to_one_leaf(tmp_path / "wrong.gradviz", *events))
    with pytest.raises(TraceError, match="its backward call is not running"):
        Trace.open(two_to_one_leaf(tmp_path / "early.gradviz", before=(later,)))


def test_rows_that_no_column_has_are_not_made_up(recorded: Path) -> None:
    with sqlite3.connect(recorded) as database:
        database.execute("DELETE FROM chunk WHERE stream = 'mark'")
        database.execute(chunks.INSERT, chunks.pack("mark", 0, 2**40, {}))
        database.execute("UPDATE total SET count = ? WHERE stream = 'mark'", (2**40,))
    database.close()
    with pytest.raises(TraceError, match="name of mark is missing"):
        Trace.open(recorded)


def test_half_a_character_is_written_out_also_within_json(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "t.gradviz", half="\ud800", whole="\U0001f600") as writer:
        saved = (Saved("words", None, {"a\udfff": ["b\ud800"]}),)
        writer.add_node(GraphNode(0, "F", NodeKind.FUNCTION, saved=saved, formula=("\ud83d",)))
        writer.emit(Error(type="E", message="", traceback=("line \ud800", "\U0001f600")))
    with Trace.open(tmp_path / "t.gradviz") as trace:
        (error,) = trace.events
        assert isinstance(error, Error)
        assert error.traceback == ("line \\ud800", "\U0001f600")
        assert trace.nodes[0].saved[0].value == {"a\\udfff": ["b\\ud800"]}
        assert trace.nodes[0].formula == ("\\ud83d",)
        assert (trace.meta["half"], trace.meta["whole"]) == ("\\ud800", "\U0001f600")


lists = st.lists(st.integers(0, 12), unique=True, max_size=8)


@given(st.lists(lists, max_size=80))
def test_a_list_comes_back_from_its_changes(wanted: list[list[int]]) -> None:
    differ = Differ(pairs=False)
    now: list[int] = []
    for entries in wanted:
        now = apply(now, differ.next(1, tuple(entries)), pairs=False)
        assert now == entries


@given(st.lists(st.dictionaries(st.integers(0, 12), st.integers(0, 3), max_size=8), max_size=80))
def test_counts_come_back_from_their_changes(wanted: list[dict[int, int]]) -> None:
    differ = Differ(pairs=True)
    now: list[tuple[int, int]] = []
    for counts in wanted:
        pairs = tuple(sorted(counts.items()))
        now = apply(now, differ.next(1, pairs), pairs=True)
        assert now == list(pairs)


def test_what_stays_is_not_told_again() -> None:
    differ = Differ(pairs=False)
    differ.next(1, (5, 4, 3))
    assert differ.next(1, (9, 4, 3)) == Change(False, [5], [(0, 9)])
    assert differ.next(2, (7,)).whole


def test_queues_of_a_recording_are_told_by_what_changed(recorded: Path) -> None:
    with Trace.open(recorded) as trace:
        begins = trace.rows(NodeBegin)
        assert sum(len(event.ready) for event in begins) > 2 * len(trace.columns(NodeBegin).ready_came.entry)
