"""One tensor in one line, name, shape and norm, that opens to its heat map."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QVBoxLayout, QWidget

from gradviz.trace.model import TensorId
from gradviz.trace.numbers import shape_text
from gradviz.trace.protocol import TraceLike
from gradviz_ui import theme
from gradviz_ui.inspector.tensor_maps import Shown, TensorMaps
from gradviz_ui.plain import tip
from gradviz_ui.wording import norm_signs, tensor_text

HEIGHT = 24


class TensorRow(QWidget):
    """A line that can be opened. The map's content is read from the trace only once it is open."""

    enlarge_requested = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.button = _Line()
        self.button.setObjectName("tensor_line")
        self.button.toggled.connect(self._toggle)
        self._maps: TensorMaps | None = None
        self._trace: TraceLike | None = None
        self._tensor: TensorId | None = None
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        self._layout.addWidget(self.button)

    @property
    def maps(self) -> TensorMaps | None:
        """The opened map; None as long as the row was never opened."""
        return self._maps

    def show_tensor(self, trace: TraceLike, name: str, tensor: TensorId | None, value: str = "") -> None:
        """Show a tensor under a name, or ``value`` where there is none."""
        self._trace, self._tensor = trace, tensor
        self.button.show_line(trace, name, tensor, value)
        if tensor is None:
            self.button.setChecked(False)
        self._toggle()

    def open(self) -> None:
        """Show the heat map, where there is a tensor."""
        self.button.setChecked(self._tensor is not None)

    @Slot()
    def _toggle(self) -> None:
        opened = self.button.isChecked() and self._tensor is not None
        if opened and self._maps is None:
            self._maps = TensorMaps()
            self._maps.setObjectName("tensor_maps")
            self._maps.enlarge_requested.connect(self.enlarge_requested)
            self._layout.addWidget(self._maps)
        if self._maps is not None:
            self._maps.setVisible(opened)
            if opened and self._trace is not None:
                self._maps.show_tensors(self._trace, [Shown("", self._tensor)])


class _Line(QAbstractButton):
    """The line itself: an arrow, the name, the shape and the norm."""

    def __init__(self) -> None:
        super().__init__()
        self.setCheckable(True)
        self.setAccessibleName(self.tr("Tensor"))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._name, self._shape, self._norm, self._bad = "", "", "", False
        theme.themes().changed.connect(self.update)

    def show_line(self, trace: TraceLike, name: str, tensor: TensorId | None, value: str) -> None:
        """Take over what to paint and what a screen reader says."""
        info = None if tensor is None else trace.tensor(tensor)
        self._name = name
        self._shape = shape_text(info.shape) if info is not None else ""
        self._norm = norm_signs(info.norm) if info is not None else value
        self._bad = info is not None and bool(info.nan or info.inf)
        self.setEnabled(info is not None)
        self.setAccessibleName(f"{name} {tensor_text(trace, tensor) if info is not None else value}")
        self.setToolTip(tip(self.accessibleName()))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(120, HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        colours, width = theme.current(), self.width()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.underMouse() and self.isEnabled():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colours.raised)
            painter.drawRoundedRect(QRectF(self.rect()), 4, 4)
        if self.hasFocus():
            painter.setPen(QPen(colours.accent, 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        if self.isEnabled():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colours.muted)
            painter.drawPolygon(_arrow(self.isChecked()))
        font = theme.mono_font(12)
        metrics = QFontMetricsF(font)
        painter.setFont(font)
        right = metrics.horizontalAdvance(self._norm)
        painter.setPen(colours.error if self._bad else colours.text)
        painter.drawText(QRectF(width - right - 4, 0, right + 2, HEIGHT), _CENTRE, self._norm)
        shape = metrics.horizontalAdvance(self._shape)
        painter.setPen(colours.muted)
        painter.drawText(QRectF(width - right - shape - 20, 0, shape + 2, HEIGHT), _CENTRE, self._shape)
        room = width - right - shape - 20 - 16 - 8
        painter.setPen(colours.text)
        name = metrics.elidedText(self._name, Qt.TextElideMode.ElideMiddle, room)
        painter.drawText(QRectF(16, 0, room, HEIGHT), _CENTRE, name)
        painter.end()


_CENTRE = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


def _arrow(down: bool) -> QPolygonF:
    middle = HEIGHT / 2
    if down:
        return QPolygonF([QPointF(3, middle - 2), QPointF(11, middle - 2), QPointF(7, middle + 3)])
    return QPolygonF([QPointF(4, middle - 4), QPointF(9, middle), QPointF(4, middle + 4)])
