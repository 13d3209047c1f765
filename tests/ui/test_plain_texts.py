"""Names like ``<img src=...>`` all over a trace: nothing in the window reads them as HTML."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from html import escape

import pytest
from PySide6.QtCore import QAbstractItemModel, QAbstractListModel, QEvent, QModelIndex, QPoint
from PySide6.QtGui import QHelpEvent, Qt, QTextDocument
from PySide6.QtWidgets import QAbstractItemView, QApplication, QLabel, QMessageBox, QToolTip, QWidget
from pytestqt.qtbot import QtBot

from altered import altered
from gradviz.trace.events import Error, Event, Mark, Output, Warned
from gradviz.trace.memory import MemoryTrace
from gradviz.trace.model import Cell
from gradviz_ui.crash import CrashReporter
from gradviz_ui.plain import plain_box, tip, window_title
from gradviz_ui.program.document import Document
from gradviz_ui.session import Selection
from gradviz_ui.window.main_window import MainWindow
from gradviz_ui.window.menus import fill_recent

NAME = "<img src='/nowhere.png'><b>x&amp;&y</b>"
MARGIN = "<p style='white-space: pre-wrap'>"


@pytest.fixture
def hostile(basics: MemoryTrace) -> MemoryTrace:
    """The basics trace with ``NAME`` wherever a trace holds a text."""
    nodes = [
        replace(
            node, name=NAME, label=NAME, scope=NAME, file=NAME, formula=(NAME,) * len(node.formula),
            saved=tuple(replace(saved, name=NAME) for saved in node.saved),
        )
        for node in basics.nodes
    ]  # fmt: skip
    values = [replace(value, label=NAME) for value in basics.values]
    texts = ("name", "cause", "error")
    events: list[Event] = [
        replace(event, file=NAME, **{field: NAME for field in texts if getattr(event, field, None)})
        for event in basics.events
    ]
    extra = [
        Output(text=NAME),
        Warned(message=NAME),
        Mark(name=NAME),
        Error(type=NAME, message=NAME, line=3, file=NAME),
    ]
    sources = [replace(basics.sources[0], file=NAME, cells=(Cell(NAME, 1), Cell(NAME, 9)))]
    return altered(
        basics, nodes=nodes, values=values, events=[*events, *extra], sources=sources, program=NAME, backend=NAME
    )


@pytest.fixture
def shown(window: MainWindow, hostile: MemoryTrace) -> MainWindow:
    for dock in window.docks.values():
        dock.show()
    window.session.show_document(Document.from_source(hostile.sources[0]))
    window.session.show_trace(hostile)
    return window


def is_plain(text: str) -> bool:
    """Would Qt show ``text`` as it is written, or is it written so that HTML shows it?"""
    return not Qt.mightBeRichText(text) or (text.startswith(MARGIN) and "<" not in text.removeprefix(MARGIN)[:-4])


def tips_of(model: QAbstractItemModel, parent: QModelIndex) -> Iterator[str]:
    for row in range(model.rowCount(parent)):
        for column in range(1 if isinstance(model, QAbstractListModel) else model.columnCount(parent)):
            index = model.index(row, column, parent)
            yield from (
                str(model.data(index, role) or "")
                for role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.StatusTipRole)
            )
            yield from tips_of(model, index)


def guessed(window: QWidget) -> list[str]:
    """Where in the window Qt would read a text as HTML."""
    found = [widget.objectName() for widget in window.findChildren(QWidget) if not is_plain(widget.toolTip())]
    for label in window.findChildren(QLabel):
        rich = label.textFormat() == Qt.TextFormat.RichText and "<img" not in label.text()
        if not rich and label.textFormat() != Qt.TextFormat.PlainText and label.text():
            found.append(label.objectName())
    for view in window.findChildren(QAbstractItemView):
        if view.model() is not None and not all(map(is_plain, tips_of(view.model(), QModelIndex()))):
            found.append(view.objectName())
    return found


def test_nothing_guesses_at_any_step(shown: MainWindow) -> None:
    session = shown.session
    assert session.debugging.trace is not None
    for step in range(0, session.debugging.last_step + 1, 3):
        session.debugging.seek(step)
        session.debugging.select(Selection(node=step % len(session.debugging.trace.nodes)))
        QApplication.processEvents()
    session.debugging.select(Selection(edge=0))
    session.debugging.seek(session.debugging.last_step)
    shown.palette_box.enter()
    QApplication.processEvents()
    assert guessed(shown) == []


@pytest.mark.parametrize("name", ["canvas", "timeline", "inspector", "events", "gradients"])
def test_tooltips_are_plain_wherever_the_pointer_rests(shown: MainWindow, name: str, qtbot: QtBot) -> None:
    panel = shown.canvas if name == "canvas" else shown.docks[name].widget()
    assert panel is not None
    if name != "canvas":
        shown.docks[name].reveal()
    shown.session.debugging.seek(40)
    told = []
    for widget in [panel, *panel.findChildren(QWidget)]:
        for x in range(5, max(widget.width(), 6), 60):
            for y in range(5, max(widget.height(), 6), 40):
                point = QPoint(x, y)
                QApplication.sendEvent(widget, QHelpEvent(QEvent.Type.ToolTip, point, widget.mapToGlobal(point)))
                told.append(QToolTip.text())
    QToolTip.hideText()
    assert [text for text in told if not is_plain(text)] == []
    assert escape("<img") in "".join(told) or name == "inspector"


@pytest.mark.parametrize("text", [NAME, "<b>x", "a\n<b>", "x < y > z", "w <lambda> f", "&lt;", "plain\n  lines"])
def test_a_tip_shows_what_is_written(text: str, qtbot: QtBot) -> None:
    label = QLabel(tip(text))
    qtbot.addWidget(label)
    assert label.textFormat() == Qt.TextFormat.AutoText  # as a tooltip's
    document = QTextDocument()
    shows_html = Qt.mightBeRichText(label.text())  # what such a label asks, too
    (document.setHtml if shows_html else document.setPlainText)(label.text())
    assert document.toPlainText() == text


def test_a_tip_ends() -> None:
    assert len(tip("x" * 10_000_000)) < 2000
    assert tip("line\n" * 1000).count("\n") < 40


def test_boxes_show_what_is_written(qtbot: QtBot) -> None:
    box = plain_box(None)
    qtbot.addWidget(box)
    box.setText(NAME)
    box.setInformativeText(NAME)
    labels = [label for label in box.findChildren(QLabel) if label.text()]
    assert [label.textFormat() for label in labels] == [Qt.TextFormat.PlainText] * 2


def test_the_report_of_a_fault_shows_what_is_written(qtbot: QtBot) -> None:
    reporter = CrashReporter()
    reporter._caught.emit(f"Traceback\nValueError: {NAME}")
    qtbot.waitUntil(lambda: any(isinstance(widget, QMessageBox) for widget in QApplication.topLevelWidgets()))
    (box,) = (widget for widget in QApplication.topLevelWidgets() if isinstance(widget, QMessageBox))
    assert guessed(box) == []
    box.close()


def test_titles_and_menus_take_names_as_they_are(shown: MainWindow) -> None:
    assert window_title("a[*]b\nc") == r"a[*][*]b\nc"
    fill_recent(shown.recent_menu, ["/tmp/R&D\n.py"], print)
    assert [action.text() for action in shown.recent_menu.actions()] == [r"&1  /tmp/R&&D\n.py"]
