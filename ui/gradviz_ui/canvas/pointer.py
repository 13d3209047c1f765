"""What the person points at on the canvas: with the mouse, or walking from box to box with keys."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPoint, QPointF, QRectF, Qt, Slot
from PySide6.QtWidgets import QToolTip

from gradviz.projection.frame import Frame
from gradviz.projection.picking import box_at, link_at, neighbour
from gradviz.trace.model import NodeId
from gradviz_ui.canvas import tips
from gradviz_ui.canvas.painter import Marks
from gradviz_ui.canvas.view import PICK_REACH, GraphView
from gradviz_ui.plain import tip
from gradviz_ui.session import NOTHING, Debugging, Selection


class Pointer(QObject):
    """Turns what the view reports into the debugging's selection, and the selection into marks on the graph.

    ``box`` is the box picked last: several may stand for the selected node, and a tensor that needs no
    gradient has a box and no node.
    """

    def __init__(self, debugging: Debugging, view: GraphView) -> None:
        super().__init__(view)
        self._debugging = debugging
        self._view = view
        self._frame: Frame | None = None
        self.box: int | None = None
        self.hovered: int | None = None
        self._hovered_link: int | None = None
        view.pointed.connect(self._pointed)
        view.left.connect(self._left)
        view.clicked.connect(self._clicked)
        view.double_clicked.connect(self._double_clicked)
        view.tip_requested.connect(self._tip_requested)
        view.walked.connect(self._walked)
        debugging.selection_changed.connect(self.selection_changed)
        debugging.breakpoints_changed.connect(self.mark)

    def show_frame(self, frame: Frame | None) -> None:
        """Point at another frame; the debugging's selection stays."""
        self._frame = frame
        self.box = self.hovered = self._hovered_link = None
        self.selection_changed()

    # What is where

    def at(self, point: QPointF, reach: float = 0.0) -> tuple[int | None, int | None]:
        """The box at a point of the scene, or else the link within ``reach`` of it."""
        if self._frame is None:
            return None, None
        box = box_at(self._frame.scene, point.x(), point.y())
        link = None if box is not None else link_at(self._frame.scene, point.x(), point.y(), reach)
        return box, link

    def node_of(self, box: int | None) -> NodeId | None:
        """The node that a box stands for."""
        nodes = self._frame.scene.boxes[box].nodes if self._frame and box is not None else ()
        return nodes[0] if nodes else None

    def box_of(self, node: NodeId | None) -> int | None:
        """The box of a node: the one picked last, where several stand for it."""
        boxes = self._frame.scene.boxes_of_node.get(node, ()) if self._frame and node is not None else ()
        return self.box if self.box in boxes else next(iter(boxes), None)

    # Selecting

    def select(self, box: int | None, link: int | None = None) -> None:
        """Select what a box or a link stands for."""
        self.box = box
        edge = self._frame.scene.diagram.links[link].edge if self._frame and link is not None else -1
        self._debugging.select(Selection(self.node_of(box), edge if edge >= 0 else None))
        self._view.walks = box is not None
        self.mark()

    @Slot()
    def selection_changed(self) -> None:
        """Follow the debugging, where another panel may have selected something."""
        box = self.box_of(self._debugging.selection.node)
        if box is not None or self._debugging.selection != NOTHING:
            self.box = box
        elif self.node_of(self.box) is not None:
            self.box = None
        self._view.walks = self.box is not None
        told = tips.box_tip(self._frame, self.box) if self._frame and self.box is not None else ""
        self._view.setAccessibleDescription(told)
        self.mark()

    @Slot()
    def mark(self) -> None:
        """Mark what is selected, under the mouse, and a breakpoint."""
        if self._frame is None:
            return
        scene, selection = self._frame.scene, self._debugging.selection
        picked = set(scene.boxes_of_node.get(selection.node, ())) if selection.node is not None else set()
        if self.box is not None:
            picked.add(self.box)
        stops = {box for node in self._debugging.breakpoints.nodes for box in scene.boxes_of_node.get(node, ())}
        self._view.item.mark(
            Marks(
                frozenset(picked),
                frozenset() if self.hovered is None else scene.kin(self.hovered),
                scene.link_of_edge.get(selection.edge) if selection.edge is not None else None,
                self._hovered_link,
                frozenset(stops),
            )
        )

    # The mouse

    @Slot(QPointF, float)
    def _pointed(self, point: QPointF, reach: float) -> None:
        found = self.at(point, reach)
        if found != (self.hovered, self._hovered_link):
            self.hovered, self._hovered_link = found
            pointing = found != (None, None)
            shape = Qt.CursorShape.PointingHandCursor if pointing else Qt.CursorShape.ArrowCursor
            self._view.viewport().setCursor(shape)
            self.mark()

    @Slot()
    def _left(self) -> None:
        self.hovered = self._hovered_link = None
        self.mark()

    @Slot(QPointF, float)
    def _clicked(self, point: QPointF, reach: float) -> None:
        self.select(*self.at(point, reach))

    @Slot(QPointF)
    def _double_clicked(self, point: QPointF) -> None:
        """Run to the node."""
        node = self.node_of(self.at(point)[0])
        if node is not None:
            self._debugging.go_to_node(node)

    @Slot(QPointF, QPoint)
    def _tip_requested(self, point: QPointF, place: QPoint) -> None:
        box, link = self.at(point, PICK_REACH / self._view.scale_now)
        text = ""
        if self._frame is not None and box is not None:
            text = tips.box_tip(self._frame, box)
        elif self._frame is not None and link is not None:
            text = tips.link_tip(self._frame, link)
        QToolTip.showText(place, tip(text), self._view)

    # The keyboard

    @Slot(str)
    def _walked(self, where: str) -> None:
        """Select another box: see `GraphView.walked`."""
        if self._frame is None or not self._frame.scene.boxes:
            return
        scene = self._frame.scene
        order = scene.box_order.tolist()
        box: int | None = None
        if where == "begin":
            box = next(iter(sorted(self._frame.running)), order[0]) if self.box is None else self.box
        elif where in ("next", "previous") and self.box is not None:
            place = order.index(self.box) + (1 if where == "next" else -1)
            box = order[min(max(place, 0), len(order) - 1)]
        elif where != "end":
            box = order[0] if self.box is None else neighbour(scene, self.box, where)
            box = self.box if box is None else box
        self.select(box)
        if box is not None:
            self._view.reveal(QRectF(*scene.box_bounds(box)))
