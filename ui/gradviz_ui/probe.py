"""``python -m gradviz_ui.probe``: start Qt as the window would, and print what it found as JSON.

``gradviz doctor`` runs it in a process of its own, because Qt ends the process where it cannot start.
"""

from __future__ import annotations

import json
import sys

from PySide6.QtCore import QSettings, qVersion
from PySide6.QtGui import QFontDatabase, QGuiApplication, QOffscreenSurface, QOpenGLContext


def probe() -> dict[str, object]:
    """What Qt says of this machine; the keys are those of the JSON object."""
    settings = QSettings("gradviz", "gradviz")
    screen = QGuiApplication.primaryScreen()
    size = screen.size()
    return {
        "qt": qVersion(),
        "platform": QGuiApplication.platformName(),
        "screen": [size.width(), size.height(), screen.devicePixelRatio()],
        "fonts": len(QFontDatabase.families()),
        "chinese": bool(QFontDatabase.families(QFontDatabase.WritingSystem.SimplifiedChinese)),
        "settings": settings.fileName(),
        "settings_writable": settings.isWritable(),
        "opengl": _opengl_version(),
    }


def _opengl_version() -> str | None:
    context = QOpenGLContext()
    if not context.create():
        return None
    surface = QOffscreenSurface()
    surface.create()
    if not context.makeCurrent(surface):
        return None
    major, minor = context.format().majorVersion(), context.format().minorVersion()
    context.doneCurrent()
    return f"{major}.{minor}"


if __name__ == "__main__":
    application = QGuiApplication(sys.argv)
    print(json.dumps(probe()))
