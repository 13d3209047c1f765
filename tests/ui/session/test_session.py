"""What the session does when the trace, the step or the selection changes."""

from __future__ import annotations

from gradviz.replay.index import index_of
from gradviz.trace.memory import MemoryTrace
from gradviz_ui.session import NOTHING, Selection, Session
from synthetic import training


def test_a_new_trace_starts_with_nothing_selected_and_no_stops_at_nodes(session: Session, basics: MemoryTrace) -> None:
    session.show_trace(basics)
    session.debugging.select(Selection(node=3))
    session.debugging.toggle_breakpoint_node(3)
    session.toggle_breakpoint_line("p.py", 7)
    seen: list[Selection] = []
    session.debugging.trace_changed.connect(lambda: seen.append(session.debugging.selection))
    other = training(nodes=30, calls=1)
    assert other is not None
    session.show_trace(other)
    assert seen == [NOTHING]
    assert session.debugging.selection == NOTHING
    assert not session.debugging.breakpoints.nodes
    assert session.debugging.breakpoints.lines == {("p.py", 7)}


def test_going_to_a_node_goes_round(session: Session, basics: MemoryTrace) -> None:
    session.show_trace(basics, 0)
    node = next(node for node, runs in index_of(basics).runs.items() if len(runs) == 3)
    runs = index_of(basics).runs[node]
    visited = []
    for _ in range(5):
        session.debugging.go_to_node(node)
        visited.append(session.debugging.step)
    assert visited == [*runs, *runs[:2]]
    session.debugging.seek(runs[0])
    session.debugging.go_to_node(node, forward=False)
    assert session.debugging.step == runs[0], "backwards there is nothing before the first"


def test_going_to_a_line_goes_round_too(session: Session, basics: MemoryTrace) -> None:
    session.show_trace(basics, 0)
    (file, line), visits = max(index_of(basics).visits.items(), key=lambda item: len(item[1]))
    visited = []
    for _ in range(len(visits) + 1):
        session.debugging.go_to_line(file, line)
        visited.append(session.debugging.step)
    assert visited == [*visits, visits[0]]
    session.debugging.go_to_line(file, 9999)
    assert session.debugging.step == visited[-1]


def test_steps_stay_within_the_trace(session: Session, basics: MemoryTrace) -> None:
    session.show_trace(basics, 5)
    for wanted, held in ((-3, 0), (10_000, len(basics.events)), (7, 7)):
        session.debugging.seek(wanted)
        assert session.debugging.step == held


def test_selecting_the_same_again_tells_nobody_but_reveals(session: Session, basics: MemoryTrace) -> None:
    session.show_trace(basics)
    told: list[str] = []
    session.debugging.selection_changed.connect(lambda: told.append("selected"))
    session.debugging.reveal_requested.connect(lambda _: told.append("revealed"))
    session.debugging.select(Selection(node=2), reveal=True)
    session.debugging.select(Selection(node=2), reveal=True)
    session.debugging.select(Selection(node=2))
    assert told == ["selected", "revealed", "revealed"]
