"""The gradients table: its rows at a step, sorting, and the selection it shares with the rest."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QFontMetricsF
from pytestqt.qtbot import QtBot

from gradviz.trace.events import Accumulate
from gradviz.trace.memory import MemoryTrace, TraceBuilder
from gradviz_ui import theme
from gradviz_ui.inspector.gradient_model import SHARE_ROLE, Column
from gradviz_ui.inspector.gradients import LEAST_BAR, GradientsPanel
from gradviz_ui.session import Selection, Session
from synthetic import Scribe, training


@pytest.fixture
def panel(session: Session, basics: MemoryTrace, qtbot: QtBot) -> GradientsPanel:
    made = GradientsPanel(session.debugging)
    qtbot.addWidget(made)
    made.resize(372, 200)
    session.show_trace(basics)
    made.show()
    return made


def rows(panel: GradientsPanel) -> list[tuple[str, str, str, str]]:
    model = panel.model
    columns = (Column.NAME, Column.SHAPE, Column.NORM, Column.SUMS)
    found = [tuple(model.index(row, column).data() for column in columns) for row in range(model.rowCount())]
    return [(str(a), str(b), str(c), str(d)) for a, b, c, d in found]


def sums(trace: MemoryTrace) -> list[int]:
    return [event.step for event in trace.events if isinstance(event, Accumulate)]


def test_before_the_first_gradient(panel: GradientsPanel, session: Session) -> None:
    session.debugging.seek(0)
    assert rows(panel) == [("w", "(5, 3)", "–", ""), ("b", "(3,)", "–", ""), ("inp", "(4, 5)", "–", "")]


def test_at_the_second_sum(panel: GradientsPanel, session: Session, basics: MemoryTrace) -> None:
    session.debugging.seek(sums(basics)[3])
    assert rows(panel)[2] == ("inp", "(4, 5)", "22.63", "×2")
    assert [row[3] for row in rows(panel)] == ["+1", "+1", "×2"]
    colour = panel.model.index(2, Column.SUMS).data(Qt.ItemDataRole.ForegroundRole)
    assert colour == theme.current().running
    shares = [panel.model.index(row, Column.BAR).data(SHARE_ROLE) for row in range(3)]
    assert shares[2] == 1.0
    assert 0 < shares[1] < shares[0] < 0.1


def test_any_way_to_a_step_shows_the_same(panel: GradientsPanel, session: Session, basics: MemoryTrace) -> None:
    seen = {}
    for step in range(len(basics.events) + 1):
        session.debugging.seek(step)
        seen[step] = rows(panel)
    for step in np.random.default_rng(0).permutation(len(basics.events) + 1):
        session.debugging.seek(int(step))
        assert rows(panel) == seen[int(step)]


def test_sorting_by_norm_follows_the_steps(panel: GradientsPanel, session: Session, basics: MemoryTrace) -> None:
    session.debugging.seek(sums(basics)[1])
    panel.table.sortByColumn(Column.NORM, Qt.SortOrder.DescendingOrder)
    assert [row[0] for row in rows(panel)] == ["w", "b", "inp"]
    session.debugging.seek(sums(basics)[3])
    assert [row[0] for row in rows(panel)] == ["inp", "w", "b"]
    panel.table.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
    assert [row[0] for row in rows(panel)] == ["w", "b", "inp"]


def test_a_click_selects_the_leaf_for_everyone(panel: GradientsPanel, session: Session, qtbot: QtBot) -> None:
    row = panel.table.visualRect(panel.model.index(1, Column.NAME))
    with qtbot.waitSignal(session.debugging.reveal_requested):
        qtbot.mouseClick(panel.table.viewport(), Qt.MouseButton.LeftButton, pos=row.center())
    assert session.debugging.selection == Selection(node=panel.model.leaf_at(1))


def test_the_selection_of_others_is_shown(panel: GradientsPanel, session: Session, basics: MemoryTrace) -> None:
    session.debugging.select(Selection(node=basics.leaves[2]))
    assert [index.row() for index in panel.table.selectionModel().selectedRows()] == [2]
    session.debugging.select(Selection(node=next(n.id for n in basics.nodes if n.id not in basics.leaves)))
    assert not panel.table.selectionModel().hasSelection()


def test_return_goes_to_the_leafs_next_run(panel: GradientsPanel, session: Session, qtbot: QtBot) -> None:
    session.debugging.seek(0)
    panel.table.selectRow(2)
    panel.table.setFocus()
    qtbot.keyClick(panel.table, Qt.Key.Key_Return)
    assert session.debugging.step > 0
    assert session.debugging.playhead is not None
    assert session.debugging.playhead.event is not None
    assert session.debugging.playhead.event.node == panel.model.leaf_at(2)  # type: ignore[attr-defined]


def test_a_gradient_that_is_not_finite_is_red(panel: GradientsPanel, session: Session) -> None:
    builder = TraceBuilder()
    scribe = Scribe(builder, "p.py")
    leaf = scribe.parameter("x", (2,))
    scribe.backward(leaf, np.array([1, np.nan], np.float32), {}, line=1)
    session.show_trace(builder.finish(), step=3)
    assert rows(panel) == [("x", "(2,)", "nan", "+1")]
    assert panel.model.index(0, Column.NORM).data(Qt.ItemDataRole.ForegroundRole) == theme.current().error


def test_among_thousands_of_leaves_only_steps_that_change_a_gradient_touch_rows(
    panel: GradientsPanel, session: Session
) -> None:
    trace = training(nodes=9000, calls=2, leaves=3000)
    assert trace is not None
    session.show_trace(trace)
    assert panel.model.rowCount() == 3000
    first = sums(trace)[0]
    session.debugging.seek(first - 1)
    touched: list[int] = []
    panel.model.dataChanged.connect(lambda top, bottom: touched.append(session.debugging.step))
    for step in range(first, first + 40):
        session.debugging.seek(step)
    assert touched
    assert set(touched) <= {event.step for event in trace.events if isinstance(event, Accumulate)}


@pytest.mark.parametrize("name", ["w", "weight_ih_l0", "encoder.layers.11.self_attn.in_proj_weight"])
@pytest.mark.parametrize("width", [300, 372, 600])
def test_nothing_is_elided_while_there_is_room(panel: GradientsPanel, session: Session, name: str, width: int) -> None:
    builder = TraceBuilder()
    scribe = Scribe(builder, "p.py")
    leaf = scribe.parameter(name, (128, 64))
    scribe.backward(leaf, np.ones((128, 64), np.float32), {}, line=1)
    panel.resize(width, 200)
    session.show_trace(builder.finish())
    session.debugging.seek(session.debugging.last_step)
    table, metrics = panel.table, QFontMetricsF(theme.mono_font(12, QFont.Weight.Bold))
    room = table.columnWidth(Column.BAR)
    for column in (Column.NAME, Column.SHAPE, Column.NORM, Column.SUMS):
        needed = metrics.horizontalAdvance(panel.model.index(0, column).data()) + 16
        assert table.columnWidth(column) >= needed or room <= LEAST_BAR, (column, table.columnWidth(column), needed)
    total = sum(table.columnWidth(column) for column in Column)
    assert total <= table.viewport().width() or table.columnWidth(Column.NAME) <= 90
