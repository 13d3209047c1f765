"""A tensor in a window of its own: every number, with zoom, colour scale and slices. Uses pyqtgraph."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg  # type: ignore[import-untyped]
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt, Slot
from PySide6.QtWidgets import QDialog, QHBoxLayout, QSpinBox, QVBoxLayout, QWidget

from gradviz.trace.model import TensorId
from gradviz.trace.numbers import index_text, norm_text, number_text, shape_text
from gradviz.trace.protocol import TraceLike
from gradviz_ui import style, theme
from gradviz_ui.inspector.content import Content
from gradviz_ui.labels import RoleLabel


class TensorWindow(QDialog):
    """Shows one tensor as it was recorded; it stays as it is when the playhead moves on."""

    def __init__(self, trace: TraceLike, tensor: TensorId, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._content = Content.of(trace, tensor)
        info = self._content.info
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setObjectName("tensor_window")
        title = f"{shape_text(info.shape)} {info.dtype} · norm {norm_text(info.norm)}"
        self.setWindowTitle(title)
        self.resize(720, 560)
        self._image = pg.ImageItem(axisOrder="row-major")
        self._plot = pg.PlotWidget(axisItems={side: _Indices(side) for side in ("left", "bottom")})
        self._plot.setObjectName("tensor_plot")
        self._plot.setAccessibleName(title)
        self._plot.addItem(self._image)
        self._bad = pg.ImageItem(axisOrder="row-major")
        self._plot.addItem(self._bad)
        scale = self._content.largest or 1.0
        self._colours = pg.ColorBarItem(values=(-scale, scale), width=14, interactive=False)
        self._colours.setImageItem(self._image, insert_in=self._plot.getPlotItem())
        self._slices = [self._slice_box(size, n) for n, size in enumerate(self._content.slice_sizes)]
        self.readout = RoleLabel("muted", theme.mono_font(12))
        self.readout.setObjectName("tensor_readout")
        row = QHBoxLayout()
        for box in self._slices:
            row.addWidget(box)
        row.addWidget(self.readout, 1)
        layout = QVBoxLayout(self)
        layout.addWidget(self._plot, 1)
        layout.addLayout(row)
        self._plot.invertY(True)
        self._plot.setAspectLocked(True)
        self._plot.scene().sigMouseMoved.connect(self._point)
        theme.themes().changed.connect(self._recolour)
        self._recolour()
        self._draw()
        self._plot.autoRange()

    def _slice_box(self, size: int, dimension: int) -> QSpinBox:
        box = QSpinBox()
        box.setObjectName(f"slice_{dimension}")
        box.setAccessibleName(self.tr("Index in dimension {n}").replace("{n}", str(dimension)))
        style.indent_number(box)
        box.setRange(0, max(size - 1, 0))
        box.setWrapping(True)
        box.valueChanged.connect(self._draw)
        return box

    def _leading(self) -> tuple[int, ...]:
        return tuple(box.value() for box in self._slices)

    @Slot()
    def _draw(self) -> None:
        plane = self._content.plane(self._leading())
        if plane is None:
            self._image.clear()
            nothing = self.tr("The recording keeps only summary numbers of this tensor.")
            self.readout.set_role("error" if self._content.problem else "muted")
            self.readout.setText(self._content.problem or nothing)
            return
        numbers = np.abs(plane) if np.iscomplexobj(plane) else plane
        with np.errstate(invalid="ignore"):  # what a signalling NaN says while it is made wider
            wide = numbers.astype(np.float64)
        self._image.setImage(wide, autoLevels=False, levels=self._colours.levels())
        self._bad.setImage(_marked(~np.isfinite(numbers)), levels=(0, 255))
        self.readout.setText(self.tr("Point at a cell to read its number; the wheel zooms, dragging moves."))
        if self._content.values is None:
            self.readout.setText(self.tr("A thumbnail: each cell is a mean over a block of the tensor."))

    @Slot(object)
    def _point(self, position: QPointF) -> None:
        plane = self._content.plane(self._leading())
        place = self._image.mapFromScene(position)
        row, column = int(np.floor(place.y())), int(np.floor(place.x()))
        if plane is None or not (0 <= row < plane.shape[0] and 0 <= column < plane.shape[1]):
            return
        index = (*self._leading(), row, column)[-max(len(self._content.info.shape), 1) :]
        self.readout.setText(f"{index_text(index)} = {number_text(plane[row, column], 9)}")

    @Slot()
    def _recolour(self) -> None:
        colours = theme.current()
        stops = (colours.heat_negative, colours.heat_low, colours.heat_high)
        self._colours.setColorMap(pg.ColorMap((0.0, 0.5, 1.0), [colour.getRgb() for colour in stops]))
        self._plot.setBackground(colours.panel)
        for axis in (self._plot.getAxis("left"), self._plot.getAxis("bottom"), self._colours.axis):
            axis.setPen(colours.border)
            axis.setTextPen(colours.muted)


class _Indices(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph has no types
    """An axis of rows or columns, which come in ones."""

    def tickSpacing(self, low: float, high: float, size: float) -> list[tuple[float, float]]:
        spacings = super().tickSpacing(low, high, size)
        return [(spacing, offset) for spacing, offset in spacings if spacing >= 1] or [(1, 0)]


def _marked(bad: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """An image in the error colour where ``bad``, clear elsewhere: pyqtgraph leaves NaN out."""
    colour = theme.current().error
    image = np.zeros((*bad.shape, 4), np.uint8)
    image[bad] = colour.red(), colour.green(), colour.blue(), 255
    return image
