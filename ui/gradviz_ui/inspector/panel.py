"""The inspector: everything about the selected node, leaf or edge, or about the node that runs."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QEvent, Qt, Slot
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from gradviz.replay import NodeState, Playhead
from gradviz.replay.adjacency import adjacency_of
from gradviz.trace.model import NodeId, NodeKind
from gradviz.trace.numbers import shape_text
from gradviz_ui import theme
from gradviz_ui.counting import counted
from gradviz_ui.inspector import facts
from gradviz_ui.inspector.sections import Heading
from gradviz_ui.labels import RoleLabel
from gradviz_ui.session import Debugging
from gradviz_ui.sight import DrawnInSight
from gradviz_ui.wording import edge_text, state_text

if TYPE_CHECKING:
    from gradviz_ui.inspector.pages import EdgePage, LeafPage, NodePage, Page

AnyPage = TypeVar("AnyPage", bound="Page")

STATE_ROLES = {
    NodeState.IDLE: "muted",
    NodeState.READY: "ready",
    NodeState.RUNNING: "running",
    NodeState.DONE: "done",
    NodeState.FREED: "muted",
    NodeState.RAISED: "error",
}


class InspectorPanel(DrawnInSight):
    """Follows the selection, or the running node where there is none. Draws only while it can be seen."""

    def __init__(self, debugging: Debugging, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._debugging = debugging
        self._line: tuple[str, int] | None = None
        self.setObjectName("inspector_panel")
        self.setAccessibleName(self.tr("Inspector"))
        self.heading = Heading()
        self.heading.line_clicked.connect(self._show_line)
        self.hint = RoleLabel("muted")
        self.hint.setObjectName("inspector_hint")
        self.hint.setText(self.tr("Step through a recording, or click a node, to see its gradients here."))
        self._pages: list[Page] = []
        self._body = body = QWidget()
        body.setObjectName("inspector_body")
        layout = QVBoxLayout(body)
        layout.setContentsMargins(18, 14, 18, 18)
        layout.setSpacing(12)
        layout.addWidget(self.hint)
        layout.addWidget(self.heading)
        layout.addStretch(1)
        self._layout = layout
        self._scroll = QScrollArea()
        self._scroll.setObjectName("inspector_scroll")
        self._scroll.setAccessibleName(self.tr("Inspector"))
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(body)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._scroll)
        debugging.trace_changed.connect(self._begin_at_the_top)
        debugging.step_changed.connect(self.refresh)
        debugging.selection_changed.connect(self._begin_at_the_top)
        theme.themes().changed.connect(self._recolour)
        theme.themes().changed.connect(self.refresh)
        self._recolour()
        self.refresh()

    # Pages are made when they are first needed: none of them is on the screen when the window opens.

    @cached_property
    def leaf_page(self) -> LeafPage:
        """Tells of a leaf."""
        from gradviz_ui.inspector.pages import LeafPage

        return self._added(LeafPage())

    @cached_property
    def node_page(self) -> NodePage:
        """Tells of a function's node."""
        from gradviz_ui.inspector.pages import NodePage

        return self._added(NodePage())

    @cached_property
    def edge_page(self) -> EdgePage:
        """Tells of an edge."""
        from gradviz_ui.inspector.pages import EdgePage

        return self._added(EdgePage())

    def _added(self, page: AnyPage) -> AnyPage:
        page.step_chosen.connect(self._debugging.seek)
        page.enlarge_requested.connect(self._enlarge)
        page.hide()
        self._layout.insertWidget(self._layout.count() - 1, page)
        self._pages.append(page)
        return page

    @Slot()
    def _begin_at_the_top(self) -> None:
        """Something else is shown: whoever reads on starts where it starts."""
        self._scroll.verticalScrollBar().setValue(0)
        self.refresh()

    def draw(self) -> None:
        """Show the page of what is selected, or else of the node that runs."""
        playhead, selection = self._debugging.playhead, self._debugging.selection
        node = selection.node
        if playhead is not None and node is None and selection.edge is None:
            node = facts.followed_node(playhead)
        shown: Page | None = None
        if playhead is not None and selection.edge is not None:
            shown = self._draw_edge(playhead, selection.edge)
        elif playhead is not None and node is not None:
            shown = self._draw_node(playhead, node)
        self.hint.setVisible(shown is None)
        self.heading.setVisible(shown is not None)
        for page in self._pages:
            page.setVisible(page is shown)

    def _draw_node(self, playhead: Playhead, node: NodeId) -> Page:
        found = playhead.trace.nodes[node]
        leaf = found.kind is NodeKind.ACCUMULATE_GRAD
        shape = f"{shape_text(found.shape)} {found.dtype or ''}".strip()
        self._line = (found.file, found.line) if found.file and found.line else None
        named = [found.label or "", self.tr("leaf {shape}").replace("{shape}", shape) if leaf else shape]
        self.heading.show_heading(found.name, [*named, found.scope], found.line, *self._state(playhead, node))
        if leaf:
            self.leaf_page.show_leaf(playhead, node)
            return self.leaf_page
        self.node_page.show_node(playhead, node)
        return self.node_page

    def _state(self, playhead: Playhead, node: NodeId) -> tuple[str, str]:
        """Where the node stands, in words, and the role of its colour."""
        if not playhead.created(node):
            return self.tr("not made yet"), "muted"
        state, remaining = playhead.node_state(node), playhead.remaining(node)
        text = state_text(state)
        if remaining:
            total = len(adjacency_of(playhead.trace).into(node))
            waits = self.tr("waits for {n} of {total}")
            text = waits.replace("{n}", str(remaining)).replace("{total}", counted(max(total, remaining), "gradient"))
        elif state is NodeState.READY:
            place = playhead.ready_queue.index(node) + 1
            text += " · " + self.tr("number {n} in the queue").replace("{n}", str(place))
        return text, STATE_ROLES[state]

    def _draw_edge(self, playhead: Playhead, edge: int) -> Page:
        found = playhead.trace.edges[edge]
        source = playhead.trace.nodes[found.source]
        self._line = (source.file, source.line) if source.file and source.line else None
        slots = self.tr("output {slot} into input {target}")
        slots = slots.replace("{slot}", str(found.slot)).replace("{target}", str(found.target_slot))
        self.heading.show_heading(edge_text(playhead.trace, edge), [slots], source.line)
        self.edge_page.show_edge(playhead, edge)
        return self.edge_page

    @Slot()
    def _show_line(self) -> None:
        if self._line is not None:
            self._debugging.show_line(*self._line)

    @Slot(int)
    def _enlarge(self, tensor: int) -> None:
        trace = self._debugging.trace
        if trace is not None:
            from gradviz_ui.inspector.enlarged import TensorWindow  # pyqtgraph takes 0.3 s to import

            TensorWindow(trace, tensor, self).show()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:
            self._recolour()  # a new style sheet puts the palette back that was there before

    @Slot()
    def _recolour(self) -> None:
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.Window, theme.current().panel)
        self.setPalette(palette)
        self.setAutoFillBackground(True)
        self._scroll.viewport().setAutoFillBackground(False)
        self._body.setAutoFillBackground(False)
