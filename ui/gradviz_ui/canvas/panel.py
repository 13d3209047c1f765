"""The canvas: the graph at the step shown, and everything one can do to look at it.

It reads the session and calls its methods; what is painted comes from `gradviz.projection`.
"""

from __future__ import annotations

import sys
from functools import partial

from PySide6.QtCore import QEasingCurve, QPoint, QPointF, QRectF, Qt, QVariantAnimation, Slot
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import QMenu, QWidget

from gradviz.plain import harmless_lines
from gradviz.projection.frame import Frame
from gradviz.projection.scene import Scene
from gradviz.replay import Change
from gradviz.trace.events import BackwardBegin
from gradviz_ui import theme
from gradviz_ui.canvas import situation, tips
from gradviz_ui.canvas.flash import Flash
from gradviz_ui.canvas.floating import Floating
from gradviz_ui.canvas.ink import ink_of
from gradviz_ui.canvas.layout_job import ASK_FROM, LayoutJob, seconds_for
from gradviz_ui.canvas.notice import Notice
from gradviz_ui.canvas.painter import FramePainter
from gradviz_ui.canvas.pointer import Pointer
from gradviz_ui.canvas.view import GraphView
from gradviz_ui.canvas.words import card_words
from gradviz_ui.session import Selection, Session
from gradviz_ui.wheel import ZOOM_STEP

FOLLOW_MS = 140
EDGE_ROOM = 80.0
"""Around the middle of an edge that is brought into sight; its ends may be far away."""


class CanvasPanel(QWidget):
    """The graph, its controls, legend, minimap and notices."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("canvas_panel")
        self.session = session
        self.frame: Frame | None = None
        self._scenes: dict[tuple[str, str], Scene] = {}
        self._last_layout = session.debugging.layout_name
        self._allowed: str | None = None
        self._place_told: tuple[str, int] | None = None
        self._make_parts()
        self._connect()
        self.setFocusProxy(self.view)
        self._trace_changed()

    def _make_parts(self) -> None:
        self.view = GraphView(self)
        self.view.setObjectName("graph_view")
        self.view.setAccessibleName(self.tr("Graph"))
        self.pointer = Pointer(self.session.debugging, self.view)
        self.floating = Floating(self, self.view)
        self.controls, self.legend, self.minimap = self.floating.controls, self.floating.legend, self.floating.minimap
        self.notice = Notice(self)
        self.job = LayoutJob(self.session.background, self)
        self.flash = Flash(self)
        self.flash.changed.connect(self.view.item.show_flash)
        self._glide = QVariantAnimation(self)
        self._glide.setDuration(FOLLOW_MS)
        self._glide.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._glide.valueChanged.connect(self.view.look_at)

    def _connect(self) -> None:
        session, view, job = self.session, self.view, self.job
        session.debugging.trace_changed.connect(self._trace_changed)
        session.debugging.view_changed.connect(self._view_changed)
        session.debugging.step_changed.connect(self._step_changed)
        theme.themes().changed.connect(self._restyle)
        session.debugging.reveal_requested.connect(self.reveal)
        session.closing.connect(job.cancel)
        for signal in (session.recording_changed, session.program_changed, session.loading_changed):
            signal.connect(self._tell_empty)
        view.menu_requested.connect(self._menu_requested)
        view.paint_failed.connect(self._paint_failed, Qt.ConnectionType.QueuedConnection)
        view.moved.connect(self._view_moved)
        job.finished.connect(self._arranged)
        job.failed.connect(self._not_arranged)
        job.began.connect(self._arranging)
        job.progressed.connect(self.notice.show_progress)
        self.minimap.moved_to.connect(self.view.look_at)
        self.controls.view_chosen.connect(session.debugging.set_view)
        self.controls.layout_chosen.connect(session.debugging.set_layout)
        self.floating.error.line_asked.connect(session.debugging.show_line)
        self.notice.accepted.connect(self._accepted)
        self.notice.cancelled.connect(self._cancel_layout)

    # Commands

    def fit(self) -> None:
        """Show the whole graph."""
        self._glide.stop()
        self.view.fit()

    def zoom_in(self) -> None:
        """Show the graph larger."""
        self.view.zoom(ZOOM_STEP)

    def zoom_out(self) -> None:
        """Show the graph smaller."""
        self.view.zoom(1 / ZOOM_STEP)

    @Slot(object)
    def reveal(self, selection: Selection) -> None:
        """Bring a node or an edge into sight, and mark it for a moment."""
        if self.frame is None:
            return
        scene, still = self.frame.scene, self.session.settings.reduced_motion
        box = self.pointer.box_of(selection.node)
        link = scene.link_of_edge.get(selection.edge) if selection.edge is not None else None
        self._glide.stop()
        if box is not None:
            self.view.reveal(QRectF(*scene.box_bounds(box)))
            self.flash.start(frozenset({box}), frozenset(), "link", still)
        elif link is not None:
            middle = QPointF(*scene.middle(link))
            self.view.reveal(QRectF(middle, middle).adjusted(-EDGE_ROOM, -EDGE_ROOM / 2, EDGE_ROOM, EDGE_ROOM / 2))
            self.flash.start(frozenset(), frozenset({link}), "link", still)

    def copy_picture(self) -> None:
        """Put the picture of this step on the clipboard."""
        from gradviz_ui.export.options import ExportError
        from gradviz_ui.export.picture import image

        try:
            picture = image(self.frame, theme.current().name, scale=2.0) if self.frame is not None else None
        except ExportError:  # this view of the recording is empty
            picture = None
        if picture is None:
            self.session.message.emit("info", self.tr("There is no graph to copy."))
            return
        QGuiApplication.clipboard().setImage(picture)
        self.session.message.emit("info", self.tr("The picture is on the clipboard."))

    def export_dialog(self) -> None:
        """Ask how and where to export pictures."""
        from gradviz_ui.export.dialog import ExportDialog

        if self.session.debugging.trace is not None:
            ExportDialog(self.session, self.window()).exec()

    # The graph

    @Slot()
    def _trace_changed(self) -> None:
        self._scenes.clear()
        self._show(None)
        self._allowed = None
        self._view_changed()

    @Slot()
    def _view_changed(self) -> None:
        """Another trace, view or layout: show its scene, or have it made."""
        session = self.session
        self.job.cancel()
        self.controls.show_choice(session.debugging.view, session.debugging.layout_name)
        self.controls.setEnabled(session.debugging.trace is not None)
        scene = self._scenes.get((session.debugging.view, session.debugging.layout_name))
        if session.debugging.trace is None:
            self._show(None)
            self._tell_empty()
        elif scene is not None:
            self._show(scene)
        else:
            seconds = seconds_for(session.debugging.trace, session.debugging.view, session.debugging.layout_name)
            if seconds > ASK_FROM and self._allowed != session.debugging.layout_name:
                self._ask(seconds)
            else:
                self.job.start(session.debugging.trace, session.debugging.view, session.debugging.layout_name)

    def _ask(self, seconds: float) -> None:
        self._place_told = None
        text = self.tr("{layout} takes about {time} for {count} nodes.")
        self.notice.tell(
            self.tr("Arrange the graph?"),
            text.replace("{layout}", self.controls.layout_title)
            .replace("{time}", tips.duration(seconds))
            .replace("{count}", f"{len(self.session.debugging.trace.nodes):,}" if self.session.debugging.trace else ""),
            accept=self.tr("Arrange"),
            cancel=True,
        )

    def _accept_slow(self) -> None:
        self._allowed = self.session.debugging.layout_name
        self._view_changed()

    @Slot()
    def _arranging(self) -> None:
        trace = self.session.debugging.trace
        if trace is not None:
            seconds = seconds_for(trace, self.session.debugging.view, self.session.debugging.layout_name)
            text = self.tr("{count} nodes, about {time}")
            self.notice.tell(
                self.tr("Arranging the graph…"),
                text.replace("{count}", f"{len(trace.nodes):,}").replace("{time}", tips.duration(seconds)),
                progress=True,
                cancel=self.frame is not None,
            )

    @Slot()
    def _cancel_layout(self) -> None:
        """Back to the layout that was shown before."""
        self.job.cancel()
        self.notice.hide()
        self.session.debugging.set_layout(self._last_layout if self.frame is not None else "layered")

    @Slot(object)
    def _arranged(self, scene: Scene) -> None:
        self._scenes[self.session.debugging.view, self.session.debugging.layout_name] = scene
        self._show(scene)

    @Slot(str)
    def _not_arranged(self, why: str) -> None:
        self.session.message.emit("error", self.tr("The graph was not arranged: {why}").replace("{why}", why))
        self._cancel_layout()

    def _show(self, scene: Scene | None) -> None:
        """Show a scene at the session's step; without one, an empty canvas."""
        playhead = self.session.debugging.playhead
        self._glide.stop()
        self.flash.stop()
        if scene is None or playhead is None:
            self.frame = None
            self.view.item.show_frame(None)
            self.floating.show_frame(None)
        else:
            self._last_layout = self.session.debugging.layout_name
            self.frame = Frame(scene, playhead, card_words())
            self.view.item.show_frame(FramePainter(self.frame, ink_of(theme.current().name)))
            self.view.take_bounds()
            self.floating.show_frame(self.frame)
            self.view.start(self._place_of_interest(self.frame))
            if scene.boxes:
                self.notice.hide()
            else:
                self._tell_empty()
        self.view.viewport().update()  # the item asks for its own area only, and may have none by now
        self.pointer.show_frame(self.frame)
        self._view_moved()

    def _place_of_interest(self, frame: Frame) -> QRectF:
        """What runs, else what is next to run, else where the graph of this moment starts."""
        scene, event = frame.scene, frame.playhead.event
        nodes = [root.node for root in event.roots] if isinstance(event, BackwardBegin) else []
        nodes += frame.playhead.ready_queue[:1]
        boxes = [*sorted(frame.running), *(box for node in nodes for box in scene.boxes_of_node.get(node, ()))]
        roots = [index for index, box in enumerate(scene.boxes) if box.root]
        boxes += [*(index for index in reversed(roots) if frame.present[index]), *roots, 0]
        return QRectF(*scene.box_bounds(boxes[0])) if scene.boxes else QRectF()

    @Slot()
    def _tell_empty(self) -> None:
        """Say why there is no graph, unless there is one, or one that is still to be arranged."""
        if self.session.debugging.trace is not None and (self.frame is None or self.frame.scene.boxes):
            return
        told = situation.explain(self.session)
        self._place_told = told.place
        line = ""
        if told.place is not None:
            line = self.tr("Go to line {line}").replace("{line}", str(told.place[1]))
        self.notice.tell(told.title, told.text, accept=line)

    @Slot()
    def _accepted(self) -> None:
        """The notice's button: go to the line it speaks of, or arrange the graph after all."""
        if self._place_told is not None:
            self.session.debugging.show_line(*self._place_told)
        else:
            self._accept_slow()

    # The step

    @Slot(object)
    def _step_changed(self, change: Change) -> None:
        if self.frame is None:
            return
        self.view.item.refresh(self.frame.update(change))
        self.minimap.refresh()
        self.floating.show_step(self.frame.playhead)
        if self.frame.zeroed and not self.session.settings.reduced_motion:
            self.flash.start(self.frame.zeroed, frozenset(), "zero", still=False)
        if self.session.settings.follow:
            self._follow(self.frame)

    def _follow(self, frame: Frame) -> None:
        """Glide to what runs, or was zeroed, if it is out of sight."""
        boxes = sorted(frame.running or frame.zeroed)
        rects = [QRectF(*frame.scene.box_bounds(box)) for box in boxes]
        if not rects or any(self.view.sees(rect) for rect in rects):
            return
        self._glide.stop()
        if self.session.settings.reduced_motion:
            self.view.look_at(rects[0].center())
            return
        self._glide.setStartValue(self.view.shown.center())
        self._glide.setEndValue(rects[0].center())
        self._glide.start()

    # The context menu

    @Slot(QPointF, QPoint)
    def _menu_requested(self, point: QPointF, place: QPoint) -> None:
        menu = self.menu_for(self.pointer.at(point)[0])
        menu.exec(place)
        menu.deleteLater()

    def menu_for(self, box: int | None) -> QMenu:
        """The context menu of a box, or of the empty canvas."""
        menu = QMenu(self)
        menu.setObjectName("canvas_menu")
        node = self.pointer.node_of(box)
        session = self.session
        if node is not None:
            has_stop = node in session.debugging.breakpoints.nodes
            stop = self.tr("Clear breakpoint") if has_stop else self.tr("Set breakpoint")
            menu.addAction(self.tr("Select"), partial(self.pointer.select, box))
            menu.addAction(self.tr("Run to here"), partial(session.debugging.go_to_node, node))
            menu.addAction(self.tr("Run back to here"), partial(session.debugging.go_to_node, node, False))
            menu.addAction(stop, partial(session.debugging.toggle_breakpoint_node, node))
            menu.addSeparator()
        menu.addAction(self.tr("Fit graph"), self.fit)
        menu.addAction(self.tr("Copy picture"), self.copy_picture)
        menu.addAction(self.tr("Export picture…"), self.export_dialog)
        menu.addSeparator()
        follow = menu.addAction(self.tr("Follow the running node"))
        follow.setCheckable(True)
        follow.setChecked(session.settings.follow)
        follow.toggled.connect(self._set_follow)
        return menu

    @Slot(bool)
    def _set_follow(self, follow: bool) -> None:
        self.session.settings.follow = follow

    # Appearance

    @Slot()
    def _paint_failed(self) -> None:
        """Tell the person, and whoever reads stderr where it happened."""
        reason = (self.view.item.failure or "").strip()
        print(harmless_lines(reason), file=sys.stderr)
        text = self.tr("The graph could not be painted: {why}")
        self.session.message.emit("error", text.replace("{why}", reason.rpartition("\n")[2]))

    @Slot()
    def _restyle(self) -> None:
        if self.view.item.painter is not None:
            self.view.item.painter.ink = ink_of(theme.current().name)
        self.floating.restyle()
        self.notice.restyle()
        self.view.viewport().update()

    @Slot()
    def _view_moved(self) -> None:
        self.minimap.show_part(self.view.shown)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def _place(self) -> None:
        """Put the view and what floats over it in their places."""
        self.view.setGeometry(self.rect())
        self.floating.place()
        self.notice.place()
        self._view_moved()
