"""The timeline's painters: the program's spans, the ruler, the lanes, the playhead. They hold no state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen, QPolygonF
from shiboken6 import VoidPtr

from gradviz.replay.timeline import Lane, LaneMark, Marker, Span
from gradviz_ui import theme
from gradviz_ui.timeline.axis import Axis, tick_distance
from gradviz_ui.timeline.shapes import KINDS, Floats, Integers, spaced, step_line
from gradviz_ui.timeline.strip import Strip

SPAN_TOP, SPAN_HEIGHT = 12.0, 20.0
RULER_TOP, RULER_HEIGHT = SPAN_TOP + SPAN_HEIGHT + 3, 19.0
HEAD_HEIGHT = RULER_TOP + RULER_HEIGHT
MARKER_ROW = 13.0
"""Below the head, where there are marks, warnings or errors: their titles."""
LEAST_TITLE, MOST_TITLE = 24.0, 220.0
LANE_HEIGHT = 38.0
LANE_BASE = 31.0
"""Of a lane's height: where norm 0 lies."""
LANE_RISE = 19.0
"""How far the highest norm rises above that."""

SPAN_ROLES = {
    "forward": "forward",
    "backward": "backward",
    "zero": "zero",
    "write": "write",
    "optimizer": "write",
    "error": "error",
}
MARK_DISTANCE = 6.0
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


def polygon(xs: Floats, ys: Floats) -> QPolygonF:
    """A polygon of many points, filled in one copy instead of a call for each."""
    result = QPolygonF()
    result.resize(len(xs))
    if len(xs):
        # QPolygonF is a list of QPointF, two doubles each; the stubs know neither this call nor the buffer.
        pointer: Any = VoidPtr(result.data(), 16 * len(xs), True)  # type: ignore[call-arg, arg-type]
        memory = np.frombuffer(pointer, np.float64).reshape(-1, 2)
        memory[:, 0], memory[:, 1] = xs, ys
    return result


def paint_spans(painter: QPainter, strip: Strip, axis: Axis, step: int) -> list[QRectF]:
    """The program's lane. The span the playhead is in stands out; those still to come are pale.

    Returns where the names of spans that are too small for them were written, below their spans.
    """
    spans, colours = strip.spans, theme.current()
    current = spans.at(step)
    wide, runs = spans.in_sight(axis)
    strong, pale = (0.34, 0.13) if colours.dark else (0.30, 0.12)
    painter.setPen(Qt.PenStyle.NoPen)
    for start, end, kind in runs:
        role = getattr(colours, SPAN_ROLES[KINDS[kind]])
        painter.fillRect(
            QRectF(start, theme.px(SPAN_TOP), end - start, theme.px(SPAN_HEIGHT)), colours.tint(role, strong)
        )
    painter.setFont(theme.ui_font(11))
    metrics = QFontMetricsF(painter.font())
    untold: list[tuple[float, str, QColor]] = []
    for number in wide:
        span = spans.spans[number]
        start, end = axis.x(spans.starts[number]), axis.x(spans.ends[number])
        box = QRectF(
            max(start, axis.left),
            theme.px(SPAN_TOP),
            min(end, axis.right) - max(start, axis.left),
            theme.px(SPAN_HEIGHT),
        )
        box.adjust(0.75, 0, -0.75, 0)
        role = getattr(colours, span_role(span, number == current))
        ahead = spans.starts[number] >= step and number != current
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colours.tint(role, pale if ahead else strong))
        painter.drawRoundedRect(box, min(4.0, box.width() / 2), 4)
        texts = strip.texts(number)
        text = fitting(texts, metrics, box.width() - 10)
        if text:
            painter.setPen(colours.muted if ahead else colours.text)
            painter.drawText(box.adjusted(6, 0, -4, 0), _LEFT, text)
        elif span.kind in ("zero", "error"):
            untold.append((box.center().x(), texts[0], role))
    return _paint_below(painter, untold, axis)


def span_role(span: Span, current: bool) -> str:
    """The theme's role for a span: a call that raised is never painted as one that went well."""
    if span.failed or span.kind == "error":
        return "error"
    return "running" if current else SPAN_ROLES[span.kind]


def fitting(texts: tuple[str, ...], metrics: QFontMetricsF, room: float) -> str:
    """The first of some ever shorter texts that fits; of the last one as much as is worth reading."""
    for text in texts:
        if metrics.horizontalAdvance(text) <= room:
            return text
    elided = metrics.elidedText(texts[-1], Qt.TextElideMode.ElideRight, room)
    return elided if len(elided) > 2 else ""


def _paint_below(painter: QPainter, untold: list[tuple[float, str, QColor]], axis: Axis) -> list[QRectF]:
    """The names of zeroings and errors too small for them: in the ruler, where there is room."""
    painter.setFont(theme.ui_font(9))
    metrics = QFontMetricsF(painter.font())
    written: list[QRectF] = []
    for x, text, colour in untold:
        width = metrics.horizontalAdvance(text) + 4
        left = min(max(x - width / 2, axis.left), axis.right - width)
        if not written or left > written[-1].right() + 6:
            written.append(QRectF(left, theme.px(RULER_TOP + 5), width, theme.px(12)))
            painter.setPen(colour)
            painter.drawText(written[-1], Qt.AlignmentFlag.AlignCenter, text)
    return written


def paint_ruler(painter: QPainter, axis: Axis, taken: list[QRectF]) -> None:
    """Ticks for steps, with their numbers where there is room beside what is written there already."""
    colours = theme.current()
    painter.setPen(QPen(colours.border, 1))
    distance = tick_distance(axis, 6)
    first = int(np.ceil(axis.first / distance)) * distance
    for step in range(first, int(axis.last) + 1, distance):
        x = round(axis.x(step)) + 0.5
        painter.drawLine(QPointF(x, theme.px(RULER_TOP)), QPointF(x, theme.px(RULER_TOP) + 3))
    painter.setFont(theme.mono_font(9))
    numbered = tick_distance(axis, 64)
    first = int(np.ceil(max(axis.first, 1) / numbered)) * numbered
    for step in range(first, int(axis.last) + 1, numbered):
        x = round(axis.x(step)) + 0.5
        painter.setPen(QPen(colours.outline, 1))
        painter.drawLine(QPointF(x, theme.px(RULER_TOP)), QPointF(x, theme.px(RULER_TOP) + 5))
        painter.setPen(colours.faint)
        half = QFontMetricsF(painter.font()).horizontalAdvance(str(step)) / 2 + 1
        box = QRectF(x - half, theme.px(RULER_TOP + 5), 2 * half, theme.px(12))
        if box.right() <= axis.right + 12 and not any(box.intersects(other) for other in taken):
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(step))


@dataclass(frozen=True, slots=True)
class LaneLook:
    """How one lane is painted: its name, where its top is, whether it stands out, and words for its marks."""

    name: str
    top: float
    emphasised: bool
    words: dict[str, str]


def paint_lane(painter: QPainter, lane: Lane, highest: float, axis: Axis, look: LaneLook) -> None:
    """A leaf's norm as a line of steps, filled below, with a mark where its gradient was written."""
    colours = theme.current()
    colour = colours.running if look.emphasised else colours.done
    base = look.top + theme.px(LANE_BASE)
    xs, norms = step_line(lane, axis)
    bad = ~np.isfinite(norms)
    ys = base - np.where(bad, 1.0, np.nan_to_num(norms, posinf=highest) / highest) * theme.px(LANE_RISE)
    fill = QColor(colour)
    fill.setAlphaF(0.13)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(fill)
    painter.drawPolygon(polygon(np.concatenate([xs[:1], xs, xs[-1:]]), np.concatenate([[base], ys, [base]])))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.setPen(QPen(colours.border, 1))
    painter.drawLine(QPointF(axis.left, round(base) + 0.5), QPointF(axis.right, round(base) + 0.5))
    painter.setPen(QPen(colour, 1.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap, Qt.PenJoinStyle.MiterJoin))
    painter.drawPolyline(polygon(np.round(xs * 2) / 2, np.round(ys * 2) / 2))
    if bad.any():
        _paint_bad(painter, xs, bad, base - theme.px(LANE_RISE))
    _paint_marks(painter, lane, highest, axis, look)


def _paint_bad(painter: QPainter, xs: Floats, bad: NDArray[np.bool_], y: float) -> None:
    """Where the norm is not finite, the line is red at the top, and says so."""
    colours = theme.current()
    painter.setPen(QPen(colours.error, 2))
    for number in np.flatnonzero(bad[:-1] & bad[1:]):
        painter.drawLine(QPointF(xs[number], y), QPointF(xs[number + 1], y))
    painter.setFont(theme.ui_font(10))
    painter.drawText(QPointF(float(xs[int(np.argmax(bad))]) + 4, y + theme.px(11)), "nan/inf")


def _paint_marks(painter: QPainter, lane: Lane, highest: float, axis: Axis, look: LaneLook) -> None:
    """The marks that have room: a ring where set, a dot where added, a cross where zeroed; words too."""
    steps = lane.steps[1:]
    first, last = (int(np.searchsorted(steps, at)) for at in (axis.first, axis.last + 1e-9))
    xs = axis.xs(steps[first:last].astype(np.float64))
    if not len(xs):
        return
    keep = spaced(xs, MARK_DISTANCE)
    painter.setFont(theme.ui_font(10))
    metrics = QFontMetricsF(painter.font())
    free = axis.left
    for offset in np.flatnonzero(keep):
        number, x = first + int(offset), float(xs[offset])
        mark = lane.marks[number]
        level = lane.norms[number + 1]
        y = (
            look.top
            + theme.px(LANE_BASE)
            - (min(level / highest, 1.0) if np.isfinite(level) else 1.0) * theme.px(LANE_RISE)
        )
        _paint_mark(painter, mark, QPointF(x, y), look.emphasised)
        word = look.words.get(mark.kind, "")
        width = metrics.horizontalAdvance(word)
        later = float(xs[offset + 1]) if offset + 1 < len(xs) else axis.right
        if not word:
            continue
        painter.setPen(_mark_colour(mark))
        if mark.kind == "added" and x - 6 - width > free:
            painter.drawText(QPointF(x - 6 - width, max(y + 3, look.top + theme.px(9))), word)
        elif later - x > width + 12:
            painter.drawText(QPointF(x + 6, y - 5 if mark.kind == "zeroed" else y + theme.px(13)), word)
            free = x + 6 + width
        free = max(free, x + 4)


def _paint_mark(painter: QPainter, mark: LaneMark, at: QPointF, emphasised: bool) -> None:
    colours = theme.current()
    colour = _mark_colour(mark)
    painter.setPen(QPen(colour, 1.3))
    if mark.kind == "zeroed":
        for slope in (-1, 1):
            painter.drawLine(at + QPointF(-2.5, -2.5 * slope), at + QPointF(2.5, 2.5 * slope))
        return
    painter.setBrush(colour if mark.kind == "added" else colours.panel)
    painter.drawEllipse(at, 2.4, 2.4)


def _mark_colour(mark: LaneMark) -> QColor:
    colours = theme.current()
    roles = {"set": colours.done, "added": colours.running, "zeroed": colours.zero, "written": colours.write}
    return roles[mark.kind]


def paint_markers(painter: QPainter, found: tuple[Marker, ...], steps: Integers, axis: Axis, bottom: float) -> None:
    """The program's marks, warnings and errors: a line through all lanes, with its title if that fits.

    ``steps`` are those of ``found``. A title stands at the right of its line, or at the left of the last.
    """
    colours = theme.current()
    roles = {"mark": colours.link, "error": colours.error, "warning": colours.running}
    first, last = (int(at) for at in np.searchsorted(steps, (np.ceil(axis.first), np.floor(axis.last) + 1)))
    xs = np.round(axis.xs(steps[first:last].astype(np.float64))) + 0.5
    painter.setFont(theme.ui_font(10))
    metrics = QFontMetricsF(painter.font())
    free = axis.left
    for offset in np.flatnonzero(spaced(xs, 3)):
        marker, x = found[first + int(offset)], float(xs[offset])
        painter.setPen(QPen(roles[marker.kind], 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(x, theme.px(RULER_TOP)), QPointF(x, bottom))
        after = (float(xs[offset + 1]) if offset + 1 < len(xs) else axis.right) - x - 8
        at_left = after < theme.px(LEAST_TITLE) and offset + 1 == len(xs)
        room = min(x - free - 10 if at_left else after, theme.px(MOST_TITLE))
        if room < theme.px(LEAST_TITLE):
            continue
        text = metrics.elidedText(marker.title, Qt.TextElideMode.ElideRight, room)
        width = metrics.horizontalAdvance(text)
        painter.setPen(roles[marker.kind])
        painter.drawText(
            QRectF(x - width - 5 if at_left else x + 5, theme.px(HEAD_HEIGHT - 2), width + 2, theme.px(13)), _LEFT, text
        )
        free = x + 5 + width


def paint_label(painter: QPainter, name: str, top: float, width: float, selected: bool) -> None:
    """A lane's name in the margin."""
    colours = theme.current()
    box = QRectF(0, top + theme.px(LANE_BASE) - theme.px(LANE_RISE) - 3, width, theme.px(LANE_RISE) + 6)
    if selected:
        painter.fillRect(QRectF(0, top + 4, width - 8, theme.px(LANE_HEIGHT) - 4), colours.selection)
    norm = QFontMetricsF(theme.ui_font(11)).horizontalAdvance("‖g‖")
    painter.setFont(theme.ui_font(11))
    painter.setPen(colours.muted)
    painter.drawText(box.adjusted(0, 0, -14, 0), _RIGHT, "‖g‖")
    painter.setFont(theme.mono_font(12))
    painter.setPen(colours.text)
    room = width - 20 - 14 - norm - 6
    text = QFontMetricsF(painter.font()).elidedText(name, Qt.TextElideMode.ElideMiddle, room)
    painter.drawText(box.adjusted(20, 0, 0, 0), _LEFT, text)


def paint_playhead(painter: QPainter, x: float, bottom: float) -> None:
    """The line at the step shown, with a handle on top."""
    colour = theme.current().running
    x = round(x) + 0.5
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(colour, 1.5))
    painter.drawLine(QPointF(x, 6), QPointF(x, bottom))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawPolygon(QPolygonF([QPointF(x - 5.5, 1), QPointF(x + 5.5, 1), QPointF(x, 9)]))
