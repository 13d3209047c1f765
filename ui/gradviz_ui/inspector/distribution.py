"""How the numbers of a tensor are spread: bars from the smallest to the largest, 0 always in sight."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from gradviz.trace.numbers import number_text
from gradviz_ui import theme
from gradviz_ui.inspector.content import Content, Histogram
from gradviz_ui.plain import tip

BINS = 10
BAR_AREA = 84
AXIS_HEIGHT = 20
GAP = 5


class Distribution(QWidget):
    """Ten bars, painted; empty bins keep a thin mark, so that few numbers are seen to be few."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._histogram: Histogram | None = None
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        theme.themes().changed.connect(self.update)

    @property
    def histogram(self) -> Histogram | None:
        """What is shown."""
        return self._histogram

    def show_content(self, content: Content | None) -> None:
        """Count the numbers of ``content``; it is hidden where there are none to count."""
        self._histogram = content.histogram(BINS) if content is not None else None
        self.setVisible(self._histogram is not None)
        if self._histogram is not None:
            counts = ", ".join(map(str, self._histogram.counts))
            ends = f"{number_text(self._histogram.low)} … {number_text(self._histogram.high)}"
            self.setAccessibleDescription(f"{ends}: {counts}")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, BAR_AREA + AXIS_HEIGHT)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip and self._histogram is not None:
            bar = min(max(int(event.pos().x() / max(self.width() / BINS, 1)), 0), BINS - 1)
            QToolTip.showText(event.globalPos(), tip(self._bar_text(self._histogram, bar)), self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._histogram is None:
            return
        colours, counts = theme.current(), self._histogram.counts
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        step, most = self.width() / BINS, max(int(np.max(counts)), 1)
        for number, count in enumerate(counts):
            height = max(round((BAR_AREA - 8) * int(count) / most), 3) if count else 2
            painter.setBrush(colours.running if count else colours.border)
            painter.drawRoundedRect(QRectF(number * step + GAP / 2, BAR_AREA - height, step - GAP, height), 2, 2)
        painter.fillRect(QRectF(0, BAR_AREA + 1, self.width(), 1), colours.border)
        self._paint_axis(painter, self._histogram)
        painter.end()

    def _paint_axis(self, painter: QPainter, histogram: Histogram) -> None:
        painter.setFont(theme.mono_font(11))
        painter.setPen(theme.current().muted)
        axis = QRectF(0, BAR_AREA + 3, self.width(), AXIS_HEIGHT - 3)
        painter.drawText(axis, Qt.AlignmentFlag.AlignLeft, number_text(histogram.low, 3))
        painter.drawText(axis, Qt.AlignmentFlag.AlignRight, number_text(histogram.high, 3))
        if histogram.low < 0 < histogram.high:
            x = self.width() * -histogram.low / (histogram.high - histogram.low)
            half = QFontMetricsF(painter.font()).horizontalAdvance("0") / 2
            painter.drawText(QRectF(x - half, axis.y(), 20, axis.height()), Qt.AlignmentFlag.AlignLeft, "0")
        if histogram.sampled:
            painter.drawText(axis, Qt.AlignmentFlag.AlignHCenter, self.tr("sampled"))

    def _bar_text(self, histogram: Histogram, bar: int) -> str:
        width = (histogram.high - histogram.low) / BINS
        start = histogram.low + bar * width
        return f"{number_text(start)} … {number_text(start + width)}: {int(histogram.counts[bar])}"
