"""The parts that all pages of the inspector are put together from: heading, formula, titles, history."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import QModelIndex, QRectF, Qt, Signal, Slot
from PySide6.QtGui import QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QLabel, QTableView, QVBoxLayout, QWidget

from gradviz.plain import clipped
from gradviz.trace.protocol import TraceLike
from gradviz_ui import theme
from gradviz_ui.events.cells import EventCells
from gradviz_ui.events.model import Column, EventModel, Steps
from gradviz_ui.labels import RoleLabel

ROW_HEIGHT = 22
MOST_HISTORY_ROWS = 6
MOST_OF_A_FACT = 300
"""Characters of a name or a scope in the line of facts."""


class Heading(QWidget):
    """A title, and a line of facts: the state in its colour, a link to the program line."""

    line_clicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspector_heading")
        self.title = RoleLabel("text", theme.ui_font(16, QFont.Weight.DemiBold))
        self.title.setObjectName("inspector_title")
        self.facts = RoleLabel("muted", theme.mono_font(12))
        self.facts.setObjectName("inspector_facts")
        self.facts.setTextFormat(Qt.TextFormat.RichText)
        self.facts.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.LinksAccessibleByMouse
            | Qt.TextInteractionFlag.LinksAccessibleByKeyboard
        )
        self.facts.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.facts.setAccessibleName(self.tr("Facts, with a link to the program line"))
        self.facts.linkActivated.connect(self._follow)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.title)
        layout.addWidget(self.facts)

    def show_heading(
        self, title: str, facts: list[str], line: int | None = None, state: str = "", role: str = "muted"
    ) -> None:
        """Show these, joined by dots; ``line`` becomes a link, ``state`` has the colour of ``role``."""
        self.title.setText(title)
        parts = [escape(clipped(fact, MOST_OF_A_FACT)) for fact in facts if fact]
        if line is not None:
            text = self.tr("line {n}").replace("{n}", str(line))
            parts.append(f'<a href="#line" style="text-decoration: none">{escape(text)}</a>')
        if state:
            parts.append(f'<span style="color: {getattr(theme.current(), role).name()}">{escape(state)}</span>')
        self.facts.setText(" · ".join(parts))

    @Slot(str)
    def _follow(self, link: str) -> None:
        self.line_clicked.emit()


class Formula(RoleLabel):
    """Formulas in a rounded box, one a line."""

    def __init__(self) -> None:
        super().__init__("text", theme.mono_font(12))
        self.setObjectName("inspector_formula")
        self.setContentsMargins(12, 7, 12, 7)

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(colours.border, 1))
        painter.setBrush(colours.raised)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        painter.end()
        super().paintEvent(event)


def section_title(text: str) -> QLabel:
    """The heading of a section."""
    label = RoleLabel("text", theme.ui_font(13, QFont.Weight.DemiBold))
    label.setText(text)
    return label


class History(QTableView):
    """The events that touched something; a click or Return goes to one."""

    step_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspector_history")
        self.setAccessibleName(self.tr("Events that touched this"))
        self._model = EventModel(self)
        self.setModel(self._model)
        for column in (Column.KIND, Column.LINE):
            self.setColumnHidden(column, True)
        self.horizontalHeader().hide()
        self.verticalHeader().hide()
        self.horizontalHeader().setSectionResizeMode(Column.DESCRIPTION, QHeaderView.ResizeMode.Stretch)
        self.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setItemDelegate(EventCells(self))
        self.setFont(theme.ui_font(12))
        self.setMouseTracking(True)
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.clicked.connect(self._choose)
        self.activated.connect(self._choose)
        theme.themes().changed.connect(self.viewport().update)

    @property
    def steps(self) -> Steps:
        """The steps listed."""
        return self._model.steps

    def show_steps(self, trace: TraceLike, steps: Steps) -> None:
        """List the events of ``steps``."""
        self._model.show_steps(trace, steps)
        self.setFixedHeight(ROW_HEIGHT * min(max(len(steps), 1), MOST_HISTORY_ROWS) + 2)
        widest = str(steps[-1]) if len(steps) else ""
        self.setColumnWidth(Column.STEP, self.fontMetrics().horizontalAdvance(widest) + 22)

    def show_current(self, step: int) -> None:
        """Mark the event of the current step, and keep it, or the last one before it, in sight."""
        self._model.set_current(step)
        row = self._model.row_before(step)
        if row is not None:
            self.scrollTo(self._model.index(row, Column.DESCRIPTION))
        else:
            self.scrollToTop()

    @Slot(QModelIndex)
    def _choose(self, index: QModelIndex) -> None:
        self.step_chosen.emit(self._model.step_of(index.row()))
