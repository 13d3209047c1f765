"""What the window's tests start from: settings in a folder of their own, a session, the real window."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, QStandardPaths
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gradviz.trace.memory import MemoryTrace
from gradviz_ui import app, theme
from gradviz_ui.program.document import Document
from gradviz_ui.session import Session
from gradviz_ui.settings import Settings
from gradviz_ui.window.main_window import MainWindow
from synthetic import autograd_basics


@pytest.fixture(scope="session")
def qapp_cls() -> type[QApplication]:
    """pytest-qt makes the application; it gets gradviz's style below."""
    return QApplication


@pytest.fixture(scope="session", autouse=True)
def dressed(qapp: QApplication) -> None:
    """Fusion, the theme's palette and fonts, as in the program; no recordings in the person's own folder."""
    QStandardPaths.setTestModeEnabled(True)
    sys.setswitchinterval(app.SWITCH_SECONDS)
    app.dress(qapp)
    theme.themes().choose("dark")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings that start empty and leave the person's own alone."""
    made = Settings(QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat))
    made.recordings_folder = tmp_path / "recordings"
    return made


@pytest.fixture
def session(settings: Settings, qtbot: QtBot) -> Iterator[Session]:
    """A session that shows nothing yet."""
    made = Session(settings)
    yield made
    made.close()


@pytest.fixture
def basics() -> MemoryTrace:
    """The autograd basics notebook, without a recorder."""
    return autograd_basics()


@pytest.fixture
def window(settings: Settings, basics: MemoryTrace, qtbot: QtBot) -> MainWindow:
    """The real window, shown, with the basics trace and its program, at its first backward call."""
    made = app.make_window(settings)
    qtbot.addWidget(made, before_close_func=_discard_edits)
    made.session.show_document(Document.from_source(basics.sources[0]))
    made.session.show_trace(basics)
    made.show()
    qtbot.waitExposed(made)
    made.activateWindow()
    made.canvas.setFocus()
    return made


def _discard_edits(window: MainWindow) -> None:
    """Close without a question."""
    window._may_close = True
