"""The errors and warnings of a recording, and where NaN and infinities come from, each with its line."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from gradviz.replay.problems import Problem, problems
from gradviz.trace.protocol import TraceLike
from gradviz_ui import icons, theme
from gradviz_ui.session import NOTHING, Debugging, Selection
from gradviz_ui.wording import problem_line, problem_text

READ_AT_ONCE = 4000
"""Events of a trace that is searched without leaving the window's thread, which spares a flicker."""

_PROBLEM = Qt.ItemDataRole.UserRole


class ProblemsPanel(QWidget):
    """A list; activating a row goes to that step, selects the place and shows its line."""

    count_changed = Signal(int)

    def __init__(self, debugging: Debugging, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("problems_panel")
        self.debugging = debugging
        self.count = 0
        self._found: list[Problem] = []
        self._searching: int | None = None
        self.list = QListWidget(self)
        self.list.setObjectName("problems_list")
        self.list.setAccessibleName(self.tr("Problems"))
        self.list.setWordWrap(True)
        self.list.setTextElideMode(Qt.TextElideMode.ElideNone)
        self.list.itemActivated.connect(self._activated)
        self.list.itemClicked.connect(self._activated)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 2, 0, 4)
        layout.addWidget(self.list)
        debugging.trace_changed.connect(self._take_trace)
        theme.themes().changed.connect(self._fill)
        self._take_trace()

    @Slot()
    def _take_trace(self) -> None:
        """Search the trace, a long one on another thread."""
        self.debugging.background.forget(self._searching)
        self._searching = None
        trace = self.debugging.trace
        self._found = []
        if trace is not None and len(trace.events) > READ_AT_ONCE:
            done = partial(self._have_searched, trace)
            self._searching = self.debugging.background.run(partial(problems, trace), done, self._not_searched)
        elif trace is not None:
            self._found = problems(trace)
        self._fill()

    def _have_searched(self, trace: TraceLike, found: list[Problem]) -> None:
        self._searching = None
        if trace is self.debugging.trace:
            self._found = found
            self._fill()

    def _not_searched(self, error: Exception) -> None:
        self._searching = None
        raise error

    @Slot()
    def _fill(self) -> None:
        self.list.clear()
        trace = self.debugging.trace
        for problem in self._found if trace is not None else ():
            assert trace is not None
            self.list.addItem(self._item(trace, problem))
        if not self._found:
            text = self.tr("No problems") if self._searching is None else self.tr("Looking for problems…")
            item = QListWidgetItem(text, self.list)
            item.setForeground(theme.current().muted)
            item.setFlags(Qt.ItemFlag.NoItemFlags)
        self.count = len(self._found)
        self.count_changed.emit(self.count)

    def _item(self, trace: TraceLike, problem: Problem) -> QListWidgetItem:
        colors, text, line = theme.current(), problem_text(trace, problem), problem_line(trace, problem)
        if line is not None:
            place = self.tr("line {line}").replace("{line}", str(line[1]))
            text = f"{place}: {text}"
        mild = problem.kind == "warning"
        icon = icons.icon("warning", colors.accent) if mild else icons.icon("error", colors.error)
        item = QListWidgetItem(icon, text)
        item.setData(_PROBLEM, problem)
        return item

    @Slot(QListWidgetItem)
    def _activated(self, item: QListWidgetItem) -> None:
        problem, trace = item.data(_PROBLEM), self.debugging.trace
        if not isinstance(problem, Problem) or trace is None:
            return
        self.debugging.seek(problem.step)
        place = Selection(edge=problem.edge) if problem.edge is not None else Selection(problem.node)
        if place != NOTHING:
            self.debugging.select(place, reveal=True)
        line = problem_line(trace, problem)
        if line is not None:
            self.debugging.show_line(*line)
