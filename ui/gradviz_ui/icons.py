"""Icons from the SVG files in ``resources/icons``, drawn in the theme's colours."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from gradviz import resources
from gradviz_ui import theme

SIZE = 16
"""Device-independent pixels of an icon in a button or menu."""
_RATIOS = (1, 2, 3)


def icon(name: str, color: QColor | None = None, size: int = SIZE) -> QIcon:
    """The icon ``resources/icons/<name>.svg`` in ``color``, by default the text's; paler where disabled."""
    colors = theme.current()
    return _icon(name, (color or colors.text).name(), colors.faint.name(), size)


@cache
def _icon(name: str, color: str, disabled: str, size: int) -> QIcon:
    result = QIcon()
    for ratio in _RATIOS:
        result.addPixmap(pixmap(name, QColor(color), size, ratio))
        result.addPixmap(pixmap(name, QColor(disabled), size, ratio), QIcon.Mode.Disabled)
    return result


def pixmap(name: str, color: QColor, size: int = SIZE, ratio: float = 1.0) -> QPixmap:
    """One drawing of an icon for a screen of this device pixel ratio."""
    result = QPixmap(round(size * ratio), round(size * ratio))
    result.setDevicePixelRatio(ratio)
    result.fill(Qt.GlobalColor.transparent)
    painter = QPainter(result)
    QSvgRenderer(QByteArray(_svg(name, color).encode())).render(painter, QRectF(0, 0, size, size))
    painter.end()
    return result


def _svg(name: str, color: QColor) -> str:
    text = resources.path("icons", f"{name}.svg").read_text(encoding="utf-8")
    return text.replace("currentColor", color.name())
