"""The real window, without a screen, with settings of its own, and ears for what goes wrong in it."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import (
    QCoreApplication,
    QEvent,
    QMessageLogContext,
    QObject,
    QSettings,
    Qt,
    QTimer,
    QtMsgType,
    Slot,
    qInstallMessageHandler,
)
from PySide6.QtWidgets import QApplication, QDialog, QMessageBox, QWidget
from shiboken6 import isValid

from gradviz_ui import app, theme
from gradviz_ui.garbage import Collector
from gradviz_ui.settings import Settings
from gradviz_ui.window.main_window import MainWindow
from tests.attack.found import told
from tests.attack.watch import Watch

HARMLESS = ("This plugin does not support", "keyToAscii Unhandled key code")
"""What the offscreen platform and QTest say of themselves."""
PATIENCE = 60.0
ANSWER_MS = 20


class Ears:
    """Hears uncaught exceptions and Qt's warnings."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        sys.excepthook = self._exception
        threading.excepthook = self._thread_exception
        sys.unraisablehook = self._unraisable
        qInstallMessageHandler(self._message)

    def taken(self) -> list[str]:
        """What was heard since this was last asked."""
        found, self.heard = self.heard, []
        return found

    def _exception(self, kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
        self.heard.append(told(error))
        traceback.print_exception(error)  # it may be the harness's own, which nobody will ask for

    def _thread_exception(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            self.heard.append(f"in a thread: {told(args.exc_value)}")

    def _unraisable(self, args: sys.UnraisableHookArgs) -> None:
        if args.exc_value is not None:
            self.heard.append(f"not raised: {told(args.exc_value)}")

    def _message(self, kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
        if kind is not QtMsgType.QtDebugMsg and kind is not QtMsgType.QtInfoMsg and not text.startswith(HARMLESS):
            where = "".join(traceback.format_stack()[-8:-1])
            self.heard.append(f"Qt says on {threading.current_thread().name}: {text}\n{where}")


class Meanwhile(QObject):
    """Calls something again and again until it is closed, also while a call of it waits for a dialog.

    A timer is not fired while its own slot runs: so each call has a timer of its own.
    """

    def __init__(self, call: Callable[[], None], milliseconds: int) -> None:
        super().__init__()
        self._call, self._milliseconds, self._over = call, milliseconds, False
        self._soon()

    def close(self) -> None:
        """Call no more."""
        self._over = True

    def _soon(self) -> None:
        QTimer.singleShot(self._milliseconds, self, self._now)

    @Slot()
    def _now(self) -> None:
        if not self._over:
            self._soon()
            self._call()


class Stage:
    """An application, and one window after the other."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="gradviz-stage-", ignore_cleanup_errors=True)
        self.folder = Path(self._folder.name)
        for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
            os.environ[name] = str(self.folder)
        self.application = app.make_application()
        self.application.setAttribute(Qt.ApplicationAttribute.AA_DontUseNativeDialogs)
        theme.themes().choose("dark")
        self._collector = Collector()
        self._collector.start()
        self.ears = Ears()
        self.watch = Watch()
        self._count = 0
        gc.collect()
        gc.freeze()  # what was there before the first window is not looked through each time one is closed
        self.window = self._open()

    def _open(self) -> MainWindow:
        self._count += 1
        settings = Settings(QSettings(str(self.folder / f"settings{self._count}.ini"), QSettings.Format.IniFormat))
        window = app.make_window(settings)
        window.show()
        QApplication.processEvents()
        return window

    def wait(self, over: Callable[[], bool], seconds: float = PATIENCE) -> bool:
        """Let the window live until something holds; False if it does not in time."""
        end = time.monotonic() + seconds
        while not over():
            if time.monotonic() > end:
                return False
            QApplication.processEvents()
            time.sleep(0.001)
        return True

    def renew(self) -> list[str]:
        """Close the window and open another; what the old one left behind is returned."""
        old = self.window
        if isValid(old):
            if old.session.document is not None:
                old.session.document.text_document.setModified(False)
            old.session.stop()
            if not self._closed(old):
                return [f"the window did not close: {_texts_of(QApplication.activeModalWidget())}"]
            old.deleteLater()
        _collect()
        left = ["the window is still there after it was closed"] if isValid(old) else []
        left += [
            f"left behind: {type(widget).__name__} {widget.objectName()}"
            for widget in QApplication.topLevelWidgets()
            if widget.isVisible()
        ]
        self.window = self._open()
        return left

    def _closed(self, window: MainWindow) -> bool:
        """Close the window, and quit without saving where it asks; False if it stays."""

        def stays() -> bool:
            return isValid(window) and window.isVisible() and not window.close()

        answers = Meanwhile(_leave_without_saving, ANSWER_MS)
        closed = self.wait(lambda: not stays())  # again and again: a question may be under way already
        answers.close()
        return closed

    def close(self) -> None:
        """End all of it."""
        self.renew()
        self.window.close()
        self.watch.close()
        self._collector.stop()
        self._folder.cleanup()


def close_dialogs() -> None:
    """Close what lies over the window."""
    for widget in QApplication.topLevelWidgets():
        if isinstance(widget, QDialog) and widget.isVisible():
            widget.reject()
    popup = QApplication.activePopupWidget()
    if popup is not None:
        popup.close()


def _leave_without_saving() -> None:
    box = QApplication.activeModalWidget()
    if isinstance(box, QMessageBox) and box.button(QMessageBox.StandardButton.Discard) is not None:
        box.button(QMessageBox.StandardButton.Discard).click()
    else:
        close_dialogs()


def _texts_of(box: QWidget | None) -> str:
    return f"{box.text()} {box.informativeText()}" if isinstance(box, QMessageBox) else "nothing asks"


def _collect() -> None:
    for _ in range(3):
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        QApplication.processEvents()
        gc.collect()
