"""What the inspector shows of a leaf, of another node, and of an edge: one page each."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from gradviz.replay import Playhead
from gradviz.replay.adjacency import adjacency_of
from gradviz.trace.events import Accumulate, Event, GradWrite, ValueWrite
from gradviz.trace.model import NodeId, Saved, TensorId
from gradviz.trace.numbers import number_text
from gradviz.trace.protocol import TraceLike
from gradviz_ui import theme
from gradviz_ui.inspector import facts
from gradviz_ui.inspector.distribution import Distribution
from gradviz_ui.inspector.sections import Formula, History, section_title
from gradviz_ui.inspector.tensor_maps import Shown, TensorMaps
from gradviz_ui.inspector.tensor_row import TensorRow
from gradviz_ui.inspector.why import Why
from gradviz_ui.labels import RoleLabel, Rule
from gradviz_ui.wording import leaf_text, node_text

MOST_ROWS = 16
"""Tensors listed in one section; a `cat` may have thousands, and the canvas shows those."""

LONGEST_VALUE = 60
"""Characters of a saved value (a shape, a list of indices) that are shown."""


class Page(QWidget):
    """Sections one below the other, and the signals that the panel passes on to the session."""

    step_chosen = Signal(int)
    enlarge_requested = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.formula = Formula()
        self.history = History()
        self.history.step_chosen.connect(self.step_chosen)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(10)
        self._subject: tuple[TraceLike, int] | None = None

    def _is_new(self, trace: TraceLike, subject: int) -> bool:
        """Is this another node, leaf or edge than the one shown so far?"""
        shown, self._subject = self._subject, (trace, subject)
        return shown is None or shown[0] is not trace or shown[1] != subject

    def _add(self, *widgets: QWidget) -> None:
        for widget in widgets:
            self._layout.addWidget(widget)

    def _maps(self, name: str) -> TensorMaps:
        maps = TensorMaps()
        maps.setObjectName(name)
        maps.enlarge_requested.connect(self.enlarge_requested)
        return maps


class LeafPage(Page):
    """``before + incoming = after``, why an element is what it is, its distribution and its history."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("leaf_page")
        self.maps = self._maps("sum_maps")
        self.maps.element_changed.connect(self._explain)
        self.why = Why()
        self.distribution = Distribution()
        self.distribution.setObjectName("distribution")
        self.distribution.setAccessibleName(self.tr("Distribution of the numbers"))
        self.value = TensorRow()
        self.value.setObjectName("leaf_value")
        self.value.enlarge_requested.connect(self.enlarge_requested)
        self._why_rule, self._distribution_rule = Rule(), Rule()
        self._distribution_title = section_title(self.tr("Distribution"))
        self._add(self.formula, self.maps, self._why_rule, self.why, self._distribution_rule)
        self._add(self._distribution_title, self.distribution, Rule(), self.value, Rule())
        self._add(section_title(self.tr("Events of this leaf")), self.history)
        self._trace: TraceLike | None = None
        self._event: Event | None = None

    def show_leaf(self, playhead: Playhead, leaf: NodeId) -> None:
        """Show the leaf at the playhead's step: its gradient, or its value in the moment it is written."""
        trace, now = playhead.trace, playhead.event
        if self._is_new(trace, leaf):
            self.maps.maps.choose_anew()
            self.history.show_steps(trace, facts.leaf_steps(trace, leaf))
        self._trace, state = trace, playhead.leaf(leaf)
        written = now if isinstance(now, ValueWrite) and now.leaf == leaf else None
        self._event = written or state.last
        self.formula.setText(_rule(leaf_text(trace, leaf), self._event))
        self.maps.setVisible(self._event is not None)
        self.maps.show_tensors(trace, self._terms())
        self._explain()
        self.distribution.show_content(self.maps.contents[-1] if self.maps.contents else None)
        for widget in (self._distribution_rule, self._distribution_title):
            widget.setVisible(self.distribution.histogram is not None)
        self.value.show_tensor(trace, self.tr("value"), playhead.value(leaf), self.tr("not recorded"))
        self.history.show_current(playhead.step)

    def _terms(self) -> list[Shown]:
        before, after, none = self.tr("before"), self.tr("after"), "None"
        match self._event:
            case Accumulate() as event:
                return [
                    Shown(before, event.before, gap=none),
                    Shown(self.tr("incoming"), event.incoming, "+"),
                    Shown(after, event.after, "=", emphasised=True),
                ]
            case GradWrite() | ValueWrite() as event:
                return [
                    Shown(before, event.before, gap=none),
                    Shown(after, event.after, "→", none, emphasised=True),
                ]
            case _:
                return []

    @Slot()
    def _explain(self) -> None:
        if self._trace is not None:
            accumulate = self._event if isinstance(self._event, Accumulate) else None
            self.why.explain(self._trace, accumulate, self.maps.index)
        self._why_rule.setVisible(not self.why.isHidden())


def _rule(name: str, event: Event | None) -> str:
    """What an event does to a leaf, as a line of program."""
    match event:
        case Accumulate(mode="added"):
            return f"{name}.grad  ←  {name}.grad + incoming"
        case Accumulate():
            return f"{name}.grad  ←  incoming"
        case GradWrite(cause=cause):
            return f"{name}.grad  ←  {cause}"
        case ValueWrite(cause=cause):
            return f"{name}  ←  {cause}"
        case _:
            return f"{name}.grad  =  None"


class NodePage(Page):
    """A function node: formulas, gradients in and out, what it saved, and when it ran."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("node_page")
        self.received = TensorList(self.tr("Gradient in"))
        self.sent = TensorList(self.tr("Gradients out"))
        self.saved = TensorList(self.tr("Saved for backward"))
        self.value = TensorList(self.tr("Forward result"))
        self._add(self.formula)
        for section in (self.received, self.sent, self.saved, self.value):
            section.enlarge_requested.connect(self.enlarge_requested)
            self._add(section)
        self._add(Rule(), section_title(self.tr("Events of this node")), self.history)

    def show_node(self, playhead: Playhead, node: NodeId) -> None:
        """Show the node at the playhead's step."""
        trace, found = playhead.trace, playhead.trace.nodes[node]
        edges = adjacency_of(trace).out(node)
        targets = {trace.edges[edge].slot: node_text(trace, trace.edges[edge].target) for edge in edges}
        lines = [
            f"{targets[slot]}  ←  {text}" if slot in targets else text
            for slot, text in enumerate(found.formula)
            if text
        ]
        self.formula.show_text("\n".join(lines[:MOST_ROWS]))
        gradients = playhead.node_gradients(node)
        self.received.show_rows(
            playhead,
            [(f"grad{_slot(slot, gradients)}", tensor, "–") for slot, tensor in enumerate(gradients)],
        )
        sent = [(edge, playhead.edge_gradient(edge)) for edge in edges[: MOST_ROWS + 1]]
        self.sent.show_rows(
            playhead,
            [(f"→ {targets[trace.edges[edge].slot]}", tensor, self.tr("not yet")) for edge, tensor in sent],
            len(edges),
        )
        self.saved.show_rows(playhead, [(saved.name, saved.tensor, _saved_text(saved)) for saved in found.saved])
        value = playhead.value(node)
        self.value.show_rows(playhead, [] if value is None else [(self.tr("result"), value, "")])
        if self._is_new(trace, node):
            self.received.open_first()
            self.history.show_steps(trace, facts.node_steps(trace, node))
        self.history.show_current(playhead.step)


class EdgePage(Page):
    """An edge: the gradient that went along it and what the target's buffer then held."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("edge_page")
        self.maps = self._maps("edge_maps")
        self._add(self.formula, self.maps, Rule(), section_title(self.tr("Events of this edge")), self.history)

    def show_edge(self, playhead: Playhead, edge: int) -> None:
        """Show the edge at the playhead's step."""
        trace, found = playhead.trace, playhead.trace.edges[edge]
        formula = trace.nodes[found.source].formula
        text = formula[found.slot] if found.slot < len(formula) else ""
        self.formula.show_text(f"gradient  =  {text}" if text else "")
        gradient, total = playhead.edge_gradient(edge), playhead.buffer(found.target, found.target_slot)
        shown = [Shown(self.tr("gradient"), gradient, gap=self.tr("not yet"))]
        if total is not None:
            shown.append(Shown(self.tr("sum in the buffer"), total, "→", emphasised=total != gradient))
        self.maps.show_tensors(trace, shown)
        if self._is_new(trace, edge):
            self.history.show_steps(trace, facts.edge_steps(trace, edge))
        self.history.show_current(playhead.step)


class TensorList(QWidget):
    """A titled list of tensors that open one by one. Rows are kept and used again."""

    enlarge_requested = Signal(int)

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tensor_list")
        self._rows: list[TensorRow] = []
        self._more = RoleLabel("muted", theme.ui_font(12))
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 4, 0, 0)
        self._layout.setSpacing(2)
        self._layout.addWidget(Rule())
        self._layout.addSpacing(6)
        self._layout.addWidget(section_title(title))
        self._layout.addWidget(self._more)

    @property
    def rows(self) -> list[TensorRow]:
        """The rows in use."""
        return [row for row in self._rows if not row.isHidden()]

    def show_rows(
        self, playhead: Playhead, rows: list[tuple[str, TensorId | None, str]], count: int | None = None
    ) -> None:
        """Show (name, tensor, what to write where there is none); ``count`` of them in all."""
        self.setVisible(bool(rows))
        shown = rows[:MOST_ROWS]
        while len(self._rows) < len(shown):
            row = TensorRow()
            row.setObjectName("tensor_row")
            row.enlarge_requested.connect(self.enlarge_requested)
            self._layout.insertWidget(self._layout.count() - 1, row)
            self._rows.append(row)
        for row, line in zip(self._rows, shown, strict=False):
            row.show_tensor(playhead.trace, *line)
        for number, row in enumerate(self._rows):
            row.setVisible(number < len(shown))
        left = (len(rows) if count is None else count) - len(shown)
        self._more.show_text(self.tr("and {n} more").replace("{n}", str(left)) if left > 0 else "")

    def open_first(self) -> None:
        """Open the first row, close the others."""
        for number, row in enumerate(self._rows):
            row.button.setChecked(False)
            if number == 0 and not row.isHidden():
                row.open()


def _slot(slot: int, gradients: tuple[TensorId | None, ...]) -> str:
    return f"[{slot}]" if len(gradients) > 1 else ""


def _saved_text(saved: Saved) -> str:
    value = saved.value
    text = number_text(value) if isinstance(value, float) else str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"
