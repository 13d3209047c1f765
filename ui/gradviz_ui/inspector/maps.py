"""Heat maps beside one another, with numbers where they fit: ``before + incoming = after``.

One widget paints all the maps, so that they share a scale of colours, one chosen element, and the
decision whether numbers fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QEnterEvent,
    QFocusEvent,
    QFontMetricsF,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from gradviz.projection import heat
from gradviz.projection.heat import Array, Rgb
from gradviz.trace.numbers import index_text, number_text
from gradviz.trace.tensors import thumbnail
from gradviz_ui import theme
from gradviz_ui.inspector.cells import (
    NOTE_HEIGHT,
    TITLE_HEIGHT,
    Arrangement,
    Cells,
    Outline,
    arrange,
    texts_of,
    widest,
)
from gradviz_ui.plain import tip

Element = tuple[int, int]

MOST_DRAWN_CELLS = 800
"""A map of more cells is drawn as one image, without gaps."""


@dataclass(frozen=True, slots=True)
class Term:
    """One map. ``plane`` is None where there are no numbers to show; ``gap`` then stands in its place.

    ``notes`` stand below, a line each; ``sign`` stands in front of it; ``alert`` names what is wrong with
    the numbers, in the error colour.
    """

    title: str
    plane: Array | None
    notes: tuple[str, ...] = ()
    alert: str = ""
    sign: str = ""
    gap: str = ""
    emphasised: bool = False


class HeatMaps(QWidget):
    """Paints terms over one scale. The chosen element is outlined in each; arrow keys move it."""

    element_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._terms: tuple[Term, ...] = ()
        self._scale = 1.0
        self._text_widths: dict[int, float] = {}
        self._chosen: Element | None = None
        self._by_hand = False
        self._pointed: Element | None = None
        self._layer: QPixmap | None = None
        self._arrangement: Arrangement | None = None
        self.setMouseTracking(True)
        # By Tab only: a click here must leave Left and Right to step through the trace.
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        theme.themes().changed.connect(self._forget)

    @property
    def terms(self) -> tuple[Term, ...]:
        """What is shown."""
        return self._terms

    @property
    def arrangement(self) -> Arrangement:
        """Where everything lies at the present width."""
        if self._arrangement is None:
            self._arrangement = self._arrange(self.width())
        return self._arrangement

    @property
    def element(self) -> Element | None:
        """The row and column under the pointer, else those that were chosen."""
        return self._pointed if self._pointed is not None else self._chosen

    def show_terms(self, terms: Sequence[Term], scale: float) -> None:
        """Show ``terms``; a number of size ``scale`` has the full colour."""
        self._terms, self._scale = tuple(terms), scale
        self._text_widths.clear()
        if not self._by_hand or self._chosen is None or not self._inside(self._chosen):
            self._chosen, self._by_hand = self._largest(), False
        self._pointed = None
        self._forget()
        self.updateGeometry()
        self.element_changed.emit()

    def choose_anew(self) -> None:
        """Forget what the person chose: the next terms are about something else."""
        self._by_hand = False

    def choose(self, element: Element) -> None:
        """Make ``element`` the chosen one, also of the terms to come; one outside the maps is ignored."""
        if not self._inside(element):
            return
        self._by_hand = True
        if element != self._chosen:
            self._chosen = element
            self.update()
            self.element_changed.emit()

    # Size

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return round(self._arrange(width).height + 0.5)

    def sizeHint(self) -> QSize:
        return QSize(240, self.heightForWidth(max(self.width(), 240)))

    def minimumSizeHint(self) -> QSize:
        return QSize(80, 40)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._forget()

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        ratio = self.devicePixelRatioF()
        if self._layer is None or self._layer.devicePixelRatio() != ratio:
            self._layer = self._paint_layer(ratio)
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._layer)
        element = self.element
        if element is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(theme.current().text, 1.5))
            for term, place in zip(self._terms, self.arrangement.places, strict=True):
                if term.plane is not None and _holds(term.plane, element):
                    cell = _cell_rect(place.cells, *element)
                    painter.drawRoundedRect(_at_least(cell, 4).adjusted(-0.75, -0.75, 0.75, 0.75), 2.5, 2.5)
        if self.hasFocus():
            painter.setPen(QPen(theme.current().accent, 1, Qt.PenStyle.DotLine))
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))
        painter.end()

    def _paint_layer(self, ratio: float) -> QPixmap:
        layer = QPixmap(QSize(round(self.width() * ratio), round(self.height() * ratio)))
        layer.setDevicePixelRatio(ratio)
        layer.fill(Qt.GlobalColor.transparent)
        painter = QPainter(layer)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for index in range(len(self._terms)):
            self._paint_term(painter, index)
        painter.end()
        return layer

    def _paint_term(self, painter: QPainter, index: int) -> None:
        colours, term, place = theme.current(), self._terms[index], self.arrangement.places[index]
        cells = place.cells
        left = cells.x
        painter.setFont(theme.ui_font(11))
        painter.setPen(colours.muted)
        room = self.width() - left
        painter.drawText(QRectF(left, place.title_y, room, TITLE_HEIGHT), _LEFT, term.title)
        if term.plane is not None:
            self._paint_plane(painter, term.plane, cells)
        else:
            self._paint_gap(painter, term.gap, cells)
        if term.emphasised and term.plane is not None:
            painter.setPen(QPen(colours.running, 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            frame = QRectF(cells.x, cells.y, cells.right - cells.x, cells.bottom - cells.y)
            painter.drawRoundedRect(frame.adjusted(-4, -4, 3, 3), 5, 5)
        if term.sign:
            painter.setFont(theme.ui_font(14))
            painter.setPen(colours.muted)
            sign = QRectF(place.sign_x - 12, place.sign_y - 12, 24, 24)
            painter.drawText(sign, Qt.AlignmentFlag.AlignCenter, term.sign)
        painter.setFont(theme.mono_font(11))
        lines = [(text, colours.running if term.emphasised else colours.muted) for text in term.notes]
        if term.alert:
            lines.append((term.alert, colours.error))
        for row, (text, colour) in enumerate(lines):
            painter.setPen(colour)
            painter.drawText(QRectF(left, place.note_y + row * NOTE_HEIGHT, room, NOTE_HEIGHT), _LEFT, text)

    def _paint_gap(self, painter: QPainter, text: str, cells: Cells) -> None:
        painter.setFont(theme.mono_font(11))
        painter.setPen(QPen(theme.current().outline, 1, Qt.PenStyle.DashLine))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        frame = QRectF(cells.x, cells.y, cells.right - cells.x - 1, cells.bottom - cells.y - 1)
        painter.drawRoundedRect(frame.adjusted(0.5, 0.5, 0.5, 0.5), 3, 3)
        painter.setPen(theme.current().faint)
        painter.drawText(frame, Qt.AlignmentFlag.AlignCenter, text)

    def _paint_plane(self, painter: QPainter, plane: Array, cells: Cells) -> None:
        digits = self.arrangement.digits
        if plane.size == 0:
            return
        if digits is None and (plane.size > MOST_DRAWN_CELLS or min(cells.width, cells.height) < 4):
            pixels = thumbnail(plane) if plane.size > 64 * 64 else plane
            area = QRectF(cells.x, cells.y, cells.right - cells.x, cells.bottom - cells.y)
            painter.drawImage(area, _image(self._colours(pixels)))
            return
        rgb = self._colours(plane)
        texts = texts_of(plane, digits) if digits is not None else None
        painter.setFont(theme.mono_font(10))
        for row, column in np.ndindex(plane.shape):
            colour = QColor(*map(int, rgb[row, column]))
            rect = _cell_rect(cells, row, column).adjusted(0, 0, -1, -1)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawRoundedRect(rect, 1.5, 1.5)
            if texts is not None:
                painter.setPen(_readable_on(colour))
                painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, texts[row][column])

    def _colours(self, plane: Array) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        colours = theme.current()
        roles = (colours.heat_low, colours.heat_high, colours.heat_negative, colours.error)
        low, high, negative, bad = (_rgb(role) for role in roles)
        return heat.colours(plane, self._scale, low, high, negative, bad)

    # Pointer and keys

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._point(self._element_at(event.position()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        element = self._element_at(event.position())
        if element is not None and event.button() == Qt.MouseButton.LeftButton:
            self.choose(element)
        else:
            super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        event.ignore()  # for the widget around the maps, which knows the tensors

    def leaveEvent(self, event: QEvent) -> None:
        self._point(None)

    def enterEvent(self, event: QEnterEvent) -> None:
        self._point(self._element_at(event.position()))

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            element = self._element_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), tip(self.describe(element)) if element else "", self)
            return True
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and event.key() in _STEPS:
            event.accept()  # while the maps have the focus, arrows choose an element
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = _STEPS.get(Qt.Key(event.key()))
        if step is None or self._chosen is None:
            super().keyPressEvent(event)
            return
        self.choose((self._chosen[0] + step[0], self._chosen[1] + step[1]))

    def focusInEvent(self, event: QFocusEvent) -> None:
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.update()

    def describe(self, element: Element) -> str:
        """The element's number in each term: ``before[0, 1] = 2``."""
        return "\n".join(
            f"{term.title}{index_text(element)} = {number_text(term.plane[element], 9)}"
            for term in self._terms
            if term.plane is not None and _holds(term.plane, element)
        )

    def _point(self, element: Element | None) -> None:
        if element != self._pointed:
            self._pointed = element
            self.update()
            self.element_changed.emit()

    def term_at(self, position: QPointF) -> int | None:
        """The number of the term whose map is under a point."""
        for number, (term, place) in enumerate(zip(self._terms, self.arrangement.places, strict=True)):
            if term.plane is not None and place.cells.at(position.x(), position.y()) is not None:
                return number
        return None

    def _element_at(self, position: QPointF) -> Element | None:
        term = self.term_at(position)
        return None if term is None else self.arrangement.places[term].cells.at(position.x(), position.y())

    # What follows from the terms

    def _arrange(self, width: float) -> Arrangement:
        return arrange([_outline(term) for term in self._terms], width, self._text_width)

    def _text_width(self, digits: int) -> float:
        """The width of the widest number; layouts ask often, and writing hundreds of numbers takes a while."""
        if digits not in self._text_widths:
            metrics = QFontMetricsF(theme.mono_font(10))
            planes = (term.plane for term in self._terms if term.plane is not None)
            widths = (metrics.horizontalAdvance(widest(plane, digits)) for plane in planes)
            self._text_widths[digits] = max(widths, default=0.0)
        return self._text_widths[digits]

    def _inside(self, element: Element) -> bool:
        return any(term.plane is not None and _holds(term.plane, element) for term in self._terms)

    def _largest(self) -> Element | None:
        """Where the last term is largest in size: the element one asks about first."""
        planes = [term.plane for term in self._terms if term.plane is not None and term.plane.size]
        if not planes:
            return None
        with np.errstate(invalid="ignore"):
            size = np.abs(planes[-1])
        bad = np.flatnonzero(~np.isfinite(size))
        flat = int(bad[0]) if bad.size else int(np.argmax(size))
        row, column = np.unravel_index(flat, planes[-1].shape)
        return int(row), int(column)

    @Slot()
    def _forget(self) -> None:
        self._layer = self._arrangement = None
        self.update()


_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_STEPS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}


def _outline(term: Term) -> Outline:
    size = None if term.plane is None else (len(term.plane), term.plane.shape[1])
    return Outline(size, len(term.notes) + bool(term.alert), bool(term.title))


def _holds(plane: Array, element: Element) -> bool:
    return all(0 <= at < size for at, size in zip(element, plane.shape, strict=True))


def _cell_rect(cells: Cells, row: int, column: int) -> QRectF:
    return QRectF(cells.x + column * cells.width, cells.y + row * cells.height, cells.width, cells.height)


def _at_least(rect: QRectF, size: float) -> QRectF:
    """``rect``, grown about its middle so that it can be seen in an image of tiny pixels."""
    grow = max(0.0, size - rect.width()) / 2, max(0.0, size - rect.height()) / 2
    return rect.adjusted(-grow[0], -grow[1], grow[0], grow[1])


def _rgb(colour: QColor) -> Rgb:
    return colour.red(), colour.green(), colour.blue()


def _image(rgb: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> QImage:
    height, width, _ = rgb.shape
    data = np.ascontiguousarray(rgb)
    # A copy, since QImage would go on reading from memory that numpy may free.
    return QImage(data.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def _readable_on(colour: QColor) -> QColor:
    """Dark or light text, whichever has the higher contrast (relative luminance of WCAG 2)."""
    channels = np.array([colour.redF(), colour.greenF(), colour.blueF()])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return QColor(20, 22, 26) if linear @ (0.2126, 0.7152, 0.0722) > 0.19 else QColor(235, 238, 242)
