"""Make the README's pictures: the real window at the moment the second backward call adds to ``inp.grad``.

    python docs/make_screenshots.py [FOLDER]

Writes ``debug_dark.png`` and ``debug_light.png``, 1600 x 1000, without a screen.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from gradviz import resources
from gradviz.trace.events import Accumulate
from gradviz_ui import app, theme
from gradviz_ui.session import Selection
from gradviz_ui.settings import Settings
from gradviz_ui.window.main_window import MainWindow

SIZE = 1600, 1000
FOLDER = Path(__file__).resolve().parent / "images"


def main(folder: Path) -> None:
    """Make both pictures in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as settings:
        for name in ("dark", "light"):
            store = QSettings(f"{settings}/{name}.ini", QSettings.Format.IniFormat)
            picture = folder / f"debug_{name}.png"
            take(Settings(store), name, picture)
            print(picture)


def take(settings: Settings, colors: str, picture: Path) -> None:
    """Open the window on the example in these colours, go to the moment, and keep what it shows."""
    application = app.make_application()
    theme.themes().choose("dark" if colors == "dark" else "light")
    window = app.make_window(settings)
    window.show()
    settle(application, 0.2)
    window.resize(*SIZE)  # only now: at first it is fitted into the screen, which is small where there is none
    window.arrangement.restore()
    window.session.open(resources.path(*app.EXAMPLE))
    wait_until(application, lambda: window.session.debugging.playhead is not None)
    step, leaf = second_sum(window)
    window.session.debugging.seek(step)
    window.session.debugging.select(Selection(node=leaf))
    settle(application)
    if not window.grab().save(str(picture)):
        raise SystemExit(f"{picture} could not be written")
    window.close()
    window.deleteLater()
    settle(application, 0.1)


def second_sum(window: MainWindow) -> tuple[int, int]:
    """The step at which a gradient is first added to another, and whose it is."""
    trace = window.session.debugging.trace
    assert trace is not None
    added = (event for event in trace.events if isinstance(event, Accumulate) and event.mode == "added")
    event = next(added)
    return event.step, event.leaf


def wait_until(application: QApplication, condition: Callable[[], bool], seconds: float = 30) -> None:
    """Let the window work until the condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit("the example did not open in time")
        application.processEvents()


def settle(application: QApplication, seconds: float = 1.5) -> None:
    """Let layouts, panels and animations come to rest."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        application.processEvents()
        time.sleep(0.01)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
