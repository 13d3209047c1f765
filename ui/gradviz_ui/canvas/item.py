"""The one item of the canvas: paints the visible part of a frame from arrays."""

from __future__ import annotations

import traceback
from collections.abc import Callable

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from gradviz.projection.frame import Dirty
from gradviz_ui.canvas.painter import NO_FLASH, NO_MARKS, Flashed, FramePainter, Marks

ALL_AT_ONCE = 400
"""More changed boxes and links than this are painted by one update of everything."""


class GraphItem(QGraphicsItem):
    """Paints a `FramePainter`'s frame. What is on the screen stays: a move paints what it changed."""

    def __init__(self) -> None:
        super().__init__()
        self.painter: FramePainter | None = None
        self.marks: Marks = NO_MARKS
        self.flash: Flashed = NO_FLASH
        self.failure: str | None = None
        """The traceback of the last paint that failed, None if it went well."""
        self.failed: Callable[[], None] | None = None
        """Called when a paint fails that did not fail before."""
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemUsesExtendedStyleOption)

    def show_frame(self, painter: FramePainter | None) -> None:
        """Show another frame, or nothing."""
        self.prepareGeometryChange()
        self.painter = painter
        self.marks, self.flash = NO_MARKS, NO_FLASH
        self.update()

    def boundingRect(self) -> QRectF:
        if self.painter is None:
            return QRectF()
        return QRectF(*self.painter.frame.scene.bounds)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Never raises: an exception out of a paint call with a live painter would end the process."""
        if self.painter is None:
            return
        painter.save()
        try:
            area = option.exposedRect
            scale = option.levelOfDetailFromTransform(painter.worldTransform())
            self.painter.paint(painter, (area.left(), area.top(), area.width(), area.height()), scale, self.marks)
            if self.flash.strength > 0:
                self.painter.paint_flash(painter, self.flash, scale)
            self.failure = None
        except Exception:
            before, self.failure = self.failure, traceback.format_exc()
            if before is None and self.failed is not None:
                self.failed()
        finally:
            painter.restore()

    def refresh(self, dirty: Dirty) -> None:
        """Paint again what a move has changed."""
        if self.painter is None:
            return
        if dirty.everything or len(dirty.boxes) + len(dirty.links) > ALL_AT_ONCE:
            self.update()
            return
        for box in dirty.boxes:
            self.update(self.painter.box_area(box))
        for link in dirty.links:
            self.update(self.painter.link_area(link))

    def show_flash(self, flash: Flashed) -> None:
        """Mark something for a moment."""
        old, self.flash = self.flash, flash
        if self.painter is None:
            return
        for box in old.boxes | flash.boxes:
            self.update(self.painter.box_area(box))
        for link in old.links | flash.links:
            self.update(self.painter.link_area(link))

    def mark(self, marks: Marks) -> None:
        """Show other marks."""
        old, self.marks = self.marks, marks
        if self.painter is None or old == marks:
            return
        changed = (old.selected ^ marks.selected) | (old.hovered ^ marks.hovered)
        for group in (old.selected, old.hovered, marks.selected, marks.hovered):
            if len(group) > 1 and group & changed:  # dotted lines run between them
                self.update()
                return
        for box in changed | (old.breakpoints ^ marks.breakpoints):
            self.update(self.painter.box_area(box))
        for link in old.links ^ marks.links:
            self.update(self.painter.link_area(link))
