"""Starting the window."""

from __future__ import annotations

import signal
import sys
import tempfile
from functools import partial
from pathlib import Path

from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtGui import QGuiApplication, QIcon
from PySide6.QtWidgets import QApplication, QStyleFactory

from gradviz import resources
from gradviz.trace.protocol import TraceLike
from gradviz_ui import style, theme
from gradviz_ui.crash import CrashReporter
from gradviz_ui.garbage import Collector
from gradviz_ui.session import Session
from gradviz_ui.session.opening import TRACE_SUFFIX
from gradviz_ui.session.recordings import Recordings
from gradviz_ui.settings import Settings, all_settings
from gradviz_ui.window import appearance
from gradviz_ui.window.main_window import MainWindow

SWITCH_SECONDS = 0.0005
"""How soon a working thread hands Python to the window. PySide lets go of the interpreter in every call to
Qt; with Python's 5 ms, a window that paints beside a thread that computes would wait at each of them."""

WARM_UP_MS = 500
"""After the start, when the window stands: what records need not take part in the rush."""

PATIENCE_MS = 150
"""How long the window waits for its first file before it shows itself empty."""

EXAMPLE = ("examples", "autograd_basics.gradviz")


def reset() -> str:
    """Put settings and arrangement back as on the first day; returns what was done, for the terminal."""
    settings = Settings()
    changed = [setting.key for setting in all_settings() if getattr(settings, setting.key) != setting.default]
    settings.reset()
    settings.forget_arrangement()
    settings.sync()
    what = f"put back {', '.join(changed)}" if changed else "no setting had been changed"
    return f"gradviz: {what}; the window stands as at first; recent files are kept"


def run(file: Path | str | None = None, step: int | None = None, theme_name: str | None = None) -> int:
    """Open the window on ``file``, by default on the recorded example, and stay until it is closed."""
    app, settings = make_application(), Settings()
    if theme_name is not None:
        settings.use_for_this_run("theme", theme_name)
    appearance.begin(settings)
    window = make_window(settings)
    first = file if file is not None else first_file(settings)
    if first is not None:
        window.session.open(first, step)
    return _stay(app, window)


def first_file(settings: Settings) -> Path | None:
    """What to open where no file is named; the example where the last file is gone."""
    match settings.start:
        case "empty":
            return None
        case "last":
            return next((path for path in settings.recent_files if path.is_file()), resources.path(*EXAMPLE))
        case _:
            return resources.path(*EXAMPLE)


def show(trace: TraceLike, step: int | None = None) -> int:
    """Open the window on a trace that is open already, and stay until it is closed."""
    app, settings = make_application(), Settings()
    appearance.begin(settings)
    window = make_window(settings)
    window.session.show_trace(trace, step)
    return _stay(app, window)


def place_for_recording(name: str) -> Path:
    """A path among the recordings that are kept; where there can be none, a temporary one."""
    try:
        return Recordings(Settings().recordings_folder).new_path(name)
    except OSError:
        return Path(tempfile.mkdtemp(prefix="gradviz-")) / f"{name}{TRACE_SUFFIX}"


def make_application() -> QApplication:
    """The one QApplication, with gradviz's style; made if there is none yet."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    QGuiApplication.setHighDpiScaleFactorRoundingPolicy(Qt.HighDpiScaleFactorRoundingPolicy.PassThrough)
    sys.setswitchinterval(SWITCH_SECONDS)
    app = QApplication(sys.argv[:1])
    app.setApplicationName("gradviz")
    app.setOrganizationName("gradviz")
    app.setDesktopFileName("gradviz")
    app.setWindowIcon(QIcon(str(resources.path("icons", "app.svg"))))
    dress(app)
    return app


def dress(app: QApplication) -> None:
    """Give an application Fusion, the theme's palette, sheet and fonts, and keep them to the theme."""
    app.setStyle(QStyleFactory.create("Fusion"))
    style.apply(app)
    theme.themes().changed.connect(partial(style.apply, app))


def make_window(settings: Settings) -> MainWindow:
    """The window with a session of its own, not shown yet."""
    return MainWindow(Session(settings))


def _stay(app: QApplication, window: MainWindow) -> int:
    reporter = CrashReporter(app)
    reporter.install()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl+C in the terminal ends it, whatever Qt waits for
    collector = Collector(app)
    _wait_for_file(window.session)
    window.show()
    QTimer.singleShot(WARM_UP_MS, window.session.warm_up)
    QTimer.singleShot(WARM_UP_MS, window.session.recent.look_back)
    QTimer.singleShot(WARM_UP_MS, collector.start)
    try:
        return app.exec()
    finally:
        collector.stop()


def _wait_for_file(session: Session) -> None:
    """Let a file that is read quickly be in the window from the start, rather than painted over an empty one."""
    if session.loading:
        waiting = QEventLoop()
        session.loading_changed.connect(waiting.quit)
        QTimer.singleShot(PATIENCE_MS, waiting.quit)
        waiting.exec()
