"""Icons from the SVG files in ``resources/icons``, drawn in the theme's colours."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QByteArray, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from gradviz import resources
from gradviz_ui import theme

SIZE = 16
"""Device-independent pixels of an icon in a button or menu."""


def icon(name: str, color: QColor | None = None, size: int = SIZE) -> QIcon:
    """The icon ``resources/icons/<name>.svg`` in ``color``, by default the text's; paler where disabled."""
    colors = theme.current()
    return _icon(name, (color or colors.text).name(), colors.faint.name(), size)


@cache
def _icon(name: str, color: str, disabled: str, size: int) -> QIcon:
    return QIcon(_Drawing(name, color, disabled, size))


def pixmap(name: str, color: QColor, size: int = SIZE, ratio: float = 1.0) -> QPixmap:
    """One drawing of an icon for a screen of this device pixel ratio."""
    result = QPixmap(round(size * ratio), round(size * ratio))
    result.setDevicePixelRatio(ratio)
    result.fill(Qt.GlobalColor.transparent)
    painter = QPainter(result)
    QSvgRenderer(_svg(name, color.name())).render(painter, QRectF(0, 0, size, size))
    painter.end()
    return result


class _Drawing(QIconEngine):
    """Draws an icon when it is first seen, for the screen it is seen on; most never are."""

    def __init__(self, name: str, color: str, disabled: str, size: int) -> None:
        super().__init__()
        self._name, self._color, self._disabled, self._size = name, color, disabled, size
        self._pixmaps: dict[tuple[int, float, bool], QPixmap] = {}

    def actualSize(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QSize:
        """Not larger than the icon was asked for, however much room a style would give it."""
        return size.boundedTo(QSize(self._size, self._size))

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        """Draw into ``rect``, in any scale the painter has."""
        QSvgRenderer(_svg(self._name, self._color_in(mode))).render(painter, QRectF(rect))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        """The icon for a screen of ratio 1."""
        return self.scaledPixmap(size, mode, state, 1.0)

    def scaledPixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State, scale: float) -> QPixmap:
        """The icon for a screen with ``scale`` pixels to a unit; never larger than it was asked for."""
        side = min(size.width(), size.height(), self._size)
        if side <= 0:  # styles ask for icons of buttons that have no room yet
            return QPixmap()
        key = side, scale, mode is QIcon.Mode.Disabled
        if key not in self._pixmaps:
            self._pixmaps[key] = pixmap(self._name, QColor(self._color_in(mode)), side, scale)
        return self._pixmaps[key]

    def _color_in(self, mode: QIcon.Mode) -> str:
        return self._disabled if mode is QIcon.Mode.Disabled else self._color


def _svg(name: str, color: str) -> QByteArray:
    return QByteArray(_source(name).replace("currentColor", color).encode())


@cache
def _source(name: str) -> str:
    return resources.path("icons", f"{name}.svg").read_text(encoding="utf-8")
