"""Labels show what a trace says: all of what a person reads, and no more than a window can lay out."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from gradviz_ui.inspector.sections import Formula, Heading
from gradviz_ui.labels import MOST_SHOWN, RoleLabel


@pytest.mark.parametrize("made", [RoleLabel, Formula])
@pytest.mark.parametrize("text", ["x" * 10_000, "line\n" * 2_000, "w " * 3_000])
def test_a_text_that_nobody_reads_is_cut(qtbot: QtBot, made: type[RoleLabel], text: str) -> None:
    label = made()
    qtbot.addWidget(label)
    label.setText(text)
    assert label.text() == text[: MOST_SHOWN - 1] + "…"


def test_a_text_of_a_usual_length_is_shown_whole(qtbot: QtBot) -> None:
    label = RoleLabel()
    qtbot.addWidget(label)
    label.setText("y" * MOST_SHOWN)
    assert label.text() == "y" * MOST_SHOWN


def test_a_heading_of_endless_texts_stays_small_and_keeps_its_link(qtbot: QtBot) -> None:
    heading = Heading()
    qtbot.addWidget(heading)
    heading.show_heading("x" * 10_000, ["<b>" * 5_000, "scope" * 5_000], 3, "done", "done")
    assert len(heading.title.text()) == MOST_SHOWN
    assert len(heading.facts.text()) < 3_000
    assert heading.facts.text().count("<a href=") == 1
    assert "<b>" not in heading.facts.text()
