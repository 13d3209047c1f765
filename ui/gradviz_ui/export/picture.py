"""One step as a picture: the graph, and a caption that tells the step and what happens in it."""

from __future__ import annotations

from math import sqrt

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMarginsF, QPointF, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QFontMetricsF, QImage, QPageLayout, QPageSize, QPainter, QPdfWriter
from PySide6.QtSvg import QSvgGenerator

from gradviz.plain import clipped
from gradviz.projection.frame import Frame
from gradviz.projection.scene import LABEL_ROOM, MARGIN, Rectangle
from gradviz_ui.canvas.ink import Ink, ink_of
from gradviz_ui.canvas.painter import FramePainter
from gradviz_ui.export.options import ExportError
from gradviz_ui.export.svg_text import draw_texts
from gradviz_ui.plain import LONGEST_TITLE
from gradviz_ui.wording import event_text

CAPTION = 40.0
"""The height of the caption below the graph."""
NARROWEST = 460.0
MOST_SIDE = 20_000
MOST_PIXELS = 120_000_000
"""A picture of pixels is at most so large; what would be larger is made at a smaller scale."""
VECTOR_SCALE = 1.0
POINTS = 0.75
"""Of a page for each unit of the graph, as 96 pixels are an inch."""
LARGEST_PAGE = 14_400.0
"""Points; PDF readers show no larger page."""


def area(frame: Frame) -> Rectangle:
    """The part of the scene in the picture, caption included. ExportError where there is nothing to draw."""
    if not frame.scene.boxes:
        raise ExportError("the recording has no graph to draw in this view")
    left, top, width, height = frame.scene.bounds
    width -= LABEL_ROOM - MARGIN  # a picture is cut closer than the screen
    labels = [frame.scene.label_place(link)[0] + 130 for link in frame.active]
    width = max(width, max(labels, default=0.0) - left, NARROWEST)
    return left, top, width, height + CAPTION


def largest_scale(size: QSizeF, wanted: float) -> float:
    """The wanted scale, or the largest at which a picture of pixels does not become too large."""
    side = MOST_SIDE / max(size.width(), size.height())
    return min(wanted, side, sqrt(MOST_PIXELS / (size.width() * size.height())))


def image(frame: Frame, theme: str, scale: float) -> QImage:
    """The picture in pixels."""
    left, top, width, height = area(frame)
    scale = largest_scale(QSizeF(width, height), scale)
    made = QImage(max(round(width * scale), 1), max(round(height * scale), 1), QImage.Format.Format_RGB32)
    if made.isNull():
        raise ExportError(f"there is no memory for a picture of {round(width * scale)} pixels in width")
    painter = QPainter(made)
    try:
        painter.scale(scale, scale)
        painter.translate(-left, -top)
        paint(painter, frame, ink_of(theme), (left, top, width, height), scale)
    finally:
        painter.end()
    return made


def png(frame: Frame, theme: str, scale: float) -> bytes:
    """The picture in pixels, as a PNG file."""
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not image(frame, theme, scale).save(buffer, "PNG"):  # type: ignore[call-overload]  # the stubs want bytes
        raise ExportError("there is no memory for the picture")
    buffer.close()
    return bytes(data.data())


def svg(frame: Frame, theme: str) -> bytes:
    """The picture as SVG, its texts as outlines, and as text to be found."""
    left, top, width, height = area(frame)
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setResolution(96)
    generator.setSize(QSize(round(width), round(height)))
    generator.setViewBox(QRectF(0, 0, width, height))
    generator.setTitle(_title(frame))
    painter = QPainter(generator)
    try:
        painter.translate(-left, -top)
        paint(painter, frame, ink_of(theme), (left, top, width, height), VECTOR_SCALE)
    finally:
        painter.end()
    buffer.close()
    return draw_texts(bytes(data.data()).decode("utf-8")).encode("utf-8")


class Book:
    """A PDF with a page for each step. Leave the ``with`` block, or call ``close``, to finish it."""

    def __init__(self, device: QIODevice, title: str) -> None:
        self._writer = QPdfWriter(device)
        self._writer.setResolution(1200)
        self._writer.setTitle(title)
        self._writer.setCreator("gradviz")
        self._painter: QPainter | None = None

    def add(self, frame: Frame, theme: str) -> None:
        """A page of the picture's size."""
        left, top, width, height = area(frame)
        points = min(POINTS, LARGEST_PAGE / max(width, height))
        size = QPageSize(QSizeF(width * points, height * points), QPageSize.Unit.Point, "gradviz")
        page = QPageLayout(size, QPageLayout.Orientation.Portrait, QMarginsF())
        page.setMode(QPageLayout.Mode.FullPageMode)
        self._writer.setPageLayout(page)
        if self._painter is None:
            self._painter = QPainter()
            if not self._painter.begin(self._writer):
                self._painter = None
                raise ExportError("the file cannot be written")
        else:
            self._writer.newPage()
        painter = self._painter
        painter.save()
        try:
            units = self._writer.resolution() / 72 * points
            painter.scale(units, units)
            painter.translate(-left, -top)
            paint(painter, frame, ink_of(theme), (left, top, width, height), VECTOR_SCALE)
        finally:
            painter.restore()

    def close(self) -> None:
        """Write the end of the file."""
        if self._painter is not None:
            self._painter.end()
            self._painter = None


def paint(painter: QPainter, frame: Frame, ink: Ink, whole: Rectangle, scale: float) -> None:
    """Background, graph and caption, in the scene's coordinates."""
    painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.TextAntialiasing)
    painter.fillRect(QRectF(*whole), ink.colors.canvas)
    FramePainter(frame, ink).paint(painter, whole, scale)
    paint_caption(painter, frame, ink, whole)


def paint_caption(painter: QPainter, frame: Frame, ink: Ink, whole: Rectangle) -> None:
    """``step 41 / 58`` and what happens, below the graph, over a line."""
    left, top, width, height = whole
    line = top + height - CAPTION
    painter.fillRect(QRectF(left, line, width, CAPTION), ink.colors.canvas)
    painter.fillRect(QRectF(left + MARGIN, line, width - 2 * MARGIN, 1), ink.colors.border)
    count = step_text(frame)
    painter.setFont(ink.title_font)
    painter.setPen(ink.colors.text)
    painter.drawText(QPointF(left + MARGIN, line + 24), count)
    used = QFontMetricsF(ink.title_font).horizontalAdvance(count) + 14
    room = width - 2 * MARGIN - used
    told = QFontMetricsF(ink.mono_font).elidedText(what_happens(frame), Qt.TextElideMode.ElideRight, room)
    painter.setFont(ink.mono_font)
    painter.setPen(ink.colors.muted)
    painter.drawText(QPointF(left + MARGIN + used, line + 24), told)


def step_text(frame: Frame) -> str:
    """``step 41 / 58``"""
    from PySide6.QtCore import QCoreApplication

    text = QCoreApplication.translate("Export", "step {step} / {count}")
    count = len(frame.trace.events)
    return text.replace("{step}", str(frame.playhead.step)).replace("{count}", str(count))


def what_happens(frame: Frame) -> str:
    """The event of the step in words; nothing before the first one."""
    event = frame.playhead.event
    return "" if event is None else event_text(frame.trace, event)


def _title(frame: Frame) -> str:
    program = clipped(frame.trace.program or "gradviz", LONGEST_TITLE)
    return f"{program}, {step_text(frame)}"
